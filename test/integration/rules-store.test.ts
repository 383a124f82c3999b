import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Labels } from '../../protocol/series.ts'
import type { AlertChange } from '../../collector/rules/alert.ts'
import { readRuleFolder } from '../../collector/rules/folder.ts'
import { parseRuleFile } from '../../collector/rules/rule-file.ts'
import type { RuleGroup } from '../../collector/rules/rule.ts'
import { startRules } from '../../collector/rules/run.ts'
import { sqlRuleStateStore } from '../../collector/rules/state-store.ts'
import { openState } from '../../collector/state/open.ts'
import { matcher } from '../../collector/store/matcher.ts'
import { openStore } from '../../collector/store/open-store.ts'
import { storeSettings } from '../../collector/store/settings.ts'

/** Rules over the real store and the real state.db: what they write is there to be read, and a restart goes on. */
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-rules-store-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const text = `
groups:
- name: g
  rules:
  - record: instance:used:ratio
    expr: 1 - avail / size
  - alert: Full
    expr: instance:used:ratio > 0.9
    for: 30s
    annotations: {summary: '{{ $labels.instance }} {{ $value | humanizePercentage }}'}
  - alert: HostDown
    expr: up{job="node"} == 0
`

async function collector(rulesOf: readonly RuleGroup[], name: string) {
  let now = 1_700_000_000_000
  const told: AlertChange[] = []
  const open = async () => {
    const store = openStore({ path: join(folder, `${name}-metrics.db`), now: () => now, settings: storeSettings.parse({ commitDelayMs: 0 }) })
    const state = await openState(join(folder, `${name}-state.db`), now)
    let task: () => void | Promise<void> = () => undefined
    const rules = await startRules({
      store, groups: rulesOf, defaultIntervalMs: 15_000, externalLabels: {}, externalUrl: '',
      states: sqlRuleStateStore(state.db, (row, error) => { throw new Error(row, { cause: error }) }),
      clock: { now: () => now, every: (_, __, run) => { task = run; return () => undefined } },
      counters: { add: () => undefined, set: () => undefined }, log: { info: () => undefined, warn: () => undefined, error: (message, fields) => { throw new Error(message, { cause: fields?.['error'] }) } },
      onChanges: async (changes) => void told.push(...changes),
    })
    return { store, state, rules, tick: async () => { await task() } }
  }
  let running = await open()
  let seq = 0
  return {
    told,
    now: () => now,
    rules: () => running.rules,
    store: () => running.store,
    /** One sample of each, then the rules' turn, every 5 s. */
    async feed(ms: number, samples: Readonly<Record<string, number>>, instance = 'h1') {
      for (const end = now + ms; now < end; now += 5_000) {
        await this.write(samples, now, instance)
        await running.tick()
      }
    },
    async write(samples: Readonly<Record<string, number>>, at: number, instance = 'h1') {
      const group = running.store.group(instance, 'tick')
      const columns = running.store.columns(group, Object.keys(samples).map((metric): Labels => ({ __name__: metric, job: 'node', instance })))
      await running.store.accept({ stream: instance, epoch: 'e', seq: ++seq, rows: [{ group, at, columns, values: Float64Array.from(Object.values(samples)) }], events: [], facts: [], checks: [] })
    },
    async own(group: ReturnType<typeof running.store.group>, columns: Uint32Array, values: readonly number[]) {
      await running.store.accept({ stream: 'collector', epoch: 'own', seq: ++seq, rows: [{ group, at: now, columns, values: Float64Array.from(values) }], events: [], facts: [], checks: [] })
    },
    async tickAt(ms: number) {
      now += ms
      await running.tick()
    },
    async restart(downMs: number) {
      await running.rules.stop()
      await running.store.close()
      await running.state.close()
      now += downMs
      running = await open()
    },
    newest(metric: string) {
      return running.store.select([matcher('__name__', '=', metric)], now - 60_000, now).map((one) => ({
        ...one.labels, value: one.stale?.[one.times.length - 1] === 1 ? 'stale' : one.values[one.values.length - 1],
      }))
    },
    async close() {
      await running.rules.stop()
      await running.store.close()
      await running.state.close()
    },
  }
}

describe('rules over the real store', () => {
  it('record, alert, survive a restart, end their series', async () => {
    const c = await collector(parseRuleFile('t.yml', text).groups, 'plain')
    await c.feed(60_000, { avail: 5, size: 100, up: 1 })
    expect(c.told.map(({ kind, alert }) => [kind, alert.name, alert.annotations['summary']])).toEqual([['firing', 'Full', 'h1 95%']])
    expect(c.newest('instance:used:ratio')).toEqual([{ __name__: 'instance:used:ratio', job: 'node', instance: 'h1', value: 0.95 }])
    expect(c.newest('ALERTS').map(({ value, ...labels }) => [labels, value])).toEqual(expect.arrayContaining([
      [{ __name__: 'ALERTS', alertname: 'Full', alertstate: 'firing', job: 'node', instance: 'h1' }, 1],
      [{ __name__: 'ALERTS', alertname: 'Full', alertstate: 'pending', job: 'node', instance: 'h1' }, 'stale'],
    ]))
    await c.restart(120_000)
    await c.feed(30_000, { avail: 5, size: 100, up: 1 })
    expect(c.told).toHaveLength(1)
    await c.feed(30_000, { avail: 50, size: 100, up: 1 })
    expect(c.told.map((change) => (change.kind === 'resolved' ? change.why : change.kind))).toEqual(['firing', 'condition-false'])
    expect(c.newest('ALERTS').filter(({ value }) => value === 1)).toEqual([])
    await c.close()
  })

  it('date a lost host to its last heartbeat + 1 ms, and call it lost at once when asked', async () => {
    const c = await collector(parseRuleFile('t.yml', text).groups, 'down')
    await c.feed(60_000, { up: 1 })
    const heartbeat = c.now() - 5_000
    await c.tickAt(4_000)
    await c.write({ up: 0 }, heartbeat + 1)
    c.rules().evaluateNow(['up'])
    await c.tickAt(200)
    expect(c.told.map(({ kind, alert }) => [kind, alert.name, alert.startedAt])).toEqual([['firing', 'HostDown', heartbeat + 1]])
    await c.close()
  })

  it('a guard period tightens, over a restart too, and what was between the thresholds recovers with its end; what was beyond stays one alert', async () => {
    const folders = await readRuleFolder(join(import.meta.dirname, '../../alerts/rules'))
    const groups = folders.kind === 'ok' ? folders.groups.filter((group) => ['guard', 'filesystem'].includes(group.name)) : []
    const c = await collector(groups, 'guard')
    const said = async (ratio: number): Promise<void> => {
      const group = c.store().group('collector', 'self')
      const labels: Labels[] = [
        { __name__: 'zhishou_guard_threshold_ratio', service: 'portal', instance: 'collector', job: 'zhishou-collector' },
        ...['h1', 'h2'].map((instance): Labels => ({ __name__: 'zhishou_service_member', service: 'portal', instance, job: 'zhishou-collector' })),
      ]
      await c.own(group, c.store().columns(group, labels), [ratio, 1, 1])
    }
    const pass = async (ms: number, ratio: number | undefined): Promise<void> => {
      for (let left = ms; left > 0; left -= 5_000) {
        if (ratio !== undefined) await said(ratio)
        for (const [instance, avail] of [['h1', 55], ['h2', 40], ['h3', 55]] as const) await c.write({ up: 1, node_filesystem_avail_bytes: avail, node_filesystem_size_bytes: 1_000, node_filesystem_readonly: 0 }, c.now(), instance)
        await c.tickAt(5_000)
      }
    }
    const told = (): readonly unknown[] => c.told.filter(({ alert }) => alert.name === 'FilesystemFull').map((change) => `${change.alert.labels['instance']} ${change.kind === 'resolved' ? change.why : change.kind}`)
    await pass(120_000, 1)
    expect(told()).toEqual(['h2 firing'])
    const begun = c.now()
    await pass(120_000, 0.8)
    expect(told()).toEqual(['h2 firing', 'h1 firing'])
    // The fault is one from when it was told to be one: its clocks do not run from before the guard.
    expect(c.told.find(({ alert }) => alert.name === 'FilesystemFull' && alert.labels['instance'] === 'h1')?.alert.startedAt).toBeGreaterThanOrEqual(begun)
    // Down for longer than a sample counts: until the collector has spoken of guards again nothing is known, so nothing ends.
    await c.restart(400_000)
    await pass(60_000, undefined)
    await pass(60_000, 0.8)
    expect(told()).toEqual(['h2 firing', 'h1 firing'])
    await pass(120_000, 1)
    expect(told()).toEqual(['h2 firing', 'h1 firing', 'h1 condition-false'])
    await c.close()
  })

  it('load and evaluate the shipped rules without one failing', async () => {
    const read = await readRuleFolder(join(import.meta.dirname, '../../alerts/rules'))
    expect(read).toMatchObject({ kind: 'ok' })
    const groups = read.kind === 'ok' ? read.groups : []
    const c = await collector(groups, 'shipped')
    await c.feed(90_000, { up: 1, node_load1: 1, node_memory_MemAvailable_bytes: 1e9, node_memory_MemTotal_bytes: 4e9, node_filesystem_avail_bytes: 1e9, node_filesystem_size_bytes: 2e9 })
    expect(c.rules().status().flatMap((group) => group.rules).filter((rule) => rule.health !== 'ok').map((rule) => [rule.name, rule.lastError])).toEqual([])
    await c.close()
  })
})
