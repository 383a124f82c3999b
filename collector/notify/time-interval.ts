/**
 * Alertmanager's time intervals. An interval holds at a moment when every part that is given does; a part holds when
 * one of its ranges does. Source: alertmanager 0.25 `timeinterval/timeinterval.go`.
 */

/** Both ends inclusive. */
export interface InclusiveRange {
  readonly begin: number
  readonly end: number
}

/** Minutes of the day, the end exclusive: 0–1440. */
export interface MinuteRange {
  readonly startMinute: number
  readonly endMinute: number
}

/** undefined: the part is not given and so always holds. */
export interface TimeInterval {
  readonly times: readonly MinuteRange[] | undefined
  /** 0 is Sunday. */
  readonly weekdays: readonly InclusiveRange[] | undefined
  /** Negative: from the end of the month, -1 its last day. */
  readonly daysOfMonth: readonly InclusiveRange[] | undefined
  /** 1 is January. */
  readonly months: readonly InclusiveRange[] | undefined
  readonly years: readonly InclusiveRange[] | undefined
  /** IANA zone; `UTC` where the file names none. */
  readonly location: string
}

/** A moment as a calendar and a clock on the wall show it. */
interface WallTime {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly weekday: number
  readonly minute: number
}

const formats = new Map<string, Intl.DateTimeFormat>()
const fields = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', hourCycle: 'h23' } as const

/** The zone's formatter; throws RangeError for a zone nobody knows. */
function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US', { ...fields, timeZone: zone, calendar: 'gregory', era: undefined })
  formats.set(zone, made)
  return made
}

/** Whether a zone of that name is known here. */
export function isTimeZone(zone: string): boolean {
  try {
    formatOf(zone)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

function wallTime(at: number, zone: string): WallTime {
  const parts = new Map(formatOf(zone).formatToParts(at).map((part) => [part.type, Number(part.value)]))
  const [year, month, day] = [parts.get('year') ?? 0, parts.get('month') ?? 0, parts.get('day') ?? 0]
  return { year, month, day, weekday: new Date(Date.UTC(year, month - 1, day)).getUTCDay(), minute: (parts.get('hour') ?? 0) * 60 + (parts.get('minute') ?? 0) }
}

/** Whether the interval holds at that moment (epoch ms). */
export function containsTime(interval: TimeInterval, at: number): boolean {
  const wall = wallTime(at, interval.location)
  const within = (ranges: readonly InclusiveRange[] | undefined, value: number): boolean => ranges === undefined || ranges.some((range) => value >= range.begin && value <= range.end)
  return (
    (interval.times === undefined || interval.times.some((range) => wall.minute >= range.startMinute && wall.minute < range.endMinute)) &&
    (interval.daysOfMonth === undefined || interval.daysOfMonth.some((range) => holdsOnDay(range, wall))) &&
    within(interval.months, wall.month) &&
    within(interval.weekdays, wall.weekday) &&
    within(interval.years, wall.year)
  )
}

function holdsOnDay(range: InclusiveRange, wall: WallTime): boolean {
  const days = new Date(Date.UTC(wall.year, wall.month, 0)).getUTCDate()
  const fromStart = (day: number): number => (day < 0 ? days + day + 1 : day)
  const begin = fromStart(range.begin)
  // A range that begins after the month has ended does not reach back into it.
  if (begin > days) return false
  return wall.day >= begin && wall.day <= Math.min(fromStart(range.end), days)
}

/** Which of the named intervals hold now; a name without intervals never does. */
export function activeIntervals(names: readonly string[], intervals: ReadonlyMap<string, readonly TimeInterval[]>, at: number): readonly string[] {
  return names.filter((name) => intervals.get(name)?.some((interval) => containsTime(interval, at)))
}
