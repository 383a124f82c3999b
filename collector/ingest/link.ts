/**
 * The collector's end of the link (`protocol/messages.ts`): one WebSocket per agent on the TLS listener.
 *
 * A connection is let in by its client certificate alone, says hello within ten seconds, and is then a row of batches:
 * each is decoded, handed to the store, and acknowledged once the store says it is on disk, several numbers in one
 * frame. What is wrong with a message costs that message (bad series), that connection (a codec that lost its place) or
 * that agent (revoked), never another agent. Every refusal is counted and said to the peer where it can hear it.
 */
import { Encoder } from '@msgpack/msgpack'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { type BatchFrame, type FromCollector, type Hello, MAX_MESSAGE_BYTES, PROTOCOL_VERSION } from '../../protocol/messages.ts'
import type { RefusalCode } from '../../protocol/reply.ts'
import { StoreFull } from '../store/store.ts'
import { type Acceptor, createAcceptor } from './accept.ts'
import { toRanges } from './acks.ts'
import { readEnvelope } from './envelope.ts'
import { addressOf, answerUpgrade, refusal } from './link-answers.ts'
import { CLOSE_DROPPED, CLOSE_REFUSED, CLOSE_REPLACED, type Link, type LinkDependencies } from './link-types.ts'
import { type Peer, judgePeer } from './peer.ts'
import { renewCertificate } from './renewal.ts'

interface Connection {
  readonly ws: WebSocket
  readonly peer: Peer
  readonly since: number
  state: 'greeting' | 'live' | 'ending'
  acceptor: Acceptor | undefined
  stream: Stream | undefined
  unstored: number
  paused: boolean
  acks: number[]
  restamped: boolean
  renewedAt: number
  timer: NodeJS.Timeout | undefined
}

/** Batches of one epoch that the store has not answered yet; outlives a connection, so a resend does not enter twice. */
interface Stream {
  readonly epoch: string
  readonly inFlight: Map<number, Promise<'stored' | 'replayed'>>
}

/** A fleet that sends flat out has this much each in memory here; docs/decisions/store.md has what others cost. */
const WINDOW = 16
const HELLO_TIMEOUT_MS = 10_000
/** After a closing handshake began, the peer has this long. */
const CLOSE_MS = 2_000
const RETRY_FULL_MS = 10_000
const RETRY_FAILED_MS = 5_000
const RENEW_PAUSE_MS = 60_000
/** A peer that reads nothing is cut when this much waits for it. */
const MAX_UNSENT_BYTES = 1024 * 1024

/** Makes the link; nothing happens before the first upgrade. */
export function createLink(dependencies: LinkDependencies): Link {
  const { store, clock, settings, presence, onEvent } = dependencies
  const window = settings.window ?? WINDOW
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES, clientTracking: false, autoPong: false })
  /** One for all: each brings a buffer of 2 kB. */
  const encoder = new Encoder<undefined>()
  const open = new Set<Connection>()
  const live = new Map<string, Connection>()
  const streams = new Map<string, Stream>()
  const totals = { messages: 0, bytes: 0, batches: 0, replayed: 0, samples: 0, restampedRows: 0, acks: 0, replaced: 0, renewed: 0, pauses: 0, refused: 0 }
  /** Upgrades whose certificate is being looked up. */
  let arriving = 0
  let closing = false

  const refused = (what: 'link' | 'batch' | 'series' | 'renewal', code: RefusalCode, why: string, address: string, instance: string | undefined): void => {
    totals.refused++
    dependencies.refused(what, code)
    onEvent({ kind: 'refused', what, code, why, address, instance })
  }

  server.on('wsClientError', (error, socket, request) => {
    refused('link', 'malformed', error.message, addressOf(request), undefined)
    answerUpgrade(socket, 400, 'malformed', error.message)
  })

  const send = (connection: Connection, frame: FromCollector): void => {
    const { ws } = connection
    if (ws.readyState !== WebSocket.OPEN) return
    if (ws.bufferedAmount > MAX_UNSENT_BYTES) {
      refused('link', 'limit', 'the agent does not read what it is sent', connection.peer.address, connection.peer.instance)
      ws.terminate()
      return
    }
    ws.send(encoder.encode(frame))
  }

  /** Says goodbye; nothing more of this connection counts. */
  const end = (connection: Connection, code: number, why: string): void => {
    if (connection.state === 'ending') return
    connection.state = 'ending'
    clearTimeout(connection.timer)
    // A paused socket would never show the peer's half of the closing handshake.
    if (connection.paused) connection.ws.resume()
    connection.paused = false
    connection.ws.close(code, why.slice(0, 100))
    connection.timer = setTimeout(() => connection.ws.terminate(), CLOSE_MS)
  }

  const refuseConnection = (connection: Connection, code: RefusalCode, why: string, seq?: number): void => {
    if (connection.state === 'ending') return
    refused(seq === undefined ? 'link' : 'batch', code, why, connection.peer.address, connection.peer.instance)
    send(connection, refusal(code, why, seq))
    end(connection, CLOSE_REFUSED, code)
  }

  const flushAcks = (connection: Connection): void => {
    const accepted = toRanges(connection.acks)
    connection.acks = []
    totals.acks++
    send(connection, { t: 'ack', accepted: accepted.map(([from, to]) => [from, to]) })
  }

  const settled = (connection: Connection): void => {
    connection.unstored--
    if (connection.paused && connection.unstored <= window / 2) {
      connection.paused = false
      connection.ws.resume()
      presence.reading(connection.peer.instance, true)
    }
  }

  const stored = (connection: Connection, seq: number): void => {
    settled(connection)
    // One frame for everything that one group commit made durable: its promises resolve in the same turn.
    if (connection.acks.push(seq) === 1) setImmediate(() => flushAcks(connection))
  }

  const notStored = (connection: Connection, seq: number, error: unknown): void => {
    settled(connection)
    const full = error instanceof StoreFull
    if (!full) onEvent({ kind: 'failed', what: `store batch ${seq}`, instance: connection.peer.instance, error })
    const why = full ? 'the collector has no room' : 'the collector could not store it'
    refused('batch', 'limit', why, connection.peer.address, connection.peer.instance)
    send(connection, { ...refusal('limit', why, seq), retryAfterMs: full ? RETRY_FULL_MS : RETRY_FAILED_MS })
  }

  const onBatch = (connection: Connection, frame: BatchFrame): void => {
    const { acceptor, stream, peer } = connection
    if (acceptor === undefined || stream === undefined) return refuseConnection(connection, 'out-of-order', 'a batch came before the hello', frame.seq)
    const now = clock.now()
    const result = acceptor.accept(frame, now)
    if (result.kind === 'refused') return refuseConnection(connection, result.code, result.why, frame.seq)

    const { batch } = result
    totals.batches++
    for (const series of result.refusedSeries.slice(0, 3)) onEvent({ kind: 'refused', what: 'series', instance: peer.instance, address: peer.address, ...series })
    for (const series of result.refusedSeries) {
      totals.refused++
      dependencies.refused('series', series.code)
    }
    if (result.offsetMs !== undefined) presence.clockOffset(peer.instance, result.offsetMs)

    connection.unstored++
    if (connection.unstored > window && !connection.paused) {
      connection.paused = true
      totals.pauses++
      connection.ws.pause()
      presence.reading(peer.instance, false)
    }

    const running = stream.inFlight.get(batch.seq)
    if (running !== undefined) {
      running.then(
        () => stored(connection, batch.seq),
        (error: unknown) => notStored(connection, batch.seq, error),
      )
      return
    }
    const storing = store.accept(batch)
    stream.inFlight.set(batch.seq, storing)
    storing.then(
      (outcome) => {
        stream.inFlight.delete(batch.seq)
        if (outcome === 'replayed') totals.replayed++
        else {
          totals.samples += result.samples
          noteRestamped(connection, result.restampedRows)
          dependencies.onStored?.(peer.instance, { events: batch.events.length, newestAt: batch.rows.at(-1)?.at })
        }
        stored(connection, batch.seq)
      },
      (error: unknown) => {
        stream.inFlight.delete(batch.seq)
        notStored(connection, batch.seq, error)
      },
    )
  }

  const noteRestamped = (connection: Connection, rows: number): void => {
    if (rows === 0) return
    totals.restampedRows += rows
    if (connection.restamped) return
    connection.restamped = true
    onEvent({ kind: 'restamped', instance: connection.peer.instance, address: connection.peer.address, rows })
  }

  const onHello = (connection: Connection, hello: Hello): void => {
    const { peer } = connection
    if (connection.state !== 'greeting') return refuseConnection(connection, 'out-of-order', 'a second hello')
    const now = clock.now()
    clearTimeout(connection.timer)
    const older = live.get(peer.instance)
    if (older !== undefined) {
      // The certificate proves that it is the same agent, so the older one is half-open (or a copied key: see the log).
      totals.replaced++
      onEvent({ kind: 'replaced', instance: peer.instance, address: older.peer.address })
      live.delete(peer.instance)
      end(older, CLOSE_REPLACED, 'a newer connection of the same agent')
    }
    live.set(peer.instance, connection)
    connection.state = 'live'
    const known = streams.get(peer.instance)
    connection.stream = known?.epoch === hello.epoch ? known : { epoch: hello.epoch, inFlight: new Map() }
    streams.set(peer.instance, connection.stream)
    connection.acceptor = createAcceptor(store, peer.instance, hello, now, settings)
    presence.opened(peer.instance, hello, hello.at - now)
    onEvent({ kind: 'connected', instance: peer.instance, address: peer.address })
    send(connection, {
      t: 'welcome',
      version: PROTOCOL_VERSION,
      at: now,
      accepted: store.accepted(peer.instance, hello.epoch).map(([from, to]) => [from, to]),
      heartbeatMs: settings.heartbeatMs,
      window,
      renewAfter: peer.renewAfter,
    })
    // On every connection: an agent that was away when a rotation began or ended learns of it here.
    send(connection, { t: 'pins', pins: [...dependencies.pki.pins()] })
  }

  const onRenew = async (connection: Connection, frame: { readonly publicKey: string; readonly proof: Uint8Array }): Promise<void> => {
    const { peer } = connection
    const now = clock.now()
    if (now - connection.renewedAt < RENEW_PAUSE_MS && now >= connection.renewedAt) {
      refused('renewal', 'limit', 'one renewal a minute', peer.address, peer.instance)
      return
    }
    connection.renewedAt = now
    const outcome = await renewCertificate(dependencies, peer, frame, now)
    if (outcome.kind === 'refused') return refuseConnection(connection, outcome.code, outcome.why)
    totals.renewed++
    onEvent({ kind: 'renewed', instance: peer.instance, address: peer.address })
    send(connection, { t: 'certificate', certificate: outcome.certificate, pins: [...dependencies.pki.pins()] })
  }

  const onMessage = (connection: Connection, data: Uint8Array): void => {
    totals.messages++
    totals.bytes += data.length
    if (connection.state === 'ending') return
    if (connection.state === 'live') presence.heard(connection.peer.instance)
    const envelope = readEnvelope(data)
    if (envelope.kind === 'bad') return refuseConnection(connection, envelope.code, envelope.why, envelope.seq)
    const { frame } = envelope
    if (connection.state === 'greeting' && frame.t !== 'hello') return refuseConnection(connection, 'out-of-order', `the first frame must be hello, not ${frame.t}`)
    switch (frame.t) {
      case 'batch':
        return onBatch(connection, frame)
      case 'hello':
        return onHello(connection, frame)
      case 'bye':
        presence.bye(connection.peer.instance, frame.backWithinMs)
        return
      case 'renew':
        onRenew(connection, frame).catch((error: unknown) => onEvent({ kind: 'failed', what: 'renew certificate', instance: connection.peer.instance, error }))
        return
    }
  }

  const connect = (ws: WebSocket, peer: Peer): Connection => {
    const connection: Connection = { ws, peer, since: clock.now(), state: 'greeting', acceptor: undefined, stream: undefined, unstored: 0, paused: false, acks: [], restamped: false, renewedAt: -RENEW_PAUSE_MS, timer: undefined }
    open.add(connection)
    connection.timer = setTimeout(() => refuseConnection(connection, 'out-of-order', 'no hello in time'), settings.helloTimeoutMs ?? HELLO_TIMEOUT_MS)
    ws.on('message', (data, isBinary) => {
      if (!isBinary || !(data instanceof Uint8Array)) return refuseConnection(connection, 'malformed', 'messages must be binary')
      try {
        onMessage(connection, data)
      } catch (error) {
        // A fault of ours with this agent's data must not reach the others.
        onEvent({ kind: 'failed', what: 'handle a message', instance: peer.instance, error })
        end(connection, 1011, 'internal error')
      }
    })
    ws.on('ping', () => {
      if (connection.state === 'live') presence.heard(peer.instance)
    })
    ws.on('error', (error) => {
      const oversized = 'code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
      const protocolFault = 'code' in error && typeof error.code === 'string' && error.code.startsWith('WS_ERR_')
      // Anything else is the network's doing and shows as `closed`. ws closes with 1009 or 1002 by itself.
      if (protocolFault) refused('link', oversized ? 'oversized' : 'malformed', error.message, peer.address, peer.instance)
    })
    ws.on('close', (code) => {
      clearTimeout(connection.timer)
      open.delete(connection)
      connection.state = 'ending'
      if (live.get(peer.instance) !== connection) return
      live.delete(peer.instance)
      presence.closed(peer.instance)
      onEvent({ kind: 'closed', instance: peer.instance, address: peer.address, code })
    })
    return connection
  }

  const arrive = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const address = addressOf(request)
    const verdict = await judgePeer(dependencies, socket, address, clock.now())
    if (socket.destroyed) return
    if (verdict.kind === 'stranger') {
      refused('link', 'unauthenticated', verdict.why, address, undefined)
      return answerUpgrade(socket, 401, 'unauthenticated', verdict.why)
    }
    if (closing) return answerUpgrade(socket, 503, 'limit', 'the collector is stopping')
    server.handleUpgrade(request, socket, head, (ws) => {
      const connection = connect(ws, verdict.peer)
      if (verdict.kind === 'unwelcome') refuseConnection(connection, verdict.code, verdict.why)
    })
  }

  return {
    handleUpgrade(request, socket, head) {
      const ignore = (): void => undefined
      // Until ws takes the socket over, a reset of it would otherwise be an uncaught error.
      socket.on('error', ignore)
      if (closing || open.size + arriving >= settings.maxConnections) {
        refused('link', 'limit', closing ? 'the collector is stopping' : `more than ${settings.maxConnections} connections`, addressOf(request), undefined)
        return answerUpgrade(socket, 503, 'limit', 'too many connections')
      }
      arriving++
      arrive(request, socket, head)
        .catch((error: unknown) => {
          onEvent({ kind: 'failed', what: 'let an agent in', instance: undefined, error })
          answerUpgrade(socket, 503, 'limit', 'the collector cannot check certificates now')
        })
        .finally(() => {
          arriving--
          socket.off('error', ignore)
        })
    },
    connections: () => [...live.values()].map(({ peer, since, unstored }) => ({ instance: peer.instance, address: peer.address, serial: peer.serial, since, unstored })),
    stats: () => ({ ...totals, connections: live.size }),
    drop({ serials = [], instance }, why) {
      for (const connection of open) {
        if (connection.peer.instance !== instance && !serials.includes(connection.peer.serial)) continue
        send(connection, refusal('revoked', why))
        end(connection, CLOSE_DROPPED, 'revoked')
      }
    },
    announcePins() {
      for (const connection of live.values()) send(connection, { t: 'pins', pins: [...dependencies.pki.pins()] })
    },
    async close() {
      closing = true
      for (const connection of open) end(connection, 1001, 'the collector is stopping')
      const gone = [...open].map(({ ws }) => new Promise<void>((resolve) => (ws.readyState === WebSocket.CLOSED ? resolve() : void ws.once('close', () => resolve()))))
      await Promise.all(gone)
      await Promise.allSettled([...streams.values()].flatMap((stream) => [...stream.inFlight.values()]))
      server.close()
    },
  }
}
