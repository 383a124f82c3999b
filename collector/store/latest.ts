/** The newest sample of each series of a plan at one time, in most cases one cell of the open block. */
import { bitsOf, isStale } from '../../protocol/stale.ts'
import type { Labels } from '../../protocol/series.ts'
import type { Group } from './group.ts'
import { hasRow, readMini, seekMini, type Lane, type Mini } from './lane.ts'
import { readSeveral } from './range-read.ts'
import { readGroup, type ChunkSource, type ColumnSamples } from './read.ts'
import type { SelectPlan } from './select-plan.ts'
import type { LatestSamples } from './store.ts'

/** What is being filled: series without a sample are left out, and the plan's own list of labels serves while none is. */
interface Answer {
  readonly plan: SelectPlan
  readonly times: Float64Array
  readonly values: Float64Array
  readonly bits: Uint32Array
  /** undefined: every series so far has a sample. */
  labels: Labels[] | undefined
  kept: number
}

/** Of each series the newest sample in (atMs - lookbackMs, atMs]; left out where that is a stale mark. */
export function latestOf(source: ChunkSource, plan: SelectPlan, atMs: number, lookbackMs: number): LatestSamples {
  const room = plan.labels.length
  const values = new Float64Array(room)
  const answer: Answer = { plan, times: new Float64Array(room), values, bits: bitsOf(values), labels: undefined, kept: 0 }
  const fromMs = atMs - lookbackMs + 1
  for (let at = 0; at < plan.groups.length; at++) {
    const group = plan.groups[at]
    if (group !== undefined) readOne(answer, source, group, plan.first[at] ?? 0, plan.first[at + 1] ?? 0, fromMs, atMs)
  }
  plan.several.forEach((places, index) => addLast(answer, plan.columns.length + index, readSeveral(source, places, fromMs, atMs)))
  const { labels, kept } = answer
  if (labels === undefined) return { labels: plan.labels, times: answer.times, values }
  return { labels, times: answer.times.subarray(0, kept), values: values.subarray(0, kept) }
}

/** The newest row of a lane in a range; one object, filled anew by each `seek`. */
const newest: { at: number; row: number; mini: Mini | undefined } = { at: -Infinity, row: -1, mini: undefined }
let scratch = new Float64Array(32)
let scratchBits = bitsOf(scratch)

function readOne(answer: Answer, source: ChunkSource, group: Group, from: number, to: number, fromMs: number, toMs: number): void {
  const lane = group.main
  seek(lane, fromMs, toMs)
  const { at, row, mini } = newest
  // Rows that came late, or lie in chunks, count only where they are as new as the newest main row.
  const since = Math.max(at, fromMs)
  if (group.chunkNewest >= since || hasRow(group.late, since, toMs)) return readSlowly(answer, source, group, from, to, fromMs, toMs)
  const { columns } = answer.plan
  if (row < 0) for (let index = from; index < to; index++) leaveOut(answer, index)
  else if (mini === undefined) {
    const base = row * lane.stride
    for (let index = from; index < to; index++) {
      const column = columns[index] ?? 0
      if (column >= lane.stride) leaveOut(answer, index)
      else add(answer, index, at, lane.cells, lane.bits, base + column)
    }
  } else {
    if (mini.rows > scratch.length) {
      scratch = new Float64Array(mini.rows)
      scratchBits = bitsOf(scratch)
    }
    for (let index = from; index < to; index++) {
      const column = columns[index] ?? 0
      if (column >= mini.columns) leaveOut(answer, index)
      else {
        readMini(mini, seekMini(mini, column), scratch, scratchBits, 0)
        add(answer, index, at, scratch, scratchBits, row)
      }
    }
  }
}

function readSlowly(answer: Answer, source: ChunkSource, group: Group, from: number, to: number, fromMs: number, toMs: number): void {
  const found = readGroup(source, group, answer.plan.columns.subarray(from, to), fromMs, toMs)
  for (let index = from; index < to; index++) addLast(answer, index, found[index - from])
}

/** Fills `newest` from a lane whose rows ascend in time; row -1: there is none. */
function seek(lane: Lane, fromMs: number, toMs: number): void {
  newest.mini = undefined
  newest.row = rowUpTo(lane.times, lane.rows, toMs)
  newest.at = newest.row < 0 ? -Infinity : (lane.times[newest.row] ?? 0)
  for (let index = lane.minis.length - 1; index >= 0 && newest.row < 0; index--) {
    const mini = lane.minis[index]
    if (mini === undefined) break
    newest.mini = mini
    newest.row = rowUpTo(mini.times, mini.rows, toMs)
    newest.at = newest.row < 0 ? -Infinity : (mini.times[newest.row] ?? 0)
  }
  if (newest.at >= fromMs) return
  newest.row = -1
  newest.at = -Infinity
}

/** Last row that is not after `toMs`; nearly always the very last. */
function rowUpTo(times: Float64Array, rows: number, toMs: number): number {
  let row = rows - 1
  while (row >= 0 && (times[row] ?? 0) > toMs) row--
  return row
}

function add(answer: Answer, index: number, at: number, values: Float64Array, bits: Uint32Array, cell: number): void {
  const value = values[cell] ?? NaN
  if (Number.isNaN(value) && isStale(bits, cell)) return leaveOut(answer, index)
  answer.times[answer.kept] = at
  answer.values[answer.kept++] = value
  answer.labels?.push(answer.plan.labels[index] ?? {})
}

function addLast(answer: Answer, index: number, samples: ColumnSamples | undefined): void {
  const last = samples === undefined ? -1 : samples.times.length - 1
  if (samples === undefined || last < 0 || samples.stale?.[last] === 1) return leaveOut(answer, index)
  answer.times[answer.kept] = samples.times[last] ?? 0
  answer.values[answer.kept++] = samples.values[last] ?? NaN
  answer.labels?.push(answer.plan.labels[index] ?? {})
}

function leaveOut(answer: Answer, index: number): void {
  answer.labels ??= answer.plan.labels.slice(0, index)
}
