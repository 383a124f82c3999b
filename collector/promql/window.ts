/** Runs a function over each series' window at each step. */
import { BlockBuilder, type Block } from './block.ts'
import type { Context, Matrix } from './context.ts'
import type { Row } from './rows.ts'
import type { Expr } from './syntax.ts'

/** One series' samples `first` to `last` (included) of one window, and the window itself. */
export interface Window {
  times: Float64Array
  values: Float64Array
  first: number
  last: number
  /** Left-open window. */
  startMs: number
  endMs: number
  /** The time the query asks about: differs from `endMs` under offset and @. */
  atMs: number
  row: Row
}

/** A window's value; undefined for none. `params`: the scalar arguments at this step. */
export type WindowFunction = (window: Window, params: readonly number[]) => number | undefined

/** Applies `apply` wherever a window holds at least one sample; `node` is the call. `keepsName`: results are still that metric. */
export function overWindows(
  node: Expr, matrix: Matrix, scalars: readonly Float64Array[], context: Context, keepsName: boolean, apply: WindowFunction,
): Block {
  const { ends, rangeMs, series } = matrix
  context.spend(series.length * context.steps)
  const builder = new BlockBuilder(context.steps, series.length)
  const params: number[] = scalars.map((values) => values[0] ?? NaN)
  for (const one of series) {
    const { times, values, row } = one
    const window: Window = { times, values, first: 0, last: -1, startMs: 0, endMs: 0, atMs: 0, row }
    for (let step = 0; step < context.steps; step++) {
      window.endMs = ends[step] ?? 0
      window.startMs = window.endMs - rangeMs
      while (window.last + 1 < times.length && (times[window.last + 1] ?? 0) <= window.endMs) window.last += 1
      while (window.first <= window.last && (times[window.first] ?? 0) <= window.startMs) window.first += 1
      if (window.first > window.last) continue
      context.tick(window.last - window.first + 1)
      window.atMs = context.time(step)
      for (let index = 0; index < scalars.length; index++) params[index] = scalars[index]?.[step] ?? NaN
      const value = apply(window, params)
      if (value !== undefined) builder.set(step, value)
    }
    builder.end(row, !keepsName || one.drop)
  }
  return context.steady(node, builder.build())
}
