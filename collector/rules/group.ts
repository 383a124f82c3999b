import type { Labels } from '../../protocol/series.ts'
import { seriesKey } from '../../protocol/series.ts'
import type { Querier } from '../store/store.ts'
import type { Alert, AlertChange } from './alert.ts'
import type { Overlay } from './overlay.ts'
import { evaluateRule } from './pass.ts'
import { reachOf } from './reach.ts'
import type { Reach } from './reach.ts'
import type { Rule, RuleGroup } from './rule.ts'
import { alertOf } from './state.ts'
import type { AlertState } from './state.ts'
import type { QueriedSample } from './template/functions.ts'

/** One rule as it runs: what it is, and what it has come to. */
export interface RunningRule {
  readonly rule: Rule
  readonly reach: Reach
  /** Metric names the expression reads; undefined among them: a selector without a name, which any metric may concern. */
  readonly names: ReadonlySet<string | undefined>
  states: ReadonlyMap<string, AlertState>
  /** Label sets written by the newest evaluation, by key; those not written again end. */
  written: ReadonlyMap<string, Labels>
  lastAt: number | undefined
  seconds: number
  health: 'unknown' | 'ok' | 'err'
  lastError: string | undefined
}

export interface RunningGroup {
  readonly group: RuleGroup
  /** `file;group`. */
  readonly id: string
  readonly intervalMs: number
  readonly rules: readonly RunningRule[]
  lastAt: number | undefined
  seconds: number
}

/** A group's identity over reloads and restarts. */
export function groupId(group: { readonly file: string; readonly name: string }): string {
  return `${group.file};${group.name}`
}

/** Makes a group ready to run. */
export function startGroup(group: RuleGroup, defaultIntervalMs: number): RunningGroup {
  const rules = group.rules.map((rule): RunningRule => {
    const reach = reachOf(rule.expr)
    return {
      rule, reach, names: new Set(reach.selectors.map((reading) => reading.metric)), states: new Map(), written: new Map(),
      lastAt: undefined, seconds: 0, health: 'unknown', lastError: undefined,
    }
  })
  return { group, id: groupId(group), intervalMs: group.intervalMs ?? defaultIntervalMs, rules, lastAt: undefined, seconds: 0 }
}

/** What templates and time need for one evaluation of one rule. */
export interface RuleContext {
  readonly now: number
  readonly externalLabels: Labels
  readonly externalUrl: string
  /** Monotonic seconds, for durations. */
  seconds(): number
  onTemplateFailure(message: string): void
}

/** The rule's row for the store: `series` at `at`; series that were written before and are not among them end. */
export interface RuleRow {
  readonly at: number
  readonly series: readonly QueriedSample[]
}

/** Evaluates one running rule at `context.now` and moves it on. The row is undefined when there is nothing to write. */
export function runRule(group: RunningGroup, running: RunningRule, over: Overlay, context: RuleContext): {
  readonly changes: readonly AlertChange[]
  readonly row: RuleRow | undefined
} {
  const began = context.seconds()
  const outcome = evaluateRule({
    group: { id: group.id, limit: group.group.limit, queryOffsetMs: group.group.queryOffsetMs },
    rule: running.rule, reach: running.reach, states: running.states, querier: over satisfies Querier, now: context.now,
    externalLabels: context.externalLabels, externalUrl: context.externalUrl, onTemplateFailure: context.onTemplateFailure,
  })
  running.states = outcome.states
  running.lastAt = context.now
  running.health = outcome.error === undefined ? 'ok' : 'err'
  running.lastError = outcome.error?.message
  const row = outcome.series === undefined ? undefined : writeOver(running, over, context.now - group.group.queryOffsetMs, outcome.series)
  running.seconds = context.seconds() - began
  return { changes: outcome.changes, row }
}

function writeOver(running: RunningRule, over: Overlay, at: number, series: readonly QueriedSample[]): RuleRow | undefined {
  const written = new Map(series.map(({ labels }) => [seriesKey(labels), labels]))
  const gone = [...running.written].filter(([key]) => !written.has(key)).map(([, labels]) => labels)
  running.written = written
  if (series.length === 0 && gone.length === 0) return undefined
  over.put(at, series, gone)
  return { at, series }
}

/** The group's alerts as other rooms see them; resolved ones while they are kept. */
export function alertsOf(group: RunningGroup): readonly Alert[] {
  return group.rules.flatMap(({ rule, states }) => [...states.values()].map((state) => alertOf(group.id, rule.name, state)))
}
