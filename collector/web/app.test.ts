import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { dutyBodies } from '../../test/duty-dependencies.ts'
import { incidentBodies } from '../../test/incident-dependencies.ts'
import { notifyBodies } from '../../test/notify-dependencies.ts'
import { serviceBodies } from '../../test/service-dependencies.ts'
import { NOW, type StubWeb, stubWeb } from '../../test/web-dependencies.ts'
import { type Permission, matrix, permissions, roles } from '../access/matrix.ts'

const own = '/api/zhishou/v1'
const bodies: Readonly<Record<string, unknown>> = { text: { text: '已重启' }, token: { host: 'web-01' }, revoke: { reason: '退役' }, link: { person: 'engineer-1' }, password: { old: 'a', new: 'b' }, none: {}, ...serviceBodies, ...notifyBodies, ...dutyBodies, ...incidentBodies }

/** Every route under /api: what it asks for, and a body that it takes. A route that is not here fails the suite. */
const table: Readonly<Record<string, readonly [Permission | 'signed-in' | 'open', string?]>> = {
  [`POST ${own}/session`]: ['open'],
  [`GET ${own}/session`]: ['signed-in'],
  [`DELETE ${own}/session`]: ['signed-in'],
  [`POST ${own}/session/password`]: ['signed-in', 'password'],
  [`GET ${own}/overview`]: ['overview.read'],
  [`GET ${own}/stream`]: ['overview.read'],
  [`GET ${own}/hosts`]: ['hosts.read'],
  [`GET ${own}/hosts/:instance`]: ['hosts.read'],
  [`GET ${own}/alerts`]: ['alerts.read'],
  [`GET ${own}/self`]: ['self.read'],
  [`GET ${own}/incidents`]: ['incidents.read'],
  [`GET ${own}/incidents/:number`]: ['incidents.read'],
  [`POST ${own}/incidents/:number/acknowledge`]: ['incidents.act', 'none'],
  [`POST ${own}/incidents/:number/dispose`]: ['incidents.act', 'text'],
  [`POST ${own}/incidents/:number/comment`]: ['incidents.act', 'text'],
  [`GET ${own}/service/services`]: ['service.read'],
  [`GET ${own}/service/availability`]: ['service.read'],
  [`GET ${own}/service/availability/:service`]: ['service.read'],
  [`GET ${own}/service/months`]: ['service.read'],
  [`GET ${own}/service/months/verify`]: ['service.read'],
  [`GET ${own}/service/months/:month`]: ['service.read'],
  [`POST ${own}/service/months/:month/freeze`]: ['months.freeze', 'freeze'],
  [`POST ${own}/service/months/:month/annotations`]: ['months.freeze', 'correction'],
  [`GET ${own}/service/windows`]: ['service.read'],
  [`POST ${own}/service/windows`]: ['service.write', 'window'],
  [`POST ${own}/service/windows/:id/approve`]: ['service.write', 'approval'],
  [`POST ${own}/service/windows/:id/shorten`]: ['service.write', 'shorter'],
  [`POST ${own}/service/windows/:id/cancel`]: ['service.write', 'reason'],
  [`GET ${own}/service/requests`]: ['service.read'],
  [`POST ${own}/service/requests`]: ['service.write', 'request'],
  [`POST ${own}/service/requests/:id/start`]: ['service.write', 'none'],
  [`POST ${own}/service/requests/:id/note`]: ['service.write', 'worked'],
  [`POST ${own}/service/requests/:id/finish`]: ['service.write', 'worked'],
  [`POST ${own}/service/requests/:id/refuse`]: ['service.write', 'reason'],
  [`GET ${own}/service/guards`]: ['service.read'],
  [`POST ${own}/service/guards`]: ['service.write', 'guard'],
  [`POST ${own}/service/guards/:id/end`]: ['service.write', 'reason'],
  [`POST ${own}/service/guards/:id/zero-reports`]: ['service.write', 'zeroReport'],
  [`GET ${own}/service/exposure`]: ['exposure.read'],
  [`POST ${own}/incidents/:number/acknowledge-by-phone`]: ['incidents.act', 'call'],
  [`GET ${own}/duty`]: ['duty.read'],
  [`GET ${own}/duty/shifts`]: ['duty.read'],
  [`GET ${own}/duty/escalation`]: ['duty.read'],
  [`GET ${own}/duty/overrides`]: ['duty.read'],
  [`POST ${own}/duty/overrides`]: ['duty.write', 'override'],
  [`DELETE ${own}/duty/overrides/:override`]: ['duty.write', 'back'],
  [`POST ${own}/incidents`]: ['incidents.act', 'handReport'],
  [`GET ${own}/incidents/choices`]: ['incidents.read'],
  [`GET ${own}/incidents/:number/hidden`]: ['incidents.read'],
  [`GET ${own}/incidents/:number/merged`]: ['incidents.read'],
  [`POST ${own}/incidents/:number/close`]: ['incidents.act', 'text'],
  [`POST ${own}/incidents/:number/reopen`]: ['incidents.act', 'text'],
  [`POST ${own}/incidents/:number/recovery`]: ['incidents.act', 'recovery'],
  [`POST ${own}/incidents/:number/confirm-recovery`]: ['incidents.act', 'confirm-recovery'],
  [`POST ${own}/incidents/:number/refuse-recovery`]: ['incidents.act', 'refuse-recovery'],
  [`POST ${own}/incidents/:number/assign`]: ['incidents.act', 'assign'],
  [`POST ${own}/incidents/:number/unassign`]: ['incidents.act', 'none'],
  [`POST ${own}/incidents/:number/severity`]: ['incidents.act', 'severity'],
  [`POST ${own}/incidents/:number/root-cause`]: ['incidents.act', 'rootCause'],
  [`POST ${own}/incidents/:number/merge`]: ['incidents.act', 'merge'],
  [`POST ${own}/incidents/:number/split`]: ['incidents.act', 'split'],
  [`POST ${own}/incidents/:number/attachments`]: ['incidents.act', 'file'],
  [`GET ${own}/incidents/:number/attachments/:file`]: ['incidents.read'],
  [`GET ${own}/work-log`]: ['incidents.read'],
  [`POST ${own}/work-log`]: ['work.write', 'work'],
  [`GET ${own}/silences`]: ['alerts.read'],
  [`POST ${own}/silences`]: ['silences.write', 'silence'],
  [`POST ${own}/silences/:id`]: ['silences.write', 'silenceChange'],
  [`POST ${own}/silences/:id/expire`]: ['silences.write', 'none'],
  [`POST ${own}/silences/:id/confirm`]: ['silences.write', 'none'],
  [`POST ${own}/silences/:id/refuse`]: ['silences.write', 'reason'],
  [`GET ${own}/channels`]: ['overview.read'],
  [`POST ${own}/channels/:name/test`]: ['channels.test', 'channelTest'],
  [`GET ${own}/outbox`]: ['overview.read'],
  [`GET ${own}/outbox/:id`]: ['overview.read'],
  [`GET ${own}/routing`]: ['alerts.read'],
  [`POST ${own}/routing/try`]: ['alerts.read', 'labels'],
  [`GET ${own}/explain`]: ['alerts.read'],
  'GET /api/v2/status': ['alerts.read'],
  'GET /api/v2/receivers': ['alerts.read'],
  'GET /api/v2/alerts': ['alerts.read'],
  'POST /api/v2/alerts': ['alerts.write', 'posted'],
  'GET /api/v2/alerts/groups': ['alerts.read'],
  'GET /api/v2/silences': ['alerts.read'],
  'POST /api/v2/silences': ['silences.write', 'amSilence'],
  'GET /api/v2/silence/:id': ['alerts.read'],
  'DELETE /api/v2/silence/:id': ['silences.write'],
  [`GET ${own}/accounts/links`]: ['accounts.link'],
  [`PUT ${own}/accounts/:user/person`]: ['accounts.link', 'link'],
  [`GET ${own}/agents`]: ['agents.manage'],
  [`POST ${own}/agents/tokens`]: ['agents.manage', 'token'],
  [`POST ${own}/agents/:instance/revoke`]: ['agents.manage', 'revoke'],
  ...Object.fromEntries(
    ['GET /query', 'POST /query', 'GET /query_range', 'POST /query_range', 'GET /labels', 'POST /labels', 'GET /label/:name/values', 'GET /series', 'POST /series', 'GET /rules', 'GET /alerts', 'GET /metadata', 'GET /query_exemplars', 'POST /query_exemplars', 'GET /status/buildinfo']
      .map((one) => [one.replace(' ', ' /api/v1'), ['query.read'] as const]),
  ),
}

let stub: StubWeb
beforeEach(() => {
  stub = stubWeb()
})

interface Ask {
  readonly method?: string
  readonly cookie?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly secure?: boolean
}

/** One request in memory; over TLS unless `secure` says otherwise. */
async function ask(path: string, { method = 'GET', cookie, headers = {}, body, secure = true }: Ask = {}): Promise<Response> {
  const name = secure ? '__Host-zhishou' : 'zhishou'
  return await stub.web.app.request(`${secure ? 'https' : 'http'}://collector.example.org${path}`, {
    method,
    headers: { ...(cookie === undefined ? {} : { cookie: `${name}=${cookie}` }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' || body instanceof FormData ? body : JSON.stringify(body) }),
  })
}

const codeOf = async (response: Response): Promise<unknown> => ((await response.json()) as { code?: unknown }).code
const paths = Object.entries(table).map(([key, [needs, body]]) => {
  const [method = '', path = ''] = key.split(' ')
  return { key, method, path: path.replace(':instance', 'web-01').replace(':user', 'admin').replace(':number', 'G1').replace(':name', 'job').replace(':override', '1').replace(':file', '1').replace('/availability/:service', '/availability/portal').replace(':month', '2026-07').replace(':id', 'X1').replace(/\/(query|query_range)$/, '/$1?query=1&start=0&end=1&step=1').replace(/\/explain$/, '/explain?alert=f1').replace(/\/series$/, '/series?match[]=up'), needs, body: body === undefined ? undefined : bodies[body] }
})
const guarded = paths.filter((one) => one.needs !== 'open')

describe('who may pass', () => {
  it('the table names every route under /api, and only permissions that exist', () => {
    const routes = stub.web.app.routes.filter((route) => route.path.startsWith('/api') && route.method !== 'ALL').map((route) => `${route.method} ${route.path.replace(/(?<=.)\/$/, '')}`)
    expect([...new Set(routes)].sort()).toEqual(Object.keys(table).sort())
    for (const { needs } of guarded) if (needs !== 'signed-in') expect(permissions).toContain(needs)
  })

  it('outside /api nothing is there but health, metrics, reload, enrolment, answers and the console', () => {
    const routes = stub.web.app.routes.filter((route) => !route.path.startsWith('/api')).map((route) => `${route.method} ${route.path}`)
    expect([...new Set(routes)].sort()).toEqual(['ALL /*', 'ALL /assets/*', 'ALL /icon.svg', 'ALL /sms-replies/:channel', 'ALL /sms-replies/:channel/:secret', 'GET /*', 'GET /-/healthy', 'GET /-/ready', 'GET /a/:token', 'GET /assets/*', 'GET /healthz', 'GET /metrics', 'POST /-/reload', 'POST /a/:token', 'POST /enrol', 'POST /sms-replies/:channel', 'POST /sms-replies/:channel/:secret'])
  })

  it.each(guarded)('$key refuses who is nobody', async ({ method, path, body }) => {
    for (const headers of [{}, { authorization: 'Bearer nobody' }, { authorization: `Basic ${btoa('x:nobody')}` }, { authorization: 'Bearer ' }, { authorization: 'Negotiate abc' }]) {
      const response = await ask(path, { method, headers, body: method === 'GET' ? undefined : body })
      expect(response.status).toBe(401)
      expect(await codeOf(response)).toBe('unauthenticated')
    }
    expect((await ask(path, { method, cookie: 'nobody' })).status).toBe(401)
    expect(new Set(stub.refusals)).toEqual(new Set(['request/unauthenticated']))
    expect(stub.acts).toEqual([])
  })

  it.each(roles)('%s gets what the matrix gives and nothing else', async (role) => {
    for (const { key, method, path, needs, body } of guarded) {
      if (key === `DELETE ${own}/session`) continue
      const response = await ask(path, { method, cookie: role, headers: { 'x-zhishou-csrf': `csrf-${role}` }, body })
      await response.body?.cancel()
      const may = needs === 'signed-in' || matrix[role].includes(needs as Permission)
      expect(`${key} ${response.status}`).toMatch(may ? / 20[04]$/ : / 403$/)
    }
    expect(stub.failures).toEqual([])
  })

  it.each(guarded.filter((one) => one.needs !== 'signed-in'))('$key is closed until a first password is changed', async ({ method, path, body }) => {
    const response = await ask(path, { method, cookie: 'must-change', headers: { 'x-zhishou-csrf': 'csrf-must-change' }, body })
    expect([response.status, await codeOf(response)]).toEqual([403, 'password-change-due'])
  })

  it('with a first password one may look at oneself, change it and go', async () => {
    const csrf = { 'x-zhishou-csrf': 'csrf-must-change' }
    expect(await (await ask(`${own}/session`, { cookie: 'must-change' })).json()).toMatchObject({ mustChangePassword: true })
    expect((await ask(`${own}/session/password`, { method: 'POST', cookie: 'must-change', headers: csrf, body: bodies['password'] })).status).toBe(204)
    expect((await ask(`${own}/session`, { method: 'DELETE', cookie: 'must-change', headers: csrf })).status).toBe(204)
    expect(stub.acts).toEqual([['changePassword', 'must-change', 'a', 'b', 'unknown'], ['signOut', 'must-change']])
  })

  it.each(guarded.filter((one) => one.method !== 'GET'))('$key by cookie needs the CSRF word', async ({ method, path, body }) => {
    const before = [...stub.acts]
    for (const headers of [{}, { 'x-zhishou-csrf': '' }, { 'x-zhishou-csrf': 'csrf-duty' }]) {
      const response = await ask(path, { method, cookie: 'system-admin', headers, body })
      expect([response.status, await codeOf(response)]).toEqual([403, 'csrf'])
    }
    expect(stub.acts).toEqual(before)
    expect(stub.refusals).toEqual(['request/csrf', 'request/csrf', 'request/csrf'])
  })

  it('a bearer token needs no CSRF word, works as a Basic password, and has no password of its own', async () => {
    const acknowledge = `${own}/incidents/G1/acknowledge`
    expect((await ask(acknowledge, { method: 'POST', headers: { authorization: 'Bearer bearer-duty' }, body: {} })).status).toBe(200)
    expect((await ask(acknowledge, { method: 'POST', headers: { authorization: `Basic ${btoa('grafana:bearer-duty')}` }, body: {} })).status).toBe(200)
    expect((await ask(acknowledge, { method: 'POST', headers: { authorization: `Basic ${btoa('bearer-duty')}` }, body: {} })).status).toBe(401)
    expect((await ask(`${own}/session/password`, { method: 'POST', headers: { authorization: 'Bearer bearer-duty' }, body: bodies['password'] })).status).toBe(403)
    // A token that is wrong is not made up for by a good cookie.
    expect((await ask(`${own}/overview`, { cookie: 'system-admin', headers: { authorization: 'Bearer nobody' } })).status).toBe(401)
  })

  it('a session of plain HTTP does not stand in for one of TLS, nor the other way round', async () => {
    expect((await ask(`${own}/overview`, { headers: { cookie: 'zhishou=system-admin' } })).status).toBe(401)
    expect((await ask(`${own}/overview`, { secure: false, headers: { cookie: '__Host-zhishou=system-admin' } })).status).toBe(401)
    expect((await ask(`${own}/overview`, { secure: false, cookie: 'system-admin' })).status).toBe(200)
  })
})

describe('sign-in', () => {
  const signIn = (secure: boolean, body: unknown = { user: 'admin', password: 'right' }) => ask(`${own}/session`, { method: 'POST', body, secure })

  it('sets a cookie that scripts cannot read, other sites cannot send and, over TLS, plain HTTP never carries', async () => {
    expect((await signIn(true)).headers.get('set-cookie')).toBe('__Host-zhishou=system-admin; Path=/; HttpOnly; Secure; SameSite=Strict')
    expect((await signIn(false)).headers.get('set-cookie')).toBe('zhishou=system-admin; Path=/; HttpOnly; SameSite=Strict')
  })

  it('tells who one is and never the token', async () => {
    const text = await (await signIn(true)).text()
    expect(JSON.parse(text)).toEqual({ user: 'user-system-admin', person: null, role: 'system-admin', permissions: [...matrix['system-admin']], mustChangePassword: false, csrf: 'csrf-system-admin', expiresAt: NOW + 1_000 })
  })

  it('passes a refusal on, without a cookie', async () => {
    const response = await signIn(true, { user: 'admin', password: 'wrong' })
    expect([response.status, response.headers.get('set-cookie')]).toEqual([401, null])
    expect(await response.json()).toEqual({ code: 'wrong', message: 'admin: 用户名或密码不正确' })
  })

  it('signing out ends the session and takes the cookie away', async () => {
    const response = await ask(`${own}/session`, { method: 'DELETE', cookie: 'duty', headers: { 'x-zhishou-csrf': 'csrf-duty' } })
    expect(response.headers.get('set-cookie')).toMatch(/^__Host-zhishou=; Max-Age=0; Path=\/; Secure/)
    expect(stub.acts).toEqual([['signOut', 'duty']])
  })
})

describe('what a request may hold', () => {
  const headers = { 'x-zhishou-csrf': 'csrf-duty' }
  const dispose = (body: string) => ask(`${own}/incidents/G1/dispose`, { method: 'POST', cookie: 'duty', headers, body })

  it.each([
    ['', '请求内容不是有效的 JSON'],
    ['{', '请求内容不是有效的 JSON'],
    ['null', '(top)'],
    ['[]', '(top)'],
    ['{}', 'text'],
    ['{"text":5}', 'text'],
    ['{"text":"   "}', '内容不能为空'],
    ['{"text":"x","state":"closed"}', 'state'],
    [JSON.stringify({ text: 'x'.repeat(4_001) }), 'text'],
  ])('%j is refused with what is wrong, and counted', async (body, told) => {
    const response = await dispose(body)
    const problem = (await response.json()) as { code: string; message: string }
    expect([response.status, problem.code]).toEqual([400, 'malformed'])
    expect(problem.message).toContain(told)
    expect(stub.refusals).toEqual(['request/malformed'])
    expect(stub.acts).toEqual([])
  })

  it.each([
    [`${own}/session`, { user: 'a', password: 'b', role: 'system-admin' }],
    [`${own}/agents/tokens`, { host: 'web-01', role: 'x' }],
    [`${own}/agents/tokens`, { host: '../etc/passwd' }],
    [`${own}/agents/tokens`, { host: 'a b' }],
    [`${own}/agents/web-01/revoke`, { reason: 'x', force: true }],
    [`${own}/incidents/G1/acknowledge`, { by: 'me' }],
    [`${own}/session/password`, { old: 'a', new: 'b', user: 'admin' }],
  ])('POST %s %j is refused', async (path, body) => {
    expect((await ask(path, { method: 'POST', cookie: 'system-admin', headers: { 'x-zhishou-csrf': 'csrf-system-admin' }, body })).status).toBe(400)
    expect(stub.acts).toEqual([])
  })

  it('a text arrives without its outer blanks, with the name of who wrote it', async () => {
    expect((await dispose('{"text":"  已重启  "}')).status).toBe(200)
    expect(stub.acts).toEqual([['dispose', 'G1', 'user-duty', '已重启']])
  })

  it('more than 256 KiB is refused before it is looked at, told or untold', async () => {
    const big = 'x'.repeat(256 * 1024 + 1)
    const told = await ask(`${own}/session`, { method: 'POST', body: big, headers: { 'content-length': String(big.length) } })
    expect([told.status, await codeOf(told)]).toEqual([413, 'oversized'])
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(big.slice(0, 64 * 1024)))
      },
    })
    const untold = await stub.web.app.request(`https://x${own}/session`, { method: 'POST', body: stream, duplex: 'half' } as RequestInit)
    expect(untold.status).toBe(413)
    expect(stub.refusals).toEqual(['request/oversized', 'request/oversized'])
  })

  it('limits of lists are checked', async () => {
    for (const query of ['state=gone', 'limit=0', 'limit=x', 'limit=-1', 'limit=1e3']) expect(`${query} ${(await ask(`${own}/incidents?${query}`, { cookie: 'duty' })).status}`).toBe(`${query} 400`)
    expect((await ask(`${own}/incidents?state=all&limit=5000`, { cookie: 'duty' })).status).toBe(200)
  })
})

describe('what every answer holds', () => {
  it.each(['/', '/hosts/web-01', '/healthz', '/metrics', '/nope.php', `${own}/session`, `${own}/nope`, '/api/v1/query', '/api/v1/nope', '/api/nope', '/assets/nope.js'])('%s has the security headers', async (path) => {
    for (const [secure, method] of [[true, 'GET'], [false, 'GET'], [true, 'POST'], [true, 'OPTIONS'], [true, 'HEAD']] as const) {
      const { headers } = await ask(path, { secure, method })
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'self';.*frame-ancestors 'none'$/)
      expect(headers.get('content-security-policy')).not.toMatch(/script-src|unsafe-eval/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('referrer-policy')).toBe('same-origin')
      expect(headers.get('strict-transport-security')).toBe(secure ? 'max-age=31536000' : null)
      expect(headers.get('access-control-allow-origin')).toBeNull()
      if (path.startsWith('/api/')) expect(headers.get('cache-control')).toBe('no-store')
    }
  })

  it('a failure nobody foresaw is reported, and told without its text', async () => {
    stub = stubWeb({ overview: () => Promise.reject(new Error('secret path /x')) })
    const response = await ask(`${own}/overview`, { cookie: 'duty' })
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('secret')
    expect(response.headers.get('x-frame-options')).toBe('DENY')
    expect(stub.failures).toHaveLength(1)
  })
})

describe('addresses', () => {
  it.each(['/api/nope', '/api/v2/nope', '/api/v1/rules/test/test', '/api/v1/status/flags'])('%s is a 404 as Prometheus says it', async (path) => {
    const response = await ask(path, { headers: { authorization: 'Bearer bearer-reader' } })
    expect([response.status, await response.text()]).toEqual([404, '404 page not found\n'])
  })

  it('our own unknown paths are a 404 for who is signed in', async () => {
    expect((await ask(`${own}/nope`, { cookie: 'duty' })).status).toBe(404)
    expect((await ask(`${own}/hosts/nope`, { cookie: 'duty' })).status).toBe(404)
    expect((await ask(`${own}/incidents/nope`, { cookie: 'duty' })).status).toBe(404)
  })

  it('/metrics is open on plain HTTP and not there over TLS', async () => {
    const plain = await ask('/metrics', { secure: false })
    expect([plain.status, plain.headers.get('content-type'), await plain.text()]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8', 'zhishou_up 1\n'])
    expect((await ask('/metrics', { cookie: 'system-admin' })).status).toBe(404)
  })

  it('/healthz says ok, or 503 with what is wrong', async () => {
    expect(await (await ask('/healthz')).json()).toEqual({ status: 'ok', version: '9.9.9', problems: [] })
    stub = stubWeb({ healthProblems: () => ['the disk is full'] })
    const response = await ask('/healthz')
    expect([response.status, await response.json()]).toEqual([503, { status: 'failing', version: '9.9.9', problems: ['the disk is full'] }])
  })

  it('/enrol is there over TLS only', async () => {
    const body = { token: 'zs1.x', host: 'web-01', publicKey: 'pem', proof: 'x' }
    expect((await ask('/enrol', { method: 'POST', body, secure: false })).status).toBe(404)
    const limited = await ask('/enrol', { method: 'POST', body })
    expect([limited.status, limited.headers.get('retry-after'), await limited.json()]).toEqual([429, '2', { code: 'limit', message: 'web-01' }])
    for (const bad of ['', '{', 'null', '[]', JSON.stringify({ ...body, more: 1 }), JSON.stringify({ ...body, host: '' })]) expect((await ask('/enrol', { method: 'POST', body: bad })).status).toBe(400)
    expect(new Set(stub.refusals)).toEqual(new Set(['enrol/malformed']))
  })
})

describe('the console', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zhishou-console-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('is one page under every path, with assets that are kept for good', async () => {
    mkdirSync(join(folder, 'assets'), { recursive: true })
    writeFileSync(join(folder, 'index.html'), '<!doctype html><title>值守</title>')
    writeFileSync(join(folder, 'assets', 'a.js'), '1')
    writeFileSync(join(folder, '..', 'zhishou-outside.txt'), 'outside')
    stub = stubWeb({ consoleFolder: folder })
    for (const path of ['/', '/incidents/G1', '/anything']) {
      const response = await ask(path)
      expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-cache'])
      expect(await response.text()).toContain('值守')
    }
    const asset = await ask('/assets/a.js')
    expect([asset.status, asset.headers.get('cache-control'), await asset.text()]).toEqual([200, 'public, max-age=31536000, immutable', '1'])
    expect((await ask('/assets/gone.js')).status).toBe(404)
    for (const path of ['/assets/../../zhishou-outside.txt', '/assets/..%2f..%2fzhishou-outside.txt', '/assets/%2e%2e/%2e%2e/zhishou-outside.txt']) expect(await (await ask(path)).text()).not.toContain('outside')
    rmSync(join(folder, '..', 'zhishou-outside.txt'))
  })

  it('says how to build it where it is not', async () => {
    const response = await ask('/')
    expect([response.status, await codeOf(response)]).toEqual([503, 'no-console'])
  })
})

describe('the live stream', () => {
  it('names what changed, and ends with its reader', async () => {
    const response = await ask(`${own}/stream`, { cookie: 'duty' })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const reader = response.body!.getReader()
    const decoder = new TextDecoder()
    let text = ''
    const until = async (part: string): Promise<void> => {
      while (!text.includes(part)) {
        const { value, done } = await reader.read()
        if (done) throw new Error(`the stream ended: ${text}`)
        text += decoder.decode(value)
      }
    }
    await until(': still here\n\n')
    expect(stub.hints.listeners).toBe(1)
    stub.hints.publish('alerts', 'overview')
    stub.hints.publish('alerts')
    await until('event: hint\ndata: {"topics":["alerts","overview"]}\n\n')
    await reader.cancel()
    expect(stub.hints.listeners).toBe(0)
  })
})
