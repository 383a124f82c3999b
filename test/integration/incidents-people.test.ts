/** What people do to the room, through its file: reports by hand, merge, split, files, work log, refusals, upgrade. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseSlaProfiles } from '../../collector/incidents/profile.ts'
import type { HandReport } from '../../collector/incidents/people.ts'
import { createIncidents } from '../../collector/incidents/run.ts'
import type { Incidents } from '../../collector/incidents/run.ts'
import { replay } from '../../collector/incidents/step.ts'
import { eventsOf } from '../../collector/incidents/storage.ts'
import { parseWording } from '../../collector/incidents/wording.ts'
import type { Alert, AlertChange } from '../../collector/rules/alert.ts'
import { canonicalJson, verifyAudit } from '../../collector/state/audit.ts'
import { openState } from '../../collector/state/open.ts'
import type { State } from '../../collector/state/open.ts'
import { scaled, seed } from '../scale.ts'
import { accountsOf } from '../known-people.ts'

const MINUTE = 60_000
const START = Date.UTC(2026, 10, 22, 2)
const shipped = (path: string): string => readFileSync(new URL(`../../alerts/${path}`, import.meta.url), 'utf8')
const profiles = parseSlaProfiles(
  `${shipped('sla.yml')}
  - { name: urgent, title: 加急, origin: 测试用的另一份约定, respond: 15m, dispose: 30m, recover: 4h, reopenWithin: 1h }
assign:
  - { profile: urgent, service: [portal], severity: [critical] }
`,
  'sla.yml',
)
const wording = parseWording(shipped('templates/zh-CN.yml'), 'zh-CN.yml')

let folder = ''
let state: State
let now = START
let incidents: Incidents
/** Entries of the work log that others were told of. */
let told: string[] = []

async function room(): Promise<Incidents> {
  incidents = await createIncidents({ worked: async (_, entry) => void told.push(`${entry.id} ${entry.kind} ${entry.incident}`), people: accountsOf('甲', '乙', '丙', '丁', '某单位'), state, profiles, wording, clock: { now: () => now }, log: { warn: () => undefined } })
  return incidents
}
async function restart(): Promise<Incidents> {
  await state.close()
  state = await openState(join(folder, 'state.db'))
  return room()
}
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-people-'))
  state = await openState(join(folder, 'state.db'))
  now = START
  told = []
  await room()
})
afterEach(async () => {
  await state.close()
  rmSync(folder, { recursive: true })
})

function alert(name: string, labels: Record<string, string> = {}, startedAt = now): Alert {
  const all = { alertname: name, instance: 'web-01', severity: 'warning', sla: 'standard', ...labels }
  return { fingerprint: `${name}/${all.instance}`, group: 'g', name, labels: all, annotations: { summary: `${name} 的摘要` }, state: 'firing', activeAt: startedAt, startedAt, firedAt: now, resolvedAt: undefined, value: 1 }
}
const fire = (one: Alert): AlertChange => ({ kind: 'firing', alert: one })
const end = (one: Alert): AlertChange => ({ kind: 'resolved', why: 'condition-false', alert: { ...one, state: 'resolved', resolvedAt: now } })
const report = (change: Partial<HandReport> = {}): HandReport => ({ reporter: '某单位', contact: '', channel: 'hotline', reportedAt: now - 5 * MINUTE, service: 'portal', instance: '', fault: '', severity: 'warning', title: '网页打不开', description: '', ...change })
async function expectReplay(): Promise<void> {
  for (const row of await state.db.selectFrom('incident').select(['id', 'body_json']).execute()) expect(canonicalJson(replay(await eventsOf(state.db, row.id)))).toBe(row.body_json)
  expect((await verifyAudit(state.db)).kind).toBe('intact')
}
const code = (outcome: { readonly kind: string; readonly code?: string }): string => outcome.code ?? outcome.kind

describe('people', () => {
  it('[1, 19, 22] a fault by hotline runs under the same clocks, from the reported time, under the profile of its service', async () => {
    expect(await incidents.openByHand('甲', report({ severity: 'critical' }))).toEqual({ kind: 'done', value: 'F20261122-001' })
    expect(incidents.clocks(now)[0]).toMatchObject({ profile: 'urgent', startedAt: now - 5 * MINUTE, clocks: [{ leftMs: 10 * MINUTE }, { leftMs: 25 * MINUTE }, { leftMs: 235 * MINUTE }] })
    expect([code(await incidents.openByHand('甲', report({ reportedAt: now + 1 }))), code(await incidents.openByHand('甲', report({ reporter: ' ' })))]).toEqual(['time-wrong', 'text-missing'])
    now += MINUTE
    await incidents.acknowledge('F20261122-001', '乙', { kind: 'phone', calledBy: '丙' })
    await incidents.dispose('F20261122-001', '甲', '重启了服务', null)
    expect(code(await incidents.close('F20261122-001', '甲', '好了'))).toBe('recovery-missing')
    expect(code(await incidents.reportRecovery('F20261122-001', '甲', '能打开', '甲', now))).toBe('confirmation-missing')
    // [26] Whoever confirms is known, and a program is nobody who could write it down.
    expect(await incidents.reportRecovery('F20261122-001', '甲', '能打开', '某科室', now)).toMatchObject({ code: 'unknown-person', message: '值班人员和账号中没有“某科室”，请从名单中选择' })
    expect(await incidents.reportRecovery('F20261122-001', 'token:script', '能打开', '乙', now)).toMatchObject({ code: 'unknown-actor' })
    expect(await incidents.assign('F20261122-001', 'token:script', '乙')).toMatchObject({ code: 'unknown-actor' })
    expect(await incidents.assign('F20261122-001', '甲', '某单')).toMatchObject({ status: 422, code: 'unknown-person', message: '值班人员和账号中没有“某单”，相近的有：某单位' })
    expect(await incidents.reportRecovery('F20261122-001', '甲', '能打开', '某单位', now)).toEqual({ kind: 'done', value: undefined })
    // It waits, and the clock runs: the claimant's word alone, and that of a program, ends nothing.
    const claimedAt = now
    expect((await incidents.get('F20261122-001'))!).toMatchObject({ state: 'disposed', judgedBy: null, claim: { by: '甲', asked: '某单位', at: claimedAt } })
    now += MINUTE
    expect((await incidents.get('F20261122-001'))!.clocks.find((one) => one.clock === 'recover')).toMatchObject({ state: 'running' })
    expect([code(await incidents.confirmRecovery('F20261122-001', '甲')), code(await incidents.confirmRecovery('F20261122-001', 'token:script')), code(await incidents.confirmRecovery('F20261122-001', '示例', '甲'))]).toEqual(['confirmation-missing', 'unknown-actor', 'unknown-actor'])
    expect(await incidents.confirmRecovery('F20261122-001', '某单位')).toEqual({ kind: 'done', value: undefined })
    expect((await incidents.get('F20261122-001'))!).toMatchObject({ recoveredAt: claimedAt, claim: null })
    const detail = (await incidents.get('F20261122-001'))!
    expect(detail).toMatchObject({ state: 'recovered', acknowledgedBy: '丙', judgedBy: '甲', reportedBy: '某单位' })
    expect(detail.timeline.map((entry) => entry.text)).toEqual([
      '某单位 通过热线电话于 2026-11-22 09:55:00 报告：网页打不开（甲 登记）',
      '丙 电话响应，乙 登记',
      '甲 报处置（已报处置、待确认恢复）：重启了服务',
      '甲 认定已于 2026-11-22 10:01:00 恢复，待 某单位 等另一人确认，确认前时钟照走：能打开',
      '甲 人工认定已于 2026-11-22 10:01:00 恢复，某单位 确认：能打开',
    ])
    await incidents.reopen('F20261122-001', '甲', '又打不开')
    expect((await incidents.get('F20261122-001'))!.state).toBe('disposed')
    await expectReplay()
  })

  it('[2, 19] a report joins what the telemetry says of the same object, whoever is first', async () => {
    await incidents.apply([fire(alert('HostDown', { fault: 'host-down' }))])
    expect(await incidents.openByHand('甲', report({ service: 'host', instance: 'web-01', fault: 'host-down' }))).toMatchObject({ kind: 'refused', code: 'exists-already', message: expect.stringContaining('F20261122-001') })
    await incidents.openByHand('甲', report({ service: 'host', instance: 'web-02', fault: 'host-down' }))
    await incidents.apply([fire(alert('HostDown', { fault: 'host-down', instance: 'web-02' }))])
    expect(incidents.numberOf('HostDown/web-02')).toBe('F20261122-002')
    expect(code(await incidents.reportRecovery('F20261122-002', '甲', '好了', '某单位', now))).toBe('telemetry-rules')
    await incidents.apply([end(alert('HostDown', { fault: 'host-down', instance: 'web-02' }))])
    expect((await incidents.get('F20261122-002'))!).toMatchObject({ state: 'recovered', judgedBy: null })
    // The telemetry says that it is well, a person that it is not: a fault of its own.
    expect(await incidents.openByHand('甲', report({ service: 'host', instance: 'web-02', fault: 'host-down' }))).toMatchObject({ kind: 'done' })
    await expectReplay()
  })

  it('[20] merge and split keep each alert in one incident, and neither does half of it', async () => {
    await incidents.apply([fire(alert('A')), fire(alert('B'))])
    expect(code(await incidents.merge('F20261122-001', 'F20261122-001', '甲', '同一故障'))).toBe('wrong-choice')
    expect(code(await incidents.merge('F20261122-001', 'F9', '甲', '同一故障'))).toBe('unknown-incident')
    expect(code(await incidents.merge('F20261122-002', 'F20261122-001', '甲', ' '))).toBe('text-missing')
    expect((await incidents.list({ state: 'open', limit: 9 })).length).toBe(2)
    await incidents.merge('F20261122-002', 'F20261122-001', '甲', '同一故障')
    expect(['A/web-01', 'B/web-01'].map((one) => incidents.numberOf(one))).toEqual(['F20261122-001', 'F20261122-001'])
    await incidents.apply([end(alert('A'))])
    expect((await incidents.get('F20261122-001'))!.state).toBe('open')
    expect(await incidents.split('F20261122-001', ['B/web-01'], '甲', '并错了')).toEqual({ kind: 'done', value: 'F20261122-003' })
    expect((await incidents.get('F20261122-001'))!.state).toBe('recovered')
    expect(incidents.numberOf('B/web-01')).toBe('F20261122-003')
    await restart()
    expect(incidents.numberOf('B/web-01')).toBe('F20261122-003')
    await incidents.apply([end(alert('B'))])
    expect((await incidents.get('F20261122-003'))!).toMatchObject({ state: 'recovered', splitFrom: 'F20261122-001' })
    await expectReplay()
  })

  it('[21] files lie in state.db under their hash, once per content, and are checked when read', async () => {
    await incidents.openByHand('甲', report())
    const content = Buffer.from('第一行\n第二行\n')
    const file = { name: '现场.log', type: 'text/plain', bytes: content }
    expect(await incidents.attach('F20261122-001', '甲', file)).toMatchObject({ kind: 'done', value: { id: 1, sha256: createHash('sha256').update(content).digest('hex') } })
    await incidents.attach('F20261122-001', '甲', { ...file, name: '又.txt' })
    expect(code(await incidents.attach('F20261122-001', '甲', { ...file, name: '页.html', type: 'text/html' }))).toBe('file-type')
    expect((await state.db.selectFrom('attachment_content').select('sha256').execute()).length).toBe(1)
    await restart()
    expect(Buffer.from((await incidents.attachment('F20261122-001', 2))!.bytes).equals(content)).toBe(true)
    expect(await incidents.attachment('F20261122-009', 2)).toBeUndefined()
    expect((await incidents.get('F20261122-001'))!.attachments.map((one) => one.name)).toEqual(['现场.log', '又.txt'])
    await state.db.updateTable('attachment_content').set({ content: Buffer.from('换过') }).execute()
    await expect(incidents.attachment('F20261122-001', 1)).rejects.toThrow('attachment 1 is not what was stored')
    await expectReplay()
  })

  it('keeps the work log, on incidents and by itself', async () => {
    await incidents.openByHand('甲', report())
    const entry = { kind: 'training' as const, text: '窗口人员培训', minutes: 90, workedAt: now - MINUTE, service: 'business' }
    expect(await incidents.logWork('甲', entry)).toEqual({ kind: 'done', value: 1 })
    expect(await incidents.logWork('甲', { ...entry, kind: 'on-site', text: '到场', minutes: 30 }, 'F20261122-001')).toEqual({ kind: 'done', value: 2 })
    expect([code(await incidents.logWork('甲', { ...entry, workedAt: now + 1 })), code(await incidents.logWork('甲', entry, 'F9')), code(await incidents.logWork('甲', { ...entry, text: ' ' }))]).toEqual(['time-wrong', 'unknown-incident', 'text-missing'])
    expect((await incidents.workLog({ from: 0, to: now, limit: 9 })).map((one) => `${one.id} ${one.kind} ${one.minutes} ${one.incident}`)).toEqual(['2 on-site 30 F20261122-001', '1 training 90 null'])
    expect((await incidents.workLog({ from: 0, to: now, kind: 'training', limit: 9 })).length).toBe(1)
    expect(told).toEqual(['1 training null', '2 on-site F20261122-001'])
    expect((await incidents.get('F20261122-001'))!.workMinutes).toBe(30)
    await expectReplay()
  })

  it('[10, 23] opens a file that the first version wrote, and makes its projections anew', async () => {
    await incidents.apply([fire(alert('A'))])
    await incidents.acknowledge('F20261122-001', '甲', 'console')
    const { body_json: body } = await state.db.selectFrom('incident').select('body_json').executeTakeFirstOrThrow()
    const full = JSON.parse(body) as Record<string, unknown>
    for (const field of ['telemetrySeverity', 'report', 'assignee', 'rootCause', 'attachments', 'workMinutes', 'blind', 'hides', 'absorbed', 'mergedInto', 'splitFrom', 'judged']) delete full[field]
    full['response'] = { at: now, by: '甲', source: 'console' }
    await state.db.updateTable('incident').set({ body_json: canonicalJson(full as never) }).execute()
    await state.db.updateTable('incident_event').set({ body_json: canonicalJson({ type: 'acknowledge', by: '甲', source: 'console' }) }).where('seq', '=', 2).execute()
    await restart()
    expect((await state.db.selectFrom('incident').select('body_json').executeTakeFirstOrThrow()).body_json).toBe(body)
    expect((await incidents.get('F20261122-001'))!.acknowledgedBy).toBe('甲')
  })

  it('[2, 10, 13, 20] whatever people and alerts do, and wherever it is restarted, no alert is lost and replay agrees', async () => {
    const names = ['A', 'B', 'C'] as const
    const act = fc.record({
      minutes: fc.integer({ min: 0, max: 20 }), name: fc.constantFrom(...names), pick: fc.nat(5), other: fc.nat(5),
      what: fc.constantFrom('fire', 'fire', 'fire', 'end', 'end', 'merge', 'split', 'report', 'recovery', 'reopen', 'close', 'severity', 'settle', 'restart'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
        for (const table of ['incident_event', 'incident_alert', 'incident_hidden', 'work_log', 'attachment', 'incident'] as const) await state.db.deleteFrom(table).execute()
        now = START
        await room()
        const firing = new Set<string>()
        for (const { minutes, name, pick, other, what } of acts) {
          now += minutes * MINUTE
          const all = (await incidents.list({ limit: 99 })).map((one) => one.number).sort()
          const number = all[pick % Math.max(1, all.length)] ?? 'F0'
          const one = alert(name, {}, now)
          if (what === 'fire') {
            firing.add(one.fingerprint)
            await incidents.apply([fire(one)])
          }
          if (what === 'end') {
            firing.delete(one.fingerprint)
            await incidents.apply([end(one)])
          }
          if (what === 'merge') await incidents.merge(number, all[other % Math.max(1, all.length)] ?? 'F0', '甲', '同一故障')
          if (what === 'split') await incidents.split(number, [one.fingerprint], '甲', '两回事')
          if (what === 'report') await incidents.openByHand('甲', report(pick > 2 ? { service: 'host', instance: 'web-01', fault: name } : {}))
          if (what === 'recovery') await incidents.reportRecovery(number, '甲', '好了', '某单位', now)
          if (what === 'reopen') await incidents.reopen(number, '甲', '又来了')
          if (what === 'close') await incidents.close(number, '甲', '下线')
          if (what === 'severity') await incidents.setSeverity(number, '甲', pick > 2 ? 'critical' : 'info', '影响面')
          if (what === 'settle') await incidents.settle()
          if (what === 'restart') await restart()
          // Every firing alert is in exactly one running incident, and it is the one it is said to be in.
          const running = incidents.live().filter((incident) => incident.state === 'open' || incident.state === 'blind')
          for (const fingerprint of firing) {
            const homes = running.filter((incident) => incident.alerts.some((joined) => joined.fingerprint === fingerprint && joined.state === 'firing'))
            expect(homes.map((incident) => incident.number), fingerprint).toEqual([incidents.numberOf(fingerprint)])
          }
          const live = await state.db.selectFrom('incident').select('key').where('state', '<>', 'closed').execute()
          expect(new Set(live.map((row) => row.key)).size).toBe(live.length)
        }
        await expectReplay()
      }),
      { seed, numRuns: scaled(40, 1_000) },
    )
  })
})
