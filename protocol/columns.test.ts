import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../test/scale.ts'
import { ColumnsError, createDecoder, createEncoder, DEFAULT_COLUMNS_LIMITS, type IndexedRow } from './columns.ts'
import { bitsOf, isStale, setStale } from './stale.ts'

/** The 64 bits of every cell; a quietened stale mark counts as the mark, as the codec promises. */
function bitText(values: Float64Array): string {
  const bits = bitsOf(values)
  const cells: string[] = []
  for (let i = 0; i < values.length; i++) cells.push(isStale(bits, i) ? 'stale' : `${bits[i * 2 + 1]!.toString(16)}:${bits[i * 2]!.toString(16)}`)
  return cells.join(' ')
}

function plain(rows: readonly IndexedRow[]): unknown[] {
  return rows.map((row) => [row.group, row.at, bitText(row.values)])
}

const QUIET_STALE = -1
const cell = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -1000, max: 1000 }).map((n) => n / 100) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 2 ** 40 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 1 << 20 }).map((n) => n * 4096) },
  { weight: 3, arbitrary: fc.double() },
  { weight: 3, arbitrary: fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 5e-324, -5e-324, 2 ** 51, 2 ** 51 + 1, -(2 ** 51), 2 ** 53, 1e300, 0.1 + 0.2, 1e-9, 1e9 + 1e-9, 123456789.0000001) },
  { weight: 2, arbitrary: fc.constant('stale' as const) },
  // Words written as they are: NaN payloads, signalling ones, the quietened stale mark.
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: QUIET_STALE, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })) },
)

type Cell = number | 'stale' | [number, number]

function column(cells: readonly Cell[]): Float64Array {
  const values = new Float64Array(cells.length)
  const bits = bitsOf(values)
  cells.forEach((value, i) => {
    if (typeof value === 'number') values[i] = value
    else if (value === 'stale') setStale(bits, i)
    else if (value[0] === QUIET_STALE) {
      bits[i * 2] = 2
      bits[i * 2 + 1] = 0x7ff80000
    } else {
      bits[i * 2] = value[0]
      bits[i * 2 + 1] = value[1]
    }
  })
  return values
}

const row = fc.record({
  group: fc.integer({ min: 0, max: 2 }),
  at: fc.oneof(fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }), fc.integer({ min: 0, max: 2 ** 50 })),
  cells: fc.array(cell, { maxLength: 40 }),
  /** Keep this share of the group's row before, so that sparse rows and unchanged cells come up. */
  keep: fc.double({ min: 0, max: 1, noNaN: true }),
})

function build(plan: readonly { group: number; at: number; cells: readonly Cell[]; keep: number }[]): IndexedRow[] {
  const before: Float64Array[] = []
  return plan.map(({ group, at, cells, keep }) => {
    const values = column(cells)
    const last = before[group]
    if (last !== undefined) {
      const shared = Math.min(last.length, values.length)
      bitsOf(values).set(bitsOf(last.slice(0, Math.floor(shared * keep))))
    }
    before[group] = values
    return { group, at, values }
  })
}

function decoderFor(rows: readonly IndexedRow[]) {
  const decoder = createDecoder()
  for (let group = 0; group < 3; group++) decoder.define(group, Math.max(0, ...rows.filter((r) => r.group === group).map((r) => r.values.length)))
  return decoder
}

/** PERFORMANCE.md §3: 4/10 counters, 3/10 two-decimal walks, 2/10 page-multiple gauges, 1/10 constant. */
function synthetic(series: number, frames: number): IndexedRow[] {
  let state = seed >>> 0
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const values = Float64Array.from({ length: series }, (_, i) => {
    const kind = i % 10
    if (kind < 4) return Math.floor(random() * 1e9)
    if (kind < 7) return Math.round(random() * 10_000) / 100
    return kind < 9 ? Math.floor(random() * 1e6) * 4096 : Math.floor(random() * 1000)
  })
  const pace = Float64Array.from({ length: series }, () => random() * random() * 400)
  const rows: IndexedRow[] = []
  for (let frame = 0; frame < frames; frame++) {
    for (let i = 0; i < series; i++) {
      const kind = i % 10
      if (kind < 4) values[i] = values[i]! + Math.floor(random() * pace[i]!)
      else if (kind < 7) values[i] = Math.round((values[i]! + (random() - 0.5) * 2) * 100) / 100
      else if (kind < 9) values[i] = Math.max(0, values[i]! + Math.floor((random() - 0.5) * 200) * 4096)
    }
    rows.push({ group: 0, at: 1_700_000_000_000 + frame * 15_000, values: values.slice() })
  }
  return rows
}

describe('columns', () => {
  it('decode undoes encode, bit for bit, over any rows cut into any frames', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), fc.integer({ min: 1, max: 5 }), (plan, perFrame) => {
        const rows = build(plan)
        const encoder = createEncoder()
        const decoder = decoderFor(rows)
        for (let i = 0; i < rows.length; i += perFrame) {
          const frame = rows.slice(i, i + perFrame)
          expect(plain(decoder.decode(encoder.encode(frame)))).toEqual(plain(frame))
        }
      }),
      { seed, numRuns: scaled(400, 20_000) },
    )
  })

  it('costs at most 2.2 bytes a sample on the synthetic set, and nothing for what did not change', () => {
    const rows = synthetic(300, 200)
    const encoder = createEncoder()
    const first = encoder.encode(rows.slice(0, 1)).length
    let bytes = 0
    for (const next of rows.slice(1)) bytes += encoder.encode([next]).length
    const perSample = bytes / (300 * 199)
    console.log(`columns: ${perSample.toFixed(3)} B/sample, full row ${first} B, seed ${seed}`)
    expect(perSample).toBeLessThan(2.2)
    const last = rows.at(-1)!
    expect(encoder.encode([{ ...last, at: last.at + 15_000 }]).length).toBe(3)
  })

  it('hands out rows of their own and takes rows whose width shrinks and grows', () => {
    const encoder = createEncoder()
    const decoder = createDecoder()
    decoder.define(0, 3)
    const rows = [Float64Array.of(1, 2, 3), Float64Array.of(1), Float64Array.of(1, 2, 4)].map((values, i) => ({ group: 0, at: i, values }))
    const decoded = decoder.decode(encoder.encode(rows))
    expect(plain(decoded)).toEqual(plain(rows))
    decoded[2]!.values.fill(9)
    expect(plain(decoder.decode(encoder.encode([{ ...rows[2]!, at: 3 }])))).toEqual(plain([{ ...rows[2]!, at: 3 }]))
  })

  it('refuses what no encoder writes, and everything after it', () => {
    const decoder = createDecoder()
    decoder.define(0, 2)
    expect(() => decoder.define(2, 1)).toThrow(ColumnsError)
    expect(() => decoder.define(0, -1)).toThrow(ColumnsError)
    expect(() => decoder.define(0, DEFAULT_COLUMNS_LIMITS.columns)).toThrow(/more than 100000 columns/)
    const bad: [number[], RegExp][] = [
      [[4, 0, 0], /group 1, which is not defined at byte 1/],
      [[0], /frame ends inside a row at byte 1/],
      [[2, 0, 3, 0], /row of 3 columns where 2 are defined at byte 3/],
      [[2, 0, 2, 3], /more changed cells than columns/],
      [[2, 0, 2, 1, 2, 2], /cell beyond the last column/],
      [[3, 0, 2, 4, 2], /change map beyond the last column/],
      [[2, 0, 2, 1, 0, 0, 0x42], /unknown cell tag 66/],
      [[2, 0, 2, 1, 0, 0, 0x40, 1, 2], /frame ends inside a raw value/],
      [[2, 1, 0, 0], /time out of range/],
      [[2, 0, 2, 1, 0, 0, 3, 255, 255, 255, 255, 255, 255, 255, 15, 0], /scaled integer out of range/],
      [[255, 255, 255, 255, 255, 255, 255, 255, 255, 1], /number too large/],
    ]
    for (const [bytes, what] of bad) {
      const fresh = createDecoder()
      fresh.define(0, 2)
      expect(() => fresh.decode(Uint8Array.from(bytes))).toThrow(what)
      expect(() => fresh.decode(new Uint8Array(0))).toThrow(/nothing can follow/)
    }
    expect(() => createEncoder().encode([{ group: 0, at: 0.5, values: new Float64Array(0) }])).toThrow(RangeError)
  })

  it('never allocates past its limits: a short frame of many wide rows ends at the limit', () => {
    const decoder = createDecoder({ groups: 1, columns: 1000, rows: 10_000, cells: 5000 })
    decoder.define(0, 1000)
    // Width 1000 once, then rows of three bytes that repeat it.
    const bytes = Uint8Array.from([2, 0, 0xe8, 7, 0, ...Array.from({ length: 50 }, () => [0, 0, 0]).flat()])
    expect(() => decoder.decode(bytes)).toThrow(/more than 5000 cells/)
    const narrow = createDecoder({ groups: 1, columns: 1, rows: 4, cells: 5000 })
    narrow.define(0, 1)
    expect(() => narrow.decode(new Uint8Array(30))).toThrow(/more than 4 rows/)
  })

  it('survives any bytes: random, cut and flipped frames give rows or a ColumnsError, nothing else', () => {
    const check = (bytes: Uint8Array): void => {
      const decoder = createDecoder({ groups: 3, columns: 300, rows: 100, cells: 20_000 })
      for (let group = 0; group < 3; group++) decoder.define(group, 40)
      try {
        const rows = decoder.decode(bytes)
        expect(rows.every((r) => r.values.length <= 40)).toBe(true)
      } catch (error) {
        expect(error).toBeInstanceOf(ColumnsError)
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check), { seed, numRuns: scaled(2000, 100_000) })
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), fc.nat(), fc.nat(), fc.integer({ min: 0, max: 7 }), (plan, cut, at, bit) => {
        const bytes = createEncoder().encode(build(plan))
        check(bytes.subarray(0, cut % (bytes.length + 1)))
        if (bytes.length > 0) bytes[at % bytes.length] = bytes[at % bytes.length]! ^ (1 << bit)
        check(bytes)
      }),
      { seed, numRuns: scaled(500, 20_000) },
    )
  })
})
