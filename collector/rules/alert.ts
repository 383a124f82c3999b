import type { Labels } from '../../protocol/series.ts'

/** One firing (or pending, or just resolved) instance of an alerting rule. Produced by `rules`, read by every later room. */
export interface Alert {
  /** Stable over restarts: `seriesKey` of the labels, hashed to 16 hex digits. */
  readonly fingerprint: string
  readonly group: string
  readonly name: string
  /** alertname, the rule's labels (templated) and the result's, `__name__` left out. */
  readonly labels: Labels
  readonly annotations: Readonly<Record<string, string>>
  readonly state: 'pending' | 'firing' | 'resolved'
  /** Evaluation time at which the condition was first seen to hold. */
  readonly activeAt: number
  /** Earliest sample for which the condition held without a break up to `activeAt`: where the SLA clocks start. */
  readonly startedAt: number
  readonly firedAt: number | undefined
  readonly resolvedAt: number | undefined
  /** Newest value of the expression. */
  readonly value: number
}

/**
 * Why an alert ended. `condition-false`: the series that had made the condition hold are still there and it no longer
 * does. `no-data`: at least one of them is gone or its target is down, so nothing is known; a fault is not recovered by
 * that. When the data come back without the condition, a second `resolved` with `condition-false` follows.
 */
export type ResolvedWhy = 'condition-false' | 'no-data'

/** What changed in one evaluation, for the rooms behind: each firing once, each resolution once, and re-templated texts. */
export type AlertChange =
  | { readonly kind: 'firing'; readonly alert: Alert }
  | { readonly kind: 'updated'; readonly alert: Alert }
  | { readonly kind: 'resolved'; readonly alert: Alert; readonly why: ResolvedWhy }
