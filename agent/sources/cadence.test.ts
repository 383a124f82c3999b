import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { seed } from '../../test/scale.ts'
import { dueCadences, nextTickAt } from './cadence.ts'

const noon = Date.UTC(2026, 10, 22, 12)

test('the first tick reads everything', () => expect(dueCadences(noon + 7, undefined)).toEqual(['tick', 'minute', 'hour']))

test('minute and hour are due with the first tick inside a new one', () => {
  expect(dueCadences(noon + 30_000, noon + 15_000)).toEqual(['tick'])
  expect(dueCadences(noon + 60_000, noon + 45_000)).toEqual(['tick', 'minute'])
  expect(dueCadences(noon + 3_600_004, noon + 3_585_000)).toEqual(['tick', 'minute', 'hour'])
})

test('a clock that was set back or far ahead delays nothing', () => {
  expect(dueCadences(noon - 86_400_000, noon)).toEqual(['tick', 'minute', 'hour'])
  expect(dueCadences(noon + 86_400_000, noon)).toEqual(['tick', 'minute', 'hour'])
})

test('with any interval, each minute that has a tick is read exactly once', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1_000, max: 90_000 }), fc.nat(86_400_000), (intervalMs, offset) => {
      const minutes: number[] = []
      const ticked = new Set<number>()
      let last: number | undefined
      for (let tick = 0; tick < 100; tick++) {
        const now = noon + offset + tick * intervalMs
        ticked.add(Math.floor(now / 60_000))
        if (dueCadences(now, last).includes('minute')) minutes.push(Math.floor(now / 60_000))
        last = now
      }
      expect(minutes).toEqual([...ticked])
    }),
    { seed },
  )
})

test('ticks lie on multiples of the interval', () => {
  expect(nextTickAt(noon + 1, 15_000)).toBe(noon + 15_000)
  expect(nextTickAt(noon + 15_000, 15_000)).toBe(noon + 30_000)
})
