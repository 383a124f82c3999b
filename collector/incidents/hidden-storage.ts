/** The alerts that incidents explain: `incident_hidden`, written in parts so that a storm is a few statements. */
import { canonicalJson } from '../state/audit.ts'
import type { StateTransaction } from '../state/open.ts'
import type { HiddenAlert } from './board.ts'
import { alertFactsSchema } from './event.ts'
import type { AlertFacts } from './event.ts'
import { inParts } from './storage.ts'
import type { Reader } from './storage.ts'

/** How a hidden alert stands: still hidden, over, or gone its own way. */
export type HiddenState = HiddenAlert['state'] | 'ended' | 'released' | 'moved'

/** One row to be written. `endedAt` null: hidden now. */
export interface HiddenRow {
  readonly incidentId: number
  readonly state: HiddenState
  readonly hiddenAt: number
  readonly endedAt: number | null
  readonly facts: AlertFacts
}

/** Writes rows, each over the one of the same incident and alert. */
export async function storeHidden(trx: StateTransaction, list: readonly HiddenRow[]): Promise<void> {
  for (const part of inParts(list)) {
    const rows = part.map(({ incidentId, state, hiddenAt, endedAt, facts }) => ({
      incident_id: incidentId, fingerprint: facts.fingerprint, name: facts.name, instance: facts.labels['instance'] ?? '', state,
      started_at: facts.startedAt, hidden_at: hiddenAt, ended_at: endedAt, facts_json: canonicalJson(facts),
    }))
    await trx
      .insertInto('incident_hidden')
      .values(rows)
      .onConflict((conflict) => conflict.columns(['incident_id', 'fingerprint']).doUpdateSet((eb) => ({ state: eb.ref('excluded.state'), started_at: eb.ref('excluded.started_at'), hidden_at: eb.ref('excluded.hidden_at'), ended_at: eb.ref('excluded.ended_at'), facts_json: eb.ref('excluded.facts_json') })))
      .execute()
  }
}

/** All alerts that are hidden now. */
export async function hiddenNow(db: Reader): Promise<readonly HiddenAlert[]> {
  const rows = await db
    .selectFrom('incident_hidden')
    .innerJoin('incident', 'incident.id', 'incident_hidden.incident_id')
    .select(['incident_id', 'incident.number', 'incident_hidden.state', 'hidden_at', 'facts_json'])
    .where('ended_at', 'is', null)
    .execute()
  return rows.map((row) => ({
    incidentId: row.incident_id, number: row.number, state: row.state === 'no-data' ? 'no-data' : 'firing', hiddenAt: row.hidden_at,
    facts: alertFactsSchema.parse(JSON.parse(row.facts_json)),
  }))
}

/** One line of an incident's full list. */
export interface HiddenListed {
  readonly fingerprint: string
  readonly name: string
  readonly instance: string
  readonly summary: string
  readonly state: HiddenState
  readonly startedAt: number
  readonly hiddenAt: number
  readonly endedAt: number | null
}

/** What an incident explains or has explained, by alert and name, a page at a time. */
export async function hiddenOf(db: Reader, incidentId: number, page: { readonly offset: number; readonly limit: number }): Promise<readonly HiddenListed[]> {
  const rows = await db.selectFrom('incident_hidden').selectAll().where('incident_id', '=', incidentId).orderBy('instance').orderBy('name').orderBy('fingerprint').offset(page.offset).limit(page.limit).execute()
  return rows.map((row) => ({
    fingerprint: row.fingerprint, name: row.name, instance: row.instance, summary: alertFactsSchema.parse(JSON.parse(row.facts_json)).summary,
    state: row.state, startedAt: row.started_at, hiddenAt: row.hidden_at, endedAt: row.ended_at,
  }))
}
