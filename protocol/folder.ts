import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it, readable by their owner only (0700); one that is there is left as it is. One after
 * the other: Node's recursive mkdir never returns where the kernel says ENOENT for good (/proc). Throws as mkdirSync does.
 */
export function makeFolder(path: string): void {
  if (existsSync(path)) return
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent)
  mkdirSync(path, { mode: 0o700 })
}
