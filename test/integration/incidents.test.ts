import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseSlaProfiles } from '../../collector/incidents/profile.ts'
import { createIncidents } from '../../collector/incidents/run.ts'
import type { Incidents } from '../../collector/incidents/run.ts'
import { replay } from '../../collector/incidents/step.ts'
import { eventsOf } from '../../collector/incidents/storage.ts'
import { parseWording } from '../../collector/incidents/wording.ts'
import { enqueue } from '../../collector/notify/outbox-storage.ts'
import type { Alert, AlertChange } from '../../collector/rules/alert.ts'
import { canonicalJson, verifyAudit } from '../../collector/state/audit.ts'
import { openState } from '../../collector/state/open.ts'
import type { State } from '../../collector/state/open.ts'
import { scaled, seed } from '../scale.ts'
import { accountsOf } from '../known-people.ts'

const MINUTE = 60_000
/** 2026-11-22 15:58 UTC, 23:58 in the office: two minutes before a new day of numbers. */
const START = Date.UTC(2026, 10, 22, 15, 58)
const shipped = (path: string): string => readFileSync(new URL(`../../alerts/${path}`, import.meta.url), 'utf8')
const profiles = parseSlaProfiles(shipped('sla.yml'), 'sla.yml')
const wording = parseWording(shipped('templates/zh-CN.yml'), 'zh-CN.yml')

let folder = ''
let state: State
let now = START
let warnings: string[] = []

async function restart(): Promise<Incidents> {
  await state.close()
  state = await openState(join(folder, 'state.db'))
  return room()
}
function room(alerts: () => readonly Alert[] = () => []): Promise<Incidents> {
  return createIncidents({ alerts, people: accountsOf('甲', '乙', '丙', '丁', '某单位'), state, profiles, wording, clock: { now: () => now }, log: { warn: (message) => warnings.push(message) } })
}
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-incidents-'))
  state = await openState(join(folder, 'state.db'))
  now = START
  warnings = []
})
afterEach(async () => {
  await state.close()
  rmSync(folder, { recursive: true })
})

function alert(name: string, labels: Record<string, string> = {}, startedAt = now): Alert {
  const all = { alertname: name, instance: 'web-01', mountpoint: '/data', severity: 'warning', sla: 'standard', ...labels }
  return {
    fingerprint: `${name}/${canonicalJson(all)}`, group: 'host', name, labels: all,
    annotations: { summary: `${name} 的摘要`, description: '已用 97%', action: '清理日志' },
    state: 'firing', activeAt: startedAt, startedAt, firedAt: now, resolvedAt: undefined, value: 0.97,
  }
}
const fire = (one: Alert): AlertChange => ({ kind: 'firing', alert: one })
const end = (one: Alert, why: 'condition-false' | 'no-data' = 'condition-false'): AlertChange => ({ kind: 'resolved', why, alert: { ...one, state: 'resolved', resolvedAt: now } })
/** Stored events, oldest first: `2 opened`. */
const events = async (): Promise<string[]> => (await state.db.selectFrom('incident_event').select(['incident_id', 'kind']).orderBy('at').orderBy('incident_id').orderBy('seq').execute()).map((row) => `${row.incident_id} ${row.kind}`)

describe('incidents', () => {
  it('[24, 25] is not closed while an alert of its key is pending again, and goes on in the same incident when that fires', async () => {
    let rules: readonly Alert[] = []
    const incidents = await room(() => rules)
    const first = alert('FilesystemFull', { fault: 'filesystem-space' })
    await incidents.apply([fire(first)])
    now += MINUTE
    await incidents.apply([end(first)])
    const number = 'F20261122-001'
    expect((await incidents.get(number))!.acts).toContain('close')
    // Another rule of the same fault, in its first minutes; the window of the first one ends meanwhile.
    now += 25 * MINUTE
    const again: Alert = { ...alert('FilesystemFillsSoon', { fault: 'filesystem-space' }), state: 'pending', firedAt: undefined }
    rules = [{ ...alert('Other', { fault: 'load' }), state: 'pending' }, again]
    expect(await incidents.close(number, 'li', '好了')).toMatchObject({ kind: 'refused', status: 409, code: 'pending-again' })
    expect((await incidents.get(number))!.acts).not.toContain('close')
    now += 10 * MINUTE
    await incidents.settle()
    expect(await incidents.get(number)).toMatchObject({ state: 'recovered' })
    expect(await events()).toEqual(['1 opened', '1 recovered'])
    rules = [{ ...again, state: 'firing', firedAt: now }]
    await incidents.apply([fire(rules[0]!)])
    expect(await incidents.get(number)).toMatchObject({ state: 'open', startedAt: START })
    expect(await events()).toEqual(['1 opened', '1 recovered', '1 reopened'])
    await incidents.apply([end(again)])
    now += 31 * MINUTE
    rules = []
    await incidents.settle()
    expect((await incidents.get(number))!.timeline.at(-1)).toMatchObject({ kind: 'closed' })
  })

  it('leads one fault from first sample to closing, with its log in Chinese', async () => {
    const incidents = await room()
    const changed: string[] = []
    incidents.subscribe((incident) => changed.push(`${incident.number} ${incident.state}`))
    const level = alert('FilesystemFull', { fault: 'filesystem-space' }, START - 3 * MINUTE)
    const soon = alert('FilesystemFillsSoon', { fault: 'filesystem-space' }, START - 8 * MINUTE)
    await incidents.apply([fire(level), fire(soon), fire(alert('NoPromise', { sla: '' }))])
    const [summary] = await incidents.list({ limit: 10 })
    expect(await incidents.list({ limit: 10 })).toHaveLength(1)
    expect(summary).toMatchObject({ number: 'F20261122-001', state: 'open', object: 'web-01 挂载点 /data', service: 'host', startedAt: START - 8 * MINUTE, blind: false })
    expect(summary!.clocks.map((clock) => clock.leftMs)).toEqual([52 * MINUTE, 112 * MINUTE, 1_432 * MINUTE])
    expect(incidents.numberOf(level.fingerprint)).toBe('F20261122-001')
    await state.db.transaction().execute((trx) => enqueue(trx, { channel: 'email', receiver: '值班', to: ['duty@example.org'], dedupKey: 'k', incidentId: 1, payload: null }, now))

    now += 10 * MINUTE
    expect(await incidents.acknowledge('F20261122-001', 'li', 'console')).toEqual({ kind: 'done', value: undefined })
    expect(await incidents.acknowledge('F20261122-001', 'wang', 'console')).toEqual({ kind: 'refused', status: 409, code: 'acknowledged-already', message: '该故障已由 li 于 2026-11-23 00:08:00 响应' })
    expect(await incidents.dispose('F20261122-001', 'li', ' ', null)).toMatchObject({ kind: 'refused', status: 422, code: 'text-missing' })
    expect(await incidents.dispose('F20261122-001', 'li', '清理了旧日志', { used: 0.97 })).toMatchObject({ kind: 'done' })
    expect(await incidents.comment('F20261122-999', 'li', 'x')).toMatchObject({ kind: 'refused', status: 404 })
    now += 5 * MINUTE
    await incidents.apply([end(soon), end(level, 'no-data')])
    expect(await incidents.list({ state: 'open', limit: 10 })).toMatchObject([{ blind: true, state: 'disposed' }])
    now += 5 * MINUTE
    await incidents.apply([end(level)])
    expect(await incidents.get('F20261122-001')).toMatchObject({ state: 'recovered', recoveredAt: now })
    now += 31 * MINUTE
    await incidents.settle()
    const detail = (await incidents.get('F20261122-001'))!
    expect(detail.timeline.map((entry) => `${entry.actor} ${entry.kind} ${entry.text}`)).toEqual([
      'system opened 故障开始：FilesystemFull 的摘要（告警 FilesystemFull，条件自 2026-11-22 23:55:00 成立）',
      'system alert-joined 并入告警 FilesystemFillsSoon：FilesystemFillsSoon 的摘要',
      'li acknowledged li 响应（控制台）',
      'li disposed li 报处置（已报处置、未恢复）：清理了旧日志',
      'system alert-resolved 告警 FilesystemFillsSoon 的条件已不成立，其余告警仍在',
      'system data-lost 告警 FilesystemFull 数据中断，不能据此认定恢复',
      'system recovered 监测数据显示已恢复（最后一项告警 FilesystemFull 的条件自 2026-11-23 00:18:00 不再成立）',
      'system closed 恢复后持续正常满 30 分钟，自动关闭',
    ])
    expect(detail.notifications).toMatchObject([{ channel: 'email', to: '值班', state: 'queued' }])
    expect(changed.at(-1)).toBe('F20261122-001 closed')
    const audit = await state.db.selectFrom('audit').select(['actor', 'action', 'object']).orderBy('seq').execute()
    expect(audit.map((row) => `${row.actor} ${row.action} ${row.object}`)).toEqual(['li incident.acknowledge F20261122-001', 'li incident.dispose F20261122-001'])
    expect((await verifyAudit(state.db)).kind).toBe('intact')
  })

  it('numbers by the office day, stores a repeated alert once, and comes back within the window', async () => {
    const incidents = await room()
    const one = alert('A')
    await incidents.apply([fire(one), fire(one)])
    now += 3 * MINUTE
    const two = alert('B', { instance: 'web-02' })
    await incidents.apply([fire(one), fire(two)])
    expect((await incidents.list({ limit: 9 })).map((incident) => incident.number).sort()).toEqual(['F20261122-001', 'F20261123-001'])
    await incidents.apply([fire(alert('A2', { fault: 'A', severity: 'critical' }))])
    await incidents.apply([end(one), end(alert('A2', { fault: 'A', severity: 'critical' }))])
    now += 10 * MINUTE
    await incidents.apply([fire({ ...one, startedAt: now })])
    expect(await events()).toEqual(['1 opened', '1 alert-joined', '1 alert-resolved', '1 recovered', '2 opened', '1 reopened'])
    expect((await incidents.list({ limit: 9 })).find((one) => one.number === 'F20261122-001')).toMatchObject({ severity: 'critical', state: 'open' })
  })

  it('[2] closes the old one first when a fault returns after the window', async () => {
    const incidents = await room()
    const one = alert('A')
    await incidents.apply([fire(one), end(one)])
    now += 31 * MINUTE
    await incidents.apply([fire({ ...one, startedAt: now })])
    expect((await incidents.list({ limit: 9 })).map((incident) => `${incident.number} ${incident.state}`)).toEqual(['F20261123-001 open', 'F20261122-001 closed'])
    expect((await state.db.selectFrom('incident').select('state').orderBy('id').execute()).map((row) => row.state)).toEqual(['closed', 'open'])
  })

  it('stores nothing when the transaction fails, and all of it when it is applied again', async () => {
    let incidents = await room()
    const changed: string[] = []
    incidents.subscribe((incident) => changed.push(incident.number))
    // The alerts of an incident are written after it and its event.
    await sql`create trigger torn before insert on incident_alert begin select raise(abort, 'crash after the event'); end`.execute(state.db)
    await expect(incidents.apply([fire(alert('A'))])).rejects.toThrow('crash after the event')
    expect(await incidents.list({ limit: 9 })).toEqual([])
    expect(await events()).toEqual([])
    expect(changed).toEqual([])
    expect(incidents.series(now)).toMatchObject([{ value: 0 }])
    await sql`drop trigger torn`.execute(state.db)
    incidents = await restart()
    await incidents.reconcile([alert('A')])
    expect(await events()).toEqual(['1 opened'])
  })

  it('reconciles: what the rules no longer hold has lost its data, it has not recovered', async () => {
    let incidents = await room()
    await incidents.apply([fire(alert('A')), fire(alert('B', { instance: 'web-02' }))])
    incidents = await restart()
    now += MINUTE
    await incidents.reconcile([alert('B', { instance: 'web-02' }, START), { ...alert('C', { instance: 'web-03' }), state: 'pending' }])
    expect((await incidents.list({ limit: 9 })).map((incident) => `${incident.object} ${incident.state} ${incident.blind}`).sort()).toEqual(['web-01 挂载点 /data open true', 'web-02 挂载点 /data open false'])
  })

  it('gives samples of open incidents and of clocks that run', async () => {
    const incidents = await room()
    await incidents.apply([fire(alert('A')), fire(alert('B', { instance: 'web-02', sla: 'unheard-of' }))])
    expect(warnings).toHaveLength(1)
    await incidents.acknowledge('F20261122-001', 'li', 'console')
    now += 90 * MINUTE
    const samples = incidents.series(now).map((one) => `${Object.values(one.labels).join(' ')} = ${one.value}`)
    expect(samples).toEqual([
      'zhishou_incident_open = 2',
      'zhishou_sla_remaining_seconds F20261122-001 dispose = 1800',
      'zhishou_sla_remaining_seconds F20261122-001 recover = 81000',
      'zhishou_sla_remaining_seconds F20261122-002 respond = -1800',
      'zhishou_sla_remaining_seconds F20261122-002 dispose = 1800',
      'zhishou_sla_remaining_seconds F20261122-002 recover = 81000',
    ])
  })

  it('two people at once: one takes it, the other is told who', async () => {
    const incidents = await room()
    await incidents.apply([fire(alert('A'))])
    const both = await Promise.all(['li', 'wang'].map((user) => incidents.acknowledge('F20261122-001', user, 'console')))
    expect(both.map((one) => one.kind).sort()).toEqual(['done', 'refused'])
    const winner = both[0]!.kind === 'done' ? 'li' : 'wang'
    expect(both.find((one) => one.kind === 'refused')).toMatchObject({ message: `该故障已由 ${winner} 于 2026-11-22 23:58:00 响应` })
  })

  it('[10] a restart in the middle of anything finds the same incidents, and their events give the same projection', async () => {
    const objects = ['web-01', 'web-02'] as const
    const act = fc.record({ minutes: fc.integer({ min: 0, max: 20 }), object: fc.constantFrom(...objects), rule: fc.constantFrom('A', 'B'), what: fc.constantFrom('fire', 'fire', 'end', 'end', 'blind', 'acknowledge', 'dispose', 'settle', 'restart') })
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
        for (const table of ['incident_event', 'incident_alert', 'incident_hidden', 'receipt', 'outbox', 'incident'] as const) await state.db.deleteFrom(table).execute()
        now = START
        let incidents = await room()
        const look = async (): Promise<unknown> => ({ list: await incidents.list({ limit: 99 }), series: incidents.series(now).map((one) => JSON.stringify(one)).sort() })
        for (const { minutes, object, rule, what } of acts) {
          now += minutes * MINUTE
          const one = alert(rule, { instance: object, fault: 'same' }, now - MINUTE)
          const number = (await incidents.list({ state: 'live', limit: 1 }))[0]?.number ?? 'F0'
          if (what === 'fire') await incidents.apply([fire(one)])
          if (what === 'end') await incidents.apply([end(one)])
          if (what === 'blind') await incidents.apply([end(one, 'no-data')])
          if (what === 'acknowledge') await incidents.acknowledge(number, 'li', 'console')
          if (what === 'dispose') await incidents.dispose(number, 'li', '处理', null)
          if (what === 'settle') await incidents.settle()
          if (what === 'restart') {
            const before = await look()
            incidents = await restart()
            expect(await look()).toEqual(before)
          }
        }
        const rows = await state.db.selectFrom('incident').select(['id', 'body_json', 'version']).execute()
        for (const row of rows) {
          const events = await eventsOf(state.db, row.id)
          expect(events.map((event) => event.seq)).toEqual(Array.from({ length: row.version }, (_, index) => index + 1))
          expect(canonicalJson(replay(events))).toBe(row.body_json)
        }
        expect((await events()).filter((one) => one.endsWith(' opened')).length).toBe(rows.length)
      }),
      { seed, numRuns: scaled(40, 1_000) },
    )
  })
})
