/** The rows of routing in state.db: alerts, the notification log, silences, decisions. Every write takes its transaction. */
import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { StateTransaction } from '../state/open.ts'
import type { DecisionTable, RoutedAlertTable, Schema } from '../state/schema.ts'
import { decisionOutcomes, decisionStages, decisionWhy } from './decision.ts'
import type { Decision, DraftDecision } from './decision.ts'
import type { ReceiptFact } from './explain.ts'
import type { LogEntry } from './notification-log.ts'
import { alertJson, parseAlertJson } from './routed-alert.ts'
import type { RoutedAlert } from './routed-alert.ts'
import type { Silence } from './silence.ts'

const texts = z.array(z.string())
const matcherList = z.array(z.strictObject({ name: z.string(), op: z.enum(['=', '!=', '=~', '!~']), value: z.string() }))

/** Rows of one statement; few different sizes, so that few statements are prepared. */
const CHUNKS = [100, 10, 1] as const

function* chunks<T>(rows: readonly T[]): Generator<readonly T[]> {
  let at = 0
  for (const size of CHUNKS) {
    for (; rows.length - at >= size; at += size) yield rows.slice(at, at + size)
  }
}

/** Keeps alerts as just reported; whatever groups had let them go has to tell them anew. */
export async function saveAlerts(trx: StateTransaction, alerts: readonly RoutedAlert[]): Promise<void> {
  for (const some of chunks(alerts)) {
    const rows = some.map((alert): RoutedAlertTable => ({ fingerprint: alert.fingerprint, alert_json: alertJson(alert), left_json: '[]', updated_at: alert.updatedAt, gone_at: null }))
    await trx
      .insertInto('routed_alert')
      .values(rows)
      .onConflict((conflict) =>
        conflict.column('fingerprint').doUpdateSet((eb) => ({ alert_json: eb.ref('excluded.alert_json'), left_json: eb.ref('excluded.left_json'), updated_at: eb.ref('excluded.updated_at'), gone_at: eb.ref('excluded.gone_at') })),
      )
      .execute()
  }
}

/** Notes which groups have let an alert go, and that all have (`goneAt`). */
export async function saveLeft(trx: StateTransaction, fingerprint: string, left: readonly string[], goneAt: number | undefined): Promise<void> {
  await trx.updateTable('routed_alert').set({ left_json: JSON.stringify(left), gone_at: goneAt ?? null }).where('fingerprint', '=', fingerprint).execute()
}

/** An alert that was kept, with the groups that have let it go. */
export interface KeptAlert {
  readonly alert: RoutedAlert
  readonly left: readonly string[]
  readonly goneAt: number | undefined
}

/** Alerts that routing still holds, and those it let go since `goneSince`; `onBad` hears of a row that cannot be read. */
export async function loadAlerts(db: Kysely<Schema>, goneSince: number, onBad: (error: unknown) => void): Promise<readonly KeptAlert[]> {
  const rows = await db.selectFrom('routed_alert').selectAll().where((eb) => eb.or([eb('gone_at', 'is', null), eb('gone_at', '>=', goneSince)])).execute()
  return rows.flatMap((row) => {
    try {
      return [keptAlert(row)]
    } catch (error) {
      onBad(error)
      return []
    }
  })
}

/** One alert by its fingerprint, also one that is long over. */
export async function loadAlert(db: Kysely<Schema>, fingerprint: string): Promise<KeptAlert | undefined> {
  const row = await db.selectFrom('routed_alert').selectAll().where('fingerprint', '=', fingerprint).executeTakeFirst()
  return row === undefined ? undefined : keptAlert(row)
}

function keptAlert(row: RoutedAlertTable): KeptAlert {
  try {
    return { alert: parseAlertJson(row.alert_json), left: texts.parse(JSON.parse(row.left_json)), goneAt: row.gone_at ?? undefined }
  } catch (cause) {
    throw new Error(`notify: cannot read the kept alert ${row.fingerprint}`, { cause })
  }
}

/** Keeps what an integration was told. */
export async function saveLogEntry(trx: StateTransaction, entry: LogEntry): Promise<void> {
  const row = { at: entry.at, firing_json: JSON.stringify(entry.firing), resolved_json: JSON.stringify(entry.resolved), expires_at: entry.expiresAt }
  await trx
    .insertInto('notification_log')
    .values({ group_key: entry.groupKey, receiver: entry.receiver, integration: entry.integration, ...row })
    .onConflict((conflict) => conflict.columns(['group_key', 'receiver', 'integration']).doUpdateSet(row))
    .execute()
}

/** The whole notification log. */
export async function loadLog(db: Kysely<Schema>): Promise<readonly LogEntry[]> {
  const rows = await db.selectFrom('notification_log').selectAll().execute()
  return rows.map((row) => ({
    groupKey: row.group_key, receiver: row.receiver, integration: row.integration, at: row.at, expiresAt: row.expires_at,
    firing: texts.parse(JSON.parse(row.firing_json)), resolved: texts.parse(JSON.parse(row.resolved_json)),
  }))
}

/** Keeps a silence as it is now. */
export async function saveSilence(trx: StateTransaction, silence: Silence): Promise<void> {
  const row = {
    matchers_json: JSON.stringify(silence.matchers), starts_at: silence.startsAt, ends_at: silence.endsAt, created_by: silence.createdBy, comment: silence.comment,
    created_at: silence.createdAt, updated_at: silence.updatedAt, first_ends_at: silence.firstEndsAt, replaces: silence.replaces ?? null,
  }
  await trx.insertInto('silence').values({ id: silence.id, ...row }).onConflict((conflict) => conflict.column('id').doUpdateSet(row)).execute()
}

/** Every silence there is. */
export async function loadSilences(db: Kysely<Schema>): Promise<readonly Silence[]> {
  const rows = await db.selectFrom('silence').selectAll().execute()
  return rows.map((row) => ({
    id: row.id, matchers: matcherList.parse(JSON.parse(row.matchers_json)), startsAt: row.starts_at, endsAt: row.ends_at, createdBy: row.created_by, comment: row.comment,
    createdAt: row.created_at, updatedAt: row.updated_at, firstEndsAt: row.first_ends_at, replaces: row.replaces ?? undefined,
  }))
}

/** Writes a decision that is not a repetition of the one before. */
export async function insertDecision(trx: StateTransaction, id: number, draft: DraftDecision, at: number, outboxIds: readonly string[]): Promise<void> {
  await trx
    .insertInto('decision')
    .values({
      id, at, last_at: at, times: 1, group_key: draft.groupKey, receiver: draft.receiver, integration: draft.integration, stage: draft.stage, outcome: draft.outcome,
      firing_json: JSON.stringify(draft.firing), resolved_json: JSON.stringify(draft.resolved), why_json: JSON.stringify(draft.why), outbox_ids_json: JSON.stringify(outboxIds),
    })
    .execute()
}

/** The same decision once more. */
export async function repeatDecision(trx: StateTransaction, id: number, at: number): Promise<void> {
  await trx.updateTable('decision').set((eb) => ({ last_at: at, times: eb('times', '+', 1) })).where('id', '=', id).execute()
}

/** The highest number given so far. */
export async function lastDecisionId(db: Kysely<Schema>): Promise<number> {
  const row = await db.selectFrom('decision').select((eb) => eb.fn.max('id').as('id')).executeTakeFirst()
  return row?.id ?? 0
}

/** Decisions that held at some time between the two (both inclusive), oldest first; at most `limit`, the newest ones. */
export async function loadDecisions(db: Kysely<Schema>, from: number, to: number, limit = 50_000): Promise<readonly Decision[]> {
  const rows = await db.selectFrom('decision').selectAll().where('last_at', '>=', from).where('at', '<=', to).orderBy('id', 'desc').limit(limit).execute()
  return rows.reverse().map(decisionOf)
}

function decisionOf(row: DecisionTable): Decision {
  return {
    id: row.id, at: row.at, lastAt: row.last_at, times: row.times, groupKey: row.group_key, receiver: row.receiver, integration: row.integration,
    stage: z.enum(decisionStages).parse(row.stage), outcome: z.enum(decisionOutcomes).parse(row.outcome),
    firing: texts.parse(JSON.parse(row.firing_json)), resolved: texts.parse(JSON.parse(row.resolved_json)),
    why: decisionWhy.parse(JSON.parse(row.why_json)), outboxIds: texts.parse(JSON.parse(row.outbox_ids_json)),
  }
}

/** What came of the messages of these outbox ids, oldest first. */
export async function loadReceipts(db: Kysely<Schema>, outboxIds: readonly string[]): Promise<readonly ReceiptFact[]> {
  if (outboxIds.length === 0) return []
  const rows = await db.selectFrom('receipt').select(['outbox_id', 'at', 'outcome', 'detail_json']).where('outbox_id', 'in', outboxIds.slice(0, 10_000)).orderBy('at').execute()
  return rows.map((row) => ({ outboxId: row.outbox_id, at: row.at, outcome: row.outcome, detail: row.detail_json }))
}

/** Removes what is older than the retention: decisions, alerts that are gone, silences that have ended; and expired log entries. */
export async function forgetOld(trx: StateTransaction, before: number, now: number): Promise<void> {
  await trx.deleteFrom('decision').where('last_at', '<', before).execute()
  await trx.deleteFrom('routed_alert').where('gone_at', '<', before).execute()
  await trx.deleteFrom('silence').where('ends_at', '<', before).execute()
  await trx.deleteFrom('silence_request').where('ends_at', '<', before).execute()
  await trx.deleteFrom('notification_log').where('expires_at', '<=', now).execute()
}
