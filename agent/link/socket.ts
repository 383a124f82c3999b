/**
 * A WebSocket over TLS from the client's side, for the link alone: what `ws` does in 35 kB over https and streams costs the
 * agent CPU with each ping and memory all the time (docs/decisions/agent-cost.md). It sets no timers: the link's states
 * bound how long opening, answering and closing may take, and end the socket with `terminate`.
 */
import { type X509Certificate, randomBytes, randomFillSync } from 'node:crypto'
import { isIP } from 'node:net'
import { connect, type ConnectionOptions } from 'node:tls'
import { CLOSE, FrameError, type Incoming, OPCODE, clientFrame, closePayload, createFrameReader } from './ws-frames.ts'
import { readAnswer, upgradeRequest } from './ws-handshake.ts'

export interface SocketOptions {
  /** `https://HOST:PORT/PATH`. */
  readonly url: string
  readonly tls: ConnectionOptions
  /** A longer message from the server ends the connection (1009). */
  readonly maxMessageBytes: number
}

export interface SocketEvents {
  /** Messages may be sent. `peer` is the server's certificate. */
  opened(peer: X509Certificate | undefined): void
  message(data: Uint8Array): void
  pong(): void
  /** The socket is gone; told once, and never after `terminate`. */
  closed(why: string): void
}

export interface LinkSocket {
  /** Whether messages may be sent: neither side has begun to close. */
  isOpen(): boolean
  /** Bytes that the kernel has not taken yet. */
  bufferedBytes(): number
  /** Sends one binary message; nothing where the socket is not open. */
  send(data: Uint8Array): void
  ping(): void
  /** Begins the closing handshake; `closed` follows when the server has answered and hung up. */
  close(code: number, reason: string): void
  /** Ends the socket at once. */
  terminate(): void
}

const MASKS_BYTES = 1024

/** Masks for one frame after another, from random bytes that are drawn in blocks. */
function createMasks(): () => Uint8Array {
  const pool = Buffer.allocUnsafeSlow(MASKS_BYTES)
  let at = MASKS_BYTES
  return () => {
    if (at === MASKS_BYTES) {
      randomFillSync(pool)
      at = 0
    }
    at += 4
    return pool.subarray(at - 4, at)
  }
}

const EMPTY = new Uint8Array(0)

/**
 * Connects and shakes hands. Whatever goes wrong with the connection ends as `closed`; throws only where the address or the
 * credentials are none.
 */
export function openSocket(options: SocketOptions, events: SocketEvents): LinkSocket {
  const url = new URL(options.url)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const key = randomBytes(16).toString('base64')
  const masks = createMasks()
  const reader = createFrameReader(options.maxMessageBytes)
  let phase: 'opening' | 'open' | 'closing' | 'gone' = 'opening'
  let answer: Buffer = Buffer.alloc(0)
  let why = ''

  const socket = connect({
    ...options.tls,
    host,
    port: Number(url.port === '' ? 443 : url.port),
    ALPNProtocols: ['http/1.1'],
    // A name, never an address (RFC 6066 section 3).
    ...(isIP(host) === 0 ? { servername: host } : {}),
  })
  const write = (opcode: number, payload: Uint8Array): void => void socket.write(clientFrame(opcode, payload, masks()))
  /** Says why and hangs up; what was sent before still goes out. */
  const fail = (code: number, message: string): void => {
    why = message
    if (phase === 'open') write(OPCODE.close, closePayload(code, ''))
    if (phase !== 'gone') phase = 'closing'
    socket.destroySoon()
  }
  const hear = (incoming: Incoming): void => {
    // What stands behind a closing frame is not heard, nor what comes after `terminate`.
    if (phase === 'gone' || socket.writableEnded) return
    switch (incoming.kind) {
      case 'message':
        events.message(incoming.data)
        return
      case 'ping':
        if (phase === 'open') write(OPCODE.pong, incoming.data)
        return
      case 'pong':
        events.pong()
        return
      case 'close':
        if (why === '') why = `closed with ${incoming.code}${incoming.reason === '' ? '' : ` ${incoming.reason}`}`
        if (phase === 'open') write(OPCODE.close, closePayload(incoming.code === 1005 ? CLOSE.normal : incoming.code, ''))
        phase = 'closing'
        socket.end()
        return
    }
  }
  const read = (chunk: Buffer): void => {
    try {
      reader.push(chunk, hear)
    } catch (error) {
      fail(error instanceof FrameError ? error.code : CLOSE.protocol, error instanceof Error ? error.message : String(error))
    }
  }
  const shake = (chunk: Buffer): void => {
    answer = answer.length === 0 ? chunk : Buffer.concat([answer, chunk])
    const verdict = readAnswer(answer, key)
    if (verdict.kind === 'more') return
    const rest = answer
    answer = Buffer.alloc(0)
    if (verdict.kind === 'refused') {
      fail(CLOSE.protocol, `websocket: ${verdict.why}`)
      return
    }
    phase = 'open'
    events.opened(socket.getPeerX509Certificate())
    if (verdict.at < rest.length) read(rest.subarray(verdict.at))
  }

  socket.setNoDelay(true)
  socket.on('secureConnect', () => void socket.write(upgradeRequest(url.host, url.pathname, key)))
  socket.on('data', (chunk: Buffer) => {
    if (phase === 'opening') shake(chunk)
    else if (phase !== 'gone') read(chunk)
  })
  socket.on('error', (error: Error) => {
    if (why === '') why = error.message
  })
  socket.on('close', () => {
    if (phase === 'gone') return
    phase = 'gone'
    events.closed(why === '' ? 'the connection was cut' : why)
  })

  return {
    isOpen: () => phase === 'open',
    bufferedBytes: () => socket.writableLength,
    send(data) {
      if (phase === 'open') write(OPCODE.binary, data)
    },
    ping() {
      if (phase === 'open') write(OPCODE.ping, EMPTY)
    },
    close(code, reason) {
      if (phase === 'opening') fail(code, reason)
      if (phase !== 'open') return
      write(OPCODE.close, closePayload(code, reason))
      phase = 'closing'
    },
    terminate() {
      phase = 'gone'
      socket.destroy()
    },
  }
}
