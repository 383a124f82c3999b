/** Incidents and the work log in memory: what is asked for, what the room is given, what a body may hold, files. */
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { incidentBodies, uploadOf } from '../../../test/incident-dependencies.ts'
import { scaled, seed } from '../../../test/scale.ts'
import { NOW, type StubWeb, stubWeb } from '../../../test/web-dependencies.ts'
import { ATTACHMENT_BYTES } from '../../incidents/attachment.ts'

const own = '/api/zhishou/v1'
let stub: StubWeb
beforeEach(() => {
  stub = stubWeb()
})

/** A request by a role's bearer token. */
async function ask(path: string, body?: unknown, role = 'duty'): Promise<Response> {
  return await stub.web.app.request(`https://x${own}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer bearer-${role}` },
    ...(body === undefined ? {} : { body: typeof body === 'string' || body instanceof FormData ? body : JSON.stringify(body) }),
  })
}
const json = async (response: Response): Promise<Record<string, unknown>> => (await response.json()) as Record<string, unknown>
const code = async (response: Response): Promise<unknown> => [response.status, (await json(response))['code']]

describe('the list', () => {
  it('asks for what was asked for, and one more to know whether there are more', async () => {
    const reply = await json(await ask('/incidents?state=blind&severity=critical&service=portal&mine=yes&text=%20web%20&limit=2'))
    expect(stub.acts).toEqual([['search', { part: 'blind', severity: 'critical', service: 'portal', mine: { user: 'user-duty', person: null }, text: 'web', limit: 3 }]])
    expect([(reply['incidents'] as unknown[]).length, reply['more'], reply['now']]).toEqual([2, true, NOW])
    expect(await json(await ask('/incidents?limit=3'))).toMatchObject({ more: false })
    expect(stub.acts[1]).toEqual(['search', { part: 'open', limit: 4 }])
  })

  it.each(['state=', 'service=&text=&severity=&mine='])('%s left empty is not asked for', async (query) => {
    expect((await ask(`/incidents?${query}`)).status).toBe(200)
    expect(stub.acts).toEqual([['search', { part: 'open', limit: 201 }]])
  })

  it.each(['state=gone', 'severity=high', 'mine=no', 'limit=0', 'limit=1e2', `text=${'x'.repeat(129)}`, `service=${'x'.repeat(65)}`])('%s is refused and counted', async (query) => {
    expect(await code(await ask(`/incidents?${query}`))).toEqual([400, 'malformed'])
    expect([stub.refusals, stub.acts]).toEqual([['request/malformed'], []])
  })

  it('what an incident explains comes by page', async () => {
    const first = await json(await ask('/incidents/G1/hidden?limit=100'))
    expect([(first['hidden'] as unknown[]).length, first['more']]).toEqual([100, true])
    expect(await json(await ask('/incidents/G1/hidden?offset=100&limit=150'))).toMatchObject({ more: false })
    for (const query of ['offset=-1', 'offset=x', 'limit=0']) expect((await ask(`/incidents/G1/hidden?${query}`)).status).toBe(400)
  })
})

describe('one incident', () => {
  it('is shown with contacts only to who may see them', async () => {
    const seen = async (role: string): Promise<unknown> => {
      const { report, notifications } = (await json(await ask('/incidents/G1', undefined, role))) as { report: { contact: string }; notifications: { to: string }[] }
      return [report.contact, notifications[0]?.to]
    }
    for (const role of ['duty', 'onsite', 'project-manager', 'system-admin']) expect(await seen(role)).toEqual(['内线 1234', 'a@example.org'])
    for (const role of ['client-manager', 'assessor', 'reader']) expect(await seen(role)).toEqual(['', ''])
  })
})

describe('acts', () => {
  it.each([
    ['acknowledge', {}, ['acknowledge', 'G1', 'user-duty', 'api']],
    ['acknowledge-by-phone', { calledBy: ' 丙 ' }, ['acknowledgeByPhone', 'G1', 'user-duty', '丙', undefined]],
    ['acknowledge-by-phone', { calledBy: '丙', at: NOW - 5 }, ['acknowledgeByPhone', 'G1', 'user-duty', '丙', NOW - 5]],
    ['dispose', { text: ' 已重启 ' }, ['dispose', 'G1', 'user-duty', '已重启']],
    ['comment', { text: '看过' }, ['comment', 'G1', 'user-duty', '看过']],
    ['close', { text: '' }, ['close', 'G1', 'user-duty', '']],
    ['reopen', { text: '又坏了' }, ['reopen', 'G1', 'user-duty', '又坏了']],
    ['recovery', { text: '好了', confirmedBy: '乙' }, ['reportRecovery', 'G1', 'user-duty', '好了', '乙', NOW]],
    ['recovery', { text: '好了', confirmedBy: '乙', at: NOW - 9 }, ['reportRecovery', 'G1', 'user-duty', '好了', '乙', NOW - 9]],
    ['confirm-recovery', {}, ['confirmRecovery', 'G1', 'user-duty']],
    ['refuse-recovery', { text: '还没有好' }, ['refuseRecovery', 'G1', 'user-duty', '还没有好']],
    ['assign', { to: '乙' }, ['assign', 'G1', 'user-duty', '乙']],
    ['unassign', {}, ['unassign', 'G1', 'user-duty']],
    ['severity', { severity: 'info', reason: '影响小' }, ['setSeverity', 'G1', 'user-duty', 'info', '影响小']],
    ['root-cause', { category: 'power', text: '断电' }, ['rootCause', 'G1', 'user-duty', 'power', '断电']],
    ['merge', { into: 'F20261122-002', reason: '同一故障' }, ['merge', 'G1', 'F20261122-002', 'user-duty', '同一故障']],
    ['split', { fingerprints: ['a', 'b'], reason: '两件事' }, ['split', 'G1', ['a', 'b'], 'user-duty', '两件事']],
  ])('%s %j reaches the room with who did it, and answers the incident', async (name, body, given) => {
    const response = await ask(`/incidents/G1/${name}`, body)
    expect([response.status, (await json(response))['number']]).toEqual([200, 'G1'])
    expect(stub.acts).toEqual([given])
  })

  it('a person in the console and a program are told apart as sources of a response', async () => {
    const response = await stub.web.app.request(`https://x${own}/incidents/G1/acknowledge`, { method: 'POST', headers: { cookie: '__Host-zhishou=duty', 'x-zhishou-csrf': 'csrf-duty' }, body: '{}' })
    expect(response.status).toBe(200)
    expect(stub.acts).toEqual([['acknowledge', 'G1', 'user-duty', 'console']])
  })

  it('a refusal of the room is passed on in its own words', async () => {
    const refused = { kind: 'refused' as const, status: 409 as const, code: 'still-bad', message: '监测数据显示故障仍在，不能关闭' }
    stub = stubWeb({ incidents: { ...stub.deps.incidents, close: () => Promise.resolve(refused), attach: () => Promise.resolve(refused), openByHand: () => Promise.resolve(refused), logWork: () => Promise.resolve(refused) } })
    for (const [path, body] of [['/incidents/G1/close', { text: 'x' }], ['/incidents/G1/attachments', uploadOf('a.csv', 'text/csv', 'a')], ['/incidents', incidentBodies.handReport], ['/work-log', incidentBodies.work]] as const) {
      const response = await ask(path, body)
      expect([response.status, await response.json()]).toEqual([409, { code: 'still-bad', message: refused.message }])
    }
  })

  it('a report by hand is of now where no time is given, of a known service and profile', async () => {
    expect((await ask('/incidents', incidentBodies.handReport)).status).toBe(200)
    expect((await ask('/incidents', { ...incidentBodies.handReport, reportedAt: NOW - 60_000, profile: 'standard' })).status).toBe(200)
    expect(stub.acts).toEqual([
      ['openByHand', 'user-duty', { ...incidentBodies.handReport, reportedAt: NOW }],
      ['openByHand', 'user-duty', { ...incidentBodies.handReport, reportedAt: NOW - 60_000, profile: 'standard' }],
    ])
    expect(await code(await ask('/incidents', { ...incidentBodies.handReport, service: 'gone' }))).toEqual([422, 'unknown-service'])
    expect(await code(await ask('/incidents', { ...incidentBodies.handReport, profile: 'gone' }))).toEqual([422, 'unknown-profile'])
    expect(stub.acts).toHaveLength(2)
  })

  it.each([
    ['acknowledge', { by: '别人' }],
    ['acknowledge-by-phone', {}],
    ['acknowledge-by-phone', { calledBy: ' ' }],
    ['acknowledge-by-phone', { calledBy: '丙', at: 5 }],
    ['recovery', { text: '好了' }],
    ['recovery', { text: '好了', confirmedBy: '' }],
    ['severity', { severity: 'high', reason: 'x' }],
    ['severity', { severity: 'info', reason: ' ' }],
    ['root-cause', { category: 'ghosts', text: 'x' }],
    ['merge', { into: "F1' or 1", reason: 'x' }],
    ['split', { fingerprints: [], reason: 'x' }],
    ['split', { fingerprints: ['a'], reason: '' }],
    ['close', {}],
    ['close', { text: 'x'.repeat(4_001) }],
  ])('%s %j is refused', async (name, body) => {
    expect(await code(await ask(`/incidents/G1/${name}`, body))).toEqual([400, 'malformed'])
    expect(stub.acts).toEqual([])
  })

  it(`whatever a body holds, the answer is never a 5xx and nothing half understood is done (seed ${seed})`, async () => {
    const bodies: Readonly<Record<string, object>> = {
      '/incidents': incidentBodies.handReport, '/work-log': incidentBodies.work, '/incidents/G1/recovery': incidentBodies.recovery, '/incidents/G1/severity': incidentBodies.severity,
      '/incidents/G1/root-cause': incidentBodies.rootCause, '/incidents/G1/merge': incidentBodies.merge, '/incidents/G1/split': incidentBodies.split, '/incidents/G1/assign': incidentBodies.assign,
      '/incidents/G1/acknowledge-by-phone': { calledBy: '丙', at: NOW }, '/incidents/G1/close': { text: '' },
    }
    const junk = fc.oneof(fc.anything({ maxDepth: 2 }), fc.constantFrom<unknown>(null, '', ' ', -1, 1e308, NOW + 1, '\u0000', '\u202e', '__proto__', [], {}, 'x'.repeat(5_000)))
    const statuses = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(bodies)), fc.nat(20), junk, fc.boolean(), async (path, which, value, extra) => {
        const body = bodies[path] ?? {}
        const keys = Object.keys(body)
        const changed = { ...body, [extra ? 'unheard' : (keys[which % keys.length] ?? 'text')]: value }
        let text: string
        try {
          text = JSON.stringify(changed)
        } catch {
          return // Values that JSON cannot say do not come over a wire.
        }
        stub.acts.length = 0
        const response = await ask(path, text)
        await response.body?.cancel()
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
        expect(stub.failures).toEqual([])
        expect([200, 400, 422]).toContain(response.status)
        expect(stub.acts).toHaveLength(response.status === 200 ? 1 : 0)
      }),
      { seed, numRuns: scaled(1_000, 20_000) },
    )
    expect(Math.min(statuses.get(200) ?? 0, statuses.get(400) ?? 0)).toBeGreaterThan(0)
  })
})

describe('files', () => {
  const upload = (body: ReadableStream | FormData | string, headers: Record<string, string> = {}, number = 'G1'): Promise<Response> =>
    Promise.resolve(stub.web.app.request(`https://x${own}/incidents/${number}/attachments`, { method: 'POST', headers: { authorization: 'Bearer bearer-duty', ...headers }, body, ...(body instanceof ReadableStream ? { duplex: 'half' } : {}) } as RequestInit))

  it('reach the room with their name, claimed type and bytes, up to 10 MiB', async () => {
    const bytes = new Uint8Array(ATTACHMENT_BYTES).fill(0x61)
    expect((await upload(uploadOf('记录.txt', 'text/plain', bytes))).status).toBe(200)
    const [name, number, actor, file] = stub.acts[0] as [string, string, string, { name: string; type: string; bytes: Uint8Array }]
    expect([name, number, actor, file.name, file.type, file.bytes.length]).toEqual(['attach', 'G1', 'user-duty', '记录.txt', 'text/plain', ATTACHMENT_BYTES])
  })

  it('too large by its own word: refused without reading any of it', async () => {
    let pulled = 0
    const stream = new ReadableStream({ pull: (controller) => { pulled++; controller.enqueue(new Uint8Array(65_536)) } }, { highWaterMark: 0 })
    expect(await code(await upload(stream, { 'content-type': 'multipart/form-data; boundary=b', 'content-length': String(11 * 1_048_576) }))).toEqual([413, 'oversized'])
    expect([pulled, stub.refusals, stub.acts]).toEqual([0, ['request/oversized'], []])
  })

  it.each([{}, { 'content-length': '10' }])('endless, said to be %j: given up on at the limit', async (headers) => {
    let pulled = 0
    let cancelled = false
    const stream = new ReadableStream({
      pull: (controller) => { pulled++; controller.enqueue(new Uint8Array(65_536)) },
      cancel: () => { cancelled = true },
    }, { highWaterMark: 0 })
    expect(await code(await upload(stream, { 'content-type': 'multipart/form-data; boundary=b', ...headers }))).toEqual([413, 'oversized'])
    expect(pulled * 65_536).toBeLessThan(ATTACHMENT_BYTES + 4 * 65_536)
    expect([cancelled, stub.acts]).toEqual([true, []])
  })

  it('who may not act is refused before a byte is read', async () => {
    let pulled = 0
    const stream = new ReadableStream({ pull: (controller) => { pulled++; controller.enqueue(new Uint8Array(65_536)) } }, { highWaterMark: 0 })
    for (const [authorization, status] of [['Bearer bearer-client-manager', 403], ['Bearer nobody', 401]] as const) expect((await upload(stream, { authorization, 'content-type': 'multipart/form-data; boundary=b' })).status).toBe(status)
    expect(pulled).toBe(0)
  })

  it('a sender that goes away is no failure of ours', async () => {
    const stream = new ReadableStream({ pull: (controller) => controller.error(new Error('aborted')) }, { highWaterMark: 0 })
    expect(await code(await upload(stream, { 'content-type': 'multipart/form-data; boundary=b' }))).toEqual([400, 'cut-off'])
    expect([stub.failures, stub.refusals, stub.acts]).toEqual([[], ['request/cut-off'], []])
  })

  it('only one file, in a form, under its name', async () => {
    const two = uploadOf('a.txt', 'text/plain', 'a')
    two.append('file', new File(['b'], 'b.txt'))
    const other = new FormData()
    other.set('picture', new File(['b'], 'b.txt'))
    const plain = new FormData()
    plain.set('file', 'text')
    for (const form of [two, other, plain, new FormData()]) expect(await code(await upload(form))).toEqual([400, 'malformed'])
    for (const type of ['application/json', 'multipart/form-data', 'multipart/form-data; boundary=', 'multipart/form-data; boundary=b', 'text/plain']) expect(await code(await upload('{}', { 'content-type': type }))).toEqual([400, 'malformed'])
    expect([stub.acts, stub.failures]).toEqual([[], []])
  })

  it('at most four at once; the next may come when one is through', async () => {
    const ends: (() => void)[] = []
    const waiting = Array.from({ length: 4 }, () => upload(new ReadableStream({ start: (controller) => void ends.push(() => controller.close()) }), { 'content-type': 'multipart/form-data; boundary=b' }))
    await new Promise((resolve) => setImmediate(resolve))
    expect(await code(await upload(uploadOf('a.txt', 'text/plain', 'a')))).toEqual([503, 'busy'])
    for (const end of ends) end()
    await Promise.all(waiting)
    expect((await upload(uploadOf('a.txt', 'text/plain', 'a'))).status).toBe(200)
  })

  it('are handed out to be saved, never to be shown', async () => {
    const response = await ask('/incidents/G1/attachments/1', undefined, 'client-manager')
    expect([response.status, await response.text()]).toEqual([200, 'a,b\n1,2\n'])
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream', 'content-disposition': "attachment; filename*=UTF-8''%E8%AE%B0%E5%BD%95.csv", 'content-length': '8',
      'content-security-policy': "default-src 'none'; sandbox", 'x-content-type-options': 'nosniff', 'cache-control': 'no-store',
    })
    for (const path of ['/incidents/G1/attachments/2', '/incidents/G1/attachments/x', '/incidents/G1/attachments/-1', '/incidents/G2/attachments/1']) expect((await ask(path)).status).toBe(404)
  })
})

describe('the work log', () => {
  it('is asked for by span, kind, person and incident; the last day without a span', async () => {
    await ask(`/work-log?from=${NOW - 1_000}&to=${NOW}&kind=patching&by=%E7%94%B2&incident=F20261122-001&limit=5`)
    await ask('/work-log')
    expect(stub.acts).toEqual([
      ['workLog', { from: NOW - 1_000, to: NOW, kind: 'patching', by: '甲', incident: 'F20261122-001', limit: 6 }],
      ['workLog', { from: NOW + 1 - 86_400_000, to: NOW + 1, limit: 501 }],
    ])
  })

  it.each(['from=x', `from=${NOW}&to=${NOW}`, `from=${NOW - 400 * 86_400_000}&to=${NOW}`, 'kind=sleeping', 'limit=0', 'from=1e400', 'more=1'])('%s is refused', async (query) => {
    expect(await code(await ask(`/work-log?${query}`))).toEqual([400, 'malformed'])
    expect(stub.acts).toEqual([])
  })

  it('takes an entry by itself or on an incident, and tells consoles', async () => {
    const heard: unknown[] = []
    const end = stub.hints.subscribe((hint) => heard.push(hint))
    expect(await (await ask('/work-log', incidentBodies.work, 'project-manager')).json()).toEqual({ id: 7 })
    expect(await (await ask('/work-log', { ...incidentBodies.work, workedAt: NOW - 9, service: 'asr', incident: 'G1' })).json()).toEqual({ id: 7 })
    expect(stub.acts).toEqual([
      ['logWork', 'user-project-manager', { kind: 'other', text: '整理资料', minutes: 30, workedAt: NOW, service: null }, undefined],
      ['logWork', 'user-duty', { kind: 'other', text: '整理资料', minutes: 30, workedAt: NOW - 9, service: 'asr' }, 'G1'],
    ])
    await new Promise((resolve) => setTimeout(resolve, 30))
    end()
    expect(heard).toContainEqual({ topics: ['work-log'] })
  })

  it.each([{ minutes: -1 }, { minutes: 1_441 }, { minutes: 1.5 }, { kind: 'sleeping' }, { text: '  ' }, { by: '别人' }, { incident: '' }])('%j is refused', async (change) => {
    expect(await code(await ask('/work-log', { ...incidentBodies.work, ...change }))).toEqual([400, 'malformed'])
    expect(stub.acts).toEqual([])
  })
})
