import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { routeFileOrThrow } from './route-file.ts'
import { activeIntervals, containsTime, isTimeZone } from './time-interval.ts'
import type { TimeInterval } from './time-interval.ts'

function interval(yaml: string): TimeInterval {
  const file = routeFileOrThrow('t.yml', `route: { receiver: r }\nreceivers: [{ name: r }]\ntime_intervals: [{ name: n, time_intervals: [${yaml}] }]`)
  return file.timeIntervals.get('n')![0]!
}
const at = (text: string): number => Date.parse(text)

describe('containsTime', () => {
  it.each<[string, string, boolean]>([
    ["{ times: [{ start_time: '09:00', end_time: '17:00' }] }", '2026-11-22T09:00:00Z', true],
    ["{ times: [{ start_time: '09:00', end_time: '17:00' }] }", '2026-11-22T16:59:59Z', true],
    ["{ times: [{ start_time: '09:00', end_time: '17:00' }] }", '2026-11-22T17:00:00Z', false],
    ["{ times: [{ start_time: '22:00', end_time: '24:00' }] }", '2026-11-22T23:59:59Z', true],
    // 22 November 2026 is a Sunday; in Shanghai it is Monday from 16:00 UTC on.
    ["{ weekdays: ['monday:friday'] }", '2026-11-22T15:59:59Z', false],
    ["{ weekdays: ['monday:friday'], location: Asia/Shanghai }", '2026-11-22T16:00:00Z', true],
    ["{ weekdays: [Sunday] }", '2026-11-22T10:00:00Z', true],
    ["{ days_of_month: ['-1'] }", '2026-02-28T10:00:00Z', true],
    ["{ days_of_month: ['-1'] }", '2024-02-28T10:00:00Z', false],
    ["{ days_of_month: ['-3:-1'] }", '2026-04-28T10:00:00Z', true],
    ["{ days_of_month: ['25:-3'] }", '2026-04-29T10:00:00Z', false],
    ["{ days_of_month: ['29:31'] }", '2026-02-28T10:00:00Z', false],
    ["{ days_of_month: ['20:31'] }", '2026-02-28T10:00:00Z', true],
    ["{ months: ['january:march', '5', december] }", '2026-05-31T10:00:00Z', true],
    ["{ months: ['january:march', '5', december] }", '2026-04-30T10:00:00Z', false],
    ["{ years: ['2020:2025', '2027'] }", '2026-04-30T10:00:00Z', false],
    ["{ years: ['2026'], location: Asia/Shanghai }", '2026-12-31T16:00:00Z', false],
    // The hour that the change to summer time leaves out, and the one that comes twice.
    ["{ times: [{ start_time: '03:00', end_time: '03:01' }], location: Europe/Berlin }", '2026-03-29T01:00:00Z', true],
    ["{ times: [{ start_time: '02:30', end_time: '02:31' }], location: Europe/Berlin }", '2026-10-25T00:30:00Z', true],
    ["{ times: [{ start_time: '02:30', end_time: '02:31' }], location: Europe/Berlin }", '2026-10-25T01:30:00Z', true],
    ['{}', '2026-10-25T01:30:00Z', true],
  ])('%s at %s: %s', (yaml, time, expected) => {
    expect(containsTime(interval(yaml), at(time))).toBe(expected)
  })

  it('agrees in UTC with the calendar of Date', () => {
    const day = fc.integer({ min: 1, max: 31 })
    fc.assert(fc.property(fc.date({ min: new Date('2000-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }), day, day, fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 1439 }), (date, a, b, weekday, minute) => {
      const now = date.getTime()
      const none = { times: undefined, weekdays: undefined, daysOfMonth: undefined, months: undefined, years: undefined, location: 'UTC' }
      const inDay = date.getUTCHours() * 60 + date.getUTCMinutes()
      expect(containsTime({ ...none, times: [{ startMinute: minute, endMinute: 1440 }] }, now)).toBe(inDay >= minute)
      expect(containsTime({ ...none, weekdays: [{ begin: 0, end: weekday }] }, now)).toBe(date.getUTCDay() <= weekday)
      const [begin, end] = [Math.min(a, b), Math.max(a, b)]
      expect(containsTime({ ...none, daysOfMonth: [{ begin, end }] }, now)).toBe(date.getUTCDate() >= begin && date.getUTCDate() <= end)
      const days = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
      expect(containsTime({ ...none, daysOfMonth: [{ begin: -end, end: -begin }] }, now)).toBe(date.getUTCDate() >= days - end + 1 && date.getUTCDate() <= days - begin + 1)
    }), { seed, numRuns: 300 })
  })
})

it('names hold when one of their intervals does; a name of none never does', () => {
  const intervals = new Map([['a', [interval("{ years: ['2000'] }"), interval("{ years: ['2026'] }")]], ['b', [interval("{ years: ['2000'] }")]], ['c', []]])
  expect(activeIntervals(['c', 'b', 'a', 'x'], intervals, at('2026-11-22T00:00:00Z'))).toEqual(['a'])
  expect([isTimeZone('Asia/Shanghai'), isTimeZone('Mars/Olympus')]).toEqual([true, false])
})
