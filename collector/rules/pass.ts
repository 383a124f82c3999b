import type { Labels } from '../../protocol/series.ts'
import type { EvaluateOptions, SharedResults } from '../promql/context.ts'
import type { Plans } from '../promql/plans.ts'
import type { Work } from '../promql/work.ts'
import type { Querier } from '../store/store.ts'
import type { AlertChange } from './alert.ts'
import { askInSteps, askVector } from './ask.ts'
import { byInstance } from './by-instance.ts'
import { stepAlerts } from './evaluate.ts'
import { alertSeries } from './keyed-series.ts'
import type { LabelMaker, WrittenSample } from './keyed-series.ts'
import { observeAlerts, recordSeries } from './observe.ts'
import type { Reach } from './reach.ts'
import type { AlertingRule, RecordingRule, Rule } from './rule.ts'
import { dataMissing, selectorsWithData } from './senses.ts'
import { findStarts } from './start.ts'
import type { SearchBudget } from './start.ts'
import type { AlertState } from './state.ts'
import { parse } from '../promql/parse.ts'

/** What one evaluation of one rule needs. */
export interface PassInput {
  readonly group: { readonly id: string; readonly limit: number; readonly queryOffsetMs: number }
  readonly rule: Rule
  readonly reach: Reach
  readonly states: ReadonlyMap<string, AlertState>
  readonly querier: Querier
  /** Evaluation time, epoch milliseconds. */
  readonly now: number
  readonly externalLabels: Labels
  readonly externalUrl: string
  onTemplateFailure(message: string): void
  /** What earlier evaluations of this rule worked out; nothing when left out. */
  readonly plans?: Plans
  /** Label sets that a recording rule has made before. */
  readonly recorded?: LabelMaker
  /** Results that the rules of a group share at this time. */
  readonly shared?: SharedResults
  /** What the pass may spend on finding starts; a budget of its own when left out. */
  readonly search?: SearchBudget
}

/** What came of it. With an error the states are the previous ones unless the limit was exceeded. */
export interface PassOutcome {
  readonly states: ReadonlyMap<string, AlertState>
  readonly changes: readonly AlertChange[]
  /** The series to write at the evaluation's time; undefined: nothing is known, write nothing. */
  readonly series: readonly WrittenSample[] | undefined
  readonly error: Error | undefined
}

/** Evaluates one rule once. Never throws for what the rule or the data do; the error is in the outcome. */
export function* evaluateRule(input: PassInput): Work<PassOutcome> {
  try {
    return yield* input.rule.kind === 'recording' ? evaluateRecording(input, input.rule) : evaluateAlerting(input, input.rule)
  } catch (error) {
    return { states: input.states, changes: [], series: undefined, error: error instanceof Error ? error : new Error(String(error)) }
  }
}

function* evaluateRecording(input: PassInput, rule: RecordingRule): Work<PassOutcome> {
  const samples = yield* askInSteps(rule.expr, input.querier, input.now - input.group.queryOffsetMs, keptBy(input))
  return { states: input.states, changes: [], series: recordSeries(rule, samples, input.group.limit, input.recorded), error: undefined }
}

function keptBy({ plans, shared }: PassInput): Pick<EvaluateOptions, 'plans' | 'shared'> {
  return { ...(plans === undefined ? {} : { plans }), ...(shared === undefined ? {} : { shared }) }
}

function* evaluateAlerting(input: PassInput, rule: AlertingRule): Work<PassOutcome> {
  const { querier, reach, now, states, group } = input
  const at = now - group.queryOffsetMs
  const samples = yield* askInSteps(rule.expr, querier, at, keptBy(input))
  const seen = yield* observeAlerts(rule, samples, {
    now, externalUrl: input.externalUrl, externalLabels: input.externalLabels, onFailure: input.onTemplateFailure,
    query: (text) => askVector(parse(text), querier, at),
  })
  const near = byInstance(querier)
  const step = yield* stepAlerts(rule, group.id, group.limit, states, seen, now, {
    starts: (fresh) => findStarts(rule.expr, reach, fresh, querier, at, floorsOf(states), input.search),
    needed: (result, when) => selectorsWithData(reach, result, near, when - group.queryOffsetMs),
    missing: (result, needed) => dataMissing(reach, result, needed, near, at),
  })
  return { states: step.states, changes: step.changes, series: alertSeries(step.states.values()), error: step.error }
}

/** A new firing of the same alert cannot have begun before the last one ended. */
function floorsOf(states: ReadonlyMap<string, AlertState>): ReadonlyMap<string, number> {
  const floors = new Map<string, number>()
  for (const [key, { phase }] of states) {
    if (phase.state === 'resolved' && phase.why === 'condition-false') floors.set(key, phase.resolvedAt)
  }
  return floors
}
