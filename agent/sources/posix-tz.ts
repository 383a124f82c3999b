/**
 * The POSIX time zone text that ends a TZif file (`CST-8`, `CET-1CEST,M3.5.0,M10.5.0/3`): which abbreviation and offset
 * hold at a time. Pure. Source: RFC 8536 §3.3, POSIX.1-2017 XBD 8.3 (TZ).
 */

export interface ZoneOffset {
  readonly abbreviation: string
  /** Seconds east of UTC. */
  readonly offsetSeconds: number
}

const NAME = '([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)'
const OFFSET = '([+-]?\\d{1,3}(?::\\d{1,2}){0,2})'
const ZONE = new RegExp(`^${NAME}${OFFSET}(?:${NAME}${OFFSET}?(?:,(.+),(.+))?)?$`)
const RULE = /^(?:M(\d{1,2})\.([1-5])\.([0-6])|J(\d{1,3})|(\d{1,3}))(?:\/([+-]?\d{1,3}(?::\d{1,2}){0,2}))?$/
const DAY_SECONDS = 86_400

function clockSeconds(text: string): number {
  const negative = text.startsWith('-')
  const [hours = 0, minutes = 0, seconds = 0] = text.replace(/^[+-]/, '').split(':').map(Number)
  return (negative ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds)
}

/** Second of the year `year` (UTC) at which a rule strikes, read as local time without any offset. */
function strikeSeconds(rule: string, year: number): number | undefined {
  const match = RULE.exec(rule)
  if (match === null) return undefined
  const [, month, week, weekday, julian, day, clock] = match
  const at = clock === undefined ? 7200 : clockSeconds(clock)
  const begin = Date.UTC(year, 0, 1) / 1000
  if (month !== undefined && week !== undefined && weekday !== undefined) {
    const first = new Date(Date.UTC(year, Number(month) - 1, 1))
    const days = new Date(Date.UTC(year, Number(month), 0)).getUTCDate()
    let date = 1 + ((Number(weekday) - first.getUTCDay() + 7) % 7) + (Number(week) - 1) * 7
    if (date > days) date -= 7
    return Date.UTC(year, Number(month) - 1, date) / 1000 + at
  }
  if (julian !== undefined) {
    // Day 1 to 365 without the leap day: from March on a leap year has one more.
    const leap = new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1
    return begin + (Number(julian) - 1 + (leap && Number(julian) >= 60 ? 1 : 0)) * DAY_SECONDS + at
  }
  return begin + Number(day) * DAY_SECONDS + at
}

/** The zone at `now` (epoch milliseconds) by a TZ text; undefined when the text is none. */
export function zoneAt(tz: string, now: number): ZoneOffset | undefined {
  const match = ZONE.exec(tz)
  if (match === null) return undefined
  const [, name = '', offset = '0', summerName, summerOffset, begins, ends] = match
  const plain = (text: string): string => text.replace(/[<>]/g, '')
  // POSIX counts westward.
  const standard = { abbreviation: plain(name), offsetSeconds: 0 - clockSeconds(offset) }
  if (summerName === undefined || begins === undefined || ends === undefined) return standard
  const summer = {
    abbreviation: plain(summerName),
    offsetSeconds: summerOffset === undefined ? standard.offsetSeconds + 3600 : 0 - clockSeconds(summerOffset),
  }
  const nowSeconds = now / 1000
  const year = new Date(now + standard.offsetSeconds * 1000).getUTCFullYear()
  const from = strikeSeconds(begins, year)
  const to = strikeSeconds(ends, year)
  if (from === undefined || to === undefined) return undefined
  const start = from - standard.offsetSeconds
  const end = to - summer.offsetSeconds
  // South of the equator summer time spans the new year.
  const isSummer = start < end ? nowSeconds >= start && nowSeconds < end : nowSeconds >= start || nowSeconds < end
  return isSummer ? summer : standard
}

/** The TZ text at the end of a TZif file of version 2 or later; undefined when it has none. */
export function tzOfFile(text: string): string | undefined {
  if (!text.startsWith('TZif') || !text.endsWith('\n')) return undefined
  const tz = text.slice(text.lastIndexOf('\n', text.length - 2) + 1, -1)
  return tz === '' ? undefined : tz
}
