/**
 * Evaluates a parsed query over what a store's Querier gives. Semantics are those of Prometheus 3.x for floats: left-open
 * ranges, look-back, stale marks, names dropped at the end. Pure: the time is an argument.
 */
import type { Querier } from '../store/store.ts'
import { evaluateAggregate } from './aggregations.ts'
import { evaluateBinary } from './binary.ts'
import type { Block } from './block.ts'
import { typeOf } from './check.ts'
import type { Labels } from '../../protocol/series.ts'
import { Context, type EvaluateOptions, type Evaluator, type Result } from './context.ts'
import { EvaluationError } from './errors.ts'
import { finishRows } from './finish.ts'
import { evaluateCall } from './functions/table.ts'
import { compareLabels, nameless } from './rows.ts'
import { instantVector, rangeVector } from './selectors.ts'
import { evaluateInSteps } from './steps.ts'
import type { Expr, Unary } from './syntax.ts'
import type { SeriesValues, Value } from './value.ts'
import { finish, type Work } from './work.ts'

const evaluator: Evaluator = { evaluate: evaluateNode, matrix: rangeVector }

/** The query's value at one time (epoch milliseconds). Throws EvaluationError. */
export function evaluateInstant(expr: Expr, querier: Querier, atMs: number, options: EvaluateOptions = {}): Value {
  return finish(instantInSteps(expr, querier, atMs, options))
}

/** As `evaluateInstant`, part by part. Throws EvaluationError. */
export function* instantInSteps(expr: Expr, querier: Querier, atMs: number, options: EvaluateOptions): Work<Value> {
  const context = Context.root(querier, evaluator, { startMs: atMs, endMs: atMs, stepMs: 0 }, options)
  if (typeOf(expr) === 'matrix') return annotated(context, { kind: 'matrix', series: windows(expr, context) })
  const result = yield* evaluateInSteps(expr, context)
  switch (result.kind) {
    case 'scalar':
      return annotated(context, { kind: 'scalar', atMs, value: result.values[0] ?? NaN })
    case 'string':
      return annotated(context, { kind: 'string', atMs, value: result.value })
    case 'vector': {
      const { block } = result
      const samples = finishRows(block).map(({ labels, rows }) => ({ labels, value: block.values[rows[0] ?? 0] ?? NaN }))
      return annotated(context, { kind: 'vector', atMs, samples })
    }
  }
}

/** The query's values from start to end (included) by step, as a matrix ordered by labels. Throws EvaluationError. */
export function evaluateRange(
  expr: Expr, querier: Querier, startMs: number, endMs: number, stepMs: number, options: EvaluateOptions = {},
): Value {
  const type = typeOf(expr)
  if (type !== 'scalar' && type !== 'vector') {
    throw new EvaluationError('execution', `invalid expression type ${JSON.stringify(type === 'matrix' ? 'range vector' : type)} for range query, must be Scalar or instant Vector`)
  }
  if (!(stepMs > 0)) throw new EvaluationError('execution', 'zero or negative query resolution step widths are not accepted')
  if (endMs < startMs) throw new EvaluationError('execution', 'end timestamp must not be before start time')
  const context = Context.root(querier, evaluator, { startMs, endMs, stepMs }, options)
  const result = evaluateNode(expr, context)
  switch (result.kind) {
    case 'scalar': {
      const times = Float64Array.from(result.values, (_, step) => context.time(step))
      return annotated(context, { kind: 'matrix', series: [{ labels: {}, times, values: result.values }] })
    }
    case 'string':
      throw new Error('promql: a string over a range')
    case 'vector':
      return annotated(context, { kind: 'matrix', series: seriesOf(result.block, context) })
  }
}

/** How long a row of the result has been there without a break, seen from the last step. */
export interface TrailingRun {
  readonly labels: Labels
  /** Steps of the unbroken run that ends with the last one; at least 1. */
  readonly steps: number
}

/**
 * For each row that the query has at `endMs`, at how many steps on end it had it before, on the grid of `steps` steps of
 * `stepMs` that ends there. For vectors only. Throws EvaluationError.
 */
export function* trailingRuns(expr: Expr, querier: Querier, endMs: number, stepMs: number, steps: number, options: EvaluateOptions = {}): Work<readonly TrailingRun[]> {
  const context = Context.root(querier, evaluator, { startMs: endMs - (steps - 1) * stepMs, endMs, stepMs }, options)
  const result = yield* evaluateInSteps(expr, context)
  if (result.kind === 'scalar') return [{ labels: {}, steps }]
  if (result.kind === 'string') throw new EvaluationError('execution', 'invalid expression type "string", must be Scalar or instant Vector')
  const { block } = result
  const runs: TrailingRun[] = []
  const seen = (rows: readonly number[], step: number): boolean => rows.some((row) => block.present[row * steps + step] === 1)
  for (const { labels, rows } of finishRows(block)) {
    let from = steps
    while (from > 0 && seen(rows, from - 1)) from--
    if (from < steps) runs.push({ labels, steps: steps - from })
  }
  return runs
}

type Unannotated<T> = T extends unknown ? Omit<T, 'warnings' | 'infos'> : never

function annotated(context: Context, value: Unannotated<Value>): Value {
  return { ...value, warnings: context.notes.warnings(), infos: context.notes.infos() }
}

function seriesOf(block: Block, context: Context): readonly SeriesValues[] {
  const { steps, values, present } = block
  const series = finishRows(block).map(({ labels, rows }): SeriesValues => {
    const times: number[] = []
    const out: number[] = []
    for (let step = 0; step < steps; step++) {
      const row = rows.find((index) => present[index * steps + step] === 1)
      if (row === undefined) continue
      times.push(context.time(step))
      out.push(values[row * steps + step] ?? NaN)
    }
    return { labels, times: Float64Array.from(times), values: Float64Array.from(out) }
  })
  return series.sort((a, b) => compareLabels(a.labels, b.labels))
}

/** A bare range vector: the samples themselves. */
function windows(expr: Expr, context: Context): readonly SeriesValues[] {
  const { series, ends, rangeMs } = rangeVector(expr, context)
  const end = ends[0] ?? 0
  const out: SeriesValues[] = []
  for (const { row, drop, times, values } of series) {
    const from = times.findIndex((time) => time > end - rangeMs)
    const after = times.findIndex((time) => time > end)
    if (from < 0 || after === 0) continue
    const to = after < 0 ? times.length : after
    if (to <= from) continue
    out.push({ labels: drop ? nameless(row) : row.labels, times: times.slice(from, to), values: values.slice(from, to) })
  }
  return out.sort((a, b) => compareLabels(a.labels, b.labels))
}

function evaluateNode(expr: Expr, context: Context): Result {
  const { shared } = context
  const known = shared?.get(expr)
  if (known !== undefined) return known
  const result = evaluateAnew(expr, context)
  shared?.set(expr, result)
  return result
}

function evaluateAnew(expr: Expr, context: Context): Result {
  context.spend(context.steps)
  switch (expr.kind) {
    case 'number':
      return { kind: 'scalar', values: new Float64Array(context.steps).fill(expr.value) }
    case 'string':
      return { kind: 'string', value: expr.value }
    case 'vector':
      return { kind: 'vector', block: instantVector(expr, context) }
    case 'paren':
      return context.evaluate(expr.expr)
    case 'unary':
      return evaluateUnary(expr, context)
    case 'binary':
      return evaluateBinary(expr, context)
    case 'aggregate':
      return { kind: 'vector', block: evaluateAggregate(expr, context) }
    case 'call':
      return evaluateCall(expr, context)
    case 'matrix':
    case 'subquery':
      throw new Error('promql: a range vector where an instant vector was due')
  }
}

function evaluateUnary({ op, expr }: Unary, context: Context): Result {
  const result = context.evaluate(expr)
  if (op === '+' || result.kind === 'string') return result
  if (result.kind === 'scalar') return { kind: 'scalar', values: result.values.map((value) => -value) }
  const { block } = result
  return { kind: 'vector', block: { ...block, values: block.values.map((value) => -value), drops: new Uint8Array(block.rows.length).fill(1) } }
}
