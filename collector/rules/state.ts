import { createHash } from 'node:crypto'
import { seriesKey } from '../../protocol/series.ts'
import type { Labels } from '../../protocol/series.ts'
import type { Alert, ResolvedWhy } from './alert.ts'

/** The end of an alert that had fired. */
export interface Resolution {
  readonly firedAt: number
  readonly resolvedAt: number
  readonly why: ResolvedWhy
  /** Selectors (as PromQL) that had data while the condition held; all must have data again before `condition-false`. */
  readonly needed: readonly string[]
}

/** An earlier firing that ended for lack of data and whose recovery is still owed, with its own beginning. */
export interface Unproven extends Resolution {
  readonly activeAt: number
  readonly startedAt: number
}

/** The three states of SPEC.md; an inactive alert has none. Times are evaluation times in epoch milliseconds. */
export type Phase =
  | { readonly state: 'pending'; readonly unproven: Unproven | undefined }
  /** `clearedAt`: since when the condition does not hold while keep_firing_for holds the alert. */
  | { readonly state: 'firing'; readonly firedAt: number; readonly clearedAt: number | undefined }
  | ({ readonly state: 'resolved' } & Resolution)

/** One alert of one rule between two evaluations. */
export interface AlertState {
  readonly labels: Labels
  /** The result's own labels without `__name__`: what ties the alert to its series. */
  readonly result: Labels
  readonly annotations: Readonly<Record<string, string>>
  readonly value: number
  readonly activeAt: number
  readonly startedAt: number
  /** Newest evaluation at which the condition held. */
  readonly heldAt: number
  readonly phase: Phase
  /** After a restart: until then, missing data changes nothing (SPEC R3). */
  readonly graceUntil: number | undefined
}

/** By the label set's object, which an alert keeps for life: ten thousand are asked for with every look at the console. */
const fingerprints = new WeakMap<Labels, string>()

/** 16 hex digits of a label set, which must not be changed any more: equal sets, equal fingerprints, over restarts. */
export function fingerprint(labels: Labels): string {
  const known = fingerprints.get(labels)
  if (known !== undefined) return known
  const made = createHash('sha256').update(seriesKey(labels)).digest('hex').slice(0, 16)
  fingerprints.set(labels, made)
  return made
}

/** The alert as later rooms see it. */
export function alertOf(group: string, name: string, state: AlertState): Alert {
  const { phase } = state
  return {
    fingerprint: fingerprint(state.labels), group, name, labels: state.labels, annotations: state.annotations,
    state: phase.state, activeAt: state.activeAt, startedAt: state.startedAt, value: state.value,
    firedAt: phase.state === 'pending' ? undefined : phase.firedAt,
    resolvedAt: phase.state === 'resolved' ? phase.resolvedAt : undefined,
  }
}
