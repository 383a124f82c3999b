/** Overrides and told escalations in state.db. What decides about them is elsewhere and pure. */
import type { Kysely } from 'kysely'
import { appendAudit, canonicalJson } from '../state/audit.ts'
import type { StateTransaction } from '../state/open.ts'
import type { Schema } from '../state/schema.ts'
import type { Escalation, Told } from './escalation.ts'
import { tellings } from './escalation.ts'
import { overrideBodySchema } from './override.ts'
import type { Override, OverrideBody } from './override.ts'

/** Reads work inside a transaction and outside of one. */
type Reader = Kysely<Schema>

/** An override with its end: `revoked` undefined while it is in force. */
export interface StoredOverride extends Override {
  readonly revoked: { readonly at: number; readonly by: string; readonly reason: string } | undefined
}

/** All overrides, taken back or not, by number. */
export async function listOverrides(db: Reader): Promise<readonly StoredOverride[]> {
  const rows = await db.selectFrom('duty_override').selectAll().orderBy('id').execute()
  return rows.map((row) => ({
    id: row.id,
    body: overrideBodySchema.parse(JSON.parse(row.body_json)),
    reason: row.reason,
    by: row.made_by,
    at: row.made_at,
    revoked: row.revoked_at === null ? undefined : { at: row.revoked_at, by: row.revoked_by ?? '', reason: row.revoke_reason ?? '' },
  }))
}

/** Keeps an override and says so in the audit log; returns it with its number. */
export async function addOverride(trx: StateTransaction, body: OverrideBody, by: string, reason: string, now: number): Promise<Override> {
  const last = await trx.selectFrom('duty_override').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst()
  const id = (last?.id ?? 0) + 1
  await trx
    .insertInto('duty_override')
    .values({ id, body_json: canonicalJson(body), reason, made_by: by, made_at: now, revoked_at: null, revoked_by: null, revoke_reason: null })
    .execute()
  await appendAudit(trx, { at: now, actor: by, action: `duty.${body.kind}`, object: `duty override ${id}`, detail: { body, reason } })
  return { id, body, reason, by, at: now }
}

/** Takes an override back. false: there is none in force with that number. */
export async function revokeOverride(trx: StateTransaction, id: number, by: string, reason: string, now: number): Promise<boolean> {
  const result = await trx.updateTable('duty_override').set({ revoked_at: now, revoked_by: by, revoke_reason: reason }).where('id', '=', id).where('revoked_at', 'is', null).executeTakeFirst()
  if (result.numUpdatedRows === 0n) return false
  await appendAudit(trx, { at: now, actor: by, action: 'duty.revoke', object: `duty override ${id}`, detail: { reason } })
  return true
}

/** What was told about an incident's clocks, for `escalations`. */
export async function toldOf(db: Reader, incident: string): Promise<readonly Told[]> {
  return db.selectFrom('duty_told').select(['clock', 'used', 'repeat', 'at']).where('incident', '=', incident).orderBy('at').execute()
}

/**
 * Keeps what a message tells, in the transaction that queues it. false: one of its steps is on record already (somebody
 * else was faster); the message must not be queued and the question asked again.
 */
export async function recordTold(trx: StateTransaction, due: Escalation, now: number): Promise<boolean> {
  const told = await toldOf(trx, due.incident)
  const rows = tellings(due, now)
  if (rows.some((row) => told.some((one) => one.clock === row.clock && one.used === row.used && one.repeat === row.repeat))) return false
  await trx.insertInto('duty_told').values(rows.map((row) => ({ incident: due.incident, ...row }))).execute()
  return true
}
