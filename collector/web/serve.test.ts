/** The two listeners with real sockets on loopback: what the wire may bring, and what each of them must not believe. */
import { mkdtempSync, rmSync } from 'node:fs'
import { IncomingMessage, type Server } from 'node:http'
import { Socket, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type StubWeb, stubWeb } from '../../test/web-dependencies.ts'
import { openPki } from '../access/pki.ts'
import { answerUpgrade } from '../ingest/link-answers.ts'
import { closeServer, httpListener, open, refuseUpgrade, tlsListener } from './serve.ts'

const work = mkdtempSync(join(tmpdir(), 'zhishou-serve-'))
let stub: StubWeb
let http: Server
let tls: Server
let httpPort: number
let tlsPort: number

beforeAll(async () => {
  stub = stubWeb()
  const pki = await openPki({ folder: join(work, 'pki'), names: [] }, Date.now())
  http = httpListener(stub.web)
  tls = tlsListener(stub.web, pki.tls(), refuseUpgrade)
  httpPort = (await open(http, { host: '127.0.0.1', port: 0 }, 'http')).port
  tlsPort = (await open(tls, { host: '127.0.0.1', port: 0 }, 'tls')).port
})
afterAll(async () => {
  await Promise.all([closeServer(http, 0), closeServer(tls, 0)])
  rmSync(work, { recursive: true, force: true })
})

const trusting: ConnectionOptions = { host: '127.0.0.1', rejectUnauthorized: false }
const dial = (secure: boolean): Socket => (secure ? connectTls({ ...trusting, port: tlsPort }) : connect({ host: '127.0.0.1', port: httpPort }))

/** Sends bytes and gives everything that comes back until the peer ends. */
function exchange(socket: Socket, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
    socket.write(bytes)
  })
}

const statusOf = (reply: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(reply)?.[1] ?? Number.NaN)
const closing = 'connection: close\r\n\r\n'

describe('TLS is what the socket says', () => {
  it.each([
    ['GET', '/metrics', false, 200],
    ['GET', '/metrics', true, 404],
    ['POST', '/enrol', false, 404],
    ['POST', '/enrol', true, 400],
  ])('%s %s (over TLS: %s) is %i, whatever address the request line claims', async (method, path, secure, status) => {
    for (const target of [path, `http://127.0.0.1${path}`, `https://127.0.0.1${path}`]) {
      const reply = await exchange(dial(secure), `${method} ${target} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 0\r\n${closing}`)
      expect(`${target} ${statusOf(reply)}`).toBe(`${target} ${status}`)
      expect(reply.toLowerCase().includes('strict-transport-security')).toBe(secure)
    }
  })

  it('a session cookie of plain HTTP is not taken where only the request line says https', async () => {
    const reply = await exchange(dial(false), `GET https://127.0.0.1/api/zhishou/v1/overview HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: __Host-zhishou=duty\r\n${closing}`)
    expect(statusOf(reply)).toBe(401)
  })
})

describe('what is no request', () => {
  const since = (): (() => readonly string[]) => {
    const from = stub.refusals.length
    return () => stub.refusals.slice(from)
  }

  it.each([
    ['words', 'hello\r\n\r\n', 400, 'connection/malformed'],
    ['a bad version', 'GET / HTTP/9.9\r\n\r\n', 400, 'connection/malformed'],
    ['two lengths', `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n${closing}`, 400, 'connection/malformed'],
    ['a length and chunks', `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n${closing}`, 400, 'connection/malformed'],
    ['a header with a line break', 'GET / HTTP/1.1\r\nhost: x\r\n y\r\n: z\r\n\r\n', 400, 'connection/malformed'],
    ['headers without end', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'connection/oversized'],
  ])('%s is answered and counted', async (_, bytes, status, counted) => {
    for (const secure of [false, true]) {
      const refusals = since()
      const reply = await exchange(dial(secure), bytes)
      expect(statusOf(reply)).toBe(status)
      expect(reply).toContain(`${status} `)
      expect(refusals()).toEqual([counted])
    }
  })

  it('no host name is a 400', async () => {
    expect(statusOf(await exchange(dial(false), `GET /healthz HTTP/1.1\r\n${closing}`))).toBe(400)
    expect(statusOf(await exchange(dial(false), `GET /healthz HTTP/1.1\r\nhost: a b/c?\r\n${closing}`))).toBe(400)
  })

  it('garbage and plain HTTP on the TLS port are counted', async () => {
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'), Buffer.alloc(600, 0x7f), Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5])]) {
      const refusals = since()
      await exchange(connect({ host: '127.0.0.1', port: tlsPort }), bytes)
      expect(refusals()).toEqual(['connection/malformed'])
    }
  })

  it('looking whether the port is open is not', async () => {
    const refusals = since()
    for (const port of [httpPort, tlsPort]) {
      const socket = connect({ host: '127.0.0.1', port })
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.destroy()
    }
    await delay(50)
    expect(refusals()).toEqual([])
  })

  it('an upgrade that nobody takes is a 404, and a reset in the midst of it is survived', async () => {
    const upgrade = 'GET /link HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n'
    const refusals = since()
    expect(statusOf(await exchange(dial(false), upgrade))).toBe(404)
    expect(refusals()).toEqual(['request/upgrade'])
    for (let turn = 0; turn < 20; turn++) {
      const socket = connect({ host: '127.0.0.1', port: httpPort })
      socket.on('error', () => undefined)
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.write(upgrade)
      socket.resetAndDestroy()
    }
    await delay(100)
    // Whenever the reset comes, somebody listens for it: emit throws where nobody does.
    for (const answered of [(socket: PassThrough) => refuseUpgrade(new IncomingMessage(new Socket()), socket), (socket: PassThrough) => answerUpgrade(socket, 401, 'unauthenticated', 'no certificate')]) {
      const socket = new PassThrough()
      answered(socket)
      expect(() => socket.emit('error', new Error('read ECONNRESET'))).not.toThrow()
    }
    expect(statusOf(await exchange(dial(false), `GET /healthz HTTP/1.1\r\nhost: x\r\n${closing}`))).toBe(200)
  })
})

describe('open', () => {
  it('says which address is taken and how to choose another', async () => {
    const second = httpListener(stub.web)
    await expect(open(second, { host: '127.0.0.1', port: httpPort }, 'http')).rejects.toThrow(`http: 127.0.0.1:${httpPort} is in use by another program; stop it or choose another address (--http HOST:PORT)`)
  })

  it('says that an address is none of this machine', async () => {
    await expect(open(httpListener(stub.web), { host: '192.0.2.1', port: 0 }, 'tls')).rejects.toThrow('tls: this machine has no address 192.0.2.1')
  })
})
