/** Rows of `silence_request`: silences that wait for a second person, and what became of them. */
import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { StateTransaction } from '../state/open.ts'
import type { Schema, SilenceRequestTable } from '../state/schema.ts'
import type { SilenceMatcher } from './silence.ts'

/** `refusal` null of a decided one: it was agreed to. */
export interface KeptRequest {
  readonly id: string
  readonly changes: string | undefined
  readonly matchers: readonly SilenceMatcher[]
  readonly startsAt: number
  readonly endsAt: number
  readonly owner: string
  readonly reason: string
  readonly askedAt: number
  readonly decided: { readonly at: number; readonly by: string; readonly refusal: string | null; readonly silenceId: string | undefined } | undefined
}

const matcherList = z.array(z.strictObject({ name: z.string(), op: z.enum(['=', '!=', '=~', '!~']), value: z.string() }))

/** Keeps a request that waits. */
export async function insertRequest(trx: StateTransaction, request: KeptRequest): Promise<void> {
  await trx
    .insertInto('silence_request')
    .values({
      id: request.id, changes: request.changes ?? null, matchers_json: JSON.stringify(request.matchers), starts_at: request.startsAt, ends_at: request.endsAt,
      owner: request.owner, reason: request.reason, asked_at: request.askedAt, decided_at: null, decided_by: null, refusal: null, silence_id: null,
    })
    .execute()
}

/** Notes what the second person said. false: somebody had decided already. */
export async function decideRequest(trx: StateTransaction, id: string, decided: NonNullable<KeptRequest['decided']>): Promise<boolean> {
  const result = await trx
    .updateTable('silence_request')
    .set({ decided_at: decided.at, decided_by: decided.by, refusal: decided.refusal, silence_id: decided.silenceId ?? null })
    .where('id', '=', id)
    .where('decided_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Requests whose silence would end, or ended, at or after that time. */
export async function loadRequests(db: Kysely<Schema>, endsFrom: number): Promise<readonly KeptRequest[]> {
  return (await db.selectFrom('silence_request').selectAll().where('ends_at', '>=', endsFrom).execute()).map(keptRequest)
}

/** One request. */
export async function loadRequest(db: Kysely<Schema>, id: string): Promise<KeptRequest | undefined> {
  const row = await db.selectFrom('silence_request').selectAll().where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : keptRequest(row)
}

function keptRequest(row: SilenceRequestTable): KeptRequest {
  return {
    id: row.id, changes: row.changes ?? undefined, matchers: matcherList.parse(JSON.parse(row.matchers_json)), startsAt: row.starts_at, endsAt: row.ends_at,
    owner: row.owner, reason: row.reason, askedAt: row.asked_at,
    decided: row.decided_at === null ? undefined : { at: row.decided_at, by: row.decided_by ?? '', refusal: row.refusal, silenceId: row.silence_id ?? undefined },
  }
}
