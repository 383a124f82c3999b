/**
 * When the monitoring could not see (pure): the collector was down, an agent was silent without a plan, or a condition
 * had no data. A state of its own, never counted as good.
 */
import { z } from 'zod'
import { union } from './intervals.ts'
import type { Interval } from './intervals.ts'

export const blindReasons = ['collector-down', 'agent-silent', 'no-data'] as const
export type BlindReason = (typeof blindReasons)[number]

export const blindSchema = z
  .strictObject({
    from: z.number(),
    /** Left out while it lasts. */
    to: z.number().optional(),
    why: z.enum(blindReasons),
    /** The service it blinds; '' for every one. */
    service: z.string(),
    object: z.string(),
  })
  .readonly()
/** A stretch in which nothing was seen. */
export type Blind = z.infer<typeof blindSchema>

/** The blind moments of a service, up to `until` while they last. */
export function blindTimes(blind: readonly Blind[], service: string, until: number): readonly Interval[] {
  return union(blind.filter((one) => one.service === '' || one.service === service).map((one) => ({ from: one.from, to: one.to ?? until })))
}

/**
 * What lies between two signs of life of the collector. A gap longer than `toleranceMs` was blind (stopped, crashed, the
 * machine slept). A sign of life from the future is a clock that was set back: there is no telling how long it was
 * blind, so nothing is made up, and the time that is lived twice counts once by its own measurements. Before the first
 * sign of life nobody watched: from `since`, the first day of the contract, all of it was blind.
 */
export function gapBetween(lastAliveAt: number | undefined, now: number, toleranceMs: number, since: number): Interval | undefined {
  if (lastAliveAt === undefined) return since < now ? { from: since, to: now } : undefined
  if (now - lastAliveAt <= toleranceMs) return undefined
  return { from: lastAliveAt, to: now }
}

/**
 * What no sign of life vouches for up to `now`: before the very first one (the contract's first day may have been set
 * earlier afterwards), and behind the last one where it is longer ago than the tolerance. Without any: all of it.
 */
export function unseenTimes(firstAliveAt: number | undefined, lastAliveAt: number | undefined, now: number, toleranceMs: number): readonly Interval[] {
  if (firstAliveAt === undefined || lastAliveAt === undefined) return [{ from: -Infinity, to: now }]
  return union([{ from: -Infinity, to: firstAliveAt }, ...(now - lastAliveAt > toleranceMs ? [{ from: lastAliveAt, to: now }] : [])])
}
