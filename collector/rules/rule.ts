/** The shape of rule files (Prometheus's format) after parsing. Durations are milliseconds. */
import type { Expr } from '../promql/syntax.ts'
import type { Labels } from '../../protocol/series.ts'
import type { Template } from './template/expand.ts'

/** A label or annotation with its parsed text. */
export interface NamedTemplate {
  readonly name: string
  readonly template: Template
}

interface RuleBase {
  /**
   * Identity of the rule in its group over reloads and restarts: name and labels, numbered where they repeat. The
   * expression is no part of it: a corrected threshold keeps the state of its alerts, as in Prometheus.
   */
  readonly key: string
  /** `record` or `alert`. */
  readonly name: string
  readonly expr: Expr
  /** The expression as it stands in the file. */
  readonly query: string
  /** Where the rule begins: `host.yml:12:5`. */
  readonly place: string
}

export interface AlertingRule extends RuleBase {
  readonly kind: 'alerting'
  readonly forMs: number
  readonly keepFiringForMs: number
  readonly labels: readonly NamedTemplate[]
  readonly annotations: readonly NamedTemplate[]
}

export interface RecordingRule extends RuleBase {
  readonly kind: 'recording'
  readonly labels: Labels
}

export type Rule = AlertingRule | RecordingRule

export interface RuleGroup {
  /** The file's name inside the rules folder. */
  readonly file: string
  readonly name: string
  /** undefined: the default of the settings. */
  readonly intervalMs: number | undefined
  /** Most alerts or series one rule may yield; 0: no limit. */
  readonly limit: number
  /** The expressions are evaluated this much earlier than the evaluation's own time. */
  readonly queryOffsetMs: number
  readonly rules: readonly Rule[]
}

/** One mistake in a rule file; `place` is `file:line:column`, `path` the key path (`groups[0].rules[2].expr`). */
export interface Mistake {
  readonly place: string
  readonly path: string
  readonly message: string
}

/** `host.yml:12:11: groups[0].rules[2].expr: …`: one line for people. */
export function mistakeText(mistake: Mistake): string {
  return mistake.path === '' ? `${mistake.place}: ${mistake.message}` : `${mistake.place}: ${mistake.path}: ${mistake.message}`
}

/** The result of reading rule files: the groups, or everything that is wrong with them. */
export type RuleFiles =
  | { readonly kind: 'ok'; readonly groups: readonly RuleGroup[] }
  | { readonly kind: 'mistakes'; readonly mistakes: readonly Mistake[] }

/** Whether Prometheus takes it as a label name (classic names, no UTF-8 extension). */
export function isLabelName(name: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)
}

/** Whether Prometheus takes it as a metric name (classic names). */
export function isMetricName(name: string): boolean {
  return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)
}
