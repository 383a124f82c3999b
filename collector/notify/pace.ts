/** When to try again, and how fast to go: arithmetic only. */

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
