/** The routes under /service over the real room and a real state.db: a month is lived, frozen, corrected; nothing that is sent breaks it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { at, exampleFaults, exampleSources } from '../../collector/service/example-month.fixture.ts'
import { touches } from '../../collector/service/month.ts'
import { createServiceRoom } from '../../collector/service/run.ts'
import { parseExposureTerms } from '../../collector/service/terms.ts'
import { parseServiceWording } from '../../collector/service/wording.ts'
import { openState } from '../../collector/state/open.ts'
import type { State } from '../../collector/state/open.ts'
import type { GuardView, MonthView, RequestView, WindowView } from '../../protocol/api-service.ts'
import { scaled, seed } from '../scale.ts'
import { stubService } from '../service-dependencies.ts'
import { stubWeb } from '../web-dependencies.ts'
import type { StubWeb } from '../web-dependencies.ts'

const shipped = (path: string): string => readFileSync(new URL(`../../alerts/${path}`, import.meta.url), 'utf8')
const wording = parseServiceWording(shipped('templates/service.zh-CN.yml'), 'service.zh-CN.yml')
const terms = parseExposureTerms(shipped('exposure.yml'), 'exposure.yml')
const contractStart = '2026-07-01'

let folder = ''
let state: State
let now = 0
let stub: StubWeb

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-service-web-'))
  now = at('2026-07-16 09:00:00')
  state = await openState(join(folder, 'state.db'))
  const room = await createServiceRoom({
    ...exampleSources, contractStart, state, clock: { now: () => now }, wording, terms, aliveToleranceMs: 90_000,
    faults: async (span) => exampleFaults.filter((fault) => touches(fault, span, now)),
    worked: () => Promise.resolve([]),
  })
  const { names } = stubService([], now)
  stub = stubWeb({ now: () => now, service: { ...room, zone: exampleSources.zone, contractStart, names, wording, workKinds: { request: '服务请求', window: '维护窗口' }, exposure: (permissions, actor) => room.exposure(permissions, [], actor) } })
})
afterEach(async () => {
  await state.close()
  rmSync(folder, { recursive: true })
})

async function ask<T>(method: 'GET' | 'POST', path: string, body?: unknown, role = 'project-manager'): Promise<{ readonly status: number; readonly body: T }> {
  const response = await stub.web.app.request(`https://x/api/zhishou/v1/service${path}`, { method, headers: { authorization: `Bearer bearer-${role}` }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  return { status: response.status, body: (await response.json()) as T }
}

describe('a month', () => {
  it('is lived, frozen, read with its hash, corrected beside the original, and verified', async () => {
    const plan = { services: ['portal'], objects: [], from: at('2026-07-18 22:00:00'), to: at('2026-07-19 02:00:00'), reason: '系统升级', afterTheFact: false }
    const window = await ask<WindowView>('POST', '/windows', plan, 'onsite')
    expect(window).toMatchObject({ status: 200, body: { approval: null, by: 'user-onsite' } })
    expect(await ask('POST', `/windows/${window.body.id}/approve`, { name: 'user-onsite', at: now, how: '书面' }, 'onsite')).toMatchObject({ status: 422, body: { code: 'approver-missing' } })
    expect(await ask('POST', `/windows/${window.body.id}/approve`, { name: '甲方代表', at: now, how: '书面' }, 'onsite')).toMatchObject({ status: 200, body: { approval: { name: '甲方代表' } } })
    now = at('2026-07-19 00:30:00')
    expect(await ask('POST', `/windows/${window.body.id}/shorten`, { to: now, reason: '提前完成' }, 'onsite')).toMatchObject({ status: 200, body: { endsAt: now, to: plan.to } })

    const request = await ask<RequestView>('POST', '/requests', { kind: 'rights', service: 'business', requester: '某科室', channel: '热线', text: '开通权限' }, 'duty')
    for (const [step, body] of [['start', {}], ['note', { text: '核对名单', minutes: 20 }], ['finish', { text: '已开通', minutes: 10 }]] as const) expect((await ask('POST', `/requests/${request.body.id}/${step}`, body, 'duty')).status).toBe(200)
    expect(await ask('POST', `/requests/${request.body.id}/finish`, { text: '又一次', minutes: 1 }, 'duty')).toMatchObject({ status: 409, body: { code: 'request-over', message: '该请求已办结，不能再办理' } })
    const { body: listed } = await ask<{ requests: RequestView[] }>('GET', '/requests?month=2026-07')
    expect(listed.requests).toMatchObject([{ id: request.body.id, state: 'done', minutes: 30, person: 'user-duty' }])
    expect(listed.requests[0]!.history.map((line) => line.text)).toEqual(['受理权限请求（某科室，热线）：开通权限', 'user-duty 开始办理', '核对名单（20 分钟）', '办结：已开通（10 分钟）'])

    expect(await ask('POST', '/months/2026-07/freeze', { forced: null })).toMatchObject({ status: 409, body: { code: 'month-not-over' } })
    now = at('2026-08-03 09:00:00')
    const running = await ask<MonthView>('GET', '/months/2026-07')
    expect(await ask('POST', '/months/2026-07/freeze', { forced: null }, 'duty')).toMatchObject({ status: 403 })
    const frozen = await ask<{ hash: string }>('POST', '/months/2026-07/freeze', { forced: null })
    expect(frozen.status).toBe(200)
    now = at('2026-08-20 09:00:00')
    const { body: view } = await ask<MonthView>('GET', '/months/2026-07')
    expect(view.frozen).toMatchObject({ hash: frozen.body.hash, by: 'user-project-manager', forced: null })
    // Frozen figures read exactly as they read when they were frozen.
    expect([view.services, view.book, view.requests]).toEqual([running.body.services, running.body.book, running.body.requests])
    expect(view.requests.find((one) => one.kind === 'rights')).toMatchObject({ received: 1, done: 1, minutes: 30 })
    expect(view.workLog).toMatchObject({ minutes: 30, count: 7, kinds: [{ kind: 'request', title: '服务请求', count: 4, minutes: 30 }, { kind: 'window', title: '维护窗口', count: 3, minutes: 0 }] })

    const path = 'services.0.month.withMaintenance.badMs'
    const original = view.services[0]!.month.withMaintenance.badMs
    const correction = { path, corrected: original - 600_000, approval: { name: '甲方代表', at: now, how: '书面' }, reason: '误报' }
    expect(await ask('POST', '/months/2026-07/annotations', { ...correction, approval: { ...correction.approval, name: 'user-project-manager' } })).toMatchObject({ status: 422, body: { code: 'approver-missing' } })
    expect(await ask('POST', '/months/2026-07/annotations', { ...correction, path: 'services.9.month' })).toMatchObject({ status: 404, body: { code: 'unknown-figure' } })
    expect((await ask('POST', '/months/2026-07/annotations', correction)).status).toBe(200)
    const { body: corrected } = await ask<MonthView>('GET', '/months/2026-07')
    expect(corrected.annotations).toMatchObject([{ path, original, corrected: original - 600_000, reason: '误报', approval: { name: '甲方代表' } }])
    expect(corrected.services).toEqual(view.services)
    expect((await ask('GET', '/months/verify')).body).toEqual({ kind: 'intact', months: 1, annotations: 1 })
    expect((await ask<{ months: { month: string; state: string }[] }>('GET', '/months')).body.months).toMatchObject([{ month: '2026-08', state: 'running' }, { month: '2026-07', state: 'frozen' }])
  })

  it('that needs a calendar which is not loaded says so', async () => {
    now = at('2027-01-05 09:00:00')
    expect(await ask('GET', '/availability?month=2027-01')).toMatchObject({ status: 409, body: { code: 'calendar-missing', message: '2027-01-01 所在年份的节假日安排尚未载入，无法计算服务时段' } })
  })
})

describe('guard periods', () => {
  it('owe zero reports that become due, late and filed', async () => {
    const declared = await ask<{ id: string }>('POST', '/guards', { title: '国庆重保', from: now, to: now + 86_400_000, services: ['portal'], thresholdFactor: 0.8, stepFactor: 0.5, zeroReports: { times: ['10:00', '20:00'], graceMinutes: 15, leadMinutes: 30 } }, 'onsite')
    const states = async (): Promise<readonly string[]> => (await ask<{ guards: GuardView[] }>('GET', '/guards')).body.guards[0]!.reports.map((one) => (one.filed?.late === true ? 'filed late' : one.state))
    const dueAt = at('2026-07-16 10:00:00')
    expect(await states()).toEqual(['upcoming', 'upcoming'])
    expect(await ask('POST', `/guards/${declared.body.id}/zero-reports`, { dueAt, text: '无异常' })).toMatchObject({ status: 409, body: { code: 'too-early' } })
    now = at('2026-07-16 09:30:00')
    expect(await states()).toEqual(['due', 'upcoming'])
    now = at('2026-07-16 10:15:01')
    expect(await states()).toEqual(['late', 'upcoming'])
    expect((await ask('POST', `/guards/${declared.body.id}/zero-reports`, { dueAt, text: '无异常' }, 'duty')).status).toBe(200)
    expect(await states()).toEqual(['filed late', 'upcoming'])
    expect(await ask('POST', `/guards/${declared.body.id}/zero-reports`, { dueAt, text: '再报' })).toMatchObject({ status: 409, body: { code: 'filed-already' } })
    expect((await ask('POST', `/guards/${declared.body.id}/end`, { reason: '会议结束' })).status).toBe(200)
    expect((await ask<{ guards: GuardView[] }>('GET', '/guards')).body.guards[0]).toMatchObject({ state: 'over', reports: [{ state: 'filed' }] })
  })
})

describe('services', () => {
  it('W6: that nobody promised are refused: a slip would count for nothing and nobody would see it', async () => {
    const unknown = { status: 422, body: { code: 'unknown-service', message: '没有这个服务' } }
    expect(await ask('POST', '/windows', { services: ['portal', 'protal'], objects: [], from: now + 1, to: now + 2, reason: '升级', afterTheFact: false })).toMatchObject(unknown)
    expect(await ask('POST', '/requests', { kind: 'consulting', service: 'protal', requester: '某科室', channel: '热线', text: '咨询' })).toMatchObject(unknown)
    expect(await ask('POST', '/guards', { title: '重保', from: now, to: now + 86_400_000, services: ['protal'], thresholdFactor: 1, stepFactor: 1, zeroReports: { times: [], graceMinutes: 0, leadMinutes: 0 } })).toMatchObject(unknown)
    expect((await ask('POST', '/requests', { kind: 'consulting', service: '', requester: '某科室', channel: '热线', text: '咨询' })).status).toBe(200)
  })
})

describe('exposure', () => {
  it('is audited as looked at, and no amount is written anywhere', async () => {
    now = at('2026-08-03 09:00:00')
    expect((await ask('GET', '/exposure', undefined, 'duty')).status).toBe(403)
    const { status, body } = await ask<{ total: string; lines: { amount: string }[] }>('GET', '/exposure')
    expect([status, body.lines.length > 0]).toEqual([200, true])
    const rows = await state.db.selectFrom('audit').selectAll().execute()
    expect(rows.map((row) => [row.action, row.actor, row.detail_json])).toEqual([['exposure.read', 'user-project-manager', '{}']])
    for (const table of ['audit', 'service_event', 'setting'] as const) {
      const text = JSON.stringify(await state.db.selectFrom(table).selectAll().execute())
      for (const amount of [body.total, ...body.lines.map((line) => line.amount)]) expect(text).not.toContain(amount)
    }
  })
})

describe('whatever is sent', () => {
  const moment = fc.oneof(fc.integer({ min: -5 * 86_400, max: 400 * 86_400 }).map((seconds) => at('2026-07-16 09:00:00') + seconds * 1_000), fc.constantFrom(Date.UTC(2000, 0, 1), Date.UTC(2100, 0, 1), 0, 8.64e15, -1))
  const services = fc.subarray(['portal', 'business', 'nobody'])
  const text = fc.string({ unit: 'binary', maxLength: 20 }).map((one) => one.toWellFormed())
  const act = fc.oneof(
    fc.record({ path: fc.constant('/windows'), body: fc.record({ services, objects: fc.array(text, { maxLength: 2 }), from: moment, to: moment, reason: text, afterTheFact: fc.boolean() }) }),
    fc.record({ path: fc.constantFrom('/windows/M20260716-001/approve', '/windows/M20260716-002/approve'), body: fc.record({ name: text, at: moment, how: text }) }),
    fc.record({ path: fc.constant('/windows/M20260716-001/shorten'), body: fc.record({ to: moment, reason: text }) }),
    fc.record({ path: fc.constant('/windows/M20260716-001/cancel'), body: fc.record({ effectiveAt: moment, reason: text }) }),
    fc.record({ path: fc.constant('/requests'), body: fc.record({ kind: fc.constantFrom('consulting', 'rights'), service: fc.constantFrom('', 'portal', 'nobody'), requester: text, channel: text, text, receivedAt: moment }) }),
    fc.record({ path: fc.constantFrom('start', 'note', 'finish', 'refuse').map((step) => `/requests/Q20260716-001/${step}`), body: fc.record({ text, minutes: fc.integer({ min: -1, max: 1_500 }), reason: text, person: text }, { requiredKeys: [] }) }),
    fc.record({ path: fc.constant('/guards'), body: fc.record({ title: text, from: moment, to: moment, services, thresholdFactor: fc.double(), stepFactor: fc.constantFrom(1, 0.5, 1e-300), zeroReports: fc.record({ times: fc.subarray(['00:00', '08:00', '23:59', '24:00']), graceMinutes: fc.integer({ min: 0, max: 720 }), leadMinutes: fc.integer({ min: 0, max: 720 }) }) }) }),
    fc.record({ path: fc.constantFrom('/guards/G20260716-001/zero-reports', '/guards/G20260716-001/end'), body: fc.record({ dueAt: moment, text, reason: text }, { requiredKeys: [] }) }),
    fc.record({ path: fc.constantFrom('/months/2026-07/freeze', '/months/2026-08/freeze'), body: fc.record({ forced: fc.oneof(text, fc.constant(null)) }) }),
    fc.record({ path: fc.constant('/months/2026-07/annotations'), body: fc.record({ path: fc.constantFrom('services.0.month.maintenanceMs', 'services', 'month', 'constructor.name', 'book.entries.0.number'), corrected: fc.oneof(text, fc.integer(), fc.constant(null)), approval: fc.record({ name: text, at: moment, how: text }), reason: text }) }),
  )

  it(`the answer is a reply or a refusal, the readings stand, and the chain holds (seed ${seed})`, async () => {
    const statuses = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(act, fc.integer({ min: 0, max: 3 }), async ({ path, body }, days) => {
        // 2027 is not loaded.
        now = Math.min(now + days * 3_600_000, at('2026-12-30 00:00:00'))
        const { status } = await ask('POST', path, body)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        expect(stub.failures).toEqual([])
        for (const read of ['/windows', '/requests', '/guards', '/months']) expect(`${read} ${(await ask('GET', read)).status}`).toBe(`${read} 200`)
      }),
      { seed, numRuns: scaled(150, 3_000), endOnFailure: true },
    )
    for (const status of [200, 400, 409, 422]) expect(statuses.get(status) ?? 0, `status ${status}`).toBeGreaterThan(0)
    expect((await ask('GET', '/months/verify')).body).toMatchObject({ kind: 'intact' })
    expect((await ask('GET', '/availability')).status).toBe(200)
  })
})
