/**
 * Days, months and contract years of a time zone as stretches of epoch milliseconds. Dates are texts, `2026-07-31`;
 * months too, `2026-07`. The office's zone has no daylight saving time today; the arithmetic does not lean on that
 * (it had some from 1986 to 1991), so days of 23 and 25 hours, days that begin at 01:00 and days that a zone left out
 * come out right. Only changes of offset that repeat a midnight (none since 2011) would put an hour into the later day.
 */
import type { Interval } from './intervals.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone, calendar: 'gregory', hourCycle: 'h23',
    year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  })
  formats.set(zone, made)
  return made
}

/** What a clock on the wall shows, as if it were UTC. Throws RangeError for a zone nobody knows. */
function wallClock(at: number, zone: string): number {
  const seconds = Math.floor(at / 1_000) * 1_000
  const part: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
  for (const { type, value } of formatOf(zone).formatToParts(seconds)) part[type] = Number(value)
  const wall = Date.UTC(part.year ?? NaN, (part.month ?? NaN) - 1, part.day, part.hour, part.minute, part.second)
  return wall + (at - seconds)
}

/** The first moment at which the wall clock shows `wall` or later. */
function firstMoment(wall: number, zone: string): number {
  // Offsets lie between -12 h and +14 h, and a zone changes its offset at most once in this stretch.
  let [before, after] = [wall - 15 * HOUR_MS, wall + 13 * HOUR_MS]
  const offsetBefore = wallClock(before, zone) - before
  const offsetAfter = wallClock(after, zone) - after
  if (offsetBefore === offsetAfter) return wall - offsetBefore
  const exact = [wall - offsetBefore, wall - offsetAfter].filter((at) => wallClock(at, zone) === wall)
  if (exact.length > 0) return Math.min(...exact)
  // The clock jumped over it: the moment of the jump.
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (wallClock(middle, zone) - middle === offsetBefore) before = middle
    else after = middle
  }
  return after
}

function wallOfDate(date: string): number {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date) ?? []
  if (year === undefined || month === undefined || day === undefined || Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > 31) throw new RangeError(`${JSON.stringify(date)} is no date (YYYY-MM-DD)`)
  // A day that the month does not have (29 February) is the first of the next.
  return Date.UTC(Number(year), Number(month) - 1, Number(day))
}

const dateOfWall = (wall: number): string => new Date(wall).toISOString().slice(0, 10)

/** The date on the calendar at a moment. */
export function dateAt(at: number, zone: string): string {
  return dateOfWall(wallClock(at, zone))
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
  return firstMoment(wallOfDate(date) + minutes * 60_000, zone)
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
  return { from: firstMoment(wall, zone), to: firstMoment(wall + DAY_MS, zone) }
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
  const beginOf = (number: number): number => firstMoment(wallOfDate(`${String(first + number - 1).padStart(4, '0')}${start.slice(4)}`), zone)
  let number = Math.max(1, Number(dateAt(at, zone).slice(0, 4)) - first + 1)
  if (number > 1 && at < beginOf(number)) number--
  return { number, from: beginOf(number), to: beginOf(number + 1) }
}
