import { afterEach, describe, expect, it } from 'vitest'
import type { Labels } from '../../protocol/series.ts'
import { seriesKey } from '../../protocol/series.ts'
import { openState } from '../state/open.ts'
import type { State } from '../state/open.ts'
import { matcher } from '../store/matcher.ts'
import type { StoreBatch } from '../store/store.ts'
import type { AlertChange } from './alert.ts'
import { memorySeries } from './memory-series.ts'
import { parseRuleFile } from './rule-file.ts'
import { mistakeText } from './rule.ts'
import type { RuleGroup } from './rule.ts'
import { startRules } from './run.ts'
import type { Rules, RulesDependencies } from './run.ts'
import { sqlRuleStateStore } from './state-store.ts'

const start = 1_700_000_000_000

/** A store that keeps series in memory and treats rows as the real one does: columns not named in a row end there. */
function memoryStore() {
  const series = memorySeries()
  const groups: { readonly columns: Labels[]; readonly index: Map<string, number>; readonly live: Set<number> }[] = []
  const names = new Map<string, number>()
  const batches: StoreBatch[] = []
  let refuse = false
  const store: RulesDependencies['store'] = {
    select: (matchers, from, to) => series.select(matchers, from, to),
    group(stream, name) {
      const key = `${stream} ${name}`
      if (!names.has(key)) names.set(key, groups.push({ columns: [], index: new Map(), live: new Set() }) - 1)
      return names.get(key)!
    },
    columns(id, labels) {
      const group = groups[id]!
      return Uint32Array.from(labels, (one) => {
        const key = seriesKey(one)
        if (!group.index.has(key)) group.index.set(key, group.columns.push(one) - 1)
        return group.index.get(key)!
      })
    },
    async accept(batch) {
      if (refuse) throw new Error('full')
      batches.push(batch)
      for (const row of batch.rows) {
        const group = groups[row.group]!
        const columns = [...(row.columns ?? row.values.keys())]
        for (const column of group.live) if (!columns.includes(column)) series.add(group.columns[column]!, row.at, NaN, true)
        group.live.clear()
        columns.forEach((column, index) => {
          series.add(group.columns[column]!, row.at, row.values[index]!)
          group.live.add(column)
        })
      }
      return 'stored'
    },
  }
  return { store, series, batches, refuse: (value: boolean) => void (refuse = value) }
}

function load(text: string): readonly RuleGroup[] {
  const { groups, mistakes } = parseRuleFile('t.yml', text)
  if (mistakes.length > 0) throw new Error(mistakes.map(mistakeText).join('\n'))
  return groups
}

const states: State[] = []
afterEach(async () => {
  for (const state of states.splice(0)) await state.close()
})

/** A collector's rules with time, store and state.db in the test's hand; `restart` kills and starts them again. */
async function bench(text: string) {
  const memory = memoryStore()
  const state = await openState(':memory:', start)
  states.push(state)
  let now = start
  let tasks: (() => void | Promise<void>)[] = []
  const told: AlertChange[] = []
  const counted = new Map<string, number>()
  let deliver = true
  const begin = async (groups: readonly RuleGroup[]): Promise<Rules> => startRules({
    store: memory.store, groups, defaultIntervalMs: 10_000, externalLabels: {}, externalUrl: '',
    states: sqlRuleStateStore(state.db, (row, error) => { throw new Error(row, { cause: error }) }),
    clock: {
      now: () => now,
      every(_, __, task) {
        tasks.push(task)
        return () => void (tasks = tasks.filter((one) => one !== task))
      },
    },
    counters: { add: (name, _, by = 1) => void counted.set(name, (counted.get(name) ?? 0) + by), set: (name, value, of) => void counted.set(`${name} ${of?.['state'] ?? ''}`, value) },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    onChanges: async (changes) => {
      if (!deliver) throw new Error('incidents are away')
      told.push(...changes)
    },
  })
  let rules = await begin(load(text))
  const it = {
    memory, told, counted, state,
    now: () => now,
    rules: () => rules,
    deliver: (value: boolean) => void (deliver = value),
    async tick(ms = 200) {
      now += ms
      for (const task of tasks) await task()
    },
    async advance(ms: number) {
      const end = now + ms
      while (now < end) await it.tick(Math.min(1_000, end - now))
    },
    /** Time passes with samples every 5 s. */
    async feed(ms: number, samples: readonly (readonly [Labels, number])[]) {
      const end = now + ms
      while (now < end) {
        for (const [labels, value] of samples) memory.series.add(labels, now, value)
        await it.advance(5_000)
      }
    },
    /** As kill -9: nothing is said, tasks just stop. */
    async restart(downMs: number, next = text) {
      tasks = []
      now += downMs
      rules = await begin(load(next))
    },
    summary: () => told.map((change) => `${change.kind}${change.kind === 'resolved' ? ` ${change.why}` : ''} ${change.alert.labels['instance'] ?? change.alert.name}`),
    newest(name: string, labels: Labels = {}) {
      const matchers = Object.entries({ __name__: name, ...labels }).map(([key, value]) => matcher(key, '=', value))
      return memory.series.select(matchers, now - 300_000, now).map((one) => (one.stale?.[one.times.length - 1] === 1 ? 'stale' : one.values[one.values.length - 1]))
    },
  }
  return it
}

const x = (instance: string): Labels => ({ __name__: 'x', job: 'node', instance })

const simple = `
groups:
- name: g
  rules:
  - alert: High
    expr: x > 5
    for: 60s
    labels: {severity: warning}
    annotations: {summary: '{{ $labels.instance }} {{ $value }}'}
`

describe('running rules', () => {
  it('fires after `for`, writes ALERTS, resolves when the condition is false', async () => {
    const b = await bench(simple)
    await b.feed(40_000, [[x('h1'), 9]])
    expect(b.rules().alerts().map((alert) => alert.state)).toEqual(['pending'])
    expect(b.newest('ALERTS', { alertstate: 'pending' })).toEqual([1])
    await b.feed(50_000, [[x('h1'), 9]])
    expect(b.summary()).toEqual(['firing h1'])
    expect(b.told[0]?.alert).toMatchObject({ group: 't.yml;g', name: 'High', startedAt: start, annotations: { summary: 'h1 9' }, labels: { alertname: 'High', severity: 'warning', instance: 'h1' } })
    expect(b.newest('ALERTS', { alertstate: 'pending' })).toEqual(['stale'])
    expect(b.newest('ALERTS', { alertstate: 'firing' })).toEqual([1])
    expect(b.newest('ALERTS_FOR_STATE')).toEqual([Math.floor((b.told[0]?.alert.activeAt ?? 0) / 1000)])
    await b.feed(20_000, [[x('h1'), 1]])
    expect(b.summary()).toEqual(['firing h1', 'resolved condition-false h1'])
    expect(b.newest('ALERTS', { alertstate: 'firing' })).toEqual(['stale'])
    expect(b.counted.get('zhishou_rule_alerts resolved')).toBe(1)
  })

  it('does not take lost data for recovery, and recognises recovery when the data come back (S5)', async () => {
    const b = await bench(simple)
    await b.feed(120_000, [[x('h1'), 9]])
    b.memory.series.add(x('h1'), b.now(), NaN, true)
    await b.advance(30_000)
    expect(b.summary()).toEqual(['firing h1', 'resolved no-data h1'])
    await b.advance(3_600_000)
    expect(b.summary()).toHaveLength(2)
    await b.feed(20_000, [[x('h1'), 1]])
    expect(b.summary()).toEqual(['firing h1', 'resolved no-data h1', 'resolved condition-false h1'])
  })

  it('lets a rule see the results of those before it at the same time', async () => {
    const b = await bench(`
groups:
- name: g
  rules:
  - record: double
    expr: x * 2
  - alert: A
    expr: double > 10
`)
    b.memory.series.add(x('h1'), start, 6)
    await b.advance(10_000)
    expect(b.summary()).toEqual(['firing h1'])
    expect(b.newest('double')).toEqual([12])
    expect(b.memory.batches).toHaveLength(1)
    expect(b.memory.batches[0]?.stream).toBe('collector')
  })

  it('evaluates at once what fresh data asked for, and the rules behind those', async () => {
    const b = await bench(`
groups:
- name: g
  interval: 1h
  rules:
  - record: down
    expr: up == 0
  - alert: Down
    expr: down == 0
  - alert: Other
    expr: x > 0
`)
    b.memory.series.add({ __name__: 'up', job: 'node', instance: 'h1' }, start + 1, 0)
    b.memory.series.add(x('h1'), start, 1)
    b.rules().evaluateNow(['up'])
    await b.tick()
    expect(b.summary()).toEqual(['firing h1'])
    expect(b.told[0]?.alert.startedAt).toBe(start + 200)
    await b.tick()
    expect(b.counted.get('zhishou_rule_evaluations_total')).toBe(2)
  })

  it('counts iterations that were missed, and goes on', async () => {
    const b = await bench(simple)
    await b.tick(65_000)
    expect(b.counted.get('zhishou_rule_group_iterations_missed_total')).toBeGreaterThanOrEqual(5)
    expect(b.counted.get('zhishou_rule_evaluations_total')).toBe(1)
    await b.advance(20_000)
    expect(b.counted.get('zhishou_rule_evaluations_total')).toBe(3)
  })

  it('keeps the alerts of a rule that fails, and says why', async () => {
    const b = await bench(simple.replace('x > 5', 'x > 5 or on(job) label_replace(y, "instance", "h1", "", "")').replace('60s', '0s'))
    await b.feed(20_000, [[x('h1'), 9]])
    await b.feed(20_000, [[x('h1'), 1], [{ __name__: 'y', job: 'other', a: '1' }, 1], [{ __name__: 'y', job: 'third', instance: 'h1' }, 1], [{ __name__: 'y', job: 'third' }, 1]])
    expect(b.rules().status()[0]?.rules[0]).toMatchObject({ health: 'err', type: 'alerting', query: expect.stringContaining('x > 5') })
    expect(b.rules().status()[0]?.rules[0]?.lastError).toContain('same labelset')
    expect(b.counted.get('zhishou_rule_evaluation_failures_total')).toBeGreaterThan(0)
    expect(b.summary()).toEqual(['firing h1'])
  })

  it('goes on alerting when the store takes nothing', async () => {
    const b = await bench(simple.replace('60s', '0s'))
    b.memory.refuse(true)
    await b.feed(10_000, [[x('h1'), 9]])
    expect(b.summary()).toEqual(['firing h1'])
    expect(b.counted.get('zhishou_rule_writes_failed_total')).toBe(1)
  })

  it('tells again what the incidents did not take, even over a restart (R5)', async () => {
    const b = await bench(simple.replace('60s', '0s'))
    b.deliver(false)
    await b.feed(20_000, [[x('h1'), 9]])
    expect(b.summary()).toEqual([])
    await b.restart(1_000)
    b.deliver(true)
    await b.feed(20_000, [[x('h1'), 9]])
    expect(b.summary()).toEqual(['firing h1'])
  })
})

describe('a restart', () => {
  it('in the middle of `for` continues it (R2)', async () => {
    const b = await bench(simple)
    await b.feed(40_000, [[x('h1'), 9]])
    const activeAt = b.rules().alerts()[0]?.activeAt ?? 0
    await b.restart(30_000)
    await b.feed(10_000, [[x('h1'), 9]])
    expect(b.summary()).toEqual(['firing h1'])
    expect(b.told[0]?.alert).toMatchObject({ activeAt, startedAt: start })
  })

  it('does not announce a firing alert again, and keeps when it began (R2)', async () => {
    const b = await bench(simple)
    await b.feed(90_000, [[x('h1'), 9]])
    const before = b.rules().alerts()
    await b.restart(50 * 60_000)
    expect(b.rules().alerts()).toEqual(before)
    await b.advance(20_000)
    await b.feed(20_000, [[x('h1'), 9]])
    expect(b.summary()).toEqual(['firing h1'])
    expect(b.rules().alerts()).toMatchObject([{ state: 'firing', activeAt: before[0]?.activeAt, firedAt: before[0]?.firedAt, startedAt: start }])
  })

  it('gives agents five minutes to come back before data count as missing (R3)', async () => {
    const b = await bench(simple)
    await b.feed(90_000, [[x('h1'), 9]])
    await b.restart(10 * 60_000)
    await b.advance(290_000)
    expect(b.summary()).toEqual(['firing h1'])
    await b.advance(30_000)
    expect(b.summary()).toEqual(['firing h1', 'resolved no-data h1'])
  })

  it('resolves a firing alert whose condition is over, with data', async () => {
    const b = await bench(simple)
    await b.feed(90_000, [[x('h1'), 9]])
    await b.restart(60_000)
    await b.feed(10_000, [[x('h1'), 1]])
    expect(b.summary()).toEqual(['firing h1', 'resolved condition-false h1'])
  })

  it('in keep_firing_for continues it', async () => {
    const b = await bench(simple.replace('for: 60s', 'for: 0s\n    keep_firing_for: 120s'))
    await b.feed(20_000, [[x('h1'), 9]])
    await b.feed(60_000, [[x('h1'), 1]])
    await b.restart(10_000)
    await b.feed(30_000, [[x('h1'), 1]])
    expect(b.summary()).toEqual(['firing h1'])
    await b.feed(30_000, [[x('h1'), 1]])
    expect(b.summary()).toEqual(['firing h1', 'resolved condition-false h1'])
  })

  it('keeps an owed recovery (S5)', async () => {
    const b = await bench(simple)
    await b.feed(90_000, [[x('h1'), 9]])
    b.memory.series.add(x('h1'), b.now(), NaN, true)
    await b.advance(20_000)
    expect(b.summary()).toEqual(['firing h1', 'resolved no-data h1'])
    await b.restart(5 * 3_600_000)
    await b.advance(20_000)
    expect(b.summary()).toHaveLength(2)
    // The condition holds again, but not for long enough; then it does not, with data: now it is over.
    await b.feed(30_000, [[x('h1'), 9]])
    await b.restart(1_000)
    await b.feed(10_000, [[x('h1'), 1]])
    expect(b.summary()).toEqual(['firing h1', 'resolved no-data h1', 'resolved condition-false h1'])
    expect(b.told[2]?.alert.startedAt).toBe(start)
  })

  it('after more than an hour judges anew (R4)', async () => {
    const b = await bench(simple)
    await b.feed(90_000, [[x('h1'), 9], [x('h2'), 1]])
    await b.feed(30_000, [[x('h1'), 9], [x('h2'), 9]])
    expect(b.rules().alerts().map((alert) => alert.state)).toEqual(['firing', 'pending'])
    await b.restart(3_700_000)
    await b.feed(50_000, [[x('h1'), 9], [x('h2'), 9]])
    expect(b.summary()).toEqual(['firing h1', 'resolved no-data h1'])
    await b.feed(40_000, [[x('h1'), 9], [x('h2'), 9]])
    expect(b.summary()).toEqual(['firing h1', 'resolved no-data h1', 'firing h1', 'firing h2'])
  })

  it('ends the alerts of rules that are gone as no-data (R6)', async () => {
    const b = await bench(simple)
    await b.feed(90_000, [[x('h1'), 9]])
    await b.restart(1_000, simple.replace('High', 'Other'))
    await b.tick()
    expect(b.summary()).toEqual(['firing h1', 'resolved no-data h1'])
    expect(await b.state.db.selectFrom('rule_alert').selectAll().execute()).toEqual([])
  })
})

describe('a reload', () => {
  it('keeps the alerts of rules that stay, changed thresholds included, and ends the others as no-data (R6)', async () => {
    const second = `${simple}  - alert: Low
    expr: x < 100
`
    const b = await bench(second)
    await b.feed(90_000, [[x('h1'), 9]])
    expect(b.summary().sort()).toEqual(['firing h1', 'firing h1'])
    b.rules().replace(load(simple.replace('x > 5', 'x > 6')))
    await b.feed(30_000, [[x('h1'), 9]])
    expect(b.summary().slice(2)).toEqual(['resolved no-data h1'])
    expect(b.told[2]?.alert.name).toBe('Low')
    expect(b.rules().alerts()).toMatchObject([{ name: 'High', state: 'firing' }])
  })
})
