/** An alert about a channel never leaves by that channel alone. Pure. */

/** A place a message goes to, as far as this needs to know. */
export interface Target {
  readonly channel: string
}

/** What is known of a channel; undefined: not tried yet. */
export type Standing = Readonly<Record<string, boolean | undefined>>

/** Where to send. `added`: the one that was put in; `alone`: there was none to put in, so only the console tells. */
export interface Chosen<T> {
  readonly targets: readonly T[]
  readonly added: T | undefined
  readonly alone: boolean
}

/**
 * Adds a second way where `targets` lead through no channel but `about`, the `channel` label of the alert. `candidates`
 * are all places there are, best first; one whose channel works is taken before one not tried, and that before one that
 * is down (which may have recovered by the time it is used).
 */
export function withSecondChannel<T extends Target>(targets: readonly T[], about: string | undefined, candidates: readonly T[], works: Standing): Chosen<T> {
  if (about === undefined || targets.length === 0 || targets.some((target) => target.channel !== about)) return { targets, added: undefined, alone: false }
  const others = candidates.filter((candidate) => candidate.channel !== about)
  const rank = (target: T): number => (works[target.channel] === true ? 0 : works[target.channel] === undefined ? 1 : 2)
  const [added] = others.toSorted((a, b) => rank(a) - rank(b))
  return added === undefined ? { targets, added, alone: true } : { targets: [...targets, added], added, alone: false }
}

/** Whether no channel works: there are some, and each is known to be down. Then only the console can tell. */
export function allDown(works: readonly (boolean | undefined)[]): boolean {
  return works.length > 0 && works.every((one) => one === false)
}
