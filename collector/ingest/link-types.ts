/** What the link takes and gives; `link.ts` is the thing itself. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Hello } from '../../protocol/messages.ts'
import type { RefusalCode } from '../../protocol/reply.ts'
import type { Identities } from '../access/identities.ts'
import type { Pki } from '../access/pki.ts'
import type { Clock } from '../clock.ts'
import type { Store } from '../store/store.ts'
import type { AcceptLimits } from './accept.ts'

export interface LinkSettings extends AcceptLimits {
  readonly heartbeatMs: number
  /** Connections at a time, those not yet greeted included. */
  readonly maxConnections: number
  /** Unacknowledged batches an agent may have under way; reading stops when one has more. */
  readonly window?: number
  readonly helloTimeoutMs?: number
}

/** What presence hears of the link. */
export interface LinkListener {
  /** A hello was accepted. `offsetMs`: the agent's clock less ours. */
  opened(instance: string, hello: Hello, offsetMs: number): void
  /** Anything came, a ping too. */
  heard(instance: string): void
  clockOffset(instance: string, offsetMs: number): void
  bye(instance: string, backWithinMs: number): void
  closed(instance: string): void
  /** Whether we read from this agent; while we do not, its silence means nothing. */
  reading(instance: string, is: boolean): void
}

/** For the log. Refusals are counted besides. */
export type LinkEvent =
  | { readonly kind: 'connected' | 'replaced' | 'renewed'; readonly instance: string; readonly address: string }
  | { readonly kind: 'closed'; readonly instance: string; readonly address: string; readonly code: number }
  | { readonly kind: 'refused'; readonly what: 'link' | 'batch' | 'series' | 'renewal'; readonly instance: string | undefined; readonly address: string; readonly code: RefusalCode; readonly why: string }
  /** Once per connection: its clock is so wrong that rows are moved. */
  | { readonly kind: 'restamped'; readonly instance: string; readonly address: string; readonly rows: number }
  | { readonly kind: 'failed'; readonly what: string; readonly instance: string | undefined; readonly error: unknown }

export interface LinkDependencies {
  readonly store: Pick<Store, 'group' | 'columns' | 'accept' | 'accepted'>
  readonly identities: Pick<Identities, 'agent' | 'adopt' | 'addCertificate'>
  readonly pki: Pick<Pki, 'judge' | 'issue' | 'pins'>
  readonly clock: Pick<Clock, 'now'>
  readonly settings: LinkSettings
  readonly presence: LinkListener
  readonly onEvent: (event: LinkEvent) => void
  /** Counts a refusal: `zhishou_refused_total{what,code}`. */
  readonly refused: (what: string, code: RefusalCode) => void
  /** Batches with samples, events or facts are in the store (durable): what rules on push series wait for. */
  readonly onStored?: (instance: string, batch: StoredNotice) => void
}

export interface StoredNotice {
  readonly events: number
  readonly newestAt: number | undefined
}

export interface Link {
  /** Takes an upgrade request of the TLS listener; answers it in every case. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  connections(): readonly LinkConnection[]
  stats(): LinkStats
  /** Ends the connections of these certificates or instances at once, saying why. */
  drop(who: { readonly serials?: readonly string[]; readonly instance?: string }, why: string): void
  /** Tells every agent which CAs to pin; called when a rotation begins or ends. */
  announcePins(): void
  /** Ends all connections and resolves when every batch under way is stored or failed. */
  close(): Promise<void>
}

export interface LinkConnection {
  readonly instance: string
  readonly address: string
  readonly since: number
  readonly serial: string
  readonly unstored: number
}

/** Totals since the start, for `/metrics`. */
export interface LinkStats {
  readonly connections: number
  readonly messages: number
  readonly bytes: number
  readonly batches: number
  readonly replayed: number
  readonly samples: number
  readonly restampedRows: number
  readonly acks: number
  readonly replaced: number
  readonly renewed: number
  readonly pauses: number
  readonly refused: number
}

/** WebSocket close codes of our own: 4000 refused (a frame said why), 4001 replaced by a newer connection, 4002 dropped by the operator. */
export const CLOSE_REFUSED = 4000
export const CLOSE_REPLACED = 4001
export const CLOSE_DROPPED = 4002
