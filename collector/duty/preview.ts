/** What a change would bring about, before or after it is made. Pure. */
import { conflicts } from './conflicts.ts'
import type { Conflict } from './conflicts.ts'
import { gaps } from './gaps.ts'
import type { Gap } from './gaps.ts'
import { DAY_MS, instantOf, parseDate } from './local-time.ts'
import type { OverrideBody } from './override.ts'
import type { DutyPlan, Range } from './plan.ts'

/** Longest time one change may cover, and how far from now it may lie, days: what is looked at for it stays bounded. */
export const LONGEST_CHANGE_DAYS = 400

/** What contradicts itself, and who is missing where, after a change and not before it. */
export interface Consequences {
  readonly conflicts: readonly Conflict[]
  readonly gaps: readonly Gap[]
}

/** Why a change is not even looked at; undefined: it may be. Dates that do not exist are left to `overrideFaults`. */
export function outOfBounds(plan: DutyPlan, body: OverrideBody, now: number): 'too-long' | 'too-far' | undefined {
  const { from, to } = spanOf(plan, body)
  const longest = LONGEST_CHANGE_DAYS * DAY_MS
  if (to - from > longest) return 'too-long'
  return Math.max(Math.abs(from - now), Math.abs(to - now)) > 2 * longest ? 'too-far' : undefined
}

/** Compares the plan with and without the change, around its time. */
export function consequences(before: DutyPlan, after: DutyPlan, body: OverrideBody): Consequences {
  const span = spanOf(before, body)
  // Rest between shifts and turns of partners reach beyond the change itself.
  const range = { from: span.from - 3 * DAY_MS, to: span.to + 3 * DAY_MS }
  return { conflicts: added(before, after, range, conflicts, (one) => JSON.stringify(one)), gaps: added(before, after, range, gaps, (gap) => JSON.stringify([gap.of, gap.from, gap.to])) }
}

function added<T>(before: DutyPlan, after: DutyPlan, range: Range, find: (plan: DutyPlan, range: Range) => readonly T[], nameOf: (one: T) => string): readonly T[] {
  const known = new Set(find(before, range).map(nameOf))
  return find(after, range).filter((one) => !known.has(nameOf(one)))
}

function spanOf(plan: DutyPlan, body: OverrideBody): Range {
  if (body.kind !== 'swap') return body
  const times = [body.first, body.second].map((place) => instantOf(plan.zone, parseDate(place.date) ?? 0, 0))
  return { from: Math.min(...times), to: Math.max(...times) }
}
