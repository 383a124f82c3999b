/**
 * One fault, told once: samples → rules → incidents → routing → outbox rows, as the collector wires them, over the real
 * store and state.db. What is counted are the messages that are owed, whatever became of sending them.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkAlertFiles } from '../../collector/alert-files.ts'
import { parseCollectorSettings } from '../../collector/config.ts'
import { createCounters } from '../../collector/counters.ts'
import { openState } from '../../collector/state/open.ts'
import { openStore } from '../../collector/store/open-store.ts'
import { storeSettings } from '../../collector/store/settings.ts'
import { openAlerting } from '../../collector/wiring/alerting.ts'
import type { Labels } from '../../protocol/series.ts'
import { manualClock } from '../manual-clock.ts'
import { scaled, seed } from '../scale.ts'

const START = Date.UTC(2026, 10, 22, 2)
const MINUTE = 60_000
const STEP = 5_000

const rules = `
groups:
- name: g
  interval: 5s
  rules:
  - { alert: FilesystemFull, expr: full > 0.9, labels: { severity: warning, fault: filesystem-full, sla: standard }, annotations: { summary: '{{ $labels.instance }} 快满了' } }
  - { alert: FilesystemFillsSoon, expr: soon > 0, labels: { severity: warning, fault: filesystem-full, sla: standard }, annotations: { summary: '{{ $labels.instance }} 将满' } }
  - { alert: FilesystemWriteErrors, expr: errors > 0, labels: { severity: critical, fault: filesystem-full, sla: standard }, annotations: { summary: '{{ $labels.instance }} 写错误' } }
  - { alert: HostDown, expr: up == 0, labels: { severity: critical, fault: host-down, sla: standard }, annotations: { summary: '{{ $labels.instance }} 失联' } }
  - { alert: ProbeFailed, expr: probe == 0, labels: { severity: warning, fault: probe-failed }, annotations: { summary: '{{ $labels.instance }} 探测失败' } }
  - { alert: LinkDown, expr: link_up == 0, labels: { severity: critical, fault: link-down, sla: standard }, annotations: { summary: '链路中断' } }
`
const topology = `
release: 10s
hosts: [{ id: h1, title: 机一, district: d }, { id: h2, title: 机二, district: d }]
links: [{ id: l1, title: 区链路, from: center, to: d, hides: ['*'] }]
districts: [{ id: d, title: 区 }]
`
const routes = `
route: { receiver: duty, group_by: [alertname, instance], group_wait: 2s, group_interval: 30s, repeat_interval: 20m, routes: [{ matchers: ['sla!=""'], group_by: [incident], group_wait: 2s, repeat_interval: 10m }, { matchers: [alertname=DutyRoster], receiver: nobody }] }
receivers: [{ name: duty, to: [{ channel: mail, addresses: [duty@example.org] }] }, { name: nobody }]
`

let folder = ''
/** What the rooms log as errors: nothing but that there is no mail server here. */
let errors: string[] = []
beforeEach(() => {
  errors = []
  folder = mkdtempSync(join(tmpdir(), 'zhishou-told-'))
  mkdirSync(join(folder, 'rules'))
  for (const [name, text] of Object.entries({ 'rules/g.yml': rules, 'topology.yml': topology, 'routes.yml': routes })) writeFileSync(join(folder, name), text)
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
  expect(errors).toEqual([])
})

/** A moment inside a step of 5 s. */
interface Kill {
  readonly ms: number
  readonly turns: number
}

type Series = readonly [metric: string, instance: string, value: number]

/** The collector's rooms over one folder, with a clock that the test moves. */
async function house(home = folder) {
  const clock = manualClock(START)
  const settings = parseCollectorSettings(
    `
rules: { folders: ['${folder}/rules'], shipped: false, interval: 5s }
topologyFile: ${folder}/topology.yml
notify: { routesFile: ${folder}/routes.yml, channels: { mail: { kind: email, host: 127.0.0.1, port: 1, plain: true, from: zhishou@example.org } } }
`,
    'collector.yml',
    folder,
  )
  const files = checkAlertFiles(settings)
  const path = join(home, 'state.db')
  const open = async () => {
    const store = openStore({ path: join(home, 'metrics.db'), now: clock.now, settings: storeSettings.parse({ commitDelayMs: 0 }) })
    const state = await openState(path, clock.now())
    const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (message: string, fields?: Readonly<Record<string, unknown>>) => void (message === 'notify: channel is down' || errors.push(`${message}: ${String(fields?.['error'])}`)) }
    const alerting = await openAlerting({ state, store, clock, log, settings, files, counters: createCounters({ defaults: false }), changed: () => undefined })
    return { store, state, alerting }
  }
  let running = await open()
  let seq = 0
  const close = async (): Promise<void> => {
    clock.abandon()
    await running.alerting.close()
    await running.store.close()
    await running.state.close()
  }
  return {
    clock,
    running: () => running,
    close,
    /** Every 5 s one sample of each series, for `ms`. */
    async pass(ms: number, series: readonly Series[]) {
      for (const end = clock.now() + ms; clock.now() < end; ) {
        const { store } = running
        const group = store.group('s', series.map((one) => one.join()).join(';').replaceAll(/,[\d.]+(?=;|$)/g, ''))
        const columns = store.columns(group, series.map(([metric, instance]): Labels => ({ __name__: metric, job: 'node', instance, ...(metric === 'link_up' ? { link: 'l1' } : {}) })))
        await store.accept({ stream: 's', epoch: 'e', seq: ++seq, rows: [{ group, at: clock.now(), columns, values: Float64Array.from(series.map((one) => one[2])) }], events: [], facts: [], checks: [] })
        await clock.advance(STEP)
      }
    },
    /** Ends as after kill -9, `ms` after its beginning and some turns later: what state.db holds then is what the next start finds. */
    async kill(during: () => Promise<void>, { ms, turns }: Kill) {
      const at = clock.now() + ms
      const step = during()
      const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
      while (clock.now() < at) await turn()
      for (let count = 0; count < turns; count++) await turn()
      const copy = join(home, `state-${clock.now()}.db`)
      const reader = new DatabaseSync(path)
      reader.exec(`vacuum into '${copy}'`)
      reader.close()
      await step
      await close()
      for (const rest of ['-wal', '-shm']) rmSync(`${path}${rest}`, { force: true })
      copyFileSync(copy, path)
      running = await open()
    },
    async restart() {
      await close()
      running = await open()
    },
    incidents: async () => (await running.alerting.incidents.list({ state: 'all', limit: 20 })).map((one) => `${one.number.slice(-3)} ${one.object} ${one.state}`).sort(),
    /** Incidents that routing holds as firing alerts. */
    ofIncidents: () => running.alerting.dispatch.alerts().flatMap(({ alert }) => alert.labels['incident'] ?? []),
    /** Messages in the order in which they came to be owed: `opened 001`, or the names of alerts without an incident. */
    told: async () =>
      (await running.state.db.selectFrom('outbox').select(['message_json', 'created_at']).where('dedup_key', 'like', 'route/%').orderBy('created_at').orderBy('dedup_key').execute()).map((row) => {
        const { payload } = JSON.parse(row.message_json) as { payload: { kind: string; what: string; incident: { number: string } | null; alerts: { labels: Record<string, string>; endsAt: number | null }[] } }
        return payload.kind === 'incident' ? `${payload.what} ${payload.incident!.number.slice(-3)}` : payload.alerts.map((alert) => `${alert.labels['alertname']}${alert.endsAt === null ? '' : ' over'}`).join()
      }),
  }
}

const well: readonly Series[] = [['full', 'h1', 0.5], ['soon', 'h1', 0], ['errors', 'h1', 0], ['up', 'h1', 1], ['up', 'h2', 1], ['probe', 'h2', 1], ['link_up', 'center', 1]]
const but = (...changes: readonly Series[]): readonly Series[] => well.map((one) => changes.find((change) => change[0] === one[0] && change[1] === one[1]) ?? one)
const full = but(['full', 'h1', 0.95])

describe('an incident in routing', () => {
  it('is one message when it opens, however many alerts join, and one when it recovers', async () => {
    const one = await house()
    await one.pass(10_000, well)
    await one.pass(MINUTE, full)
    expect(await one.told()).toEqual(['opened 001'])
    await one.pass(MINUTE, but(['full', 'h1', 0.95], ['soon', 'h1', 1]))
    expect(await one.told()).toEqual(['opened 001'])
    expect(await one.incidents()).toEqual(['001 h1 open'])
    // One of its alerts ends: nothing to tell, the fault still runs.
    await one.pass(MINUTE, full)
    expect(await one.told()).toEqual(['opened 001'])
    await one.pass(MINUTE, well)
    expect(await one.told()).toEqual(['opened 001', 'recovered 001'])
    // Closing it, and forgetting its alerts, says nothing more.
    await one.pass(40 * MINUTE, well)
    expect(one.running().alerting.incidents.live()).toEqual([])
    expect(await one.told()).toEqual(['opened 001', 'recovered 001'])
    expect(one.ofIncidents()).toEqual([])
    await one.close()
  })

  it('is told again when it gets worse, after repeat_interval, and when it comes back', async () => {
    const one = await house()
    await one.pass(MINUTE, full)
    await one.pass(MINUTE, but(['full', 'h1', 0.95], ['errors', 'h1', 1]))
    expect(await one.told()).toEqual(['opened 001', 'opened 001'])
    expect(one.running().alerting.incidents.live()[0]).toMatchObject({ severity: 'critical' })
    await one.pass(11 * MINUTE, but(['full', 'h1', 0.95], ['errors', 'h1', 1]))
    expect(await one.told()).toEqual(['opened 001', 'opened 001', 'reminded 001'])
    await one.pass(2 * MINUTE, well)
    // The alert it was at its first severity is over as well.
    expect(one.ofIncidents()).toEqual([])
    await one.pass(2 * MINUTE, full)
    expect(await one.told()).toEqual(['opened 001', 'opened 001', 'reminded 001', 'recovered 001', 'reopened 001'])
    await one.close()
  })

  it('speaks for what the topology hides behind it, also for alerts without an SLA', async () => {
    const one = await house()
    await one.pass(10_000, well)
    const cut = but(['link_up', 'center', 0])
    await one.pass(30_000, cut)
    await one.pass(3 * MINUTE, but(['link_up', 'center', 0], ['up', 'h1', 0], ['up', 'h2', 0], ['probe', 'h2', 0]))
    expect(await one.told()).toEqual(['opened 001'])
    expect((await one.incidents()).length).toBe(1)
    await one.pass(2 * MINUTE, well)
    expect(await one.told()).toEqual(['opened 001', 'recovered 001'])
    // The same alert without a cause is told by itself.
    await one.pass(2 * MINUTE, but(['probe', 'h2', 0]))
    expect(await one.told()).toEqual(['opened 001', 'recovered 001', 'ProbeFailed'])
    await one.close()
  })

  it('an effect without an SLA waits for its cause as long as its route’s group_wait says, and no longer', async () => {
    writeFileSync(join(folder, 'routes.yml'), routes.replace('group_wait: 2s', 'group_wait: 20s'))
    const cut = but(['link_up', 'center', 0], ['probe', 'h2', 0])
    const told: Record<string, readonly string[]> = {}
    for (const [name, alone] of [['in time', 10_000], ['too late', 30_000]] as const) {
      const home = mkdtempSync(join(folder, 'home-'))
      const one = await house(home)
      await one.pass(10_000, well)
      await one.pass(alone, but(['probe', 'h2', 0]))
      await one.pass(2 * MINUTE, cut)
      told[name] = await one.told()
      await one.close()
    }
    expect(told).toEqual({ 'in time': ['opened 001'], 'too late': ['ProbeFailed', 'opened 001'] })
  })

  it('an effect that goes on when its cause is over is told by itself, once it has had the time to end', async () => {
    const one = await house()
    await one.pass(10_000, well)
    await one.pass(MINUTE, but(['link_up', 'center', 0], ['probe', 'h2', 0]))
    expect(await one.told()).toEqual(['opened 001'])
    await one.pass(3 * MINUTE, but(['probe', 'h2', 0]))
    expect(await one.told()).toEqual(['opened 001', 'recovered 001', 'ProbeFailed'])
    await one.close()
  })

  it('that is absorbed by its cause after its first message tells nothing more, also over a restart', async () => {
    for (const restart of [false, true]) {
      const one = await house(mkdtempSync(join(folder, 'home-')))
      const down = but(['up', 'h1', 0])
      await one.pass(MINUTE, down)
      expect(await one.told()).toEqual(['opened 001'])
      const cut = but(['up', 'h1', 0], ['link_up', 'center', 0])
      await one.pass(10_000, cut)
      expect(await one.incidents()).toEqual(['001 h1 merged', '002 l1 open'])
      if (restart) await one.restart()
      await one.pass(3 * MINUTE, cut)
      expect(await one.told()).toEqual(['opened 001', 'opened 002'])
      await one.pass(3 * MINUTE, well)
      expect(await one.told()).toEqual(['opened 001', 'opened 002', 'recovered 002'])
      await one.close()
    }
  })

  it('that a person reported is told as others are, and once when the alerts of another number are found to be it', async () => {
    const one = await house()
    const { incidents } = one.running().alerting
    const opened = await incidents.openByHand('li', { service: 'portal', instance: '', fault: '', severity: 'warning', title: '网页打不开', reporter: '某单位', contact: '', channel: 'hotline', reportedAt: one.clock.now(), description: '' })
    await one.pass(20_000, well)
    expect(await one.told()).toEqual(['opened 001'])
    await one.pass(MINUTE, full)
    expect(await one.told()).toEqual(['opened 001', 'opened 002'])
    expect(opened.kind === 'done' && (await incidents.merge(`${opened.value.slice(0, -3)}002`, opened.value, 'li', '磁盘满所致')).kind).toBe('done')
    await one.pass(2 * MINUTE, full)
    expect(await one.told()).toEqual(['opened 001', 'opened 002'])
    await one.pass(2 * MINUTE, well)
    expect(await one.told()).toEqual(['opened 001', 'opened 002', 'recovered 001'])
    await one.close()
  })

  it('is muted by a silence while it runs, and is told when that ends', async () => {
    const one = await house()
    const { dispatch, incidents } = one.running().alerting
    const now = one.clock.now()
    const set = await dispatch.silences.set({ id: undefined, matchers: [{ name: 'instance', op: '=', value: 'h1' }], startsAt: now, endsAt: now + 5 * MINUTE, createdBy: 'li', comment: '换盘' }, () => Promise.resolve())
    expect(set.kind).toBe('set')
    await one.pass(4 * MINUTE, full)
    expect(await one.told()).toEqual([])
    expect(incidents.clocks(one.clock.now())).toHaveLength(1)
    expect(await one.incidents()).toEqual(['001 h1 open'])
    await one.pass(2 * MINUTE, full)
    expect(await one.told()).toEqual(['opened 001'])
    await one.close()
  })

  it('is not recovered while its data are missing, nor after a restart meanwhile', async () => {
    const one = await house()
    await one.pass(MINUTE, full)
    // Nothing comes for longer than any look-back.
    for (let minute = 0; minute < 7; minute++) await one.clock.advance(MINUTE)
    expect(one.running().alerting.incidents.live().map((incident) => incident.state)).toEqual(['blind'])
    await one.restart()
    await one.clock.advance(2 * MINUTE)
    expect(await one.told()).toEqual(['opened 001'])
    await one.pass(2 * MINUTE, well)
    expect(await one.told()).toEqual(['opened 001', 'recovered 001'])
    await one.close()
  })

  it('a kill -9 at any point doubles no message and loses none', async () => {
    let random = seed
    const nextRandom = (most: number): number => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((random / 2 ** 32) * most)
    }
    const course: readonly (readonly [readonly Series[], number])[] = [
      [well, 2], [full, 8], [but(['full', 'h1', 0.95], ['errors', 'h1', 1]), 10], [but(['up', 'h1', 0], ['full', 'h1', 0.95]), 8],
      [but(['up', 'h1', 0], ['full', 'h1', 0.95], ['link_up', 'center', 0], ['probe', 'h2', 0]), 10], [full, 30], [well, 14], [but(['probe', 'h2', 0]), 8], [well, 8],
    ]
    const steps = course.flatMap(([series, count]) => Array.from({ length: count }, () => series))
    const walk = async (kills: ReadonlyMap<number, Kill>): Promise<{ readonly told: readonly string[]; readonly incidents: readonly string[] }> => {
      const one = await house(mkdtempSync(join(folder, 'home-')))
      for (const [index, series] of steps.entries()) {
        const kill = kills.get(index)
        if (kill === undefined) await one.pass(STEP, series)
        else await one.kill(() => one.pass(STEP, series), kill)
      }
      const result = { told: (await one.told()).toSorted(), incidents: await one.incidents() }
      await one.close()
      return result
    }
    const quiet = await walk(new Map())
    expect(quiet.told).toContain('opened 001')
    expect(quiet.told.length).toBeGreaterThan(5)
    for (let run = 0; run < scaled(4, 120); run++) {
      const kills = new Map(Array.from({ length: 1 + nextRandom(3) }, () => [nextRandom(steps.length), { ms: nextRandom(STEP), turns: nextRandom(8) }] as const))
      expect(await walk(kills), `seed ${seed}, killed in steps ${JSON.stringify([...kills])}`).toEqual(quiet)
    }
  })
})
