import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bitsOf, setStale } from '../../protocol/stale.ts'
import { scaled, seed } from '../../test/scale.ts'
import { decodeDelta, deltaBound, encodeDelta } from './row-delta.ts'

type Cell = number | 'stale'
const cell = fc.oneof(
  fc.integer({ min: -1_000, max: 1_000_000 }),
  fc.integer({ min: -50, max: 50 }).map((each) => each * 4_096),
  fc.integer({ min: -100_000, max: 100_000 }).map((each) => each / 100),
  fc.integer({ min: -100_000, max: 100_000 }).chain((each) => fc.constantFrom(1e3, 1e6, 1e9, 7).map((power) => each / power)),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom<Cell>('stale', 0, -0, NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 2 ** 49, 2 ** 51, Number.MIN_VALUE, Number.MAX_VALUE, 0.1 + 0.2, -1e-12),
)

function cellsOf(list: readonly Cell[], at: number): { values: Float64Array; bits: Uint32Array; at: number } {
  const values = new Float64Array(at + list.length)
  const bits = bitsOf(values)
  list.forEach((each, index) => {
    if (each === 'stale') setStale(bits, at + index)
    else values[at + index] = each
  })
  return { values, bits, at }
}

test(`a row comes out of its differences bit for bit, in the room that was promised (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, fc.boolean()), { maxLength: 40 }), fc.nat(3), (pairs, at) => {
      const base = cellsOf(pairs.map(([before]) => before), 0)
      const row = cellsOf(pairs.map(([before, after, same]) => (same ? before : after)), at)
      const out = new Uint8Array(at + deltaBound(pairs.length) + 9).fill(0xaa)
      const end = encodeDelta(base, row, pairs.length, out, at)
      expect(end).toBeLessThanOrEqual(at + deltaBound(pairs.length))
      const values = base.values.slice()
      const bits = bitsOf(values)
      decodeDelta(out.subarray(at, end), values, bits, pairs.length)
      expect(Array.from(bits)).toEqual(Array.from(row.bits.subarray(at * 2)))
    }),
    { seed, numRuns: scaled(2_000, 100_000) },
  )
})

test('readings of the field take about two bytes, and none where they did not change', () => {
  const size = (before: readonly Cell[], after: readonly Cell[]) => encodeDelta(cellsOf(before, 0), cellsOf(after, 0), before.length, new Uint8Array(999), 0)
  expect(size([1, 2, 3, 'stale', NaN], [1, 2, 3, 'stale', NaN])).toBe(1)
  expect(size([1_000_000], [1_000_015])).toBe(2)
  expect(size([812.33], [812.3])).toBe(2)
  expect(size([4_096_000], [4_096_000 + 3 * 4_096])).toBe(2)
  expect(size([1], ['stale'])).toBe(10)
})

test('bytes that no encoder wrote throw and write nothing outside the row', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(20), (bytes, count) => {
      const values = new Float64Array(count + 2).fill(5)
      try {
        decodeDelta(bytes, values, bitsOf(values), count)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
      expect(Array.from(values.subarray(count))).toEqual([5, 5])
    }),
    { seed, numRuns: scaled(2_000, 100_000) },
  )
})
