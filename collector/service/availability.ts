/**
 * Availability = good ÷ (good + bad), in whole milliseconds (pure). Three kinds of time, and every moment that counts
 * is exactly one of them:
 *
 *   bad    an incident that affects the service was open; also while nothing was measured, for its end was not seen
 *   blind  else, while the monitoring could not see the service: never good, and told by a second figure as bad
 *   good   else
 *
 * Moments after `now`, and outside the service hours where a service has some, do not count.
 */
import { intersect, subtract, total, union } from './intervals.ts'
import type { Interval } from './intervals.ts'
import { momentsOf } from './fault.ts'
import type { BadTime } from './fault.ts'

/** What is known of one service. */
export interface ServiceTime {
  readonly bad: readonly BadTime[]
  readonly blind: readonly Interval[]
  /** Maintenance that the client approved. */
  readonly maintenance: readonly Interval[]
  /** When the service was promised; undefined: always. */
  readonly hours: readonly Interval[] | undefined
}

/** One set of figures (a type, not an interface: it has a JSON form, and only a type says so). A ratio is null when there is nothing to divide by: no time is not good time. */
export type Figure = {
  readonly goodMs: number
  readonly badMs: number
  readonly blindMs: number
  /** good ÷ (good + bad). */
  readonly ratio: number | null
  /** good ÷ (good + bad + blind). */
  readonly ratioBlindBad: number | null
}

/** A day, month or year of a service. */
export type Availability = {
  /** Maintenance counted like any other time. */
  readonly withMaintenance: Figure
  /** Approved maintenance left out, whatever happened in it. */
  readonly withoutMaintenance: Figure
  /** How much time that left out. */
  readonly maintenanceMs: number
  /** What each incident made bad, maintenance counted; where two overlap both have it. By number. */
  readonly incidents: readonly { readonly number: string; readonly badMs: number }[]
}

/** The figures of `span`, as far as it has passed at `now`. */
export function availability(time: ServiceTime, span: Interval, now: number): Availability {
  const passed = [{ from: span.from, to: Math.min(span.to, now) }]
  const counted = time.hours === undefined ? union(passed) : intersect(passed, time.hours)
  const open = subtract(counted, time.maintenance)
  // A year's bad time is looked at for each of its days: what lies elsewhere is left out first.
  const near = time.bad.filter((one) => one.from < span.to && one.to > span.from)
  const bad = momentsOf(near)
  const byNumber = new Map<string, BadTime[]>()
  for (const one of near) {
    for (const number of one.incidents) {
      const times = byNumber.get(number)
      if (times === undefined) byNumber.set(number, [one])
      else times.push(one)
    }
  }
  return {
    withMaintenance: figure(counted, bad, time.blind),
    withoutMaintenance: figure(open, bad, time.blind),
    maintenanceMs: total(counted) - total(open),
    incidents: [...byNumber]
      .map(([number, times]) => ({ number, badMs: total(intersect(times, counted)) }))
      .filter(({ badMs }) => badMs > 0)
      .sort((a, b) => (a.number < b.number ? -1 : 1)),
  }
}

function figure(counted: readonly Interval[], bad: readonly Interval[], blind: readonly Interval[]): Figure {
  const badMs = total(intersect(counted, bad))
  const blindMs = total(subtract(intersect(counted, blind), bad))
  const goodMs = total(counted) - badMs - blindMs
  return { goodMs, badMs, blindMs, ratio: share(goodMs, goodMs + badMs), ratioBlindBad: share(goodMs, goodMs + badMs + blindMs) }
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole
}

/** `99.998%`, cut and not rounded: less than everything never reads 100%. `—` for no figure. */
export function percentText(part: number, whole: number): string {
  if (whole === 0) return '—'
  const thousandths = (BigInt(part) * 100_000n) / BigInt(whole)
  return `${thousandths / 1_000n}.${String(thousandths % 1_000n).padStart(3, '0')}%`
}
