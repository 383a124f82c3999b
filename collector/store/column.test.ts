import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bitsOf, setStale } from '../../protocol/stale.ts'
import { scaled, seed } from '../../test/scale.ts'
import { ALL_STALE, columnBound, decodeColumn, encodeColumn, encodeJoinable, joinColumns } from './column.ts'

/** Cells as [low, high] words, so that no NaN payload is lost on the way into the test. */
type Cell = readonly [low: number, high: number]

function cellsOf(...numbers: number[]): Cell[] {
  const bits = bitsOf(Float64Array.from(numbers))
  return numbers.map((_, index) => [bits[index * 2]!, bits[index * 2 + 1]!])
}

function roundTrip(cells: readonly Cell[]): { readonly bytes: number; readonly back: Cell[] } {
  const values = new Float64Array(cells.length)
  const bits = bitsOf(values)
  cells.forEach(([low, high], index) => {
    bits[index * 2] = low
    bits[index * 2 + 1] = high
  })
  const out = new Uint8Array(columnBound(cells.length) + 7).fill(0xee)
  const end = encodeColumn(values, bits, cells.length, out, 7)
  expect(end).toBeLessThanOrEqual(out.length)
  const back = new Float64Array(cells.length + 2)
  const backBits = bitsOf(back)
  expect(decodeColumn(out, 7, cells.length, back, backBits, 1)).toBe(end)
  expect([back[0], back[cells.length + 1]]).toEqual([0, 0])
  return { bytes: end - 7, back: cells.map((_, index) => [backBits[index * 2 + 2]!, backBits[index * 2 + 3]!]) }
}

const stale: Cell = (() => {
  const bits = new Uint32Array(2)
  setStale(bits, 0)
  return [bits[0]!, bits[1]!]
})()

const anyBits = fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff)).filter(([low, high]) => !(low === 2 && ((high & 0xfff7ffff) >>> 0) === 0x7ff00000))
const special = fc.constantFrom(...cellsOf(NaN, Infinity, -Infinity, -0, 0, Number.MIN_VALUE, Number.MAX_VALUE, 2 ** 53, -(2 ** 51), 2 ** 51 + 1, 0.1 + 0.2, 1e-12, 1e21), stale)
const counter = fc.tuple(fc.nat(2 ** 40), fc.array(fc.nat(3000), { maxLength: 200 })).map(([start, steps]) => {
  let value = start
  return cellsOf(...steps.map((step) => (value += step)))
})
const decimals = fc.tuple(fc.nat(6), fc.array(fc.integer({ min: -1e6, max: 1e6 }), { maxLength: 200 })).map(([digits, list]) => cellsOf(...list.map((each) => each / 10 ** digits)))
const salted = fc.tuple(fc.oneof(counter, decimals), fc.array(fc.tuple(fc.nat(), special))).map(([cells, salt]) => {
  const copy = [...cells]
  for (const [at, cell] of salt) copy.splice(at % (copy.length + 1), 0, cell)
  return copy
})

test(`a column comes back bit for bit (seed ${seed})`, () => {
  const column = fc.oneof(fc.array(fc.oneof(anyBits, special), { maxLength: 60 }), counter, decimals, salted, fc.double().map((each) => cellsOf(each, each, each)))
  fc.assert(
    fc.property(column, (cells) => {
      expect(roundTrip(cells).back).toEqual(cells)
    }),
    { seed, numRuns: scaled(1_000, 50_000) },
  )
})

test('the shapes that readings have stay small', () => {
  const constant = roundTrip(cellsOf(...Array.from({ length: 120 }, () => 4096)))
  expect(constant.bytes).toBeLessThanOrEqual(3)
  expect(roundTrip(Array.from({ length: 120 }, () => stale)).bytes).toBe(1)
  expect(ALL_STALE).toBe(15)
  let value = 1e9
  const counted = roundTrip(cellsOf(...Array.from({ length: 120 }, (_, row) => (value += row % 60))))
  expect(counted.bytes).toBeLessThan(130)
  const percent = roundTrip(cellsOf(...Array.from({ length: 120 }, (_, row) => (5000 + (row % 30)) / 100)))
  expect(percent.bytes).toBeLessThan(130)
})

test(`columns joined are what one column of all their rows would be (seed ${seed})`, () => {
  let joined = 0
  const steady = fc.tuple(fc.integer({ min: -5, max: 5 }), fc.nat(40)).map(([each, rows]) => cellsOf(...Array.from({ length: rows }, () => each)))
  fc.assert(
    fc.property(fc.oneof(counter, decimals, salted, steady), fc.integer({ min: 1, max: 20 }), (cells, size) => {
      fc.pre(cells.length > 0)
      const values = new Float64Array(cells.length)
      const bits = bitsOf(values)
      cells.forEach(([low, high], index) => {
        bits[index * 2] = low
        bits[index * 2 + 1] = high
      })
      const parts = []
      for (let from = 0; from < cells.length; from += size) {
        const part = values.slice(from, from + size)
        const bytes = new Uint8Array(columnBound(part.length) + 3)
        encodeJoinable(part, bitsOf(part), part.length, bytes, 3)
        parts.push({ bytes, at: 3, rows: part.length })
      }
      const out = new Uint8Array(columnBound(cells.length))
      const end = joinColumns(parts, parts.length, out, 0)
      if (end === -1) return
      joined++
      const whole = new Uint8Array(columnBound(cells.length))
      expect(out.subarray(0, end)).toEqual(whole.subarray(0, encodeColumn(values, bits, cells.length, whole, 0)))
    }),
    { seed, numRuns: scaled(1_000, 50_000) },
  )
  expect(joined).toBeGreaterThan(100)
})

test('bytes of any kind never make the decoder write outside its cells', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(100), (bytes, rows) => {
      const values = new Float64Array(rows + 2).fill(7)
      decodeColumn(bytes, 0, rows, values, bitsOf(values), 1)
      expect([values[0], values[rows + 1]]).toEqual([7, 7])
    }),
    { seed, numRuns: scaled(500, 20_000) },
  )
})
