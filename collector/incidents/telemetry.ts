/** What alerts do to an incident: they join, end, lose their data, and come back. Pure. */
import type { AlertFacts, EventOf, JoinedAlert } from './event.ts'
import { endOf, isRunning, moreUrgent, stateOf, worst } from './incident.ts'
import type { Incident } from './incident.ts'
import { refused, stepped, unchanged } from './outcome.ts'
import type { Outcome } from './outcome.ts'

/** Goes to a state, keeping account of when the monitoring was blind. `at` is when it became so. */
export function entering(incident: Incident, state: Incident['state'], at: number): Incident {
  if (state === incident.state) return incident
  const last = incident.blind.at(-1)
  const ended = incident.state === 'blind' && last !== undefined ? [...incident.blind.slice(0, -1), { from: last.from, to: Math.max(last.from, at) }] : incident.blind
  return { ...incident, state, blind: state === 'blind' ? [...ended, { from: at, to: null }] : ended }
}

/** What an incident becomes when its alerts have changed at `at`. */
export function settled(incident: Incident, mark: 'alert-resolved' | 'data-lost' | 'split-off', at: number): Outcome {
  const state = stateOf(incident.alerts)
  if (state !== 'recovered') return stepped(entering(incident, state, at), mark)
  const recoveredAt = Math.max(incident.startedAt, ...incident.alerts.map((one) => one.changedAt))
  const recovered = { ...entering(incident, 'recovered', at), recoveredAt }
  return stepped(recovered, mark === 'split-off' ? mark : 'recovered')
}

/** A firing alert, new or known, in an incident whose fault is running. */
export function join(before: Incident, event: { readonly alert: AlertFacts }, now: number): Outcome {
  const { alert } = event
  const known = before.alerts.find((one) => one.fingerprint === alert.fingerprint)
  if (known?.state === 'firing' && alert.startedAt >= known.startedAt) return unchanged
  const worse = moreUrgent(alert.severity, before.severity)
  const incident: Incident = {
    ...entering(before, 'open', now),
    startedAt: Math.min(before.startedAt, alert.startedAt),
    severity: worst(before.severity, alert.severity),
    telemetrySeverity: worst(before.telemetrySeverity, alert.severity),
    title: worse ? alert.summary : before.title,
    alerts: withAlert(before.alerts, alert, now),
  }
  const mark = known === undefined || known.state === 'resolved' ? 'alert-joined' : 'alert-updated'
  return stepped(incident, mark)
}

function withAlert(alerts: readonly JoinedAlert[], alert: AlertFacts, now: number): readonly JoinedAlert[] {
  const known = alerts.find((one) => one.fingerprint === alert.fingerprint)
  const startedAt = known !== undefined && known.state !== 'resolved' ? Math.min(known.startedAt, alert.startedAt) : alert.startedAt
  const joined: JoinedAlert = { ...alert, startedAt, state: 'firing', joinedAt: known?.joinedAt ?? now, changedAt: now }
  return known === undefined ? [...alerts, joined] : alerts.map((one) => (one === known ? joined : one))
}

/** An alert has ended, or its data have. */
export function resolve(before: Incident, event: EventOf<'alert-resolved'>, now: number): Outcome {
  const known = before.alerts.find((one) => one.fingerprint === event.fingerprint)
  const state = event.why === 'no-data' ? 'no-data' : 'resolved'
  // Silence after recovery takes nothing back, and a second report of the same end says nothing new.
  if (known === undefined || known.state === 'resolved' || known.state === state) return unchanged
  const changedAt = Math.min(event.at, now)
  const alerts = before.alerts.map((one) => (one === known ? { ...one, state, changedAt } as const : one))
  return settled({ ...before, alerts }, state === 'no-data' ? 'data-lost' : 'alert-resolved', changedAt)
}

/** An alert of a fault that was over. */
export function reopen(before: Incident, event: { readonly alert: AlertFacts }, now: number): Outcome {
  if (windowOver(before, event.alert.startedAt)) return refused({ code: 'reopen-window-over' })
  const joined = join(running(before, now), event, now)
  if (joined.kind !== 'stepped') return joined
  return stepped(joined.incident, 'reopened')
}

/** A person says that a fault nobody else sees is back. */
export function reopenByHand(before: Incident, event: EventOf<'reopen'>, now: number): Outcome {
  if (before.alerts.length > 0) return refused({ code: 'telemetry-rules' })
  if (event.text.trim() === '') return refused({ code: 'text-missing' })
  if (windowOver(before, now)) return refused({ code: 'reopen-window-over' })
  return stepped(running(before, now), 'reopened')
}

function running(before: Incident, now: number): Incident {
  return { ...entering(before, 'open', now), recoveredAt: null, judged: null, closedAt: null, reopenings: before.reopenings + 1 }
}

/** Whether a fault that starts at `at` is another fault. */
export function windowOver(before: Incident, at: number): boolean {
  const endedAt = isRunning(before) ? undefined : endOf(before)
  return endedAt !== undefined && at - endedAt > before.profile.reopenWithinMs
}
