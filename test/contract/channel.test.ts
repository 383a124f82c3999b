/**
 * What every channel promises (collector/notify/channel.ts), run over the whole registry. A new channel adds a rig that
 * can make its other side behave; without one this suite fails.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Channel, Message } from '../../collector/notify/channel.ts'
import { channelKinds, openChannels } from '../../collector/notify/registry.ts'
import { notifySettings } from '../../collector/notify/settings.ts'
import type { NotifySettings } from '../../collector/notify/settings.ts'
import { openSmtp } from '../../collector/notify/smtp.ts'
import { smtpSettings, startRelay } from '../integration/smtp-rig.ts'

type Behaviour = 'accept' | 'refuse' | 'later' | 'stall' | 'drop'

interface Rig {
  /** The channel as the product opens it, but with short waits. */
  readonly channel: Channel
  behave(behaviour: Behaviour): void
  /** What arrived, by address. */
  received(): readonly string[]
  readonly addresses: readonly [string, string]
  close(): Promise<void>
}

const world = { readFile: (path: string) => readFileSync(path, 'utf8'), env: {} }

const rigs: Readonly<Record<string, (answerTimeoutMs: number) => Promise<Rig>>> = {
  email: async (answerTimeoutMs) => {
    const relay = await startRelay()
    const channel = openSmtp(smtpSettings({ port: relay.port, plain: true }), world, answerTimeoutMs)
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
  },
}

const configured: Readonly<Record<string, NotifySettings>> = {
  email: notifySettings.parse({ smtp: { host: '127.0.0.1', port: 25, plain: true, from: 'zhishou@example.org' } }),
}

describe('registry', () => {
  it('holds every channel file of the room', () => {
    const folder = new URL('../../collector/notify/', import.meta.url)
    const kinds = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && /: ChannelKind = /.test(readFileSync(new URL(file, folder), 'utf8')))
    expect(kinds.length).toBe(channelKinds.length)
  })
  it('opens nothing that is not configured', () => {
    expect(openChannels(notifySettings.parse({}), world)).toEqual([])
  })
})

describe.each(channelKinds.map((kind) => kind.name))('channel %s', (name) => {
  let rig: Rig
  const message = (): Message => ({ id: 'a1', to: rig.addresses, subject: '【紧急】磁盘将满', text: '正文', html: '<p>正文</p>', at: Date.UTC(2026, 10, 22) })
  const patient = new AbortController().signal
  beforeEach(async () => {
    rig = await rigs[name]!(400)
  })
  afterEach(() => rig.close())

  it('has its registry name', () => {
    const kind = channelKinds.find((one) => one.name === name)!
    expect(kind.open(notifySettings.parse({}), world)).toBeUndefined()
    const channel = kind.open(configured[name]!, world)!
    expect(channel.name).toBe(name)
    expect(rig.channel.name).toBe(name)
    expect(channel.perMinute).toBeGreaterThan(0)
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
    rig = await rigs[name]!(60_000)
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

it('email: nothing listens there', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const channel = openSmtp(smtpSettings({ port, plain: true }), world, 400)
  expect(await channel.check(new AbortController().signal)).toMatchObject({ kind: 'down', why: expect.stringContaining('ECONNREFUSED') })
})
