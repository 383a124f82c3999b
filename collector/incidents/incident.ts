/**
 * One incident and what events make of it. SPEC.md has the table of states and events and the numbered invariants.
 * Pure: the same events at the same times always give the same incident.
 */
import { z } from 'zod'
import type { ClockName } from '../../protocol/api.ts'
import type { Severity } from '../../protocol/events.ts'
import type { Json } from '../state/audit.ts'
import { alertFactsSchema } from './event.ts'
import type { AlertFacts, IncidentEvent, LiveEvent, OpenEvent } from './event.ts'
import { slaProfileSchema } from './profile.ts'

/** An alert that belongs to the incident, and how it stood when last heard of. */
const joinedAlertSchema = alertFactsSchema
  .unwrap()
  .extend({ state: z.enum(['firing', 'no-data', 'resolved']), joinedAt: z.number(), changedAt: z.number() })
  .readonly()
export type JoinedAlert = z.infer<typeof joinedAlertSchema>

const json: z.ZodType<Json> = z.json()

/** What the telemetry said when a disposal was reported: the fault still there, gone, or nothing to be seen. */
const conditionSchema = z.enum(['bad', 'good', 'no-data'])
export type Condition = z.infer<typeof conditionSchema>

const responseSchema = z.strictObject({ at: z.number(), by: z.string(), source: z.string() }).readonly()
const disposalSchema = z.strictObject({ at: z.number(), by: z.string(), text: z.string(), condition: conditionSchema, snapshot: json }).readonly()

/** The projection that is stored as `incident.body_json`. Times in epoch ms; null: not (yet). */
export const incidentSchema = z
  .strictObject({
    id: z.number(),
    number: z.string(),
    key: z.string(),
    service: z.string(),
    instance: z.string(),
    part: z.string(),
    fault: z.string(),
    profile: slaProfileSchema,
    state: z.enum(['open', 'recovered', 'closed']),
    severity: z.enum(['critical', 'warning', 'info']),
    title: z.string(),
    startedAt: z.number(),
    openedAt: z.number(),
    alerts: z.array(joinedAlertSchema).readonly(),
    response: responseSchema.nullable(),
    disposals: z.array(disposalSchema).readonly(),
    recoveredAt: z.number().nullable(),
    closedAt: z.number().nullable(),
    reopenings: z.number(),
    version: z.number(),
  })
  .readonly()
export type Incident = z.infer<typeof incidentSchema>

/** What to do because of a step; `round` tells a second recovery from the first. */
export interface Effect {
  readonly kind: 'tell'
  readonly what: 'opened' | 'reopened' | 'recovered'
  readonly round: number
}

/** What a step was, in the words of the timeline and of `incident_event.kind`. */
export type Mark =
  | 'opened'
  | 'alert-joined'
  | 'alert-updated'
  | 'reopened'
  | 'alert-resolved'
  | 'data-lost'
  | 'recovered'
  | 'acknowledged'
  | 'disposed'
  | 'commented'
  | 'closed'

/** Why an act was not taken. */
export type Refusal =
  | { readonly code: 'acknowledged-already'; readonly by: string; readonly at: number; readonly source: string }
  | { readonly code: 'text-missing' }
  | { readonly code: 'still-bad' }
  | { readonly code: 'closed' }
  | { readonly code: 'reopen-window-over' }

/** What came of an event. `unchanged` events are not stored. */
export type Outcome =
  | { readonly kind: 'stepped'; readonly incident: Incident; readonly mark: Mark; readonly effects: readonly Effect[] }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

const unchanged: Outcome = { kind: 'unchanged' }
const refused = (refusal: Refusal): Outcome => ({ kind: 'refused', refusal })
const stepped = (incident: Incident, mark: Mark, ...effects: Effect[]): Outcome => ({ kind: 'stepped', incident, mark, effects })

/** Most urgent last. */
const severities: readonly Severity[] = ['info', 'warning', 'critical']
/** Whether `a` is more urgent than `b`. */
export const moreUrgent = (a: Severity, b: Severity): boolean => severities.indexOf(a) > severities.indexOf(b)

/** The first event of an incident. */
export function open(event: OpenEvent, now: number): Extract<Outcome, { kind: 'stepped' }> {
  const { alert } = event
  const incident: Incident = {
    id: event.id,
    number: event.number,
    key: event.key,
    service: event.service,
    instance: event.instance,
    part: event.part,
    fault: event.fault,
    profile: event.profile,
    state: 'open',
    severity: alert.severity,
    title: alert.summary,
    startedAt: Math.min(alert.startedAt, now),
    openedAt: now,
    alerts: [{ ...alert, state: 'firing', joinedAt: now, changedAt: now }],
    response: null,
    disposals: [],
    recoveredAt: null,
    closedAt: null,
    reopenings: 0,
    version: 1,
  }
  return { kind: 'stepped', incident, mark: 'opened', effects: [{ kind: 'tell', what: 'opened', round: 0 }] }
}

/** What an event at `now` makes of an incident. */
export function step(before: Incident, event: LiveEvent, now: number): Outcome {
  const outcome = next(before, event, now)
  if (outcome.kind !== 'stepped') return outcome
  return { ...outcome, incident: { ...outcome.incident, version: before.version + 1 } }
}

function next(before: Incident, event: LiveEvent, now: number): Outcome {
  const row = table[before.state]
  switch (event.type) {
    case 'alert-firing':
      return row['alert-firing'](before, event, now)
    case 'alert-resolved':
      return row['alert-resolved'](before, event, now)
    case 'acknowledge':
      return row.acknowledge(before, event, now)
    case 'dispose':
      return row.dispose(before, event, now)
    case 'comment':
      return row.comment(before, event, now)
    case 'close':
      return row.close(before, event, now)
    case 'settle':
      return row.settle(before, event, now)
  }
}

type Handler<T extends LiveEvent['type']> = (before: Incident, event: Extract<LiveEvent, { type: T }>, now: number) => Outcome
type Row = { readonly [T in LiveEvent['type']]: Handler<T> }

const isClosed = (): Outcome => refused({ code: 'closed' })
const comment: Handler<'comment'> = (before, event) => (event.text.trim() === '' ? refused({ code: 'text-missing' }) : stepped(before, 'commented'))

/** Every state and event; the compiler sees to it that none is missing. */
const table: Readonly<Record<Incident['state'], Row>> = {
  open: {
    'alert-firing': join,
    'alert-resolved': resolve,
    acknowledge,
    dispose,
    comment,
    close: closeBlind,
    settle: () => unchanged,
  },
  recovered: {
    'alert-firing': reopen,
    'alert-resolved': () => unchanged,
    acknowledge,
    dispose,
    comment,
    close: (before, _event, now) => stepped({ ...before, state: 'closed', closedAt: now }, 'closed'),
    settle: (before, _event, now) => (windowOver(before, now) ? stepped({ ...before, state: 'closed', closedAt: now }, 'closed') : unchanged),
  },
  closed: {
    'alert-firing': reopen,
    'alert-resolved': () => unchanged,
    acknowledge: isClosed,
    dispose: isClosed,
    comment,
    close: isClosed,
    settle: () => unchanged,
  },
}

function join(before: Incident, event: { readonly alert: AlertFacts }, now: number): Outcome {
  const { alert } = event
  const known = before.alerts.find((one) => one.fingerprint === alert.fingerprint)
  const startedAt = Math.min(before.startedAt, alert.startedAt)
  if (known?.state === 'firing' && alert.startedAt >= known.startedAt) return unchanged
  const worse = moreUrgent(alert.severity, before.severity)
  const incident: Incident = {
    ...before,
    startedAt,
    severity: worse ? alert.severity : before.severity,
    title: worse ? alert.summary : before.title,
    alerts: withAlert(before.alerts, alert, now),
  }
  const mark = known === undefined || known.state === 'resolved' ? 'alert-joined' : 'alert-updated'
  // Receivers who asked only for urgent faults hear of this one now; those who have been told are not told twice.
  return worse ? stepped(incident, mark, { kind: 'tell', what: 'opened', round: 0 }) : stepped(incident, mark)
}

function withAlert(alerts: readonly JoinedAlert[], alert: AlertFacts, now: number): readonly JoinedAlert[] {
  const known = alerts.find((one) => one.fingerprint === alert.fingerprint)
  const startedAt = known !== undefined && known.state !== 'resolved' ? Math.min(known.startedAt, alert.startedAt) : alert.startedAt
  const joined: JoinedAlert = { ...alert, startedAt, state: 'firing', joinedAt: known?.joinedAt ?? now, changedAt: now }
  return known === undefined ? [...alerts, joined] : alerts.map((one) => (one === known ? joined : one))
}

function resolve(before: Incident, event: Extract<IncidentEvent, { type: 'alert-resolved' }>, now: number): Outcome {
  const known = before.alerts.find((one) => one.fingerprint === event.fingerprint)
  const state = event.why === 'no-data' ? 'no-data' : 'resolved'
  // Silence after recovery takes nothing back, and a second report of the same end says nothing new.
  if (known === undefined || known.state === 'resolved' || known.state === state) return unchanged
  const changedAt = Math.min(event.at, now)
  const alerts = before.alerts.map((one) => (one === known ? { ...one, state, changedAt } as const : one))
  if (alerts.some((one) => one.state !== 'resolved')) return stepped({ ...before, alerts }, state === 'no-data' ? 'data-lost' : 'alert-resolved')
  const recoveredAt = Math.max(before.startedAt, ...alerts.map((one) => one.changedAt))
  return stepped({ ...before, alerts, state: 'recovered', recoveredAt }, 'recovered', { kind: 'tell', what: 'recovered', round: before.reopenings })
}

function reopen(before: Incident, event: { readonly alert: AlertFacts }, now: number): Outcome {
  if (windowOver(before, event.alert.startedAt)) return refused({ code: 'reopen-window-over' })
  const joined = join({ ...before, state: 'open', recoveredAt: null, closedAt: null, reopenings: before.reopenings + 1 }, event, now)
  if (joined.kind !== 'stepped') return joined
  return stepped(joined.incident, 'reopened', ...joined.effects, { kind: 'tell', what: 'reopened', round: before.reopenings + 1 })
}

/** Whether a fault that starts at `at` is another fault. */
function windowOver(before: Incident, at: number): boolean {
  const endedAt = before.recoveredAt ?? before.closedAt
  return endedAt !== null && at - endedAt > before.profile.reopenWithinMs
}

function acknowledge(before: Incident, event: Extract<IncidentEvent, { type: 'acknowledge' }>, now: number): Outcome {
  if (before.response !== null) return refused({ code: 'acknowledged-already', ...before.response })
  return stepped({ ...before, response: { at: now, by: event.by, source: event.source } }, 'acknowledged')
}

function dispose(before: Incident, event: Extract<IncidentEvent, { type: 'dispose' }>, now: number): Outcome {
  const text = event.text.trim()
  if (text === '') return refused({ code: 'text-missing' })
  const disposal = { at: now, by: event.by, text, condition: condition(before), snapshot: event.snapshot }
  // Who reports a disposal has taken the incident.
  const response = before.response ?? { at: now, by: event.by, source: 'disposal' }
  return stepped({ ...before, response, disposals: [...before.disposals, disposal] }, 'disposed')
}

/** What the telemetry says now of the fault. */
export function condition(incident: Incident): Condition {
  if (incident.alerts.some((one) => one.state === 'firing')) return 'bad'
  return incident.alerts.some((one) => one.state === 'no-data') ? 'no-data' : 'good'
}

/** A person may close what the telemetry no longer speaks of (a machine was taken away), never what it shows as bad. */
function closeBlind(before: Incident, event: Extract<IncidentEvent, { type: 'close' }>, now: number): Outcome {
  if (condition(before) !== 'no-data') return refused({ code: 'still-bad' })
  if (event.text.trim() === '') return refused({ code: 'text-missing' })
  return stepped({ ...before, state: 'closed', closedAt: now }, 'closed')
}

/** When each clock stopped, as things stand; undefined: it runs. The end of the fault stops whatever still ran. */
export function clockStops(incident: Incident): Readonly<Record<ClockName, number | undefined>> {
  const endedAt = incident.state === 'open' ? undefined : (incident.recoveredAt ?? incident.closedAt ?? undefined)
  return {
    respond: earliest(incident.response?.at, endedAt),
    dispose: earliest(incident.disposals[0]?.at, endedAt),
    recover: endedAt,
  }
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b
  return b === undefined ? a : Math.min(a, b)
}

/** Folds stored events, oldest first. Throws when they are not what `step` could have stored. */
export function replay(events: readonly { readonly at: number; readonly event: IncidentEvent }[]): Incident {
  let incident: Incident | undefined
  for (const { at, event } of events) {
    if (incident === undefined) {
      if (event.type !== 'open') throw new Error(`incidents: the first event is ${event.type}, not open`)
      incident = open(event, at).incident
      continue
    }
    if (event.type === 'open') throw new Error(`incidents: ${incident.number} is opened twice`)
    const outcome: Outcome = step(incident, event, at)
    if (outcome.kind !== 'stepped') throw new Error(`incidents: ${incident.number} cannot replay ${event.type} at version ${incident.version}: ${outcome.kind}`)
    incident = outcome.incident
  }
  if (incident === undefined) throw new Error('incidents: no events to replay')
  return incident
}
