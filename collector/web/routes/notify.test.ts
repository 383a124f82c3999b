import { beforeEach, describe, expect, it } from 'vitest'
import { notifyBodies } from '../../../test/notify-dependencies.ts'
import { NOW, alert, stubWeb } from '../../../test/web-dependencies.ts'
import type { StubWeb } from '../../../test/web-dependencies.ts'
import { roles } from '../../access/matrix.ts'
import { fingerprintOf } from '../../notify/label-set.ts'

const own = '/api/zhishou/v1'
let stub: StubWeb
beforeEach(() => {
  stub = stubWeb()
})

const ask = async (method: string, path: string, body?: unknown, role = 'duty'): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> => {
  const reply = await stub.web.app.request(`https://x${path}`, { method, headers: { authorization: `Bearer bearer-${role}` }, ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }) })
  const text = await reply.text()
  return { status: reply.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) }
}

describe('silences', () => {
  it('belong to who asks, whatever the body says', async () => {
    expect((await ask('POST', `${own}/silences`, notifyBodies.silence)).body).toMatchObject({ id: 'X1', state: 'active' })
    expect(stub.acts).toEqual([['silence.create', { ...notifyBodies.silence, startsAt: undefined }, 'user-duty']])
    expect((await ask('POST', `${own}/silences`, { ...notifyBodies.silence, owner: 'somebody' })).status).toBe(400)
    expect((await ask('POST', `${own}/silences/X1`, { reason: 'x', owner: 'somebody' })).status).toBe(400)
  })

  it.each<[string, unknown]>([
    ['no matcher', { ...notifyBodies.silence, matchers: [] }],
    ['no end', { matchers: notifyBodies.silence.matchers, reason: 'x' }],
    ['no reason', { ...notifyBodies.silence, reason: '  ' }],
    ['an operator nobody knows', { ...notifyBodies.silence, matchers: [{ name: 'a', op: '==', value: 'b' }] }],
    ['a time that is none', { ...notifyBodies.silence, endsAt: 1e300 }],
  ])('%s is refused before the room hears of it', async (_, body) => {
    expect((await ask('POST', `${own}/silences`, body)).status).toBe(400)
    expect(stub.acts).toEqual([])
  })

  it('the house rules hold for amtool too', async () => {
    const { notify } = stub.deps
    stub = stubWeb({ notify: { ...notify, silences: { ...notify.silences, apiFault: (request) => (request.createdBy === 'li' ? 'a second person has to agree' : undefined) } } })
    const refused = await ask('POST', '/api/v2/silences', notifyBodies.amSilence)
    expect([refused.status, refused.body]).toEqual([400, 'a second person has to agree'])
    expect(stub.acts).toEqual([])
    expect((await ask('POST', '/api/v2/silences', { ...notifyBodies.amSilence, createdBy: 'wang' })).status).toBe(200)
  })
})

describe('sizes', () => {
  const alerts = (bytes: number): string => JSON.stringify([{ labels: { alertname: 'X' }, annotations: { text: 'x'.repeat(bytes - 60) } }])

  it('alerts may come in calls of up to 4 MiB, everything else not', async () => {
    const many = JSON.stringify(Array.from({ length: 5_000 }, (_, n) => ({ labels: { alertname: 'X', n: String(n) }, annotations: { text: 'x'.repeat(200) } })))
    expect(many.length).toBeGreaterThan(256 * 1024)
    expect((await ask('POST', '/api/v2/alerts', many)).status).toBe(200)
    expect(stub.acts).toEqual([['put', 5_000]])
    expect((await ask('POST', '/api/v2/alerts', alerts(4 * 1024 * 1024 + 100))).status).toBe(413)
    for (const path of ['/api/v2/silences', `${own}/silences`, `${own}/routing/try`]) expect((await ask('POST', path, alerts(300 * 1024))).status, path).toBe(413)
    expect(new Set(stub.refusals)).toEqual(new Set(['request/oversized']))
  })

  it('a storm is still refused to who may not report', async () => {
    expect((await ask('POST', '/api/v2/alerts', alerts(1_000), 'reader')).status).toBe(403)
    expect((await ask('POST', '/api/v2/alerts', alerts(1_000), 'nobody')).status).toBe(401)
  })
})

describe('what a message says', () => {
  it.each(roles)('%s sees its words only with alerts.read', async (role) => {
    const { body } = await ask('GET', `${own}/outbox/X1`, undefined, role)
    const reads = stub.deps.access.byBearer(`bearer-${role}`).then((caller) => caller?.permissions.has('alerts.read') === true)
    expect([body['subject'], body['text']]).toEqual((await reads) ? ['故障', '正文'] : [null, null])
  })

  it.each(['state=gone', 'limit=0', 'limit=x', 'before=-1', 'before=x'])('GET /outbox?%s is refused', async (query) => {
    expect((await ask('GET', `${own}/outbox?${query}`)).status).toBe(400)
  })
})

describe('explanations', () => {
  it('find an alert by the name the list of alerts has for it', async () => {
    expect((await ask('GET', `${own}/explain?alert=${alert.fingerprint}&at=${NOW}`)).body).toMatchObject({ about: { id: fingerprintOf(alert.labels) } })
    expect((await ask('GET', `${own}/explain?alert=abc`)).body).toMatchObject({ about: { id: 'abc' } })
  })

  it.each(['', '?alert=a&silence=b', '?alert=a&at=now', '?alert=a&at=-5'])('%j is refused', async (query) => {
    expect((await ask('GET', `${own}/explain${query}`)).status).toBe(400)
  })
})

it('a try-out takes labels and nothing else', async () => {
  expect((await ask('POST', `${own}/routing/try`, { labels: { alertname: 'X' } })).body).toMatchObject({ labels: { alertname: 'X' } })
  for (const bad of [{ labels: { 'a b': 'x' } }, { labels: { a: 1 } }, { labels: {}, more: 1 }, {}]) expect((await ask('POST', `${own}/routing/try`, bad)).status).toBe(400)
})
