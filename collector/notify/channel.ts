import type { NotifySettings } from './settings.ts'

/** A message ready for one receiver, in words. */
export interface Message {
  /** Stable over retries and restarts; whoever gets a message twice sees by it that it is the same one. */
  readonly id: string
  /** Checked addresses of this channel's kind, at least one. */
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
  readonly html: string
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

/** Nothing was taken; a later attempt may do better. `channelDown`: the fault is the channel's, not this message's. */
export interface TryAgain {
  readonly kind: 'try-again'
  readonly why: string
  readonly channelDown: boolean
}

/** Nothing was taken and never will be. */
export interface Refused {
  readonly kind: 'refused'
  readonly why: string
}

export type SendOutcome = Delivered | TryAgain | Refused

/** Whether a channel would work now. */
export type Health = { readonly kind: 'up' } | { readonly kind: 'down'; readonly why: string }

/**
 * One open way to reach people. `send` and `check` never reject: whatever goes wrong is an outcome. Both end soon after
 * the signal aborts; a send that was aborted gives `try-again`, unless the other side had already answered.
 */
export interface Channel {
  readonly name: string
  /** Most messages a minute. */
  readonly perMinute: number
  send(message: Message, signal: AbortSignal): Promise<SendOutcome>
  check(signal: AbortSignal): Promise<Health>
  close(): void
}

/** What a channel may use of the world. */
export interface ChannelWorld {
  /** Text of a file named in the settings; throws where it cannot be read. */
  readFile(path: string): string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A kind of channel: one entry of the registry. */
export interface ChannelKind {
  readonly name: string
  /** undefined: not configured. Throws SettingsError when it is, but cannot work (an unreadable secret). */
  open(settings: NotifySettings, world: ChannelWorld): Channel | undefined
}
