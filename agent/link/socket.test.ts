import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { type TestCa, testCa, until } from '../../test/fake-collector.ts'
import { type LinkSocket, openSocket } from './socket.ts'
import { acceptOf } from './ws-handshake.ts'

let ca: TestCa
let credential: { cert: string; key: string }
beforeAll(async () => {
  ca = await testCa()
  const leaf = await ca.leaf()
  credential = { cert: `${leaf.pem}\n${ca.pem}`, key: leaf.key }
})
const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

interface Client {
  readonly socket: LinkSocket
  readonly got: Buffer[]
  readonly closed: string[]
  opened: number
  pongs: number
}

function connectTo(port: number, pins = [ca.pem], maxMessageBytes = 100_000): Client {
  const client = { got: [] as Buffer[], closed: [] as string[], opened: 0, pongs: 0 }
  const socket = openSocket(
    { url: `https://127.0.0.1:${port}/link`, tls: { ca: pins, checkServerIdentity: () => undefined, minVersion: 'TLSv1.2' }, maxMessageBytes },
    {
      opened: (peer) => void (client.opened += peer === undefined ? 100 : 1),
      message: (data) => void client.got.push(Buffer.from(data)),
      pong: () => void client.pongs++,
      closed: (why) => void client.closed.push(why),
    },
  )
  cleanups.push(() => socket.terminate())
  return Object.assign(client, { socket })
}

/** A real `ws` server; `accept` has each connection. */
async function wsServer(accept: (ws: WebSocket) => void): Promise<number> {
  const server = createHttpsServer(credential)
  const sockets = new WebSocketServer({ server, maxPayload: 1 << 20 })
  sockets.on('connection', accept)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => {
    for (const ws of sockets.clients) ws.terminate()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A TLS server that shakes hands properly (unless `answer` says otherwise) and then does what `act` does. */
async function rawServer(act: (socket: TLSSocket) => void, answer?: string): Promise<number> {
  const server = createServer(credential, (socket) => {
    socket.on('error', () => undefined)
    cleanups.push(() => socket.destroy())
    socket.once('data', (request: Buffer) => {
      const key = /sec-websocket-key: (\S+)/i.exec(request.toString())?.[1] ?? ''
      socket.write(answer ?? `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`)
      act(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => void server.close())
  return (server.address() as AddressInfo).port
}

test('with ws: messages of all sizes both ways, fragments, ping and pong', async () => {
  const heard: Buffer[] = []
  let pings = 0
  let server: WebSocket | undefined
  const port = await wsServer((ws) => {
    server = ws
    ws.on('ping', () => pings++)
    ws.on('message', (data: Buffer) => {
      heard.push(data)
      ws.send(data)
    })
  })
  const client = connectTo(port)
  await until('it happens', () => client.opened === 1)
  const sizes = [0, 1, 125, 126, 65_535, 65_536, 99_999]
  const messages = sizes.map((size) => Buffer.from(Array.from({ length: size }, (_, i) => (i * 7) & 255)))
  for (const message of messages) client.socket.send(message)
  await until('it happens', () => client.got.length === messages.length)
  messages.forEach((message, i) => {
    expect(heard[i]?.equals(message)).toBe(true)
    expect(client.got[i]?.equals(message)).toBe(true)
  })
  server!.send(Buffer.from('in '), { fin: false, binary: true })
  server!.ping('between')
  server!.send(Buffer.from('two'), { fin: true })
  let pong = ''
  server!.on('pong', (data) => (pong = String(data)))
  client.socket.ping()
  await until('it happens', () => client.got.length === messages.length + 1 && pings === 1 && client.pongs === 1 && pong === 'between')
  expect(String(client.got.at(-1))).toBe('in two')
  expect(client.socket.bufferedBytes()).toBe(0)
})

test('with ws: either side may close, and both learn the code', async () => {
  const codes: string[] = []
  let server: WebSocket | undefined
  const port = await wsServer((ws) => {
    server = ws
    ws.on('close', (code, reason) => codes.push(`${code} ${String(reason)}`))
  })
  const first = connectTo(port)
  await until('it happens', () => first.opened === 1)
  first.socket.close(1000, '再见')
  expect(first.socket.isOpen()).toBe(false)
  first.socket.send(Buffer.from('too late'))
  await until('it happens', () => first.closed.length === 1 && codes.length === 1)
  expect(codes).toEqual(['1000 再见'])
  const second = connectTo(port)
  await until('it happens', () => second.opened === 1)
  server!.close(4001, 'replaced')
  await until('it happens', () => second.closed.length === 1 && codes.length === 2)
  expect(second.closed).toEqual(['closed with 4001 replaced'])
  expect(codes[1]).toBe('4001 ')
})

test('with ws: text, and a message that is too long, end the connection with their codes', async () => {
  for (const [message, code] of [['text', 1003], [Buffer.alloc(100_001), 1009]] as const) {
    let told = 0
    const port = await wsServer((ws) => {
      ws.on('close', (closeCode) => (told = closeCode))
      ws.on('error', () => undefined)
      ws.send(message)
    })
    const client = connectTo(port)
    await until('it happens', () => client.closed.length === 1 && told !== 0)
    expect(told).toBe(code)
    expect(client.got).toEqual([])
  }
})

test('frames that come with the answer are heard; garbage, a masked frame and a cut end the connection, once', async () => {
  const last = [
    ['ff ff ff', 'reserved bit'],
    ['82 81 00000000 00', 'masked'],
    ['', 'the connection was cut'],
  ] as const
  for (const [bytes, why] of last) {
    const port = await rawServer((socket) => {
      socket.write(Buffer.from('820161', 'hex'))
      socket.end(Buffer.from(bytes.replaceAll(' ', ''), 'hex'))
    })
    const client = connectTo(port)
    await until('it happens', () => client.closed.length === 1)
    expect(client.got.map(String)).toEqual(['a'])
    expect(client.closed[0]).toContain(why)
  }
})

test('a refused upgrade, another CA and a port without a server say why', async () => {
  const refusing = connectTo(await rawServer(() => undefined, 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n'))
  await until('it happens', () => refusing.closed.length === 1)
  expect(refusing.closed[0]).toContain('503')
  const stranger = connectTo(await rawServer(() => undefined), [(await testCa('other')).pem])
  await until('it happens', () => stranger.closed.length === 1)
  expect(stranger.opened).toBe(0)
  const port = await rawServer(() => undefined)
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
  const nobody = connectTo(port)
  await until('it happens', () => nobody.closed.length === 1)
  expect(nobody.closed[0]).toContain('ECONNREFUSED')
})

test('a peer that takes the closing frame and never answers is ended by terminate, without another word', async () => {
  const client = connectTo(await rawServer(() => undefined))
  await until('it happens', () => client.opened === 1)
  client.socket.close(1000, 'enough')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(client.closed).toEqual([])
  client.socket.terminate()
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(client.closed).toEqual([])
})

test('a peer that does not read fills the buffer, and terminate still ends it at once', async () => {
  let gone = false
  const port = await rawServer((socket) => {
    socket.pause()
    socket.on('close', () => (gone = true))
  })
  const client = connectTo(port)
  await until('it happens', () => client.opened === 1)
  for (let i = 0; i < 400; i++) client.socket.send(Buffer.alloc(90_000))
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(client.socket.bufferedBytes()).toBeGreaterThan(512 * 1024)
  client.socket.terminate()
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
  await until('it happens', () => gone)
})
