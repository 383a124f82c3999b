import { decode, encode } from '@msgpack/msgpack'
import type { X509Certificate } from 'node:crypto'
import type { SeqRanges } from '../../protocol/batch.ts'
import { type FromAgent, type FromCollector, fromCollector, type Hello, MAX_MESSAGE_BYTES, PROTOCOL_VERSION } from '../../protocol/messages.ts'
import type { ColumnedBatch } from '../batch.ts'
import type { Log } from '../log.ts'
import { contains, largest, subtract, union } from '../spool/ranges.ts'
import type { Spool } from '../spool/spool.ts'
import { createFramer, type Framer } from './frame.ts'
import { faultOf, type Identity, newKey, pinsFaultOf, proofOf, serialOf } from './identity.ts'
import { deadline, initial, type LinkEffect, type LinkEvent, type LinkState, room, step } from './session.ts'
import { type LinkSocket, openSocket } from './socket.ts'
import { CLOSE } from './ws-frames.ts'

/** A socket that has this much unsent takes no more: the peer or the path is slow, and memory is not the place to wait. */
const LIVE_BUFFER_BYTES = 512 * 1024
const LATE_BUFFER_BYTES = 64 * 1024
/** New batches waiting for the window; beyond it they are left to the backlog. */
const FRESH_BATCHES = 8
/** Longest timer: setTimeout fires at once beyond 2³¹ ms. */
const LONGEST_TIMER_MS = 3_600_000

/** Running totals since start, for metrics. */
export interface LinkCounts {
  connects: number
  batchesSent: number
  /** Of those, the ones from the backlog. */
  batchesLate: number
  bytesSent: number
  /** Batches the collector refused for good, by code. */
  readonly refused: Map<string, number>
  /** Batches larger than a message may be. */
  oversized: number
  renewals: number
}

export interface LinkOptions {
  readonly spool: Spool
  /** Who we are now; asked for at every connection, because a renewal changes it. */
  readonly identity: () => Identity
  /** Keeps a renewed identity. Throws where it cannot: the old one then stays in use. */
  readonly saveIdentity: (identity: Identity) => void
  readonly about: Pick<Hello, 'agent' | 'host' | 'intervalMs'>
  readonly log: Log
  /** Epoch milliseconds. */
  readonly wallClock: () => number
  /** Milliseconds that never step back. */
  readonly clock: () => number
  /** From 0 up to 1. */
  readonly random: () => number
  /** Told with each heartbeat that is sent: the link is live and the process awake, so that a look at something costs little. */
  readonly onHeartbeat?: () => void
}

export interface Link {
  /** A batch that the spool has just taken: sent at once when the link is live and the window has room. */
  offer(item: ColumnedBatch): void
  state(): LinkState['kind']
  /** When a batch was last acknowledged, on `clock`; undefined before the first. */
  lastAckAt(): number | undefined
  readonly counts: Readonly<LinkCounts>
  /** Says goodbye and closes; resolves when the socket is gone, after 2 s at the latest. */
  stop(): Promise<void>
}

interface Connection {
  readonly socket: LinkSocket
  /** Where it leads, as the identity has it. */
  readonly collector: string
  readonly framer: Framer
  /** What this connection has carried: not to be sent on it again. */
  sent: SeqRanges
  /** Key of a renewal under way. */
  newKey: string | undefined
  /** What the collector shows on this connection. */
  peer: X509Certificate | undefined
}

/** Starts the link: connects, and keeps connecting until it is stopped. */
export function startLink(options: LinkOptions): Link {
  const { spool, log, clock } = options
  const counts: LinkCounts = { connects: 0, batchesSent: 0, batchesLate: 0, bytesSent: 0, refused: new Map(), oversized: 0, renewals: 0 }
  let state = initial(clock())
  let connection: Connection | undefined
  let fresh: ColumnedBatch[] = []
  /** Whether this run has made a batch: the backlog of an earlier one waits for it, a second at most. */
  let begun = false
  let lastAckAt: number | undefined
  let address = 0
  let timer: NodeJS.Timeout | undefined
  /** The deadline for which `timer` is set; undefined when it is not set. */
  let armedFor: number | undefined
  let whenStopped: (() => void) | undefined
  let why = ''

  const act = (event: LinkEvent): void => {
    const before = state.kind
    const next = step(state, event, clock(), options.random())
    state = next.state
    for (const effect of next.effects) carryOut(effect)
    if (state.kind !== before && state.kind === 'disconnected') {
      address++
      if (state.retryAt !== Infinity) log('warn', 'link: not connected', { why, retryInMs: Math.round(state.retryAt - clock()) })
    }
    rearm()
    if (state.kind === 'disconnected' && state.retryAt === Infinity) whenStopped?.()
  }
  const rearm = (): void => {
    const due = deadline(state)
    // Nearly every event (a pong, an acknowledgement) leaves it where it was.
    if (due === armedFor) return
    clearTimeout(timer)
    armedFor = due
    if (due === Infinity) return
    timer = setTimeout(expire, Math.min(LONGEST_TIMER_MS, Math.max(0, Math.ceil(due - clock()))))
  }
  const expire = (): void => {
    armedFor = undefined
    act({ kind: 'timeout' })
  }
  const send = (message: FromAgent): void => {
    const bytes = encode(message)
    counts.bytesSent += bytes.length
    connection?.socket.send(bytes)
  }

  const carryOut = (effect: LinkEffect): void => {
    switch (effect.kind) {
      case 'open':
        open()
        return
      case 'hello':
        counts.connects++
        send({
          t: 'hello',
          version: PROTOCOL_VERSION,
          ...options.about,
          epoch: spool.epoch,
          next: spool.next(),
          delivery: { kind: 'live', periodMs: options.about.intervalMs },
          at: options.wallClock(),
        })
        return
      case 'fill':
        fill()
        return
      case 'ping':
        connection?.socket.ping()
        options.onHeartbeat?.()
        return
      case 'renew':
        renew()
        return
      case 'bye':
        send({ t: 'bye', why: 'restart', backWithinMs: effect.backWithinMs })
        return
      case 'drop':
        counts.refused.set(effect.code, (counts.refused.get(effect.code) ?? 0) + 1)
        log('error', 'link: the collector refused a batch for good', { seq: effect.seq, code: effect.code })
        spool.done([[effect.seq, effect.seq]])
        return
      case 'again':
        if (connection !== undefined) connection.sent = subtract(connection.sent, [[effect.seq, effect.seq]])
        return
      case 'close':
        why = effect.why
        connection?.socket.close(CLOSE.normal, effect.why)
        return
      case 'terminate':
        why = effect.why
        discard()
        return
    }
  }
  /** Ends the socket at once; what it still says is not heard. */
  const discard = (): void => {
    connection?.socket.terminate()
    connection = undefined
  }

  const open = (): void => {
    const identity = options.identity()
    const { collectors } = identity
    const collector = collectors[address % collectors.length] ?? ''
    why = ''
    log('debug', 'link: connecting', { collector })
    const socket = openSocket(
      {
        url: `${collector}/link`,
        tls: {
          cert: identity.certificate,
          key: identity.key,
          // Only these: an address that some public CA vouches for is still not our collector.
          ca: [...identity.pins],
          rejectUnauthorized: true,
          // The pin is the identity; certificates of a site name whatever address the collector had when it was set up.
          checkServerIdentity: () => undefined,
          minVersion: 'TLSv1.2',
        },
        maxMessageBytes: MAX_MESSAGE_BYTES,
      },
      {
        opened(peer) {
          mine.peer = peer
          act({ kind: 'connected' })
        },
        message: receive,
        pong: () => act({ kind: 'heard' }),
        closed(reason) {
          connection = undefined
          if (why === '') why = reason
          act({ kind: 'closed' })
        },
      },
    )
    const mine: Connection = { socket, collector, framer: createFramer(), sent: [], newKey: undefined, peer: undefined }
    connection = mine
  }

  const receive = (data: Uint8Array): void => {
    let message: FromCollector
    try {
      message = fromCollector.parse(decode(data))
    } catch (error) {
      log('error', 'link: a message that is none', { error })
      connection?.socket.close(CLOSE.protocol, 'malformed')
      return
    }
    act({ kind: 'heard' })
    switch (message.t) {
      case 'welcome':
        greet(message)
        return
      case 'ack':
        spool.done(union([], message.accepted))
        lastAckAt = clock()
        act({ kind: 'ack', accepted: message.accepted })
        return
      case 'refuse':
        log('warn', 'link: refused', { seq: message.seq, code: message.code, why: message.why, retryAfterMs: message.retryAfterMs })
        act({ kind: 'refuse', seq: message.seq, code: message.code, retryAfterMs: message.retryAfterMs })
        return
      case 'certificate':
        replaceCertificate(message)
        return
      case 'pins':
        replacePins(message.pins)
        return
    }
  }
  const greet = (welcome: Extract<FromCollector, { t: 'welcome' }>): void => {
    const accepted = union([], welcome.accepted)
    const highest = largest(accepted)
    if (highest >= spool.next()) {
      // Only an older copy of the folder can know less than the collector: a snapshot was restored.
      log('error', 'link: the spool was rolled back; numbers in use are skipped', { next: spool.next(), accepted: highest })
      spool.skipTo(highest + 1)
    }
    spool.done(accepted)
    const newest = spool.newest()
    fresh = newest === undefined ? [] : [newest]
    begun ||= newest !== undefined
    log('info', 'link: live', { collector: connection?.collector, pending: spool.state().pending })
    act({ kind: 'welcome', heartbeatMs: Math.max(1_000, welcome.heartbeatMs), window: Math.max(1, welcome.window), renewInMs: welcome.renewAfter - welcome.at })
  }

  const fill = (): void => {
    for (let item = pick(); item !== undefined && connection !== undefined; item = pick()) {
      const { batch, late } = item
      const bytes = connection.framer.frame(batch, late)
      const { seq } = batch.batch
      if (bytes.length > MAX_MESSAGE_BYTES) {
        // The framer has moved on without the peer: this connection cannot go on, and the batch never will.
        counts.oversized++
        log('error', 'link: a batch is larger than a message may be and is dropped', { seq, bytes: bytes.length })
        spool.done([[seq, seq]])
        connection.socket.close(CLOSE.normal, 'oversized')
        return
      }
      connection.sent = union(connection.sent, [[seq, seq]])
      connection.socket.send(bytes)
      counts.batchesSent++
      counts.bytesSent += bytes.length
      if (late) counts.batchesLate++
      state = step(state, { kind: 'sent', seq, late }, clock(), 0).state
    }
  }
  /** What to send next, if anything may be sent: new batches first, then the backlog, oldest first. */
  const pick = (): { readonly batch: ColumnedBatch; readonly late: boolean } | undefined => {
    if (connection === undefined || !connection.socket.isOpen()) return undefined
    const bufferedBytes = connection.socket.bufferedBytes()
    const now = clock()
    if (bufferedBytes < LIVE_BUFFER_BYTES && room(state, false, now)) {
      const next = fresh.shift()
      if (next !== undefined) return { batch: next, late: false }
    }
    if (!begun || fresh.length > 0 || bufferedBytes >= LATE_BUFFER_BYTES || !room(state, true, now)) return undefined
    const late = spool.oldest(connection.sent)
    return late === undefined ? undefined : { batch: late, late: true }
  }

  const renew = (): void => {
    if (connection === undefined) return
    const { key, publicKey } = newKey()
    connection.newKey = key
    send({ t: 'renew', publicKey, proof: proofOf(key, `zhishou-renew:${serialOf(options.identity().certificate)}`) })
  }
  const replaceCertificate = ({ certificate, pins }: Extract<FromCollector, { t: 'certificate' }>): void => {
    const key = connection?.newKey
    if (key === undefined) return
    const identity = { ...options.identity(), key, certificate, pins }
    const fault = faultOf(identity, options.wallClock()) ?? pinsFaultOf(pins, connection?.peer)
    if (fault !== undefined) {
      log('error', 'link: the new certificate is of no use and was not taken', { fault })
      return
    }
    if (!keepIdentity(identity, 'link: certificate renewed')) return
    counts.renewals++
    act({ kind: 'renewed' })
  }
  const replacePins = (pins: string[]): void => {
    // Told on every connection; written only when they are others.
    if (JSON.stringify(pins) === JSON.stringify(options.identity().pins)) return
    const fault = pinsFaultOf(pins, connection?.peer)
    if (fault === undefined) keepIdentity({ ...options.identity(), pins }, 'link: new pins')
    else log('error', 'link: the new pins are of no use and were not taken', { fault })
  }
  const keepIdentity = (identity: Identity, what: string): boolean => {
    try {
      options.saveIdentity(identity)
      log('info', what)
      return true
    } catch (error) {
      log('error', `${what}: not stored`, { error })
      return false
    }
  }

  rearm()
  return {
    counts,
    state: () => state.kind,
    lastAckAt: () => lastAckAt,
    offer(item) {
      begun = true
      // One that finds no room is in the spool all the same; the backlog brings it.
      if (state.kind === 'live' && fresh.length < FRESH_BATCHES && !contains(connection?.sent ?? [], item.batch.seq)) fresh.push(item)
      // Set anew with every batch, whatever it is set for: a timer that a suspended machine has delayed is then mended.
      armedFor = undefined
      act({ kind: 'tick' })
    },
    stop: () =>
      new Promise((resolve) => {
        whenStopped = resolve
        act({ kind: 'stop' })
      }),
  }
}
