/** How incidents stand to each other: one explains others, goes into another, or is taken apart. Pure. */
import type { EventOf } from './event.ts'
import { LISTED, stateOf, worst } from './incident.ts'
import type { Incident } from './incident.ts'
import { refused, stepped } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { entering, settled } from './telemetry.ts'

const least = (startedAt: number, ...others: readonly (number | null)[]): number => Math.min(startedAt, ...others.filter((one) => one !== null))

/** A fault is at least as severe as its effects. */
function raised(before: Incident, severity: Incident['telemetrySeverity']): { readonly severity: Incident['severity']; readonly telemetrySeverity: Incident['telemetrySeverity'] } {
  return { severity: worst(before.severity, severity), telemetrySeverity: worst(before.telemetrySeverity, severity) }
}

export function hide(before: Incident, event: EventOf<'hide'>): Outcome {
  const { count, total, first } = before.hides
  const after: Incident = {
    ...before,
    ...raised(before, event.severity),
    startedAt: least(before.startedAt, event.startedAt),
    hides: { count: count + event.count, total: total + event.count, first: [...first, ...event.added].slice(0, LISTED) },
  }
  return stepped(after, 'alerts-hidden')
}

export function unhide(before: Incident, event: EventOf<'unhide'>): Outcome {
  const { count, total, first } = before.hides
  const gone = new Set(event.gone)
  return stepped({ ...before, hides: { count: Math.max(0, count - event.count), total, first: first.filter((one) => !gone.has(one.fingerprint)) } }, 'alerts-unhidden')
}

/** Takes the earliest start, the highest severity, and the first response where there was none here. */
export function absorb(before: Incident, event: EventOf<'absorb'>, now: number): Outcome {
  const after: Incident = {
    ...before,
    ...raised(before, event.incidents.map((one) => one.severity).reduce(worst)),
    startedAt: least(before.startedAt, ...event.incidents.map((one) => one.startedAt)),
    response: before.response ?? firstResponse(event.incidents.map((one) => one.response)),
    absorbed: {
      count: before.absorbed.count + event.incidents.length,
      first: [...before.absorbed.first, ...event.incidents.map(({ number, startedAt }) => ({ number, at: now, startedAt }))].slice(0, LISTED),
    },
  }
  return stepped(after, 'absorbed-others')
}

function firstResponse(responses: readonly Incident['response'][]): Incident['response'] {
  return responses.reduce((a, b) => (a === null || (b !== null && b.at < a.at) ? b : a), null)
}

export function absorbed(before: Incident, event: EventOf<'absorbed'>, now: number): Outcome {
  return stepped(into(before, { id: event.into, number: event.number, at: now, by: null, reason: '' }), 'absorbed')
}

export function merged(before: Incident, event: EventOf<'merged'>, now: number): Outcome {
  if (event.into === before.id) return refused({ code: 'wrong-choice' })
  if (event.reason.trim() === '') return refused({ code: 'text-missing' })
  return stepped(into(before, { id: event.into, number: event.number, at: now, by: event.by, reason: event.reason.trim() }), 'merged')
}

/** Its alerts live on in the other one. What it hid has been handed over before. */
function into(before: Incident, mergedInto: NonNullable<Incident['mergedInto']>): Incident {
  return { ...entering(before, 'merged', mergedInto.at), mergedInto, hides: { ...before.hides, count: 0, first: [] } }
}

/** Two numbers for one fault: alerts, response and disposals of the other are this one's too. */
export function merge(before: Incident, event: EventOf<'merge'>, now: number): Outcome {
  const known = new Set(event.alerts.map((one) => one.fingerprint))
  const alerts = [...before.alerts.filter((one) => !known.has(one.fingerprint)), ...event.alerts]
  // A fault without telemetry stays what its people say, until there is some.
  const state = alerts.length > 0 ? stateOf(alerts) : event.running ? 'open' : before.state
  const running = state === 'open' || state === 'blind'
  const recoveredAt = running ? null : (before.recoveredAt ?? Math.max(before.startedAt, ...alerts.map((one) => one.changedAt)))
  const after: Incident = {
    ...entering(before, state, now),
    ...raised(before, event.alerts.length === 0 ? null : event.severity),
    startedAt: least(before.startedAt, event.startedAt),
    alerts,
    recoveredAt,
    judged: running ? null : before.judged,
    response: firstResponse([before.response, event.response]),
    disposals: [...before.disposals, ...event.disposals].toSorted((a, b) => a.at - b.at),
    absorbed: { count: before.absorbed.count + 1, first: [...before.absorbed.first, { number: event.number, at: now, startedAt: event.startedAt }].slice(0, LISTED) },
  }
  return stepped(after, 'merged-other')
}

/** Some alerts turn out to be another fault. The start stays: it never moves later. */
export function splitOff(before: Incident, event: EventOf<'split-off'>, now: number): Outcome {
  const gone = new Set(event.fingerprints)
  const alerts = before.alerts.filter((one) => !gone.has(one.fingerprint))
  if (event.reason.trim() === '') return refused({ code: 'text-missing' })
  if (alerts.length === 0 || before.alerts.length - alerts.length !== gone.size) return refused({ code: 'wrong-choice' })
  if (before.state === 'recovered') return stepped({ ...before, alerts }, 'split-off')
  return settled({ ...before, alerts }, 'split-off', now)
}

