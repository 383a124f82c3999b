/**
 * Whom a message was for and could not be sent to: nobody is on duty there, or they have no address. Shown to people
 * until they are reached, or a day has passed without another message for them. Pure.
 */

/** How long it is shown after the last time. */
const SHOWN_MS = 24 * 3_600_000

/** When each was last missed, epoch ms. */
export type Unreached = ReadonlyMap<string, number>

/** There is no way to them. What is over long since is forgotten, so that the list does not grow. */
export function missed(unreached: Unreached, whom: string, now: number): Unreached {
  return new Map([...[...unreached].filter(([one, at]) => one !== whom && isShown(at, now)), [whom, now]])
}

/** There is a way to them now. */
export function reached(unreached: Unreached, whom: string): Unreached {
  return unreached.has(whom) ? new Map([...unreached].filter(([one]) => one !== whom)) : unreached
}

/** Who has to be shown at `now`, longest first. */
export function unreachedNow(unreached: Unreached, now: number): readonly string[] {
  return [...unreached].filter(([, at]) => isShown(at, now)).map(([whom]) => whom)
}

const isShown = (at: number, now: number): boolean => now - at < SHOWN_MS
