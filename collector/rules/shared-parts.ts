import { METRIC_NAME, type Labels } from '../../protocol/series.ts'
import type { Result, SharedResults } from '../promql/context.ts'
import { printExpr } from '../promql/print.ts'
import { selectorsOf } from '../promql/reach.ts'
import { children } from '../promql/syntax.ts'
import type { Expr } from '../promql/syntax.ts'

/** One part that stands more than once in a group's expressions; equal parts have the same object here. */
interface Part {
  /** Metrics it reads; undefined: a selector names none, so any may concern it. */
  readonly metrics: ReadonlySet<string> | undefined
}

/** The parts of a group's expressions that are worth computing once, by every node where they stand. */
export type SharedParts = ReadonlyMap<Expr, Part>

/** Finds the parts (selectors and everything above them) that occur at least twice in these expressions. */
export function sharedParts(expressions: readonly Expr[]): SharedParts {
  const places = new Map<string, Expr[]>()
  const visit = (node: Expr): void => {
    // Range vectors are no results, and what is inside a subquery is asked on another grid.
    if (node.kind === 'matrix' || node.kind === 'subquery' || node.kind === 'number' || node.kind === 'string') return
    if (node.kind !== 'paren') {
      const text = printExpr(node)
      const nodes = places.get(text)
      if (nodes === undefined) places.set(text, [node])
      else nodes.push(node)
    }
    children(node).forEach(visit)
  }
  expressions.forEach(visit)
  const parts = new Map<Expr, Part>()
  for (const nodes of places.values()) {
    const [first] = nodes
    if (first === undefined || nodes.length < 2) continue
    const part = { metrics: metricsOf(first) }
    for (const node of nodes) parts.set(node, part)
  }
  return parts
}

function metricsOf(expr: Expr): ReadonlySet<string> | undefined {
  const metrics = new Set<string>()
  for (const { metric } of selectorsOf(expr)) {
    if (metric === undefined) return undefined
    metrics.add(metric)
  }
  return metrics
}

/** Results of one group's shared parts at one time. */
export interface GroupResults extends SharedResults {
  /** Forgets what has read these series' metrics: a rule has just written them. */
  written(...series: Iterable<Labels>[]): void
}

/** Starts empty; for one evaluation of one group. */
export function groupResults(parts: SharedParts): GroupResults {
  const results = new Map<Part, Result>()
  return {
    get(node) {
      const part = parts.get(node)
      return part === undefined ? undefined : results.get(part)
    },
    set(node, result) {
      const part = parts.get(node)
      if (part !== undefined) results.set(part, result)
    },
    written(...series) {
      if (results.size === 0) return
      const names = new Set<string>()
      for (const list of series) for (const labels of list) names.add(labels[METRIC_NAME] ?? '')
      for (const part of results.keys()) if (part.metrics === undefined || [...names].some((name) => part.metrics?.has(name) === true)) results.delete(part)
    },
  }
}
