import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { againAfter, fullBucket, retryDelayMs, take } from './pace.ts'

describe('retryDelayMs', () => {
  it('doubles to five minutes, half of it random', () => {
    expect([1, 2, 3, 7, 8, 1_000].map((attempts) => retryDelayMs(attempts, 0))).toEqual([2_500, 5_000, 10_000, 150_000, 150_000, 150_000])
    fc.assert(fc.property(fc.integer({ min: 0, max: 10_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempts, random) => {
      const delay = retryDelayMs(attempts, random)
      expect(delay).toBeGreaterThanOrEqual(2_500)
      expect(delay).toBeLessThanOrEqual(300_000)
      expect(delay).toBeLessThan(2 * retryDelayMs(attempts, 0) + 1)
    }), { seed })
  })
})

describe('againAfter', () => {
  const later = { kind: 'try-again', why: '451', channelDown: false } as const
  const down = { kind: 'try-again', why: 'ECONNREFUSED', channelDown: true } as const

  it('leaves a fault of the channel to the channel, but for what brings it down again and again', () => {
    expect([0, 1, 2, 3].map((takedowns) => againAfter(down, 9, takedowns, 1_000, 0.5))).toEqual([
      { at: 1_000, person: false }, { at: 1_000, person: false }, { at: 1_000 + retryDelayMs(1, 0.5), person: false }, { at: 1_000 + retryDelayMs(2, 0.5), person: false },
    ])
  })

  it('lets those rest whose fault it is, and all wait that the other side asks to', () => {
    expect(againAfter(later, 3, 0, 1_000, 0.5)).toEqual({ at: 1_000 + retryDelayMs(3, 0.5), person: true })
    expect(againAfter({ ...later, afterMs: 900_000 }, 3, 0, 1_000, 0.5)).toEqual({ at: 901_000, person: false })
    expect(againAfter({ kind: 'delivered', to: ['a'], detail: '', refused: [], again: [{ address: 'b', why: '451' }] }, 1, 0, 0, 0)).toEqual({ at: 2_500, person: false })
  })
})

describe('take', () => {
  it('never lets through more than the allowance in any minute after the first, however the clock steps', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 50 }), fc.array(fc.integer({ min: -100_000, max: 30_000 }), { maxLength: 200 }), (perMinute, steps) => {
      let bucket = fullBucket(perMinute, 0)
      let now = 0
      let forward = 0
      let taken = 0
      for (const step of steps) {
        now += step
        forward += Math.max(0, step)
        const result = take(bucket, perMinute, now)
        bucket = result.bucket
        if (result.waitMs === 0) taken++
        else expect(take(bucket, perMinute, now + result.waitMs).waitMs).toBe(0)
      }
      expect(taken).toBeLessThanOrEqual(perMinute + (forward * perMinute) / 60_000 + 1e-6)
    }), { seed })
  })
})
