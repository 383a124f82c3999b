import type { Kysely } from 'kysely'
import * as z from 'zod'
import type { Schema } from '../state/schema.ts'
import { fingerprint } from './state.ts'
import type { AlertState, Phase } from './state.ts'
import type { RuleStateStore, SavedAlert, SavedChange } from './saved.ts'
import { takeTurns } from './turns.ts'

const labelsSchema = z.record(z.string(), z.string())
const resolutionSchema = z.strictObject({
  firedAt: z.number(), resolvedAt: z.number(), why: z.enum(['condition-false', 'no-data']), needed: z.array(z.string()),
})

/**
 * What `labels_json` holds: the alert's labels and what has no column of its own. Times with a column live there.
 */
const detailSchema = z.strictObject({
  labels: labelsSchema,
  result: labelsSchema,
  heldAt: z.number(),
  clearedAt: z.number().optional(),
  resolution: resolutionSchema.optional(),
  unproven: resolutionSchema.extend({ activeAt: z.number(), startedAt: z.number() }).optional(),
})

/** Values that SQLite and JSON cannot hold as numbers: NaN is null there, the infinities are kept at the ends of the range. */
function storedValue(value: number): number | null {
  if (Number.isNaN(value)) return null
  return Math.max(Math.min(value, Number.MAX_VALUE), -Number.MAX_VALUE)
}

/** The rules' state in state.db, table `rule_alert`. Rows that cannot be read are reported and skipped by `onBroken`. */
export function sqlRuleStateStore(db: Kysely<Schema>, onBroken: (row: string, error: unknown) => void): RuleStateStore {
  return {
    async load() {
      const rows = await db.selectFrom('rule_alert').selectAll().execute()
      return rows.flatMap((row): SavedAlert[] => {
        try {
          const detail = detailSchema.parse(JSON.parse(row.labels_json))
          const state: AlertState = {
            labels: detail.labels, result: detail.result, annotations: labelsSchema.parse(JSON.parse(row.annotations_json)),
            value: row.value ?? NaN, activeAt: row.active_at, startedAt: row.started_at, heldAt: detail.heldAt,
            phase: phaseOf(row.state, row.fired_at, detail), graceUntil: undefined,
          }
          return [{ group: row.group_name, ruleKey: row.rule_key, state, savedAt: row.saved_at }]
        } catch (error) {
          onBroken(`${row.group_name} ${row.rule_key} ${row.fingerprint}`, error)
          return []
        }
      })
    },
    async save(changes) {
      if (changes.length === 0) return
      // The transaction has the only connection to itself: who else wants state.db waits for it, the thread does not.
      const turns = takeTurns()
      await db.transaction().execute(async (trx) => {
        for (const change of changes) {
          await saveOne(trx, change)
          await turns.yieldIfDue()
        }
      })
    },
  }
}

function phaseOf(state: 'pending' | 'firing' | 'resolved', firedAt: number | null, { clearedAt, resolution, unproven }: z.infer<typeof detailSchema>): Phase {
  switch (state) {
    case 'pending': return { state, unproven }
    case 'firing':
      if (firedAt === null) throw new Error('a firing alert without fired_at')
      return { state, firedAt, clearedAt }
    case 'resolved':
      if (resolution === undefined) throw new Error('a resolved alert without its resolution')
      return { state, ...resolution }
  }
}

async function saveOne(db: Kysely<Schema>, change: SavedChange): Promise<void> {
  if (change.kind === 'drop') {
    await db.deleteFrom('rule_alert')
      .where('group_name', '=', change.group).where('rule_key', '=', change.ruleKey).where('fingerprint', '=', fingerprint(change.labels))
      .execute()
    return
  }
  const { group, ruleKey, state, savedAt } = change.alert
  const { phase } = state
  const resolution = phase.state === 'resolved'
    ? { firedAt: phase.firedAt, resolvedAt: phase.resolvedAt, why: phase.why, needed: phase.needed } : undefined
  const unproven = phase.state === 'pending' ? phase.unproven : undefined
  const clearedAt = phase.state === 'firing' ? phase.clearedAt : undefined
  const row = {
    labels_json: JSON.stringify({ labels: state.labels, result: state.result, heldAt: state.heldAt, clearedAt, resolution, unproven }),
    annotations_json: JSON.stringify(state.annotations),
    state: phase.state, active_at: state.activeAt, started_at: state.startedAt,
    fired_at: phase.state === 'pending' ? null : phase.firedAt,
    resolved_at: phase.state === 'resolved' ? phase.resolvedAt : null,
    keep_until: null, value: storedValue(state.value), saved_at: savedAt,
  }
  await db.insertInto('rule_alert')
    .values({ group_name: group, rule_key: ruleKey, fingerprint: fingerprint(state.labels), ...row })
    .onConflict((conflict) => conflict.columns(['group_name', 'rule_key', 'fingerprint']).doUpdateSet(row))
    .execute()
}
