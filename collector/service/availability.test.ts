import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { availability, percentText } from './availability.ts'
import type { Figure } from './availability.ts'
import { blindTimes, gapBetween } from './blind.ts'
import { badTimes, faultTimes } from './fault.ts'
import type { Fault } from './fault.ts'
import type { Interval } from './intervals.ts'
import { serviceHours } from './service-hours.ts'
import { dateAt, datesBetween, dayOf } from './zone-time.ts'

const SPAN = 120
const interval = fc.tuple(fc.integer({ min: -10, max: SPAN }), fc.integer({ min: -4, max: 40 })).map(([from, length]): Interval => ({ from, to: from + length }))
const intervals = fc.array(interval, { maxLength: 5 })
const severity = fc.constantFrom('critical' as const, 'warning' as const, 'info' as const)
const faultOf = (number: string, fields: Partial<Fault>): Fault => ({ number, version: 1, service: 'portal', object: 'a', severity: 'critical', profile: 'standard', from: 0, pauses: [], closed: true, blind: [], clocks: [], ...fields })
const faults = fc
  .array(fc.record({ object: fc.constantFrom('a', 'b', 'c'), severity, time: interval, open: fc.boolean(), pauses: fc.array(interval, { maxLength: 2 }), excluded: fc.integer({ min: 0, max: 5 }) }), { maxLength: 8 })
  .map((list) => list.map(({ object, severity: level, time, open, pauses, excluded }, index) => faultOf(`F${index}`, { object, severity: level, from: time.from, ...(open ? {} : { to: time.to }), pauses, ...(excluded === 0 ? { excluded: '误报' } : {}) })))

/** A small tree: `a` is critical; `b` and `c` stand in for each other; an info severity affects nothing. */
const decide = (_: string, open: readonly Fault[]): readonly string[] => {
  const hit = open.filter((one) => one.severity !== 'info')
  const of = (object: string): readonly string[] => hit.filter((one) => one.object === object).map((one) => one.number)
  return [...of('a'), ...(of('b').length > 0 && of('c').length > 0 ? [...of('b'), ...of('c')] : [])]
}
const inside = (list: readonly Interval[], at: number): boolean => list.some(({ from, to }) => from <= at && at < to)

describe('availability', () => {
  it('is what counting second by second gives, with and without maintenance, blind time apart', () => {
    fc.assert(
      fc.property(faults, intervals, intervals, fc.option(intervals, { nil: undefined }), fc.integer({ min: 0, max: SPAN + 20 }), (list, blind, maintenance, hours, now) => {
        const span = { from: 0, to: SPAN }
        const bad = badTimes('portal', list, decide, span, now)
        const result = availability({ bad, blind, maintenance, hours }, span, now)
        const count = { with: { good: 0, bad: 0, blind: 0 }, without: { good: 0, bad: 0, blind: 0 }, left: 0 }
        for (let at = 0; at < Math.min(SPAN, now); at++) {
          if (hours !== undefined && !inside(hours, at)) continue
          const open = list.filter((fault) => fault.excluded === undefined && fault.from <= at && at < (fault.to ?? now) && !inside(fault.pauses, at))
          const kind = decide('portal', open).length > 0 ? 'bad' : inside(blind, at) ? 'blind' : 'good'
          count.with[kind]++
          if (inside(maintenance, at)) count.left++
          else count.without[kind]++
        }
        const expected = ({ good, bad: wrong, blind: unseen }: typeof count.with): Figure => ({
          goodMs: good, badMs: wrong, blindMs: unseen,
          ratio: good + wrong === 0 ? null : good / (good + wrong),
          ratioBlindBad: good + wrong + unseen === 0 ? null : good / (good + wrong + unseen),
        })
        expect(result.withMaintenance).toEqual(expected(count.with))
        expect(result.withoutMaintenance).toEqual(expected(count.without))
        expect(result.maintenanceMs).toBe(count.left)
      }),
      { seed, numRuns: scaled(1_500, 30_000) },
    )
  })

  it('adds up: any cut of a span into parts gives the same milliseconds', () => {
    fc.assert(
      fc.property(faults, intervals, intervals, fc.uniqueArray(fc.integer({ min: 1, max: SPAN - 1 }), { maxLength: 5 }), (list, blind, maintenance, cuts) => {
        const time = { bad: badTimes('portal', list, decide, { from: 0, to: SPAN }, SPAN), blind, maintenance, hours: undefined }
        const borders = [0, ...cuts.toSorted((a, b) => a - b), SPAN]
        const whole = availability(time, { from: 0, to: SPAN }, SPAN)
        const parts = borders.slice(1).map((to, index) => availability(time, { from: borders[index]!, to }, SPAN))
        for (const kind of ['withMaintenance', 'withoutMaintenance'] as const) {
          for (const part of ['goodMs', 'badMs', 'blindMs'] as const) expect(parts.reduce((sum, one) => sum + one[kind][part], 0)).toBe(whole[kind][part])
        }
        for (const { number, badMs } of whole.incidents) expect(parts.flatMap((one) => one.incidents).filter((one) => one.number === number).reduce((sum, one) => sum + one.badMs, 0)).toBe(badMs)
      }),
      { seed, numRuns: scaled(500, 10_000) },
    )
  })

  it('says which incidents made it bad, and asks once a stretch', () => {
    let asked = 0
    const list = [faultOf('F1', { from: 10, to: 30 }), faultOf('F2', { from: 20, to: 40, object: 'b' }), faultOf('F3', { from: 25, to: 50, object: 'c', severity: 'warning' })]
    const bad = badTimes('portal', list, (service, open) => (asked++, decide(service, open)), { from: 0, to: 100 }, 100)
    expect(bad).toEqual([
      { from: 10, to: 25, incidents: ['F1'] },
      { from: 25, to: 30, incidents: ['F1', 'F2', 'F3'] },
      { from: 30, to: 40, incidents: ['F2', 'F3'] },
    ])
    expect(asked).toBe(5)
  })

  it('is never good for nothing: no figure before the first moment, and cut, not rounded, in print', () => {
    const time = { bad: [], blind: [{ from: 0, to: 100 }], maintenance: [], hours: undefined }
    expect(availability(time, { from: 0, to: 100 }, 0).withMaintenance).toEqual({ goodMs: 0, badMs: 0, blindMs: 0, ratio: null, ratioBlindBad: null })
    expect(availability(time, { from: 0, to: 100 }, 100).withMaintenance).toMatchObject({ ratio: null, ratioBlindBad: 0, blindMs: 100 })
    expect([percentText(999_999, 1_000_000), percentText(1, 1), percentText(0, 0), percentText(1, 3)]).toEqual(['99.999%', '100.000%', '—', '33.333%'])
    expect(percentText(2_678_399_999, 2_678_400_000)).toBe('99.999%')
  })
})

describe('clock steps', () => {
  it('back: an end before its start holds no time, and what is reckoned at an earlier now is never more', () => {
    expect(faultTimes(faultOf('F1', { from: 50, to: 40 }), 100)).toEqual([])
    expect(faultTimes(faultOf('F1', { from: 50 }), 40)).toEqual([])
    fc.assert(
      fc.property(faults, fc.integer({ min: 0, max: SPAN }), fc.integer({ min: 0, max: 20 }), (list, now, step) => {
        const badAt = (at: number): number => availability({ bad: badTimes('portal', list, decide, { from: 0, to: SPAN }, at), blind: [], maintenance: [], hours: undefined }, { from: 0, to: SPAN }, at).withMaintenance.badMs
        expect(badAt(now)).toBeLessThanOrEqual(badAt(now + step))
        expect(badAt(now + step) - badAt(now)).toBeLessThanOrEqual(step)
      }),
      { seed, numRuns: scaled(300, 5_000) },
    )
  })

  it('are not taken for blindness, long gaps are', () => {
    expect(gapBetween(undefined, 1_000, 100, 1_000)).toBeUndefined()
    expect(gapBetween(undefined, 1_000, 100, 400)).toEqual({ from: 400, to: 1_000 })
    expect(gapBetween(1_000, 1_100, 100, 0)).toBeUndefined()
    expect(gapBetween(5_000, 1_000, 100, 0)).toBeUndefined()
    expect(gapBetween(1_000, 1_101, 100, 0)).toEqual({ from: 1_000, to: 1_101 })
    expect(blindTimes([{ from: 0, to: 5, why: 'collector-down', service: '', object: '' }, { from: 3, why: 'no-data', service: 'portal', object: 'a' }, { from: 0, to: 50, why: 'no-data', service: 'sms', object: '' }], 'portal', 9)).toEqual([{ from: 0, to: 9 }])
  })
})

describe('service hours', () => {
  const zone = 'Asia/Shanghai'
  const opening = [{ from: '09:00', to: '12:00' }, { from: '13:00', to: '18:00' }]

  it('follow the calendar and not the weekday, and refuse to guess', () => {
    // 10 October 2026 is a Saturday people work on; 1 October is a holiday.
    const works = new Set(['2026-10-09', '2026-10-10'])
    const calendar = (date: string): boolean | undefined => (date.startsWith('2026') ? works.has(date) : undefined)
    const span = { from: dayOf('2026-10-01', zone).from, to: dayOf('2026-10-11', zone).to }
    const result = serviceHours(span, opening, calendar, zone)
    if (result.kind !== 'known') throw new Error('calendar')
    expect(result.hours.map(({ from }) => new Date(from).toISOString())).toEqual(['2026-10-09T01:00:00.000Z', '2026-10-09T05:00:00.000Z', '2026-10-10T01:00:00.000Z', '2026-10-10T05:00:00.000Z'])
    expect(serviceHours({ from: span.from, to: dayOf('2027-01-01', zone).to }, opening, calendar, zone)).toEqual({ kind: 'calendar-missing', date: '2027-01-01' })
    // A span that begins and ends in the middle of the hours has only its part of them.
    const part = { from: dayOf('2026-10-09', zone).from + 10 * 3_600_000, to: dayOf('2026-10-09', zone).from + 14 * 3_600_000 }
    expect(serviceHours(part, opening, calendar, zone)).toEqual({ kind: 'known', hours: [{ from: part.from, to: part.from + 2 * 3_600_000 }, { from: part.to - 3_600_000, to: part.to }] })
    expect(serviceHours({ from: 5, to: 5 }, opening, calendar, zone)).toEqual({ kind: 'known', hours: [] })
  })

  it('are 8 hours on each working day, in any zone', () => {
    fc.assert(
      fc.property(fc.constantFrom('Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'UTC'), fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 1, max: 40 }), fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }), (where, start, days, week) => {
        const first = dateAt(Date.UTC(2025, 0, 1) + start * 86_400_000, where)
        const dates = datesBetween(first, dateAt(Date.UTC(2025, 0, 1) + (start + days) * 86_400_000, where))
        const works = (date: string): boolean => week[Date.parse(date) / 86_400_000 % 7] ?? false
        const result = serviceHours({ from: dayOf(first, where).from, to: dayOf(dates.at(-1)!, where).to }, opening, works, where)
        if (result.kind !== 'known') throw new Error('calendar')
        expect(result.hours.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(dates.filter(works).length * 8 * 3_600_000)
      }),
      { seed, numRuns: scaled(200, 3_000) },
    )
  })
})
