/**
 * Columns of young chunks that were read before, as they are packed. A rule that looks back reads the same columns of
 * every host's last chunks every few seconds; fetching and decompressing them each time costs a hundred times the answer.
 * Only columns that somebody read are here, at a byte or two a sample; what is older than rules look back never is.
 */
import type { Chunk } from './chunk.ts'
import { decodeColumn } from './column.ts'

export interface RecentColumns {
  /** The chunk, its columns taken from here where they are known; undefined: it is not there or damaged. */
  open(id: number): Chunk | undefined
  /** The chunk is no more; its number may be another's soon. */
  forget(id: number): void
}

/** How far a chunk's end may lie behind the newest end seen: an hour, which rules look back, and a chunk's length. */
const YOUNG_MS = 100 * 60_000
/** Most bytes of packed columns and times. */
const MOST_BYTES = 32 * 1024 * 1024

interface Held {
  readonly chunk: Chunk
  readonly endMs: number
  bytes: number
}

/** `open` gets a chunk from the table; its `packed` gives undefined for a damaged section. */
export function recentColumns(open: (id: number) => Chunk | undefined): RecentColumns {
  /** Those held first come first. */
  const known = new Map<number, Held>()
  let total = 0
  let newestMs = -Infinity
  /** The chunk opened last: the next column asked for is often of the same one. */
  let last: { readonly id: number; readonly chunk: Chunk } | undefined

  const opened = (id: number): Chunk | undefined => {
    if (last?.id === id) return last.chunk
    const chunk = open(id)
    last = chunk === undefined ? undefined : { id, chunk }
    return chunk
  }
  const drop = (id: number, held: Held): void => {
    known.delete(id)
    total -= held.bytes
  }
  const shrink = (): void => {
    for (const [id, held] of known) {
      if (total <= MOST_BYTES && held.endMs >= newestMs - YOUNG_MS) break
      drop(id, held)
    }
  }
  const hold = (id: number, from: Chunk): Chunk => {
    const endMs = from.times[from.rows - 1] ?? 0
    newestMs = Math.max(newestMs, endMs)
    if (endMs < newestMs - YOUNG_MS) return from
    let packed = new Uint8Array(0)
    let used = 0
    const starts = new Map<number, number>()
    const { rows, columns, times } = from
    const grow = (bytes: number): void => {
      held.bytes += bytes
      if (known.get(id) === held) total += bytes
    }
    const chunk: Chunk = {
      rows,
      columns,
      times,
      read(column, values, bits, to) {
        if (column >= columns) return false
        let at = starts.get(column)
        if (at === undefined) {
          const bytes = opened(id)?.packed(column)
          if (bytes === undefined) return false
          if (used + bytes.length > packed.length) {
            const larger = new Uint8Array(Math.ceil((used + bytes.length) * 1.25))
            larger.set(packed.subarray(0, used))
            grow(larger.length - packed.length)
            packed = larger
          }
          at = used
          packed.set(bytes, at)
          used += bytes.length
          starts.set(column, at)
          grow(40)
        }
        decodeColumn(packed, at, rows, values, bits, to)
        return true
      },
      packed: (column) => opened(id)?.packed(column),
    }
    const held: Held = { chunk, endMs, bytes: times.byteLength + 400 }
    known.set(id, held)
    total += held.bytes
    shrink()
    return chunk
  }

  return {
    open(id) {
      const held = known.get(id)
      if (held !== undefined) return held.chunk
      const chunk = opened(id)
      return chunk === undefined ? undefined : hold(id, chunk)
    },
    forget(id) {
      const held = known.get(id)
      if (held !== undefined) drop(id, held)
      if (last?.id === id) last = undefined
    },
  }
}
