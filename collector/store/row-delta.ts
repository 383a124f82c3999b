/**
 * A row as its differences from the row before it in the same open block: what the log writes instead of raw float64,
 * about 2 bytes a cell instead of 8. There is no state but the row before, which both the commit and the replay have in
 * the lane, so a chain begins and ends with its block.
 *
 * ```
 * ⌈count / 8⌉ bytes, bit i & 7 of byte i >> 3 set where cell i differs; then those cells, each a varint token
 *   token & 3 = 0   token >> 2: zigzag difference
 *               1   token >> 2: zigzag difference in hundredths, of both values rounded to hundredths
 *               2   token >> 2: zigzag difference in units of 1,024
 *               3   token >> 2 = 0: 8 raw bytes follow; 1, 2, 3: a varint zigzag difference in thousandths, millionths,
 *                   billionths follows
 * ```
 *
 * The encoder takes a difference only where adding it gives back the very same 64 bits; −0, NaN (the stale mark is one)
 * and infinities travel raw. Unchanged and raw cells are copied as bits: a NaN may change in a double register.
 */
import { putWhole, putZigzag } from './column.ts'
const HUNDREDTHS = 1
const KIB = 2
const ESCAPE = 3
/** Differences beyond this travel raw: four times its zigzag still is an exact float64 integer, and under 2^53. */
const LIMIT = 2 ** 49
/** Whole differences within this are packed as 32-bit integers. */
const SMALL = 2 ** 24
/** Scaled values beyond this travel raw: they and their sums are exact. */
const SCALED_LIMIT = 2 ** 51
/** By the number behind `ESCAPE`; 0 is raw. */
const SCALES = [0, 1e3, 1e6, 1e9]

/** A row's cells: `values[at]` is its first, `bits` the view over the same bytes. */
export interface Cells {
  values: Float64Array
  bits: Uint32Array
  at: number
}

/** Room that `encodeDelta` needs at most, bytes. */
export function deltaBound(count: number): number {
  return (count >> 3) + 4 + count * 10
}

/** Packs `count` cells against as many of `base` into `out` at `start`, where `deltaBound` is free; the position after it. */
export function encodeDelta(base: Cells, row: Cells, count: number, out: Uint8Array, start: number): number {
  const { values: baseValues, bits: baseBits, at: baseAt } = base
  const { values, bits, at } = row
  let pos = start + ((count + 7) >> 3)
  let mark = 0
  for (let cell = 0; cell < count; cell++) {
    if (cell > 0 && (cell & 7) === 0) {
      out[start + (cell >> 3) - 1] = mark
      mark = 0
    }
    const value = values[at + cell] ?? 0
    const before = baseValues[baseAt + cell] ?? 0
    if (value === before) {
      // Equal numbers are equal bits, but for the two zeros.
      if (value !== 0 || bits[(at + cell) * 2 + 1] === baseBits[(baseAt + cell) * 2 + 1]) continue
    } else if (value !== value && bits[(at + cell) * 2] === baseBits[(baseAt + cell) * 2] && bits[(at + cell) * 2 + 1] === baseBits[(baseAt + cell) * 2 + 1]) continue
    mark |= 1 << (cell & 7)
    const change = value - before
    const whole = change | 0
    let token = 0
    if (whole === change && before + change === value && whole < SMALL && whole > -SMALL && value !== 0) {
      // -1 for a multiple of 1,024, else 0.
      const kib = ((whole & 1_023) - 1) >> 31
      const difference = whole >> (kib & 10)
      token = (((difference << 1) ^ (difference >> 31)) << 2) | (kib & KIB)
    } else {
      const rounded = Math.round(value * 100)
      const hundredths = rounded - Math.round(before * 100)
      const small = hundredths | 0
      if (rounded / 100 !== value || small !== hundredths || small >= SMALL || small <= -SMALL || rounded >= SCALED_LIMIT || rounded <= -SCALED_LIMIT || value === 0) {
        pos = putRare(value, before, bits[(at + cell) * 2] ?? 0, bits[(at + cell) * 2 + 1] ?? 0, out, pos)
        continue
      }
      token = (((small << 1) ^ (small >> 31)) << 2) | HUNDREDTHS
    }
    // All four bytes are written and only the position depends on the length: which it is cannot be predicted, and a
    // branch on it costs more than the bytes.
    out[pos] = (token & 127) | (((127 - token) >> 31) & 128)
    out[pos + 1] = ((token >> 7) & 127) | (((16_383 - token) >> 31) & 128)
    out[pos + 2] = ((token >> 14) & 127) | (((2_097_151 - token) >> 31) & 128)
    out[pos + 3] = token >> 21
    pos += 1 + ((127 - token) >>> 31) + ((16_383 - token) >>> 31) + ((2_097_151 - token) >>> 31)
  }
  if (count > 0) out[start + ((count - 1) >> 3)] = mark
  return pos
}

/** Large whole differences, other decimals, and what travels raw. */
function putRare(value: number, before: number, low: number, high: number, out: Uint8Array, at: number): number {
  if (value === 0 && high !== 0) return putRaw(low, high, out, at)
  const change = value - before
  if (Math.floor(change) === change && before + change === value && change < LIMIT && change > -LIMIT) return putWhole(out, at, (change >= 0 ? change * 2 : -change * 2 - 1) * 4)
  for (let scale = 1; scale < SCALES.length; scale++) {
    const power = SCALES[scale] ?? 1
    const rounded = Math.round(value * power)
    const difference = rounded - Math.round(before * power)
    if (rounded / power === value && rounded < SCALED_LIMIT && rounded > -SCALED_LIMIT && difference < LIMIT && difference > -LIMIT) {
      out[at] = (scale << 2) | ESCAPE
      return putZigzag(out, at + 1, difference)
    }
  }
  return putRaw(low, high, out, at)
}

function putRaw(low: number, high: number, out: Uint8Array, at: number): number {
  let pos = at
  out[pos++] = ESCAPE
  for (let shift = 0; shift < 32; shift += 8) out[pos++] = low >>> shift
  for (let shift = 0; shift < 32; shift += 8) out[pos++] = high >>> shift
  return pos
}

const cursor = { value: 0, pos: 0 }
function getNumber(bytes: Uint8Array, at: number): void {
  let pos = at
  let value = 0
  let factor = 1
  for (;;) {
    const byte = bytes[pos++]
    if (byte === undefined || factor > 2 ** 49) throw new RangeError(`row difference broken at byte ${pos}`)
    value += (byte & 127) * factor
    if (byte < 128) break
    factor *= 128
  }
  cursor.value = value
  cursor.pos = pos
}

function unzigzag(zigzag: number): number {
  return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
}

/** Unpacks `count` cells into `values`, which holds the row before and of which the rest stays. Throws RangeError where the bytes do not end with the row. */
export function decodeDelta(bytes: Uint8Array, values: Float64Array, bits: Uint32Array, count: number): void {
  let pos = (count + 7) >> 3
  for (let cell = 0; cell < count; cell++) {
    if (((bytes[cell >> 3] ?? 0) & (1 << (cell & 7))) === 0) continue
    getNumber(bytes, pos)
    pos = cursor.pos
    const kind = cursor.value % 4
    const rest = Math.floor(cursor.value / 4)
    const before = values[cell] ?? 0
    if (kind === 0) values[cell] = before + unzigzag(rest)
    else if (kind === KIB) values[cell] = before + unzigzag(rest) * 1_024
    else if (kind === HUNDREDTHS) values[cell] = (Math.round(before * 100) + unzigzag(rest)) / 100
    else if (rest === 0) {
      for (let half = 0; half < 2; half++, pos += 4) bits[cell * 2 + half] = (bytes[pos] ?? 0) | ((bytes[pos + 1] ?? 0) << 8) | ((bytes[pos + 2] ?? 0) << 16) | ((bytes[pos + 3] ?? 0) << 24)
    } else {
      const power = SCALES[rest]
      if (power === undefined) throw new RangeError(`row difference of unknown scale ${rest}`)
      getNumber(bytes, pos)
      pos = cursor.pos
      values[cell] = (Math.round(before * power) + unzigzag(cursor.value)) / power
    }
  }
  if (pos !== bytes.length) throw new RangeError(`row differences end at byte ${pos} of ${bytes.length}`)
}
