/** From packed blocks of a lane to the bytes of one chunk. */
import { setStale } from '../../protocol/stale.ts'
import { encodeChunk, type Chunk } from './chunk.ts'
import { encodeColumn, joinColumns, type Joint } from './column.ts'
import { nextInMini, readMini, type Lane, type Mini } from './lane.ts'

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
  const bits = new Uint32Array(cells.buffer)
  const ordered = order === undefined ? cells : new Float64Array(rows)
  const orderedBits = order === undefined ? bits : new Uint32Array(ordered.buffer)
  const joints = taken.map((mini): Joint => ({ bytes: mini.bytes, at: 2, rows: mini.rows }))
  const body = encodeChunk(order === undefined ? times : times.slice().sort(), columns, (column, out, at) => {
    const joined = before === undefined && order === undefined && taken.every((mini) => column < mini.columns) ? joinColumns(joints, joints.length, out, at) : -1
    if (joined === -1) {
      readAll(column, before, taken, joints, cells, bits)
      if (order !== undefined) permute(order, bits, orderedBits)
    }
    for (let index = 0; index < taken.length; index++) {
      const mini = taken[index]
      const joint = joints[index]
      if (mini !== undefined && joint !== undefined && column < mini.columns) joint.at = nextInMini(mini, joint.at - 2) + 2
    }
    return joined === -1 ? encodeColumn(ordered, orderedBits, rows, out, at) : joined
  })
  const last = taken[taken.length - 1]
  return { body, rows, startMs: times.reduce((least, each) => Math.min(least, each), Infinity), endMs: times.reduce((most, each) => Math.max(most, each), -Infinity), through: last?.through ?? 0, minis: taken.length }
}

/** Unpacks a column of all parts, one after the other; where a part does not have it nothing was read. */
function readAll(column: number, before: Chunk | undefined, minis: readonly Mini[], joints: readonly Joint[], cells: Float64Array, bits: Uint32Array): void {
  let to = 0
  if (before !== undefined) {
    if (!before.read(column, cells, bits, 0)) for (let row = 0; row < before.rows; row++) setStale(bits, row)
    to = before.rows
  }
  for (let index = 0; index < minis.length; index++) {
    const mini = minis[index]
    if (mini === undefined) continue
    if (column < mini.columns) readMini(mini, (joints[index]?.at ?? 2) - 2, cells, bits, to)
    else for (let row = 0; row < mini.rows; row++) setStale(bits, to + row)
    to += mini.rows
  }
}

function permute(order: Uint32Array, from: Uint32Array, to: Uint32Array): void {
  for (let row = 0; row < order.length; row++) {
    const source = order[row] ?? 0
    to[row * 2] = from[source * 2] ?? 0
    to[row * 2 + 1] = from[source * 2 + 1] ?? 0
  }
}

/** Row numbers in ascending order of time, equal times as they stood; undefined: they are in order already. */
export function byTime(times: Float64Array): Uint32Array | undefined {
  let sorted = true
  for (let row = 1; row < times.length && sorted; row++) sorted = (times[row - 1] ?? 0) <= (times[row] ?? 0)
  if (sorted) return undefined
  return Uint32Array.from(times.keys()).sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b)
}
