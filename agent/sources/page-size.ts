import type { Host } from '../host.ts'
import { type Steps, settled } from './steps.ts'

const USUAL_BYTES = 4096
const sizes = new WeakMap<Host, number>()

/**
 * Bytes of a memory page from one process's size told twice: in pages (/proc/self/statm) and in kB (/proc/self/status).
 * The process may grow between the two, so the nearest power of two is taken; undefined when either is not readable so.
 * It is 4 KiB on x86-64 and 4, 16 or 64 KiB on arm64, and no file says it outright.
 */
export function parsePageSize(statm: string, status: string): number | undefined {
  const pages = Number(/^(\d+) /.exec(statm)?.[1])
  const kib = Number(/^VmSize:\s+(\d+) kB$/m.exec(status)?.[1])
  const bytes = 2 ** Math.round(Math.log2((kib * 1024) / pages))
  return Number.isFinite(bytes) && bytes >= USUAL_BYTES ? bytes : undefined
}

/** The host's page size, found out once; 4096 where it cannot be. */
export function* pageSize(host: Host): Steps<number> {
  const known = sizes.get(host)
  if (known !== undefined) return known
  let size: number | undefined
  try {
    size = parsePageSize(yield* settled(host.read('/proc/self/statm')), yield* settled(host.read('/proc/self/status')))
  } catch {
    // A recorded machine may not hold its recorder's process.
    size = undefined
  }
  sizes.set(host, size ?? USUAL_BYTES)
  return size ?? USUAL_BYTES
}
