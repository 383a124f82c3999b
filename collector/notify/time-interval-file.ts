/** Reads time intervals from YAML: alertmanager 0.25 `timeinterval/timeinterval.go`, its ranges and its refusals. */
import { complain, readList, readMap, readText } from '../rules/strict-yaml.ts'
import type { Spot } from '../rules/strict-yaml.ts'
import { isTimeZone } from './time-interval.ts'
import type { InclusiveRange, MinuteRange, TimeInterval } from './time-interval.ts'

/** Keys of an entry of a time interval, for docs/alert-files.md. */
export const intervalKeys = ['times', 'weekdays', 'days_of_month', 'months', 'years', 'location']
const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const MONTHS = ['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october', 'november', 'december']

/** One item of a `time_intervals` list. */
export function readTimeInterval(spot: Spot): TimeInterval {
  const fields = readMap(spot, intervalKeys)
  const ranges = (name: string, read: (at: Spot) => InclusiveRange | undefined): readonly InclusiveRange[] | undefined => {
    const at = fields.get(name)
    return at === undefined ? undefined : readList(at).flatMap((item) => read(item) ?? [])
  }
  const timesAt = fields.get('times')
  return {
    times: timesAt === undefined ? undefined : readList(timesAt).flatMap((item) => readMinutes(item) ?? []),
    weekdays: ranges('weekdays', (at) => readRange(at, (word) => WEEKDAYS.indexOf(word.toLowerCase()), 'a weekday', (day) => day >= 0)),
    daysOfMonth: ranges('days_of_month', readDays),
    months: ranges('months', (at) => readRange(at, monthOf, 'a month', (month) => month >= 1 && month <= 12)),
    years: ranges('years', (at) => readRange(at, whole, 'a year', (year) => year >= 0)),
    location: readLocation(fields.get('location')),
  }
}

const whole = (text: string): number => (/^-?\d{1,6}$/.test(text) ? Number(text) : Number.NaN)

function monthOf(word: string): number {
  const index = MONTHS.indexOf(word.toLowerCase())
  return index === -1 ? whole(word) : index + 1
}

/** `a` or `a:b`, both ends inclusive. */
function readRange(spot: Spot, member: (word: string) => number, what: string, isMember: (value: number) => boolean): InclusiveRange | undefined {
  const text = readText(spot)
  if (text === undefined) return undefined
  const [first = '', last = first, ...more] = text.split(':')
  const [begin, end] = [member(first), member(last)]
  if (more.length > 0 || !isMember(begin) || !isMember(end)) {
    complain(spot, `expected ${what} or a range of them (a:b), got ${JSON.stringify(text)}`)
    return undefined
  }
  if (begin > end) {
    complain(spot, `the range ends before it begins: ${JSON.stringify(text)}`)
    return undefined
  }
  return { begin, end }
}

/** Days of the month; the order of a mixed range is judged for the shortest month, of 28 days. */
function readDays(spot: Spot): InclusiveRange | undefined {
  const text = readText(spot)
  if (text === undefined) return undefined
  const [first = '', last = first, ...more] = text.split(':')
  const [begin, end] = [whole(first), whole(last)]
  const isDay = (day: number): boolean => day !== 0 && Math.abs(day) <= 31
  if (more.length > 0 || !isDay(begin) || !isDay(end)) {
    complain(spot, `expected a day of the month (1 to 31, or -1 to -31 from its end) or a range of them (a:b), got ${JSON.stringify(text)}`)
    return undefined
  }
  if (begin < 0 && end > 0) {
    complain(spot, 'the last day must be negative where the first is')
    return undefined
  }
  const inShortMonth = (day: number): number => (day < 0 ? 28 + day : day)
  if (inShortMonth(begin) > inShortMonth(end)) {
    complain(spot, `the range ends before it begins: ${JSON.stringify(text)}`)
    return undefined
  }
  return { begin, end }
}

function readMinutes(spot: Spot): MinuteRange | undefined {
  const fields = readMap(spot, ['start_time', 'end_time'])
  const startAt = fields.get('start_time')
  const endAt = fields.get('end_time')
  if (startAt === undefined || endAt === undefined) {
    complain(spot, 'both start_time and end_time must be given')
    return undefined
  }
  const startMinute = readClock(startAt)
  const endMinute = readClock(endAt)
  if (startMinute === undefined || endMinute === undefined) return undefined
  if (startMinute >= endMinute) {
    complain(endAt, 'end_time must be later than start_time; a night is two ranges')
    return undefined
  }
  return { startMinute, endMinute }
}

function readClock(spot: Spot): number | undefined {
  const text = readText(spot)
  const found = /^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/.exec(text ?? '')
  if (found === null) {
    if (text !== undefined) complain(spot, `expected a time such as 09:30 (24:00 for the end of the day), got ${JSON.stringify(text)}`)
    return undefined
  }
  return found[1] === undefined ? 1440 : Number(found[1]) * 60 + Number(found[2])
}

function readLocation(spot: Spot | undefined): string {
  const text = spot === undefined ? '' : (readText(spot) ?? '')
  if (spot === undefined || text === '') return 'UTC'
  if (text === 'Local') complain(spot, 'name the zone (Asia/Shanghai): this machine\'s own may change')
  else if (!isTimeZone(text)) complain(spot, `unknown time zone ${JSON.stringify(text)}`)
  return text
}
