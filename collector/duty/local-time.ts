/**
 * Local dates and times of a zone, as rosters are written in them. Days are whole numbers (days since 1970-01-01 on the
 * zone's own calendar), times of day are minutes after local midnight. Office time has no daylight saving; the code is
 * right for zones that have, so that a site elsewhere needs no second one.
 */
const MINUTE_MS = 60_000
/** One day of 24 hours, ms. */
export const DAY_MS = 86_400_000
/** Zones change their offset at whole quarters of an hour, so one lookup serves a quarter. */
const QUARTER_MS = 15 * MINUTE_MS
const CACHED_QUARTERS = 40_000

interface Zone {
  readonly format: Intl.DateTimeFormat
  readonly offsets: Map<number, number>
}
const zones = new Map<string, Zone>()

function zoneOf(name: string): Zone {
  const known = zones.get(name)
  if (known !== undefined) return known
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  })
  const made = { format, offsets: new Map<number, number>() }
  zones.set(name, made)
  return made
}

/** How far the zone's clocks are ahead of UTC at that instant, ms. Throws RangeError for a zone nobody knows. */
export function offsetAt(zone: string, at: number): number {
  const { format, offsets } = zoneOf(zone)
  const quarter = Math.floor(at / QUARTER_MS)
  const known = offsets.get(quarter)
  if (known !== undefined) return known
  const start = quarter * QUARTER_MS
  const field: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
  for (const part of format.formatToParts(start)) field[part.type] = Number(part.value)
  const local = Date.UTC(field.year ?? 0, (field.month ?? 1) - 1, field.day ?? 1, field.hour ?? 0, field.minute ?? 0, field.second ?? 0)
  if (offsets.size >= CACHED_QUARTERS) offsets.clear()
  offsets.set(quarter, local - start)
  return local - start
}

/** The local day of an instant. */
export function localDay(zone: string, at: number): number {
  return Math.floor((at + offsetAt(zone, at)) / DAY_MS)
}

/**
 * The first instant at which the zone's clocks show that day and time or later (`minute` may pass 1440: the next day).
 * A time that is skipped in spring is the moment of the change; one that comes twice in autumn is its first coming. So
 * two shifts that meet on paper meet in fact, whatever the clocks do.
 */
export function instantOf(zone: string, day: number, minute: number): number {
  const local = day * DAY_MS + minute * MINUTE_MS
  const before = offsetAt(zone, local - DAY_MS)
  const after = offsetAt(zone, local + DAY_MS)
  const early = local - before
  if (before === after || offsetAt(zone, early) === before) return early
  const late = local - after
  if (offsetAt(zone, late) === after) return late
  return changeBetween(zone, late, early, after)
}

/** The quarter at which the offset becomes `after`, between an instant before the change and one at or past it. */
function changeBetween(zone: string, from: number, to: number, after: number): number {
  let low = Math.floor(from / QUARTER_MS)
  let high = Math.ceil(to / QUARTER_MS)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offsetAt(zone, middle * QUARTER_MS) === after) high = middle
    else low = middle
  }
  return high * QUARTER_MS
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
