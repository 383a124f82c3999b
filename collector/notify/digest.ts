/**
 * What of all that waits goes out next, so that a storm costs few messages and loses none. Pure.
 *
 * `by: 'person'` (SMS): the first message goes at once; the next one to that person waits `gatherMs`, doubled with each
 * one already in the window, and then takes along everything that came meanwhile. `by: 'channel'` (robots): few go one
 * by one; when more wait than `aloneUpTo`, or than the rate lets through now, they go as one. Mail is told to a person too,
 * but rests only after `freeSends`, and never longer than `gatherMostMs`. No window is ever exceeded: windows count
 * attempts, those of before a restart too; what is not urgent leaves the reserved sends of a window alone.
 */

/** At most `max` sends in any `ms`. */
export interface SendWindow {
  readonly max: number
  readonly ms: number
}

/** How a channel puts together what waits. */
export interface DigestPolicy {
  /** Whose sends the windows count. */
  readonly by: 'person' | 'channel'
  readonly windows: readonly SendWindow[]
  /** Rest after a send, doubled with each further one in the longest window; 0: none. */
  readonly gatherMs: number
  /** After so many sends in the longest window there is a rest. Left out: after the first. */
  readonly freeSends?: number
  /** The rest does not grow beyond this. */
  readonly gatherMostMs?: number
  /** More waiting messages than this go as one. */
  readonly aloneUpTo: number
  /** So many sends of each window are kept for what is urgent. Left out: none. */
  readonly reserved?: number
}

/** A send there was. */
export interface PastSend {
  /** Epoch ms. */
  readonly at: number
  /** It took something urgent along. */
  readonly urgent: boolean
}

/** What to do about what waits for one person, or one robot. */
export type DigestStep =
  /** Sends the oldest one. */
  | { readonly kind: 'one' }
  /** Sends all that waits as one message. */
  | { readonly kind: 'together' }
  /** Not before. */
  | { readonly kind: 'wait'; readonly until: number }

/** Longest time that sends have to be remembered for. */
export function memoryMs(policy: DigestPolicy): number {
  return Math.max(...policy.windows.map((window) => window.ms))
}

/**
 * The next step for `waiting` ≥ 1 messages that are due, given the last sends (in any order) and whether something urgent
 * is among what waits. Sends in the future, left there by a clock that was set back, do not count: silence would be worse
 * than one burst.
 */
export function digest(waiting: number, sends: readonly PastSend[], policy: DigestPolicy, now: number, urgent = false): DigestStep {
  const known = sends.filter(({ at }) => at <= now).toSorted((a, b) => a.at - b.at)
  const past = known.map(({ at }) => at)
  const reserved = urgent ? 0 : (policy.reserved ?? 0)
  let room = Number.POSITIVE_INFINITY
  let until = now
  for (const { max, ms } of policy.windows) {
    const inside = past.filter((at) => at > now - ms)
    const open = Math.max(1, max - reserved)
    room = Math.min(room, open - inside.length)
    // When the oldest of the last `max` leaves the window.
    const blocking = inside.at(-open)
    if (blocking !== undefined) until = Math.max(until, blocking + ms)
  }
  // What is urgent rests after urgent sends only: reminders do not make it wait.
  const counted = urgent ? known.filter((send) => send.urgent).map(({ at }) => at) : past
  const last = counted.at(-1)
  let resting = false
  if (policy.gatherMs > 0 && last !== undefined) {
    const rests = counted.filter((at) => at > now - memoryMs(policy)).length - (policy.freeSends ?? 1) + 1
    resting = rests > 0
    if (resting) until = Math.max(until, last + Math.min(policy.gatherMostMs ?? Infinity, policy.gatherMs * 2 ** Math.min(10, rests - 1)))
  }
  if (until > now) return { kind: 'wait', until }
  // After a rest all that came meanwhile goes together: what is urgent must not wait behind an old reminder.
  return !resting && waiting <= policy.aloneUpTo && waiting <= room ? { kind: 'one' } : { kind: 'together' }
}
