/** Causes and what they hide, through the whole room and its file: absorb, hide, release, storm, restart, replay. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { correlate } from '../../collector/correlate/cut.ts'
import { parseTopology } from '../../collector/correlate/topology-file.ts'
import type { Topology } from '../../collector/correlate/topology.ts'
import { parseSlaProfiles } from '../../collector/incidents/profile.ts'
import { createIncidents } from '../../collector/incidents/run.ts'
import type { Incidents } from '../../collector/incidents/run.ts'
import { replay } from '../../collector/incidents/step.ts'
import { eventsOf } from '../../collector/incidents/storage.ts'
import { parseWording } from '../../collector/incidents/wording.ts'
import type { Alert, AlertChange } from '../../collector/rules/alert.ts'
import { canonicalJson } from '../../collector/state/audit.ts'
import { openState } from '../../collector/state/open.ts'
import type { State } from '../../collector/state/open.ts'
import { scaled, seed } from '../scale.ts'
import { accountsOf } from '../known-people.ts'

const MINUTE = 60_000
const START = Date.UTC(2026, 10, 22, 2)
const shipped = (path: string): string => readFileSync(new URL(`../../alerts/${path}`, import.meta.url), 'utf8')
const profiles = parseSlaProfiles(shipped('sla.yml'), 'sla.yml')
const wording = parseWording(shipped('templates/zh-CN.yml'), 'zh-CN.yml')
const small = parseTopology(
  `
hosts: [{ id: h1, title: 机一, behind: [sw] }, { id: h2, title: 机二, district: d }]
devices: [{ id: sw, title: 交换机, district: d }]
links: [{ id: l1, title: 区链路, from: center, to: d, hides: ['*'] }]
districts: [{ id: d, title: 区 }]
`,
  't.yml',
)

let folder = ''
let state: State
let now = START
let units = 0
let incidents: Incidents

async function room(topology: Topology = small): Promise<Incidents> {
  incidents = await createIncidents({
    people: accountsOf('甲', '乙', '丙', '丁', '某单位'),
    state, profiles, wording, topology,
    clock: { now: () => now },
    log: { warn: () => undefined },
  })
  return incidents
}
async function restart(topology: Topology = small): Promise<Incidents> {
  await state.close()
  state = await openState(join(folder, 'state.db'))
  return room(topology)
}
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-correlation-'))
  state = await openState(join(folder, 'state.db'))
  now = START
  units = 0
})
afterEach(async () => {
  await state.close()
  rmSync(folder, { recursive: true })
})

function alert(fingerprint: string, labels: Record<string, string>, startedAt = now): Alert {
  return { fingerprint, group: 'g', name: labels['fault'] ?? 'x', labels: { alertname: 'x', severity: 'warning', sla: 'standard', ...labels }, annotations: { summary: `${fingerprint} 坏` }, state: 'firing', activeAt: startedAt, startedAt, firedAt: now, resolvedAt: undefined, value: 1 }
}
const host = (id: string, startedAt = now): Alert => alert(id, { fault: 'host-down', instance: id }, startedAt)
const link = (startedAt = now): Alert => alert('l1', { fault: 'link-down', link: 'l1' }, startedAt)
const sw = (startedAt = now): Alert => alert('sw', { fault: 'device-down', instance: 'sw' }, startedAt)
const fire = (one: Alert): AlertChange => ({ kind: 'firing', alert: one })
const end = (one: Alert, why: 'condition-false' | 'no-data' = 'condition-false'): AlertChange => ({ kind: 'resolved', why, alert: { ...one, state: 'resolved', resolvedAt: now } })
const states = async (): Promise<string[]> => (await incidents.list({ limit: 999 })).map((one) => `${one.number.slice(-3)} ${one.object} ${one.state} ${one.hiddenAlerts}`).sort()
/** Which incidents opened, recovered and came back, in the order of their events. */
const marks = async (): Promise<string[]> =>
  (await state.db.selectFrom('incident_event').innerJoin('incident', 'incident.id', 'incident_event.incident_id').select(['number', 'kind', 'at']).where('kind', 'in', ['opened', 'recovered', 'reopened']).orderBy('at').orderBy('incident.id').execute()).map((row) => `${row.number.slice(-3)} ${row.kind}`)

/** Every stored projection is what its events give, byte for byte; hidden rows and counts agree. */
async function expectReplay(): Promise<void> {
  for (const row of await state.db.selectFrom('incident').select(['id', 'body_json']).execute()) {
    const incident = replay(await eventsOf(state.db, row.id))
    expect(canonicalJson(incident)).toBe(row.body_json)
    const hidden = await state.db.selectFrom('incident_hidden').select('fingerprint').where('incident_id', '=', row.id).where('ended_at', 'is', null).execute()
    expect(hidden.length).toBe(incident.hides.count)
  }
}

describe('correlation', () => {
  it('[15, 16, 18] a cause that shows later absorbs what is behind it, keeps the earliest start, and what still fires after it stands for itself', async () => {
    await room()
    await incidents.apply([fire(host('h1')), fire(host('h2'))])
    now += MINUTE
    await incidents.acknowledge('F20261122-001', 'li', 'console')
    expect(await states()).toEqual(['001 h1 open 0', '002 h2 open 0'.replace('open', 'open')].map((one) => (one.startsWith('001') ? one.replace('open', 'acknowledged') : one)))
    now += MINUTE
    await incidents.apply([fire(link())])
    expect(await states()).toEqual(['001 h1 merged 0', '002 h2 merged 0', '003 l1 acknowledged 2'])
    const cause = (await incidents.get('F20261122-003'))!
    expect(cause).toMatchObject({ startedAt: START, openedAt: now, absorbed: { count: 2 }, hidden: [{ fingerprint: 'h1' }, { fingerprint: 'h2' }] })
    expect(['h1', 'h2', 'l1'].map((one) => incidents.numberOf(one))).toEqual(['F20261122-003', 'F20261122-003', 'F20261122-003'])
    expect((await incidents.mergedInto('F20261122-003', 9)).map((one) => one.mergedInto)).toEqual(['F20261122-003', 'F20261122-003'])
    expect(incidents.clocks(now).map((one) => `${one.number} ${one.acknowledgedBy}`)).toEqual(['F20261122-003 li'])
    // h1 ends with the link; h2 does not.
    now += 10 * MINUTE
    await incidents.apply([end(link())])
    now += 20_000
    await incidents.apply([end(host('h1', START))])
    await incidents.settle()
    expect(await states()).toEqual(['001 h1 merged 0', '002 h2 merged 0', '003 l1 recovered 1'])
    now += 40_000
    await incidents.settle()
    expect(await states()).toEqual(['001 h1 merged 0', '002 h2 merged 0', '003 l1 recovered 0', '004 h2 acknowledged 0'])
    const own = (await incidents.get('F20261122-004'))!
    expect(own).toMatchObject({ startedAt: START, acknowledgedBy: 'li' })
    expect(own.timeline[0]!.text).toContain('起因故障 F20261122-003 已结束')
    expect(incidents.numberOf('h2')).toBe('F20261122-004')
    expect(await marks()).toEqual(['001 opened', '002 opened', '003 opened', '003 recovered', '004 opened'])
    expect((await incidents.hidden('F20261122-003', { offset: 0, limit: 9 })).map((one) => `${one.instance} ${one.state}`)).toEqual(['h1 ended', 'h2 released'])
    await expectReplay()
  })

  it('[17] what is hidden from the start opens nothing, and is only listed', async () => {
    await room()
    await incidents.apply([fire(link())])
    now += MINUTE
    await incidents.apply([fire(host('h2')), fire(alert('cpu', { fault: 'cpu-saturated', instance: 'h1', sla: '', severity: 'critical' }))])
    expect(await states()).toEqual(['001 l1 open 2'])
    expect(await marks()).toEqual(['001 opened'])
    expect((await incidents.get('F20261122-001'))!.severity).toBe('warning')
    expect(incidents.numberOf('cpu')).toBe('F20261122-001')
    await incidents.apply([end(link(START)), end(host('h2', START + MINUTE)), end(alert('cpu', { fault: 'cpu-saturated', instance: 'h1', sla: '' }))])
    expect(await states()).toEqual(['001 l1 recovered 0'])
    await expectReplay()
  })

  it('[16] an outer cause takes over what the inner one hid, and the inner one stands again when it is over', async () => {
    await room()
    await incidents.apply([fire(sw()), fire(host('h1'))])
    expect(await states()).toEqual(['001 sw open 1'])
    now += MINUTE
    await incidents.apply([fire(link())])
    expect(await states()).toEqual(['001 sw merged 0', '002 l1 open 2'])
    expect(incidents.numberOf('h1')).toBe('F20261122-002')
    now += MINUTE
    await incidents.apply([end(link())])
    now += MINUTE
    await incidents.settle()
    expect(await states()).toEqual(['001 sw merged 0', '002 l1 recovered 0', '003 sw open 1'])
    expect(incidents.numberOf('h1')).toBe('F20261122-003')
    await expectReplay()
  })

  it('[18] a cause without data is not over, and a hidden alert without data is not well', async () => {
    await room()
    await incidents.apply([fire(link()), fire(host('h2'))])
    now += MINUTE
    await incidents.apply([end(link(), 'no-data'), end(host('h2'), 'no-data')])
    now += 10 * MINUTE
    await incidents.settle()
    expect(await states()).toEqual(['001 l1 open 1'])
    expect((await incidents.get('F20261122-001'))!.blindTimes).toEqual([{ from: START + MINUTE, to: null }])
    await incidents.apply([end(link())])
    now += 2 * MINUTE
    await incidents.settle()
    expect((await incidents.list({ limit: 9 })).map((one) => `${one.object} ${one.state} ${one.blind}`).sort()).toEqual(['h2 open true', 'l1 recovered false'])
    await incidents.apply([end(host('h2'))])
    expect((await incidents.list({ state: 'open', limit: 9 })).length).toBe(0)
    await expectReplay()
  })

  it('[16, 18] what an absorbed incident was about to release goes with it, and is released from there', async () => {
    const redundant = parseTopology(
      `
hosts: [{ id: h, title: 机, behind: [[sw, x]] }]
devices: [{ id: sw, title: 交换机, behind: [l1] }, { id: x, title: 备用交换机 }]
links: [{ id: l1, title: 链, from: center, to: sw }]
`,
      't.yml',
    )
    await room(redundant)
    const x = alert('x', { fault: 'device-down', instance: 'x' })
    await incidents.apply([fire(x)])
    now += MINUTE
    await incidents.apply([fire(sw()), fire(host('h'))])
    expect(await states()).toEqual(['001 x open 0', '002 sw open 1'])
    await incidents.apply([end(x)])
    await incidents.apply([fire(link())])
    expect(await states()).toEqual(['001 x recovered 0', '002 sw merged 0', '003 l1 open 2'])
    await expectReplay()
    now += MINUTE
    await incidents.settle()
    expect(await states()).toEqual(['001 x recovered 0', '002 sw merged 0', '003 l1 open 1', '004 h open 0'])
    await expectReplay()
  })

  it('leaves what a person has set apart, and follows what a person has put together', async () => {
    await room()
    await incidents.apply([fire(host('h1')), fire(host('h2'))])
    expect(await incidents.merge('F20261122-002', 'F20261122-001', 'li', '同一台虚拟化主机')).toMatchObject({ kind: 'done' })
    expect(incidents.numberOf('h2')).toBe('F20261122-001')
    // The merged one's fault is this one's now: it comes back here.
    await incidents.apply([end(host('h2'))])
    await incidents.apply([fire(alert('h2b', { fault: 'host-down', instance: 'h2' }))])
    expect(incidents.numberOf('h2b')).toBe('F20261122-001')
    expect(await incidents.split('F20261122-001', ['h2b'], 'li', '另有原因')).toMatchObject({ kind: 'done', value: 'F20261122-003' })
    await incidents.apply([fire(link())])
    expect(await states()).toEqual(['001 h1 merged 0', '002 h2 merged 0', '003 h2 open 0', '004 l1 open 1'])
    await expectReplay()
  })

  it('a storm of ten thousand alerts behind one link is one incident, a few events and a few transactions', async () => {
    const hosts = Array.from({ length: 500 }, (_, index) => `  - { id: s${index}, title: 机, district: d }`)
    const topology = parseTopology(['hosts:', ...hosts, "links: [{ id: l1, title: 链, from: center, to: d, hides: ['*'] }]", 'districts: [{ id: d, title: 区 }]'].join('\n'), 't.yml')
    await room(topology)
    incidents.subscribe(() => units++)
    const storm = Array.from({ length: 10_000 }, (_, index) => alert(`f${index}`, { fault: `fault${Math.floor(index / 500)}`, instance: `s${index % 500}` }))
    // The hosts' first alerts come before the cause; the rest one by one, while others are being written.
    await incidents.apply(storm.slice(0, 500).map(fire))
    expect((await incidents.list({ state: 'open', limit: 999 })).length).toBe(500)
    const cpu = process.cpuUsage()
    now += 1_000
    await Promise.all([incidents.apply([fire(link())]), ...storm.slice(500).map((one) => incidents.apply([fire(one)]))])
    const { user, system } = process.cpuUsage(cpu)
    const open = await incidents.list({ state: 'open', limit: 999 })
    expect(open.map((one) => [one.object, one.hiddenAlerts])).toEqual([['l1', 10_000]])
    expect(open[0]!.startedAt).toBe(START)
    const events = await state.db.selectFrom('incident_event').select('kind').where('incident_id', '=', 501).execute()
    expect(events.length).toBeLessThan(6)
    expect((await incidents.get(open[0]!.number))!.hidden.length).toBe(20)
    expect((await incidents.hidden(open[0]!.number, { offset: 9_990, limit: 99 })).length).toBe(10)
    expect((user + system) / 1_000).toBeLessThan(5_000)
    for (let index = 0; index < 10_000; index += 97) expect(incidents.numberOf(`f${index}`)).toBe(open[0]!.number)
    await expectReplay()
    // And all of it is there after a restart, and goes with the link.
    await restart(topology)
    expect(incidents.numberOf('f9999')).toBe(open[0]!.number)
    await incidents.reconcile([link(), ...storm])
    await incidents.apply([link(), ...storm].map((one) => end(one)))
    expect((await incidents.list({ state: 'open', limit: 9 })).length).toBe(0)
    await expectReplay()
  })

  it('[2, 10, 15, 16, 17, 18] whatever fires, ends, goes blind or restarts: each alert is where the topology says, and replay agrees', async () => {
    const makers = { l1: link, sw, h1: (at: number) => host('h1', at), h2: (at: number) => host('h2', at) } as const
    const name = fc.constantFrom('l1', 'sw', 'h1', 'h2')
    const act = fc.record({ seconds: fc.integer({ min: 0, max: 400 }), name, what: fc.constantFrom('fire', 'fire', 'fire', 'end', 'end', 'blind', 'settle', 'settle', 'restart', 'reconcile') })
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
        for (const table of ['incident_event', 'incident_alert', 'incident_hidden', 'incident'] as const) await state.db.deleteFrom(table).execute()
        now = START
        await room()
        const firing = new Map<string, Alert>()
        /** Fired, then without data: not known to be over. */
        const unseen = new Map<string, Alert>()
        for (const { seconds, name: which, what } of acts) {
          now += seconds * 1_000
          const one = firing.get(which) ?? makers[which](now)
          if (what === 'fire') {
            // A gap in the data does not begin a fault anew.
            firing.set(which, { ...one, startedAt: unseen.get(which)?.startedAt ?? one.startedAt })
            unseen.delete(which)
            await incidents.apply([fire(one)])
          }
          if (what === 'end' || what === 'blind') {
            if (what === 'end') unseen.delete(which)
            else if (firing.has(which)) unseen.set(which, one)
            firing.delete(which)
            await incidents.apply([end(one, what === 'blind' ? 'no-data' : 'condition-false')])
          }
          if (what === 'settle') await incidents.settle()
          if (what === 'reconcile') await incidents.reconcile([...firing.values()])
          if (what === 'restart') {
            const before = [await incidents.list({ limit: 99 }), [...firing.keys()].map((key) => incidents.numberOf(key))]
            await restart()
            expect([await incidents.list({ limit: 99 }), [...firing.keys()].map((key) => incidents.numberOf(key))]).toEqual(before)
            await incidents.reconcile([...firing.values()])
          }
          // Each firing alert is somewhere; an effect is where its cause is, unless the cause is just being released.
          const place = new Map(incidents.live().map((incident) => [incident.number, incident]))
          for (const key of firing.keys()) expect(place.get(incidents.numberOf(key) ?? ''), key).toBeDefined()
          for (const [effect, cause] of correlate([...firing.values(), ...unseen.values()], small, now)) {
            if (!place.get(incidents.numberOf(cause) ?? '')?.alerts.some((alert) => alert.fingerprint === cause)) continue
            expect(incidents.numberOf(effect)).toBe(incidents.numberOf(cause))
          }
          // And in one place only.
          const covered = await state.db.selectFrom('incident_hidden').select('fingerprint').where('ended_at', 'is', null).execute()
          for (const { fingerprint } of covered) expect(incidents.live().filter((incident) => incident.alerts.some((alert) => alert.fingerprint === fingerprint && alert.state !== 'resolved')), fingerprint).toEqual([])
          expect(new Set(covered.map((row) => row.fingerprint)).size).toBe(covered.length)
          const live = await state.db.selectFrom('incident').select('key').where('state', '<>', 'closed').execute()
          expect(new Set(live.map((row) => row.key)).size).toBe(live.length)
        }
        // When everything has ended and time has passed, nothing is left hidden or open.
        for (const which of ['l1', 'sw', 'h1', 'h2'] as const) await incidents.apply([end(firing.get(which) ?? makers[which](now))])
        now += 2 * MINUTE
        await incidents.settle()
        expect((await incidents.list({ state: 'open', limit: 9 })).length).toBe(0)
        expect((await state.db.selectFrom('incident_hidden').select('fingerprint').where('ended_at', 'is', null).execute()).length).toBe(0)
        await expectReplay()
      }),
      { seed, numRuns: scaled(60, 1_500) },
    )
  })
})
