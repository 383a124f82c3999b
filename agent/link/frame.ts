import { encode } from '@msgpack/msgpack'
import type { Row } from '../../protocol/batch.ts'
import { createEncoder, type IndexedRow } from '../../protocol/columns.ts'
import type { BatchFrame } from '../../protocol/messages.ts'
import { type Labels, seriesKey } from '../../protocol/series.ts'
import { bitsOf, fillStale } from '../../protocol/stale.ts'
import type { ColumnedBatch } from '../batch.ts'

/** Makes the `batch` frames of one connection, in the order in which they are sent. */
export interface Framer {
  /**
   * The message of one batch. It counts as sent: it changes what later frames lean on, so one that is not sent means the
   * end of the connection.
   */
  frame(item: ColumnedBatch, late: boolean): Uint8Array
}

interface Group {
  readonly index: number
  readonly positions: Map<string, number>
  /** By list of columns: where each of its columns lies on this connection. */
  readonly maps: WeakMap<readonly Labels[], number[]>
}

/** Puts a row's cells where the connection has their columns; the row itself where they lie there already. */
function placed(values: Float64Array, map: readonly number[]): Float64Array {
  let width = 0
  let same = true
  for (let i = 0; i < values.length; i++) {
    const position = map[i] ?? i
    same &&= position === i
    if (position >= width) width = position + 1
  }
  if (same) return values
  const out = new Float64Array(width)
  fillStale(out)
  // As words: a stale mark that passes through a register as a double may lose its payload.
  const from = bitsOf(values)
  const to = bitsOf(out)
  for (let i = 0; i < values.length; i++) {
    const position = map[i] ?? i
    to[position * 2] = from[i * 2] ?? 0
    to[position * 2 + 1] = from[i * 2 + 1] ?? 0
  }
  return out
}

/**
 * One per connection. A group's columns on the connection are the union of what its batches bring, by label set: the
 * backlog of an agent that has since been restarted may have them in another order, and the same name must still mean
 * one group.
 */
export function createFramer(): Framer {
  const encoder = createEncoder()
  const groups = new Map<string, Group>()

  const place = (row: Row, columns: readonly Labels[], define: Map<string, Labels[]>): IndexedRow => {
    const group = groups.get(row.group) ?? { index: groups.size, positions: new Map<string, number>(), maps: new WeakMap<readonly Labels[], number[]>() }
    if (!groups.has(row.group)) {
      groups.set(row.group, group)
      define.set(row.group, [])
    }
    const map = group.maps.get(columns) ?? []
    group.maps.set(columns, map)
    for (let i = map.length; i < row.values.length; i++) {
      const labels = columns[i]
      if (labels === undefined) throw new Error(`link: row of ${row.values.length} columns in group ${row.group}, which has ${columns.length}`)
      const key = seriesKey(labels)
      const known = group.positions.get(key)
      map.push(known ?? group.positions.size)
      if (known !== undefined) continue
      group.positions.set(key, group.positions.size)
      const added = define.get(row.group)
      if (added === undefined) define.set(row.group, [labels])
      else added.push(labels)
    }
    return { group: group.index, at: row.at, values: placed(row.values, map) }
  }

  return {
    frame({ batch, columns }, late) {
      const define = new Map<string, Labels[]>()
      const rows = batch.rows.map((row) => place(row, columns(row.group), define))
      const message: BatchFrame = {
        t: 'batch',
        seq: batch.seq,
        late,
        define: [...define].map(([group, added]) => ({ group, columns: added })),
        columns: encoder.encode(rows),
        events: [...batch.events],
        facts: [...batch.facts],
        checks: [...batch.checks],
      }
      return encode(message)
    },
  }
}
