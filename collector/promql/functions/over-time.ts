/** Functions over one series' window: `…_over_time`, changes, resets. */
import { Mean, Sum } from '../kahan.ts'
import { quantile } from '../quantile.ts'
import type { Window } from '../window.ts'
import { window, type FunctionTable } from './function.ts'

/** The value at an index inside the window. */
function at({ values }: Window, index: number): number {
  return values[index] ?? NaN
}

function size({ first, last }: Window): number {
  return last - first + 1
}

/** The window's values, copied. */
function copy({ values, first, last }: Window): number[] {
  return Array.from(values.subarray(first, last + 1))
}

/** Index of the extreme: NaN gives way to any number. `better` says whether a value replaces the best so far. */
function extreme(w: Window, better: (value: number, best: number) => boolean): number {
  let best = w.first
  for (let index = w.first + 1; index <= w.last; index++) {
    if (better(at(w, index), at(w, best)) || Number.isNaN(at(w, best))) best = index
  }
  return best
}

/** Population variance by Welford's method with compensated sums. */
function variance(w: Window): number {
  const mean = new Sum()
  const squares = new Sum()
  for (let index = w.first; index <= w.last; index++) {
    const value = at(w, index)
    const delta = value - mean.value()
    mean.add(delta / (index - w.first + 1))
    squares.add(delta * (value - mean.value()))
  }
  return squares.value() / size(w)
}

/** How often two neighbours stand in a relation. */
function countPairs(w: Window, holds: (before: number, after: number) => boolean): number {
  let count = 0
  for (let index = w.first + 1; index <= w.last; index++) if (holds(at(w, index - 1), at(w, index))) count += 1
  return count
}

/** Median absolute deviation; NaN when a value is NaN. */
function deviation(w: Window): number {
  const values = copy(w)
  if (values.some(Number.isNaN)) return NaN
  const median = quantile(0.5, values)
  return quantile(0.5, values.map((value) => Math.abs(value - median)))
}

function seconds({ times }: Window, index: number): number {
  return (times[index] ?? NaN) / 1000
}

export const overTimeFunctions: FunctionTable = {
  sum_over_time: window((w) => {
    const sum = new Sum()
    for (let index = w.first; index <= w.last; index++) sum.add(at(w, index))
    return sum.value()
  }),
  avg_over_time: window((w) => {
    const mean = new Mean()
    for (let index = w.first; index <= w.last; index++) mean.add(at(w, index))
    return mean.value()
  }),
  min_over_time: window((w) => at(w, extreme(w, (value, best) => value < best))),
  max_over_time: window((w) => at(w, extreme(w, (value, best) => value > best))),
  count_over_time: window(size),
  present_over_time: window(() => 1),
  stdvar_over_time: window(variance),
  stddev_over_time: window((w) => Math.sqrt(variance(w))),
  mad_over_time: window(deviation),
  last_over_time: window((w) => at(w, w.last), true),
  first_over_time: window((w) => at(w, w.first), true),
  // Of equal extremes the last one's time counts.
  ts_of_min_over_time: window((w) => seconds(w, extreme(w, (value, best) => value <= best))),
  ts_of_max_over_time: window((w) => seconds(w, extreme(w, (value, best) => value >= best))),
  ts_of_first_over_time: window((w) => seconds(w, w.first)),
  ts_of_last_over_time: window((w) => seconds(w, w.last)),
  changes: window((w) => countPairs(w, (before, after) => before !== after && !(Number.isNaN(before) && Number.isNaN(after)))),
  resets: window((w) => countPairs(w, (before, after) => after < before)),
}
