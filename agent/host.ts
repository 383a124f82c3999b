import type { Duplex } from 'node:stream'

/**
 * The one door to the operating system. Sources read through it and nothing else, so the same source works on this
 * machine (`localHost`), on a recorded tree (`hostAt`) and later over SSH.
 */
export interface Host {
  /**
   * Whole content of a file that the kernel makes from memory (/proc, most of /sys): read at once, synchronously where
   * that is possible, because a thread-pool round trip costs ten times the read. Never use it where the read may block
   * (device registers, network file systems): that is `readSlow`. Throws the file system's error (code ENOENT, EACCES …).
   */
  read(path: string): string | Promise<string>
  /** The same through the thread pool, for files whose read may hang. */
  readSlow(path: string, signal: AbortSignal): Promise<string>
  /** Names in a folder, unsorted. */
  list(path: string): readonly string[] | Promise<readonly string[]>
  /** Target of a symbolic link. */
  readLink(path: string): string | Promise<string>
  exists(path: string): boolean | Promise<boolean>
  /** File system sizes; undefined where the runtime has no statfs (Node 16): use `df` once a minute there. */
  readonly statfs: ((path: string) => Promise<FileSystemSizes>) | undefined
  /** The same at once, for file systems that the kernel answers for from memory and for no others; undefined as above. */
  readonly statfsAtOnce?: ((path: string) => FileSystemSizes) | undefined
  /** Runs a fixed argument vector, no shell. Never rejects for a non-zero exit; see RunResult. */
  run(argv: readonly [string, ...string[]], options: RunOptions): Promise<RunResult>
  /** Opens a Unix socket (D-Bus); undefined where the host has no such door. */
  readonly connectUnix: ((path: string) => Duplex) | undefined
  /** Opens a device that yields one record a read and never blocks (/dev/kmsg); undefined where the host has no such door. */
  readonly openRecords?: ((path: string) => RecordReader) | undefined
  /** Epoch milliseconds on that host. */
  now(): number
}

/** An open device of records. Lives from tick to tick, so that its position is its own. */
export interface RecordReader {
  /** The next record; `none` when nothing waits now; `lost` when older records were overwritten before they were read. */
  next(): { readonly kind: 'record'; readonly text: string } | { readonly kind: 'none' } | { readonly kind: 'lost' }
  close(): void
}

/** statfs(2) as numbers. Blocks are of `blockSize` bytes. */
export interface FileSystemSizes {
  readonly type: number
  readonly blockSize: number
  readonly blocks: number
  readonly blocksFree: number
  readonly blocksAvailable: number
  readonly files: number
  readonly filesFree: number
}

export interface RunOptions {
  readonly timeoutMs: number
  /** Output beyond this many bytes ends the run as `overflow`. */
  readonly maxBytes: number
}

export type RunResult =
  | { readonly kind: 'exited'; readonly code: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'hung' }
  | { readonly kind: 'overflow' }
  | { readonly kind: 'failed'; readonly error: Error }
