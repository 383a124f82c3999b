/**
 * The table of SPEC.md: what every event makes of an incident in every state. Pure: the same events at the same times
 * always give the same incident.
 */
import { absorb, absorbed, hide, merge, merged, splitOff, unhide } from './kinship.ts'
import { acknowledge, assign, attach, closeBlind, closeByHand, comment, dispose, claimRecovery, confirmRecovery, refuseRecovery, reportRecovery, rootCause, setSeverity, settle, unassign, work } from './acts.ts'
import type { IncidentEvent, LiveEvent, OpeningEvent } from './event.ts'
import { blank, stateOf, worst } from './incident.ts'
import type { Incident } from './incident.ts'
import { refused, stepped, unchanged } from './outcome.ts'
import type { Outcome, Stepped } from './outcome.ts'
import { join, reopen, reopenByHand, resolve } from './telemetry.ts'

/** The first event of an incident. */
export function open(event: OpeningEvent, now: number): Stepped {
  const { id, number, key, service, instance, part, fault, profile } = event
  const subject = { ...blank, id, number, key, service, instance, part, fault, profile, openedAt: now }
  switch (event.type) {
    case 'open': {
      const { alert } = event
      const alerts = [{ ...alert, state: 'firing', joinedAt: now, changedAt: now } as const]
      const incident: Incident = { ...subject, state: 'open', severity: alert.severity, telemetrySeverity: alert.severity, title: alert.summary, startedAt: Math.min(alert.startedAt, now), alerts, response: event.released?.response ?? null }
      return stepped(incident, 'opened')
    }
    case 'open-by-hand':
      return stepped({ ...subject, state: 'open', severity: event.severity, title: event.title, startedAt: Math.min(event.report.at, now), report: { ...event.report, by: event.by } }, 'reported')
    case 'open-by-split': {
      const severity = event.alerts.map((one) => one.severity).reduce(worst)
      const state = stateOf(event.alerts)
      const startedAt = Math.min(now, ...event.alerts.map((one) => one.startedAt))
      const ended = Math.max(startedAt, ...event.alerts.map((one) => one.changedAt))
      const incident: Incident = {
        ...subject, state, severity, telemetrySeverity: severity, startedAt,
        title: event.alerts.find((one) => one.severity === severity)?.summary ?? '',
        alerts: event.alerts,
        response: event.response,
        splitFrom: event.from,
        blind: state === 'blind' ? [{ from: ended, to: null }] : [],
        recoveredAt: state === 'recovered' ? ended : null,
      }
      return stepped(incident, 'split-opened')
    }
  }
}

/** What an event at `now` makes of an incident. */
export function step(before: Incident, event: LiveEvent, now: number): Outcome {
  const outcome = cell(before, event, now)
  if (outcome.kind !== 'stepped') return outcome
  return { ...outcome, incident: { ...outcome.incident, version: before.version + 1 } }
}

type Handler<T extends LiveEvent['type']> = (before: Incident, event: Extract<LiveEvent, { type: T }>, now: number) => Outcome
type Row = { readonly [T in LiveEvent['type']]: Handler<T> }

const isClosed = (): Outcome => refused({ code: 'closed' })
const isRunning = (): Outcome => refused({ code: 'running' })
const notRunning = (): Outcome => refused({ code: 'not-running' })
const nothing = (): Outcome => unchanged
const wentInto = (before: Incident): Outcome => refused({ code: 'merged', number: before.mergedInto?.number ?? '' })

const running: Row = {
  'alert-firing': join,
  'alert-resolved': resolve,
  hide,
  unhide,
  absorb,
  absorbed,
  merge,
  merged,
  'split-off': splitOff,
  acknowledge,
  dispose,
  comment,
  assign,
  unassign,
  attach,
  'root-cause': rootCause,
  work,
  'set-severity': setSeverity,
  'report-recovery': reportRecovery,
  'claim-recovery': claimRecovery,
  'confirm-recovery': confirmRecovery,
  'refuse-recovery': refuseRecovery,
  reopen: isRunning,
  // What a person reported, a person says to be over; what the telemetry shows as bad nobody closes.
  close: (before) => refused({ code: before.alerts.length === 0 ? 'recovery-missing' : 'still-bad' }),
  settle: nothing,
}

/** Every state and event; the compiler sees to it that none is missing. */
const table: Readonly<Record<Incident['state'], Row>> = {
  open: running,
  blind: { ...running, close: closeBlind },
  recovered: {
    ...running,
    'alert-firing': reopen,
    'alert-resolved': nothing,
    hide: notRunning,
    absorb: notRunning,
    absorbed: notRunning,
    'report-recovery': notRunning,
    'claim-recovery': notRunning,
    'confirm-recovery': notRunning,
    'refuse-recovery': notRunning,
    reopen: reopenByHand,
    close: closeByHand,
    settle,
  },
  closed: {
    'alert-firing': reopen,
    'alert-resolved': nothing,
    hide: notRunning,
    unhide,
    absorb: notRunning,
    absorbed: notRunning,
    merge: isClosed,
    merged: isClosed,
    'split-off': isClosed,
    acknowledge: isClosed,
    dispose: isClosed,
    comment,
    assign: isClosed,
    unassign: isClosed,
    attach,
    'root-cause': rootCause,
    work,
    'set-severity': isClosed,
    'report-recovery': notRunning,
    'claim-recovery': notRunning,
    'confirm-recovery': notRunning,
    'refuse-recovery': notRunning,
    reopen: reopenByHand,
    close: isClosed,
    settle: nothing,
  },
  merged: {
    'alert-firing': wentInto,
    'alert-resolved': nothing,
    hide: wentInto,
    unhide: nothing,
    absorb: wentInto,
    absorbed: wentInto,
    merge: wentInto,
    merged: wentInto,
    'split-off': wentInto,
    acknowledge: wentInto,
    dispose: wentInto,
    comment,
    assign: wentInto,
    unassign: wentInto,
    attach: wentInto,
    'root-cause': wentInto,
    work: wentInto,
    'set-severity': wentInto,
    'report-recovery': wentInto,
    'claim-recovery': wentInto,
    'confirm-recovery': wentInto,
    'refuse-recovery': wentInto,
    reopen: wentInto,
    close: wentInto,
    settle: nothing,
  },
}

/** Each event to its column; a switch, because only so does the compiler see that column and event belong together. */
function cell(before: Incident, event: LiveEvent, now: number): Outcome {
  const row = table[before.state]
  switch (event.type) {
    case 'alert-firing':
      return row['alert-firing'](before, event, now)
    case 'alert-resolved':
      return row['alert-resolved'](before, event, now)
    case 'hide':
      return row.hide(before, event, now)
    case 'unhide':
      return row.unhide(before, event, now)
    case 'absorb':
      return row.absorb(before, event, now)
    case 'absorbed':
      return row.absorbed(before, event, now)
    case 'merge':
      return row.merge(before, event, now)
    case 'merged':
      return row.merged(before, event, now)
    case 'split-off':
      return row['split-off'](before, event, now)
    case 'acknowledge':
      return row.acknowledge(before, event, now)
    case 'dispose':
      return row.dispose(before, event, now)
    case 'comment':
      return row.comment(before, event, now)
    case 'assign':
      return row.assign(before, event, now)
    case 'unassign':
      return row.unassign(before, event, now)
    case 'attach':
      return row.attach(before, event, now)
    case 'root-cause':
      return row['root-cause'](before, event, now)
    case 'work':
      return row.work(before, event, now)
    case 'set-severity':
      return row['set-severity'](before, event, now)
    case 'report-recovery':
      return row['report-recovery'](before, event, now)
    case 'claim-recovery':
      return row['claim-recovery'](before, event, now)
    case 'confirm-recovery':
      return row['confirm-recovery'](before, event, now)
    case 'refuse-recovery':
      return row['refuse-recovery'](before, event, now)
    case 'reopen':
      return row.reopen(before, event, now)
    case 'close':
      return row.close(before, event, now)
    case 'settle':
      return row.settle(before, event, now)
  }
}

/** Whether an event opens an incident. */
export function isOpening(event: IncidentEvent): event is OpeningEvent {
  return event.type === 'open' || event.type === 'open-by-hand' || event.type === 'open-by-split'
}

/** Folds stored events, oldest first. Throws when they are not what `step` could have stored. */
export function replay(events: readonly { readonly at: number; readonly event: IncidentEvent }[]): Incident {
  let incident: Incident | undefined
  for (const { at, event } of events) {
    if (incident === undefined) {
      if (!isOpening(event)) throw new Error(`incidents: the first event is ${event.type}, not one that opens`)
      incident = open(event, at).incident
      continue
    }
    if (isOpening(event)) throw new Error(`incidents: ${incident.number} is opened twice`)
    const outcome: Outcome = step(incident, event, at)
    if (outcome.kind !== 'stepped') throw new Error(`incidents: ${incident.number} cannot replay ${event.type} at version ${incident.version}: ${outcome.kind}`)
    incident = outcome.incident
  }
  if (incident === undefined) throw new Error('incidents: no events to replay')
  return incident
}

