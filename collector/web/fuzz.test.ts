/** Whatever is sent, the answer is never a 5xx: random paths, methods, headers and bodies, with the real PromQL behind them. */
import fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { stubWeb } from '../../test/web-dependencies.ts'
import { openStore } from '../store/open-store.ts'
import { storeSettings } from '../store/settings.ts'
import type { MetricStore } from '../store/store.ts'
import type { QueryDependencies } from './dependencies.ts'
import { queryRoom } from './query.ts'

const own = '/api/zhishou/v1'
const known = ['/', '/healthz', '/metrics', '/enrol', '/link', `${own}/session`, `${own}/session/password`, `${own}/overview`, `${own}/hosts`, `${own}/hosts/web-01`, `${own}/alerts`, `${own}/self`, `${own}/incidents`, `${own}/incidents/G1`, `${own}/incidents/G1/dispose`, `${own}/incidents/G1/hidden`, `${own}/incidents/G1/attachments`, `${own}/incidents/G1/attachments/1`, `${own}/incidents/G1/split`, `${own}/work-log`, `${own}/agents`, `${own}/agents/tokens`, `${own}/agents/web-01/revoke`, `${own}/service/availability`, `${own}/service/availability/portal`, `${own}/service/months/2026-07`, `${own}/service/months/2026-07/freeze`, `${own}/service/windows`, `${own}/service/requests`, `${own}/service/guards`, `${own}/service/guards/G1/zero-reports`, `${own}/service/exposure`, `${own}/silences`, `${own}/silences/X1`, `${own}/silences/X1/confirm`, `${own}/channels`, `${own}/channels/mail/test`, `${own}/outbox`, `${own}/outbox/X1`, `${own}/routing`, `${own}/routing/try`, `${own}/explain`, '/api/v2/status', '/api/v2/alerts', '/api/v2/alerts/groups', '/api/v2/silences', '/api/v2/silence/X1', '/-/ready', '/api/v1/query', '/api/v1/query_range', '/api/v1/labels', '/api/v1/label/job/values', '/api/v1/series', '/api/v1/rules', '/api/v1/alerts', '/api/v1/metadata', '/api/v1/query_exemplars', '/assets/a.js', '/a/ask', '/a/wrong', '/a/limited', `${own}/duty`, `${own}/duty/shifts`, `${own}/duty/overrides`, `${own}/duty/overrides/1`, `${own}/incidents/G1/acknowledge-by-phone`]

const segment = fc.oneof(fc.constantFrom('api', 'v1', 'zhishou', 'label', 'values', '..', '.', '', '%', '%2e%2e', '%00', '%ff', '%E4%B8', 'U___ffffff_', 'U__a_', '主机', 'hosts', 'incidents'), fc.string({ unit: 'binary', maxLength: 12 }).map((text) => encodeURIComponent(text.toWellFormed())))
const path = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known) }, { weight: 2, arbitrary: fc.array(segment, { maxLength: 6 }).map((parts) => `/${parts.join('/')}`) }, { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...known), segment).map(([start, end]) => `${start}/${end}`) })

const expression = fc.oneof(
  fc.constantFrom('up', '1', 'up[5m]', 'rate(up[5m])', '"text"', 'up{', 'up offset', 'sum by (a) (up) or vector(1)', '(((((', 'up[1y:1ms]', 'label_replace(up, "a", "$1", "b", "(.*)")', '-1^2', 'topk(1e300, up)', 'up{a=~"("}', `${'('.repeat(20_000)}1`, `${'-'.repeat(20_000)}1`, `1${'+1'.repeat(20_000)}`, `${'sum('.repeat(5_000)}up${')'.repeat(5_000)}`, 'vector(1e999)', 'up @ 1e300', 'up offset 1e300', 'histogram_quantile(NaN, up)'),
  fc.string({ unit: fc.constantFrom(...Array.from('up()[]{}"=~!,.:+-*/^%@ 0123456789eymsd'), 'by', 'rate', 'sum', 'offset'), maxLength: 40 }),
  fc.string({ maxLength: 60 }),
)
const number = fc.oneof(fc.constantFrom('0', '-1', '1e300', 'NaN', '', '0.0001', '1e-9', '9e12', '-9e12', '5m', '292y', '2026-11-22T08:00:00Z', '+-1', '8640000000000', '8640000000001'), fc.double().map(String), fc.string({ maxLength: 8 }))
const parameters = fc.array(fc.oneof(fc.tuple(fc.constantFrom('query', 'match[]', 'filter', 'receiver', 'alert', 'silence'), expression), fc.tuple(fc.constantFrom('time', 'start', 'end', 'step', 'limit', 'timeout', 'state', 'at', 'before', 'active'), number)), { maxLength: 6 }).map((pairs) => new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value.toWellFormed()])).toString())

const body = fc.oneof(
  fc.constant(undefined), parameters, fc.string({ maxLength: 200 }), fc.json({ maxDepth: 3 }),
  fc.record({ text: fc.string(), user: fc.string(), password: fc.string(), host: fc.string(), reason: fc.string(), month: fc.string(), from: fc.integer(), to: fc.integer() }, { requiredKeys: [] }).map((value) => JSON.stringify(value)),
  fc.constantFrom('[[[['.repeat(20_000), `{"text":${'['.repeat(50_000)}`, '{"__proto__":{"a":1},"text":"x"}', '\ufeff{}', 'x'.repeat(300_000)),
)
const asking = fc.constantFrom<Record<string, string>>({}, { authorization: 'Bearer bearer-system-admin' }, { authorization: 'Bearer bearer-reader' }, { cookie: '__Host-zhishou=system-admin; zhishou=system-admin', 'x-zhishou-csrf': 'csrf-system-admin' }, { cookie: '__Host-zhishou=must-change' }, { cookie: '=;;==;%' }, { authorization: 'Basic ////' }, { authorization: `Basic ${btoa('a:b:c')}` })
const headers = fc.record({ 'content-type': fc.constantFrom('application/json', 'application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain', ';;;'), accept: fc.constantFrom('*/*', 'x'), 'accept-encoding': fc.constantFrom('gzip', 'gzip;q=0', 'zstd'), range: fc.constantFrom('bytes=0-', 'bytes=9-1', 'x'), 'x-forwarded-proto': fc.constant('https') }, { requiredKeys: [] })

const work = mkdtempSync(join(tmpdir(), 'zhishou-fuzz-'))
let store: MetricStore
let query: QueryDependencies

/** A store with a few series around the times that the questions name. */
beforeAll(async () => {
  store = openStore({ path: join(work, 'metrics.db'), now: () => 200_000, settings: storeSettings.parse({}) })
  const group = store.group('web-01', 'tick')
  const columns = store.columns(group, ['a', 'b', 'c'].map((a) => ({ __name__: 'up', job: 'node', instance: 'web-01', a })))
  const rows = Array.from({ length: 12 }, (_, step) => ({ group, at: step * 10_000, columns, values: Float64Array.of(step, Number.NaN, Infinity) }))
  await store.accept({ stream: 'web-01', epoch: 'e', seq: 1, rows, events: [], facts: [], checks: [] })
  query = queryRoom(store, () => Date.now())
})
afterAll(async () => {
  await store.close()
  rmSync(work, { recursive: true, force: true })
})

describe('a request that nobody foresaw', () => {
  it(`never gives a 5xx (seed ${seed})`, async () => {
    const { web, failures } = stubWeb({ query })
    const statuses = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(path, parameters, fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'PROPFIND'), asking, headers, body, fc.boolean(), async (where, query, method, who, more, sent, secure) => {
        const response = await web.app.request(`${secure ? 'https' : 'http'}://x${where}${query === '' ? '' : `?${query}`}`, {
          method,
          headers: { ...more, ...who },
          ...(method === 'GET' || method === 'HEAD' || sent === undefined ? {} : { body: sent.toWellFormed() }),
        })
        await response.body?.cancel()
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
        expect(failures.splice(0)).toEqual([])
        // 503 is the console that is not built here.
        expect(response.status < 500 || (response.status === 503 && method !== 'POST')).toBe(true)
        expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      }),
      { seed, numRuns: scaled(2_000, 50_000) },
    )
    // The generator reaches further than the door.
    for (const status of [200, 400, 401, 403, 404, 413]) expect(statuses.get(status) ?? 0, `status ${status}`).toBeGreaterThan(0)
  })

  it(`a question by a signed-in reader is answered or refused with a reason (seed ${seed})`, async () => {
    const { web, failures } = stubWeb({ query })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('query', 'query_range', 'series', 'labels', 'label/job/values'), parameters, expression, async (what, query, expr) => {
        const text = new URLSearchParams([['query', expr.toWellFormed()], ['match[]', expr.toWellFormed()]]).toString()
        const response = await web.app.request(`http://x/api/v1/${what}?start=0&end=100&step=10&${query}`, { method: what.startsWith('label/') ? 'GET' : 'POST', headers: { authorization: 'Bearer bearer-reader', 'content-type': 'application/x-www-form-urlencoded' }, ...(what.startsWith('label/') ? {} : { body: text }) })
        expect(failures.splice(0)).toEqual([])
        expect([200, 400, 422]).toContain(response.status)
        const reply = (await response.json()) as { status: string; errorType?: string; error?: string }
        expect(reply.status).toBe(response.status === 200 ? 'success' : 'error')
        if (response.status === 200) return
        expect(reply.errorType).toBe(response.status === 400 ? 'bad_data' : 'execution')
        expect(reply.error).not.toBe('')
      }),
      { seed, numRuns: scaled(1_500, 30_000) },
    )
  })
})
