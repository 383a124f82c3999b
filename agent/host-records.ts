import { closeSync, constants, openSync, readSync } from 'node:fs'
import type { RecordReader } from './host.ts'

/** The kernel refuses (EINVAL) a read whose buffer is smaller than the record: its own limit is below 8 KiB. */
const RECORD_BYTES = 8192

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/**
 * Opens a device of records on this machine for reads that never block: the local host's `openRecords`. One read(2) is
 * one record, from kernel memory, so it is done at once and not through the thread pool. Throws the file system's error
 * (EACCES, EPERM under `kernel.dmesg_restrict`, ENOENT).
 * Source: kernel Documentation/ABI/testing/dev-kmsg.
 */
export function openRecords(path: string): RecordReader {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const buffer = Buffer.allocUnsafe(RECORD_BYTES)
  let open = true
  return {
    next() {
      try {
        const bytes = readSync(file, buffer, 0, RECORD_BYTES, null)
        return bytes === 0 ? { kind: 'none' } : { kind: 'record', text: buffer.toString('utf8', 0, bytes) }
      } catch (error) {
        const code = codeOf(error)
        if (code === 'EAGAIN') return { kind: 'none' }
        // The position has already moved on to the oldest record that is still there.
        if (code === 'EPIPE') return { kind: 'lost' }
        throw error
      }
    },
    close() {
      if (open) closeSync(file)
      open = false
    },
  }
}
