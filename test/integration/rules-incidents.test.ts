/** Rules and incidents over the real store and state.db: what the two rooms promise each other. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseSlaProfiles } from '../../collector/incidents/profile.ts'
import { createIncidents } from '../../collector/incidents/run.ts'
import { parseWording } from '../../collector/incidents/wording.ts'
import { parseRuleFile } from '../../collector/rules/rule-file.ts'
import { startRules } from '../../collector/rules/run.ts'
import { sqlRuleStateStore } from '../../collector/rules/state-store.ts'
import { openState } from '../../collector/state/open.ts'
import { openStore } from '../../collector/store/open-store.ts'
import { storeSettings } from '../../collector/store/settings.ts'
import type { Labels } from '../../protocol/series.ts'
import { accountsOf } from '../known-people.ts'

const rulesText = `
groups:
- name: g
  interval: 15s
  rules:
  - alert: FilesystemFull
    expr: avail / size < 0.05
    for: 30s
    labels: { severity: critical, fault: filesystem-full, sla: standard }
    annotations: { summary: '{{ $labels.instance }} 快满了', description: d, action: a }
`
const quiet = { info: () => undefined, warn: () => undefined, debug: () => undefined, error: (message: string, fields?: Readonly<Record<string, unknown>>) => { throw new Error(message, { cause: fields?.['error'] }) } }

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-rooms-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function rooms() {
  let now = 1_790_000_000_000
  const clock = { now: () => now }
  const open = async () => {
    const store = openStore({ path: join(folder, 'metrics.db'), now: clock.now, settings: storeSettings.parse({ commitDelayMs: 0 }) })
    const state = await openState(join(folder, 'state.db'), now)
    const incidents = await createIncidents({
    people: accountsOf('甲', '乙', '丙', '丁', '某单位'),
      state, clock, log: quiet,
      profiles: parseSlaProfiles(readFileSync('alerts/sla.yml', 'utf8'), 'sla.yml'),
      wording: parseWording(readFileSync('alerts/templates/zh-CN.yml', 'utf8'), 'zh-CN.yml'),
    })
    let task: () => void | Promise<void> = () => undefined
    const { groups } = parseRuleFile('g.yml', rulesText)
    const rules = await startRules({
      store, groups, defaultIntervalMs: 15_000, externalLabels: {}, externalUrl: '', log: quiet,
      states: sqlRuleStateStore(state.db, (row, error) => { throw new Error(row, { cause: error }) }),
      clock: { ...clock, every: (_, __, run) => { task = run; return () => undefined } },
      counters: { add: () => undefined, set: () => undefined },
      onChanges: (changes) => incidents.apply(changes),
    })
    await incidents.reconcile(rules.alerts())
    return { store, state, incidents, rules, tick: async () => { await task() } }
  }
  let running = await open()
  let seq = 0
  return {
    now: () => now,
    incidents: () => running.incidents.list({ state: 'all', limit: 10 }),
    events: async () => (await running.state.db.selectFrom('incident_event').select('kind').orderBy('at').orderBy('seq').execute()).map((row) => row.kind),
    /** One sample of each series and the rules' turn, every 5 s for `ms`; undefined: only time passes. */
    async pass(ms: number, samples: Readonly<Record<string, number>> | undefined) {
      for (const end = now + ms; now < end; now += 5_000) {
        if (samples !== undefined) {
          const group = running.store.group('h1', 'tick')
          const columns = running.store.columns(group, Object.keys(samples).map((metric): Labels => ({ __name__: metric, job: 'node', instance: 'h1', mountpoint: '/data' })))
          await running.store.accept({ stream: 'h1', epoch: 'e', seq: ++seq, rows: [{ group, at: now, columns, values: Float64Array.from(Object.values(samples)) }], events: [], facts: [], checks: [] })
        }
        await running.tick()
      }
    },
    async restart(downMs: number) {
      await this.close()
      now += downMs
      running = await open()
    },
    async close() {
      await running.rules.stop()
      await running.store.close()
      await running.state.close()
    },
  }
}

const well = { avail: 50, size: 100 }
const full = { avail: 1, size: 100 }

describe('rules and incidents together', () => {
  it('keeps a fault open while its data are missing, and recovers it when they are back and good', async () => {
    const house = await rooms()
    await house.pass(60_000, well)
    const filledAt = house.now()
    await house.pass(90_000, full)
    const [opened] = await house.incidents()
    expect(opened?.state).toBe('open')
    expect(opened?.startedAt).toBe(filledAt)
    expect(await house.events()).toEqual(['opened'])
    // The host falls silent for ten minutes: longer than any look-back.
    await house.pass(600_000, undefined)
    const [blind] = await house.incidents()
    expect(blind).toMatchObject({ number: opened?.number, state: 'open', blind: true, recoveredAt: null })
    // Back, and emptied meanwhile.
    const backAt = house.now()
    await house.pass(60_000, well)
    const [recovered] = await house.incidents()
    expect(recovered).toMatchObject({ number: opened?.number, state: 'recovered', blind: false })
    expect(recovered?.recoveredAt).toBeGreaterThanOrEqual(backAt)
    expect(await house.events()).toEqual(['opened', 'data-lost', 'recovered'])
    await house.close()
  })

  it('is the same incident when the data come back still bad, and after a restart in between', async () => {
    const house = await rooms()
    await house.pass(60_000, well)
    await house.pass(90_000, full)
    const [opened] = await house.incidents()
    await house.pass(400_000, undefined)
    await house.restart(30_000)
    await house.pass(120_000, full)
    const list = await house.incidents()
    expect(list).toHaveLength(1)
    expect(list[0]).toMatchObject({ number: opened?.number, state: 'open', blind: false, startedAt: opened?.startedAt })
    await house.pass(60_000, well)
    expect((await house.incidents())[0]?.state).toBe('recovered')
    expect((await house.events()).filter((kind) => kind === 'opened' || kind === 'recovered')).toEqual(['opened', 'recovered'])
    await house.close()
  })
})
