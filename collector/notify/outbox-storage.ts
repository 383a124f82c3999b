/**
 * The outbox's rows: queued → sending → sent, or back to queued, or failed (refused for good), or dead (given up), or
 * superseded (what it was to say no longer held when its turn came).
 * Every change of state is a transaction together with the receipt that explains it.
 */
import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import { z } from 'zod'
import { canonicalJson } from '../state/audit.ts'
import type { Json } from '../state/audit.ts'
import type { State, StateTransaction } from '../state/open.ts'
import type { Schema } from '../state/schema.ts'
import type { SendOutcome } from './channel.ts'
import { digest, memoryMs } from './digest.ts'
import type { DigestPolicy, PastSend } from './digest.ts'
import { GIVE_UP_MS } from './pace.ts'
import type { Again } from './pace.ts'
import { contractYear, officeDay } from './sms-budget.ts'

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

/** Whose messages are counted and put together: everyone at these addresses. */
const personOf = (to: readonly string[]): string => to.join(',')

const json: z.ZodType<Json> = z.json()
const storedMessage = z.strictObject({ to: z.array(z.string()).readonly(), payload: json })

/** A row that has been claimed for sending. */
export interface Claimed {
  readonly id: string
  /** The send that takes it along; several messages may share one. */
  readonly sendId: string
  readonly channel: string
  readonly receiver: string
  readonly to: readonly string[]
  readonly payload: Json
  readonly attempt: number
  readonly createdAt: number
}

const openingPayload = z.object({ kind: z.literal('incident'), what: z.enum(['opened', 'reopened']), incident: z.object({ severity: z.literal('critical') }) })

/** Whether it is the opening of a critical incident: that waits behind no reminder. */
export const isUrgent = (payload: Json): boolean => openingPayload.safeParse(payload).success

/** Queues a message inside the transaction of its cause; its id. undefined: a message of that key exists, nothing is added. */
export async function enqueue(trx: StateTransaction, item: OutboxItem, now: number): Promise<string | undefined> {
  const id = randomUUID()
  const result = await trx
    .insertInto('outbox')
    .values({
      id,
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
      person: personOf(item.to),
      send_id: null,
      urgent: isUrgent(item.payload) ? 1 : 0,
    })
    .onConflict((conflict) => conflict.column('dedup_key').doNothing())
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n ? id : undefined
}

/**
 * Puts back what a crash left in `sending`: whether the other side took it is unknown, so it is sent again under its id,
 * and what may have been an SMS (channels in `billed`) counts as one.
 */
export async function recoverInterrupted(state: State, billed: ReadonlySet<string>, now: number): Promise<number> {
  return state.db.transaction().execute(async (trx) => {
    const rows = await trx.selectFrom('outbox').select(['id', 'attempts', 'channel', 'send_id']).where('state', '=', 'sending').execute()
    const sends = new Set<string>()
    for (const row of rows) {
      await trx.insertInto('receipt').values({ outbox_id: row.id, attempt: row.attempts, at: now, outcome: 'interrupted', detail_json: '{}' }).execute()
      await trx.updateTable('outbox').set({ state: 'queued', due_at: now, updated_at: now }).where('id', '=', row.id).execute()
      if (!billed.has(row.channel) || row.send_id === null || sends.has(row.send_id)) continue
      sends.add(row.send_id)
      await addUsage(trx, row.channel, 1, now)
    }
    return rows.length
  })
}

/** Messages that go out as one, or when the next may (undefined: none is waiting). */
export type Claim = { readonly kind: 'claimed'; readonly messages: readonly [Claimed, ...Claimed[]] } | { readonly kind: 'nothing'; readonly nextDueAt: number | undefined }

/**
 * Takes the oldest due message of a channel for sending. `probing`: the channel is down, and the one that was tried
 * longest ago goes first, so that a message which itself brings the channel down blocks no other.
 */
export async function claimNext(state: State, channel: string, now: number, probing = false): Promise<Claim> {
  return state.db.transaction().execute(async (trx) => {
    const row = await due(trx, channel, now).select('id').orderBy(probing ? 'due_at' : 'created_at').orderBy('created_at').orderBy('id').limit(1).executeTakeFirst()
    if (row === undefined) return { kind: 'nothing', nextDueAt: await nextDue(trx, channel, now) }
    return take(trx, [row.id], channel, now)
  })
}

/**
 * Takes what may go next of a channel that puts messages together: by the policy and the sends there were, for the
 * person whose oldest message has waited longest among those who may get one now. The attempt is noted in the same
 * transaction, so that a crash cannot make more of them than the policy allows.
 */
export async function claimTogether(state: State, channel: string, policy: DigestPolicy, now: number, probing = false): Promise<Claim> {
  return state.db.transaction().execute(async (trx) => {
    const people = await due(trx, channel, now)
      .select((eb) => ['person', eb.fn.countAll<number>().as('count'), eb.fn.max('urgent').as('urgent'), eb.fn.min(probing ? 'due_at' : 'created_at').as('oldest')])
      .groupBy('person')
      .orderBy('oldest')
      .execute()
    const sends = await sendsSince(trx, channel, now - memoryMs(policy))
    let next = await nextDue(trx, channel, now)
    for (const { person, count, urgent } of people) {
      const step = digest(count, sends.filter((send) => policy.by === 'channel' || send.person === person), policy, now, urgent === 1)
      if (step.kind === 'wait') {
        next = Math.min(step.until, next ?? step.until)
        continue
      }
      const query = due(trx, channel, now).select('id').where('person', '=', person).orderBy(probing ? 'due_at' : 'urgent', probing ? 'asc' : 'desc').orderBy('created_at').orderBy('id')
      const rows = await (step.kind === 'one' ? query.limit(1) : query).execute()
      const claim = await take(trx, rows.map((row) => row.id), channel, now)
      if (claim.kind === 'claimed') await trx.insertInto('channel_send').values({ id: claim.messages[0].sendId, channel, person, at: now, urgent: claim.messages.some((one) => isUrgent(one.payload)) ? 1 : 0 }).execute()
      return claim
    }
    return { kind: 'nothing', nextDueAt: next }
  })
}

/** A send there was, and whom it was for. */
export interface PersonSend extends PastSend {
  readonly person: string
}

/** Sends of a channel after that time. */
export async function sendsSince(db: Kysely<Schema>, channel: string, after: number): Promise<readonly PersonSend[]> {
  const rows = await db.selectFrom('channel_send').select(['person', 'at', 'urgent']).where('channel', '=', channel).where('at', '>', after).execute()
  return rows.map(({ person, at, urgent }) => ({ person, at, urgent: urgent === 1 }))
}

const due = (trx: StateTransaction, channel: string, now: number) => trx.selectFrom('outbox').where('channel', '=', channel).where('state', '=', 'queued').where('due_at', '<=', now)

async function nextDue(trx: StateTransaction, channel: string, now: number): Promise<number | undefined> {
  const later = await trx.selectFrom('outbox').select('due_at').where('channel', '=', channel).where('state', '=', 'queued').where('due_at', '>', now).orderBy('due_at').limit(1).executeTakeFirst()
  return later?.due_at
}

/** How many rows one statement names: what follows it, reading their texts, is one turn of the event loop. */
const SLICE = 100

async function take(trx: StateTransaction, ids: readonly string[], channel: string, now: number): Promise<Claim> {
  const sendId = randomUUID()
  const messages: Claimed[] = []
  for (let from = 0; from < ids.length; from += SLICE) {
    const slice = ids.slice(from, from + SLICE)
    await trx.updateTable('outbox').set((eb) => ({ state: 'sending', attempts: eb('attempts', '+', 1), updated_at: now, send_id: sendId })).where('id', 'in', slice).execute()
    const rows = await trx.selectFrom('outbox').selectAll().where('id', 'in', slice).execute()
    // A row that cannot be read is claimed all the same, without words: it then fails by itself and blocks no other.
    messages.push(...rows.map((row) => ({ id: row.id, sendId, channel, receiver: row.receiver, ...parseMessage(row.message_json), attempt: row.attempts, createdAt: row.created_at })))
  }
  const [first, ...rest] = messages.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
  return first === undefined ? { kind: 'nothing', nextDueAt: undefined } : { kind: 'claimed', messages: [first, ...rest] }
}

/** Queues a message that is sent at once by whoever queues it, and never again: a test. */
export async function enqueueClaimed(state: State, item: OutboxItem, now: number): Promise<Claimed> {
  const id = randomUUID()
  const sendId = randomUUID()
  await state.db.transaction().execute(async (trx) => {
    await trx
      .insertInto('outbox')
      .values({
        id, channel: item.channel, receiver: item.receiver, dedup_key: item.dedupKey, incident_id: null, message_json: canonicalJson({ to: item.to, payload: item.payload }),
        state: 'sending', attempts: 1, created_at: now, due_at: now, updated_at: now, last_error: null, person: personOf(item.to), send_id: sendId, urgent: 0,
      })
      .execute()
    await trx.insertInto('channel_send').values({ id: sendId, channel: item.channel, person: personOf(item.to), at: now, urgent: 0 }).execute()
  })
  return { id, sendId, channel: item.channel, receiver: item.receiver, to: item.to, payload: item.payload, attempt: 1, createdAt: now }
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

/** What an attempt cost, and whether the people it was for need not be counted as told. */
export interface Spent {
  /** SMS segments that were, or may have been, billed; 0 for other channels. */
  readonly segments: number
  /** true: nothing went out, the attempt counts in no window. */
  readonly forget: boolean
}

/** Nothing to count: mail. */
export const nothingSpent: Spent = { segments: 0, forget: false }

/**
 * Writes what came of an attempt, with a receipt for each message that went along. `again` is used where there is
 * another attempt; `once`: there is none, whatever came of it. A delivery ends the rest of whoever got it.
 */
export async function settle(state: State, messages: readonly Claimed[], outcome: SendOutcome, spent: Spent, now: number, again: Again, once = false): Promise<readonly Standing[]> {
  const together = messages.length
  return state.db.transaction().execute(async (trx) => {
    const standings: Standing[] = []
    for (const claimed of messages) {
      const after = standingAfter(claimed, outcome, now)
      const standing = once && after === 'retried' ? 'failed' : after
      standings.push(standing)
      await trx
        .insertInto('receipt')
        .values({ outbox_id: claimed.id, attempt: claimed.attempt, at: now, outcome: outcome.kind, detail_json: canonicalJson({ ...receiptDetail(outcome), ...(together > 1 ? { together, send: claimed.sendId } : {}) }) })
        .execute()
      const to = outcome.kind === 'delivered' && outcome.again.length > 0 ? outcome.again.map((one) => one.address) : claimed.to
      await trx
        .updateTable('outbox')
        .set({
          state: standing === 'retried' ? 'queued' : standing,
          due_at: standing === 'retried' ? again.at : now,
          updated_at: now,
          last_error: errorText(outcome),
          message_json: canonicalJson({ to, payload: claimed.payload }),
        })
        .where('id', '=', claimed.id)
        .execute()
    }
    const [first] = messages
    if (first === undefined) return standings
    if (standings.every((standing) => standing === 'sent')) await wakePerson(trx, first, now)
    else if (again.person && standings.includes('retried')) await restPerson(trx, first, now, again.at)
    if (spent.forget) await trx.deleteFrom('channel_send').where('id', '=', first.sendId).execute()
    if (spent.segments > 0) await addUsage(trx, first.channel, spent.segments, now)
    return standings
  })
}

async function addUsage(trx: StateTransaction, channel: string, segments: number, now: number): Promise<void> {
  await trx
    .insertInto('sms_usage')
    .values({ channel, day: officeDay(now), segments, messages: 1 })
    .onConflict((conflict) => conflict.columns(['channel', 'day']).doUpdateSet((eb) => ({ segments: eb('sms_usage.segments', '+', segments), messages: eb('sms_usage.messages', '+', 1) })))
    .execute()
}

/** Segments that a channel was billed in the contract year of `now`. */
export async function usedSegments(state: State, channel: string, yearFrom: string, now: number): Promise<number> {
  const year = contractYear(yearFrom, now)
  const row = await state.db
    .selectFrom('sms_usage')
    .select((eb) => eb.fn.sum<number | null>('segments').as('segments'))
    .where('channel', '=', channel)
    .where('day', '>=', year.from)
    .where('day', '<', year.to)
    .executeTakeFirst()
  return row?.segments ?? 0
}

/** Forgets attempts that no window counts any more. */
export async function forgetSends(state: State, before: number): Promise<void> {
  await state.db.deleteFrom('channel_send').where('at', '<', before).execute()
}

function standingAfter(claimed: Claimed, outcome: SendOutcome, now: number): Standing {
  if (outcome.kind === 'refused') return 'failed'
  if (outcome.kind === 'delivered' && outcome.again.length === 0) return 'sent'
  return now - claimed.createdAt >= GIVE_UP_MS ? 'dead' : 'retried'
}

function receiptDetail(outcome: SendOutcome): Readonly<Record<string, Json>> {
  switch (outcome.kind) {
    case 'delivered':
      return { to: outcome.to, detail: outcome.detail, refused: outcome.refused.map((one) => ({ ...one })), again: outcome.again.map((one) => ({ ...one })) }
    case 'try-again':
      return { why: outcome.why }
    case 'refused':
      return { why: outcome.why, ...(outcome.cause === undefined ? {} : { cause: outcome.cause }) }
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

/** Whatever waits for whom this message is for, on its channel. They are those it was queued for: some may have got it already. */
const waitingFor = (trx: StateTransaction, { id, channel }: Claimed) =>
  trx.updateTable('outbox').where('channel', '=', channel).where('state', '=', 'queued').where('person', '=', (eb) => eb.selectFrom('outbox as mine').select('mine.person').where('mine.id', '=', id))

/** What else waits for them waits until then, also what is due already. */
async function restPerson(trx: StateTransaction, message: Claimed, now: number, until: number): Promise<void> {
  if (until > now) await waitingFor(trx, message).set({ due_at: until }).where('due_at', '<', until).execute()
}

/** What waits for them is due: they have just been reached. */
async function wakePerson(trx: StateTransaction, message: Claimed, now: number): Promise<void> {
  await waitingFor(trx, message).set({ due_at: now }).where('due_at', '>', now).execute()
}

/** Ends messages that no longer hold, each with a receipt that says why (a sentence). `whole`: nothing else goes in their send. */
export async function supersede(state: State, messages: readonly { readonly claimed: Claimed; readonly why: string }[], whole: boolean, now: number): Promise<void> {
  await state.db.transaction().execute(async (trx) => {
    for (const { claimed, why } of messages) {
      await trx.insertInto('receipt').values({ outbox_id: claimed.id, attempt: claimed.attempt, at: now, outcome: 'superseded', detail_json: canonicalJson({ why }) }).execute()
      await trx.updateTable('outbox').set({ state: 'superseded', due_at: now, updated_at: now, last_error: null }).where('id', '=', claimed.id).execute()
      // Nobody was told: it counts in no window.
      if (whole) await trx.deleteFrom('channel_send').where('id', '=', claimed.sendId).execute()
    }
  })
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
