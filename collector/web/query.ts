/** Questions in PromQL over the store, with limits that keep one of them from holding up everything else. */
import { EvaluationError } from '../promql/errors.ts'
import { evaluateInstant, evaluateRange } from '../promql/evaluate.ts'
import { parse } from '../promql/parse.ts'
import type { Expr } from '../promql/syntax.ts'
import type { Matcher, Store } from '../store/store.ts'
import type { QueryDependencies } from './dependencies.ts'
import { ParameterError } from './parameters.ts'

/** Longest one question may run, milliseconds; it runs beside ingest and alerting until queries get threads of their own. */
const deadlineMs = 3_000
const maxSamples = 20_000_000

/** Parsed questions are kept: consoles ask the same ones over and over. */
const keepParsed = 500

export function queryRoom(store: Store, now: () => number): QueryDependencies {
  const parsed = new Map<string, Expr>()
  const expression = (text: string): Expr => {
    const known = parsed.get(text)
    if (known !== undefined) return known
    const expr = parse(text)
    if (parsed.size >= keepParsed) parsed.delete(parsed.keys().next().value ?? '')
    parsed.set(text, expr)
    return expr
  }
  const options = () => {
    const end = now() + deadlineMs
    return {
      maxSamples,
      check: () => {
        if (now() > end) throw new EvaluationError('limit', `query timed out after ${deadlineMs / 1000} s`)
      },
    }
  }
  const matchersOf = (selector: string): readonly Matcher[] => {
    const expr = expression(selector)
    if (expr.kind !== 'vector') throw new ParameterError(`invalid parameter "match[]": ${selector} is no series selector`)
    return expr.matchers
  }
  /** Every selector's answer once; no selector means all series. */
  const union = <T>(selectors: readonly string[], key: (one: T) => string, ask: (matchers: readonly Matcher[]) => readonly T[]): readonly T[] => {
    if (selectors.length === 0) return ask([])
    const found = new Map<string, T>()
    for (const selector of selectors) for (const one of ask(matchersOf(selector))) found.set(key(one), one)
    return [...found.values()]
  }
  return {
    instant: (expr, atMs) => evaluateInstant(expression(expr), store, atMs, options()),
    range: (expr, startMs, endMs, stepMs) => evaluateRange(expression(expr), store, startMs, endMs, stepMs, options()),
    labelNames: (selectors) => [...union<string>(selectors, (name) => name, (matchers) => store.labelNames(matchers))].sort(),
    labelValues: (name, selectors) => [...union<string>(selectors, (value) => value, (matchers) => store.labelValues(name, matchers))].sort(),
    series: (selectors) => union(selectors, (labels) => JSON.stringify(Object.entries(labels).sort()), (matchers) => store.series(matchers)),
  }
}
