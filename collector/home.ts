/** The collector's folder: made private, written to, and held by one process at a time. */
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { makeFolder } from '../protocol/folder.ts'

/** A folder that cannot be used; `message` says which and why. */
export class HomeError extends Error {
  override readonly name = 'HomeError'
}

export interface Home {
  readonly path: string
  /** Lets another process have the folder. */
  release(): void
}

/**
 * Makes the folder (mode 0700) where it is missing, proves that it can be written, and takes its lock: an exclusive
 * transaction on lock.db, which the kernel ends with the process however it dies. Throws HomeError.
 */
export function openHome(path: string): Home {
  try {
    makeFolder(path)
    chmodSync(path, 0o700)
    const probe = join(path, '.write-probe')
    writeFileSync(probe, '')
    rmSync(probe)
  } catch (cause) {
    throw new HomeError(`${path}: cannot be written (${codeOf(cause)}); choose another folder with --home DIR or give this user the right`, { cause })
  }
  const lock = new DatabaseSync(join(path, 'lock.db'))
  try {
    lock.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    throw new HomeError(`${path}: another zhishou collector is running on this folder; stop it first, or choose another with --home DIR`, { cause })
  }
  return { path, release: () => lock.close() }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

const firstRun = z.strictObject({ console: z.string(), http: z.string(), admin: z.strictObject({ user: z.string(), password: z.string().exactOptional() }), readToken: z.string() })

/** What the first start leaves for its operator (mode 0600). The password is taken out when it has been used. */
export type FirstRun = Readonly<z.infer<typeof firstRun>>

const fileOf = (home: string): string => join(home, 'first-run.json')

/** Replaces a file as a whole, never half, readable by this user only. */
export function writePrivate(path: string, text: string): void {
  const next = join(dirname(path), `.${Date.now()}.${process.pid}.next`)
  writeFileSync(next, text, { mode: 0o600, flush: true })
  renameSync(next, path)
}

export function writeFirstRun(home: string, first: FirstRun): void {
  writePrivate(fileOf(home), `${JSON.stringify(first, null, 2)}\n`)
}

/** Takes the one-time password out of first-run.json; nothing to do where the file or the password is gone. */
export function forgetFirstPassword(home: string): void {
  let first: FirstRun
  try {
    first = firstRun.parse(JSON.parse(readFileSync(fileOf(home), 'utf8')))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw new HomeError(`${fileOf(home)}: cannot be read to take the one-time password out`, { cause: error })
  }
  if (first.admin.password !== undefined) writeFirstRun(home, { ...first, admin: { user: first.admin.user } })
}
