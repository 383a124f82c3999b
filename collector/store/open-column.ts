/**
 * Packing a column straight out of an open block: what `encodeJoinable` gives, byte for byte, in one pass without a copy
 * for columns of plain numbers. Whatever needs exceptions or XOR goes the long way.
 */
import { CONSTANT, encodeJoinable, LIMIT, MAX_EXPONENT, POWERS, putZigzag } from './column.ts'

let scratch = new Float64Array(64)
let scratchBits = new Uint32Array(scratch.buffer)

/** Packs cells `from`, `from + stride` … (`rows` of them, `bits` the view over their bytes); room and answer as `encodeColumn`. */
export function encodeOpen(cells: Float64Array, bits: Uint32Array, from: number, stride: number, rows: number, out: Uint8Array, at: number): number {
  let exponent = 0
  while (exponent <= MAX_EXPONENT) {
    const end = exponent === 0 ? packWhole(cells, from, stride, rows, out, at) : packScaled(cells, from, stride, rows, exponent, out, at)
    if (end > 0) return end
    if (end === LONG_WAY) break
    // The cell that did not fit says how many decimals it needs; -end is its row + 1.
    const value = cells[from + (-end - 1) * stride] ?? 0
    do exponent++
    while (exponent <= MAX_EXPONENT && Math.round(value * (POWERS[exponent] ?? 1)) / (POWERS[exponent] ?? 1) !== value)
  }
  if (rows > scratch.length) {
    scratch = new Float64Array(rows)
    scratchBits = new Uint32Array(scratch.buffer)
  }
  for (let row = 0, source = from * 2; row < rows; row++, source += stride * 2) {
    scratchBits[row * 2] = bits[source] ?? 0
    scratchBits[row * 2 + 1] = bits[source + 1] ?? 0
  }
  return encodeJoinable(scratch, scratchBits, rows, out, at)
}

/** No exponent helps. */
const LONG_WAY = -0x7fffffff

function packWhole(cells: Float64Array, from: number, stride: number, rows: number, out: Uint8Array, at: number): number {
  const first = cells[from] ?? 0
  if (Math.floor(first) !== first) return first - first === 0 ? -1 : LONG_WAY
  if (first > LIMIT || first < -LIMIT || Object.is(first, -0)) return LONG_WAY
  const start = putZigzag(out, at + 1, first)
  let pos = start
  let previous = first
  let changed = false
  for (let row = 1, source = from + stride; row < rows; row++, source += stride) {
    const value = cells[source] ?? 0
    if (value === previous) {
      if (value === 0 && Object.is(value, -0)) return LONG_WAY
      out[pos++] = 0
      continue
    }
    if (Math.floor(value) !== value) return value - value === 0 ? -row - 1 : LONG_WAY
    if (value > LIMIT || value < -LIMIT || Object.is(value, -0)) return LONG_WAY
    const delta = value - previous
    previous = value
    changed = true
    if (delta < 64 && delta >= -64) out[pos++] = ((delta << 1) ^ (delta >> 31)) & 127
    else pos = putZigzag(out, pos, delta)
  }
  out[at] = changed ? 0 : CONSTANT
  if (!changed) return start
  return putZigzag(out, pos, previous - first)
}

function packScaled(cells: Float64Array, from: number, stride: number, rows: number, exponent: number, out: Uint8Array, at: number): number {
  const power = POWERS[exponent] ?? 1
  let start = at
  let pos = at
  let first = 0
  let previous = 0
  let changed = false
  for (let row = 0, source = from; row < rows; row++, source += stride) {
    const value = cells[source] ?? 0
    const integer = Math.round(value * power)
    if (integer / power !== value) return value - value === 0 ? -row - 1 : LONG_WAY
    if (integer > LIMIT || integer < -LIMIT || (value === 0 && Object.is(value, -0))) return LONG_WAY
    if (row === 0) {
      first = integer
      start = putZigzag(out, at + 1, integer)
      pos = start
    } else {
      const delta = integer - previous
      if (delta !== 0) changed = true
      if (delta < 64 && delta >= -64) out[pos++] = ((delta << 1) ^ (delta >> 31)) & 127
      else pos = putZigzag(out, pos, delta)
    }
    previous = integer
  }
  out[at] = exponent | (changed ? 0 : CONSTANT)
  return changed ? putZigzag(out, pos, previous - first) : start
}
