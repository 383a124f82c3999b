/** The outbox as people read it: what is owed, what went, what failed, each with its receipts. Reads only. */
import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { OutboxDetail, OutboxList, OutboxView, ReceiptView } from '../../protocol/api-notify.ts'
import type { Json } from '../state/audit.ts'
import type { OutboxTable, ReceiptTable, Schema } from '../state/schema.ts'
import type { Detail, Rendered } from './channel.ts'
import { maskedAddress, maskedText } from './contact-mask.ts'
import { digest, memoryMs } from './digest.ts'
import type { DigestPolicy } from './digest.ts'
import { sendsSince } from './outbox-storage.ts'
import type { PersonSend } from './outbox-storage.ts'

/** What the caller may see. */
export interface Sight {
  /** Words of messages. */
  readonly text: boolean
  /** Addresses of people. */
  readonly contacts: boolean
}

export interface OutboxBookDependencies {
  readonly db: Kysely<Schema>
  now(): number
  render(payload: Json, now: number, detail: Detail): Rendered
  detailOf(channel: string): Detail
  /** How what waits on that channel is put together; undefined: not at all. */
  digestOf(channel: string): DigestPolicy | undefined
}

export type OutboxFilter = 'owed' | 'sent' | 'failed' | 'all'

export interface OutboxQuery {
  readonly state: OutboxFilter
  readonly channel: string | undefined
  /** Only those queued before; epoch ms. */
  readonly before: number | undefined
  readonly limit: number
}

export interface OutboxBook {
  list(query: OutboxQuery, sight: Sight): Promise<OutboxList>
  get(id: string, sight: Sight): Promise<OutboxDetail | undefined>
  /** Messages by id, without their words. */
  messages(ids: readonly string[], sight: Sight): Promise<ReadonlyMap<string, OutboxView>>
}

const statesOf: Readonly<Record<OutboxFilter, readonly OutboxTable['state'][]>> = { owed: ['queued', 'sending'], sent: ['sent'], failed: ['failed', 'dead'], all: ['queued', 'sending', 'sent', 'failed', 'dead', 'superseded'] }
const jsonValue: z.ZodType<Json> = z.json()
const storedMessage = z.object({ to: z.array(z.string()), payload: jsonValue })
const payloadKind = z.looseObject({ kind: z.enum(['alerts', 'incident', 'plain', 'test']) })
const missed = z.array(z.object({ address: z.string(), why: z.string() }))
const receiptDetail = z.object({ to: z.array(z.string()), detail: z.string(), why: z.string(), refused: missed, again: missed, together: z.number(), cause: z.literal('budget') }).partial()

/** Opens the book. */
export function createOutboxBook(deps: OutboxBookDependencies): OutboxBook {
  const { db } = deps

  async function viewsOf(rows: readonly OutboxRow[], sight: Sight): Promise<readonly { readonly view: OutboxView; readonly text: string | null }[]> {
    const receipts = await receiptsOf(db, rows.map((row) => row.id), sight)
    const held = await heldBy(rows)
    return rows.map((row) => {
      const message = parsed(storedMessage, row.message_json)
      const said = sight.text && message !== undefined ? worded(row, message.payload) : undefined
      // The addresses it was queued with: what is stored is only what still has to be served.
      const to = row.person === '' ? (message?.to ?? []) : row.person.split(',')
      const view: OutboxView = {
        id: row.id, at: row.created_at, updatedAt: row.updated_at, dueAt: row.due_at, channel: row.channel, receiver: row.receiver, to: sight.contacts ? to : to.map(maskedAddress),
        state: row.state, attempts: row.attempts, kind: payloadKind.safeParse(message?.payload).data?.kind ?? 'unknown', incident: row.number,
        error: row.last_error === null ? null : seen(row.last_error, sight), subject: said?.subject ?? null, receipts: receipts.get(row.id) ?? [], heldUntil: held(row) ?? null,
      }
      return { view, text: said === undefined ? null : (said.text === '' ? said.brief : said.text) }
    })
  }

  /** Until when the channels' limits keep those of these rows that wait. */
  async function heldBy(rows: readonly OutboxRow[]): Promise<(row: OutboxRow) => number | undefined> {
    const now = deps.now()
    const waiting = new Map<string, { readonly policy: DigestPolicy; readonly sends: readonly PersonSend[] }>()
    for (const channel of new Set(rows.flatMap((row) => (row.state === 'queued' ? [row.channel] : [])))) {
      const policy = deps.digestOf(channel)
      if (policy !== undefined) waiting.set(channel, { policy, sends: await sendsSince(db, channel, now - memoryMs(policy)) })
    }
    return (row) => {
      const limit = row.state === 'queued' ? waiting.get(row.channel) : undefined
      if (limit === undefined) return undefined
      const step = digest(1, limit.sends.filter((send) => limit.policy.by === 'channel' || send.person === row.person), limit.policy, now, row.urgent === 1)
      return step.kind === 'wait' ? step.until : undefined
    }
  }

  /** As it was said when it went, or as it would be said now. */
  function worded(row: OutboxRow, payload: Json): Rendered | undefined {
    try {
      return deps.render(withoutAck(payload), row.state === 'sent' || row.state === 'superseded' ? row.updated_at : deps.now(), deps.detailOf(row.channel))
    } catch {
      // A payload of another version; the row itself still says what became of it.
      return undefined
    }
  }

  return {
    async list({ state, channel, before, limit }, sight) {
      let query = outboxRows(db).where('outbox.state', 'in', [...statesOf[state]])
      if (channel !== undefined) query = query.where('outbox.channel', '=', channel)
      if (before !== undefined) query = query.where('outbox.created_at', '<', before)
      const rows = await query.orderBy('outbox.created_at', 'desc').orderBy('outbox.id').limit(limit).execute()
      const counted = await db.selectFrom('outbox').select((eb) => ['state', eb.fn.countAll<number>().as('count')]).groupBy('state').execute()
      const count = (filter: OutboxFilter): number => counted.filter((row) => statesOf[filter].includes(row.state)).reduce((sum, row) => sum + row.count, 0)
      return {
        now: deps.now(), messages: (await viewsOf(rows, sight)).map((one) => one.view), counts: { owed: count('owed'), sent: count('sent'), failed: count('failed') },
        older: rows.length < limit ? null : (rows.at(-1)?.created_at ?? null),
      }
    },
    async get(id, sight) {
      const row = await outboxRows(db).where('outbox.id', '=', id).executeTakeFirst()
      if (row === undefined) return undefined
      const [one] = await viewsOf([row], sight)
      return one === undefined ? undefined : { ...one.view, now: deps.now(), text: one.text }
    },
    async messages(ids, sight) {
      if (ids.length === 0) return new Map()
      const rows = await outboxRows(db).where('outbox.id', 'in', ids.slice(0, 10_000)).execute()
      return new Map((await viewsOf(rows, { ...sight, text: false })).map(({ view }) => [view.id, view]))
    },
  }
}

/** Without the link and the code by which its addressee, and nobody else, may acknowledge. */
function withoutAck(payload: Json): Json {
  return typeof payload === 'object' && payload !== null && 'ack' in payload ? { ...payload, ack: null } : payload
}

type OutboxRow = OutboxTable & { readonly number: string | null }

const outboxRows = (db: Kysely<Schema>) => db.selectFrom('outbox').leftJoin('incident', 'incident.id', 'outbox.incident_id').selectAll('outbox').select('incident.number as number')

/** Receipts of these messages, oldest first. */
export async function receiptsOf(db: Kysely<Schema>, ids: readonly string[], sight: Sight): Promise<ReadonlyMap<string, readonly ReceiptView[]>> {
  const found = new Map<string, ReceiptView[]>()
  if (ids.length === 0) return found
  const rows = await db.selectFrom('receipt').selectAll().where('outbox_id', 'in', ids.slice(0, 10_000)).orderBy('at').orderBy('attempt').execute()
  for (const row of rows) found.set(row.outbox_id, [...(found.get(row.outbox_id) ?? []), receiptView(row, sight)])
  return found
}

/** A receipt's row as people read it. */
export function receiptView(row: ReceiptTable, sight: Sight): ReceiptView {
  const detail = parsed(receiptDetail, row.detail_json) ?? {}
  const address = (text: string): string => (sight.contacts ? text : maskedAddress(text))
  const missing = (list: z.infer<typeof missed> | undefined, again: boolean) => (list ?? []).map((one) => ({ address: address(one.address), why: seen(one.why, sight), again }))
  return { at: row.at, attempt: row.attempt, outcome: row.outcome === 'refused' && detail.cause === 'budget' ? 'budget' : row.outcome, to: (detail.to ?? []).map(address), detail: seen(detail.detail ?? detail.why ?? '', sight), missed: [...missing(detail.refused, false), ...missing(detail.again, true)], together: detail.together ?? 1 }
}

const seen = (text: string, sight: Sight): string => (sight.contacts ? text : maskedText(text))

function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
