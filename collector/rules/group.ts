import type { Labels } from '../../protocol/series.ts'
import type { Querier } from '../store/store.ts'
import type { Alert, AlertChange } from './alert.ts'
import { Plans } from '../promql/plans.ts'
import type { Work } from '../promql/work.ts'
import type { Overlay } from './overlay.ts'
import type { LabelMaker, WrittenSample } from './keyed-series.ts'
import { recordLabels } from './observe.ts'
import { evaluateRule } from './pass.ts'
import { reachOf } from './reach.ts'
import type { Reach } from './reach.ts'
import type { Rule, RuleGroup } from './rule.ts'
import { sharedParts } from './shared-parts.ts'
import type { GroupResults, SharedParts } from './shared-parts.ts'
import type { SearchBudget } from './start.ts'
import { alertOf } from './state.ts'
import type { AlertState } from './state.ts'

/** One rule as it runs: what it is, and what it has come to. */
export interface RunningRule {
  readonly rule: Rule
  readonly reach: Reach
  /** Metric names the expression reads; undefined among them: a selector without a name, which any metric may concern. */
  readonly names: ReadonlySet<string | undefined>
  /** What its evaluations have worked out about label sets. */
  readonly plans: Plans
  states: ReadonlyMap<string, AlertState>
  /** Label sets written by the newest evaluation, by key; those not written again end. */
  written: ReadonlyMap<string, Labels>
  readonly recorded: LabelMaker | undefined
  /** The store's columns of the series written last. */
  columns: WrittenColumns | undefined
  lastAt: number | undefined
  seconds: number
  health: 'unknown' | 'ok' | 'err'
  lastError: string | undefined
}

/** Column numbers of label sets, in their order. */
export interface WrittenColumns {
  readonly labels: readonly Labels[]
  readonly columns: Uint32Array
}

export interface RunningGroup {
  readonly group: RuleGroup
  /** `file;group`. */
  readonly id: string
  readonly intervalMs: number
  readonly rules: readonly RunningRule[]
  /** Parts that more than one of its expressions has. */
  readonly parts: SharedParts
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
      rule, reach, names: new Set(reach.selectors.map((reading) => reading.metric)), states: new Map(), written: new Map(), plans: new Plans(),
      recorded: rule.kind === 'recording' ? recordLabels(rule) : undefined, columns: undefined,
      lastAt: undefined, seconds: 0, health: 'unknown', lastError: undefined,
    }
  })
  return { group, id: groupId(group), intervalMs: group.intervalMs ?? defaultIntervalMs, rules, parts: sharedParts(group.rules.map(({ expr }) => expr)), lastAt: undefined, seconds: 0 }
}

/** What templates and time need for one evaluation of one rule. */
export interface RuleContext {
  readonly now: number
  readonly externalLabels: Labels
  readonly externalUrl: string
  /** Monotonic seconds of work, for durations. */
  seconds(): number
  onTemplateFailure(message: string): void
  /** Results shared by the rules of this evaluation of the group. */
  readonly shared: GroupResults
  /** What the pass may spend on finding starts. */
  readonly search: SearchBudget
}

/** The rule's row for the store: `series` at `at`; series that were written before and are not among them end. */
export interface RuleRow {
  readonly at: number
  readonly series: readonly WrittenSample[]
}

/** What one evaluation of a rule gave. */
export interface RuleOutcome {
  readonly changes: readonly AlertChange[]
  readonly row: RuleRow | undefined
}

/** Evaluates one running rule at `context.now` and moves it on. The row is undefined when there is nothing to write. */
export function* runRule(group: RunningGroup, running: RunningRule, over: Overlay, context: RuleContext): Work<RuleOutcome> {
  const began = context.seconds()
  const outcome = yield* evaluateRule({
    group: { id: group.id, limit: group.group.limit, queryOffsetMs: group.group.queryOffsetMs },
    rule: running.rule, reach: running.reach, states: running.states, querier: over satisfies Querier, now: context.now,
    externalLabels: context.externalLabels, externalUrl: context.externalUrl, onTemplateFailure: context.onTemplateFailure,
    plans: running.plans, ...(running.recorded === undefined ? {} : { recorded: running.recorded }), shared: context.shared, search: context.search,
  })
  running.states = outcome.states
  running.lastAt = context.now
  running.health = outcome.error === undefined ? 'ok' : 'err'
  running.lastError = outcome.error?.message
  const row = outcome.series === undefined ? undefined : writeOver(running, over, context.shared, context.now - group.group.queryOffsetMs, outcome.series)
  running.seconds = context.seconds() - began
  return { changes: outcome.changes, row }
}

function writeOver(running: RunningRule, over: Overlay, shared: GroupResults, at: number, series: readonly WrittenSample[]): RuleRow | undefined {
  const written = new Map(series.map(({ key, labels }) => [key, labels]))
  const gone = [...running.written].filter(([key]) => !written.has(key)).map(([, labels]) => labels)
  running.written = written
  if (series.length === 0 && gone.length === 0) return undefined
  over.put(at, series, gone)
  shared.written(written.values(), gone)
  return { at, series }
}

/** The group's alerts as other rooms see them; resolved ones while they are kept. */
export function alertsOf(group: RunningGroup): readonly Alert[] {
  return group.rules.flatMap(({ rule, states }) => [...states.values()].map((state) => alertOf(group.id, rule.name, state)))
}
