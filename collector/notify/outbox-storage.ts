/**
 * The outbox's rows: queued → sending → sent, or back to queued, or failed (refused for good), or dead (given up).
 * Every change of state is a transaction together with the receipt that explains it.
 */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { canonicalJson } from '../state/audit.ts'
import type { Json } from '../state/audit.ts'
import type { State, StateTransaction } from '../state/open.ts'
import type { SendOutcome } from './channel.ts'
import { GIVE_UP_MS } from './pace.ts'

/** A message to be owed. */
export interface OutboxItem {
  readonly channel: string
  readonly receiver: string
  readonly to: readonly string[]
  /** Two items of one key are one message. */
  readonly dedupKey: string
  readonly incidentId: number | undefined
  /** What the renderer makes words of. */
  readonly payload: Json
}

const json: z.ZodType<Json> = z.json()
const storedMessage = z.strictObject({ to: z.array(z.string()).readonly(), payload: json })

/** A row that has been claimed for sending. */
export interface Claimed {
  readonly id: string
  readonly channel: string
  readonly receiver: string
  readonly to: readonly string[]
  readonly payload: Json
  readonly attempt: number
  readonly createdAt: number
}

/** Queues a message inside the transaction of its cause. false: a message of that key exists, nothing is added. */
export async function enqueue(trx: StateTransaction, item: OutboxItem, now: number): Promise<boolean> {
  const result = await trx
    .insertInto('outbox')
    .values({
      id: randomUUID(),
      channel: item.channel,
      receiver: item.receiver,
      dedup_key: item.dedupKey,
      incident_id: item.incidentId ?? null,
      message_json: canonicalJson({ to: item.to, payload: item.payload }),
      state: 'queued',
      attempts: 0,
      created_at: now,
      due_at: now,
      updated_at: now,
      last_error: null,
    })
    .onConflict((conflict) => conflict.column('dedup_key').doNothing())
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** Puts back what a crash left in `sending`: whether the relay took it is unknown, so it is sent again under its id. */
export async function recoverInterrupted(state: State, now: number): Promise<number> {
  return state.db.transaction().execute(async (trx) => {
    const rows = await trx.selectFrom('outbox').select(['id', 'attempts']).where('state', '=', 'sending').execute()
    for (const row of rows) {
      await trx.insertInto('receipt').values({ outbox_id: row.id, attempt: row.attempts, at: now, outcome: 'interrupted', detail_json: '{}' }).execute()
      await trx.updateTable('outbox').set({ state: 'queued', due_at: now, updated_at: now }).where('id', '=', row.id).execute()
    }
    return rows.length
  })
}

/** Takes the oldest due message of a channel for sending, or says when the next one is due (undefined: none). */
export async function claimNext(state: State, channel: string, now: number): Promise<Claimed | { readonly nextDueAt: number | undefined }> {
  return state.db.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('outbox')
      .selectAll()
      .where('channel', '=', channel)
      .where('state', '=', 'queued')
      .where('due_at', '<=', now)
      .orderBy('created_at')
      .orderBy('id')
      .limit(1)
      .executeTakeFirst()
    if (row === undefined) {
      const later = await trx.selectFrom('outbox').select('due_at').where('channel', '=', channel).where('state', '=', 'queued').orderBy('due_at').limit(1).executeTakeFirst()
      return { nextDueAt: later?.due_at }
    }
    const attempt = row.attempts + 1
    await trx.updateTable('outbox').set({ state: 'sending', attempts: attempt, updated_at: now }).where('id', '=', row.id).execute()
    // A row that cannot be read is claimed all the same, without words: it then fails by itself and blocks no other.
    const { to, payload } = parseMessage(row.message_json)
    return { id: row.id, channel, receiver: row.receiver, to, payload, attempt, createdAt: row.created_at }
  })
}

function parseMessage(text: string): z.infer<typeof storedMessage> {
  try {
    return storedMessage.parse(JSON.parse(text))
  } catch {
    return { to: [], payload: null }
  }
}

/** How a message stands after an attempt. */
export type Standing = 'sent' | 'retried' | 'failed' | 'dead'

/** Writes what came of an attempt, with its receipt. `retryAt` is used where there is another attempt. */
export async function settle(state: State, claimed: Claimed, outcome: SendOutcome, now: number, retryAt: number): Promise<Standing> {
  const standing = standingAfter(claimed, outcome, now)
  await state.db.transaction().execute(async (trx) => {
    await trx
      .insertInto('receipt')
      .values({ outbox_id: claimed.id, attempt: claimed.attempt, at: now, outcome: outcome.kind, detail_json: canonicalJson(receiptDetail(outcome)) })
      .execute()
    const to = outcome.kind === 'delivered' && outcome.again.length > 0 ? outcome.again.map((one) => one.address) : claimed.to
    await trx
      .updateTable('outbox')
      .set({
        state: standing === 'retried' ? 'queued' : standing,
        due_at: standing === 'retried' ? retryAt : now,
        updated_at: now,
        last_error: errorText(outcome),
        message_json: canonicalJson({ to, payload: claimed.payload }),
      })
      .where('id', '=', claimed.id)
      .execute()
  })
  return standing
}

function standingAfter(claimed: Claimed, outcome: SendOutcome, now: number): Standing {
  if (outcome.kind === 'refused') return 'failed'
  if (outcome.kind === 'delivered' && outcome.again.length === 0) return 'sent'
  return now - claimed.createdAt >= GIVE_UP_MS ? 'dead' : 'retried'
}

function receiptDetail(outcome: SendOutcome): Json {
  switch (outcome.kind) {
    case 'delivered':
      return { to: outcome.to, detail: outcome.detail, refused: outcome.refused.map((one) => ({ ...one })), again: outcome.again.map((one) => ({ ...one })) }
    case 'try-again':
    case 'refused':
      return { why: outcome.why }
  }
}

function errorText(outcome: SendOutcome): string | null {
  if (outcome.kind !== 'delivered') return outcome.why
  const missed = [...outcome.refused, ...outcome.again]
  return missed.length === 0 ? null : missed.map((one) => `${one.address}: ${one.why}`).join('; ')
}

/** Gives up what is too old and still queued, whatever became of its channel. Returns how many. */
export async function giveUp(state: State, now: number): Promise<readonly { readonly channel: string }[]> {
  return state.db.transaction().execute(async (trx) => {
    const rows = await trx.selectFrom('outbox').select(['id', 'channel', 'last_error']).where('state', '=', 'queued').where('created_at', '<=', now - GIVE_UP_MS).execute()
    for (const row of rows) {
      await trx.updateTable('outbox').set({ state: 'dead', updated_at: now, last_error: row.last_error ?? 'not delivered in time' }).where('id', '=', row.id).execute()
    }
    return rows
  })
}

/** Makes everything of a channel that waits due now: the channel works again. */
export async function hurry(state: State, channel: string, now: number): Promise<void> {
  await state.db.updateTable('outbox').set({ due_at: now }).where('channel', '=', channel).where('state', '=', 'queued').where('due_at', '>', now).execute()
}

/** How many messages a channel still owes. */
export async function owed(state: State, channel: string): Promise<number> {
  const row = await state.db
    .selectFrom('outbox')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('channel', '=', channel)
    .where('state', 'in', ['queued', 'sending'])
    .executeTakeFirstOrThrow()
  return row.count
}
