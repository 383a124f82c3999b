import { expect, it } from 'vitest'
import { openState } from '../state/open.ts'
import { sqlRuleStateStore } from './state-store.ts'
import type { AlertState, Phase } from './state.ts'

const base: Omit<AlertState, 'phase'> = {
  labels: { alertname: 'A', instance: '主机"1' }, result: { instance: '主机"1' }, annotations: { summary: '已满' }, value: 1.5,
  activeAt: 2_000, startedAt: 1_000, heldAt: 3_000, graceUntil: undefined,
}
const ended = { firedAt: 2_500, resolvedAt: 4_000, needed: ['{__name__="x"}'] }

const phases: readonly Phase[] = [
  { state: 'pending', unproven: undefined },
  { state: 'pending', unproven: { ...ended, why: 'no-data', activeAt: 100, startedAt: 50 } },
  { state: 'firing', firedAt: 2_500, clearedAt: undefined },
  { state: 'firing', firedAt: 2_500, clearedAt: 2_900 },
  { state: 'resolved', ...ended, why: 'no-data' },
  { state: 'resolved', ...ended, why: 'condition-false', needed: [] },
]

it.each(phases)('gives back exactly what was saved: %j', async (phase) => {
  const state = await openState(':memory:', 1)
  const store = sqlRuleStateStore(state.db, (row, error) => { throw new Error(row, { cause: error }) })
  const saved = { group: 'f;g', ruleKey: 'alert A', state: { ...base, phase }, savedAt: 5_000 }
  await store.save([{ kind: 'put', alert: { ...saved, savedAt: 4_000, state: { ...saved.state, value: 9 } } }, { kind: 'put', alert: saved }])
  expect(await store.load()).toEqual([saved])
  await store.save([{ kind: 'drop', group: 'f;g', ruleKey: 'alert A', labels: base.labels }])
  expect(await store.load()).toEqual([])
  await state.close()
})

it('keeps NaN, and leaves out with a report what it cannot read', async () => {
  const state = await openState(':memory:', 1)
  const broken: string[] = []
  const store = sqlRuleStateStore(state.db, (row) => void broken.push(row))
  const saved = { group: 'f;g', ruleKey: 'alert A', state: { ...base, value: NaN, phase: phases[0]! }, savedAt: 5_000 }
  await store.save([{ kind: 'put', alert: saved }, { kind: 'put', alert: { ...saved, ruleKey: 'alert B' } }])
  await state.db.updateTable('rule_alert').set({ labels_json: '{"labels":5}' }).where('rule_key', '=', 'alert B').execute()
  expect(await store.load()).toEqual([saved])
  expect(broken).toEqual([expect.stringContaining('f;g alert B')])
  await state.close()
})
