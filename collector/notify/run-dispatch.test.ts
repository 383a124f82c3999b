import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { manualClock } from '../../test/manual-clock.ts'
import type { ManualClock } from '../../test/manual-clock.ts'
import { scaled, seed } from '../../test/scale.ts'
import { openState } from '../state/open.ts'
import type { State } from '../state/open.ts'
import { reportOfPost } from './alert-report.ts'
import { explainAlert, explainFrom, explainNotification, explainSilence } from './explain.ts'
import type { Notification } from './flush.ts'
import { newsFor, sides } from './notification-log.ts'
import { routeFileOrThrow } from './route-file.ts'
import type { AlertReport } from './routed-alert.ts'
import { startDispatch } from './run-dispatch.ts'
import type { Dispatch } from './run-dispatch.ts'

const START = Date.UTC(2026, 10, 22, 8)
const routes = routeFileOrThrow('routes.yml', `
route:
  receiver: all
  group_by: [group]
  group_wait: 5s
  group_interval: 30s
  repeat_interval: 10m
  routes:
    - matchers: ['twice="yes"']
      receiver: second
      continue: true
    - matchers: ['incident!=""']
      group_by: [incident]
inhibit_rules:
  - source_matchers: ['severity="critical"']
    target_matchers: ['severity="info"']
    equal: [group]
receivers:
  - { name: all, to: [{ channel: mail }, { channel: sms, send_resolved: false }] }
  - { name: second, webhook_configs: [{ url: 'http://127.0.0.1/' }] }
`)

interface Told {
  readonly thread: string
  readonly firing: readonly string[]
  readonly resolved: readonly string[]
  readonly sendResolved: boolean
  readonly at: number
  readonly news: string
}

const toldOf = (one: Notification): Told => ({ thread: `${one.groupKey} ${one.receiver} ${one.integration.name}`, ...sides(one.alerts, one.at), sendResolved: one.integration.sendResolved, at: one.at, news: one.news })

interface World {
  readonly clock: ManualClock
  readonly incidents: Map<string, string>
  /** Called before each notification is queued; a promise that never ends is a crash in the transaction. */
  beforeDeliver(): Promise<void>
  afterCommit(): void
}

/** Notifications are rows written in the transaction that is handed over, as the outbox's are. */
async function start(state: State, world: World): Promise<Dispatch> {
  let number = 0
  return startDispatch({
    state, clock: world.clock, routes, retentionMs: 86_400_000,
    log: { warn: () => undefined, error: (message, fields) => { throw new Error(`${message} ${JSON.stringify(fields)}`) } },
    incidentOf: (labels) => world.incidents.get(labels['alertname'] ?? ''),
    async deliver(notification, trx) {
      await world.beforeDeliver()
      const key = `told/${String(notification.at).padStart(15, '0')}/${number++}/${Math.random()}`
      await trx.insertInto('setting').values({ key, value_json: JSON.stringify(toldOf(notification)) }).execute()
      return [key]
    },
    delivered: () => world.afterCommit(),
  })
}

async function toldIn(state: State): Promise<readonly Told[]> {
  const rows = await state.db.selectFrom('setting').select('value_json').where('key', 'like', 'told/%').orderBy('key').execute()
  return rows.map((row) => JSON.parse(row.value_json) as Told)
}

const report = (clock: ManualClock, name: string, labels: Record<string, string>, firing: boolean): AlertReport =>
  ({ ...reportOfPost({ labels: { alertname: name, ...labels }, annotations: {}, startsAt: firing ? clock.now() : undefined, endsAt: firing ? clock.now() + 86_400_000 : clock.now(), generatorUrl: '' }, clock.now(), 1), })

const quiet = (): World => ({ clock: manualClock(START), incidents: new Map(), beforeDeliver: () => Promise.resolve(), afterCommit: () => undefined })

describe('dispatch', () => {
  it('tells a group after its wait, changes after its interval, the end, and the same again after the repeat interval', async () => {
    const state = await openState(':memory:')
    const world = quiet()
    const dispatch = await start(state, world)
    await dispatch.put([report(world.clock, 'A', { group: 'g' }, true), report(world.clock, 'B', { group: 'g' }, true)])
    await world.clock.advance(4_900)
    expect(await toldIn(state)).toEqual([])
    await world.clock.advance(200)
    expect((await toldIn(state)).map((one) => [one.news, one.firing.length, one.at - START])).toEqual([['first', 2, 5_000], ['first', 2, 5_000]])
    await dispatch.put([report(world.clock, 'A', { group: 'g' }, false)])
    await world.clock.advance(30_000)
    // Only the one that sends ends hears of this one.
    expect((await toldIn(state)).slice(2).map((one) => [one.news, one.firing.length, one.resolved.length])).toEqual([['new-resolved', 1, 1]])
    await world.clock.advance(700_000)
    expect((await toldIn(state)).slice(3).map((one) => one.news)).toEqual(['repeat', 'repeat'])
    await dispatch.put([report(world.clock, 'B', { group: 'g' }, false)])
    await world.clock.advance(60_000)
    expect((await toldIn(state)).slice(5).map((one) => [one.news, one.resolved.length])).toEqual([['all-resolved', 1]])
    expect(dispatch.groups()).toEqual([])
    await dispatch.stop()
    await state.close()
  })

  it('goes on after a restart: no end twice, intervals kept, what ended while it was down told', async () => {
    const state = await openState(':memory:')
    const world = quiet()
    const first = await start(state, world)
    await first.put(['A', 'B', 'C'].map((name) => report(world.clock, name, { group: 'g' }, true)))
    await world.clock.advance(6_000)
    await first.put([report(world.clock, 'A', { group: 'g' }, false)])
    await world.clock.advance(31_000)
    // Told anew without A, which has left: the log no longer knows its end.
    await first.put([report(world.clock, 'D', { group: 'g' }, true)])
    await world.clock.advance(31_000)
    const before = (await toldIn(state)).length
    await first.put([report(world.clock, 'B', { group: 'g' }, false)])
    world.clock.abandon()
    await first.stop()
    const second = await start(state, world)
    await world.clock.advance(10_000)
    // The group told at 65 s, so it is due at 95 s and not at once.
    expect(await toldIn(state)).toHaveLength(before)
    await world.clock.advance(120_000)
    expect((await toldIn(state)).slice(before).map((one) => [one.news, one.firing.length, one.resolved.length])).toEqual([['new-resolved', 2, 1]])
    await second.keepOnly(new Set())
    expect(second.alerts()).toHaveLength(2)
    await second.resolve(second.alerts().map((one) => one.alert.fingerprint))
    await world.clock.advance(60_000)
    expect((await toldIn(state)).at(-1)).toMatchObject({ news: 'all-resolved' })
    await world.clock.advance(25 * 3_600_000)
    for (const table of ['routed_alert', 'decision', 'notification_log'] as const) expect(await state.db.selectFrom(table).selectAll().execute(), table).toEqual([])
    await second.stop()
    await state.close()
  })

  it('moves an alert to the group of the incident that has absorbed its own', async () => {
    const state = await openState(':memory:')
    const world = quiet()
    world.incidents.set('A', 'F1').set('B', 'F2')
    const dispatch = await start(state, world)
    await dispatch.put([report(world.clock, 'A', {}, true), report(world.clock, 'B', {}, true)])
    await world.clock.advance(10_000)
    expect(dispatch.groups().map((group) => group.labels)).toEqual([{ incident: 'F1' }, { incident: 'F2' }])
    world.incidents.set('A', 'F2')
    await dispatch.reroute()
    await world.clock.advance(60_000)
    expect(dispatch.groups().map((group) => [group.labels, group.alerts.size])).toEqual([[{ incident: 'F2' }, 2]])
    expect((await toldIn(state)).at(-1)).toMatchObject({ news: 'new-firing' })
    await dispatch.stop()
    await state.close()
  })

  it('explains any minute from its decisions, of which equal ones in a row are one row', async () => {
    const state = await openState(':memory:')
    const world = quiet()
    const dispatch = await start(state, world)
    const critical = report(world.clock, 'Down', { group: 'g', severity: 'critical' }, true)
    const info = report(world.clock, 'Slow', { group: 'g', severity: 'info' }, true)
    const other = report(world.clock, 'Full', { group: 'h' }, true)
    const outcome = await dispatch.silences.set({ id: undefined, matchers: [{ name: 'alertname', op: '=', value: 'Full' }], startsAt: START, endsAt: START + 3_600_000, createdBy: '李', comment: '换硬盘' }, () => Promise.resolve())
    if (outcome.kind !== 'set') throw new Error(outcome.kind)
    await dispatch.put([critical, info, other])
    await world.clock.advance(300_000)
    const facts = {
      at: START + 200_000, routes, decisions: await dispatch.decisions(explainFrom(routes, START + 200_000), START + 200_000), silences: dispatch.silences.list(), receipts: [], span: (ms: number) => `${ms / 1_000} 秒`, nameOf: (fingerprint: string) => (fingerprint === critical.fingerprint ? 'Down' : fingerprint),
    }
    const around = (at: number) => dispatch.decisions(explainFrom(routes, at), at)
    const of = async (one: AlertReport, at = facts.at) => explainAlert((await dispatch.alert(one.fingerprint))!, { ...facts, at, decisions: await around(at) })
    expect((await of(critical)).routes[0]!.decisions.map((one) => one.decision.outcome)).toEqual(['nothing-new', 'nothing-new'])
    expect((await of(info)).routes[0]).toMatchObject({ receiver: 'all', groupKey: '{}:{group="g"}', text: expect.stringContaining('Down 正在告警') })
    expect((await of(other)).routes[0]!.text).toContain('李「换硬盘」')
    expect((await of(critical, START + 5_000)).routes[0]!.text).toContain('首次告知')
    expect((await of(critical, START + 2_000)).routes[0]!.text).toContain('最多等待 5 秒')
    expect((await of(critical, START - 1)).state).toBe('not-yet')
    expect(explainSilence(outcome.silence, facts).muted[0]!.fingerprints).toEqual([other.fingerprint])
    const whole = await dispatch.decisions(START, START + 300_000)
    const sent = whole.find((one) => one.outboxIds.length > 0)!
    expect(explainNotification(sent.outboxIds[0]!, { ...facts, decisions: whole }).decision!.text).toContain('首次告知')
    // Ten flushes of two groups: one row each for what did not change.
    const muted = whole.filter((one) => one.stage === 'silence')
    expect(muted).toHaveLength(1)
    expect(muted[0]!.times).toBeGreaterThan(5)
    expect(whole.length).toBeLessThan(8)
    await dispatch.stop()
    await state.close()
  })

  it('one group that cannot be queued holds up no other, and is tried again', async () => {
    const state = await openState(':memory:')
    const world = quiet()
    let broken = true
    const told: string[] = []
    const dispatch = await startDispatch({
      state, clock: world.clock, routes, retentionMs: 1, log: { warn: () => undefined, error: () => undefined }, incidentOf: () => undefined, delivered: () => undefined,
      deliver(notification) {
        if (broken && notification.groupLabels['group'] === 'bad') return Promise.reject(new Error('no such channel'))
        told.push(`${notification.groupLabels['group']} ${notification.integration.name}`)
        return Promise.resolve([])
      },
    })
    await dispatch.put(['bad', 'good'].map((group) => report(world.clock, 'A', { group }, true)))
    await world.clock.advance(6_000)
    expect([...new Set(told)]).toEqual(['good mail/0', 'good sms/1'])
    expect((await dispatch.decisions(START, world.clock.now())).find((one) => one.outcome === 'failed')).toMatchObject({ why: { message: expect.stringContaining('no such channel') } })
    broken = false
    await world.clock.advance(11_000)
    expect(told.slice(-2)).toEqual(['bad mail/0', 'bad sms/1'])
    await dispatch.stop()
    await state.close()
  })

  it('holds a storm of 10,000 alerts of one incident', async () => {
    const state = await openState(':memory:')
    const world = quiet()
    world.incidents.set('HostDown', 'F1')
    const dispatch = await start(state, world)
    const began = performance.now()
    for (let from = 0; from < 10_000; from += 500) await dispatch.put(Array.from({ length: 500 }, (_, index) => report(world.clock, 'HostDown', { instance: `h${from + index}` }, true)))
    await world.clock.advance(6_000)
    expect((await toldIn(state)).map((one) => one.firing.length)).toEqual([10_000, 10_000])
    expect(performance.now() - began).toBeLessThan(10_000)
    await dispatch.stop()
    await state.close()
  })
})

describe('crashes', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), name: fc.constantFrom('A', 'B', 'C', 'D'), group: fc.constantFrom('g', 'h'), twice: fc.boolean(), firing: fc.boolean() }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(1_000, 4_000, 7_000, 31_000, 65_000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash-in-transaction' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash-after-commit' as const) }) },
  )

  it('lose nothing and double nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const folder = mkdtempSync(join(tmpdir(), 'zhishou-dispatch-'))
        const path = join(folder, 'state.db')
        const clock = manualClock(START)
        let trap: 'none' | 'in' | 'after' = 'none'
        let fallen: (() => void) | undefined
        const world: World = {
          clock,
          incidents: new Map(),
          beforeDeliver() {
            if (trap !== 'in') return Promise.resolve()
            fallen?.()
            return new Promise(() => undefined)
          },
          afterCommit() {
            if (trap === 'after') fallen?.()
          },
        }
        let state = await openState(path)
        let dispatch = await start(state, world)
        const firing = new Map<string, AlertReport>()
        const reports: { readonly fingerprint: string; readonly at: number }[] = []
        const restart = async (): Promise<void> => {
          clock.abandon()
          await state.close()
          trap = 'none'
          state = await openState(path)
          dispatch = await start(state, world)
        }
        /** Runs until done or until the process has died. */
        const untilFallen = async (task: () => Promise<void>): Promise<boolean> => {
          const died = new Promise<boolean>((resolve) => (fallen = () => resolve(true)))
          return Promise.race([task().then(() => false), died])
        }
        for (const one of steps) {
          switch (one.kind) {
            case 'put': {
              const made = report(clock, one.name, { group: one.group, twice: one.twice ? 'yes' : 'no' }, one.firing)
              if (one.firing) firing.set(made.fingerprint, made)
              else firing.delete(made.fingerprint)
              reports.push({ fingerprint: made.fingerprint, at: clock.now() })
              if (await untilFallen(() => dispatch.put([made]))) {
                await restart()
                // It was never acknowledged, so whoever reported it does so again.
                await dispatch.put([made])
              }
              break
            }
            case 'advance':
              if (await untilFallen(() => clock.advance(one.ms))) await restart()
              break
            case 'crash':
              await restart()
              break
            case 'crash-in-transaction':
              trap = 'in'
              break
            case 'crash-after-commit':
              trap = 'after'
              break
          }
        }
        trap = 'none'
        await clock.advance(120_000)
        const told = await toldIn(state)
        const threads = new Map<string, Told[]>()
        for (const one of told) threads.set(one.thread, [...(threads.get(one.thread) ?? []), one])
        for (const [thread, list] of threads) {
          // Not doubled: each is news to who has heard the one before.
          for (const [index, one] of list.entries()) {
            const before = list[index - 1]
            if (before === undefined || !one.sendResolved) continue
            const entry = { groupKey: '', receiver: '', integration: '', at: before.at, firing: before.firing, resolved: before.resolved, expiresAt: 0 }
            expect(newsFor(entry, one.firing, one.resolved, true, 600_000, one.at), `${thread} #${index}`).toBeDefined()
          }
        }
        // Nor is an end told twice that was reported once.
        for (const [thread, list] of threads) {
          for (const fingerprint of new Set(list.flatMap((one) => one.resolved))) {
            const times = list.filter((one) => one.resolved.includes(fingerprint)).map((one) => one.at)
            for (const [index, at] of times.entries()) {
              const before = times[index - 1]
              if (before !== undefined) expect(reports.some((one) => one.fingerprint === fingerprint && one.at >= before && one.at <= at), `${thread} ${fingerprint}`).toBe(true)
            }
          }
        }
        // Not lost: who is told of ends knows in the end what fires and what does not.
        for (const group of dispatch.groups()) {
          const now = [...group.alerts.keys()].filter((fingerprint) => firing.has(fingerprint)).sort()
          for (const [thread, list] of threads) {
            if (!thread.startsWith(`${group.key} ${group.route.receiver} `) || list.at(-1)?.sendResolved !== true) continue
            expect([...list.at(-1)!.firing].sort(), thread).toEqual(now)
          }
          if (now.length > 0) expect([...threads.keys()].filter((thread) => thread.startsWith(`${group.key} ${group.route.receiver} `)).length).toBeGreaterThan(0)
        }
        for (const [thread, list] of threads) {
          if (dispatch.groups().some((group) => thread.startsWith(`${group.key} ${group.route.receiver} `))) continue
          const last = list.at(-1)!
          if (last.sendResolved) expect(last.firing, thread).toEqual([])
        }
        expect([...firing.keys()].filter((fingerprint) => !dispatch.alerts().some((one) => one.alert.fingerprint === fingerprint))).toEqual([])
        await dispatch.stop()
        await state.close()
        rmSync(folder, { recursive: true })
      }),
      { seed, numRuns: scaled(40, 400) },
    )
  })
})
