/**
 * The link's states, as a table of every state and event. Pure: `now` is monotonic milliseconds, `random` is given.
 *
 * SPEC
 *
 * ```
 *              timeout (retry due)        connected            welcome
 * disconnected ──────────────► connecting ─────────► greeting ─────────► live
 *      ▲                           │ closed, timeout    │ refuse, closed,   │ refuse of the connection, overdue answer,
 *      │                           ▼                    ▼ timeout           ▼ renewed, stop
 *      └────────────────────────────────────────────── closed ◄───────── closing
 * ```
 *
 *  1. There is at most one socket: `open` is an effect of leaving `disconnected` and of nothing else.
 *  2. Nothing but `hello` is sent before `welcome`; batches are sent in `live` only.
 *  3. A batch counts as waiting from `sent` until an ack or a refusal names it; at most `window` wait, of them at most
 *     half (one at least) from the backlog, so that a new batch always finds room.
 *  4. A batch without an answer for 20 s, or a peer from whom nothing at all came for twelve heartbeats, ends the
 *     connection. That is how a half-open one is noticed.
 *  5. Attempts are 1 to 5 s apart, drawn at random below a ceiling that doubles; the ceiling falls back when a batch is
 *     acknowledged (a welcome alone proves little: a collector may greet and then fail). 5 s, because a collector that
 *     was away gives every agent `link.silence` (9 s) from its start to be heard, and calls it down after that.
 *  6. A refusal with `retryAfterMs` drops nothing: the same may be sent when that time has passed. Without it, a
 *     refused batch is dropped and counted; a refused connection is tried again at the slowest pace, because what is
 *     wrong (revoked, version) is mended by people on the other side.
 *  7. After `renewAfter` one renewal is asked for on a connection, and on its answer the link reconnects at once.
 *  8. `stop` says `bye`, lets the socket close for at most 2 s, and leads to `disconnected` for good.
 */
import type { SeqRanges } from '../../protocol/batch.ts'
import type { RefusalCode } from '../../protocol/reply.ts'
import { contains } from '../spool/ranges.ts'

export const CONNECT_TIMEOUT_MS = 10_000
export const ACK_TIMEOUT_MS = 20_000
/** Pings are not answered (an answer would wake every agent 900 times an hour for nothing): what is heard are acknowledgements. */
const SILENT_HEARTBEATS = 12
export const CLOSE_TIMEOUT_MS = 2_000
export const FIRST_RETRY_MS = 1_000
export const LONGEST_BACK_OFF_MS = 5_000
/** After a refusal of the connection: what is wrong is mended by people. */
export const LAST_RETRY_MS = 60_000
/** What `bye` promises: a planned restart is back within this time. */
export const BACK_WITHIN_MS = 60_000
/** Between the end of a connection given up for a new certificate and the next one. */
const RENEWED_BACK_MS = 10_000

/** One batch on its way. */
export interface Waiting {
  readonly seq: number
  readonly late: boolean
  readonly sentAt: number
}

export interface Disconnected {
  readonly kind: 'disconnected'
  /** Failed attempts in a row. */
  readonly attempt: number
  /** Infinity: stopped. */
  readonly retryAt: number
}
export interface Opening {
  readonly kind: 'connecting' | 'greeting'
  readonly attempt: number
  readonly since: number
}
export interface Live {
  readonly kind: 'live'
  readonly attempt: number
  readonly heartbeatMs: number
  readonly window: number
  readonly heardAt: number
  readonly pingAt: number
  /** Ascending by sentAt. */
  readonly waiting: readonly Waiting[]
  /** Nothing is sent before; the collector asked for it. */
  readonly holdUntil: number
  /** When to ask for a new certificate; Infinity once asked. */
  readonly renewAt: number
}
export interface Closing {
  readonly kind: 'closing'
  readonly attempt: number
  readonly since: number
  /** When to try again after it has closed, as a delay; Infinity: never. */
  readonly retryMs: number
}
export type LinkState = Disconnected | Opening | Live | Closing

export type LinkEvent =
  | { readonly kind: 'connected' }
  | { readonly kind: 'welcome'; readonly heartbeatMs: number; readonly window: number; readonly renewInMs: number }
  | { readonly kind: 'ack'; readonly accepted: SeqRanges }
  | { readonly kind: 'refuse'; readonly seq: number | undefined; readonly code: RefusalCode; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'sent'; readonly seq: number; readonly late: boolean }
  /** Anything came from the peer, a pong too. */
  | { readonly kind: 'heard' }
  /** A new certificate is stored. */
  | { readonly kind: 'renewed' }
  /** A new batch is there, or the socket has drained. */
  | { readonly kind: 'tick' }
  /** `deadline(state)` has passed. */
  | { readonly kind: 'timeout' }
  | { readonly kind: 'closed' }
  | { readonly kind: 'stop' }

export type LinkEffect =
  | { readonly kind: 'open' }
  | { readonly kind: 'hello' }
  /** Batches may be sent, as far as `room` allows. */
  | { readonly kind: 'fill' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'renew' }
  | { readonly kind: 'bye'; readonly backWithinMs: number }
  /** Take the batch out of the spool: the collector will never take it. */
  | { readonly kind: 'drop'; readonly seq: number; readonly code: RefusalCode }
  /** The batch may be sent again on this connection. */
  | { readonly kind: 'again'; readonly seq: number }
  /** A closing handshake. */
  | { readonly kind: 'close'; readonly why: string }
  /** The socket's end, at once. */
  | { readonly kind: 'terminate'; readonly why: string }

export interface Step {
  readonly state: LinkState
  readonly effects: readonly LinkEffect[]
}

/** The state an agent starts in: the first attempt is due at once. */
export function initial(now: number): LinkState {
  return { kind: 'disconnected', attempt: 0, retryAt: now }
}

/** When the next `timeout` event is due; Infinity for never. */
export function deadline(state: LinkState): number {
  switch (state.kind) {
    case 'disconnected':
      return state.retryAt
    case 'connecting':
    case 'greeting':
      return state.since + CONNECT_TIMEOUT_MS
    case 'live':
      return Math.min(state.pingAt, state.renewAt, answerDue(state), silenceDue(state), state.holdUntil)
    case 'closing':
      return state.since + CLOSE_TIMEOUT_MS
  }
}

/** Whether one more batch may be sent now. */
export function room(state: LinkState, late: boolean, now: number): boolean {
  if (state.kind !== 'live' || (state.holdUntil !== Infinity && now < state.holdUntil)) return false
  if (!late) return state.waiting.length < state.window
  const backlog = state.waiting.filter((item) => item.late).length
  return state.waiting.length < Math.max(1, state.window - 1) && backlog < Math.max(1, Math.floor(state.window / 2))
}

/** Delay before attempt number `attempt` (from 0), ms: SPEC 5. `random` is from 0 up to 1. */
export function backOff(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_BACK_OFF_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt + 1, 10))
  return FIRST_RETRY_MS + random * (ceiling - FIRST_RETRY_MS)
}

function answerDue(state: Live): number {
  return (state.waiting[0]?.sentAt ?? Infinity) + ACK_TIMEOUT_MS
}

function silenceDue(state: Live): number {
  return state.heardAt + SILENT_HEARTBEATS * state.heartbeatMs
}

type Handler<S, E> = (state: S, event: E, now: number, random: number) => Step
type Of<U, K> = Extract<U, { readonly kind: K }>
type Table = {
  readonly [S in LinkState['kind']]: {
    readonly [E in LinkEvent['kind']]: Handler<S extends Opening['kind'] ? Opening : Of<LinkState, S>, Of<LinkEvent, E>>
  }
}

const stay = (state: LinkState, ...effects: LinkEffect[]): Step => ({ state, effects })

function fail(state: { readonly attempt: number }, now: number, random: number, ...effects: LinkEffect[]): Step {
  return { state: { kind: 'disconnected', attempt: state.attempt + 1, retryAt: now + backOff(state.attempt, random) }, effects }
}

function end(state: { readonly attempt: number }, now: number, retryMs: number, ...effects: LinkEffect[]): Step {
  return { state: { kind: 'closing', attempt: state.attempt, since: now, retryMs }, effects }
}

function refusedConnection(state: Opening | Live, event: Of<LinkEvent, 'refuse'>, now: number, random: number): Step {
  const attempt = state.attempt + 1
  const retryMs = Math.max(event.retryAfterMs ?? LAST_RETRY_MS, backOff(attempt, random))
  return end({ attempt }, now, retryMs, { kind: 'close', why: `refused: ${event.code}` })
}

function liveTimeout(state: Live, now: number, random: number): Step {
  if (now >= answerDue(state)) return fail(state, now, random, { kind: 'terminate', why: `no acknowledgement within ${ACK_TIMEOUT_MS} ms` })
  if (now >= silenceDue(state)) return fail(state, now, random, { kind: 'terminate', why: 'nothing heard for twelve heartbeats' })
  const effects: LinkEffect[] = []
  let next = state
  if (now >= state.pingAt) {
    effects.push({ kind: 'ping' })
    next = { ...next, pingAt: now + state.heartbeatMs }
  }
  if (now >= state.renewAt) {
    effects.push({ kind: 'renew' })
    next = { ...next, renewAt: Infinity }
  }
  if (now >= state.holdUntil) {
    effects.push({ kind: 'fill' })
    next = { ...next, holdUntil: Infinity }
  }
  return stay(next, ...effects)
}

function liveRefuse(state: Live, event: Of<LinkEvent, 'refuse'>, now: number, random: number): Step {
  const { seq } = event
  if (seq === undefined) return refusedConnection(state, event, now, random)
  const waiting = state.waiting.filter((item) => item.seq !== seq)
  if (event.retryAfterMs === undefined) return stay({ ...state, waiting, heardAt: now }, { kind: 'drop', seq, code: event.code }, { kind: 'fill' })
  return stay({ ...state, waiting, heardAt: now, holdUntil: now + event.retryAfterMs }, { kind: 'again', seq })
}

const stopped: Disconnected = { kind: 'disconnected', attempt: 0, retryAt: Infinity }

const keep = (state: LinkState): Step => stay(state)

/** What connecting and greeting have in common. */
const opening = {
  ack: keep,
  sent: keep,
  heard: keep,
  renewed: keep,
  tick: keep,
  refuse: refusedConnection,
  timeout: (state: Opening, _event: unknown, now: number, random: number) => fail(state, now, random, { kind: 'terminate', why: `${state.kind}: no answer within ${CONNECT_TIMEOUT_MS} ms` }),
  closed: (state: Opening, _event: unknown, now: number, random: number) => fail(state, now, random),
  stop: () => stay(stopped, { kind: 'terminate', why: 'stopped' }),
}

const table: Table = {
  disconnected: {
    connected: keep,
    welcome: keep,
    ack: keep,
    refuse: keep,
    sent: keep,
    heard: keep,
    renewed: keep,
    tick: keep,
    closed: keep,
    timeout: (state, _event, now) => (now >= state.retryAt ? stay({ kind: 'connecting', attempt: state.attempt, since: now }, { kind: 'open' }) : keep(state)),
    stop: () => stay(stopped),
  },
  connecting: {
    ...opening,
    connected: (state, _event, now) => stay({ kind: 'greeting', attempt: state.attempt, since: now }, { kind: 'hello' }),
    welcome: keep,
  },
  greeting: {
    ...opening,
    connected: keep,
    welcome: (state, { heartbeatMs, window, renewInMs }, now) =>
      stay(
        {
          kind: 'live',
          attempt: state.attempt,
          heartbeatMs,
          window,
          heardAt: now,
          pingAt: now + heartbeatMs,
          waiting: [],
          holdUntil: Infinity,
          renewAt: now + Math.max(0, renewInMs),
        },
        { kind: 'fill' },
      ),
  },
  live: {
    connected: keep,
    welcome: keep,
    ack: (state, { accepted }, now) =>
      stay({ ...state, attempt: 0, heardAt: now, waiting: state.waiting.filter((item) => !contains(accepted, item.seq)) }, { kind: 'fill' }),
    refuse: liveRefuse,
    // A batch is a sign of life like a ping, so the next ping counts from it.
    sent: (state, { seq, late }, now) => stay({ ...state, pingAt: now + state.heartbeatMs, waiting: [...state.waiting, { seq, late, sentAt: now }] }),
    heard: (state, _event, now) => stay({ ...state, heardAt: now }),
    renewed: (state, _event, now) => end(state, now, 0, { kind: 'bye', backWithinMs: RENEWED_BACK_MS }, { kind: 'close', why: 'new certificate' }),
    tick: (state) => stay(state, { kind: 'fill' }),
    timeout: (state, _event, now, random) => liveTimeout(state, now, random),
    closed: (state, _event, now, random) => fail(state, now, random),
    stop: (state, _event, now) => end(state, now, Infinity, { kind: 'bye', backWithinMs: BACK_WITHIN_MS }, { kind: 'close', why: 'stopped' }),
  },
  closing: {
    connected: keep,
    welcome: keep,
    ack: keep,
    refuse: keep,
    sent: keep,
    heard: keep,
    renewed: keep,
    tick: keep,
    timeout: (state, _event, now) => stay({ kind: 'disconnected', attempt: state.attempt, retryAt: now + state.retryMs }, { kind: 'terminate', why: 'closing took too long' }),
    closed: (state, _event, now) => stay({ kind: 'disconnected', attempt: state.attempt, retryAt: now + state.retryMs }),
    stop: (state) => stay({ ...state, retryMs: Infinity }),
  },
}

/** One event in one state: the next state and what is to be done. Total: every pair is in the table. */
export function step(state: LinkState, event: LinkEvent, now: number, random: number): Step {
  // The table is complete by its type; which row and column meet here is only known to this line.
  const handler = table[state.kind][event.kind] as Handler<LinkState, LinkEvent>
  return handler(state, event, now, random)
}
