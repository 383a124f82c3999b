import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type FakeCollector, startFakeCollector, type TestCa, testCa, testIdentity, until } from '../../test/fake-collector.ts'
import { fillStale } from '../../protocol/stale.ts'
import { diskFiles } from '../spool/files.ts'
import { openSpool, type Spool } from '../spool/spool.ts'
import type { Identity } from './identity.ts'
import { type Link, startLink } from './run.ts'

let ca: TestCa
beforeAll(async () => {
  ca = await testCa()
})

const cleanups: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function fakeCollector(options: Partial<Parameters<typeof startFakeCollector>[0]> = {}): Promise<FakeCollector> {
  const fake = await startFakeCollector({ ca, ...options })
  cleanups.push(() => fake.close())
  return fake
}

function spoolAt(folder = mkdtempSync(join(tmpdir(), 'link-'))): Spool {
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  return openSpool({ files: diskFiles(folder), maxBytes: 64e6, segmentBytes: 1e6, bootId: 'boot', newEpoch: () => 'epoch' })
}

const names = ['a', 'b', 'c', 'd']
const labelsOf = (order: readonly string[]) => order.map((name) => ({ __name__: name }))
const live = labelsOf(names)

function put(spool: Spool, value: number, columns = live, events: string[] = []) {
  return spool.append(
    {
      rows: [{ group: 'tick', at: 1_000_000 + value, values: Float64Array.from(columns, (_, i) => value + i / 10) }],
      events: events.map((text) => ({ kind: 'log', rule: '', severity: 'info' as const, at: 1, text, labels: {} })),
      facts: [],
      checks: [],
    },
    () => columns,
  )
}

interface Harness {
  readonly link: Link
  readonly identity: () => Identity
  readonly lines: string[]
  /** Moves the link's clock without waiting. */
  skip(ms: number): void
}

function linkTo(spool: Spool, first: Identity): Harness {
  let identity = first
  let skipped = 0
  const lines: string[] = []
  const link = startLink({
    spool,
    identity: () => identity,
    saveIdentity: (next) => {
      identity = next
    },
    about: { agent: { version: '0', node: process.version, pid: 1 }, host: { hostname: 'h', machineId: '', bootId: '' }, intervalMs: 1000 },
    log: (_level, message, fields) => lines.push(`${message} ${JSON.stringify(fields ?? {})}`),
    wallClock: Date.now,
    clock: () => performance.now() + skipped,
    random: () => 0,
  })
  cleanups.push(() => link.stop())
  return {
    link,
    identity: () => identity,
    lines,
    skip(ms) {
      skipped += ms
      // The clock that jumped is noticed with the next event.
      link.offer(spool.newest() ?? put(spool, 0))
    },
  }
}

const at = (fake: FakeCollector, index: number, name: string) => [...fake.arrivals[index]!.samples].find(([key]) => key.startsWith(`${name}@`))?.[1]

describe('link', () => {
  it('delivers live batches, every value in its place, and is done with them when they are acknowledged', async () => {
    const fake = await fakeCollector()
    const spool = spoolAt()
    const { link } = linkTo(spool, await testIdentity(ca, fake.url))
    await until('live', () => link.state() === 'live')
    for (let i = 1; i <= 20; i++) link.offer(put(spool, i, live, [`event ${i}`]))
    await until('all acknowledged', () => spool.state().pending === 0)
    expect(fake.arrivals.map((arrival) => [arrival.seq, arrival.late, arrival.events[0]])).toEqual(Array.from({ length: 20 }, (_, i) => [i + 1, false, `event ${i + 1}`]))
    expect(at(fake, 19, 'd')).toBe(20 + 3 / 10)
    expect(fake.faults).toEqual([])
    expect(fake.hellos[0]).toMatchObject({ epoch: 'epoch', next: 1, delivery: { kind: 'live' } })
  })

  it('sends the newest first after an outage, then the backlog oldest first, with new ones in between', async () => {
    const spool = spoolAt()
    for (let i = 1; i <= 40; i++) put(spool, i)
    const fake = await fakeCollector({ window: 4 })
    fake.autoAck = false
    const { link } = linkTo(spool, await testIdentity(ca, fake.url))
    await until('the window is used for the newest and some backlog', () => fake.arrivals.length >= 3)
    link.offer(put(spool, 41))
    await until('a new one finds room at once', () => fake.arrivals.some((arrival) => arrival.seq === 41))
    expect(fake.arrivals.map((arrival) => [arrival.seq, arrival.late])).toEqual([
      [40, false],
      [1, true],
      [2, true],
      [41, false],
    ])
    fake.autoAck = true
    fake.ackAll()
    await until('drained', () => spool.state().pending === 0)
    expect(fake.arrivals.slice(4).map((arrival) => arrival.seq)).toEqual(Array.from({ length: 37 }, (_, i) => i + 3))
    expect(fake.arrivals.slice(4).every((arrival) => arrival.late)).toBe(true)
    expect(at(fake, 10, 'c')).toBe(fake.arrivals[10]!.seq + 2 / 10)
    expect(fake.faults).toEqual([])
  })

  it('sends again what was not acknowledged when the connection is cut, and not what the welcome says is durable', async () => {
    const fake = await fakeCollector()
    fake.autoAck = false
    const spool = spoolAt()
    const { link } = linkTo(spool, await testIdentity(ca, fake.url))
    await until('live', () => link.state() === 'live')
    for (let i = 1; i <= 4; i++) link.offer(put(spool, i))
    await until('sent', () => fake.arrivals.length === 4)
    fake.accepted.add(2)
    fake.autoAck = true
    fake.cut()
    await until('the rest again', () => spool.state().pending === 0)
    expect(fake.arrivals.slice(4).map((arrival) => [arrival.connection, arrival.seq])).toEqual([
      [1, 4],
      [1, 1],
      [1, 3],
    ])
  })

  it('puts the backlog of an earlier run under the right labels, whatever their order was', async () => {
    const spool = spoolAt()
    put(spool, 1, labelsOf(['d', 'x', 'a']))
    const stale = new Float64Array(4)
    fillStale(stale)
    const newest = spool.append({ rows: [{ group: 'tick', at: 2, values: stale }], events: [], facts: [], checks: [] }, () => live)
    const fake = await fakeCollector()
    const { link } = linkTo(spool, await testIdentity(ca, fake.url))
    await until('both', () => spool.state().pending === 0)
    expect(fake.arrivals.map((arrival) => arrival.seq)).toEqual([newest.batch.seq, 1])
    expect([...fake.arrivals[1]!.samples]).toEqual([
      ['a@1000001', 1.2],
      ['b@1000001', 'stale'],
      ['c@1000001', 'stale'],
      ['d@1000001', 1],
      ['x@1000001', 1.1],
    ])
    link.offer(put(spool, 3))
    await until('a live one again', () => spool.state().pending === 0)
    expect(at(fake, 2, 'd')).toBe(3.3)
    expect(at(fake, 2, 'x')).toBeUndefined()
  })

  it('gives up a peer that takes batches and never answers, and connects again', async () => {
    const fake = await fakeCollector({ heartbeatMs: 60_000 })
    fake.autoAck = false
    const spool = spoolAt()
    const { link, skip, lines } = linkTo(spool, await testIdentity(ca, fake.url))
    await until('live', () => link.state() === 'live')
    link.offer(put(spool, 1))
    await until('sent', () => fake.arrivals.length === 1)
    skip(19_000)
    expect(link.state()).toBe('live')
    skip(1_500)
    await until('given up', () => link.state() === 'disconnected')
    expect(lines.some((line) => line.includes('no acknowledgement within'))).toBe(true)
    fake.autoAck = true
    await until('sent again', () => spool.state().pending === 0)
    expect(fake.arrivals.at(-1)).toMatchObject({ connection: 1, seq: 1 })
  })

  it('gives up a half-open connection after twelve heartbeats without a word', async () => {
    const fake = await fakeCollector({ heartbeatMs: 1_000 })
    const spool = spoolAt()
    const { link, skip, lines } = linkTo(spool, await testIdentity(ca, fake.url))
    await until('live', () => link.state() === 'live')
    await until('pings', () => fake.pings.count > 0)
    fake.pause()
    skip(11_000)
    await until('given up', () => link.state() !== 'live')
    expect(lines.some((line) => line.includes('nothing heard for twelve heartbeats'))).toBe(true)
    await until('back', () => link.state() === 'live')
  })

  it('never has more under way than the window, whatever waits', async () => {
    const spool = spoolAt()
    for (let i = 1; i <= 30; i++) put(spool, i)
    const fake = await fakeCollector({ window: 3 })
    fake.autoAck = false
    const { link } = linkTo(spool, await testIdentity(ca, fake.url))
    await until('live', () => link.state() === 'live')
    for (let i = 0; i < 20; i++) {
      link.offer(put(spool, 100 + i))
      await new Promise((resolve) => setTimeout(resolve, 2))
      if (i % 3 === 0) fake.ackAll()
    }
    fake.autoAck = true
    fake.ackAll()
    await until('drained', () => spool.state().pending === 0)
    expect(fake.faults).toEqual([])
    expect(new Set(fake.arrivals.map((arrival) => arrival.seq)).size).toBe(50)
  })

  it('does not pile up memory before a slow peer, and goes on when it reads again', async () => {
    const fake = await fakeCollector({ window: 10_000 })
    const spool = spoolAt()
    const { link } = linkTo(spool, await testIdentity(ca, fake.url))
    await until('live', () => link.state() === 'live')
    fake.pause()
    const text = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(16_000, 'x'))
    for (let i = 1; i <= 50; i++) link.offer(put(spool, i, live, text))
    await new Promise((resolve) => setTimeout(resolve, 300))
    for (let i = 0; i < 20; i++) link.offer(put(spool, 100 + i, live, text))
    // 45 MB wait; what was handed to the socket is what the kernel took and half a megabyte.
    expect(link.counts.bytesSent).toBeLessThan(20_000_000)
    expect(spool.state().pending).toBe(70)
    fake.resume()
    await until('drained', () => spool.state().pending === 0, 20_000)
    expect(fake.faults).toEqual([])
    expect(fake.clients).toHaveLength(1)
  })

  it('drops a batch that is refused for good, and keeps one that may be sent later', async () => {
    const fake = await fakeCollector()
    const spool = spoolAt()
    let refusals = 0
    fake.answer = (seq) => {
      if (seq === 1) return { t: 'refuse', seq, code: 'malformed', why: 'no' }
      if (seq === 2 && refusals++ === 0) return { t: 'refuse', seq, code: 'limit', why: 'busy', retryAfterMs: 30 }
      return undefined
    }
    const { link } = linkTo(spool, await testIdentity(ca, fake.url))
    await until('live', () => link.state() === 'live')
    for (let i = 1; i <= 3; i++) link.offer(put(spool, i))
    await until('done', () => spool.state().pending === 0)
    expect([...fake.accepted].sort()).toEqual([2, 3])
    expect(link.counts.refused.get('malformed')).toBe(1)
    expect(fake.arrivals.filter((arrival) => arrival.seq === 2)).toHaveLength(2)
    fake.send({ t: 'refuse', code: 'revoked', why: 'gone' })
    await until('out', () => link.state() === 'disconnected')
  })

  it('renews its certificate and reconnects with the new one, saying when it will be back', async () => {
    const fake = await fakeCollector({ renewInMs: 100 })
    const spool = spoolAt()
    const first = await testIdentity(ca, fake.url)
    const { link, identity } = linkTo(spool, first)
    await until('renewed', () => link.counts.renewals === 1 && fake.clients.length === 2)
    expect(fake.clients[0]).toBe(new X509Certificate(first.certificate).serialNumber)
    expect(identity().key).not.toBe(first.key)
    expect(fake.clients[1]).toBe(new X509Certificate(identity().certificate).serialNumber)
    expect(fake.byes[0]).toBe('restart 10000')
    expect(fake.faults).toEqual([])
  })

  it('takes new pins, but none that would cut it off', async () => {
    const fake = await fakeCollector()
    const other = await testCa('other')
    const spool = spoolAt()
    const { link, identity, lines } = linkTo(spool, await testIdentity(ca, fake.url))
    await until('live', () => link.state() === 'live')
    fake.send({ t: 'pins', pins: [other.pem] })
    await until('refused', () => lines.some((line) => line.includes('no pin has signed')))
    expect(identity().pins).toEqual([ca.pem])
    fake.send({ t: 'pins', pins: [ca.pem, other.pem] })
    await until('taken', () => identity().pins.length === 2)
    fake.send({ t: 'certificate', certificate: 'x', pins: ['y'] })
    fake.send({ t: 'ack', accepted: [] })
    expect(link.state()).toBe('live')
  })

  it('speaks to nobody but a holder of a certificate that chains to a pin', async () => {
    const other = await testCa('other')
    const impostor = await fakeCollector({ ca: other })
    const spool = spoolAt()
    const { link, lines } = linkTo(spool, await testIdentity(ca, impostor.url))
    await until('refused', () => lines.some((line) => line.includes('not connected')))
    expect(link.state()).toBe('disconnected')
    expect(lines.find((line) => line.includes('not connected'))).toMatch(/certificate/)
    expect(impostor.hellos).toEqual([])
  })

  it('says goodbye when it is stopped', async () => {
    const fake = await fakeCollector()
    const spool = spoolAt()
    const { link } = linkTo(spool, await testIdentity(ca, fake.url))
    await until('live', () => link.state() === 'live')
    await link.stop()
    await until('bye', () => fake.byes.length === 1)
    expect(fake.byes).toEqual(['restart 60000'])
    expect(link.state()).toBe('disconnected')
  })

  it('survives messages that are none', async () => {
    const fake = await fakeCollector()
    const spool = spoolAt()
    const { link, lines } = linkTo(spool, await testIdentity(ca, fake.url))
    await until('live', () => link.state() === 'live')
    fake.send({ t: 'nonsense' } as never)
    await until('closed', () => lines.some((line) => line.includes('a message that is none')))
    await until('back', () => link.state() === 'live')
    expect(fake.hellos.length).toBe(2)
  })
})
