import { printExpr } from '../promql/print.ts'
import type { Labels } from '../../protocol/series.ts'
import type { RunningGroup, RunningRule } from './group.ts'
import type { NamedTemplate } from './rule.ts'

/** One group with its health, as `/api/v1/rules` wants it. Times in epoch milliseconds, durations in seconds. */
export interface RuleGroupStatus {
  readonly name: string
  readonly file: string
  readonly intervalMs: number
  readonly lastEvaluationAt: number | undefined
  readonly evaluationSeconds: number
  readonly rules: readonly RuleStatus[]
}

export interface RuleStatus {
  readonly type: 'alerting' | 'recording'
  readonly name: string
  /** Canonical PromQL. */
  readonly query: string
  readonly durationSeconds: number
  readonly keepFiringForSeconds: number
  /** As written in the file, templates not expanded. */
  readonly labels: Labels
  readonly annotations: Readonly<Record<string, string>>
  readonly health: 'ok' | 'err' | 'unknown'
  readonly lastError: string | undefined
  readonly lastEvaluationAt: number | undefined
  readonly evaluationSeconds: number
}

/** What a running group looks like from outside. */
export function groupStatus({ group, intervalMs, lastAt, seconds, rules }: RunningGroup): RuleGroupStatus {
  return { name: group.name, file: group.file, intervalMs, lastEvaluationAt: lastAt, evaluationSeconds: seconds, rules: rules.map(ruleStatus) }
}

function ruleStatus({ rule, health, lastError, lastAt, seconds }: RunningRule): RuleStatus {
  const common = { name: rule.name, query: printExpr(rule.expr), health, lastError, lastEvaluationAt: lastAt, evaluationSeconds: seconds }
  if (rule.kind === 'recording') return { ...common, type: rule.kind, durationSeconds: 0, keepFiringForSeconds: 0, labels: rule.labels, annotations: {} }
  return {
    ...common, type: rule.kind, durationSeconds: rule.forMs / 1000, keepFiringForSeconds: rule.keepFiringForMs / 1000,
    labels: texts(rule.labels), annotations: texts(rule.annotations),
  }
}

function texts(templates: readonly NamedTemplate[]): Readonly<Record<string, string>> {
  return Object.fromEntries(templates.map(({ name, template }) => [name, template.text]))
}
