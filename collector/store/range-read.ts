/**
 * Samples of every series of a plan in a range. Rules ask for some minutes of one metric of every host: rows that follow
 * one another in main chunks, minis and the open block. They are unpacked side by side into one array for all series, the
 * times of a group once for all its series. Groups with late rows in the range are read by `read.ts`.
 */
import { bitsOf, setStale } from '../../protocol/stale.ts'
import type { Chunk } from './chunk.ts'
import type { Group } from './group.ts'
import { hasRow, readMini, readOpen, seekMini, type Lane } from './lane.ts'
import { inOrder, lowerBound, mergeSamples, readGroup, type ChunkSource, type ColumnSamples } from './read.ts'
import type { Place, SelectPlan } from './select-plan.ts'
import type { SeriesSamples } from './store.ts'

/** Most cells of one shared array: a caller that keeps one series keeps all of them. */
const POOL_CELLS = 1 << 20

/** Series without a sample in the range (both ends included) are left out. Arrays are shared: they are not to be changed. */
export function rangesOf(source: ChunkSource, plan: SelectPlan, fromMs: number, toMs: number): SeriesSamples[] {
  const found: SeriesSamples[] = []
  const { groups, first, labels, columns, several } = plan
  const add = (index: number, samples: ColumnSamples | undefined): void => {
    const own = labels[index]
    if (samples !== undefined && own !== undefined) found.push({ labels: own, times: samples.times, values: samples.values, stale: samples.stale })
  }
  const rooms = new Uint32Array(groups.length)
  const chunks = new Map<number, readonly Chunk[]>()
  let at = 0
  while (at < groups.length) {
    // As many groups as share one pool: first their room, then their cells.
    const start = at
    let rows = 0
    let cells = 0
    for (let held = 0; at < groups.length && cells < POOL_CELLS && held < HELD_CHUNKS; at++) {
      const group = groups[at]
      if (group === undefined) continue
      const opened = mainChunks(source, group, fromMs, toMs)
      if (opened === undefined) {
        rooms[at] = MIXED
        continue
      }
      if (opened.length > 0) chunks.set(at, opened)
      held += opened.length
      const room = rowsIn(opened, group.main, fromMs, toMs)
      rooms[at] = room
      rows += room
      cells += room * ((first[at + 1] ?? 0) - (first[at] ?? 0))
    }
    const times = new Float64Array(rows)
    const values = new Float64Array(cells)
    const bits = bitsOf(values)
    let row = 0
    let cell = 0
    for (let each = start; each < at; each++) {
      const group = groups[each]
      const room = rooms[each] ?? 0
      if (group === undefined || room === 0) continue
      const from = first[each] ?? 0
      const to = first[each + 1] ?? 0
      if (room === MIXED) {
        const mixed = readGroup(source, group, columns.subarray(from, to), fromMs, toMs)
        for (let index = from; index < to; index++) add(index, mixed[index - from])
        continue
      }
      fill({ times, values, bits, row, cell, room }, chunks.get(each) ?? NO_CHUNKS, group.main, columns, from, to, fromMs, toMs)
      const own = times.subarray(row, row + room)
      for (let index = from; index < to; index++, cell += room) add(index, inOrder(own, values.subarray(cell, cell + room), bits, cell))
      row += room
    }
    chunks.clear()
  }
  several.forEach((places, index) => add(columns.length + index, readSeveral(source, places, fromMs, toMs)))
  return found
}

/** A series that lies in several groups, as one. */
export function readSeveral(source: ChunkSource, places: readonly Place[], fromMs: number, toMs: number): ColumnSamples | undefined {
  let merged: ColumnSamples | undefined
  for (const { group, column } of places) {
    const samples = readGroup(source, group, [column], fromMs, toMs)[0]
    if (samples !== undefined) merged = merged === undefined ? samples : mergeSamples(merged, samples)
  }
  return merged
}

/** In place of a number of rows: the group's rows do not lie in its main lane alone. */
const MIXED = 0xffffffff

const NO_CHUNKS: readonly Chunk[] = []

/** The group's chunks in the range, ascending; undefined: there are late rows to be put among the others. */
function mainChunks(source: ChunkSource, group: Group, fromMs: number, toMs: number): readonly Chunk[] | undefined {
  if (hasRow(group.late, fromMs, toMs)) return undefined
  if (group.chunkNewest < fromMs || group.chunkOldest === Infinity) return NO_CHUNKS
  const listed = source.list(group.id, fromMs, toMs)
  // Many at once are better opened one after the other.
  if (listed.length > MOST_CHUNKS || listed.some(({ late }) => late)) return undefined
  const opened: Chunk[] = []
  for (const { id } of listed) {
    const chunk = source.open(id)
    if (chunk !== undefined) opened.push(chunk)
  }
  return opened
}

/** Most chunks of a group that are opened before any is read, and of all groups: old ones are held in memory as a whole. */
const MOST_CHUNKS = 4
const HELD_CHUNKS = 64

function rowsIn(chunks: readonly Chunk[], lane: Lane, fromMs: number, toMs: number): number {
  let rows = count(lane.times, lane.rows, fromMs, toMs)
  for (let index = lane.minis.length - 1; index >= 0; index--) {
    const mini = lane.minis[index]
    if (mini === undefined || (mini.times[mini.rows - 1] ?? 0) < fromMs) break
    rows += count(mini.times, mini.rows, fromMs, toMs)
  }
  for (const chunk of chunks) rows += count(chunk.times, chunk.rows, fromMs, toMs)
  return rows
}

function count(times: Float64Array, rows: number, fromMs: number, toMs: number): number {
  return Math.max(0, lowerBound(times, rows, toMs + 1) - lowerBound(times, rows, fromMs))
}

/** Where a group's rows go: `room` times from `row` on, and `room` cells for each of its columns from `cell` on. */
interface Target {
  readonly times: Float64Array
  readonly values: Float64Array
  readonly bits: Uint32Array
  readonly row: number
  readonly cell: number
  readonly room: number
}

let scratch = new Float64Array(32)
let scratchBits = bitsOf(scratch)

function fill(target: Target, chunks: readonly Chunk[], lane: Lane, columns: Uint32Array, from: number, to: number, fromMs: number, toMs: number): void {
  const { times, bits, row, cell, room } = target
  let done = 0
  for (const chunk of chunks) {
    const low = lowerBound(chunk.times, chunk.rows, fromMs)
    const high = lowerBound(chunk.times, chunk.rows, toMs + 1)
    if (low >= high) continue
    copyTimes(chunk.times, low, high, times, row + done)
    fitScratch(chunk.rows)
    for (let index = from, start = cell + done; index < to; index++, start += room) {
      if (chunk.read(columns[index] ?? 0, scratch, scratchBits, 0)) copyCells(low, high, bits, start)
      else endCells(low, high, bits, start)
    }
    done += high - low
  }
  for (const mini of lane.minis) {
    if ((mini.times[mini.rows - 1] ?? 0) < fromMs || (mini.times[0] ?? 0) > toMs) continue
    const low = lowerBound(mini.times, mini.rows, fromMs)
    const high = lowerBound(mini.times, mini.rows, toMs + 1)
    if (low >= high) continue
    copyTimes(mini.times, low, high, times, row + done)
    fitScratch(mini.rows)
    const whole = low === 0 && high === mini.rows
    for (let index = from, start = cell + done; index < to; index++, start += room) {
      const column = columns[index] ?? 0
      if (column >= mini.columns) endCells(low, high, bits, start)
      else if (whole) readMini(mini, seekMini(mini, column), target.values, bits, start)
      else {
        readMini(mini, seekMini(mini, column), scratch, scratchBits, 0)
        copyCells(low, high, bits, start)
      }
    }
    done += high - low
  }
  const low = lowerBound(lane.times, lane.rows, fromMs)
  const high = lowerBound(lane.times, lane.rows, toMs + 1)
  if (low >= high) return
  copyTimes(lane.times, low, high, times, row + done)
  for (let index = from, start = cell + done; index < to; index++, start += room) readOpen(lane, columns[index] ?? 0, low, high, bits, start)
}

function fitScratch(rows: number): void {
  if (rows <= scratch.length) return
  scratch = new Float64Array(rows)
  scratchBits = bitsOf(scratch)
}

function copyTimes(from: Float64Array, low: number, high: number, to: Float64Array, at: number): void {
  for (let row = low, put = at; row < high; row++, put++) to[put] = from[row] ?? 0
}

/** By bits: a stale mark may not survive as a number. */
function copyCells(low: number, high: number, bits: Uint32Array, cell: number): void {
  for (let at = low * 2, put = cell * 2; at < high * 2; at++, put++) bits[put] = scratchBits[at] ?? 0
}

function endCells(low: number, high: number, bits: Uint32Array, cell: number): void {
  for (let at = low; at < high; at++) setStale(bits, cell + at - low)
}
