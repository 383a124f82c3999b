import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { DAY_MS, dateText, firstDayOf, instantOf, localDay, localText, parseDate, parseTimeOfDay, weekdayOf, yearOf } from './local-time.ts'

const MINUTE = 60_000
const zones = ['Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Sao_Paulo', 'Asia/Kathmandu', 'UTC'] as const

/** `2026-10-01 02:00` by the platform's own formatting, independent of the code under test. */
const walls = new Map(zones.map((zone) => [zone as string, new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' })]))
const wall = (zone: string, at: number): string => walls.get(zone)!.format(at)

describe('instantOf', () => {
  it('is the first instant at which the clocks show that time or later, in every zone', () => {
    const check = { seed, numRuns: scaled(150, 3_000) }
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: parseDate('2015-01-01')!, max: parseDate('2030-12-31')! }), fc.integer({ min: 0, max: 2_880 }), (zone, day, minute) => {
        const at = instantOf(zone, day, minute)
        const wanted = new Date(day * DAY_MS + minute * MINUTE).toISOString().slice(0, 16).replace('T', ' ')
        expect(wall(zone, at) >= wanted).toBe(true)
        for (let back = 1; back <= 130; back += 3) expect(wall(zone, at - back * MINUTE) < wanted).toBe(true)
      }),
      check,
    )
  })

  it.each([
    // Berlin 2026: 02:00 becomes 03:00 on 29 March at 01:00Z, 03:00 becomes 02:00 on 25 October at 01:00Z.
    ['Europe/Berlin', '2026-03-29', '01:59', '2026-03-29T00:59:00Z'],
    ['Europe/Berlin', '2026-03-29', '02:00', '2026-03-29T01:00:00Z'],
    ['Europe/Berlin', '2026-03-29', '02:30', '2026-03-29T01:00:00Z'],
    ['Europe/Berlin', '2026-03-29', '03:00', '2026-03-29T01:00:00Z'],
    ['Europe/Berlin', '2026-10-25', '02:30', '2026-10-25T00:30:00Z'],
    ['Europe/Berlin', '2026-10-25', '03:00', '2026-10-25T02:00:00Z'],
    // Half an hour, by night: Lord Howe 2026, 02:00 becomes 02:30 on 4 October at 15:30Z the day before.
    ['Australia/Lord_Howe', '2026-10-04', '02:15', '2026-10-03T15:30:00Z'],
    // A day that begins at 01:00: São Paulo, 4 November 2018.
    ['America/Sao_Paulo', '2018-11-04', '00:00', '2018-11-04T03:00:00Z'],
    ['Asia/Shanghai', '2026-10-01', '24:00', '2026-10-01T16:00:00Z'],
  ] as const)('%s %s %s is %s', (zone, date, time, wanted) => {
    expect(new Date(instantOf(zone, parseDate(date)!, parseTimeOfDay(time)!)).toISOString()).toBe(wanted.replace('Z', '.000Z'))
  })

  it('meets localDay and localText', () => {
    const at = Date.parse('2026-09-30T16:00:00Z')
    expect(dateText(localDay('Asia/Shanghai', at))).toBe('2026-10-01')
    expect(dateText(localDay('Asia/Shanghai', at - 1))).toBe('2026-09-30')
    expect(localText('Asia/Shanghai', at)).toBe('10-01 00:00')
    expect(localText('Asia/Shanghai', at, true)).toBe('2026-10-01 00:00')
    expect(() => localDay('Mars/Olympus', at)).toThrow(RangeError)
  })
})

describe('dates and times of day', () => {
  it('are taken only as they are written and exist', () => {
    expect(['2026-02-29', '2026-13-01', '2026-1-1', '26-01-01', '2026-01-01T00', ''].map(parseDate)).toEqual(Array.from({ length: 6 }, () => undefined))
    expect(['8:30', '08:60', '24:01', '25:00', '08:30:00', ''].map(parseTimeOfDay)).toEqual(Array.from({ length: 6 }, () => undefined))
    expect([parseTimeOfDay('00:00'), parseTimeOfDay('08:30'), parseTimeOfDay('24:00')]).toEqual([0, 510, 1_440])
    const day = parseDate('2024-02-29')!
    expect([dateText(day), yearOf(day), weekdayOf(day), dateText(firstDayOf(2024))]).toEqual(['2024-02-29', 2024, 4, '2024-01-01'])
  })
})
