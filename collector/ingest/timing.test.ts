import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { type ClockView, EARLIEST_MS, TOLERANCE_MS, clockShift } from './timing.ts'

const NOW = Date.UTC(2026, 10, 22)
const HOUR = 3_600_000
const rightClock: ClockView = { helloAt: NOW, receivedAt: NOW, next: 100, intervalMs: 15_000 }
const fresh = (newestAt: number) => ({ seq: 100, late: false, newestAt })
const late = (newestAt: number, seq = 60) => ({ seq, late: true, newestAt })

describe('clock that agrees', () => {
  test.each([
    ['a fresh row', fresh(NOW)],
    ['ten minutes ahead', fresh(NOW + TOLERANCE_MS)],
    ['a backlog of a month', late(NOW - 30 * 24 * HOUR)],
    ['a fresh row over a slow path', fresh(NOW - 20 * 60_000)],
  ])('%s stays where it is', (_, batch) => expect(clockShift(rightClock, batch, NOW)).toBe(0))
})

describe('clock that is wrong', () => {
  test('eight hours ahead since boot: fresh rows and backlog move by those eight hours', () => {
    const view = { ...rightClock, helloAt: NOW + 8 * HOUR }
    expect(clockShift(view, fresh(NOW + 8 * HOUR + 15_000), NOW + 15_000)).toBe(8 * HOUR)
    expect(clockShift(view, late(NOW + 7 * HOUR), NOW)).toBe(8 * HOUR)
  })

  test('eight hours behind the same', () => {
    const view = { ...rightClock, helloAt: NOW - 8 * HOUR }
    expect(clockShift(view, fresh(NOW - 8 * HOUR), NOW)).toBe(-8 * HOUR)
    expect(clockShift(view, late(NOW - 9 * HOUR), NOW)).toBe(-8 * HOUR)
  })

  test('1970 (dead battery) becomes now', () => {
    const view = { ...rightClock, helloAt: 30_000 }
    expect(45_000 - clockShift(view, fresh(45_000), NOW + 15_000)).toBe(NOW + 15_000)
  })

  test('set right while connected: rows are right again', () => {
    expect(clockShift({ ...rightClock, helloAt: NOW + 8 * HOUR }, fresh(NOW + 60_000), NOW + 60_000)).toBe(0)
  })

  test('stepped ahead while connected: a fresh row was read just now', () => {
    expect(clockShift(rightClock, fresh(NOW + 24 * HOUR), NOW + 5_000)).toBe(24 * HOUR - 5_000)
  })

  test('stepped while connected: what comes in one burst, fresh or late, keeps its distances', () => {
    const movedMs = HOUR + 700
    const view = { ...rightClock, movedMs }
    const places = [0, 15_000, 30_000].flatMap((ms) => {
      const at = NOW + HOUR + 30_000 + ms
      return [at - clockShift(view, fresh(at), NOW + 60_000), at - clockShift(view, late(at + 1, 103), NOW + 60_000) + 1]
    })
    expect(new Set(places).size).toBe(places.length)
    expect(places).toEqual([...places].sort((a, b) => a - b))
    // Stepped once more, by so much that the old amount explains nothing.
    expect(clockShift(view, fresh(NOW + 3 * HOUR), NOW)).toBe(3 * HOUR)
    expect(clockShift(view, fresh(NOW), NOW)).toBe(0)
  })

  test('backlog read since the hello goes where its number says too', () => {
    const places = [100, 101, 102].map((seq) => NOW + HOUR + seq - clockShift(rightClock, late(NOW + HOUR + seq, seq), NOW + 60_000))
    expect(places).toEqual([NOW, NOW + 15_000, NOW + 30_000])
  })

  test('backlog of a clock that has since been set right goes where its number says, in order and pace', () => {
    const places = [57, 58, 59].map((seq) => {
      const at = NOW + HOUR + seq * 15_000
      return at - clockShift(rightClock, late(at, seq), NOW)
    })
    expect(places).toEqual([NOW - 43 * 15_000, NOW - 42 * 15_000, NOW - 41 * 15_000])
  })
})

test('whatever the clocks say, the newest row of a batch ends up between 2020 and ten minutes from now, and a right one is untouched', () => {
  const time = fc.oneof(fc.integer({ min: 0, max: 4_000_000_000_000 }), fc.integer({ min: -2_000_000, max: 2_000_000 }).map((delta) => NOW + delta))
  fc.assert(
    fc.property(time, time, fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 100_000 }), fc.boolean(), fc.nat(60_000), (helloAt, newestAt, seq, next, isLate, sinceMs) => {
      const now = NOW + sinceMs
      const placed = newestAt - clockShift({ helloAt, receivedAt: NOW, next, intervalMs: 15_000 }, { seq, late: isLate, newestAt }, now)
      expect(placed).toBeGreaterThanOrEqual(EARLIEST_MS)
      expect(placed).toBeLessThanOrEqual(now + TOLERANCE_MS)
      if (Math.abs(helloAt - NOW) <= TOLERANCE_MS && newestAt >= EARLIEST_MS && newestAt <= now + TOLERANCE_MS) expect(placed).toBe(newestAt)
    }),
    { seed, numRuns: scaled(2_000, 100_000) },
  )
})
