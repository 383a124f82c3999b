/** Reads series from the store for instant selectors, range selectors and subqueries. Ranges are left-open (Prometheus 3). */
import type { SeriesSamples } from '../store/store.ts'
import { BlockBuilder, allPresent, emptyBlock, type Block } from './block.ts'
import type { Context, Matrix, MatrixSeries } from './context.ts'
import type { Row } from './rows.ts'
import type { Expr, MatrixSelector, Subquery, VectorSelector } from './syntax.ts'
import { bare } from './syntax.ts'

/** The time that each step looks at, after `@` and `offset`. */
function references(context: Context, node: VectorSelector | Subquery): Float64Array {
  const at = context.atMs(node.at)
  const times = new Float64Array(context.steps)
  for (let step = 0; step < times.length; step++) times[step] = (at ?? context.time(step)) - node.offsetMs
  return times
}

/** Index of the last time not after `limit`, looking from `from` on; -1 if there is none. */
function lastUpTo(times: Float64Array, limit: number, from: number): number {
  const { length } = times
  if (length === 0) return -1
  if ((times[length - 1] ?? 0) <= limit) return length - 1
  let low = Math.max(from, 0)
  if ((times[low] ?? Infinity) > limit) return low - 1
  // A step moves a few samples on: gallop, then halve.
  let width = 1
  while (low + width < length && (times[low + width] ?? Infinity) <= limit) {
    low += width
    width *= 2
  }
  let high = Math.min(low + width, length)
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if ((times[middle] ?? Infinity) <= limit) low = middle
    else high = middle
  }
  return low
}

/**
 * The newest sample of each series at each step, not older than the look-back; a stale mark there ends the series.
 * `give`: 'value', or 'time' for the sample's own time in seconds, which timestamp() wants.
 */
export function instantVector(node: VectorSelector, context: Context, give: 'value' | 'time' = 'value'): Block {
  const times = references(context, node)
  const first = times[0]
  const last = times[times.length - 1]
  if (first === undefined || last === undefined) return emptyBlock(context.steps)
  if (times.length === 1) {
    const latest = context.latest(node, first)
    if (latest !== undefined) {
      const rows = context.rows(node, latest.labels)
      return allPresent(rows, give === 'time' ? latest.times.map((time) => time / 1000) : latest.values, give === 'time')
    }
  }
  const series = context.select(node, first - context.lookbackMs + 1, last)
  context.spend(series.length * context.steps)
  const rows = context.rows(node, series.map(({ labels }) => labels))
  const builder = new BlockBuilder(context.steps, series.length)
  for (let index = 0; index < series.length; index++) {
    const one = series[index]
    const row = rows[index]
    if (one === undefined || row === undefined) continue
    readInstant(one, times, context.lookbackMs, give === 'time', builder)
    builder.end(row, give === 'time')
  }
  return context.steady(node, builder.build())
}

function readInstant(series: SeriesSamples, at: Float64Array, lookbackMs: number, giveTime: boolean, builder: BlockBuilder): void {
  const { times, values, stale } = series
  let index = -1
  for (let step = 0; step < at.length; step++) {
    const reference = at[step] ?? 0
    index = lastUpTo(times, reference, index)
    if (index < 0) continue
    const time = times[index] ?? 0
    if (time <= reference - lookbackMs || stale?.[index] === 1) continue
    builder.set(step, giveTime ? time / 1000 : (values[index] ?? NaN))
  }
}

/** The range vector that an argument names: a range selector or a subquery. */
export function rangeVector(expr: Expr, context: Context): Matrix {
  const inner = bare(expr)
  if (inner.kind === 'matrix') return matrixOf(inner, context)
  if (inner.kind === 'subquery') return subqueryMatrix(inner, context)
  throw new Error(`promql: expected a range vector, got ${inner.kind}`)
}

function matrixOf(node: MatrixSelector, context: Context): Matrix {
  const ends = references(context, node.selector)
  const first = ends[0]
  const last = ends[ends.length - 1]
  if (first === undefined || last === undefined) return { series: [], ends, rangeMs: node.rangeMs }
  const found = context.select(node.selector, first - node.rangeMs + 1, last)
  const rows = context.rows(node, found.map(({ labels }) => labels))
  const series: MatrixSeries[] = []
  for (let index = 0; index < found.length; index++) {
    const one = found[index]
    const row = rows[index]
    if (one !== undefined && row !== undefined) series.push(withoutStale(one, row))
  }
  return { series, ends, rangeMs: node.rangeMs }
}

function withoutStale(series: SeriesSamples, row: Row): MatrixSeries {
  const { stale } = series
  if (stale === undefined) return { row, drop: false, times: series.times, values: series.values }
  let count = 0
  for (const mark of stale) if (mark === 0) count += 1
  const times = new Float64Array(count)
  const values = new Float64Array(count)
  let to = 0
  for (let from = 0; from < stale.length; from++) {
    if (stale[from] !== 0) continue
    times[to] = series.times[from] ?? 0
    values[to] = series.values[from] ?? NaN
    to += 1
  }
  return { row, drop: false, times, values }
}

/** Evaluates the inner query on the subquery's own grid, whose times are multiples of its step. */
function subqueryMatrix(node: Subquery, context: Context): Matrix {
  const ends = references(context, node)
  const stepMs = node.stepMs === 0 ? context.defaultStepMs : node.stepMs
  const lower = (ends[0] ?? 0) - node.rangeMs
  const upper = ends[ends.length - 1] ?? 0
  const startMs = (Math.floor(lower / stepMs) + 1) * stepMs
  const steps = Math.floor((upper - startMs) / stepMs) + 1
  if (steps <= 0) return { series: [], ends, rangeMs: node.rangeMs }
  context.spend(steps)
  const grid = context.on(startMs, stepMs, steps)
  const block = grid.vector(node.expr)
  return { series: block.rows.map((_, row) => rowSeries(block, row, grid)), ends, rangeMs: node.rangeMs }
}

function rowSeries(block: Block, index: number, grid: Context): MatrixSeries {
  const { steps } = block
  const times = new Float64Array(steps)
  const values = new Float64Array(steps)
  let count = 0
  for (let step = 0; step < steps; step++) {
    if (block.present[index * steps + step] !== 1) continue
    times[count] = grid.time(step)
    values[count] = block.values[index * steps + step] ?? NaN
    count += 1
  }
  const row = block.rows[index]
  if (row === undefined) throw new Error(`promql: block has no row ${index}`)
  return { row, drop: block.drops[index] === 1, times: times.subarray(0, count), values: values.subarray(0, count) }
}
