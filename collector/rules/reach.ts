import type { Aggregate, Expr } from '../promql/syntax.ts'
import { bare, children } from '../promql/syntax.ts'
import { printMatcher } from '../promql/print.ts'
import { selectorsOf } from '../promql/reach.ts'
import type { SelectorReach } from '../promql/reach.ts'
import { METRIC_NAME } from '../../protocol/series.ts'
import type { Labels } from '../../protocol/series.ts'
import { matcher } from '../store/matcher.ts'
import type { Querier, SeriesSamples } from '../store/store.ts'
import { lookbackMs } from './ask.ts'

/** What a rule's expression reads, worked out once when the rule is loaded. */
export interface Reach {
  readonly selectors: readonly Reading[]
  /** Labels the expression writes itself (label_replace, label_join, count_values): they tie nothing to its series. */
  readonly written: ReadonlySet<string>
  /** Whether each instance's rows depend on that instance's series alone, so that one can be evaluated by itself. */
  readonly perInstance: boolean
}

/** One selector; `text` names it (its matchers as PromQL), equal selectors have equal texts. */
export interface Reading {
  readonly text: string
  readonly metric: string | undefined
  readonly selector: SelectorReach
}

/** Works out what an expression reads. */
export function reachOf(expr: Expr): Reach {
  const readings = new Map<string, Reading>()
  for (const selector of selectorsOf(expr, lookbackMs)) {
    const offset = selector.newerMs === 0 ? '' : ` offset ${selector.newerMs}ms`
    const text = `{${selector.matchers.map(printMatcher).sort().join(',')}}${offset}`
    readings.set(text, { text, metric: selector.metric, selector })
  }
  return { selectors: [...readings.values()], written: writtenLabels(expr), perInstance: keepsApart(expr, 'instance') }
}

function writtenLabels(expr: Expr): ReadonlySet<string> {
  const written = new Set<string>()
  const visit = (node: Expr): void => {
    if (node.kind === 'call' && (node.name === 'label_replace' || node.name === 'label_join')) addText(written, node.args[1])
    if (node.kind === 'aggregate' && node.op === 'count_values') addText(written, node.param)
    children(node).forEach(visit)
  }
  visit(expr)
  return written
}

function addText(into: Set<string>, expr: Expr | undefined): void {
  const node = expr === undefined ? undefined : bare(expr)
  if (node?.kind === 'string') into.add(node.value)
}

/** Functions whose result depends on rows of every value of the label. */
const mixing = new Set(['absent', 'absent_over_time', 'scalar', 'sort', 'sort_desc', 'info'])

/** Whether rows with different values of the label never influence each other and the label reaches the result untouched. */
function keepsApart(expr: Expr, label: string): boolean {
  if (expr.kind === 'call') {
    if (mixing.has(expr.name)) return false
    const target = expr.args[1]
    const writes = expr.name === 'label_replace' || expr.name === 'label_join'
    if (writes && target !== undefined && (target.kind !== 'string' || target.value === label)) return false
  }
  if (expr.kind === 'aggregate' && !groupsBy(expr, label)) return false
  if (expr.kind === 'binary') {
    const { matching } = expr
    if (matching.on !== matching.labels.includes(label)) return false
  }
  return children(expr).every((child) => keepsApart(child, label))
}

function groupsBy(expr: Aggregate, label: string): boolean {
  return expr.without !== expr.grouping.includes(label)
}

/** Whether the series may stand behind a row with these labels: no label of both differs, written ones aside. */
export function belongs(series: Labels, result: Labels, written: ReadonlySet<string>): boolean {
  for (const name of Object.keys(result)) {
    if (name === METRIC_NAME || written.has(name)) continue
    const value = series[name]
    if (value !== undefined && value !== result[name]) return false
  }
  return true
}

/** The selector's series that may stand behind the row, with their samples in [fromMs, toMs]. */
export function seriesBehind(reading: Reading, result: Labels, written: ReadonlySet<string>, querier: Querier, fromMs: number, toMs: number): readonly SeriesSamples[] {
  const instance = result['instance']
  const matchers = reading.selector.matchers
  // A series without the label could belong to the row too, hence the empty alternative.
  const narrowed = instance === undefined || written.has('instance') ? matchers : [...matchers, oneOrNone(instance)]
  return querier.select(narrowed, fromMs, toMs).filter((series) => belongs(series.labels, result, written))
}

function oneOrNone(instance: string): ReturnType<typeof matcher> {
  return { name: 'instance', op: '=~', value: instance, literals: [instance, ''], matches: (text) => text === instance || text === '' }
}
