/** When to try again, and how fast to go: arithmetic only. */
import type { SendOutcome } from './channel.ts'

const FIRST_DELAY_MS = 5_000
const LONGEST_DELAY_MS = 300_000

/** How long a message is tried. After a day its clocks have all run out, and the console has shown it all along. */
export const GIVE_UP_MS = 24 * 3_600_000

/**
 * Wait before the next attempt after `attempts` failed ones: 5 s doubling to 5 min, of which the upper half is random
 * so that a relay that comes back is not met by everything at once. `random` is in [0, 1).
 */
export function retryDelayMs(attempts: number, random: number): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(20, Math.max(0, attempts - 1)))
  return Math.round(full / 2 + (full / 2) * random)
}

/** When a message may go again, and whose fault it is that it has to. */
export interface Again {
  readonly at: number
  /** true: it is theirs whom the message is for, so whatever else waits for them on that channel waits as long. */
  readonly person: boolean
}

/**
 * The wait after an attempt that has not done all. A fault of the channel is waited out by the channel (its own pause),
 * so that one success makes everybody's messages go; a message that brought it down more than once while it worked
 * (`takedowns`) waits by itself, as it may be the cause. Any other fault is that of those it is for, who rest by
 * `attempts`. `random` is in [0, 1).
 */
export function againAfter(outcome: SendOutcome, attempts: number, takedowns: number, now: number, random: number): Again {
  if (outcome.kind === 'try-again' && outcome.channelDown) return { at: takedowns > 1 ? now + retryDelayMs(takedowns - 1, random) : now, person: false }
  const askedMs = outcome.kind === 'try-again' ? outcome.afterMs : undefined
  return { at: now + Math.max(retryDelayMs(attempts, random), askedMs ?? 0), person: outcome.kind === 'try-again' && askedMs === undefined }
}

/** What is left of a channel's allowance. */
export interface Bucket {
  readonly tokens: number
  readonly at: number
}

/** A full allowance: a minute's worth may go at once. */
export function fullBucket(perMinute: number, now: number): Bucket {
  return { tokens: perMinute, at: now }
}

/** Takes one message from the allowance, or says when there will be one. A clock that steps back gives nothing. */
export function take(bucket: Bucket, perMinute: number, now: number): { readonly bucket: Bucket; readonly waitMs: number } {
  const refilled = Math.min(perMinute, bucket.tokens + (Math.max(0, now - bucket.at) * perMinute) / 60_000)
  if (refilled >= 1) return { bucket: { tokens: refilled - 1, at: now }, waitMs: 0 }
  return { bucket: { tokens: refilled, at: now }, waitMs: Math.ceil(((1 - refilled) * 60_000) / perMinute) }
}
