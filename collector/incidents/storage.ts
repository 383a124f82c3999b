import type { Kysely } from 'kysely'
import type { IncidentDetail } from '../../protocol/api.ts'
import { canonicalJson } from '../state/audit.ts'
import type { StateTransaction } from '../state/open.ts'
import type { Schema } from '../state/schema.ts'
import { incidentEventSchema } from './event.ts'
import type { IncidentEvent } from './event.ts'
import { incidentSchema } from './incident.ts'
import type { Incident, Mark } from './incident.ts'
import type { StoredEvent } from './timeline.ts'

/** Reads work inside a transaction and outside of one. */
export type Reader = Kysely<Schema>

/** The newest incident of a key, closed or not. */
export async function newestOfKey(db: Reader, key: string): Promise<Incident | undefined> {
  const row = await db.selectFrom('incident').select('body_json').where('key', '=', key).orderBy('id', 'desc').limit(1).executeTakeFirst()
  return row === undefined ? undefined : parseIncident(row.body_json)
}

/** The newest incident that holds this alert. */
export async function incidentOfAlert(db: Reader, fingerprint: string): Promise<Incident | undefined> {
  const row = await db
    .selectFrom('incident_alert')
    .innerJoin('incident', 'incident.id', 'incident_alert.incident_id')
    .select('incident.body_json')
    .where('incident_alert.fingerprint', '=', fingerprint)
    .orderBy('incident_alert.incident_id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? undefined : parseIncident(row.body_json)
}

/** By its number, F20261122-001. */
export async function incidentByNumber(db: Reader, number: string): Promise<Incident | undefined> {
  const row = await db.selectFrom('incident').select('body_json').where('number', '=', number).executeTakeFirst()
  return row === undefined ? undefined : parseIncident(row.body_json)
}

/** Which incidents to list: newest start first. */
export interface IncidentFilter {
  /** `open`: not recovered. `live`: not closed. Default: all. */
  readonly state?: 'open' | 'live' | 'all'
  readonly service?: string
  readonly instance?: string
  readonly limit: number
}

/** Incidents that fit the filter. */
export async function listIncidents(db: Reader, filter: IncidentFilter): Promise<readonly Incident[]> {
  let query = db.selectFrom('incident').select('body_json').orderBy('started_at', 'desc').orderBy('id', 'desc').limit(filter.limit)
  if (filter.state === 'open') query = query.where('state', '=', 'open')
  if (filter.state === 'live') query = query.where('state', '<>', 'closed')
  if (filter.service !== undefined) query = query.where('service', '=', filter.service)
  if (filter.instance !== undefined) query = query.where('instance', '=', filter.instance)
  return (await query.execute()).map((row) => parseIncident(row.body_json))
}

/** All stored events of an incident, oldest first. */
export async function eventsOf(db: Reader, id: number): Promise<readonly StoredEvent[]> {
  const rows = await db.selectFrom('incident_event').select(['seq', 'at', 'body_json']).where('incident_id', '=', id).orderBy('seq').execute()
  return rows.map((row) => ({ seq: row.seq, at: row.at, event: incidentEventSchema.parse(JSON.parse(row.body_json)) }))
}

/** What was sent, or is still owed, because of an incident. */
export async function notificationsOf(db: Reader, id: number): Promise<IncidentDetail['notifications']> {
  const rows = await db.selectFrom('outbox').selectAll().where('incident_id', '=', id).orderBy('created_at').orderBy('id').execute()
  return rows.map((row) => ({ at: row.updated_at, channel: row.channel, to: row.receiver, state: row.state, error: row.last_error }))
}

/** The next id, and the next number of that day (`20261122`). Incidents are never deleted, so neither comes twice. */
export async function nextNumber(trx: StateTransaction, day: string): Promise<{ readonly id: number; readonly number: string }> {
  const last = await trx.selectFrom('incident').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst()
  const prefix = `F${day}-`
  const today = await trx.selectFrom('incident').select('number').where('number', 'like', `${prefix}%`).orderBy('id', 'desc').limit(1).executeTakeFirst()
  const count = today === undefined ? 0 : Number(today.number.slice(prefix.length))
  return { id: (last?.id ?? 0) + 1, number: `${prefix}${String(count + 1).padStart(3, '0')}` }
}

/** Stores one event and the projection after it. */
export async function storeStep(trx: StateTransaction, incident: Incident, event: IncidentEvent, mark: Mark, at: number): Promise<void> {
  const columns = {
    state: incident.state,
    severity: incident.severity,
    started_at: incident.startedAt,
    recovered_at: incident.recoveredAt,
    closed_at: incident.closedAt,
    version: incident.version,
    body_json: canonicalJson(incident),
  }
  if (event.type === 'open') {
    const { id, number, key, service, instance, fault, openedAt } = incident
    await trx.insertInto('incident').values({ ...columns, id, number, key, service, instance, fault, profile: incident.profile.name, opened_at: openedAt }).execute()
  } else {
    await trx.updateTable('incident').set(columns).where('id', '=', incident.id).execute()
  }
  await trx
    .insertInto('incident_event')
    .values({ incident_id: incident.id, seq: incident.version, at, kind: mark, actor: 'by' in event ? event.by : null, body_json: canonicalJson(event) })
    .execute()
  const fingerprint = touchedAlert(event)
  for (const alert of incident.alerts) {
    if (alert.fingerprint !== fingerprint) continue
    const row = { name: alert.name, state: alert.state, started_at: alert.startedAt, joined_at: alert.joinedAt }
    await trx
      .insertInto('incident_alert')
      .values({ incident_id: incident.id, fingerprint: alert.fingerprint, ...row })
      .onConflict((conflict) => conflict.columns(['incident_id', 'fingerprint']).doUpdateSet(row))
      .execute()
  }
}

/** The one alert an event changes, if any. */
function touchedAlert(event: IncidentEvent): string | undefined {
  if (event.type === 'open' || event.type === 'alert-firing') return event.alert.fingerprint
  return event.type === 'alert-resolved' ? event.fingerprint : undefined
}

function parseIncident(text: string): Incident {
  return incidentSchema.parse(JSON.parse(text))
}
