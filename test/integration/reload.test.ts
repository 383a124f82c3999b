/**
 * Changed files of alerting while it runs, over the real store and state.db: what is taken counts from then on, what is
 * wrong leaves everything as it was, and what runs (incidents, clocks, groups, silences) goes on.
 */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkAlertFiles } from '../../collector/alert-files.ts'
import { parseCollectorSettings } from '../../collector/config.ts'
import { createCounters } from '../../collector/counters.ts'
import { openState } from '../../collector/state/open.ts'
import { openStore } from '../../collector/store/open-store.ts'
import { storeSettings } from '../../collector/store/settings.ts'
import { openAlerting } from '../../collector/wiring/alerting.ts'
import { manualClock } from '../manual-clock.ts'

const START = Date.UTC(2026, 10, 22, 2)
const rules = `
groups:
- name: g
  interval: 5s
  rules:
  - { alert: HostDown, expr: vector(1), labels: { severity: critical, fault: host-down, sla: standard, instance: h1 }, annotations: { summary: 机一失联 } }
  - { alert: ProbeFailed, expr: vector(time()) > ${START / 1_000 + 600}, labels: { severity: critical, fault: probe-failed, sla: standard, instance: h2 }, annotations: { summary: 机二探测失败 } }
`
const topology = (behind: string): string => `services: [{ id: portal, title: 门户, criticality: high, members: [h1] }]\nhosts: [{ id: h1, title: 机一 }, { id: h2, title: 机二${behind} }]\n`
const routes = (receiver: string): string => `route: { receiver: ${receiver}, group_by: [incident], group_wait: 2s, group_interval: 30s, repeat_interval: 4h }\nreceivers: [{ name: a, to: [{ channel: mail, addresses: [a@example.org] }] }, { name: b, to: [{ channel: mail, roster: on-call }] }]\n`
const duty = (mail: string): string => `
people: [{ id: li, name: 李, addresses: { mail: ${mail} } }]
roles: [{ name: on-call, title: 值班, rosters: [all] }]
rosters: [{ name: all, title: 全天, rotation: { anchor: 2026-01-05, unit: day, turns: [li] }, shifts: [{ name: day, title: 班, days: [workday, makeup, weekend, holiday], start: '08:00', end: '08:00' }] }]
`
const escalation = (used: number): string => `policies: [{ name: all, steps: [{ clock: respond, used: ${used}, to: [on-call] }] }]\n`
const profiles = (respond: string): string => `profiles: [{ name: standard, title: 标准, origin: 测试用的承诺, respond: ${respond}, dispose: 2h, recover: 24h, reopenWithin: 30m }]\n`

let home = ''
let written = 0
/** Each writing has a time of its own, however fast they follow one another. */
function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(home, name), text)
    utimesSync(join(home, name), 1_000_000 + ++written, 1_000_000 + written)
  }
}
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'zhishou-reload-'))
  mkdirSync(join(home, 'rules'))
  write({ 'rules/g.yml': rules, 'topology.yml': topology(''), 'routes.yml': routes('a'), 'duty.yml': duty('li@example.org'), 'escalation.yml': escalation(90), 'sla.yml': profiles('1h') })
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

async function open() {
  const clock = manualClock(START)
  const settings = parseCollectorSettings(
    'rules: { folders: [rules], shipped: false, interval: 5s }\ntopologyFile: topology.yml\nslaFile: sla.yml\nduty: { file: duty.yml, escalationFile: escalation.yml }\nnotify: { routesFile: routes.yml, channels: { mail: { kind: email, host: 127.0.0.1, port: 1, plain: true, from: zhishou@example.org } } }\n',
    'collector.yml',
    home,
  )
  const store = openStore({ path: join(home, 'metrics.db'), now: clock.now, settings: storeSettings.parse({ commitDelayMs: 0 }) })
  const state = await openState(join(home, 'state.db'), clock.now())
  const counters = createCounters({ defaults: false })
  const quiet = () => undefined
  const alerting = await openAlerting({ state, store, clock, counters, settings, files: checkAlertFiles(settings), log: { debug: quiet, info: quiet, warn: quiet, error: quiet }, changed: quiet })
  const read = async (name: string) => Object.fromEntries((await counters.read(name)).map(({ labels, value }) => [labels['file'], value]))
  return {
    clock, alerting,
    /** Without the one that is there on purpose: the mail server of these settings does not exist. */
    problems: async () => (await alerting.problems()).filter((text) => !text.startsWith('所有通知渠道都不可用')),
    successful: () => read('zhishou_config_last_reload_successful'),
    takenAt: () => read('zhishou_config_last_reload_success_timestamp_seconds'),
    /** Whom routing owes a message, with the incident's last digits. */
    owed: async () => (await state.db.selectFrom('outbox').select(['message_json', 'dedup_key']).where('dedup_key', 'like', 'route/%').orderBy('created_at').orderBy('dedup_key').execute()).map((row) => row.dedup_key.replace(/^route\/(\w+)\/.*\/([^/]*)$/, '$1 $2')),
    escalated: async () => (await state.db.selectFrom('outbox').select('dedup_key').where('dedup_key', 'like', 'escalation/%').execute()).map((row) => row.dedup_key),
    async close() {
      clock.abandon()
      await alerting.close()
      await store.close()
      await state.close()
    },
  }
}

describe('files of alerting that change while it runs', () => {
  it('are taken by themselves, each with its time; incidents, clocks, groups and silences go on', async () => {
    const one = await open()
    await one.clock.advance(20_000)
    const [incident] = one.alerting.incidents.live()
    expect(await one.owed()).toEqual(['a a@example.org'])
    const silence = await one.alerting.dispatch.silences.set({ matchers: [{ name: 'instance', op: '=', value: 'h9' }], startsAt: one.clock.now(), endsAt: one.clock.now() + 3_600_000, createdBy: 'li', comment: '换硬盘', id: undefined }, () => Promise.resolve())
    expect(silence.kind).toBe('set')
    const clocks = one.alerting.incidents.clocks(START + 60_000)

    write({ 'routes.yml': routes('b'), 'duty.yml': duty('wang@example.org'), 'topology.yml': topology(', behind: [h1]'), 'sla.yml': profiles('30m'), 'escalation.yml': escalation(10) })
    await one.clock.advance(40_000)
    expect(await one.successful()).toMatchObject({ routes: 1, duty: 1, topology: 1, escalation: 1, sla: 1, exposure: 1 })
    const taken = await one.takenAt()
    expect(taken['routes']).toBeGreaterThan(START / 1_000)
    expect(taken['calendar']).toBe(START / 1_000)
    expect(await one.problems()).toEqual([])

    // The running one keeps its number, start and promise, its group is not told again, the silence stands.
    expect(one.alerting.incidents.live()).toMatchObject([{ number: incident!.number, startedAt: incident!.startedAt, profile: { respondMs: 3_600_000 } }])
    expect(one.alerting.incidents.clocks(START + 60_000)).toEqual(clocks)
    expect([...one.alerting.dispatch.alerts()].filter(({ alert }) => alert.labels['incident'] !== undefined)).toHaveLength(1)
    expect(one.alerting.dispatch.silences.list()).toHaveLength(1)

    // Whoever was told is not told again; whoever the new routes name and who knows nothing yet is.
    expect(await one.owed()).toEqual(['a a@example.org', 'b wang@example.org'])

    // The new escalation holds for it: 10 % of an hour.
    await one.clock.advance(6 * 60_000)
    expect((await one.escalated()).some((key) => key.includes('wang@example.org'))).toBe(true)
    // The new topology hides the second fault behind the first: no incident of its own.
    await one.clock.advance(5 * 60_000)
    expect(one.alerting.incidents.live()).toHaveLength(1)
    expect(await one.alerting.incidents.hidden(incident!.number, { offset: 0, limit: 10 })).toHaveLength(1)
    await one.close()
  })

  it('new routes hold for what comes next', async () => {
    const one = await open()
    await one.clock.advance(20_000)
    write({ 'routes.yml': routes('b') })
    expect(await one.alerting.reload()).toEqual({ kind: 'taken' })
    await one.clock.advance(10 * 60_000 + 40_000)
    expect((await one.owed()).at(-1)).toBe('b li@example.org')
    expect(one.alerting.incidents.live()).toHaveLength(2)
    await one.close()
  })

  it('one that is wrong leaves all as they were, and is shown until it is put right', async () => {
    const one = await open()
    await one.clock.advance(20_000)
    const before = one.alerting.dispatch.routes()
    write({ 'routes.yml': routes('b'), 'duty.yml': duty('li@example.org').replace('mail: li@example.org', "phone: '138x0001'") })
    await one.clock.advance(40_000)
    expect(await one.successful()).toMatchObject({ routes: 1, duty: 0, topology: 1 })
    expect((await one.takenAt())['routes']).toBe(START / 1_000)
    expect(one.alerting.dispatch.routes()).toBe(before)
    expect(one.alerting.duty.plan().file.people.get('li')?.addresses.mail).toBe('li@example.org')
    expect(await one.problems()).toEqual([expect.stringMatching(/^值班表有错误.*addresses\.phone: expected a number/)])
    // Nobody's number is shown to everybody.
    expect((await one.problems()).join()).not.toContain('138x0001')
    expect(await one.alerting.reload()).toMatchObject({ kind: 'refused', faults: [{ file: 'duty' }] })

    // A receiver's roster that is gone is a fault of the routes, which name it.
    write({ 'duty.yml': duty('wang@example.org').replaceAll('on-call', 'on-cal') })
    expect(await one.alerting.reload()).toMatchObject({ kind: 'refused' })
    expect(await one.successful()).toMatchObject({ routes: 0, duty: 1, escalation: 0 })

    write({ 'duty.yml': duty('wang@example.org') })
    await one.clock.advance(40_000)
    expect(await one.successful()).toMatchObject({ routes: 1, duty: 1, escalation: 1 })
    expect(one.alerting.dispatch.routes()).not.toBe(before)
    expect(one.alerting.duty.plan().file.people.get('li')?.addresses.mail).toBe('wang@example.org')
    expect(await one.problems()).toEqual([])
    await one.close()
  })

  it('a webhook that is new waits for a restart, and that is said', async () => {
    const one = await open()
    const before = one.alerting.dispatch.routes()
    write({ 'routes.yml': routes('a').replace('{ name: b,', "{ name: b, webhook_configs: [{ url: 'http://127.0.0.1:9/x' }],") })
    expect(await one.alerting.reload()).toMatchObject({ kind: 'refused', faults: [{ file: 'routes', mistakes: [expect.stringContaining('restart')] }] })
    expect(one.alerting.dispatch.routes()).toBe(before)
    await one.close()
  })
})
