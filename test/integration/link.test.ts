/** The collector's end of the link with real sockets: TLS on loopback, real `ws` clients, certificates of a real site CA. */
import { decode, encode } from '@msgpack/msgpack'
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { type Server, createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type ColumnsEncoder, createEncoder } from '../../protocol/columns.ts'
import { type FromCollector, MAX_MESSAGE_BYTES, fromCollector } from '../../protocol/messages.ts'
import { CLIENT_LIFE_MS, DAY_MS } from '../../collector/access/certificates.ts'
import { createStateIdentities } from '../../collector/access/identities-state.ts'
import { type Pki, openPki } from '../../collector/access/pki.ts'
import { removeAgent } from '../../collector/access/removal.ts'
import type { Identities } from '../../collector/access/identities.ts'
import { createLink } from '../../collector/ingest/link.ts'
import { CLOSE_DROPPED, CLOSE_REFUSED, CLOSE_REPLACED, type Link, type LinkEvent, type LinkSettings } from '../../collector/ingest/link-types.ts'
import { type State, openState } from '../../collector/state/open.ts'
import { type MemoryStore, memoryStore } from '../memory-store.ts'

const root = mkdtempSync(join(tmpdir(), 'zhishou-link-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

interface Credentials {
  readonly cert?: string
  readonly key?: string
}

interface House {
  readonly store: MemoryStore
  readonly pki: Pki
  readonly state: State
  readonly identities: Identities
  readonly link: Link
  readonly server: Server
  readonly url: string
  readonly refusals: string[]
  readonly events: LinkEvent[]
  readonly presence: string[]
}

let house: House
let folders = 0
const clients: WebSocket[] = []

async function openHouse(settings: Partial<LinkSettings> = {}, now = Date.now()): Promise<House> {
  const store = memoryStore()
  const pki = await openPki({ folder: join(root, String(folders++)), names: [] }, now)
  const state = await openState(':memory:', now)
  const identities = createStateIdentities(state)
  const refusals: string[] = []
  const events: LinkEvent[] = []
  const presence: string[] = []
  const link = createLink({
    store,
    identities,
    pki,
    clock: { now: () => Date.now() },
    settings: { heartbeatMs: 4_000, maxConnections: 50, seriesPerAgent: 1_000, ...settings },
    presence: {
      opened: (instance) => presence.push(`opened ${instance}`),
      heard: () => undefined,
      clockOffset: () => undefined,
      bye: (instance, ms) => presence.push(`bye ${instance} ${ms}`),
      closed: (instance) => presence.push(`closed ${instance}`),
      reading: (instance, is) => presence.push(`reading ${instance} ${is}`),
    },
    onEvent: (event) => events.push(event),
    refused: (what, code) => refusals.push(`${what}/${code}`),
  })
  const tls = pki.tls()
  const server = createServer({ cert: tls.certificate, key: tls.key, ca: [...tls.authorities], requestCert: true, rejectUnauthorized: false })
  server.on('upgrade', (request, socket, head) => link.handleUpgrade(request, socket, head))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { store, pki, state, identities, link, server, url: `wss://127.0.0.1:${(server.address() as AddressInfo).port}/link`, refusals, events, presence }
}

beforeEach(async () => {
  house = await openHouse()
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate()
  await closeHouse(house)
})

let releaseStore: () => void = () => undefined

/** From now on the store answers nothing until the returned function is called (or the test ends). */
function hold(): () => void {
  house.store.gate = new Promise((resolve) => (releaseStore = resolve))
  return () => releaseStore()
}

async function closeHouse(open: House): Promise<void> {
  releaseStore()
  await open.link.close()
  await new Promise((resolve) => open.server.close(resolve))
  await open.state.close()
}

const newKeys = () => generateKeyPairSync('ed25519')
const pem = (keys: ReturnType<typeof newKeys>) => keys.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const keyPem = (keys: ReturnType<typeof newKeys>) => keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

async function credentials(instance = 'web-01', at = Date.now(), pki = house.pki): Promise<Required<Credentials> & { serial: string }> {
  const keys = newKeys()
  const issued = await pki.issue(instance, pem(keys), at)
  return { cert: issued.pem, key: keyPem(keys), serial: issued.serial }
}

/** A peer that keeps all it is sent; `next` hands frames out in order. */
class Peer {
  readonly ws: WebSocket
  readonly frames: FromCollector[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  readonly opened: Promise<void>
  encoder: ColumnsEncoder = createEncoder()
  #read = 0
  #woken: () => void = () => undefined

  constructor(credential: Credentials, url = house.url, pins: readonly string[] = house.pki.pins()) {
    this.ws = new WebSocket(url, { ca: [...pins], ...credential, perMessageDeflate: false })
    clients.push(this.ws)
    this.ws.on('message', (data: Buffer) => {
      this.frames.push(fromCollector.parse(decode(data)))
      this.#woken()
    })
    this.opened = new Promise((resolve, reject) => {
      this.ws.on('open', () => resolve())
      this.ws.on('error', reject)
    })
    this.opened.catch(() => undefined)
    this.closed = new Promise((resolve) => this.ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() })))
  }

  send(frame: unknown): void {
    this.ws.send(encode(frame))
  }

  async next<T extends FromCollector['t']>(t: T): Promise<Extract<FromCollector, { t: T }>> {
    const until = Date.now() + 5_000
    for (;;) {
      while (this.#read < this.frames.length) {
        const frame = this.frames[this.#read++]!
        if (frame.t === t) return frame as Extract<FromCollector, { t: T }>
      }
      const left = until - Date.now()
      if (left <= 0) throw new Error(`no ${t} came; got ${this.frames.map((frame) => JSON.stringify(frame)).join(', ')}`)
      await Promise.race([new Promise<void>((resolve) => (this.#woken = resolve)), delay(left)])
    }
  }

  batch(seq: number, value: number, options: { define?: boolean; late?: boolean } = {}): void {
    this.send({ t: 'batch', seq, late: options.late ?? false, define: options.define === true ? [{ group: 'tick', columns: [{ __name__: 'm' }] }] : [], columns: this.encoder.encode([{ group: 0, at: Date.now(), values: Float64Array.of(value) }]), events: [], facts: [], checks: [] })
  }
}

const hello = (epoch = 'e1', extra: object = {}) => ({
  t: 'hello',
  version: 1,
  agent: { version: '0.1.0', node: process.version, pid: 1 },
  host: { hostname: 'web-01', machineId: 'm', bootId: 'b' },
  epoch,
  next: 1,
  delivery: { kind: 'live', periodMs: 0 },
  intervalMs: 15_000,
  at: Date.now(),
  ...extra,
})

async function joined(credential: Credentials, epoch = 'e1', on = house): Promise<Peer> {
  const peer = new Peer(credential, on.url, on.pki.pins())
  await peer.opened
  peer.send(hello(epoch))
  await peer.next('welcome')
  return peer
}

/** What an upgrade that is not taken answers. */
function refusedUpgrade(credential: Credentials): Promise<{ status: number; body: { code: string; why: string } }> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(house.url, { ca: [...house.pki.pins()], ...credential })
    ws.on('open', () => reject(new Error('it was let in')))
    ws.on('error', () => undefined)
    ws.on('unexpected-response', (_, response) => {
      let text = ''
      response.on('data', (part: Buffer) => (text += part.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as { code: string; why: string } }))
    })
  })
}

describe('a well-behaved agent', () => {
  test('hello, batches, acknowledgements once stored; values and labels arrive', async () => {
    const peer = new Peer(await credentials())
    await peer.opened
    peer.send(hello())
    expect(await peer.next('welcome')).toMatchObject({ version: 1, accepted: [], heartbeatMs: 4_000, window: 16 })
    expect((await peer.next('pins')).pins).toEqual(house.pki.pins())
    peer.batch(1, 10, { define: true })
    peer.batch(2, 20)
    peer.batch(4, 40)
    const acked: number[] = []
    while (acked.length < 3) for (const [from, to] of (await peer.next('ack')).accepted) for (let seq = from; seq <= to; seq++) acked.push(seq)
    expect(acked).toEqual([1, 2, 4])
    expect(house.store.batches.map((batch) => house.store.value(batch, 'm', { instance: 'web-01', job: 'node' }))).toEqual([10, 20, 40])
    expect(house.link.stats()).toMatchObject({ connections: 1, batches: 3, samples: 3, refused: 0 })
    expect(await house.identities.agent('web-01')).toBeDefined()
    peer.send({ t: 'bye', why: 'restart', backWithinMs: 60_000 })
    peer.ws.close()
    await peer.closed
    await vi.waitFor(() => expect(house.presence).toEqual(['opened web-01', 'bye web-01 60000', 'closed web-01']))
  })

  test('acknowledgements wait for the store and several batches share one frame', async () => {
    const release = hold()
    const peer = await joined(await credentials())
    for (let seq = 1; seq <= 8; seq++) peer.batch(seq, seq, { define: seq === 1 })
    await vi.waitFor(() => expect(house.link.stats().batches).toBe(8))
    expect(peer.frames.some((frame) => frame.t === 'ack')).toBe(false)
    release()
    expect((await peer.next('ack')).accepted).toEqual([[1, 8]])
    expect(house.link.stats().acks).toBe(1)
  })

  test('a new connection is told what is durable already; what is sent again is acknowledged and stored once', async () => {
    const credential = await credentials()
    const first = await joined(credential)
    first.batch(1, 1, { define: true })
    first.batch(2, 2)
    await vi.waitFor(() => expect(house.store.batches).toHaveLength(2))
    first.ws.terminate()
    const second = new Peer(credential)
    await second.opened
    second.send(hello())
    expect((await second.next('welcome')).accepted).toEqual([[1, 2]])
    second.batch(2, 2, { define: true, late: true })
    second.batch(3, 3)
    await vi.waitFor(() => expect(house.store.batches).toHaveLength(3))
    await second.next('ack')
    expect(house.store.replays).toHaveLength(1)
    expect(house.link.stats()).toMatchObject({ replayed: 1, samples: 3 })
    const other = new Peer(credential)
    await other.opened
    other.send(hello('another epoch'))
    expect((await other.next('welcome')).accepted).toEqual([])
  })

  test('a batch resent while its first copy is still being stored enters the store once', async () => {
    const release = hold()
    const credential = await credentials()
    const first = await joined(credential)
    first.batch(1, 1, { define: true })
    await vi.waitFor(() => expect(house.link.stats().batches).toBe(1))
    const second = await joined(credential)
    second.batch(1, 1, { define: true })
    await vi.waitFor(() => expect(house.link.stats().batches).toBe(2))
    release()
    expect((await second.next('ack')).accepted).toEqual([[1, 1]])
    expect(house.store.batches).toHaveLength(1)
    expect(house.store.doubles).toBe(0)
  })

  test('TLS 1.2, as old agents may speak, is fine too', async () => {
    const { cert, key } = await credentials()
    const ws = new WebSocket(house.url, { ca: [...house.pki.pins()], cert, key, maxVersion: 'TLSv1.2' })
    clients.push(ws)
    await new Promise((resolve, reject) => {
      ws.on('open', resolve)
      ws.on('error', reject)
    })
  })
})

describe('who is let in', () => {
  test('no certificate: 401 with the reason, counted', async () => {
    expect(await refusedUpgrade({})).toEqual({ status: 401, body: { code: 'unauthenticated', why: 'no client certificate was shown' } })
    expect(house.refusals).toEqual(['link/unauthenticated'])
  })

  test('a certificate of another CA, and our own server certificate, are strangers', async () => {
    const other = await openPki({ folder: join(root, `other-${folders++}`), names: [] }, Date.now())
    const { cert, key } = await credentials('web-01', Date.now(), other)
    expect(await refusedUpgrade({ cert, key })).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    const { certificate, key: leafKey } = house.pki.tls()
    expect(await refusedUpgrade({ cert: certificate, key: leafKey })).toMatchObject({ status: 401, body: { why: 'the certificate is not one for agents' } })
  })

  test('a TLS session resumed without ever showing a certificate is a stranger', async () => {
    const port = Number(new URL(house.url).port)
    const session = await new Promise<Buffer>((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, ca: [...house.pki.pins()] }, () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'))
      socket.once('session', (ticket) => {
        socket.destroy()
        resolve(ticket)
      })
      socket.on('error', reject)
    })
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, ca: [...house.pki.pins()], session }, () => {
        expect(socket.isSessionReused()).toBe(true)
        socket.write('GET /link HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
      })
      socket.once('data', (data) => {
        socket.destroy()
        resolve(data.toString())
      })
      socket.on('error', reject)
    })
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
  })

  test('an expired certificate is told so', async () => {
    const peer = new Peer(await credentials('web-01', Date.now() - CLIENT_LIFE_MS - DAY_MS))
    expect(await peer.next('refuse')).toMatchObject({ code: 'expired' })
    expect(await peer.closed).toEqual({ code: CLOSE_REFUSED, reason: 'expired' })
    expect(house.refusals).toEqual(['link/expired'])
    expect(house.presence).toEqual([])
  })

  test('a revoked one too, and revoking ends the connection that is open; others stay', async () => {
    const good = await joined(await credentials('web-02'))
    const credential = await credentials()
    const peer = await joined(credential)
    await house.identities.addCertificate({ serial: credential.serial, instance: 'web-01', issuedAt: 1, notAfter: 2 })
    const serials = await removeAgent(house, 'web-01', 'stolen', Date.now())
    expect(serials).toEqual([credential.serial])
    house.link.drop({ serials }, 'stolen')
    expect(await peer.next('refuse')).toMatchObject({ code: 'revoked', why: 'stolen' })
    expect(await peer.closed).toMatchObject({ code: CLOSE_DROPPED })
    const again = new Peer(credential)
    expect(await again.next('refuse')).toMatchObject({ code: 'revoked' })
    await again.closed
    // Also with a certificate that was never entered: the agent itself has been removed.
    const another = new Peer(await credentials())
    expect(await another.next('refuse')).toMatchObject({ code: 'revoked', why: 'web-01 has been removed' })
    good.batch(1, 1, { define: true })
    expect((await good.next('ack')).accepted).toEqual([[1, 1]])
  })

  test('a collector restored from its pki folder alone meets its fleet again', async () => {
    const folder = join(root, `restored-${folders++}`)
    const before = await openPki({ folder, names: [] }, Date.now())
    const { cert, key, serial } = await credentials('web-01', Date.now(), before)
    await closeHouse(house)
    const { cpSync } = await import('node:fs')
    cpSync(folder, join(root, String(folders)), { recursive: true })
    house = await openHouse()
    expect(house.pki.fingerprint()).toBe(before.fingerprint())
    // The agent trusts only what it pinned before.
    const peer = new Peer({ cert, key }, house.url, before.pins())
    await peer.opened
    peer.send(hello())
    await peer.next('welcome')
    expect(await house.identities.certificates('web-01')).toMatchObject([{ serial }])
  })

  test('more connections than allowed are turned away with 503, the others live on', async () => {
    await closeHouse(house)
    house = await openHouse({ maxConnections: 2 })
    const one = await joined(await credentials('web-01'))
    await joined(await credentials('web-02'))
    const { cert, key } = await credentials('web-03')
    expect(await refusedUpgrade({ cert, key })).toMatchObject({ status: 503, body: { code: 'limit' } })
    one.batch(1, 1, { define: true })
    await one.next('ack')
  })
})

describe('bad messages: refused with a reason, counted, and other connections unaffected', () => {
  const cases: [string, (peer: Peer) => void, string, number][] = [
    ['a batch before the hello', (peer) => peer.batch(1, 1, { define: true }), 'link/out-of-order', CLOSE_REFUSED],
    ['a bye before the hello', (peer) => peer.send({ t: 'bye', why: 'stop', backWithinMs: 0 }), 'link/out-of-order', CLOSE_REFUSED],
    ['another version', (peer) => peer.send({ ...hello(), version: 9 }), 'link/version', CLOSE_REFUSED],
    ['a hello of wrong types', (peer) => peer.send({ ...hello(), host: 5 }), 'link/malformed', CLOSE_REFUSED],
    ['a truncated hello', (peer) => peer.ws.send(encode(hello()).subarray(0, 40)), 'link/malformed', CLOSE_REFUSED],
    ['random bytes', (peer) => peer.ws.send(Uint8Array.from({ length: 500 }, (_, n) => (n * 7919) % 256)), 'link/malformed', CLOSE_REFUSED],
    ['a text message', (peer) => peer.ws.send('{"t":"hello"}'), 'link/malformed', CLOSE_REFUSED],
    ['deep nesting', (peer) => peer.ws.send(new Uint8Array(MAX_MESSAGE_BYTES).fill(0x91)), 'link/malformed', CLOSE_REFUSED],
    ['a huge length', (peer) => peer.ws.send(Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)), 'link/malformed', CLOSE_REFUSED],
    ['an oversized message', (peer) => peer.ws.send(new Uint8Array(MAX_MESSAGE_BYTES + 1)), 'link/oversized', 1009],
  ]
  test.each(cases)('%s', async (_, spoil, refusal, code) => {
    const witness = await joined(await credentials('web-09'))
    const peer = new Peer(await credentials())
    await peer.opened
    spoil(peer)
    expect((await peer.closed).code).toBe(code)
    if (code === CLOSE_REFUSED) expect(peer.frames).toMatchObject([{ t: 'refuse', code: refusal.split('/')[1] }])
    expect(house.refusals).toEqual([refusal])
    witness.batch(1, 1, { define: true })
    expect((await witness.next('ack')).accepted).toEqual([[1, 1]])
  })

  test.each<[string, (peer: Peer) => void, string]>([
    ['broken columns', (peer) => peer.send({ t: 'batch', seq: 2, late: false, define: [], columns: Uint8Array.of(255, 255, 255), events: [], facts: [], checks: [] }), 'malformed'],
    ['fields of wrong types', (peer) => peer.send({ t: 'batch', seq: 2, late: 'no', define: [], columns: new Uint8Array(0), events: [], facts: [], checks: [] }), 'malformed'],
  ])('a batch with %s is refused by its number and ends the connection; what came before stays', async (_, spoil, code) => {
    const peer = await joined(await credentials())
    peer.batch(1, 1, { define: true })
    await peer.next('ack')
    spoil(peer)
    expect(await peer.next('refuse')).toMatchObject({ seq: 2, code })
    expect((await peer.closed).code).toBe(CLOSE_REFUSED)
    expect(house.refusals).toEqual([`batch/${code}`])
    expect(house.store.batches).toHaveLength(1)
  })

  test('a second hello', async () => {
    const peer = await joined(await credentials())
    peer.send(hello())
    expect(await peer.next('refuse')).toMatchObject({ code: 'out-of-order' })
  })

  test('no hello in time', async () => {
    await closeHouse(house)
    house = await openHouse({ helloTimeoutMs: 100 })
    const peer = new Peer(await credentials())
    expect(await peer.next('refuse')).toMatchObject({ code: 'out-of-order', why: 'no hello in time' })
    expect((await peer.closed).code).toBe(CLOSE_REFUSED)
  })

  test('a peer that resets its socket at any moment crashes nothing', async () => {
    const credential = await credentials()
    for (let n = 0; n < 20; n++) {
      const peer = new Peer(credential)
      await delay(n)
      peer.ws.terminate()
    }
    const peer = await joined(credential)
    peer.batch(1, 1, { define: true })
    await peer.next('ack')
  })
})

describe('two connections of one instance', () => {
  test('the newer one replaces the older, which may be half-open', async () => {
    const credential = await credentials()
    const old = await joined(credential)
    const fresh = await joined(credential)
    expect(await old.closed).toMatchObject({ code: CLOSE_REPLACED })
    fresh.batch(1, 1, { define: true })
    await fresh.next('ack')
    expect(house.link.connections()).toHaveLength(1)
    expect(house.link.stats().replaced).toBe(1)
    await delay(50)
    expect(house.presence).not.toContain('closed web-01')
  })
})

describe('when the store cannot keep up', () => {
  test('no room: each batch is refused for later, nothing is lost, the connection stays', async () => {
    house.store.full = true
    const peer = await joined(await credentials())
    peer.batch(1, 1, { define: true })
    expect(await peer.next('refuse')).toMatchObject({ seq: 1, code: 'limit', retryAfterMs: 10_000 })
    house.store.full = false
    peer.batch(1, 1)
    expect((await peer.next('ack')).accepted).toEqual([[1, 1]])
    expect(house.store.batches).toHaveLength(1)
  })

  test('reading stops when an agent has more under way than its window, and goes on when they are stored', async () => {
    await closeHouse(house)
    house = await openHouse({ window: 4 })
    const release = hold()
    const peer = await joined(await credentials())
    peer.batch(1, 1, { define: true })
    // Far more than fits into one read of the socket, so that pausing shows.
    const filler = { t: 'batch', late: false, define: [], columns: new Uint8Array(0), events: [], checks: [], facts: [{ name: 'f', at: Date.now(), json: `"${'x'.repeat(200_000)}"` }] }
    for (let seq = 2; seq <= 40; seq++) peer.send({ ...filler, seq })
    await vi.waitFor(() => expect(house.presence).toContain('reading web-01 false'))
    await delay(200)
    expect(house.link.connections()[0]!.unstored).toBeLessThan(12)
    release()
    await vi.waitFor(() => expect(house.store.batches).toHaveLength(40), 5_000)
    await vi.waitFor(() => expect(house.presence.at(-1)).toBe('reading web-01 true'))
  })

  test('stopping waits for what is under way', async () => {
    const release = hold()
    const peer = await joined(await credentials())
    peer.batch(1, 1, { define: true })
    await vi.waitFor(() => expect(house.link.stats().batches).toBe(1))
    let done = false
    const closing = house.link.close().then(() => (done = true))
    expect(await peer.closed).toMatchObject({ code: 1001 })
    await delay(50)
    expect(done).toBe(false)
    release()
    await closing
    expect(house.store.batches).toHaveLength(1)
  })
})

describe('certificates over the link', () => {
  const renewal = (serial: string, keys = newKeys()) => ({ keys, frame: { t: 'renew', publicKey: pem(keys), proof: new Uint8Array(sign(null, Buffer.from(`zhishou-renew:${serial}`), keys.privateKey)) } })

  test('a renewed certificate works, is entered, and the old one still does until it ends', async () => {
    const credential = await credentials('web-01', Date.now() - 70 * DAY_MS)
    const peer = new Peer(credential)
    await peer.opened
    peer.send(hello())
    // Two thirds of its life are over.
    expect((await peer.next('welcome')).renewAfter).toBeLessThan(Date.now())
    const { keys, frame } = renewal(credential.serial)
    peer.send(frame)
    const { certificate, pins } = await peer.next('certificate')
    expect(pins).toEqual(house.pki.pins())
    const renewed = await joined({ cert: certificate, key: keyPem(keys) })
    expect(house.link.connections()[0]!.serial).not.toBe(credential.serial)
    expect((await house.identities.certificates('web-01')).map((one) => one.revokedAt)).toEqual([undefined, undefined])
    renewed.ws.close()
    await joined(credential)
  })

  test.each<[string, (serial: string) => object, string]>([
    ['a proof over another serial', () => renewal('00').frame, 'unauthenticated'],
    ['a proof by another key', (serial) => ({ ...renewal(serial).frame, publicKey: pem(newKeys()) }), 'unauthenticated'],
    ['no key', (serial) => ({ ...renewal(serial).frame, publicKey: 'x' }), 'malformed'],
  ])('%s is refused', async (_, make, code) => {
    const credential = await credentials()
    const peer = await joined(credential)
    peer.send(make(credential.serial))
    expect(await peer.next('refuse')).toMatchObject({ code })
  })

  test('a rotation of the CA reaches connected agents, and hot-swapped listeners serve old and new pins', async () => {
    const credential = await credentials()
    const peer = await joined(credential)
    await peer.next('pins')
    const oldPins = house.pki.pins()
    await house.pki.rotate(Date.now() - 31 * DAY_MS)
    house.link.announcePins()
    const both = (await peer.next('pins')).pins
    expect(both).toHaveLength(2)
    expect(await house.pki.maintain(Date.now())).toEqual({ leaf: true, pins: true })
    const tls = house.pki.tls()
    house.server.setSecureContext({ cert: tls.certificate, key: tls.key, ca: [...tls.authorities] })
    // The old certificate is still good for getting in and is to be renewed at once; its holder trusts both CAs by now.
    const again = new Peer(credential, house.url, both)
    await again.opened
    again.send(hello())
    expect((await again.next('welcome')).renewAfter).toBeLessThanOrEqual(Date.now())
    expect((await again.next('pins')).pins).toEqual([both[1]])
    const { keys, frame } = renewal(credential.serial)
    again.send(frame)
    const { certificate } = await again.next('certificate')
    const renewed = new Peer({ cert: certificate, key: keyPem(keys) }, house.url, [both[1]!])
    await renewed.opened
    // Whoever knows only the old CA no longer trusts this collector.
    const late = new Peer(credential, house.url, oldPins)
    await expect(late.opened).rejects.toThrow(/certificate|issuer/)
  })
})
