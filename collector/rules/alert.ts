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

/** What changed in one evaluation, for the rooms behind: each firing once, each resolution once, and re-templated texts. */
export type AlertChange =
  | { readonly kind: 'firing'; readonly alert: Alert }
  | { readonly kind: 'updated'; readonly alert: Alert }
  | { readonly kind: 'resolved'; readonly alert: Alert }
