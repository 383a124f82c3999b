import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bitsOf, setStale } from '../../protocol/stale.ts'
import { scaled, seed } from '../../test/scale.ts'
import { columnBound, encodeJoinable } from './column.ts'
import { encodeOpen } from './open-column.ts'

const value = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -200, max: 200 }) },
  { weight: 3, arbitrary: fc.constantFrom(0.5, 0.25, 1.125, -7.1, 1e-12, 3) },
  { weight: 1, arbitrary: fc.constantFrom<number | 'stale'>('stale', NaN, -0, 0, Infinity, 2 ** 51, 2 ** 52, -(2 ** 51) - 2, 0.1 + 0.2, 1e300) },
)
/** Mostly columns of one kind, so that every path is walked to its end. */
const column = fc.oneof(
  fc.array(fc.integer({ min: -1_000, max: 1e9 }), { minLength: 1, maxLength: 20 }),
  fc.array(fc.integer({ min: -1_000, max: 1e6 }).map((each) => each / 100), { minLength: 1, maxLength: 20 }),
  fc.array(value, { minLength: 1, maxLength: 20 }),
  fc.tuple(value, fc.integer({ min: 1, max: 20 })).map(([each, count]) => Array.from({ length: count }, () => each)),
)

test(`a column of an open block is packed as its copy would be (seed ${seed})`, () => {
  fc.assert(
    fc.property(column, fc.integer({ min: 1, max: 4 }), fc.nat(3), (list, stride, from) => {
      const rows = list.length
      const plain = new Float64Array(rows)
      const wide = new Float64Array(from + rows * stride).fill(77.7)
      list.forEach((each, row) => {
        if (each === 'stale') {
          setStale(bitsOf(plain), row)
          setStale(bitsOf(wide), from + row * stride)
        } else {
          plain[row] = each
          wide[from + row * stride] = each
        }
      })
      const expected = new Uint8Array(columnBound(rows))
      const out = new Uint8Array(columnBound(rows))
      const size = encodeJoinable(plain, bitsOf(plain), rows, expected, 0)
      const end = encodeOpen(wide, bitsOf(wide), from, stride, rows, out, 0)
      expect(Array.from(out.subarray(0, end))).toEqual(Array.from(expected.subarray(0, size)))
    }),
    { seed, numRuns: scaled(3_000, 200_000) },
  )
})
