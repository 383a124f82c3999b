/**
 * Every control frame of the link, as a schema with its inferred type. One WebSocket binary message holds one
 * MessagePack map with a field `t`. Samples are not described here: they are the packed bytes in `batch.columns`
 * (`columns.ts`), which have a bounds-checked decoder of their own.
 *
 * Order on a connection: agent `hello` → collector `welcome` or `refuse`; then agent `batch`es, each answered in time by
 * an `ack` that may cover many; `bye` before a planned end. The agent also sends a WebSocket ping every
 * `welcome.heartbeatMs`; silence beyond three of them means the agent is gone.
 */
import * as z from 'zod/mini'

/** Raised by one when an old peer could not understand a new one. */
export const PROTOCOL_VERSION = 1

/** Largest WebSocket message either side accepts, bytes. A batch that would be larger is split by the agent. */
export const MAX_MESSAGE_BYTES = 1024 * 1024

const count = z.int().check(z.minimum(0))
const time = z.int().check(z.minimum(0), z.maximum(8.64e15))
const word = z.string().check(z.minLength(1), z.maxLength(200))
const text = z.string().check(z.maxLength(16_384))
const bytes = z.instanceof(Uint8Array)
const labels = z.record(z.string().check(z.maxLength(200)), z.string().check(z.maxLength(2_000)))

const event = z.strictObject({
  kind: word,
  rule: z.string().check(z.maxLength(200)),
  severity: z.enum(['critical', 'warning', 'info']),
  at: time,
  text,
  labels,
})
const fact = z.strictObject({ name: word, at: time, json: z.string().check(z.maxLength(512 * 1024)) })
const check = z.strictObject({ check: word, at: time, verdict: z.enum(['ok', 'warning', 'critical', 'unknown']), text })

/** First frame of the agent. The host's name comes from its certificate, not from here. */
export const hello = z.strictObject({
  t: z.literal('hello'),
  version: count,
  agent: z.strictObject({ version: word, node: word, pid: count }),
  host: z.strictObject({ hostname: word, machineId: z.string().check(z.maxLength(200)), bootId: z.string().check(z.maxLength(200)) }),
  /** Names the spool's numbering; a new one is drawn when the spool was lost. */
  epoch: word,
  /** Number the next new batch will get. */
  next: count,
  delivery: z.strictObject({ kind: z.enum(['live', 'file']), periodMs: count }),
  intervalMs: count,
  /** Clock of the agent when this was sent, to tell skew. */
  at: time,
})

/** One batch. `define` carries the columns that are new on this connection, before `columns` uses them. */
export const batch = z.strictObject({
  t: z.literal('batch'),
  seq: count,
  /** Sent from the backlog after an outage: its rows are older than fresher ones already sent. */
  late: z.boolean(),
  define: z.array(z.strictObject({ group: word, columns: z.array(labels).check(z.maxLength(100_000)) })).check(z.maxLength(64)),
  columns: bytes,
  events: z.array(event).check(z.maxLength(10_000)),
  facts: z.array(fact).check(z.maxLength(1_000)),
  checks: z.array(check).check(z.maxLength(10_000)),
})

/** A planned end: no alert until `backWithinMs` has passed (0: for good until somebody starts it). */
export const bye = z.strictObject({ t: z.literal('bye'), why: z.enum(['restart', 'stop', 'shutdown']), backWithinMs: count })

/** Asks for a new certificate. `publicKey` is SPKI PEM; `proof` its signature over `zhishou-renew:` + serial of the old one. */
export const renew = z.strictObject({ t: z.literal('renew'), publicKey: z.string().check(z.maxLength(4_000)), proof: bytes })

export const fromAgent = z.discriminatedUnion('t', [hello, batch, bye, renew])
export type FromAgent = z.infer<typeof fromAgent>

const ranges = z.array(z.tuple([count, count])).check(z.maxLength(10_000))

export const welcome = z.strictObject({
  t: z.literal('welcome'),
  version: count,
  /** Collector's clock. */
  at: time,
  /** Everything of the hello's epoch that is durable already: never send it again. */
  accepted: ranges,
  heartbeatMs: count,
  /** At most this many unacknowledged batches may be under way. */
  window: count,
  /** Certificate should be renewed from this time on. */
  renewAfter: time,
})

/** These batches are durable. */
export const ack = z.strictObject({ t: z.literal('ack'), accepted: ranges })

/** The last batch named was not taken and never will be in this form; the agent counts and drops it. */
export const refuse = z.strictObject({
  t: z.literal('refuse'),
  /** undefined: the whole connection is refused. */
  seq: z.optional(count),
  code: z.enum(['malformed', 'oversized', 'version', 'unauthenticated', 'revoked', 'expired', 'out-of-order', 'limit', 'time']),
  why: text,
  /** Set when the same thing may be tried again later: nothing is dropped then. */
  retryAfterMs: z.optional(count),
})

/** Answer to `renew`: the new client certificate and the CA certificates to pin from now on (two during a rotation). */
export const certificate = z.strictObject({ t: z.literal('certificate'), certificate: z.string(), pins: z.array(z.string()).check(z.minLength(1), z.maxLength(4)) })

/** CA certificates to pin from now on; sent when a rotation begins or ends. */
export const pins = z.strictObject({ t: z.literal('pins'), pins: z.array(z.string()).check(z.minLength(1), z.maxLength(4)) })

export const fromCollector = z.discriminatedUnion('t', [welcome, ack, refuse, certificate, pins])
export type FromCollector = z.infer<typeof fromCollector>

/** POST /enrol: a one-time token's secret and the agent's own public key against a client certificate. JSON. */
export const enrolRequest = z.strictObject({
  token: z.string().check(z.maxLength(400)),
  host: word,
  publicKey: z.string().check(z.maxLength(4_000)),
  /** base64 of the key's signature over `zhishou-enrol:` + token. */
  proof: z.string().check(z.maxLength(2_000)),
})
export type EnrolRequest = z.infer<typeof enrolRequest>

export const enrolReply = z.strictObject({ instance: word, certificate: z.string(), pins: z.array(z.string()).check(z.minLength(1), z.maxLength(4)) })
export type EnrolReply = z.infer<typeof enrolReply>

export type Hello = z.infer<typeof hello>
export type BatchFrame = z.infer<typeof batch>
export type Welcome = z.infer<typeof welcome>
export type Refuse = z.infer<typeof refuse>
