import fs, { type StatsFs, closeSync, constants, existsSync, openSync, read, readFile, readFileSync, readSync, readdirSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { openRecords } from './host-records.ts'
import { createRunner } from './host-run.ts'
import type { FileSystemSizes, Host, RunResult } from './host.ts'

/** Longest file that `read` takes: more is no kernel table but a mistake, and would stop the event loop for long. */
const MOST_BYTES = 16 * 1024 * 1024

/** Most files that stay open between ticks: a few dozen tables, and some attributes of each network device. */
const MOST_OPEN = 128

/**
 * Whether a file may stay open from tick to tick: the kernel makes its text anew at every read of offset 0. Processes
 * come and go, so theirs are not worth keeping; /proc/1's mounts are.
 */
function mayStayOpen(path: string): boolean {
  return path.startsWith('/sys/') || (path.startsWith('/proc/') && (!isDigit(path.charCodeAt(6)) || path.startsWith('/proc/1/')))
}

/** No attribute is longer (sysfs: one page), and a table of the kernel comes in pieces of at least about a page. */
const PAGE_BYTES = 4096

/** Tables of the kernel that are one record (what the kernel writes in one go), or many of which none is longer than half a page. */
const SHORT_RECORDS = /^\/proc\/(?:net\/(?:tcp6?|udp6?|dev|arp|softnet_stat|sockstat6?|snmp6?|netstat|stat\/\w+)|pressure\/\w+|loadavg|meminfo|uptime|vmstat)$/

/**
 * A read that gives fewer bytes than this, and fewer than were asked for, has come to the file's end, so that none is
 * needed to be told so. 0: nothing is known, read until nothing comes.
 *
 * Attributes (kernfs, sysctl) and /proc/PID/stat are written by the kernel in one go. A table comes in pieces of a page,
 * each short of it by less than the record that did not fit (fs/seq_file.c). To be told the end of /proc/net/tcp costs as
 * much as to read it: the kernel walks its whole hash again, 0.7 ms where it has 131,072 buckets.
 */
function leastBeforeEnd(path: string): number {
  if (path.startsWith('/sys/') || path.startsWith('/proc/sys/') || (path.startsWith('/proc/') && path.endsWith('/stat'))) return PAGE_BYTES
  return SHORT_RECORDS.test(path) ? PAGE_BYTES / 2 : 0
}

/** A larger buffer is given back after the read that needed it: only tables of very many lines are that long. */
const MOST_KEPT_BYTES = 128 * 1024

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/**
 * Makes a reader of whole files over one reused buffer. No fstat: the kernel says size 0 for /proc anyway. It reads until
 * the end (`leastBeforeEnd`), since seq files come in pieces of a page however big the buffer is.
 *
 * Files read every tick stay open: open and close were 40 of the 84 ms that reading took in a profile (the system calls are
 * cheap, but Node's checks around them are interpreted under --lite-mode). See docs/decisions/agent-cost.md.
 */
function createReader(): (path: string) => string {
  let buffer = Buffer.allocUnsafeSlow(16 * 1024)
  const open = new Map<string, { readonly file: number; readonly least: number }>()
  /** What was not there when it was asked for last: many a table is missing on a given kernel, and is asked for every tick. */
  const missing = new Map<string, unknown>()

  const readAll = (path: string, file: number, least: number): string => {
    let length = 0
    for (;;) {
      if (length === buffer.length) {
        if (length >= MOST_BYTES) throw new Error(`${path}: longer than ${MOST_BYTES} bytes`)
        const larger = Buffer.allocUnsafeSlow(buffer.length * 2)
        buffer.copy(larger, 0, 0, length)
        buffer = larger
      }
      // The kernel allocates and clears as much as is asked for to read a sysctl.
      const asked = least === PAGE_BYTES && length < PAGE_BYTES ? PAGE_BYTES - length : buffer.length - length
      const bytes = readSync(file, buffer, length, asked, length)
      length += bytes
      if (bytes > 0 && (bytes === asked || bytes >= least)) continue
      // latin1 would be cheaper and wrong: names of mount points and devices may be anything.
      const text = buffer.toString('utf8', 0, length)
      if (buffer.length > MOST_KEPT_BYTES) buffer = Buffer.allocUnsafeSlow(16 * 1024)
      return text
    }
  }

  return (path) => {
    const known = open.get(path)
    if (known !== undefined) {
      try {
        return readAll(path, known.file, known.least)
      } catch {
        // ENODEV: the device is gone, and another of its name may be there by now. Asked for again below, where the error counts.
        open.delete(path)
        closeSync(known.file)
      }
    }
    // Thrown again: making such errors and their stacks was 1.5 % of the agent's CPU on Node 16 in a profile.
    if (missing.has(path) && !existsSync(path)) throw missing.get(path)
    let file: number
    try {
      file = openSync(path, constants.O_RDONLY)
      missing.delete(path)
    } catch (error) {
      if (missing.size < MOST_OPEN && error instanceof Error && 'code' in error && error.code === 'ENOENT') missing.set(path, error)
      throw error
    }
    let keep = open.size < MOST_OPEN && mayStayOpen(path)
    const least = leastBeforeEnd(path)
    try {
      return readAll(path, file, least)
    } catch (error) {
      keep = false
      throw error
    } finally {
      if (keep) open.set(path, { file, least })
      else closeSync(file)
    }
  }
}

/**
 * Reads an attribute of sysfs with one trip through the thread pool, where `readFile` makes five (open, stat, two reads,
 * close), each of which wakes the event loop. Only the read asks the device, so opening and closing need no thread.
 */
function readAttribute(path: string, answer: (error: unknown, text: string) => void): void {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY)
  } catch (error) {
    answer(error, '')
    return
  }
  const buffer = Buffer.allocUnsafeSlow(PAGE_BYTES)
  read(file, buffer, 0, PAGE_BYTES, 0, (error, bytes) => {
    closeSync(file)
    answer(error, error === null ? buffer.toString('utf8', 0, bytes) : '')
  })
}

/** Reads in the thread pool; the answer comes at the latest when `signal` aborts, even if the read itself never ends. */
function readSlow(path: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new Error(`${path}: reading was given up`))
    if (signal.aborted) {
      stop()
      return
    }
    signal.addEventListener('abort', stop, { once: true })
    const answer = (error: unknown, text: string): void => {
      signal.removeEventListener('abort', stop)
      if (error === null) resolve(text)
      else reject(error)
    }
    if (path.startsWith('/sys/')) readAttribute(path, answer)
    else readFile(path, 'utf8', answer)
  })
}

function sizesOf({ type, bsize, blocks, bfree, bavail, files, ffree }: StatsFs): FileSystemSizes {
  return { type, blockSize: bsize, blocks, blocksFree: bfree, blocksAvailable: bavail, files, filesFree: ffree }
}

/** fs.statfs came with Node 18.15; undefined on 16. */
function statfsOfRuntime(): Pick<Host, 'statfs' | 'statfsAtOnce'> {
  const { statfs, statfsSync } = fs as Partial<Pick<typeof fs, 'statfs' | 'statfsSync'>>
  if (statfs === undefined || statfsSync === undefined) return { statfs: undefined }
  return {
    statfs: (path) => new Promise((resolve, reject) => statfs(path, (error, sizes) => (error === null ? resolve(sizesOf(sizes)) : reject(error)))),
    statfsAtOnce: (path) => sizesOf(statfsSync(path)),
  }
}

/** This machine. Every call gives a host of its own; sources keep what they remember per host. */
export function localHost(): Host {
  return {
    read: createReader(),
    readSlow,
    list: (path) => readdirSync(path),
    readLink: (path) => readlinkSync(path),
    exists: (path) => existsSync(path),
    ...statfsOfRuntime(),
    run: createRunner(),
    connectUnix: (path) => connect(path),
    openRecords,
    now: () => Date.now(),
  }
}

export interface RecordedOptions {
  /** Epoch milliseconds the recorded machine says; the text of `DIR/now` where not given, else 0. */
  readonly now?: number
}

/** File under `DIR/commands/` that holds what an argument vector printed when the machine was recorded. */
export function commandFile(argv: readonly string[]): string {
  return argv.join(' ').replace(/[^\w. =,:+-]/g, '_')
}

/**
 * A machine recorded as a folder: `DIR/proc/…`, `DIR/sys/…`, `DIR/etc/…` as they were; what programs printed in
 * `DIR/commands/` (see `commandFile`; exit status 0). A program without such a file is missing. It has no sockets, no
 * statfs and no devices.
 */
export function hostAt(dir: string, options: RecordedOptions = {}): Host {
  const reader = createReader()
  const at = (path: string): string => `${dir}${path.startsWith('/') ? '' : '/'}${path}`
  return {
    read: (path) => reader(at(path)),
    readSlow: (path, signal) => readSlow(at(path), signal),
    list: (path) => readdirSync(at(path)),
    readLink: (path) => readlinkSync(at(path)),
    exists: (path) => existsSync(at(path)),
    statfs: undefined,
    run: (argv): Promise<RunResult> => {
      const path = at(`/commands/${commandFile(argv)}`)
      if (!existsSync(path)) return Promise.resolve({ kind: 'missing' })
      return Promise.resolve({ kind: 'exited', code: 0, stdout: readFileSync(path, 'utf8'), stderr: '' })
    },
    connectUnix: undefined,
    now: () => options.now ?? (existsSync(at('/now')) ? Number(reader(at('/now')).trim()) : 0),
  }
}
