/**
 * What every channel promises (collector/notify/channel.ts), run over the whole registry. A new channel adds a rig that
 * can make its other side behave; without one this suite fails.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChannelSettings } from '../../collector/notify/channel-settings.ts'
import type { Channel } from '../../collector/notify/channel.ts'
import { channelKinds, openChannel, openChannels, openWebhookAt } from '../../collector/notify/registry.ts'
import { notifySettings } from '../../collector/notify/settings.ts'
import { reset, say, stall, startPeer } from '../integration/http-rig.ts'
import type { Answer, Arrived } from '../integration/http-rig.ts'
import { channelOf, leastSettings, message as sample, parsed, world } from '../integration/message-rig.ts'
import { startRelay } from '../integration/smtp-rig.ts'

type Behaviour = 'accept' | 'refuse' | 'later' | 'stall' | 'drop'
type Kind = ChannelSettings['kind']

interface Rig {
  /** The channel as the product opens it, but with short waits. */
  readonly channel: Channel
  behave(behaviour: Behaviour): void
  /** What arrived, by address. */
  received(): readonly string[]
  readonly addresses: readonly string[]
  close(): Promise<void>
}

/** How the other side of a kind speaks: the documented answers, and whom an accepted request was for. */
interface Speech {
  readonly accept: Answer
  readonly refuse: Answer
  readonly later: Answer
  readonly addresses: readonly string[]
  to(request: Arrived): readonly string[]
}

const phones = ['13800000001', '13800000002']
const speeches: Readonly<Record<Exclude<Kind, 'email'>, Speech>> = {
  wecom: { accept: say(200, { errcode: 0, errmsg: 'ok' }), refuse: say(200, { errcode: 40058, errmsg: 'invalid Request Parameter' }), later: say(200, { errcode: 45009, errmsg: 'api freq out of limit' }), addresses: ['c'], to: () => ['c'] },
  dingtalk: { accept: say(200, { errcode: 0, errmsg: 'ok' }), refuse: say(200, { errcode: 40035, errmsg: '缺少参数 json' }), later: say(200, { errcode: 130101, errmsg: 'send too fast, exceed 20 times per minute' }), addresses: ['c'], to: () => ['c'] },
  feishu: { accept: say(200, { code: 0, msg: 'success', data: {} }), refuse: say(400, { code: 9499, msg: 'Bad Request', data: {} }), later: say(200, { code: 11232, msg: 'frequency limited' }), addresses: ['c'], to: () => ['c'] },
  webhook: { accept: say(200, 'fine'), refuse: say(400, 'no such thing'), later: say(429, '', { 'Retry-After': '7' }), addresses: ['c'], to: () => ['c'] },
  'sms-http': { accept: say(200, 'OK:4711'), refuse: say(200, 'NUMBER wrong'), later: say(200, 'BUSY'), addresses: phones, to: ({ body }) => [new URLSearchParams(body.toString()).get('mobile') ?? ''] },
  'sms-aliyun': {
    accept: say(200, { Code: 'OK', Message: 'OK', BizId: '9006', RequestId: 'r' }), refuse: say(200, { Code: 'isv.MOBILE_NUMBER_ILLEGAL', Message: 'x' }), later: say(200, { Code: 'isv.BUSINESS_LIMIT_CONTROL', Message: '触发分钟级流控Permits:1' }),
    addresses: phones, to: ({ body }) => [new URLSearchParams(body.toString()).get('PhoneNumbers') ?? ''],
  },
}

async function mailRig(answerTimeoutMs: number): Promise<Rig> {
  const relay = await startRelay()
  const channel = channelOf({ ...leastSettings('')['email'], port: relay.port }, answerTimeoutMs)
  return {
    channel,
    behave: (behaviour) => {
      relay.behaviour = behaviour
    },
    received: () => relay.mails.flatMap((one) => one.to),
    addresses: ['one@example.org', 'two@example.org'],
    close: async () => {
      channel.close()
      await relay.close()
    },
  }
}

async function rigOf(kind: Kind, answerTimeoutMs: number): Promise<Rig> {
  if (kind === 'email') return mailRig(answerTimeoutMs)
  const speech = speeches[kind]
  const taken: string[] = []
  const answers: Readonly<Record<Behaviour, Answer>> = {
    accept: (request, response, raw) => {
      if (request.method === 'POST') taken.push(...speech.to(request))
      speech.accept(request, response, raw)
    },
    refuse: speech.refuse,
    later: speech.later,
    stall,
    drop: reset,
  }
  const peer = await startPeer(answers.accept)
  const channel = channelOf(leastSettings(peer.url)[kind], answerTimeoutMs)
  return {
    channel,
    behave: (behaviour) => {
      peer.answer = answers[behaviour]
    },
    received: () => taken,
    addresses: speech.addresses,
    close: async () => {
      channel.close()
      await peer.close()
    },
  }
}

describe('registry', () => {
  it('holds every channel file of the room', () => {
    const folder = new URL('../../collector/notify/', import.meta.url)
    const kinds = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && /: ChannelKind<'[a-z-]+'> = /.test(readFileSync(new URL(file, folder), 'utf8')))
    expect(kinds.length).toBe(channelKinds.length)
  })
  it('opens a webhook for an address of routes.yml', async () => {
    const peer = await startPeer(say(200, ''))
    const channel = openWebhookAt('ops/webhook/0', `${peer.url}/hook?a=b`, 3, world)
    expect(await channel.send(sample({ to: ['ops/webhook/0'] }), new AbortController().signal)).toMatchObject({ kind: 'delivered' })
    expect(channel.name).toBe('ops/webhook/0')
    expect(peer.arrived[0]).toMatchObject({ path: '/hook' })
    await peer.close()
  })
  it('opens nothing that is not configured', () => {
    expect(openChannels(notifySettings.parse({}), world)).toEqual([])
  })
})

describe.each(channelKinds.map((kind) => kind.kind))('channel %s', (name) => {
  let rig: Rig
  const message = () => sample({ to: rig.addresses })
  const patient = new AbortController().signal
  beforeEach(async () => {
    rig = await rigOf(name, 400)
  })
  afterEach(() => rig.close())

  it('is opened by the registry under the name of the settings, with its own defaults', () => {
    const channel = openChannel('night', parsed(leastSettings('http://127.0.0.1:9')[name]), world)
    expect(channel.name).toBe('night')
    expect(channel.perMinute).toBeGreaterThan(0)
    // What leaves the site says little unless it is told to.
    expect(channel.detail).toBe(name === 'email' || name === 'webhook' ? 'full' : 'minimal')
    channel.close()
    channel.close()
  })
  it('delivers to every address', async () => {
    expect(await rig.channel.send(message(), patient)).toMatchObject({ kind: 'delivered', to: rig.addresses, refused: [], again: [] })
    expect(rig.received()).toEqual(rig.addresses)
  })
  it('says when nothing can ever be delivered', async () => {
    rig.behave('refuse')
    expect(await rig.channel.send(message(), patient)).toMatchObject({ kind: 'refused' })
  })
  it('says when to try again, and that the channel is not to blame', async () => {
    rig.behave('later')
    expect(await rig.channel.send(message(), patient)).toMatchObject({ kind: 'try-again', channelDown: false })
  })
  it.each(['stall', 'drop'] as const)('comes back from a peer that would %s, and blames the channel', async (behaviour) => {
    rig.behave(behaviour)
    const started = performance.now()
    expect(await rig.channel.send(message(), patient)).toMatchObject({ kind: 'try-again', channelDown: true })
    expect(performance.now() - started).toBeLessThan(5_000)
    expect(rig.received()).toEqual([])
  })
  it('stops when it is told to, before and in the middle', async () => {
    await rig.close()
    rig = await rigOf(name, 60_000)
    expect(await rig.channel.send(message(), AbortSignal.abort())).toMatchObject({ kind: 'try-again' })
    rig.behave('stall')
    const started = performance.now()
    expect(await rig.channel.send(message(), AbortSignal.timeout(100))).toMatchObject({ kind: 'try-again' })
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(rig.received()).toEqual([])
  })
  it('tells whether it would work, and works again after it did not', async () => {
    expect(await rig.channel.check(patient)).toEqual({ kind: 'up' })
    rig.behave('stall')
    expect(await rig.channel.check(patient)).toMatchObject({ kind: 'down' })
    rig.behave('accept')
    expect(await rig.channel.send(message(), patient)).toMatchObject({ kind: 'delivered' })
  })
})

it.each(channelKinds.map((kind) => kind.kind))('%s: nothing listens there', async (kind) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const channel = channelOf({ ...leastSettings(`http://127.0.0.1:${port}`)[kind], ...(kind === 'email' ? { port } : {}) })
  const patient = new AbortController().signal
  expect(await channel.check(patient)).toMatchObject({ kind: 'down', why: expect.stringContaining('ECONNREFUSED') })
  expect(await channel.send(sample({ to: kind === 'email' ? ['one@example.org'] : ['13800000001'] }), patient)).toMatchObject({ kind: 'try-again', channelDown: true })
})
