import { METRIC_NAME } from '../../protocol/series.ts'
import type { Labels } from '../../protocol/series.ts'
import type { Querier } from '../store/store.ts'
import type { AlertChange } from './alert.ts'
import { askVector } from './ask.ts'
import { stepAlerts } from './evaluate.ts'
import { observeAlerts, recordSeries } from './observe.ts'
import type { Reach } from './reach.ts'
import type { AlertingRule, RecordingRule, Rule } from './rule.ts'
import { dataMissing, selectorsWithData } from './senses.ts'
import { findStarts } from './start.ts'
import type { AlertState } from './state.ts'
import type { QueriedSample } from './template/functions.ts'
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
}

/** What came of it. With an error the states are the previous ones unless the limit was exceeded. */
export interface PassOutcome {
  readonly states: ReadonlyMap<string, AlertState>
  readonly changes: readonly AlertChange[]
  /** The series to write at the evaluation's time; undefined: nothing is known, write nothing. */
  readonly series: readonly QueriedSample[] | undefined
  readonly error: Error | undefined
}

/** Evaluates one rule once. Never throws for what the rule or the data do; the error is in the outcome. */
export function evaluateRule(input: PassInput): PassOutcome {
  try {
    return input.rule.kind === 'recording' ? evaluateRecording(input, input.rule) : evaluateAlerting(input, input.rule)
  } catch (error) {
    return { states: input.states, changes: [], series: undefined, error: error instanceof Error ? error : new Error(String(error)) }
  }
}

function evaluateRecording(input: PassInput, rule: RecordingRule): PassOutcome {
  const samples = askVector(rule.expr, input.querier, input.now - input.group.queryOffsetMs)
  return { states: input.states, changes: [], series: recordSeries(rule, samples, input.group.limit), error: undefined }
}

function evaluateAlerting(input: PassInput, rule: AlertingRule): PassOutcome {
  const { querier, reach, now, states, group } = input
  const at = now - group.queryOffsetMs
  const seen = observeAlerts(rule, askVector(rule.expr, querier, at), {
    now, externalUrl: input.externalUrl, externalLabels: input.externalLabels, onFailure: input.onTemplateFailure,
    query: (text) => askVector(parse(text), querier, at),
  })
  const step = stepAlerts(rule, group.id, group.limit, states, seen, now, {
    starts: (fresh) => findStarts(rule.expr, reach, fresh, querier, at, floorsOf(states)),
    needed: (result, when) => selectorsWithData(reach, result, querier, when - group.queryOffsetMs),
    missing: (result, needed) => dataMissing(reach, result, needed, querier, at),
  })
  return { states: step.states, changes: step.changes, series: alertSeries(rule, step.states), error: step.error }
}

/** A new firing of the same alert cannot have begun before the last one ended. */
function floorsOf(states: ReadonlyMap<string, AlertState>): ReadonlyMap<string, number> {
  const floors = new Map<string, number>()
  for (const [key, { phase }] of states) {
    if (phase.state === 'resolved' && phase.why === 'condition-false') floors.set(key, phase.resolvedAt)
  }
  return floors
}

/** ALERTS and ALERTS_FOR_STATE of every pending and firing alert, as Prometheus writes them. */
function alertSeries(rule: AlertingRule, states: ReadonlyMap<string, AlertState>): readonly QueriedSample[] {
  const series: QueriedSample[] = []
  for (const { labels, phase, activeAt } of states.values()) {
    if (phase.state === 'resolved') continue
    series.push({ labels: { ...labels, [METRIC_NAME]: 'ALERTS', alertname: rule.name, alertstate: phase.state }, value: 1 })
    series.push({ labels: { ...labels, [METRIC_NAME]: 'ALERTS_FOR_STATE', alertname: rule.name }, value: Math.floor(activeAt / 1000) })
  }
  return series
}
