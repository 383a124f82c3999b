/** The room's rows in state.db. Everything here is appended; only a blind stretch gets its end. */
import type { Kysely } from 'kysely'
import type { z } from 'zod'
import { canonicalJson } from '../state/audit.ts'
import type { Json } from '../state/audit.ts'
import type { StateTransaction } from '../state/open.ts'
import type { FrozenMonthTable, MonthAnnotationTable, Schema } from '../state/schema.ts'
import type { Blind, BlindReason } from './blind.ts'
import type { Annotation, FrozenMonth } from './frozen-month.ts'
import type { Interval } from './intervals.ts'
import type { ServiceRequest } from './request.ts'

/** Reads work inside a transaction and outside of one. */
export type Reader = Kysely<Schema>
export type Stream = 'window' | 'request' | 'guard'
/** One stored event. */
export interface Stored<E> {
  readonly at: number
  readonly actor: string
  readonly event: E
}

const letters = { window: 'M', request: 'Q', guard: 'G' } as const satisfies Record<Stream, string>

/** The next id of that day (`20261122`). Nothing is ever deleted, so none comes twice. */
export async function nextId(trx: StateTransaction, stream: Stream, day: string): Promise<string> {
  const prefix = `${letters[stream]}${day}-`
  const { count } = await trx.selectFrom('service_event').select((of) => of.fn.countAll<number>().as('count')).where('stream', '=', stream).where('seq', '=', 1).where('id', 'like', `${prefix}%`).executeTakeFirstOrThrow()
  return `${prefix}${String(Number(count) + 1).padStart(3, '0')}`
}

/** Appends the event that makes `seq`; a second writer of the same number is refused by the key. */
export async function appendEvent(trx: StateTransaction, stream: Stream, id: string, seq: number, at: number, actor: string, event: Json): Promise<void> {
  await trx.insertInto('service_event').values({ stream, id, seq, at, actor, body_json: canonicalJson(event) }).execute()
}

/** Stored events of one id, oldest first. */
export async function eventsOf<S extends z.ZodType>(db: Reader, stream: Stream, id: string, schema: S): Promise<readonly Stored<z.output<S>>[]> {
  const rows = await db.selectFrom('service_event').select(['at', 'actor', 'body_json']).where('stream', '=', stream).where('id', '=', id).orderBy('seq').execute()
  return rows.map((row) => ({ at: row.at, actor: row.actor, event: schema.parse(JSON.parse(row.body_json)) }))
}

/** Stored events of a whole stream by id. Windows and guard periods are few; requests are asked for by id. */
export async function streamEvents<S extends z.ZodType>(db: Reader, stream: Stream, schema: S): Promise<ReadonlyMap<string, readonly Stored<z.output<S>>[]>> {
  const rows = await db.selectFrom('service_event').select(['id', 'at', 'actor', 'body_json']).where('stream', '=', stream).orderBy('id').orderBy('seq').execute()
  const all = new Map<string, Stored<z.output<S>>[]>()
  for (const row of rows) {
    const events = all.get(row.id) ?? []
    events.push({ at: row.at, actor: row.actor, event: schema.parse(JSON.parse(row.body_json)) })
    all.set(row.id, events)
  }
  return all
}

/** Everything that was recorded in a span, oldest first, for the work log. */
export async function eventsWithin(db: Reader, span: Interval): Promise<readonly { readonly stream: Stream; readonly id: string; readonly at: number; readonly actor: string; readonly body: unknown }[]> {
  const rows = await db.selectFrom('service_event').selectAll().where('at', '>=', span.from).where('at', '<', span.to).orderBy('at').orderBy('id').orderBy('seq').execute()
  return rows.map((row) => ({ stream: row.stream, id: row.id, at: row.at, actor: row.actor, body: JSON.parse(row.body_json) as unknown }))
}

/** Keeps what finds the request again. */
export async function indexRequest(trx: StateTransaction, request: ServiceRequest): Promise<void> {
  const row = { received_at: request.receivedAt, ended_at: request.endedAt ?? null, version: request.version }
  await trx.insertInto('service_request').values({ id: request.id, ...row }).onConflict((conflict) => conflict.column('id').doUpdateSet(row)).execute()
}

/** Ids of requests that were there at some moment of the span. */
export async function requestsWithin(db: Reader, span: Interval): Promise<readonly string[]> {
  const rows = await db.selectFrom('service_request').select('id').where('received_at', '<', span.to)
    .where((where) => where.or([where('ended_at', 'is', null), where('ended_at', '>=', span.from)])).orderBy('received_at').orderBy('id').execute()
  return rows.map((row) => row.id)
}

/** Adds a stretch that is over. */
export async function addBlind(trx: StateTransaction, why: BlindReason, service: string, object: string, span: Interval): Promise<void> {
  await trx.insertInto('blind_time').values({ id: await nextBlind(trx), why, service, object, from_at: span.from, to_at: span.to }).execute()
}

/** Begins a stretch, unless the same one lasts already. */
export async function beginBlind(trx: StateTransaction, why: BlindReason, service: string, object: string, from: number): Promise<void> {
  const lasting = await trx.selectFrom('blind_time').select('id').where('why', '=', why).where('service', '=', service).where('object', '=', object).where('to_at', 'is', null).executeTakeFirst()
  if (lasting === undefined) await trx.insertInto('blind_time').values({ id: await nextBlind(trx), why, service, object, from_at: from, to_at: null }).execute()
}

/** Ends the stretch that lasts, if one does. An end before its start (a clock set back) leaves an empty one. */
export async function endBlind(trx: StateTransaction, why: BlindReason, service: string, object: string, to: number): Promise<void> {
  await trx.updateTable('blind_time').set({ to_at: to }).where('why', '=', why).where('service', '=', service).where('object', '=', object).where('to_at', 'is', null).execute()
}

async function nextBlind(trx: StateTransaction): Promise<number> {
  const last = await trx.selectFrom('blind_time').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst()
  return (last?.id ?? 0) + 1
}

/** Blind stretches that reach into the span. */
export async function blindWithin(db: Reader, span: Interval): Promise<readonly Blind[]> {
  const rows = await db.selectFrom('blind_time').selectAll().where('from_at', '<', span.to)
    .where((where) => where.or([where('to_at', 'is', null), where('to_at', '>', span.from)])).orderBy('from_at').orderBy('id').execute()
  return rows.map(({ why, service, object, from_at, to_at }) => ({ from: from_at, ...(to_at === null ? {} : { to: to_at }), why, service, object }))
}

/** The setting in which the collector leaves its signs of life. */
const ALIVE_KEY = 'service.alive-at'

/** The last sign of life, if there was one. */
export async function readAlive(db: Reader): Promise<number | undefined> {
  const value = await readSetting(db, ALIVE_KEY)
  return typeof value === 'number' ? value : undefined
}

/** Leaves a sign of life. */
export async function writeAlive(trx: StateTransaction, at: number): Promise<void> {
  await writeSetting(trx, ALIVE_KEY, at)
}

const FIRST_ALIVE_KEY = 'service.first-alive-at'

/** The collector's very first sign of life; where an earlier version did not keep it the newest one, for what lay before it nobody vouches. */
export async function firstAlive(db: Reader): Promise<number | undefined> {
  const kept = await readSetting(db, FIRST_ALIVE_KEY)
  return typeof kept === 'number' ? kept : readAlive(db)
}

/** Keeps it; it never changes. */
export async function writeFirstAlive(trx: StateTransaction, at: number): Promise<void> {
  if ((await readSetting(trx, FIRST_ALIVE_KEY)) === undefined) await writeSetting(trx, FIRST_ALIVE_KEY, at)
}

const LOOKED_KEY = 'service.looked-at'

/** Services that were looked at before: whether anything is measured of them. */
export async function lookedAt(db: Reader): Promise<ReadonlySet<string>> {
  const value = await readSetting(db, LOOKED_KEY)
  return new Set(Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [])
}

/** Keeps them. */
export async function writeLookedAt(trx: StateTransaction, services: ReadonlySet<string>): Promise<void> {
  await writeSetting(trx, LOOKED_KEY, [...services].sort())
}

/** Stretches that have no end yet. */
export async function lastingBlind(db: Reader): Promise<readonly Blind[]> {
  const rows = await db.selectFrom('blind_time').selectAll().where('to_at', 'is', null).orderBy('id').execute()
  return rows.map(({ why, service, object, from_at }) => ({ from: from_at, why, service, object }))
}

async function readSetting(db: Reader, key: string): Promise<unknown> {
  const row = await db.selectFrom('setting').select('value_json').where('key', '=', key).executeTakeFirst()
  return row === undefined ? undefined : JSON.parse(row.value_json)
}

async function writeSetting(trx: StateTransaction, key: string, value: Json): Promise<void> {
  const value_json = JSON.stringify(value)
  await trx.insertInto('setting').values({ key, value_json }).onConflict((conflict) => conflict.column('key').doUpdateSet({ value_json })).execute()
}

/** All frozen months, in their order. */
export async function frozenMonths(db: Reader): Promise<readonly FrozenMonth[]> {
  return (await db.selectFrom('frozen_month').selectAll().orderBy('seq').execute()).map(monthOfRow)
}

/** The newest one. */
export async function newestFrozen(db: Reader): Promise<FrozenMonth | undefined> {
  const row = await db.selectFrom('frozen_month').selectAll().orderBy('seq', 'desc').limit(1).executeTakeFirst()
  return row === undefined ? undefined : monthOfRow(row)
}

/** One month as it was frozen. */
export async function frozenMonth(db: Reader, month: string): Promise<FrozenMonth | undefined> {
  const row = await db.selectFrom('frozen_month').selectAll().where('month', '=', month).executeTakeFirst()
  return row === undefined ? undefined : monthOfRow(row)
}

/** Stores a frozen month. */
export async function storeMonth(trx: StateTransaction, one: FrozenMonth): Promise<void> {
  await trx.insertInto('frozen_month').values({ seq: one.seq, month: one.month, frozen_at: one.frozenAt, actor: one.actor, forced: one.forced, body_json: one.body, previous_hash: one.previousHash, hash: one.hash }).execute()
}

/** All annotations in their order, of one month where it is named. */
export async function annotations(db: Reader, month?: string): Promise<readonly Annotation[]> {
  const query = db.selectFrom('month_annotation').selectAll().orderBy('seq')
  return (await (month === undefined ? query : query.where('month', '=', month)).execute()).map(annotationOfRow)
}

/** The newest of all. */
export async function newestAnnotation(db: Reader): Promise<Annotation | undefined> {
  const row = await db.selectFrom('month_annotation').selectAll().orderBy('seq', 'desc').limit(1).executeTakeFirst()
  return row === undefined ? undefined : annotationOfRow(row)
}

/** Stores an annotation. */
export async function storeAnnotation(trx: StateTransaction, one: Annotation): Promise<void> {
  await trx.insertInto('month_annotation').values({ seq: one.seq, month: one.month, at: one.at, actor: one.actor, body_json: one.body, previous_hash: one.previousHash, hash: one.hash }).execute()
}

/** Hashes of months and annotations that the audit log has: what stands outside of the tables and vouches for them. */
export async function hashesInAudit(db: Reader): Promise<{ readonly months: readonly string[]; readonly annotations: readonly string[] }> {
  const rows = await db.selectFrom('audit').select(['action', 'detail_json']).where('action', 'in', ['month.freeze', 'month.annotate']).orderBy('seq').execute()
  const of = (action: string): readonly string[] => rows.filter((row) => row.action === action).flatMap((row) => {
    const detail: unknown = JSON.parse(row.detail_json)
    return typeof detail === 'object' && detail !== null && 'hash' in detail && typeof detail.hash === 'string' ? [detail.hash] : []
  })
  return { months: of('month.freeze'), annotations: of('month.annotate') }
}

function monthOfRow(row: FrozenMonthTable): FrozenMonth {
  return { seq: row.seq, month: row.month, frozenAt: row.frozen_at, actor: row.actor, forced: row.forced, body: row.body_json, previousHash: row.previous_hash, hash: row.hash }
}

function annotationOfRow(row: MonthAnnotationTable): Annotation {
  return { seq: row.seq, month: row.month, at: row.at, actor: row.actor, body: row.body_json, previousHash: row.previous_hash, hash: row.hash }
}
