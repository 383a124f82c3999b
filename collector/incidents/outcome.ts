/** What can come of an event. */
import type { AckSource } from './event.ts'
import type { Incident } from './incident.ts'

/** What a step was, in the words of the timeline and of `incident_event.kind`. */
export type Mark =
  | 'opened'
  | 'reported'
  | 'split-opened'
  | 'alert-joined'
  | 'alert-updated'
  | 'reopened'
  | 'alert-resolved'
  | 'data-lost'
  | 'recovered'
  | 'alerts-hidden'
  | 'alerts-unhidden'
  | 'absorbed-others'
  | 'absorbed'
  | 'merged-other'
  | 'merged'
  | 'split-off'
  | 'acknowledged'
  | 'disposed'
  | 'commented'
  | 'assigned'
  | 'unassigned'
  | 'attached'
  | 'root-cause'
  | 'worked'
  | 'severity'
  | 'judged-recovered'
  | 'recovery-claimed'
  | 'recovery-refused'
  | 'closed'

/** Why an act was not taken. */
export type Refusal =
  | { readonly code: 'acknowledged-already'; readonly by: string; readonly at: number; readonly source: AckSource }
  | { readonly code: 'merged'; readonly number: string }
  | { readonly code: 'text-missing' }
  | { readonly code: 'confirmation-missing' }
  /** Of a recovery by hand: one waits already, or none does. */
  | { readonly code: 'claim-waits' | 'claim-missing' }
  | { readonly code: 'time-wrong' }
  | { readonly code: 'still-bad' }
  | { readonly code: 'pending-again' }
  | { readonly code: 'recovery-missing' }
  | { readonly code: 'telemetry-rules' }
  | { readonly code: 'below-telemetry' }
  | { readonly code: 'not-running' }
  | { readonly code: 'running' }
  | { readonly code: 'closed' }
  | { readonly code: 'reopen-window-over' }
  | { readonly code: 'wrong-choice' }
  | { readonly code: 'too-many' }

/** What came of an event. `unchanged` events are not stored. */
export type Outcome =
  | { readonly kind: 'stepped'; readonly incident: Incident; readonly mark: Mark }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
export type Stepped = Extract<Outcome, { kind: 'stepped' }>

export const unchanged: Outcome = { kind: 'unchanged' }
export const refused = (refusal: Refusal): Outcome => ({ kind: 'refused', refusal })
export const stepped = (incident: Incident, mark: Mark): Stepped => ({ kind: 'stepped', incident, mark })
