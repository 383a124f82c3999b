/** What people do to an incident. Pure; an act that is not taken says why. */
import type { EventOf } from './event.ts'
import { condition, moreUrgent } from './incident.ts'
import type { Incident } from './incident.ts'
import { refused, stepped, unchanged } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { entering, windowOver } from './telemetry.ts'

/** Files one incident may hold: a bound on its projection. */
const ATTACHMENTS = 50

const isEmpty = (text: string): boolean => text.trim() === ''

export function acknowledge(before: Incident, event: EventOf<'acknowledge'>, now: number): Outcome {
  if (before.response !== null) return refused({ code: 'acknowledged-already', ...before.response })
  // Who called has taken it; who wrote it down has only written it down.
  const by = event.source.kind === 'phone' ? event.source.calledBy : event.by
  const calledAt = event.source.kind === 'phone' ? event.source.at : undefined
  if (calledAt !== undefined && (calledAt > now || calledAt < before.startedAt)) return refused({ code: 'time-wrong' })
  return stepped({ ...before, response: { at: calledAt ?? now, by, source: event.source } }, 'acknowledged')
}

export function dispose(before: Incident, event: EventOf<'dispose'>, now: number): Outcome {
  const text = event.text.trim()
  if (text === '') return refused({ code: 'text-missing' })
  const disposal = { at: now, by: event.by, text, condition: condition(before), snapshot: event.snapshot }
  // Who reports a disposal has taken the incident.
  const response = before.response ?? { at: now, by: event.by, source: { kind: 'disposal' } as const }
  return stepped({ ...before, response, disposals: [...before.disposals, disposal] }, 'disposed')
}

export function comment(before: Incident, event: EventOf<'comment'>): Outcome {
  return isEmpty(event.text) ? refused({ code: 'text-missing' }) : stepped(before, 'commented')
}

export function assign(before: Incident, event: EventOf<'assign'>, now: number): Outcome {
  const { to, who, by } = event
  const known = before.assignee
  if (known?.to === to && known.who?.kind === who?.kind && known.who?.id === who?.id) return unchanged
  return stepped({ ...before, assignee: { to, ...(who === undefined ? {} : { who }), by, at: now } }, 'assigned')
}

export function unassign(before: Incident): Outcome {
  return before.assignee === null ? unchanged : stepped({ ...before, assignee: null }, 'unassigned')
}

export function attach(before: Incident, event: EventOf<'attach'>): Outcome {
  if (before.attachments.length >= ATTACHMENTS) return refused({ code: 'too-many' })
  return stepped({ ...before, attachments: [...before.attachments, event.attachment] }, 'attached')
}

export function rootCause(before: Incident, event: EventOf<'root-cause'>, now: number): Outcome {
  const text = event.text.trim()
  if (text === '') return refused({ code: 'text-missing' })
  return stepped({ ...before, rootCause: { category: event.category, text, by: event.by, at: now } }, 'root-cause')
}

export function work(before: Incident, event: EventOf<'work'>): Outcome {
  if (isEmpty(event.text)) return refused({ code: 'text-missing' })
  return stepped({ ...before, workMinutes: before.workMinutes + event.minutes }, 'worked')
}

/** A person may go above what the telemetry says, and back down to it, never below. */
export function setSeverity(before: Incident, event: EventOf<'set-severity'>): Outcome {
  if (isEmpty(event.reason)) return refused({ code: 'text-missing' })
  if (before.telemetrySeverity !== null && moreUrgent(before.telemetrySeverity, event.severity)) return refused({ code: 'below-telemetry' })
  if (event.severity === before.severity) return unchanged
  return stepped({ ...before, severity: event.severity }, 'severity')
}

/** Only where no telemetry can speak: a person judges. Until somebody else confirms, the fault goes on and its clocks run. */
export function claimRecovery(before: Incident, event: EventOf<'claim-recovery'>, now: number): Outcome {
  if (before.alerts.length > 0) return refused({ code: 'telemetry-rules' })
  if (before.claim !== null) return refused({ code: 'claim-waits' })
  const [text, asked] = [event.text.trim(), event.confirmedBy.trim()]
  if (text === '') return refused({ code: 'text-missing' })
  if (asked === '' || asked === event.by) return refused({ code: 'confirmation-missing' })
  if (event.at > now || event.at < before.startedAt) return refused({ code: 'time-wrong' })
  return stepped({ ...before, claim: { by: event.by, asked, text, at: event.at, claimedAt: now } }, 'recovery-claimed')
}

/** Over since the time that was claimed. Whether `by` is another human being than the claimant is known to the shell. */
export function confirmRecovery(before: Incident, event: EventOf<'confirm-recovery'>, now: number): Outcome {
  const { claim } = before
  if (claim === null) return refused({ code: 'claim-missing' })
  if (before.alerts.length > 0) return refused({ code: 'telemetry-rules' })
  if (event.by === claim.by) return refused({ code: 'confirmation-missing' })
  const judged = { by: claim.by, confirmedBy: event.by, text: claim.text, at: now }
  return stepped({ ...entering(before, 'recovered', claim.at), recoveredAt: claim.at, judged, claim: null }, 'judged-recovered')
}

export function refuseRecovery(before: Incident, event: EventOf<'refuse-recovery'>): Outcome {
  if (before.claim === null) return refused({ code: 'claim-missing' })
  return isEmpty(event.text) ? refused({ code: 'text-missing' }) : stepped({ ...before, claim: null }, 'recovery-refused')
}

/** As it was before `claimRecovery`: one person judged and named another who was said to have confirmed. */
export function reportRecovery(before: Incident, event: EventOf<'report-recovery'>, now: number): Outcome {
  if (before.alerts.length > 0) return refused({ code: 'telemetry-rules' })
  const [text, confirmedBy] = [event.text.trim(), event.confirmedBy.trim()]
  if (text === '') return refused({ code: 'text-missing' })
  if (confirmedBy === '' || confirmedBy === event.by) return refused({ code: 'confirmation-missing' })
  if (event.at > now || event.at < before.startedAt) return refused({ code: 'time-wrong' })
  const after = { ...entering(before, 'recovered', event.at), recoveredAt: event.at, judged: { by: event.by, confirmedBy, text, at: now } }
  return stepped(after, 'judged-recovered')
}

/** A person may close what the telemetry no longer speaks of (a machine was taken away), never what it shows as bad. */
export function closeBlind(before: Incident, event: EventOf<'close'>, now: number): Outcome {
  return isEmpty(event.text) ? refused({ code: 'text-missing' }) : closeByHand(before, event, now)
}

/** What is recovered may be closed at once, unless its condition holds again. */
export function closeByHand(before: Incident, event: EventOf<'close'>, now: number): Outcome {
  return heldBack(before, event) ? refused({ code: 'pending-again' }) : close(before, now)
}

/** Time closes what has stayed recovered for its window, and what is pending again has not. */
export function settle(before: Incident, event: EventOf<'settle'>, now: number): Outcome {
  return windowOver(before, now) && !heldBack(before, event) ? close(before, now) : unchanged
}

/** Whether an alert that is pending would reopen it; one that began later would be another fault. */
function heldBack(before: Incident, { pendingSince }: EventOf<'close' | 'settle'>): boolean {
  return pendingSince !== undefined && !windowOver(before, pendingSince)
}

function close(before: Incident, now: number): Outcome {
  return stepped({ ...entering(before, 'closed', now), closedAt: now }, 'closed')
}
