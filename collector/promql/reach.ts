/** Which series a query reads, and how far back: for evaluating rules when data arrives and for finding a fault's start. */
import type { Matcher } from '../store/store.ts'
import type { At, Expr } from './syntax.ts'

/** One selector of a query. */
export interface SelectorReach {
  /** The metric's name where an equality matcher gives it. */
  readonly metric: string | undefined
  readonly matchers: readonly Matcher[]
  /** `instant`: only the newest sample counts; `range`: every sample of the window. */
  readonly kind: 'instant' | 'range'
  /**
   * For an evaluation at t it may read samples in (t - olderMs, t - newerMs]; newerMs is negative under a negative offset.
   * An instant selector's look-back is included.
   */
  readonly olderMs: number
  readonly newerMs: number
  /** Whether `@` fixes the time, of itself or of a subquery around it; then the window is counted from there. */
  readonly fixed: At | undefined
}

/** Every selector of the query, left to right. `lookbackMs`: as in EvaluateOptions. */
export function selectorsOf(expr: Expr, lookbackMs = 300_000): readonly SelectorReach[] {
  return collect(expr, { olderMs: 0, newerMs: 0, fixed: undefined }, lookbackMs)
}

interface Around {
  readonly olderMs: number
  readonly newerMs: number
  readonly fixed: At | undefined
}

function collect(expr: Expr, around: Around, lookbackMs: number): readonly SelectorReach[] {
  switch (expr.kind) {
    case 'number':
    case 'string':
      return []
    case 'vector':
      return [{ metric: nameOf(expr.matchers), matchers: expr.matchers, kind: 'instant', ...shift(around, expr, lookbackMs) }]
    case 'matrix': {
      const { matchers } = expr.selector
      return [{ metric: nameOf(matchers), matchers, kind: 'range', ...shift(around, expr.selector, expr.rangeMs) }]
    }
    case 'subquery':
      return collect(expr.expr, shift(around, expr, expr.rangeMs), lookbackMs)
    case 'unary':
    case 'paren':
      return collect(expr.expr, around, lookbackMs)
    case 'binary':
      return [...collect(expr.left, around, lookbackMs), ...collect(expr.right, around, lookbackMs)]
    case 'aggregate':
      return [...(expr.param === undefined ? [] : collect(expr.param, around, lookbackMs)), ...collect(expr.expr, around, lookbackMs)]
    case 'call':
      return expr.args.flatMap((arg) => collect(arg, around, lookbackMs))
  }
}

function nameOf(matchers: readonly Matcher[]): string | undefined {
  return matchers.find(({ name, op }) => name === '__name__' && op === '=')?.value
}

/** The window seen through an offset, a range, and an `@`, which counts anew. */
function shift(around: Around, node: { readonly offsetMs: number; readonly at: At | undefined }, rangeMs: number): Around {
  const base = node.at === undefined ? around : { olderMs: 0, newerMs: 0, fixed: node.at }
  return { olderMs: base.olderMs + node.offsetMs + rangeMs, newerMs: base.newerMs + node.offsetMs, fixed: base.fixed }
}
