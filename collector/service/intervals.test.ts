import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { intersect, subtract, total, union } from './intervals.ts'
import type { Interval } from './intervals.ts'

/** Small numbers, so that borders meet often; some end before they start, as after a clock was set back. */
const list = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: -5, max: 20 })).map(([from, length]): Interval => ({ from, to: from + length })), { maxLength: 12 })
const seconds = Array.from({ length: 90 }, (_, index) => index - 5)
/** The brute-force model: one yes or no a unit of time. */
const model = (intervals: readonly Interval[]): readonly boolean[] => seconds.map((at) => intervals.some(({ from, to }) => from <= at && at < to))
const isNormal = (intervals: readonly Interval[]): boolean => intervals.every(({ from, to }, index) => to > from && (index === 0 || from > (intervals[index - 1]?.to ?? Infinity)))
const runs = { seed, numRuns: scaled(2_000, 50_000) }

describe('intervals', () => {
  it('are what a second-by-second model says, in normal form', () => {
    fc.assert(
      fc.property(list, list, (a, b) => {
        const [inA, inB] = [model(a), model(b)]
        for (const [result, expected] of [
          [union(a, b), seconds.map((_, i) => inA[i]! || inB[i]!)],
          [intersect(a, b), seconds.map((_, i) => inA[i]! && inB[i]!)],
          [subtract(a, b), seconds.map((_, i) => inA[i]! && !inB[i]!)],
        ] as const) {
          expect(isNormal(result)).toBe(true)
          expect(model(result)).toEqual(expected)
          expect(total(result)).toBe(expected.filter(Boolean).length)
        }
        expect(total(a)).toBe(inA.filter(Boolean).length)
      }),
      runs,
    )
  })

  it('leaves its arguments alone and survives what is no stretch', () => {
    const given = [{ from: 5, to: 9 }, { from: 1, to: 6 }, { from: Number.NaN, to: 4 }, { from: 7, to: Number.NaN }, { from: 3, to: 3 }]
    const before = structuredClone(given)
    expect(union(given)).toEqual([{ from: 1, to: 9 }])
    expect(given).toEqual(before)
    expect(union([{ from: 1, to: 2 }, { from: 2, to: 3 }])).toEqual([{ from: 1, to: 3 }])
  })
})
