import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { beginFlush, dueGroups, emptyGroups, endFlush, insertAlert, leaving, nextDueAt, placesOf, tidyGroups } from './dispatch.ts'
import type { AlertGroups } from './dispatch.ts'
import { planFlush } from './flush.ts'
import type { MuteWorld } from './stages.ts'
import { muteStages, runMuteStages } from './stages.ts'
import { fingerprintOf } from './label-set.ts'
import { routeFileOrThrow } from './route-file.ts'
import { compareAlerts } from './routed-alert.ts'
import type { RoutedAlert } from './routed-alert.ts'

const file = routeFileOrThrow('r.yml', `
route: { receiver: r, group_by: [g], group_wait: 10s, group_interval: 60s, repeat_interval: 1h, routes: [{ matchers: ['mute="yes"'], mute_time_intervals: [always, never], active_time_intervals: [always] }, { matchers: ['asleep="yes"'], active_time_intervals: [never] }] }
time_intervals: [{ name: always, time_intervals: [{}] }, { name: never, time_intervals: [] }]
receivers: [{ name: r, webhook_configs: [{ url: 'http://h/', max_alerts: 2 }, { url: 'http://h/', send_resolved: false }] }]
`)
const alert = (labels: Record<string, string>, over: Partial<RoutedAlert> = {}): RoutedAlert => ({ fingerprint: fingerprintOf(labels), labels, routing: labels, annotations: {}, startsAt: 100_000, endsAt: undefined, updatedAt: 0, timeout: false, generatorUrl: '', origin: 'api', ...over })
const NOW = 100_000
const only = (groups: AlertGroups) => [...groups.byId.values()][0]!

describe('groups', () => {
  it('wait from their first alert, then come every interval; a late timer keeps its phase, a very late one starts anew', () => {
    const groups = emptyGroups(file.route)
    insertAlert(groups, alert({ g: '1', n: 'a' }), NOW)
    insertAlert(groups, alert({ g: '1', n: 'b' }, { startsAt: NOW + 5_000 }), NOW + 5_000)
    expect(nextDueAt(groups)).toBe(NOW + 10_000)
    expect(dueGroups(groups, NOW + 9_999)).toEqual([])
    const [group] = dueGroups(groups, NOW + 10_050)
    expect(beginFlush(group!, NOW + 10_050)!.alerts).toHaveLength(2)
    expect(group!.dueAt).toBe(NOW + 70_000)
    beginFlush(group!, NOW + 80_000)
    expect(group!.dueAt).toBe(NOW + 140_000)
  })
  it('are due at once for an alert older than the wait, unless they have been flushed', () => {
    const groups = emptyGroups(file.route)
    insertAlert(groups, alert({ g: '1', n: 'a' }), NOW)
    insertAlert(groups, alert({ g: '1', n: 'b' }, { startsAt: NOW - 10_001 }), NOW + 1_000)
    expect(only(groups).dueAt).toBe(NOW + 1_000)
    beginFlush(only(groups), NOW + 1_000)
    insertAlert(groups, alert({ g: '1', n: 'c' }, { startsAt: 0 }), NOW + 2_000)
    expect(only(groups).dueAt).toBe(NOW + 61_000)
  })
  it('let go what was over when it was told, but not what was reported anew meanwhile', () => {
    const groups = emptyGroups(file.route)
    const [a, b, c] = ['a', 'b', 'c'].map((n) => alert({ g: '1', n }, { endsAt: NOW + 1 }))
    for (const one of [a!, b!]) insertAlert(groups, one, NOW)
    insertAlert(groups, { ...c!, endsAt: NOW + 20_000 }, NOW)
    const flush = beginFlush(only(groups), NOW + 10_000)!
    expect(flush.alerts.map((one) => one.endsAt)).toEqual([NOW + 1, NOW + 1, undefined])
    insertAlert(groups, { ...b!, updatedAt: 5 }, NOW + 10_001)
    expect(leaving(flush)).toEqual([a!.fingerprint])
    endFlush(groups, flush)
    expect([...only(groups).alerts.keys()].sort()).toEqual([b!.fingerprint, c!.fingerprint].sort())
    expect(groups.holding.has(a!.fingerprint)).toBe(false)
  })
  it('go when they are empty, and a clock set back does not put them out of reach', () => {
    const groups = emptyGroups(file.route)
    const one = alert({ g: '1' }, { endsAt: NOW })
    insertAlert(groups, one, NOW)
    endFlush(groups, beginFlush(only(groups), NOW)!)
    insertAlert(groups, alert({ g: '2' }), NOW)
    tidyGroups(groups, NOW - 3_600_000)
    expect([...groups.byId.values()].map((group) => [group.labels, group.dueAt])).toEqual([[{ g: '2' }, NOW - 3_600_000 + 60_000]])
  })
  it('resume after a restart where they were', () => {
    const groups = emptyGroups(file.route)
    insertAlert(groups, alert({ g: '1' }, { startsAt: 0 }), NOW, { resume: () => NOW - 20_000 })
    expect(only(groups)).toMatchObject({ dueAt: NOW + 40_000, hasFlushed: true })
    const late = emptyGroups(file.route)
    insertAlert(late, alert({ g: '1' }, { startsAt: 0 }), NOW, { resume: () => NOW - 90_000 })
    expect(only(late)).toMatchObject({ dueAt: NOW, hasFlushed: false })
    insertAlert(late, alert({ g: '2' }), NOW, { skip: (place) => place.key.includes('2') })
    expect(late.byId.size).toBe(1)
  })
  it('hold each alert in exactly the groups of its routes, whatever comes', () => {
    const labels = fc.record({ g: fc.constantFrom('1', '2'), n: fc.constantFrom('a', 'b') })
    fc.assert(fc.property(fc.array(fc.tuple(labels, fc.constantFrom('F1', 'F2', ''), fc.boolean())), (list) => {
      const groups = emptyGroups(routeFileOrThrow('i.yml', 'route: { receiver: r, group_by: [incident] }\nreceivers: [{ name: r }]').route)
      const newest = new Map<string, RoutedAlert>()
      for (const [index, [own, incident, over]] of list.entries()) {
        const one = alert(own, { routing: incident === '' ? own : { ...own, incident }, endsAt: over ? NOW + index : undefined })
        insertAlert(groups, one, NOW + index)
        newest.set(one.fingerprint, one)
      }
      for (const one of newest.values()) expect([...groups.holding.get(one.fingerprint)!]).toEqual(placesOf(groups.root, one.routing).map((place) => place.id))
      expect([...groups.byId.values()].flatMap((group) => [...group.alerts.values()]).sort(compareAlerts)).toEqual([...newest.values()].sort(compareAlerts))
    }), { seed })
  })
})

const open: MuteWorld = { inhibitedBy: () => [], silencedBy: () => [], timeIntervals: file.timeIntervals }

describe('stages', () => {
  const [root, muted, asleep] = [file.route, ...file.route.routes]
  it('mute in their order and say why; a stage that gets nothing says nothing', () => {
    const some = [alert({ n: 'a' }), alert({ n: 'b' }), alert({ n: 'c' })]
    const world: MuteWorld = { ...open, inhibitedBy: ({ labels }) => (labels['n'] === 'a' ? ['x'] : []), silencedBy: (labels) => (labels['n'] === 'c' ? [] : ['s1']) }
    const outcome = runMuteStages(some, root, world, NOW)
    expect(outcome.alerts).toEqual([some[2]])
    expect(outcome.muted).toEqual([
      { stage: 'inhibit', alerts: [some[0]], by: { [some[0]!.fingerprint]: ['x'] } },
      { stage: 'silence', alerts: [some[1]], by: { [some[1]!.fingerprint]: ['s1'] } },
    ])
    expect(runMuteStages(some, muted!, world, NOW).muted.map((one) => [one.stage, one.alerts.length])).toEqual([['inhibit', 1], ['mute-time', 2]])
    expect(runMuteStages(some, asleep!, world, NOW).muted.at(-1)).toMatchObject({ stage: 'active-time', intervals: ['never'] })
  })
  it('never add, never reorder, and account for everyone', () => {
    fc.assert(fc.property(fc.array(fc.nat(9), { maxLength: 12 }), fc.nat(9), fc.nat(9), (numbers, inhibited, silenced) => {
      const some = [...new Set(numbers)].map((n) => alert({ n: String(n) }))
      const world: MuteWorld = { ...open, inhibitedBy: ({ labels }) => (Number(labels['n']) < inhibited ? ['x'] : []), silencedBy: (labels) => (Number(labels['n']) % 3 === silenced % 3 ? ['s'] : []) }
      for (const route of [root, muted!, asleep!]) {
        const { alerts, muted: gone } = runMuteStages(some, route, world, NOW)
        expect(alerts).toEqual(some.filter((one) => alerts.includes(one)))
        expect([...alerts, ...gone.flatMap((one) => one.alerts)].map((one) => one.fingerprint).sort()).toEqual(some.map((one) => one.fingerprint).sort())
      }
      expect(muteStages).toHaveLength(4)
    }), { seed })
  })
})

describe('planFlush', () => {
  it('plans each integration by its own log, cuts to max_alerts, and leaves ends out where they are not wanted', () => {
    const groups = emptyGroups(file.route)
    for (const n of ['a', 'b', 'c']) insertAlert(groups, alert({ g: '1', n, same: 'x' }, { annotations: { summary: 's', n }, ...(n === 'c' ? { endsAt: NOW } : {}) }), NOW)
    const flush = beginFlush(only(groups), NOW + 10_000)!
    const plan = planFlush(flush, file.receivers.get('r')!, open, () => undefined)
    expect(plan.muted).toEqual([])
    const [first, second] = plan.steps
    expect(first!.notification).toMatchObject({ groupKey: '{}:{g="1"}', status: 'firing', truncatedAlerts: 1, groupLabels: { g: '1' }, commonLabels: { g: '1', same: 'x' }, commonAnnotations: { summary: 's' }, news: 'first' })
    expect(second!.notification).toMatchObject({ truncatedAlerts: 0, alerts: [{ labels: { n: 'a' } }, { labels: { n: 'b' } }] })
    expect(second!.entry).toMatchObject({ integration: 'webhook/1', firing: [expect.any(String), expect.any(String)], resolved: [expect.any(String)], at: NOW + 10_000 })
    const log = new Map(plan.steps.map((step) => [step.integration.name, step.entry!]))
    expect(planFlush(flush, file.receivers.get('r')!, open, (name) => log.get(name)).steps.map((step) => [step.decision.outcome, step.notification, step.entry])).toEqual([['nothing-new', undefined, undefined], ['nothing-new', undefined, undefined]])
  })
  it('notes the end of all where ends are not wanted, without a message', () => {
    const groups = emptyGroups(file.route)
    const one = alert({ g: '1' }, { endsAt: NOW })
    insertAlert(groups, one, NOW)
    const before = { groupKey: '{}:{g="1"}', receiver: 'r', integration: 'webhook/1', at: NOW, firing: [one.fingerprint], resolved: [], expiresAt: 1e15 }
    const [, quiet] = planFlush(beginFlush(only(groups), NOW + 10_000)!, file.receivers.get('r')!, open, () => before).steps
    expect(quiet).toMatchObject({ decision: { outcome: 'cleared' }, notification: undefined, entry: { firing: [], resolved: [one.fingerprint] } })
  })
})
