/** From packed blocks of a lane to the bytes of one chunk. */
import { setStale } from '../../protocol/stale.ts'
import { encodeChunk, type Chunk } from './chunk.ts'
import { readMini, type Lane } from './lane.ts'

/** Minis that make a full chunk: 8 × 16 rows, 32 minutes at 15 s. */
export const CHUNK_MINIS = 8

/** A chunk ready to be written. */
export interface Sealed {
  readonly body: Uint8Array
  readonly rows: number
  readonly startMs: number
  readonly endMs: number
  /** Number of the last row of the lane that it covers. */
  readonly through: number
  readonly minis: number
}

/**
 * Packs the lane's first `minis` minis, after the rows of `before` (a short chunk that this one replaces). Late rows are
 * put in order of time, equal times staying in order of arrival. The lane is not changed.
 */
export function sealMinis(lane: Lane, minis: number, before?: Chunk): Sealed {
  const taken = lane.minis.slice(0, minis)
  const rows = taken.reduce((sum, mini) => sum + mini.rows, before?.rows ?? 0)
  const columns = taken.reduce((most, mini) => Math.max(most, mini.columns), before?.columns ?? 0)
  const times = new Float64Array(rows)
  let filled = before?.rows ?? 0
  if (before !== undefined) times.set(before.times)
  for (const mini of taken) {
    times.set(mini.times, filled)
    filled += mini.rows
  }
  const order = lane.late ? byTime(times) : undefined
  const cells = new Float64Array(rows)
  const cellBits = new Uint32Array(cells.buffer)
  const next = new Uint32Array(taken.length)
  const body = encodeChunk(order === undefined ? times : times.slice().sort(), columns, (column, values, bits) => {
    const target = order === undefined ? values : cells
    const targetBits = order === undefined ? bits : cellBits
    let to = 0
    if (before !== undefined) {
      if (!before.read(column, target, targetBits, 0)) for (let row = 0; row < before.rows; row++) setStale(targetBits, row)
      to = before.rows
    }
    for (let index = 0; index < taken.length; index++) {
      const mini = taken[index]
      if (mini === undefined) continue
      if (column < mini.columns) next[index] = readMini(mini, next[index] ?? 0, target, targetBits, to)
      else for (let row = 0; row < mini.rows; row++) setStale(targetBits, to + row)
      to += mini.rows
    }
    if (order === undefined) return
    for (let row = 0; row < rows; row++) {
      const from = order[row] ?? 0
      bits[row * 2] = cellBits[from * 2] ?? 0
      bits[row * 2 + 1] = cellBits[from * 2 + 1] ?? 0
    }
  })
  const last = taken[taken.length - 1]
  return { body, rows, startMs: times.reduce((least, each) => Math.min(least, each), Infinity), endMs: times.reduce((most, each) => Math.max(most, each), -Infinity), through: last?.through ?? 0, minis: taken.length }
}

/** Row numbers in ascending order of time, equal times as they stood; undefined: they are in order already. */
export function byTime(times: Float64Array): Uint32Array | undefined {
  let sorted = true
  for (let row = 1; row < times.length && sorted; row++) sorted = (times[row - 1] ?? 0) <= (times[row] ?? 0)
  if (sorted) return undefined
  return Uint32Array.from(times.keys()).sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b)
}
