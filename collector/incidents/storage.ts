import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import type { IncidentDetail } from '../../protocol/api.ts'
import type { Severity } from '../../protocol/events.ts'
import { canonicalJson } from '../state/audit.ts'
import type { StateTransaction } from '../state/open.ts'
import type { Schema } from '../state/schema.ts'
import { incidentEventSchema } from './event.ts'
import type { IncidentEvent } from './event.ts'
import { incidentSchema } from './incident.ts'
import type { Incident } from './incident.ts'
import type { Mark } from './outcome.ts'
import { isOpening } from './step.ts'
import type { StoredEvent } from './timeline.ts'

/** Reads work inside a transaction and outside of one. */
export type Reader = Kysely<Schema>

/** The newest incident of a key, closed or not. */
export async function newestOfKey(db: Reader, key: string): Promise<Incident | undefined> {
  const row = await db.selectFrom('incident').select('body_json').where('key', '=', key).orderBy('id', 'desc').limit(1).executeTakeFirst()
  return row === undefined ? undefined : parseIncident(row.body_json)
}

/** By its number, F20261122-001. */
export async function incidentByNumber(db: Reader, number: string): Promise<Incident | undefined> {
  const row = await db.selectFrom('incident').select('body_json').where('number', '=', number).executeTakeFirst()
  return row === undefined ? undefined : parseIncident(row.body_json)
}

/** Which incidents to list: newest start first. */
export interface IncidentFilter {
  /** `open`: not recovered. `live`: not closed. `recovered`: live, not open. `ended`: not open. Default: all. */
  readonly state?: 'open' | 'live' | 'recovered' | 'ended' | 'all'
  readonly service?: string
  readonly severity?: Severity
  readonly instance?: string
  /** Those that went into this one. */
  readonly mergedInto?: number
  readonly limit: number
  readonly offset?: number
}

/** Incidents that fit the filter. */
export async function listIncidents(db: Reader, filter: IncidentFilter): Promise<readonly Incident[]> {
  let query = db.selectFrom('incident').select('body_json').orderBy('started_at', 'desc').orderBy('id', 'desc').limit(filter.limit).offset(filter.offset ?? 0)
  if (filter.state === 'ended') query = query.where('state', '<>', 'open')
  if (filter.severity !== undefined) query = query.where('severity', '=', filter.severity)
  if (filter.state === 'open' || filter.state === 'recovered') query = query.where('state', '=', filter.state)
  if (filter.state === 'live') query = query.where('state', '<>', 'closed')
  if (filter.service !== undefined) query = query.where(sql<boolean>`instr(',' || service || ',', ${`,${filter.service},`}) > 0`)
  if (filter.instance !== undefined) query = query.where('instance', '=', filter.instance)
  if (filter.mergedInto !== undefined) query = query.where('merged_into', '=', filter.mergedInto)
  return (await query.execute()).map((row) => parseIncident(row.body_json))
}

/** Incidents that began before `to` and were not over before `from` (epoch ms). */
export async function incidentsWithin(db: Reader, from: number, to: number): Promise<readonly Incident[]> {
  const found: Incident[] = []
  // By pages: a storm leaves thousands behind, and to read them takes its time. Ids only grow, so what comes meanwhile is at the end.
  for (let after = -1; ; ) {
    const rows = await db
      .selectFrom('incident')
      .select(['id', 'body_json'])
      .where('id', '>', after)
      .where('started_at', '<', to)
      .where((eb) => eb.or([eb('recovered_at', '>=', from), eb.and([eb('recovered_at', 'is', null), eb.or([eb('closed_at', 'is', null), eb('closed_at', '>=', from)])])]))
      .orderBy('id')
      .limit(ROWS)
      .execute()
    for (const row of rows) found.push(parseIncident(row.body_json))
    const last = rows.at(-1)
    if (last === undefined || rows.length < ROWS) return found
    after = last.id
  }
}

/** What happened to an incident and when, without the bodies. Oldest first. */
export async function eventMarks(db: Reader, id: number): Promise<readonly { readonly at: number; readonly kind: string }[]> {
  return db.selectFrom('incident_event').select(['at', 'kind']).where('incident_id', '=', id).orderBy('seq').execute()
}

/** By its id. */
export async function incidentById(db: Reader, id: number): Promise<Incident | undefined> {
  const row = await db.selectFrom('incident').select('body_json').where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : parseIncident(row.body_json)
}

/** Ids of incidents whose projection an earlier version stored: it lacks what events say now. */
export async function outdatedIds(db: Reader): Promise<readonly number[]> {
  const rows = await db.selectFrom('incident').select('id').where('body_json', 'not like', '%"telemetrySeverity":%').execute()
  return rows.map((row) => row.id)
}

/** All stored events of an incident, oldest first. */
export async function eventsOf(db: Reader, id: number): Promise<readonly StoredEvent[]> {
  const rows = await db.selectFrom('incident_event').select(['seq', 'at', 'body_json']).where('incident_id', '=', id).orderBy('seq').execute()
  return rows.map((row) => ({ seq: row.seq, at: row.at, event: incidentEventSchema.parse(JSON.parse(row.body_json)) }))
}

/** Who closed an incident by hand the last time, and why; undefined: nobody. */
export async function closingOf(db: Reader, id: number): Promise<{ readonly by: string; readonly at: number; readonly text: string } | undefined> {
  const row = await db.selectFrom('incident_event').select(['at', 'body_json']).where('incident_id', '=', id).where('kind', '=', 'closed').orderBy('seq', 'desc').limit(1).executeTakeFirst()
  const event = row === undefined ? undefined : incidentEventSchema.parse(JSON.parse(row.body_json))
  return row === undefined || event?.type !== 'close' ? undefined : { by: event.by, at: row.at, text: event.text }
}

/** What was sent, or is still owed, because of an incident. */
export async function notificationsOf(db: Reader, id: number): Promise<IncidentDetail['notifications']> {
  const rows = await db.selectFrom('outbox').select(['id', 'send_id', 'updated_at', 'channel', 'receiver', 'person', 'state', 'last_error']).where('incident_id', '=', id).orderBy('updated_at').orderBy('created_at').orderBy('id').execute()
  // What went as one message to somebody is one line.
  const sends = Map.groupBy(rows, (row) => JSON.stringify(row.send_id === null || row.state === 'queued' ? [row.id] : [row.send_id, row.person, row.state, row.last_error]))
  return [...sends.values()].flatMap(([row, ...others]) => (row === undefined ? [] : [{ at: row.updated_at, channel: row.channel, to: row.receiver, state: row.state, error: row.last_error, together: others.length + 1 }]))
}

/** The newest id, and how many numbers of that day (`20261122`) are taken. Incidents are never deleted. */
export async function newestNumbers(trx: StateTransaction, day: string): Promise<{ readonly id: number; readonly count: number }> {
  const last = await trx.selectFrom('incident').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst()
  const prefix = numberPrefix(day)
  const today = await trx.selectFrom('incident').select('number').where('number', 'like', `${prefix}%`).orderBy('id', 'desc').limit(1).executeTakeFirst()
  return { id: last?.id ?? 0, count: today === undefined ? 0 : Number(today.number.slice(prefix.length)) }
}

/** What the numbers of a day (`20261122`) begin with. */
export const numberPrefix = (day: string): string => `F${day}-`

/** One event that has been folded, and the projection after it. */
export interface StoredStep {
  readonly incident: Incident
  readonly event: IncidentEvent
  readonly mark: Mark
  readonly at: number
}

/** Rows in one statement (SQLite takes 32,766 parameters, a row has at most 17), few enough to be one short turn of the event loop. */
const ROWS = 100

/** The list in parts of at most `ROWS`. */
export function inParts<T>(list: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / ROWS) }, (_, index) => list.slice(index * ROWS, (index + 1) * ROWS))
}

/** Stores events and, for each incident, the projection after the last of them. */
export async function storeSteps(trx: StateTransaction, steps: readonly StoredStep[]): Promise<void> {
  const newest = new Map(steps.map((one) => [one.incident.id, one.incident]))
  const fresh = new Set(steps.filter((one) => isOpening(one.event)).map((one) => one.incident.id))
  // Changed ones first: an incident that ends may make room for a new one of its key.
  for (const incident of newest.values()) if (!fresh.has(incident.id)) await storeProjection(trx, incident)
  for (const part of inParts([...newest.values()].filter((incident) => fresh.has(incident.id)))) {
    const rows = part.map((incident) => {
      const { id, number, key, service, instance, fault, openedAt } = incident
      return { ...columnsOf(incident), id, number, key, service, instance, fault, profile: incident.profile.name, opened_at: openedAt }
    })
    await trx.insertInto('incident').values(rows).execute()
  }
  for (const part of inParts(steps)) {
    const events = part.map(({ incident, event, mark, at }) => ({
      incident_id: incident.id, seq: incident.version, at, kind: mark, actor: 'by' in event ? event.by : null, body_json: canonicalJson(event),
    }))
    await trx.insertInto('incident_event').values(events).execute()
  }
  await storeAlerts(trx, steps, newest)
}

/** Stores what events have made of an incident that is there. */
export async function storeProjection(trx: StateTransaction, incident: Incident): Promise<void> {
  await trx.updateTable('incident').set(columnsOf(incident)).where('id', '=', incident.id).execute()
}

function columnsOf(incident: Incident) {
  const state = incident.state === 'blind' ? 'open' : incident.state === 'merged' ? 'closed' : incident.state
  return {
    state,
    severity: incident.severity,
    started_at: incident.startedAt,
    recovered_at: incident.recoveredAt,
    closed_at: incident.closedAt,
    merged_into: incident.mergedInto?.id ?? null,
    version: incident.version,
    body_json: canonicalJson(incident),
  } as const
}

/** Only the alerts that the events touched. */
async function storeAlerts(trx: StateTransaction, steps: readonly StoredStep[], newest: ReadonlyMap<number, Incident>): Promise<void> {
  const touched = new Map<number, Set<string>>()
  for (const { incident, event } of steps) {
    const fingerprints = touched.get(incident.id) ?? new Set<string>()
    touched.set(incident.id, fingerprints)
    for (const fingerprint of touchedAlerts(event)) fingerprints.add(fingerprint)
  }
  const rows = [...touched].flatMap(([id, fingerprints]) =>
    (newest.get(id)?.alerts ?? [])
      .filter((alert) => fingerprints.has(alert.fingerprint))
      .map((alert) => ({ incident_id: id, fingerprint: alert.fingerprint, name: alert.name, state: alert.state, started_at: alert.startedAt, joined_at: alert.joinedAt })),
  )
  for (const part of inParts(rows)) {
    await trx
      .insertInto('incident_alert')
      .values(part)
      .onConflict((conflict) => conflict.columns(['incident_id', 'fingerprint']).doUpdateSet((eb) => ({ name: eb.ref('excluded.name'), state: eb.ref('excluded.state'), started_at: eb.ref('excluded.started_at'), joined_at: eb.ref('excluded.joined_at') })))
      .execute()
  }
}

/** The alerts an event changes. */
function touchedAlerts(event: IncidentEvent): readonly string[] {
  if (event.type === 'open' || event.type === 'alert-firing') return [event.alert.fingerprint]
  if (event.type === 'alert-resolved') return [event.fingerprint]
  return event.type === 'open-by-split' || event.type === 'merge' ? event.alerts.map((one) => one.fingerprint) : []
}

function parseIncident(text: string): Incident {
  return incidentSchema.parse(JSON.parse(text))
}
