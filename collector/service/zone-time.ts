/**
 * Days, months and contract years of a time zone as stretches of epoch milliseconds. Dates are texts, `2026-07-31`;
 * months too, `2026-07`. What clocks do is in collector/zone.ts.
 */
import { firstMoment, wallClock } from '../zone.ts'
import type { Interval } from './intervals.ts'

const DAY_MS = 86_400_000

function wallOfDate(date: string): number {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date) ?? []
  if (year === undefined || month === undefined || day === undefined || Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > 31) throw new RangeError(`${JSON.stringify(date)} is no date (YYYY-MM-DD)`)
  // A day that the month does not have (29 February) is the first of the next.
  return Date.UTC(Number(year), Number(month) - 1, Number(day))
}

const dateOfWall = (wall: number): string => new Date(wall).toISOString().slice(0, 10)

/** The date on the calendar at a moment. */
export function dateAt(at: number, zone: string): string {
  return dateOfWall(wallClock(zone, at))
}

/** The month at a moment, `2026-07`. */
export function monthAt(at: number, zone: string): string {
  return dateAt(at, zone).slice(0, 7)
}

/** That many days later (or earlier, when negative). */
export function addDays(date: string, days: number): string {
  return dateOfWall(wallOfDate(date) + days * DAY_MS)
}

/** The month that many months later. */
export function addMonths(month: string, months: number): string {
  const wall = new Date(wallOfDate(`${month}-01`))
  return dateOfWall(Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth() + months, 1)).slice(0, 7)
}

/**
 * The first moment of that date at which the clock on the wall shows the time of day (`HH:MM`, `24:00` being the end of
 * the day) or, where the clock is put forward over it, the first moment after. Throws RangeError for what is no time.
 */
export function momentOf(date: string, time: string, zone: string): number {
  const minutes = minutesOfDay(time)
  if (minutes === undefined) throw new RangeError(`${JSON.stringify(time)} is no time of day (HH:MM)`)
  return firstMoment(zone, wallOfDate(date) + minutes * 60_000)
}

/** `08:30` as minutes since midnight, up to `24:00`; undefined for what is none. */
export function minutesOfDay(time: string): number | undefined {
  const match = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(time)
  const minutes = Number(match?.[1]) * 60 + Number(match?.[2])
  return minutes <= 1_440 ? minutes : undefined
}

/** That day: 24 hours, or what the zone made of it. */
export function dayOf(date: string, zone: string): Interval {
  const wall = wallOfDate(date)
  return { from: firstMoment(zone, wall), to: firstMoment(zone, wall + DAY_MS) }
}

/** Every date from the first to the last, both included. */
export function datesBetween(first: string, last: string): readonly string[] {
  const dates: string[] = []
  for (let date = dateOfWall(wallOfDate(first)); date <= last; date = addDays(date, 1)) dates.push(date)
  return dates
}

/** The dates of a month. */
export function datesOf(month: string): readonly string[] {
  return datesBetween(`${month}-01`, addDays(`${addMonths(month, 1)}-01`, -1))
}

/** That month. */
export function monthOf(month: string, zone: string): Interval {
  return { from: dayOf(`${month}-01`, zone).from, to: dayOf(`${addMonths(month, 1)}-01`, zone).from }
}

/** A year of the contract's own, counted from 1. */
export interface ContractYear extends Interval {
  readonly number: number
}

/**
 * The contract year that a moment lies in, or the first one for a moment before the contract began. `start` is the
 * contract's first day; a contract that began on 29 February has its years begin on 1 March where there is none.
 */
export function contractYearAt(at: number, start: string, zone: string): ContractYear {
  const first = Number(start.slice(0, 4))
  const beginOf = (number: number): number => firstMoment(zone, wallOfDate(`${String(first + number - 1).padStart(4, '0')}${start.slice(4)}`))
  let number = Math.max(1, Number(dateAt(at, zone).slice(0, 4)) - first + 1)
  if (number > 1 && at < beginOf(number)) number--
  return { number, from: beginOf(number), to: beginOf(number + 1) }
}
