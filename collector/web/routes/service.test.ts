/** The routes under /service: what a request may hold, what the example month reads like, and who never sees amounts. */
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { AvailabilityMaking, AvailabilityReport, MonthView } from '../../../protocol/api-service.ts'
import { scaled, seed } from '../../../test/scale.ts'
import { serviceBodies, stubService } from '../../../test/service-dependencies.ts'
import { NOW, type StubWeb, stubWeb } from '../../../test/web-dependencies.ts'
import { matrix, roles } from '../../access/matrix.ts'
import { at } from '../../service/example-month.fixture.ts'

const own = '/api/zhishou/v1/service'
let stub: StubWeb
beforeEach(() => {
  stub = stubWeb()
})

const get = (path: string, role = 'duty') => stub.web.app.request(`https://x${own}${path}`, { headers: { authorization: `Bearer bearer-${role}` } })
const post = (path: string, body: unknown, role = 'project-manager') => stub.web.app.request(`https://x${own}${path}`, { method: 'POST', headers: { authorization: `Bearer bearer-${role}` }, body: JSON.stringify(body) })
const json = async <T>(response: Response | Promise<Response>): Promise<T> => (await response).json() as Promise<T>
const refusedAs = async (response: Response | Promise<Response>): Promise<readonly unknown[]> => {
  const { status } = await response
  const { code } = await json<{ code: string }>(response)
  return [status, code]
}

describe('months', () => {
  it.each(['2026-13', '2026-00', '2026-7', '202607', '2026-07-01', 'null', '../2026-07', '1999-12', '２０２６-07', '2026-07%00'])('%s is no month: 400', async (text) => {
    for (const path of [`/availability?month=${text}`, `/requests?month=${text}`, `/availability/portal?month=${text}`]) expect(`${path} ${(await get(path)).status}`).toBe(`${path} 400`)
    if (!text.includes('/')) {
      expect((await get(`/months/${text}`)).status).toBe(400)
      expect(await refusedAs(post(`/months/${text}/freeze`, serviceBodies.freeze))).toEqual([400, 'malformed'])
      expect(await refusedAs(post(`/months/${text}/annotations`, serviceBodies.correction))).toEqual([400, 'malformed'])
    }
    expect(stub.acts).toEqual([])
    expect(new Set(stub.refusals)).toEqual(new Set(['request/malformed']))
  })

  it('outside the contract, and those to come, are not there', async () => {
    for (const month of ['2026-02', '2026-12', '2099-12', '2000-01']) {
      expect(await refusedAs(get(`/availability?month=${month}`))).toEqual([404, 'unknown-month'])
      expect(await refusedAs(post(`/months/${month}/freeze`, serviceBodies.freeze))).toEqual([404, 'unknown-month'])
    }
    expect((await get('/availability?month=2026-03')).status).toBe(200)
    expect((await get('/availability?month=2026-11')).status).toBe(200)
    expect(stub.acts).toEqual([])
  })

  it('are listed from the contract on, newest first', async () => {
    const { months } = await json<{ months: { month: string; state: string; hash: string | null }[] }>(get('/months'))
    expect(months.map((one) => one.month)).toEqual(['2026-11', '2026-10', '2026-09', '2026-08', '2026-07', '2026-06', '2026-05', '2026-04', '2026-03'])
    expect(months.slice(0, 3)).toMatchObject([{ state: 'running', hash: null }, { state: 'frozen', hash: 'a'.repeat(64) }, { state: 'over', hash: null }])
  })

  it('hold the SLA book, requests and work log of July as they were reckoned by hand', async () => {
    const view = await json<MonthView>(get('/months/2026-07'))
    expect(view).toMatchObject({ month: '2026-07', state: 'over', frozen: null, annotations: [], workLog: { count: 1, minutes: 5 } })
    expect(view.book.entries.find((one) => one.number === 'F20260708-001')!.clocks.map((clock) => [clock.name, clock.outcome, clock.usedSeconds, clock.overSeconds])).toEqual([['respond', 'met', 2_880, 0], ['dispose', 'breached', 7_201, 1], ['recover', 'met', 9_285, 0]])
    expect(view.book.overall.withMaintenance.respond).toMatchObject({ met: 8, breached: 1 })
    expect(view.book.overall.withoutMaintenance.respond).toMatchObject({ met: 8, breached: 0 })
    expect(view.requests.map((one) => one.kind)).toEqual(['consulting', 'training', 'base-data', 'import-export', 'rights'])
    expect(view.services[0]!.month.withMaintenance).toMatchObject({ text: '99.203%', textBlindBad: '99.153%' })
    expect(view.services[0]!.month.withoutMaintenance.text).toBe('99.291%')
  })
})

describe('what made a figure', () => {
  it('A6: adds up to it, for every service, day, month and year', async () => {
    const report = await json<AvailabilityReport>(get('/availability?month=2026-07'))
    expect(report.services.map((one) => [one.service, one.title, one.target])).toEqual([['portal', '综合服务平台', 0.999], ['business', '网上业务信息系统', null]])
    const total = (list: readonly { from: number; to: number }[]): number => list.reduce((sum, one) => sum + one.to - one.from, 0)
    let stretches = 0
    for (const { service, days, month, year } of report.services) {
      for (const [span, figures] of [['month', month], ['year', year], ...days.map((day) => [day.date, day] as const)] as const) {
        const making = await json<AvailabilityMaking>(get(`/availability/${service}?month=2026-07&span=${span}`))
        expect(making.figures.withMaintenance).toEqual(figures.withMaintenance)
        expect(total(making.bad)).toBe(figures.withMaintenance.badMs)
        expect(total(making.blind)).toBe(figures.withMaintenance.blindMs)
        for (const one of [...making.bad, ...making.blind, ...making.maintenance]) expect(making.from <= one.from && one.from < one.to && one.to <= making.to).toBe(true)
        expect([...new Set(making.bad.flatMap((one) => one.incidents))].sort()).toEqual(figures.incidents.map((one) => one.number))
        stretches += making.bad.length + making.blind.length
      }
    }
    expect(stretches).toBeGreaterThan(40)
  })

  it('names incidents, blind reasons and the approver', async () => {
    const making = await json<AvailabilityMaking>(get('/availability/portal?month=2026-07&span=2026-07-25'))
    expect(making.bad).toEqual([{ from: at('2026-07-25 12:05:00'), to: at('2026-07-25 12:15:00'), incidents: ['F20260725-001'] }])
    // Blind for 20 minutes, of which the middle ten were bad.
    expect(making.blind).toEqual([
      { from: at('2026-07-25 12:00:00'), to: at('2026-07-25 12:05:00'), why: 'agent-silent', object: 'web-01' },
      { from: at('2026-07-25 12:15:00'), to: at('2026-07-25 12:20:00'), why: 'agent-silent', object: 'web-01' },
    ])
    const night = await json<AvailabilityMaking>(get('/availability/portal?month=2026-07&span=2026-07-18'))
    expect(night.maintenance).toEqual([{ from: at('2026-07-18 22:00:00'), to: at('2026-07-19 00:00:00'), id: 'M20260716-001', reason: '系统升级', approver: '甲方代表' }])
    expect((await json<AvailabilityMaking>(get('/availability/business?month=2026-07&span=2026-07-13'))).hours).toHaveLength(2)
  })

  it('is refused for other spans and not there for other services and days', async () => {
    for (const span of ['week', '2026-7-1', '2026-07-32', '', 'constructor']) expect(await refusedAs(get(`/availability/portal?month=2026-07&span=${span}`))).toEqual([400, 'malformed'])
    for (const path of ['/availability/nobody?month=2026-07', '/availability/__proto__?month=2026-07', '/availability/portal?month=2026-07&span=2026-08-01']) expect(await refusedAs(get(path))).toEqual([404, 'not-found'])
  })
})

describe('acts', () => {
  it.each([
    ['/windows', serviceBodies.window, ['planWindow', serviceBodies.window, 'user-duty']],
    ['/windows/M1/approve', serviceBodies.approval, ['approveWindow', 'M1', serviceBodies.approval, 'user-duty']],
    ['/windows/M1/shorten', serviceBodies.shorter, ['shortenWindow', 'M1', NOW, '提前完成', 'user-duty']],
    ['/windows/M1/cancel', serviceBodies.reason, ['cancelWindow', 'M1', NOW, '原因', 'user-duty']],
    ['/requests', serviceBodies.request, ['receiveRequest', { ...serviceBodies.request, receivedAt: NOW }, 'user-duty']],
    ['/requests/Q1/start', {}, ['startRequest', 'Q1', 'user-duty', 'user-duty']],
    ['/requests/Q1/start', { person: '值班员' }, ['startRequest', 'Q1', '值班员', 'user-duty']],
    ['/requests/Q1/note', serviceBodies.worked, ['noteRequest', 'Q1', '已答复', 10, 'user-duty']],
    ['/requests/Q1/finish', serviceBodies.worked, ['finishRequest', 'Q1', '已答复', 10, 'user-duty']],
    ['/requests/Q1/refuse', serviceBodies.reason, ['refuseRequest', 'Q1', '原因', 'user-duty']],
    ['/guards', serviceBodies.guard, ['declareGuard', serviceBodies.guard, 'user-duty']],
    ['/guards/G1/end', serviceBodies.reason, ['endGuard', 'G1', '原因', 'user-duty']],
    ['/guards/G1/zero-reports', serviceBodies.zeroReport, ['fileZeroReport', 'G1', NOW, '无异常', 'user-duty']],
  ] as const)('POST %s %j reaches the room with its actor, and consoles are told', async (path, body, act) => {
    const hints: unknown[] = []
    stub.hints.subscribe((hint) => hints.push(hint))
    expect((await post(path, body, 'duty')).status).toBe(200)
    expect(stub.acts).toEqual([act])
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(hints).toEqual([{ topics: ['service', 'overview'] }])
  })

  it.each([
    ['/windows', { ...serviceBodies.window, by: 'me' }],
    ['/windows', { ...serviceBodies.window, from: 'now' }],
    ['/windows', { ...serviceBodies.window, from: 1e300 }],
    ['/windows', { ...serviceBodies.window, to: serviceBodies.window.from + 400 * 86_400_000 }],
    ['/windows', { ...serviceBodies.window, reason: '  ' }],
    ['/windows/M1/approve', { ...serviceBodies.approval, name: '' }],
    ['/windows/M1/cancel', { reason: '原因', effectiveAt: null }],
    ['/requests', { ...serviceBodies.request, kind: 'repair' }],
    ['/requests/Q1/finish', { ...serviceBodies.worked, minutes: 1_441 }],
    ['/requests/Q1/finish', { ...serviceBodies.worked, minutes: -1 }],
    ['/guards', { ...serviceBodies.guard, stepFactor: 0 }],
    ['/guards', { ...serviceBodies.guard, thresholdFactor: 1.1 }],
    ['/guards', { ...serviceBodies.guard, to: serviceBodies.guard.from + 367 * 86_400_000 }],
    ['/guards', { ...serviceBodies.guard, zeroReports: { times: ['8:00'], graceMinutes: 0, leadMinutes: 0 } }],
    ['/guards', { ...serviceBodies.guard, zeroReports: { times: ['24:00'], graceMinutes: 0, leadMinutes: 0 } }],
    ['/months/2026-07/freeze', {}],
    ['/months/2026-07/freeze', { forced: '' }],
    ['/months/2026-07/annotations', { ...serviceBodies.correction, path: '__proto__' }],
    ['/months/2026-07/annotations', { ...serviceBodies.correction, corrected: [] }],
    ['/months/2026-07/annotations', { ...serviceBodies.correction, original: 5 }],
  ])('POST %s %j is refused before it reaches the room', async (path, body) => {
    expect(await refusedAs(post(path, body))).toEqual([400, 'malformed'])
    expect(stub.acts).toEqual([])
  })

  it("a refusal of the room is passed on in its words, and no console is told", async () => {
    const hints: unknown[] = []
    stub = stubWeb({ service: { ...stubService([], NOW), freezeMonth: () => Promise.resolve({ kind: 'refused', status: 409, code: 'incidents-open', message: '故障 F1 尚未关闭；确需封账请写明理由' }) } })
    stub.hints.subscribe((hint) => hints.push(hint))
    const response = await post('/months/2026-07/freeze', serviceBodies.freeze)
    expect([response.status, await response.json()]).toEqual([409, { code: 'incidents-open', message: '故障 F1 尚未关闭；确需封账请写明理由' }])
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(hints).toEqual([])
  })
})

describe('exposure', () => {
  const seen = ['project-manager', 'client-manager']

  it.each(roles)('%s', async (role) => {
    const response = await get('/exposure', role)
    const text = await response.text()
    expect(matrix[role].includes('exposure.read')).toBe(seen.includes(role))
    if (!seen.includes(role)) {
      expect(response.status).toBe(403)
      expect(text).not.toMatch(/元|\d{3}/)
      return
    }
    const view = JSON.parse(text) as { total: string; lines: { amount: string; steps: string[] }[] }
    expect(view.total).toMatch(/^\d{1,3}(,\d{3})*\.\d\d$/)
    expect(view.lines.length).toBeGreaterThan(0)
    for (const line of view.lines) expect(line.steps.at(-1)).toContain(`${line.amount} 元`)
  })

  it('is nowhere in what a duty engineer can read here', async () => {
    const { total } = await json<{ total: string }>(get('/exposure', 'project-manager'))
    for (const path of ['/services', '/availability', '/availability/portal', '/months', '/months/2026-07', '/months/verify', '/windows', '/requests', '/guards']) {
      const response = await get(path)
      expect(`${path} ${response.status}`).toBe(`${path} 200`)
      expect(await response.text()).not.toMatch(new RegExp(`元|Fen|yuan|${total.replaceAll('.', '\\.')}`))
    }
  })

  it('is shut at the door too, whatever the room behind it says', async () => {
    const whole = stubService([], NOW)
    stub = stubWeb({ service: { ...whole, exposure: () => whole.exposure(new Set(['exposure.read']), '') } })
    for (const role of roles) expect(`${role} ${(await get('/exposure', role)).status}`).toBe(`${role} ${seen.includes(role) ? 200 : 403}`)
  })

  it('says so where there are no terms', async () => {
    stub = stubWeb({ service: { ...stubService([], NOW), exposure: () => Promise.resolve({ kind: 'no-terms' }) } })
    expect(await refusedAs(get('/exposure', 'project-manager'))).toEqual([404, 'no-terms'])
  })
})

describe('whatever is sent', () => {
  const posts = ['/windows', '/windows/M1/approve', '/windows/M1/shorten', '/windows/M1/cancel', '/requests', '/requests/Q1/start', '/requests/Q1/note', '/requests/Q1/finish', '/requests/Q1/refuse', '/guards', '/guards/G1/end', '/guards/G1/zero-reports', '/months/2026-07/freeze', '/months/2026-07/annotations']
  const key = fc.constantFrom('services', 'objects', 'from', 'to', 'reason', 'afterTheFact', 'name', 'at', 'how', 'kind', 'service', 'text', 'minutes', 'person', 'title', 'zeroReports', 'times', 'dueAt', 'forced', 'path', 'corrected', 'approval', '__proto__', 'constructor')
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(NOW, -1, 1e300, 8.64e15, Number.MAX_SAFE_INTEGER, '2026-07', '', '\u0000', '08:00', ['portal'], ['08:00'], true, null, 'services.0.month.maintenanceMs'))
  const bodies = Object.values(serviceBodies)
  // A body that fits, with some of its parts exchanged: it gets further than the door.
  const body = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.tuple(fc.constantFrom(...bodies), fc.dictionary(key, value, { maxKeys: 3 })).map(([base, more]) => ({ ...base, ...more })))
  const month = fc.oneof(fc.constantFrom('2026-07', '2026-11', '2026-13', '9999-12', '0000-00'), fc.string({ unit: 'binary', maxLength: 12 }).map((text) => encodeURIComponent(text.toWellFormed())))

  it(`the answer is never a 5xx, and only what fits reaches the room (seed ${seed})`, async () => {
    const statuses = new Set<number>()
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...posts), body, month, async (path, sent, text) => {
        const before = stub.acts.length
        const response = await post(path, sent)
        expect(response.status < 500).toBe(true)
        expect(stub.acts.length - before).toBe(response.status === 200 ? 1 : 0)
        statuses.add(response.status)
        for (const where of [`/availability?month=${text}`, `/availability/${text === '' ? 'x' : text}?span=${text}`, `/months/${text}`, `/requests?month=${text}`]) {
          const { status } = await get(where)
          expect(status < 500).toBe(true)
        }
        expect(stub.failures).toEqual([])
      }),
      { seed, numRuns: scaled(120, 3_000) },
    )
    expect([...statuses].sort()).toEqual([200, 400])
  })
})
