import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bitsOf } from '../../protocol/stale.ts'
import { scaled, seed } from '../../test/scale.ts'
import { encodeColumn } from './column.ts'
import { DamagedChunk, encodeChunk, openChunk, SECTION_COLUMNS } from './chunk.ts'

function chunkOf(times: readonly number[], matrix: readonly (readonly number[])[]): Uint8Array {
  return encodeChunk(Float64Array.from(times), matrix.length, (column, out, at) => {
    const values = Float64Array.from(matrix[column]!)
    return encodeColumn(values, bitsOf(values), values.length, out, at)
  })
}

const table = fc
  .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: SECTION_COLUMNS * 2 + 3 }), fc.nat(2 ** 40))
  .chain(([rows, columns, start]) =>
    fc.record({
      times: fc.array(fc.nat(10_000_000), { minLength: rows, maxLength: rows }).map((steps) => {
        let at = start
        return steps.map((step) => (at += step))
      }),
      matrix: fc.array(fc.array(fc.oneof(fc.integer(), fc.double()), { minLength: rows, maxLength: rows }), { minLength: columns, maxLength: columns }),
    }),
  )

test(`a chunk gives back its times and every column (seed ${seed})`, () => {
  fc.assert(
    fc.property(table, ({ times, matrix }) => {
      const chunk = openChunk(chunkOf(times, matrix))
      expect([...chunk.times]).toEqual(times)
      expect(chunk.columns).toBe(matrix.length)
      const values = new Float64Array(times.length)
      const bits = bitsOf(values)
      matrix.forEach((column, index) => {
        expect(chunk.read(index, values, bits, 0)).toBe(true)
        expect([...values]).toEqual(column)
      })
      expect(chunk.read(matrix.length, values, bits, 0)).toBe(false)
    }),
    { seed, numRuns: scaled(60, 2_000) },
  )
})

test(`a flipped bit anywhere is noticed, never decoded (seed ${seed})`, () => {
  const rows = 60
  const matrix = Array.from({ length: 130 }, (_, column) => Array.from({ length: rows }, (_each, row) => column * 17 + row * (column % 7)))
  const body = chunkOf(Array.from({ length: rows }, (_, row) => 1e12 + row * 15_000), matrix)
  fc.assert(
    fc.property(fc.nat(body.length - 1), fc.nat(7), (at, bit) => {
      const broken = Uint8Array.from(body)
      broken[at] = broken[at]! ^ (1 << bit)
      const values = new Float64Array(rows)
      expect(() => {
        const chunk = openChunk(broken)
        for (let column = 0; column < 130; column++) chunk.read(column, values, bitsOf(values), 0)
      }).toThrow(DamagedChunk)
    }),
    { seed, numRuns: scaled(200, 5_000) },
  )
})
