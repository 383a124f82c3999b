/** What the outbox keeps in memory of one channel while it runs. */
import type { Channel, Health, SendOutcome } from './channel.ts'
import type { Claimed } from './outbox-storage.ts'
import { fullBucket } from './pace.ts'
import type { Bucket } from './pace.ts'

/** One channel at work. */
export interface ChannelRun {
  readonly channel: Channel
  bucket: Bucket
  /** undefined: not tried yet. */
  health: Health | undefined
  downInARow: number
  /** How often a message, by its id, brought the channel down while it worked: once is the channel's fault. */
  readonly takedowns: Map<string, number>
  pausedUntil: number
  balance: { readonly left: number; readonly low: boolean } | undefined
  /** The pump under way; a channel has one at a time, and never waits for another channel's. */
  current: Promise<number | undefined> | undefined
  woken: boolean
  wakeUp(): void
}

/** More are not remembered: what was given up leaves its count behind. */
const MOST_TAKEDOWNS = 20_000

/** A channel that has not been tried. */
export function channelRun(channel: Channel, now: number): ChannelRun {
  return { channel, bucket: fullBucket(channel.perMinute, now), health: undefined, downInARow: 0, takedowns: new Map(), pausedUntil: 0, balance: undefined, current: undefined, woken: false, wakeUp: () => undefined }
}

/** Counts a working channel's fall against what was being sent; returns how often that was so by now. Call it before `health` is changed. */
export function noteTakedown({ health, takedowns }: Pick<ChannelRun, 'health' | 'takedowns'>, messages: readonly Pick<Claimed, 'id'>[], outcome: SendOutcome): number {
  const down = outcome.kind === 'try-again' && outcome.channelDown
  if (takedowns.size > MOST_TAKEDOWNS) takedowns.clear()
  let most = 0
  for (const { id } of messages) {
    if (!down) takedowns.delete(id)
    else if (health?.kind !== 'down') takedowns.set(id, (takedowns.get(id) ?? 0) + 1)
    most = Math.max(most, takedowns.get(id) ?? 0)
  }
  return most
}

/** Whether it works; undefined: not known yet. */
export function worksNow({ health }: Pick<ChannelRun, 'health'>): boolean | undefined {
  return health === undefined ? undefined : health.kind === 'up'
}
