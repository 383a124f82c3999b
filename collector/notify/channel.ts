import type { Severity } from '../../protocol/events.ts'
import type { ChannelKindName, SettingsOf } from './channel-settings.ts'
import type { DigestPolicy } from './digest.ts'
import type { AckWays } from './notice.ts'
import type { WebhookPayload } from './webhook-payload.ts'

/** How much a message may say; see DESIGN §6. */
export type Detail = 'minimal' | 'full'

/** Short words about a message, for templates that take nothing else. Safe at every detail. */
export interface MessageFields {
  /** What happened, one short word: 故障, 恢复, 测试 … */
  readonly what: string
  readonly severity: string
  /** The service's alias. */
  readonly service: string
  /** The incident's number; '' where there is none. */
  readonly number: string
  /** Time left on the nearest clock, in words; '' where no clock runs. */
  readonly left: string
  /** How many messages this one stands for. */
  readonly count: string
}

/** How much a message presses where it is one of several. */
export type Urgency =
  /** An incident that nobody has taken; what is left to respond, negative when it is late. */
  | { readonly kind: 'unanswered'; readonly leftMs: number }
  /** About no incident. */
  | { readonly kind: 'other' }
  | { readonly kind: 'answered' }
  /** `told`: the message says so itself. */
  | { readonly kind: 'over'; readonly how: 'told' | 'ended' | 'merged' }
  /** Of alerts that were over before it went. */
  | { readonly kind: 'expired' }

/** A message as one of several in a digest. */
export interface DigestEntry {
  /** The incident's number; '' where it is about none. */
  readonly number: string
  readonly title: string
  /** Since when, and what is left on each clock. */
  readonly details: readonly string[]
  readonly ack: AckWays | null
  readonly urgency: Urgency
}

/** A message in words, at the channel's detail. */
export interface Rendered {
  readonly severity: Severity
  readonly subject: string
  readonly text: string
  readonly html: string
  /** What robots show: bold, quotes and links only, which all of them know. */
  readonly markdown: string
  /** One sentence for an SMS, without its signature. */
  readonly brief: string
  /** How to acknowledge by an answer: ends the SMS and is kept whole; '' where nobody can. */
  readonly answer: string
  /** What follows in an SMS as far as there is room, each whole. */
  readonly more: readonly string[]
  readonly entry: DigestEntry
  readonly fields: MessageFields
  /** Alertmanager's payload, version 4. */
  readonly webhook: WebhookPayload
}

/** A message ready for one receiver, in words. */
export interface Message extends Rendered {
  /** Stable over retries and restarts; whoever gets a message twice sees by it that it is the same one. */
  readonly id: string
  /** Checked addresses of this channel's kind, at least one; a robot's or webhook's own name. */
  readonly to: readonly string[]
  /** When it was queued, epoch ms. */
  readonly at: number
}

/** Why one address was not served. */
export interface Rejection {
  readonly address: string
  readonly why: string
}

/** The other side has taken the message for at least one address. */
export interface Delivered {
  readonly kind: 'delivered'
  readonly to: readonly string[]
  /** What the other side said, for the receipt. */
  readonly detail: string
  /** Refused for good. */
  readonly refused: readonly Rejection[]
  /** Refused for now: to be tried again, these only. */
  readonly again: readonly Rejection[]
}

/** Nothing is known to be taken; a later attempt may do better. */
export interface TryAgain {
  readonly kind: 'try-again'
  readonly why: string
  /** The fault is the channel's, not this message's. */
  readonly channelDown: boolean
  /** The other side may have taken it all the same: the request was out and no answer came. It counts as sent in budgets. */
  readonly unsure?: boolean
  /** Not before so many milliseconds, as the other side asked. */
  readonly afterMs?: number
}

/** Nothing was taken and never will be. */
export interface Refused {
  readonly kind: 'refused'
  readonly why: string
  /** The other side was not asked: the yearly budget of SMS is used up. */
  readonly cause?: 'budget'
}

export type SendOutcome = Delivered | TryAgain | Refused

/** Whether a channel would work now. */
export type Health = { readonly kind: 'up' } | { readonly kind: 'down'; readonly why: string }

/** What an SMS gateway has left. */
export interface Balance {
  readonly left: number
  /** Below the warning that the settings name. */
  readonly low: boolean
}

/** An SMS that somebody sent to us. */
export interface SmsReply {
  readonly phone: string
  readonly text: string
}

/** An SMS that a gateway told us of. `id`: the gateway's; undefined where it gives none. */
export interface PushedReply extends SmsReply {
  readonly id: string | undefined
}

/** The door at which a gateway tells us what people answered, by POST. */
export interface ReplyDoor {
  /** Whether the caller knows the secret: in a header, or as the last part of the path. Compared in constant time. */
  admits(header: (name: string) => string | undefined, inPath: string | undefined): boolean
  /** The answers in a body; undefined: it is not what the settings describe. */
  read(body: Uint8Array): readonly PushedReply[] | undefined
  /** What the gateway wants to hear. */
  readonly answer: string
}

/** What an SMS costs, and what a year has. */
export interface SmsCost {
  /** Segments the message would be billed as. */
  segments(message: Pick<Rendered, 'brief' | 'answer' | 'more' | 'fields'>): number
  readonly yearlyBudget: number | undefined
  /** First day of the contract year, `MM-DD`. */
  readonly yearFrom: string
}

/**
 * One open way to reach people. `send` and `check` never reject: whatever goes wrong is an outcome. Both end soon after
 * the signal aborts; a send that was aborted gives `try-again`, unless the other side had already answered.
 */
export interface Channel {
  /** Its name in the settings. */
  readonly name: string
  /** Most messages a minute. */
  readonly perMinute: number
  /** How much it may say; full where it does not say. */
  readonly detail?: Detail
  /** How what waits is put together; without it every message goes by itself. */
  readonly digest?: DigestPolicy
  /** Set for SMS. */
  readonly cost?: SmsCost
  send(message: Message, signal: AbortSignal): Promise<SendOutcome>
  /** As far as it can be told without sending. */
  check(signal: AbortSignal): Promise<Health>
  /** What the gateway has left; undefined: it did not say. */
  balance?(signal: AbortSignal): Promise<Balance | undefined>
  /** What people answered since the last call; the gateway forgets what it has given. */
  replies?(signal: AbortSignal): Promise<readonly SmsReply[]>
  /** Set where the gateway tells us of answers by itself. */
  readonly push?: ReplyDoor
  close(): void
}

/** What a channel may use of the world. */
export interface ChannelWorld {
  /** Text of a file named in the settings; throws where it cannot be read. */
  readFile(path: string): string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A kind of channel: one entry of the registry. */
export interface ChannelKind<K extends ChannelKindName> {
  readonly kind: K
  /**
   * Opens the channel NAME. Throws SettingsError when it cannot work (an unreadable secret). `timeoutMs` in place of the
   * settings' timeout.
   */
  open(name: string, settings: SettingsOf<K>, world: ChannelWorld, timeoutMs?: number): Channel
}
