/**
 * Local dates and times of a zone, as rosters are written in them. Days are whole numbers (days since 1970-01-01 on the
 * zone's own calendar), times of day are minutes after local midnight. What clocks do
 * is in collector/zone.ts.
 */
import { firstMoment, offsetAt } from '../zone.ts'

const MINUTE_MS = 60_000
/** One day of 24 hours, ms. */
export const DAY_MS = 86_400_000

/** The local day of an instant. */
export function localDay(zone: string, at: number): number {
  return Math.floor((at + offsetAt(zone, at)) / DAY_MS)
}

/**
 * The first instant at which the zone's clocks show that day and time or later (`minute` may pass 1440: the next day).
 */
export function instantOf(zone: string, day: number, minute: number): number {
  return firstMoment(zone, day * DAY_MS + minute * MINUTE_MS)
}

/** `2026-10-01` for a day. */
export function dateText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

/** The day of a date that exists and is written `2026-10-01`; undefined for any other text. */
export function parseDate(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined
  const at = Date.parse(`${text}T00:00:00Z`)
  return Number.isNaN(at) || dateText(at / DAY_MS) !== text ? undefined : at / DAY_MS
}

/** The minutes of `08:30`, up to and with `24:00`; undefined for any other text. */
export function parseTimeOfDay(text: string): number | undefined {
  const match = /^(\d{2}):(\d{2})$/.exec(text)
  if (match === null) return undefined
  const minute = Number(match[1]) * 60 + Number(match[2])
  return Number(match[2]) < 60 && minute <= 1_440 ? minute : undefined
}

/** The calendar year of a day. */
export function yearOf(day: number): number {
  return new Date(day * DAY_MS).getUTCFullYear()
}

/** The first day of a year. */
export function firstDayOf(year: number): number {
  return Date.UTC(year, 0, 1) / DAY_MS
}

/** 0 for Sunday to 6 for Saturday. */
export function weekdayOf(day: number): number {
  return (((day + 4) % 7) + 7) % 7
}

/** `10-01 02:00` of an instant in that zone, `2027-01-01 02:00` with `year`. */
export function localText(zone: string, at: number, year = false): string {
  return new Date(at + offsetAt(zone, at)).toISOString().slice(year ? 0 : 5, 16).replace('T', ' ')
}
