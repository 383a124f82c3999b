import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { fullBucket, retryDelayMs, take } from './pace.ts'

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
