/** The table `log` and the sizes of its rows, oldest first, so that trimming knows what it removes. */
import type { DatabaseSync } from 'node:sqlite'
import { bytesOf, numberOf } from './schema.ts'

export interface LogTable {
  /** Number the next row gets. */
  next(): number
  bytes(): number
  /** Inside the caller's transaction; call the result after it. */
  append(body: Uint8Array): () => void
  /** Last log row below `floor` within `limit` bytes from the oldest; undefined: none can go. `bytes` of them. */
  removable(floor: number, limit: number): { readonly through: number; readonly bytes: number } | undefined
  /** Inside the caller's transaction; call the result after it. */
  remove(through: number): () => void
  /** Every row, oldest first. */
  rows(): Iterable<{ readonly id: number; readonly body: Uint8Array }>
}

/** Reads ids and sizes of what is there. */
export function loadLogTable(db: DatabaseSync): LogTable {
  const insert = db.prepare('INSERT INTO log (id, body) VALUES (?, ?)')
  const remove = db.prepare('DELETE FROM log WHERE id <= ?')
  const read = db.prepare('SELECT id, body FROM log ORDER BY id')
  const entries: { readonly id: number; readonly bytes: number }[] = []
  let head = 0
  let total = 0
  let next = 1
  const add = (id: number, bytes: number): void => {
    entries.push({ id, bytes })
    total += bytes
    next = id + 1
  }
  for (const row of db.prepare('SELECT id, length(body) AS bytes FROM log ORDER BY id').iterate()) add(numberOf(row, 'id'), numberOf(row, 'bytes'))

  return {
    next: () => next,
    bytes: () => total,
    append(body) {
      const id = next
      const bytes = body.length
      insert.run(id, body)
      return () => add(id, bytes)
    },
    removable(floor, limit) {
      let bytes = 0
      let through: number | undefined
      for (let at = head; at < entries.length; at++) {
        const entry = entries[at]
        if (entry === undefined || entry.id >= floor || (through !== undefined && bytes + entry.bytes > limit)) break
        through = entry.id
        bytes += entry.bytes
      }
      return through === undefined ? undefined : { through, bytes }
    },
    remove(through) {
      remove.run(through)
      return () => {
        while (head < entries.length) {
          const entry = entries[head]
          if (entry === undefined || entry.id > through) break
          total -= entry.bytes
          head++
        }
        if (head > 1_024 && head > entries.length / 2) {
          entries.splice(0, head)
          head = 0
        }
      }
    },
    *rows() {
      for (const row of read.iterate()) yield { id: numberOf(row, 'id'), body: bytesOf(row, 'body') }
    },
  }
}
