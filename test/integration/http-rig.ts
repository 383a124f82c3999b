import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** One request as it arrived. */
export interface Arrived {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export type Answer = (request: Arrived, response: ServerResponse, raw: IncomingMessage) => void

/** A real HTTP server on a loopback port, which keeps what arrived and answers as it is told. */
export interface HttpPeer {
  readonly url: string
  readonly port: number
  readonly arrived: Arrived[]
  answer: Answer
  close(): Promise<void>
}

/** Answers with a status and a body; objects as JSON. */
export const say = (status: number, body: unknown, headers: Record<string, string> = {}): Answer => (_, response) => {
  response.writeHead(status, headers)
  response.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body))
}

/** Never answers. */
export const stall: Answer = () => undefined
/** Takes the request and cuts the connection. */
export const reset: Answer = (_, __, raw) => raw.socket.resetAndDestroy()
/** Closes its half without a word. */
export const halfClose: Answer = (_, __, raw) => raw.socket.end()
/** Begins an answer and never ends it. */
export const slowBody: Answer = (_, response) => {
  response.writeHead(200, { 'Content-Length': '1000' })
  response.write('{"errcode":0')
}
/** Ends an answer before it is whole. */
export const brokenBody: Answer = (_, response, raw) => {
  response.writeHead(200, { 'Content-Length': '1000' })
  response.write('{"errcode":0')
  setTimeout(() => raw.socket.destroy(), 20)
}
/** Not HTTP. */
export const garbage: Answer = (_, __, raw) => {
  raw.socket.end('\u0000\u0001SSH-2.0-what\r\n\r\n')
}
/** More than anybody wants to read. */
export const huge: Answer = (_, response) => {
  response.writeHead(200)
  const block = Buffer.alloc(65_536, 0x20)
  let left = 400
  const more = (): void => {
    while (left-- > 0) if (!response.write(block)) return
    response.end()
  }
  response.on('drain', more)
  more()
}

export async function startPeer(answer: Answer): Promise<HttpPeer> {
  const sockets = new Set<Socket>()
  const server = createServer((raw, response) => {
    const chunks: Buffer[] = []
    raw.on('error', () => undefined)
    response.on('error', () => undefined)
    raw.on('data', (chunk: Buffer) => chunks.push(chunk))
    raw.on('end', () => {
      const url = new URL(raw.url ?? '/', 'http://peer')
      const arrived: Arrived = { method: raw.method ?? '', path: url.pathname, query: url.searchParams, headers: raw.headers, body: Buffer.concat(chunks) }
      if (arrived.method === 'POST' || arrived.path !== '/') peer.arrived.push(arrived)
      peer.answer(arrived, response, raw)
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const peer: HttpPeer = {
    url: `http://127.0.0.1:${port}`, port, arrived: [], answer,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
  return peer
}
