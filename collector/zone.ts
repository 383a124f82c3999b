/**
 * The clocks of a time zone, for every room that reckons in days: rosters, service hours, months. Office time has no
 * daylight saving today (it had some from 1986 to 1991); what is here does not lean on that, so that days of 23 and 25
 * hours, days that begin at 01:00 and days that a zone left out come out right.
 */
const HOUR_MS = 3_600_000
/** Zones change their offset at whole quarters of an hour, so one lookup serves a quarter. */
const QUARTER_MS = 15 * 60_000
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
    timeZone: name, calendar: 'gregory', hourCycle: 'h23',
    year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  })
  const made = { format, offsets: new Map<number, number>() }
  zones.set(name, made)
  return made
}

/** How far the zone's clocks are ahead of UTC at that moment, ms. Throws RangeError for a zone nobody knows. */
export function offsetAt(zone: string, at: number): number {
  const { format, offsets } = zoneOf(zone)
  const quarter = Math.floor(at / QUARTER_MS)
  const known = offsets.get(quarter)
  if (known !== undefined) return known
  const start = quarter * QUARTER_MS
  const part: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
  for (const { type, value } of format.formatToParts(start)) part[type] = Number(value)
  const wall = Date.UTC(part.year ?? Number.NaN, (part.month ?? Number.NaN) - 1, part.day, part.hour, part.minute, part.second)
  if (offsets.size >= CACHED_QUARTERS) offsets.clear()
  offsets.set(quarter, wall - start)
  return wall - start
}

/** What a clock on the wall shows at that moment, as if it were UTC. */
export function wallClock(zone: string, at: number): number {
  return at + offsetAt(zone, at)
}

/**
 * The first moment at which the zone's clocks show `wall` (as if it were UTC) or later. What is skipped in spring is the
 * moment of the change; what comes twice in autumn is its first coming. So two shifts that meet on paper meet in fact,
 * and a day begins where the one before it ends. Only changes of offset that repeat a midnight (none since 2011) would
 * put an hour into the later day.
 */
export function firstMoment(zone: string, wall: number): number {
  // Offsets lie between -12 h and +14 h, and a zone changes its offset at most once in this stretch.
  let [before, after] = [wall - 15 * HOUR_MS, wall + 13 * HOUR_MS]
  const offsetBefore = offsetAt(zone, before)
  const offsetAfter = offsetAt(zone, after)
  if (offsetBefore === offsetAfter) return wall - offsetBefore
  const exact = [wall - offsetBefore, wall - offsetAfter].filter((at) => wallClock(zone, at) === wall)
  if (exact.length > 0) return Math.min(...exact)
  // The clock jumped over it: the moment of the jump.
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (offsetAt(zone, middle) === offsetBefore) before = middle
    else after = middle
  }
  return after
}
