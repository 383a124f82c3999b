import { readFileSync } from 'node:fs'
import chineseDays from 'chinese-days'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { calendarHealth, calendarOf, isWorked, parseCalendarYear, workday, workingDays } from './calendar.ts'
import { dateText, firstDayOf, parseDate, weekdayOf } from './local-time.ts'

const text = readFileSync(new URL('../../alerts/calendar/2026.yml', import.meta.url), 'utf8')
const shipped = parseCalendarYear(text, '2026.yml')
const calendar = calendarOf([shipped])
const days2026 = Array.from({ length: 365 }, (_, index) => firstDayOf(2026) + index)
const on = (date: string): string => {
  const is = workday(calendar, parseDate(date)!)
  return is.kind === 'unknown' ? `unknown ${is.year}` : `${is.kind} ${is.name}`.trim()
}

describe('alerts/calendar/2026.yml', () => {
  it('has 19 holidays on weekdays and 6 make-up days, as the notice counts', () => {
    const weekday = (day: number): boolean => weekdayOf(day) % 6 !== 0
    expect(days2026.filter((day) => weekday(day) && workday(calendar, day).kind === 'holiday')).toHaveLength(19)
    expect(days2026.filter((day) => workday(calendar, day).kind === 'makeup').map(dateText)).toEqual(['2026-01-04', '2026-02-14', '2026-02-28', '2026-05-09', '2026-09-20', '2026-10-10'])
    expect(days2026.filter((day) => isWorked(workday(calendar, day)))).toHaveLength(261 - 19 + 6)
    expect(shipped.source).toContain('2026')
  })

  it.each([
    ['2026-01-01', 'holiday 元旦'], ['2026-01-03', 'holiday 元旦'], ['2026-01-04', 'makeup 元旦'], ['2026-01-05', 'workday'],
    ['2026-02-14', 'makeup 春节'], ['2026-02-15', 'holiday 春节'], ['2026-02-23', 'holiday 春节'], ['2026-02-24', 'workday'],
    ['2026-09-25', 'holiday 中秋节'], ['2026-09-28', 'workday'], ['2026-10-08', 'workday'], ['2026-10-10', 'makeup 国庆节'], ['2026-10-11', 'weekend'],
    ['2025-12-31', 'unknown 2025'], ['2027-01-01', 'unknown 2027'],
  ])('%s is %s', (date, wanted) => {
    expect(on(date)).toBe(wanted)
  })

  it('agrees with chinese-days on every day', () => {
    const wrong = days2026.map(dateText).filter((date) => chineseDays.isWorkday(date) !== isWorked(workday(calendar, parseDate(date)!)))
    expect(wrong).toEqual([])
  })
})

describe('years', () => {
  const next = (holidays: string): string => `year: 2027\nsource: 测试用的通知\nholidays:\n${holidays}`

  it('a notice that begins in the December before rules those days', () => {
    const both = calendarOf([shipped, parseCalendarYear(next('  - { name: 元旦, from: 2026-12-31, to: 2027-01-02, workdays: [2026-12-27] }\n'), '2027.yml')])
    expect(workday(both, parseDate('2026-12-31')!)).toEqual({ kind: 'holiday', name: '元旦' })
    expect(workday(both, parseDate('2026-12-27')!)).toEqual({ kind: 'makeup', name: '元旦' })
    expect(on('2026-12-31')).toBe('workday')
    // One working day fewer, one more: counting follows.
    expect(workingDays(both, parseDate('2026-12-21')!, parseDate('2027-01-01')!)).toEqual({ kind: 'days', days: 9 })
  })

  it('counting agrees with walking day by day, and stops at a year that is not there', () => {
    const day = fc.integer({ min: firstDayOf(2026) - 20, max: firstDayOf(2027) + 20 })
    fc.assert(
      fc.property(day, day, (from, to) => {
        const span = Array.from({ length: Math.abs(to - from) }, (_, index) => workday(calendar, Math.min(from, to) + index))
        const unknown = span.find((is) => is.kind === 'unknown')
        const counted = workingDays(calendar, from, to)
        if (unknown !== undefined) expect(counted).toEqual(unknown)
        else expect(counted).toEqual({ kind: 'days', days: span.filter(isWorked).length * Math.sign(to - from) || 0 })
      }),
      { seed, numRuns: scaled(500, 20_000) },
    )
  })

  it.each([
    ['2026-06-01T00:00:00Z', []],
    ['2026-11-30T15:59:59Z', []],
    ['2026-11-30T16:00:00Z', [{ kind: 'next-missing', year: 2027 }]],
    ['2026-12-31T15:59:59Z', [{ kind: 'next-missing', year: 2027 }]],
    ['2026-12-31T16:00:00Z', [{ kind: 'missing', year: 2027 }]],
    ['2027-12-15T00:00:00Z', [{ kind: 'missing', year: 2027 }, { kind: 'next-missing', year: 2028 }]],
  ])('at %s the calendar lacks %j', (at, wanted) => {
    expect(calendarHealth(calendar, 'Asia/Shanghai', Date.parse(at))).toEqual(wanted)
  })
})

describe('parseCalendarYear', () => {
  it.each([
    ['an unknown key', text.replace('source:', 'sorce:'), /sorce: unknown key, did you mean source\?/],
    ['no source', text.replace(/source: .*/, ''), /source: expected a text/],
    ['a date that is none', text.replace('2026-04-06', '2026-04-31'), /holidays\.2\.to: expected a date that exists, such as 2026-10-01, got "2026-04-31"/],
    ['an end before its begin', text.replace('to: 2026-04-06', 'to: 2026-04-01'), /holidays\.2\.to: expected no earlier than from/],
    ['a make-up day on a Monday', text.replace('2026-02-28', '2026-03-02'), /holidays\.1\.workdays\.1: expected a Saturday or Sunday/],
    ['another year', text.replace('from: 2026-04-04, to: 2026-04-06', 'from: 2027-04-04, to: 2027-04-06'), /holidays\.2: expected days of 2026/],
    ['a day twice', text.replace('from: 2026-04-04', 'from: 2026-04-04, workdays: [2026-04-05]'), /holidays\.2: expected days that no other entry names/],
    ['a holiday of a month', text.replace('to: 2026-04-06', 'to: 2026-05-06'), /holidays\.2\.to: expected at most 16 days/],
  ])('refuses %s', (_, broken, message) => {
    expect(() => parseCalendarYear(broken, '2026.yml')).toThrow(message)
  })
})
