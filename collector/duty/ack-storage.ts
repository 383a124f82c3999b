/** What acknowledging from a message keeps in state.db: the signing key, used links, reply codes and answers. */
import { createHash, randomBytes, randomInt } from 'node:crypto'
import type { Kysely } from 'kysely'
import { z } from 'zod'
import { appendAudit } from '../state/audit.ts'
import type { StateTransaction } from '../state/open.ts'
import type { Schema } from '../state/schema.ts'
import type { AckClaim, AckKey } from './ack-link.ts'
import { CODE_DIGITS, freeCode } from './reply-code.ts'

const KEY_SETTING = 'duty.ackKeys'

/** How long a key signs. */
const KEY_AGE_MS = 30 * 86_400_000
/** How long a link or code is good at most; a key is kept that long after it has signed its last. */
export const LONGEST_LINK_MS = 3 * 86_400_000

/** Wrong answers of one person within an hour, after which answers are not looked at. */
const MOST_WRONG = 5
const WRONG_WITHIN_MS = 3_600_000

const keysSchema = z.array(z.strictObject({ id: z.string().min(1).max(16), secret: z.string().regex(/^[A-Za-z0-9_-]{43}$/), madeAt: z.number() })).min(1)

/** The signing keys, newest first, made on first use and replaced by age. The newest signs, all verify. */
export async function ackKeys(trx: StateTransaction, now: number): Promise<readonly [AckKey, ...AckKey[]]> {
  const row = await trx.selectFrom('setting').select('value_json').where('key', '=', KEY_SETTING).executeTakeFirst()
  const stored = row === undefined ? [] : keysSchema.parse(JSON.parse(row.value_json))
  const [newest] = stored
  if (newest !== undefined && now < newest.madeAt + KEY_AGE_MS) return [newest, ...stored.slice(1)]
  const made = { id: randomBytes(6).toString('base64url'), secret: randomBytes(32).toString('base64url'), madeAt: now }
  // What a key signed last was signed before its successor was made.
  const kept = stored.filter((_, index) => now < (stored[index - 1]?.madeAt ?? now) + LONGEST_LINK_MS)
  const value_json = JSON.stringify([made, ...kept])
  await trx.insertInto('setting').values({ key: KEY_SETTING, value_json }).onConflict((on) => on.column('key').doUpdateSet({ value_json })).execute()
  await appendAudit(trx, { at: now, actor: 'collector', action: 'duty.ack-key', object: made.id, detail: { kept: kept.map((key) => key.id) } })
  return [made, ...kept]
}

/** The keys that verify, without making or renewing any: looking at a link writes nothing. */
export async function knownAckKeys(db: Kysely<Schema>): Promise<readonly AckKey[]> {
  const row = await db.selectFrom('setting').select('value_json').where('key', '=', KEY_SETTING).executeTakeFirst()
  return row === undefined ? [] : keysSchema.parse(JSON.parse(row.value_json))
}

/** 16 random bytes for a claim. */
export function newNonce(): string {
  return randomBytes(16).toString('base64url')
}

/** Notes a link as used. Look with `usedAt` in the same transaction first: the table's key refuses a second use. */
export async function useLink(trx: StateTransaction, claim: AckClaim, now: number): Promise<void> {
  await trx.insertInto('ack_link_use').values({ nonce: claim.nonce, incident: claim.incident, person: claim.person, at: now, expires_at: claim.expiresAt }).execute()
}

/** When a link was used; undefined: not yet. */
export async function usedAt(trx: Kysely<Schema>, nonce: string): Promise<number | undefined> {
  return (await trx.selectFrom('ack_link_use').select('at').where('nonce', '=', nonce).executeTakeFirst())?.at
}

/**
 * The code by which this person answers about this incident: the live one, or a new one that no other live one has.
 * undefined: every code is taken (ten thousand live ones).
 */
export async function replyCode(trx: StateTransaction, incident: string, person: string, lifeMs: number, now: number): Promise<string | undefined> {
  const expires_at = now + Math.min(lifeMs, LONGEST_LINK_MS)
  const own = await trx.selectFrom('ack_code').select(['code', 'expires_at', 'used_at']).where('incident', '=', incident).where('person', '=', person).executeTakeFirst()
  if (own !== undefined && own.expires_at > now && own.used_at === null) {
    await trx.updateTable('ack_code').set({ expires_at }).where('incident', '=', incident).where('person', '=', person).execute()
    return own.code
  }
  const live = await trx.selectFrom('ack_code').select('code').where('expires_at', '>', now).execute()
  const code = freeCode(new Set(live.map((row) => row.code)), randomInt(10 ** CODE_DIGITS) / 10 ** CODE_DIGITS)
  if (code === undefined) return undefined
  const values = { code, made_at: now, expires_at, used_at: null }
  await trx.insertInto('ack_code').values({ incident, person, ...values }).onConflict((on) => on.columns(['incident', 'person']).doUpdateSet(values)).execute()
  return code
}

/** What came of an answer by SMS. */
export type ReplyOutcome =
  | { readonly kind: 'accepted'; readonly incident: string; readonly code: string }
  | { readonly kind: 'used'; readonly incident: string; readonly at: number }
  | { readonly kind: 'no-code' | 'wrong-code' | 'too-many' }

/** Redeems a person's code and keeps a record. Only the person to whom a code was sent can use it; too many wrong ones end it for an hour. */
export async function redeemCode(trx: StateTransaction, person: string, code: string | undefined, now: number): Promise<ReplyOutcome> {
  const outcome = await judgeCode(trx, person, code, now)
  const incident = 'incident' in outcome ? outcome.incident : null
  if (outcome.kind === 'accepted') await trx.updateTable('ack_code').set({ used_at: now }).where('incident', '=', outcome.incident).where('person', '=', person).execute()
  await recordReply(trx, person, outcome.kind, incident, now)
  return outcome
}

/** What a person's code would come to, without redeeming it. */
export async function judgeCode(trx: StateTransaction, person: string, code: string | undefined, now: number): Promise<ReplyOutcome> {
  const wrong = await trx
    .selectFrom('ack_reply')
    .select((row) => row.fn.countAll<number>().as('count'))
    .where('person', '=', person)
    .where('outcome', '=', 'wrong-code')
    .where('at', '>', now - WRONG_WITHIN_MS)
    .executeTakeFirst()
  if ((wrong?.count ?? 0) >= MOST_WRONG) return { kind: 'too-many' }
  if (code === undefined) return { kind: 'no-code' }
  const row = await trx.selectFrom('ack_code').select(['incident', 'used_at']).where('code', '=', code).where('person', '=', person).where('expires_at', '>', now).executeTakeFirst()
  if (row === undefined) return { kind: 'wrong-code' }
  return row.used_at === null ? { kind: 'accepted', incident: row.incident, code } : { kind: 'used', incident: row.incident, at: row.used_at }
}

/** Keeps an answer. `person` null: from a number that is nobody's. */
export async function recordReply(trx: StateTransaction, person: string | null, outcome: string, incident: string | null, now: number): Promise<void> {
  const last = await trx.selectFrom('ack_reply').select('seq').orderBy('seq', 'desc').limit(1).executeTakeFirst()
  await trx.insertInto('ack_reply').values({ seq: (last?.seq ?? 0) + 1, at: now, person, outcome, incident }).execute()
}

/** How long an answer is known by its gateway's id. */
const ID_LIFE_MS = 7 * 86_400_000
/** How long the same text of the same phone is the same answer, where the gateway gives no id. */
const TEXT_LIFE_MS = 600_000

/** By what an answer is known again. Texts and numbers are not kept, only what they hash to. */
function replyId({ id, phone, text }: { readonly id: string | undefined; readonly phone: string; readonly text: string }): { readonly id: string; readonly lifeMs: number } {
  const hash = (what: string): string => createHash('sha256').update(what).digest('base64url')
  return id === undefined ? { id: `text ${hash(JSON.stringify([phone, text]))}`, lifeMs: TEXT_LIFE_MS } : { id: `id ${hash(id)}`, lifeMs: ID_LIFE_MS }
}

/** Whether this answer was taken before: gateways repeat what they believe was not heard. */
export async function seenReply(trx: StateTransaction, channel: string, answer: Parameters<typeof replyId>[0], now: number): Promise<boolean> {
  const { id, lifeMs } = replyId(answer)
  return (await trx.selectFrom('sms_reply_seen').select('at').where('channel', '=', channel).where('id', '=', id).where('at', '>', now - lifeMs).executeTakeFirst()) !== undefined
}

/** Notes an answer as taken. */
export async function noteReply(trx: StateTransaction, channel: string, answer: Parameters<typeof replyId>[0], now: number): Promise<void> {
  await trx.insertInto('sms_reply_seen').values({ channel, id: replyId(answer).id, at: now }).onConflict((on) => on.columns(['channel', 'id']).doUpdateSet({ at: now })).execute()
}

/** Forgets links, codes and answers that can matter no more; what they did is in the incident and the audit log. */
export async function forgetOldAcks(trx: StateTransaction, now: number): Promise<void> {
  await trx.deleteFrom('ack_link_use').where('expires_at', '<', now - 86_400_000).execute()
  await trx.deleteFrom('ack_code').where('expires_at', '<', now - 86_400_000).execute()
  await trx.deleteFrom('sms_reply_seen').where('at', '<', now - ID_LIFE_MS).execute()
  await trx.deleteFrom('ack_reply').where('at', '<', now - 400 * 86_400_000).execute()
}
