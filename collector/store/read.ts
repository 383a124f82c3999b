/**
 * Samples of chosen columns of one group in a range: chunks, minis and the open block of both lanes, in order of time.
 *
 * Where several rows have one time, the first that was written and holds a sample there wins, column by column. A stale
 * mark is given only directly after a sample of the same group: more of them mean nothing, and a series that has not
 * been read for long (or lives in another group now) then costs and disturbs nothing.
 */
import { bitsOf, isStale, setStale } from '../../protocol/stale.ts'
import type { Chunk } from './chunk.ts'
import type { Group } from './group.ts'
import { readMini, readOpen, seekMini, type Lane } from './lane.ts'
import { byTime } from './seal.ts'

/** A chunk in the table. */
export interface ChunkRow {
  readonly id: number
  readonly late: boolean
  readonly rows: number
}

/**
 * Where chunks come from. `open` gives undefined for one that is damaged, and a chunk of which a section is damaged says
 * that it has not those columns; both are counted there.
 */
export interface ChunkSource {
  /** Those that overlap the range, the main ones first and ascending, the late ones in the order they were written. */
  list(group: number, fromMs: number, toMs: number): readonly ChunkRow[]
  open(id: number): Chunk | undefined
}

/** Times, values and stale flags of one column, as in SeriesSamples. */
export interface ColumnSamples {
  readonly times: Float64Array
  readonly values: Float64Array
  readonly stale: Uint8Array | undefined
}

/** First index whose time is `>= at`. */
export function lowerBound(times: Float64Array, count: number, at: number): number {
  // Nearly always all of them or none.
  if (count === 0 || (times[0] ?? 0) >= at) return 0
  if ((times[count - 1] ?? 0) < at) return count
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) < at) low = middle + 1
    else high = middle
  }
  return low
}

/** Samples by column, in the order of `columns`; undefined where there are none. */
export function readGroup(source: ChunkSource, group: Group, columns: readonly number[] | Uint32Array, fromMs: number, toMs: number): (ColumnSamples | undefined)[] {
  const chunks = group.chunkNewest >= fromMs && group.chunkOldest !== Infinity ? source.list(group.id, fromMs, toMs) : []
  let room = laneRoom(group.main, fromMs, toMs) + laneRoom(group.late, fromMs, toMs)
  for (const chunk of chunks) room += chunk.rows
  if (room === 0) return Array.from(columns, () => undefined)
  const table: Table = { columns, fromMs, toMs, room, filled: 0, times: new Float64Array(room), cells: new Float64Array(room * columns.length), bits: NO_BITS }
  table.bits = new Uint32Array(table.cells.buffer)
  for (const chunk of chunks) if (!chunk.late) addChunk(table, source.open(chunk.id))
  addLane(table, group.main)
  const mainRows = table.filled
  for (const chunk of chunks) if (chunk.late) addChunk(table, source.open(chunk.id))
  addLane(table, group.late)
  return finish(table, mainRows)
}

/** The asked columns, one after the other in `cells`, `room` rows each, of which `filled` are there. */
interface Table {
  readonly columns: readonly number[] | Uint32Array
  readonly fromMs: number
  readonly toMs: number
  readonly room: number
  filled: number
  readonly times: Float64Array
  readonly cells: Float64Array
  bits: Uint32Array
}

const NO_BITS = new Uint32Array(0)
let scratch = new Float64Array(128)
let scratchBits = bitsOf(scratch)

/** Rows that `addLane` adds at most. Late rows may stand in any order and are only filtered at the end. */
function laneRoom(lane: Lane, fromMs: number, toMs: number): number {
  if (lane.late) return lane.miniRows + lane.rows
  let rows = 0
  for (const mini of lane.minis) if ((mini.times[0] ?? 0) <= toMs && (mini.times[mini.rows - 1] ?? 0) >= fromMs) rows += mini.rows
  return rows + Math.max(0, lowerBound(lane.times, lane.rows, toMs + 1) - lowerBound(lane.times, lane.rows, fromMs))
}

/** Unpacks a whole column to cell `to` on; false: the part does not have it. */
type ReadPart = (column: number, values: Float64Array, bits: Uint32Array, to: number) => boolean

/** Adds rows `low` to `high` (excluded) of a packed part of `count` rows. */
function addRows(table: Table, times: Float64Array, count: number, low: number, high: number, read: ReadPart): void {
  if (count > scratch.length) {
    scratch = new Float64Array(count)
    scratchBits = bitsOf(scratch)
  }
  table.times.set(times.subarray(low, high), table.filled)
  for (let index = 0; index < table.columns.length; index++) {
    const column = table.columns[index] ?? 0
    const to = index * table.room + table.filled
    if (low === 0 && high === count) {
      if (!read(column, table.cells, table.bits, to)) markStale(table.bits, to, count)
    } else if (read(column, scratch, scratchBits, 0)) table.bits.set(scratchBits.subarray(low * 2, high * 2), to * 2)
    else markStale(table.bits, to, high - low)
  }
  table.filled += high - low
}

function markStale(bits: Uint32Array, from: number, count: number): void {
  for (let cell = from; cell < from + count; cell++) setStale(bits, cell)
}

function addChunk(table: Table, chunk: Chunk | undefined): void {
  if (chunk === undefined) return
  const low = lowerBound(chunk.times, chunk.rows, table.fromMs)
  const high = lowerBound(chunk.times, chunk.rows, table.toMs + 1)
  if (low < high) addRows(table, chunk.times, chunk.rows, low, high, (column, values, bits, to) => chunk.read(column, values, bits, to))
}

function addLane(table: Table, lane: Lane): void {
  for (const mini of lane.minis) {
    const low = lane.late ? 0 : lowerBound(mini.times, mini.rows, table.fromMs)
    const high = lane.late ? mini.rows : lowerBound(mini.times, mini.rows, table.toMs + 1)
    if (low >= high) continue
    addRows(table, mini.times, mini.rows, low, high, (column, values, bits, to) => {
      if (column >= mini.columns) return false
      readMini(mini, seekMini(mini, column), values, bits, to)
      return true
    })
  }
  const low = lane.late ? 0 : lowerBound(lane.times, lane.rows, table.fromMs)
  const high = lane.late ? lane.rows : lowerBound(lane.times, lane.rows, table.toMs + 1)
  if (low >= high) return
  table.times.set(lane.times.subarray(low, high), table.filled)
  for (let index = 0; index < table.columns.length; index++) readOpen(lane, table.columns[index] ?? 0, low, high, table.bits, index * table.room + table.filled)
  table.filled += high - low
}

function finish(table: Table, mainRows: number): (ColumnSamples | undefined)[] {
  const { filled, room, cells, fromMs, toMs } = table
  const times = table.times.subarray(0, filled)
  const order = filled > mainRows ? (byTime(times) ?? Uint32Array.from(times.keys())) : undefined
  return Array.from(table.columns, (_, index) => {
    if (filled === 0) return undefined
    const values = cells.subarray(index * room, index * room + filled)
    const bits = table.bits.subarray(index * room * 2, (index * room + filled) * 2)
    return order === undefined ? inOrder(times, values, bits) : merged(times, values, bits, order, fromMs, toMs)
  })
}

/** A column whose rows ascend in time, its bits from cell `first` on: the very arrays given where nothing is stale. */
export function inOrder(times: Float64Array, values: Float64Array, bits: Uint32Array, first = 0): ColumnSamples | undefined {
  const rows = times.length
  let row = 0
  while (row < rows && !(Number.isNaN(values[row]) && isStale(bits, first + row))) row++
  if (row === rows) return { times, values, stale: undefined }
  return gather(rows, (at) => at, times, values, bits.subarray(first * 2, (first + rows) * 2))
}

/** Of rows with equal times (neighbours in `order`) the first that holds a sample counts. */
function merged(times: Float64Array, values: Float64Array, bits: Uint32Array, order: Uint32Array, fromMs: number, toMs: number): ColumnSamples | undefined {
  const chosen = new Uint32Array(order.length)
  let count = 0
  for (let at = 0; at < order.length; ) {
    const first = order[at] ?? 0
    const time = times[first] ?? 0
    let best = first
    for (; at < order.length && times[order[at] ?? 0] === time; at++) {
      const row = order[at] ?? 0
      if (isStale(bits, best) && !isStale(bits, row)) best = row
    }
    if (time >= fromMs && time <= toMs) chosen[count++] = best
  }
  return gather(count, (at) => chosen[at] ?? 0, times, values, bits)
}

function gather(count: number, rowAt: (at: number) => number, times: Float64Array, values: Float64Array, bits: Uint32Array): ColumnSamples | undefined {
  const outTimes = new Float64Array(count)
  const outValues = new Float64Array(count)
  const stale = new Uint8Array(count)
  let kept = 0
  let marks = 0
  let wasSample = false
  for (let at = 0; at < count; at++) {
    const row = rowAt(at)
    const gone = isStale(bits, row)
    if (!gone || wasSample) {
      outTimes[kept] = times[row] ?? 0
      outValues[kept] = values[row] ?? 0
      if (gone) {
        stale[kept] = 1
        marks++
      }
      kept++
    }
    wasSample = !gone
  }
  if (kept === 0) return undefined
  return { times: outTimes.subarray(0, kept), values: outValues.subarray(0, kept), stale: marks > 0 ? stale.subarray(0, kept) : undefined }
}

/** One series' samples from two groups; where both have a time, a sample goes before a stale mark and `a` before `b`. */
export function mergeSamples(a: ColumnSamples, b: ColumnSamples): ColumnSamples {
  const room = a.times.length + b.times.length
  const times = new Float64Array(room)
  const values = new Float64Array(room)
  const stale = new Uint8Array(room)
  let atA = 0
  let atB = 0
  let kept = 0
  while (atA < a.times.length || atB < b.times.length) {
    const timeA = a.times[atA] ?? Infinity
    const timeB = b.times[atB] ?? Infinity
    const takeA = timeA < timeB || (timeA === timeB && (a.stale?.[atA] !== 1 || b.stale?.[atB] === 1))
    times[kept] = takeA ? timeA : timeB
    values[kept] = (takeA ? a.values[atA] : b.values[atB]) ?? 0
    stale[kept] = (takeA ? a.stale?.[atA] : b.stale?.[atB]) ?? 0
    kept++
    if (timeA <= timeB) atA++
    if (timeB <= timeA) atB++
  }
  return { times: times.subarray(0, kept), values: values.subarray(0, kept), stale: a.stale === undefined && b.stale === undefined ? undefined : stale.subarray(0, kept) }
}
