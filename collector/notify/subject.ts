/**
 * What a message that waited is to say when its turn comes, and whether it still holds. A reminder or an escalation whose
 * clock has stopped meanwhile, or whose fault is over, is not sent late after an outage of its channel. An opening, a
 * reopening and a recovery always go. Pure.
 */
import type { Json } from '../state/audit.ts'
import { clockStops, isRunning } from '../incidents/incident.ts'
import type { Incident } from '../incidents/incident.ts'
import { clockViews } from '../incidents/sla.ts'
import type { Wording } from '../incidents/wording.ts'
import { tellsEnd } from './notice.ts'
import type { AckWays, Notice } from './notice.ts'
import type { EscalationAbout, MessagePayload, PlainPayload } from './payload.ts'

/** What a queued message is to say now. `why`: a sentence for its receipt. */
export type Subject = { readonly kind: 'stands'; readonly payload: Json } | { readonly kind: 'superseded'; readonly why: string }

/** One step of an escalation as it stands now. `used` in percent. */
export interface StepNow {
  readonly step: { readonly clock: EscalationAbout['steps'][number]['clock']; readonly used: number }
  readonly repeat: number
  readonly leftMs: number
}

/** What judging needs. */
export interface SubjectWorld {
  readonly wording: Pick<Wording, 'superseded'>
  /** The sentence of one step. */
  stepText(step: StepNow): string
  /** Whether the report of that key is still late. */
  reportLate(key: string): boolean
  /** Whether an alert that fired is over by now. */
  alertOver(fingerprint: string): boolean
}

/** Whether what a stored payload says depends on when it goes. Cheap: a storm has thousands that need not be read twice. */
export function dependsOnMoment(stored: Json): boolean {
  if (typeof stored !== 'object' || stored === null || !('kind' in stored)) return false
  if (stored['kind'] === 'alerts') return true
  return (stored['kind'] === 'incident' && stored['what'] !== 'recovered' && stored['what'] !== 'judged' && stored['what'] !== 'closed') || (stored['kind'] === 'plain' && (stored['about'] ?? null) !== null)
}

/** Number of the incident that a payload is about; undefined: it says the same whenever it goes. */
export function incidentAsked(payload: MessagePayload): string | undefined {
  if (payload.kind === 'incident') return tellsEnd(payload.what) ? undefined : payload.incident.number
  return payload.kind === 'plain' && payload.about?.kind === 'escalation' ? payload.number : undefined
}

/** The payload as of `now`. `incident`: the one it is about, or that it went into; undefined: there is none. */
export function subjectNow(payload: MessagePayload, incident: Incident | undefined, world: SubjectWorld, now: number): Subject {
  if (payload.kind === 'plain') return plainNow(payload, incident, world, now)
  if (payload.kind === 'alerts') return stands({ ...payload, expired: payload.alerts.some((alert) => alert.endsAt === null) && payload.alerts.every((alert) => alert.endsAt !== null || world.alertOver(alert.fingerprint)) })
  return payload.kind === 'incident' && incident !== undefined ? noticeNow(payload, incident, world) : stands(payload)
}

const stands = (payload: MessagePayload): Subject => {
  const json: Json & MessagePayload = payload
  return { kind: 'stands', payload: json }
}

function noticeNow(notice: Notice, incident: Incident, world: SubjectWorld): Subject {
  if (tellsEnd(notice.what)) return stands(notice)
  const same = incident.number === notice.incident.number && incident.reopenings === notice.round
  if (notice.what === 'reminded' && (!same || !isRunning(incident))) return over(notice.incident.number, incident, world.wording.superseded, 'reopened')
  if (incident.number !== notice.incident.number) return stands({ ...notice, incident: { ...notice.incident, state: 'merged' }, ack: null })
  return stands({ ...notice, incident: same ? incident : notice.incident, ack: ackNow(notice.ack, incident) })
}

function plainNow(payload: PlainPayload, incident: Incident | undefined, world: SubjectWorld, now: number): Subject {
  const { about } = payload
  if (about === null) return stands(payload)
  if (about.kind === 'report') return world.reportLate(about.key) ? stands(payload) : { kind: 'superseded', why: world.wording.superseded.filed }
  if (incident === undefined) return stands(payload)
  if (incident.number !== payload.number) return over(payload.number, incident, world.wording.superseded, 'stopped')
  const clocks = clockViews({ startedAt: incident.startedAt, profile: incident.profile, stops: clockStops(incident) }, now)
  const steps = about.steps.flatMap(({ clock, used, repeat }): StepNow[] => {
    const view = clocks.find((one) => one.clock === clock)
    if (view === undefined || view.stoppedAt !== null) return []
    // As much as is used when it goes: late, or in a guard period, that is not the step's own share.
    const share = Math.floor(((view.limitMs - view.leftMs) / view.limitMs) * 100)
    return [{ step: { clock, used: used === 100 ? used : Math.max(0, Math.min(99, share)) }, repeat, leftMs: view.leftMs }]
  })
  if (steps.length === 0) return over(payload.number, incident, world.wording.superseded, 'stopped')
  const lines = steps.map((step) => world.stepText(step))
  return stands({ ...payload, severity: incident.severity, title: incident.title, lines, incident, ack: ackNow(payload.ack, incident) })
}

/** Nobody is asked to acknowledge what somebody has acknowledged. */
const ackNow = (ack: AckWays | null, incident: Incident): AckWays | null => (incident.response === null ? ack : null)

/** Why it need not be said. `running`: the reason where the fault still runs. */
function over(number: string, incident: Incident, words: Wording['superseded'], running: 'reopened' | 'stopped'): Subject {
  if (incident.number !== number || incident.state === 'merged') return { kind: 'superseded', why: words.merged }
  if (incident.state === 'closed') return { kind: 'superseded', why: words.closed }
  return { kind: 'superseded', why: isRunning(incident) ? words[running] : words.recovered }
}
