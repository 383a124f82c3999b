import { describe, expect, it } from 'vitest'
import { stubWeb } from '../../test/web-dependencies.ts'
import type { SmsAnswer } from '../duty/acknowledge.ts'
import { MOST_REPLY_BYTES, smsReplies } from './sms-replies.ts'
import type { ReplyCall } from './sms-replies.ts'

const SECRET = 'a-long-enough-secret'

function setUp() {
  const world = { now: 1_000_000, broken: false }
  const taken: (readonly [string, SmsAnswer])[] = []
  const refusals: string[] = []
  const room = smsReplies({
    channels: [
      { name: 'sms', push: { admits: (header, inPath) => (header('x-reply-secret') ?? inPath) === SECRET, read: (body) => (body.length === 0 ? undefined : [{ phone: '13800000001', text: Buffer.from(body).toString(), id: 'm1' }]), answer: '{"code":0}' } },
      { name: 'other' },
    ],
    answered(channel, answer) {
      if (world.broken) return Promise.reject(new Error('disk full'))
      taken.push([channel, answer])
      return Promise.resolve()
    },
    now: () => world.now,
    refused: (what, code) => void refusals.push(`${what}/${code}`),
  })
  const call = (changes: Partial<ReplyCall> = {}): ReplyCall => ({ channel: 'sms', inPath: SECRET, address: '192.0.2.1', header: () => undefined, body: () => Promise.resolve(Buffer.from('4711')), ...changes })
  return { world, taken, refusals, room, call }
}

describe('answers that gateways post', () => {
  it('are handed on, and the gateway hears what it wants to', async () => {
    const { room, call, taken } = setUp()
    expect(await room.take(call())).toEqual({ status: 200, text: '{"code":0}' })
    expect(taken).toEqual([['sms', { phone: '13800000001', text: '4711', id: 'm1' }]])
  })

  it('are taken from nobody without the secret, who does not even learn which channels there are', async () => {
    const { room, call, taken, refusals } = setUp()
    let read = 0
    const body = () => (read++, Promise.resolve(Buffer.from('x')))
    const answers = await Promise.all([call({ inPath: 'wrong', body }), call({ inPath: undefined, body }), call({ channel: 'other', body }), call({ channel: 'nope', body }), call({ channel: '__proto__', body })].map((one) => room.take(one)))
    expect(answers).toEqual(Array(5).fill({ status: 404, text: 'not-found\n' }))
    expect([taken, read]).toEqual([[], 0])
    expect(new Set(refusals)).toEqual(new Set(['sms-reply/not-found']))
  })

  it('after twenty wrong tries an address waits, but whoever knows the secret is let in from there too', async () => {
    const { room, call, world } = setUp()
    for (let tries = 0; tries < 20; tries++) expect((await room.take(call({ inPath: `try-${tries}` }))).status).toBe(404)
    expect(await room.take(call({ inPath: 'try-21' }))).toEqual({ status: 429, text: 'too-many\n', retryAfterMs: 600_000 })
    expect((await room.take(call({ inPath: 'x', address: '192.0.2.2' }))).status).toBe(404)
    expect((await room.take(call())).status).toBe(200)
    world.now += 600_000
    expect((await room.take(call({ inPath: 'again' }))).status).toBe(404)
  })

  it('come at most so many a minute, and not too large, cut off, or unreadable', async () => {
    const { room, call, world } = setUp()
    for (const [given, status] of [['oversized', 413], ['cut-off', 400]] as const) expect((await room.take(call({ body: () => Promise.resolve(given) }))).status).toBe(status)
    expect(await room.take(call({ body: () => Promise.resolve(new Uint8Array()) }))).toEqual({ status: 400, text: 'malformed\n' })
    for (let posts = 3; posts < 600; posts++) expect((await room.take(call())).status).toBe(200)
    expect(await room.take(call())).toMatchObject({ status: 429, retryAfterMs: 100 })
    world.now += 100
    expect((await room.take(call())).status).toBe(200)
  })

  it('that could not be kept are an error, so that the gateway sends them again', async () => {
    const { room, call, world } = setUp()
    world.broken = true
    await expect(room.take(call())).rejects.toThrow('disk full')
  })
})

describe('POST /sms-replies', () => {
  it('takes the secret from a header or the path, and a body of so many bytes', async () => {
    const { room, taken } = setUp()
    const { web } = stubWeb({ smsReplies: room })
    const post = (path: string, body: string, headers: Record<string, string> = {}) => web.app.request(`http://127.0.0.1${path}`, { method: 'POST', body, headers })
    const good = await post('/sms-replies/sms', '4711', { 'X-Reply-Secret': SECRET })
    expect([good.status, await good.text(), good.headers.get('cache-control')]).toEqual([200, '{"code":0}', 'no-store'])
    expect((await post(`/sms-replies/sms/${SECRET}`, '4712')).status).toBe(200)
    expect((await post(`/sms-replies/sms/${SECRET}/more`, '4712')).status).toBe(404)
    expect((await post('/sms-replies/sms/wrong', '4713')).status).toBe(404)
    expect((await post(`/sms-replies/sms/${SECRET}`, 'x'.repeat(MOST_REPLY_BYTES + 1))).status).toBe(413)
    expect((await web.app.request(`http://127.0.0.1/sms-replies/sms/${SECRET}`, { method: 'PUT', body: '4714' })).status).toBe(405)
    expect(taken.map(([, answer]) => answer.text)).toEqual(['4711', '4712'])
  })
})
