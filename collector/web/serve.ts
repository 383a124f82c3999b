/** The two listeners. A port that is taken or may not be opened becomes an error that says which and what to do. */
import { getRequestListener } from '@hono/node-server'
import { createServer } from 'node:http'
import { type Server as TlsServer, createServer as createTlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { IncomingMessage, Server } from 'node:http'
import type { Web } from './app.ts'

export interface Listen {
  readonly host: string
  readonly port: number
}

/** PEM texts of the server's leaf with its chain, its key, and the certificates that sign agents. */
export interface TlsMaterial {
  readonly certificate: string
  readonly key: string
  readonly authorities: readonly string[]
}

export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** Slow senders are cut: a TLS handshake and whole headers within 10 s, a request within 30 s; looked at every 2 s. */
const limits = { requestTimeout: 30_000, headersTimeout: 10_000, connectionsCheckingInterval: 2_000, keepAliveTimeout: 15_000, maxHeaderSize: 16 * 1024 }

export function httpListener(web: Web): Server {
  const server = createServer(limits, listenerOf(web))
  server.on('upgrade', (request, socket) => {
    web.refused('request', 'upgrade')
    refuseUpgrade(request, socket)
  })
  refuseUnreadable(server, web)
  return server
}

/**
 * TLS 1.2 or newer. A client certificate is asked for but not demanded: people have none, agents are checked at `/link`.
 * `onUpgrade` gets WebSocket requests.
 */
export function tlsListener(web: Web, tls: TlsMaterial, onUpgrade: Upgrade): TlsServer {
  const options = { ...limits, ...secureContext(tls), minVersion: 'TLSv1.2', requestCert: true, rejectUnauthorized: false, handshakeTimeout: limits.headersTimeout } as const
  const server = createTlsServer(options, listenerOf(web))
  server.on('upgrade', onUpgrade)
  refuseUnreadable(server, web)
  return server
}

/**
 * What the parser cannot read never becomes a request: it is answered here, with the status Node gives, and counted.
 * Node's https server hands failed handshakes on to the same event; there nobody can read an answer.
 */
function refuseUnreadable(server: Server | TlsServer, web: Web): void {
  server.on('clientError', (error: Error, socket: Duplex) => {
    const code = errorCode(error)
    // A peer that went away, or only looked whether the port is open, has sent nothing that could be refused.
    if (code === 'ECONNRESET') return void socket.destroy()
    const slow = code === 'ERR_HTTP_REQUEST_TIMEOUT' || code === 'ERR_TLS_HANDSHAKE_TIMEOUT'
    const oversized = code === 'HPE_HEADER_OVERFLOW'
    web.refused('connection', slow ? 'slow' : oversized ? 'oversized' : 'malformed')
    if (!socket.writable || /^(ERR_SSL|ERR_TLS|EPROTO)/.test(code ?? '')) return void socket.destroy()
    const status = slow ? '408 Request Timeout' : oversized ? '431 Request Header Fields Too Large' : '400 Bad Request'
    const why = `${status}: ${code ?? error.message}\n`
    socket.once('finish', () => socket.destroy())
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(why)}\r\n\r\n${why}`)
  })
}

function errorCode(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** What `setSecureContext` takes when the leaf has been renewed. */
export function secureContext(tls: TlsMaterial): { cert: string; key: string; ca: string[] } {
  return { cert: tls.certificate, key: tls.key, ca: [...tls.authorities] }
}

function listenerOf(web: Web) {
  const listener = getRequestListener(web.app.fetch)
  return (request: Parameters<typeof listener>[0], response: Parameters<typeof listener>[1]): void => void listener(request, response)
}

/** Answers an upgrade that nobody here takes. */
export function refuseUpgrade(_: IncomingMessage, socket: Duplex): void {
  // Node has let go of the socket: a reset by the peer would otherwise be nobody's error and end the process.
  socket.on('error', () => socket.destroy())
  socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
}

/** Opens the port; resolves with the address in use (a port of 0 is chosen by the system). */
export function open(server: Server | TlsServer, listen: Listen, key: string): Promise<Listen> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(new Error(listenProblem(listen, key, cause.code), { cause })))
    server.listen(listen.port, listen.host, () => {
      const address = server.address()
      resolve({ host: listen.host, port: typeof address === 'object' && address !== null ? address.port : listen.port })
    })
  })
}

function listenProblem(listen: Listen, key: string, code: string | undefined): string {
  const where = `${listen.host}:${listen.port}`
  if (code === 'EADDRINUSE') return `${key}: ${where} is in use by another program; stop it or choose another address (--${key} HOST:PORT)`
  if (code === 'EACCES') return `${key}: no right to open ${where}; ports below 1024 need the privilege, choose a higher one (--${key} HOST:PORT)`
  if (code === 'EADDRNOTAVAIL') return `${key}: this machine has no address ${listen.host}`
  return `${key}: cannot listen on ${where} (${code ?? 'unknown error'})`
}

/** Stops accepting, ends what is idle at once and the rest after `graceMs`. */
export function closeServer(server: Server | TlsServer, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
}
