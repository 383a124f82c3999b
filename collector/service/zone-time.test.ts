import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { addDays, addMonths, contractYearAt, dateAt, datesOf, dayOf, minutesOfDay, momentOf, monthAt, monthOf } from './zone-time.ts'

const HOUR = 3_600_000
const zones = ['Asia/Shanghai', 'UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Africa/Cairo', 'America/Havana', 'Pacific/Chatham', 'Pacific/Kiritimati', 'Etc/GMT+12', 'Asia/Beirut']
/** Written anew, by the machine's own formatting. */
const shown = (at: number, zone: string): string => new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(at)

describe('days of a zone', () => {
  it('begin with the first moment of their date, whatever the zone does to its clocks', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2029, 0, 1) }), (zone, at) => {
        const date = dateAt(at, zone)
        expect(date).toBe(shown(at, zone).slice(0, 10))
        const day = dayOf(date, zone)
        expect(day.from <= at && at < day.to).toBe(true)
        expect(shown(day.from, zone).slice(0, 10)).toBe(date)
        expect(shown(day.from - 1, zone).slice(0, 10)).toBe(addDays(date, -1))
        expect(shown(day.to - 1, zone).slice(0, 10)).toBe(date)
        expect(dayOf(addDays(date, 1), zone).from).toBe(day.to)
      }),
      { seed, numRuns: scaled(500, 20_000) },
    )
  })

  it('add up to their month, and months to their year', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 2024, max: 2028 }), fc.integer({ min: 0, max: 11 }), (zone, year, index) => {
        const month = addMonths(`${year}-01`, index)
        const whole = monthOf(month, zone)
        const days = datesOf(month).map((date) => dayOf(date, zone))
        expect(days[0]?.from).toBe(whole.from)
        expect(days.at(-1)?.to).toBe(whole.to)
        expect(days.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(whole.to - whole.from)
        expect(monthOf(addMonths(month, 1), zone).from).toBe(whole.to)
        expect(monthAt(whole.from, zone)).toBe(month)
        expect(monthAt(whole.to - 1, zone)).toBe(month)
      }),
      { seed, numRuns: scaled(100, 3_000) },
    )
  })

  it('are what the almanac says', () => {
    expect(dayOf('2026-07-01', 'Asia/Shanghai')).toEqual({ from: Date.UTC(2026, 5, 30, 16), to: Date.UTC(2026, 6, 1, 16) })
    const hours = (date: string, zone: string): number => (dayOf(date, zone).to - dayOf(date, zone).from) / HOUR
    expect(hours('2026-03-29', 'Europe/Berlin')).toBe(23)
    expect(hours('2026-10-25', 'Europe/Berlin')).toBe(25)
    expect(hours('2026-04-05', 'Australia/Lord_Howe')).toBe(24.5)
    // The office's own zone, the summer its clocks were last put back.
    expect(hours('1991-09-15', 'Asia/Shanghai')).toBe(25)
    // A day that begins at 01:00, and one that an island left out.
    expect(shown(dayOf('2026-04-24', 'Africa/Cairo').from, 'Africa/Cairo')).toBe('2026-04-24 01:00:00')
    expect(hours('2011-12-30', 'Pacific/Apia')).toBe(0)
    expect(datesOf('2028-02').length).toBe(29)
    expect(datesOf('2027-02').length).toBe(28)
    expect(datesOf('2026-12').at(-1)).toBe('2026-12-31')
    expect((monthOf('2026-03', 'Europe/Berlin').to - monthOf('2026-03', 'Europe/Berlin').from) / HOUR).toBe(31 * 24 - 1)
  })

  it('knows times of day: the first of two, and the jump where there is none', () => {
    expect(momentOf('2026-07-01', '08:30', 'Asia/Shanghai')).toBe(Date.UTC(2026, 6, 1, 0, 30))
    expect(momentOf('2026-07-01', '24:00', 'Asia/Shanghai')).toBe(dayOf('2026-07-02', 'Asia/Shanghai').from)
    // 02:30 comes twice on that night; the first is at 00:30 UTC.
    expect(momentOf('2026-10-25', '02:30', 'Europe/Berlin')).toBe(Date.UTC(2026, 9, 25, 0, 30))
    // There is no 02:30: 02:00 becomes 03:00 at 01:00 UTC.
    expect(momentOf('2026-03-29', '02:30', 'Europe/Berlin')).toBe(Date.UTC(2026, 2, 29, 1, 0))
    expect([minutesOfDay('00:00'), minutesOfDay('23:59'), minutesOfDay('24:00'), minutesOfDay('24:01'), minutesOfDay('8:00')]).toEqual([0, 1_439, 1_440, undefined, undefined])
  })

  it('refuses what is no date and no zone', () => {
    for (const wrong of ['2026-7-1', '2026-13-01', '2026-00-10', '2026-01-32', '', '2026-07']) expect(() => dayOf(wrong, 'UTC')).toThrow(RangeError)
    expect(() => dayOf('2026-07-01', 'Mars/Olympus')).toThrow(RangeError)
    expect(() => momentOf('2026-07-01', '25:00', 'UTC')).toThrow(RangeError)
  })
})

describe('contract years', () => {
  it('run from the contract day to the day before it a year later', () => {
    const zone = 'Asia/Shanghai'
    const at = (text: string): number => Date.parse(`${text}+08:00`)
    expect(contractYearAt(at('2027-02-28T23:59:59'), '2026-03-01', zone)).toEqual({ number: 1, from: at('2026-03-01T00:00:00'), to: at('2027-03-01T00:00:00') })
    expect(contractYearAt(at('2027-03-01T00:00:00'), '2026-03-01', zone).number).toBe(2)
    expect(contractYearAt(at('2025-05-01T00:00:00'), '2026-03-01', zone).number).toBe(1)
    // 29 February: the years without one begin on 1 March.
    expect(contractYearAt(at('2025-03-01T00:00:00'), '2024-02-29', zone)).toEqual({ number: 2, from: at('2025-03-01T00:00:00'), to: at('2026-03-01T00:00:00') })
    expect(contractYearAt(at('2028-02-29T00:00:00'), '2024-02-29', zone).number).toBe(5)
  })

  it('hold every moment in exactly one', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 5 * 366 * 24 }), (zone, startDay, hours) => {
        const start = addDays('2024-01-01', startDay)
        const at = dayOf(start, zone).from + hours * HOUR
        const year = contractYearAt(at, start, zone)
        expect(year.from <= at && at < year.to).toBe(true)
        expect(contractYearAt(year.to, start, zone)).toMatchObject({ number: year.number + 1, from: year.to })
      }),
      { seed, numRuns: scaled(200, 5_000) },
    )
  })
})
