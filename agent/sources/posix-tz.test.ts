import { existsSync, readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { tzOfFile, zoneAt } from './posix-tz.ts'

describe('zoneAt', () => {
  test.each([
    ['CST-8', '2026-11-22T00:00:00Z', 'CST', 28_800],
    ['UTC0', '2026-11-22T00:00:00Z', 'UTC', 0],
    ['<+0545>-5:45', '2026-11-22T00:00:00Z', '+0545', 20_700],
    ['CET-1CEST,M3.5.0,M10.5.0/3', '2026-03-29T00:59:59Z', 'CET', 3_600],
    ['CET-1CEST,M3.5.0,M10.5.0/3', '2026-03-29T01:00:00Z', 'CEST', 7_200],
    ['CET-1CEST,M3.5.0,M10.5.0/3', '2026-10-25T00:59:59Z', 'CEST', 7_200],
    ['CET-1CEST,M3.5.0,M10.5.0/3', '2026-10-25T01:00:00Z', 'CET', 3_600],
    // South of the equator.
    ['AEST-10AEDT,M10.1.0,M4.1.0/3', '2026-01-01T00:00:00Z', 'AEDT', 39_600],
    ['AEST-10AEDT,M10.1.0,M4.1.0/3', '2026-07-01T00:00:00Z', 'AEST', 36_000],
    // Days of the year, with and without the leap day.
    ['XST0XDT,J60/0,J300/0', '2024-03-01T00:00:00Z', 'XDT', 3_600],
    ['XST0XDT,J60/0,J300/0', '2024-02-29T23:59:59Z', 'XST', 0],
    ['XST0XDT,59/0,299/0', '2024-02-29T00:00:00Z', 'XDT', 3_600],
  ])('%s at %s', (tz, at, abbreviation, offsetSeconds) => {
    expect(zoneAt(tz, Date.parse(at))).toEqual({ abbreviation, offsetSeconds })
  })

  test.each(['', 'C', 'CST', '8', 'CET-1CEST,M13', 'CET-1CEST,x,y'])('%j is no zone', (tz) => expect(zoneAt(tz, 0)).toBeUndefined())
})

const zones = ['Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Australia/Sydney', 'America/St_Johns', 'Asia/Kolkata']
describe.skipIf(!existsSync('/usr/share/zoneinfo/Europe/Berlin'))('against the runtime\'s own rules', () => {
  test.each(zones)('%s in the years to come', (zone) => {
    const tz = tzOfFile(readFileSync(`/usr/share/zoneinfo/${zone}`, 'utf8'))!
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(2024, 0) / 1000, max: Date.UTC(2036, 0) / 1000 }), (seconds) => {
        const text = format.formatToParts(seconds * 1000).find((part) => part.type === 'timeZoneName')!.value
        const [, sign, hours, minutes] = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(text)!
        const expected = sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60)
        expect(zoneAt(tz, seconds * 1000)!.offsetSeconds).toBe(expected)
      }),
      { seed, numRuns: scaled(200, 20_000) },
    )
  })
})

test('a file that is none has no zone', () => {
  expect(tzOfFile('')).toBeUndefined()
  expect(tzOfFile('TZif2\n\n')).toBeUndefined()
  expect(tzOfFile('hello\nCST-8\n')).toBeUndefined()
})
