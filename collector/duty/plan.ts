import type { Calendar } from './calendar.ts'
import type { DutyFile, Person } from './duty-file.ts'
import type { Override } from './override.ts'

/** Everything that decides who is on duty when. Data only: two equal plans answer every question alike. */
export interface DutyPlan {
  readonly file: DutyFile
  readonly calendar: Calendar
  /** Those in force, in the order of their numbers. */
  readonly overrides: readonly Override[]
  /** IANA name; office time is `OFFICE_ZONE` of collector/clock.ts. */
  readonly zone: string
}

/** From `from` up to but not including `to`, epoch ms. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** Why somebody is on duty: the rotation's turn of that number, or an override. */
export type Why = { readonly kind: 'rotation'; readonly turn: number } | { readonly kind: 'swap' | 'substitute'; readonly override: number }

/** Somebody on duty. */
export interface OnDuty {
  readonly person: Person
  readonly why: Why
}

/** Somebody who would be on duty and is not: away by an override, or not in the team on that day. */
export interface Away {
  readonly person: Person
  readonly why: { readonly kind: 'absence'; readonly override: number } | { readonly kind: 'not-in-team' }
}

/** One shift of one day. `key` is `roster/shift/2026-10-01`; people who hand over stay from `endAt` to `handoverEndAt`. */
export interface Occurrence {
  readonly key: string
  readonly roster: string
  readonly shift: string
  readonly date: string
  readonly startAt: number
  readonly endAt: number
  readonly handoverEndAt: number
  /** The year whose calendar is missing, so that nobody can say whether this shift takes place or whose turn it is. */
  readonly unknownYear: number | undefined
}

/** A stretch of a shift during which the same people are there. */
export interface Stretch extends Range {
  /** The shift is over and is being handed over. */
  readonly handingOver: boolean
  readonly people: readonly OnDuty[]
  readonly away: readonly Away[]
}

/** A shift with its people. */
export interface ShiftView extends Occurrence {
  readonly stretches: readonly Stretch[]
}
