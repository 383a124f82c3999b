/** Functions about how fast something changes: rates, regression, smoothing. */
import { METRIC_NAME } from '../../../protocol/series.ts'
import type { Context, Result } from '../context.ts'
import { EvaluationError } from '../errors.ts'
import { Sum } from '../kahan.ts'
import { extrapolated, instantChange } from '../rate.ts'
import { quote } from '../strings.ts'
import type { Call } from '../syntax.ts'
import { overWindows, type Window } from '../window.ts'
import { argument } from './arguments.ts'
import { whole, window, type FunctionTable } from './function.ts'

const counterSuffix = /_(total|sum|count|bucket)$/

/** rate and increase: besides the value, an info for a name that is no counter's. */
function counterRate(call: Call, context: Context, perSecond: boolean): Result {
  const arg = argument(call, 0)
  const matrix = context.matrix(arg)
  const names = new Set<string>()
  let last: string | undefined
  const block = overWindows(call, matrix, [], context, false, (w) => {
    const name = w.row.labels[METRIC_NAME] ?? ''
    if (name !== last) names.add(name)
    last = name
    return extrapolated(w, true, perSecond)
  })
  for (const name of names) {
    if (name === '' || counterSuffix.test(name)) continue
    context.notes.info(`metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${quote(name)}`, arg.span)
  }
  return { kind: 'vector', block }
}

/** Least squares through the window's samples; x is seconds from `originMs`. */
function regression(w: Window, originMs: number): { slope: number; intercept: number } {
  const { times, values, first, last } = w
  const sums = { x: new Sum(), y: new Sum(), xy: new Sum(), xx: new Sum() }
  const count = last - first + 1
  const initial = values[first] ?? NaN
  let constant = true
  for (let index = first; index <= last; index++) {
    const x = ((times[index] ?? NaN) - originMs) / 1000
    const y = values[index] ?? NaN
    if (y !== initial) constant = false
    sums.x.add(x)
    sums.y.add(y)
    sums.xy.add(x * y)
    sums.xx.add(x * x)
  }
  if (constant) return Math.abs(initial) === Infinity ? { slope: NaN, intercept: NaN } : { slope: 0, intercept: initial }
  const x = sums.x.value()
  const y = sums.y.value()
  const covariance = sums.xy.value() - (x * y) / count
  const variance = sums.xx.value() - (x * x) / count
  const slope = covariance / variance
  return { slope, intercept: y / count - (slope * x) / count }
}

/** Holt's linear trend. */
function smooth({ values, first, last }: Window, level: number, trendFactor: number): number | undefined {
  if (!(level > 0 && level < 1)) throw new EvaluationError('execution', `invalid smoothing factor. Expected: 0 < sf < 1, got: ${level.toFixed(6)}`)
  if (!(trendFactor > 0 && trendFactor < 1)) throw new EvaluationError('execution', `invalid trend factor. Expected: 0 < tf < 1, got: ${trendFactor.toFixed(6)}`)
  if (last <= first) return undefined
  let before = 0
  let smoothed = values[first] ?? NaN
  let trend = (values[first + 1] ?? NaN) - smoothed
  for (let index = first + 1; index <= last; index++) {
    if (index > first + 1) trend = trendFactor * (smoothed - before) + (1 - trendFactor) * trend
    const next = level * (values[index] ?? NaN) + (1 - level) * (smoothed + trend)
    before = smoothed
    smoothed = next
  }
  return smoothed
}

export const rateFunctions: FunctionTable = {
  rate: whole((call, context) => counterRate(call, context, true)),
  increase: whole((call, context) => counterRate(call, context, false)),
  delta: window((w) => extrapolated(w, false, false)),
  irate: window((w) => instantChange(w, true)),
  idelta: window((w) => instantChange(w, false)),
  deriv: window((w) => (w.last > w.first ? regression(w, w.times[w.first] ?? 0).slope : undefined)),
  predict_linear: window((w, [seconds = NaN]) => {
    if (w.last <= w.first) return undefined
    const { slope, intercept } = regression(w, w.atMs)
    return slope * seconds + intercept
  }),
  double_exponential_smoothing: window((w, [level = NaN, trend = NaN]) => smooth(w, level, trend)),
}
