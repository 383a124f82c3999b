/**
 * One series' values over the rows of a block, packed without loss.
 *
 * First byte: low nibble 0–12 = decimal exponent of scaled integers, 13 = XOR of raw bits, 15 = every cell stale;
 * 0x10 = all integers equal (only the first follows), 0x20 = a list of exceptions follows.
 * - **Scaled integers**: most readings are integers or short decimals, so v·10^e is an exact integer: the first and then
 *   the differences, zigzag LEB128. An encoder only chooses this where integer / 10^e gives v back, bit for bit.
 * - **Exceptions** inside such a series (stale marks, NaN, infinities, −0): count, then per cell the gap since the last
 *   and 0 (stale) or 1 and the eight bytes. They are left out of the integers.
 * - **XOR**: each value's bits against the one before, leading and trailing zero bytes left out.
 * PERFORMANCE.md §5: this with zstd over many series beats XOR shuffling and raw + zstd in both bytes and CPU.
 */
import { isStale, setStale } from '../../protocol/stale.ts'

const XOR = 13
/** The whole encoding of a column in which nothing was read. */
export const ALL_STALE = 15
/** Set in the head: all integers equal, only the first follows. */
export const CONSTANT = 0x10
const EXCEPTIONS = 0x20
/** Most decimals that scaled integers are tried with. */
export const MAX_EXPONENT = 12
/** By exponent. */
export const POWERS = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12]
/** Differences of two integers within this bound, zigzagged, still are exact float64 integers. */
export const LIMIT = 2 ** 51

/** Room that `encodeColumn` needs at most, bytes. */
export function columnBound(rows: number): number {
  return 24 + rows * 20
}

let integers = new Float64Array(256)
let exceptionAt = new Uint32Array(256)

function room(rows: number): void {
  if (rows <= integers.length) return
  integers = new Float64Array(rows * 2)
  exceptionAt = new Uint32Array(rows * 2)
}

/** Fills `integers`; returns the exponent, or XOR when no exponent suits. Counts go to `found`. */
const found = { exceptions: 0, stale: 0 }
function scale(values: Float64Array, bits: Uint32Array, rows: number): number {
  let exponent = 0
  let power = 1
  restart: for (;;) {
    let count = 0
    let exceptions = 0
    let stale = 0
    for (let row = 0; row < rows; row++) {
      const value = values[row] ?? 0
      if (value - value !== 0 || Object.is(value, -0)) {
        exceptionAt[exceptions++] = row
        if (value !== value && isStale(bits, row)) stale++
        continue
      }
      const integer = exponent === 0 ? Math.round(value) : Math.round(value * power)
      if ((exponent === 0 ? integer : integer / power) !== value) {
        if (++exponent > MAX_EXPONENT) return XOR
        power = POWERS[exponent] ?? 1
        // Search on with this value first: the rest of the column rarely needs less than its hardest value so far.
        while (Math.round(value * power) / power !== value) {
          if (++exponent > MAX_EXPONENT) return XOR
          power = POWERS[exponent] ?? 1
        }
        if (count > 0 || exceptions > 0) continue restart
        row--
        continue
      }
      if (integer > LIMIT || integer < -LIMIT) return XOR
      integers[count++] = integer
    }
    found.exceptions = exceptions
    found.stale = stale
    return exponent
  }
}

/** Writes a whole number, |value| < 2^52, as zigzag LEB128; the position after it. */
export function putZigzag(out: Uint8Array, at: number, value: number): number {
  return putWhole(out, at, value >= 0 ? value * 2 : -value * 2 - 1)
}

/** Writes a whole number from 0 up to 2^53 as LEB128; the position after it. */
export function putWhole(out: Uint8Array, at: number, value: number): number {
  let pos = at
  let rest = value
  while (rest > 0x7fffffff) {
    out[pos++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  let small = rest | 0
  while (small > 127) {
    out[pos++] = (small & 127) | 128
    small >>>= 7
  }
  out[pos++] = small
  return pos
}

/**
 * Packs the first `rows` cells of `values` (with `bits` the view over the same bytes) into `out` at `at`, where
 * `columnBound(rows)` bytes must be free. Returns the position after it.
 */
export function encodeColumn(values: Float64Array, bits: Uint32Array, rows: number, out: Uint8Array, at: number): number {
  room(rows)
  const exponent = scale(values, bits, rows)
  if (exponent === XOR) return encodeXor(bits, rows, out, at)
  const { exceptions, stale } = found
  if (stale === rows) {
    out[at] = ALL_STALE
    return at + 1
  }
  const count = rows - exceptions
  const first = integers[0] ?? 0
  let constant = true
  for (let index = 1; index < count; index++) {
    if (integers[index] !== first) {
      constant = false
      break
    }
  }
  out[at] = exponent | (constant ? CONSTANT : 0) | (exceptions > 0 ? EXCEPTIONS : 0)
  let pos = at + 1
  if (exceptions > 0) pos = encodeExceptions(bits, exceptions, out, pos)
  if (count === 0) return pos
  pos = putZigzag(out, pos, first)
  if (constant) return pos
  let previous = first
  for (let index = 1; index < count; index++) {
    const value = integers[index] ?? 0
    const delta = value - previous
    previous = value
    if (delta < 64 && delta >= -64) out[pos++] = ((delta << 1) ^ (delta >> 31)) & 127
    else pos = putZigzag(out, pos, delta)
  }
  return pos
}

/** As `encodeColumn`, with the sum of its differences behind it, so that `joinColumns` can go on from its last value. */
export function encodeJoinable(values: Float64Array, bits: Uint32Array, rows: number, out: Uint8Array, at: number): number {
  const end = encodeColumn(values, bits, rows, out, at)
  const head = out[at] ?? ALL_STALE
  if (head > MAX_EXPONENT || rows < 2) return end
  return putZigzag(out, end, (integers[rows - 1] ?? 0) - (integers[0] ?? 0))
}

/** One of several columns to be joined: where `encodeJoinable` put it, and its rows. */
export interface Joint {
  bytes: Uint8Array
  at: number
  rows: number
}

/**
 * Joins packed columns of successive rows into one without unpacking them: their differences are copied, and the first
 * integer of each becomes the difference to the last before it. Only scaled integers of one exponent without exceptions
 * can be joined; for others the answer is -1 and `out` holds nothing of use. Room as for `encodeColumn` of all rows.
 */
export function joinColumns(parts: readonly Joint[], count: number, out: Uint8Array, at: number): number {
  const head = (parts[0]?.bytes[parts[0].at] ?? ALL_STALE) & ~CONSTANT
  if (head > MAX_EXPONENT) return -1
  out[at] = head
  let pos = at + 1
  let last = 0
  let changes = 0
  for (let index = 0; index < count; index++) {
    const part = parts[index]
    if (part === undefined) return -1
    const own = part.bytes[part.at] ?? ALL_STALE
    if ((own & ~CONSTANT) !== head) return -1
    getZigzag(part.bytes, part.at + 1)
    const first = cursor.value
    if (first !== last) changes++
    pos = putZigzag(out, pos, first - last)
    last = first
    if ((own & CONSTANT) !== 0 || part.rows < 2) for (let row = 1; row < part.rows; row++) out[pos++] = 0
    else {
      changes += 2
      // Every difference ends with its first byte below 128.
      let from = cursor.pos
      for (let left = part.rows - 1; left > 0; ) {
        const byte = part.bytes[from++] ?? 0
        out[pos++] = byte
        if (byte < 128) left--
      }
      getZigzag(part.bytes, from)
      last = first + cursor.value
    }
  }
  // All the same: only the first part's start may differ from the zero before it.
  if (changes > (getFirst(out, at) === 0 ? 0 : 1)) return pos
  out[at] = head | CONSTANT
  return cursor.pos
}

function getFirst(bytes: Uint8Array, at: number): number {
  getZigzag(bytes, at + 1)
  return cursor.value
}

function encodeExceptions(bits: Uint32Array, count: number, out: Uint8Array, at: number): number {
  let pos = putZigzag(out, at, count)
  let last = 0
  for (let index = 0; index < count; index++) {
    const row = exceptionAt[index] ?? 0
    pos = putZigzag(out, pos, row - last)
    last = row
    if (isStale(bits, row)) out[pos++] = 0
    else {
      out[pos++] = 1
      for (let byte = 0; byte < 8; byte++) out[pos++] = (bits[row * 2 + (byte >> 2)] ?? 0) >>> ((byte & 3) * 8)
    }
  }
  return pos
}

function encodeXor(bits: Uint32Array, rows: number, out: Uint8Array, at: number): number {
  let pos = at
  out[pos++] = XOR
  let lastLow = 0
  let lastHigh = 0
  for (let row = 0; row < rows; row++) {
    const low = bits[row * 2] ?? 0
    const high = bits[row * 2 + 1] ?? 0
    const xorLow = low ^ lastLow
    const xorHigh = high ^ lastHigh
    lastLow = low
    lastHigh = high
    const leading = xorHigh !== 0 ? Math.clz32(xorHigh) >> 3 : 4 + (Math.clz32(xorLow) >> 3)
    if (leading === 8) {
      out[pos++] = 0x80
      continue
    }
    const trailing = xorLow !== 0 ? (31 - Math.clz32(xorLow & -xorLow)) >> 3 : 4 + ((31 - Math.clz32(xorHigh & -xorHigh)) >> 3)
    out[pos++] = (leading << 4) | trailing
    for (let byte = trailing; byte < 8 - leading; byte++) out[pos++] = (byte < 4 ? xorLow : xorHigh) >>> ((byte & 3) * 8)
  }
  return pos
}

const cursor = { value: 0, pos: 0 }
function getZigzag(bytes: Uint8Array, at: number): void {
  let pos = at
  let byte = bytes[pos++] ?? 0
  if (byte < 128) {
    cursor.value = (byte >> 1) ^ -(byte & 1)
    cursor.pos = pos
    return
  }
  let value = byte & 127
  let factor = 128
  while (byte > 127) {
    byte = bytes[pos++] ?? 0
    value += (byte & 127) * factor
    factor *= 128
  }
  cursor.value = value % 2 === 0 ? value / 2 : -(value + 1) / 2
  cursor.pos = pos
}

/**
 * Unpacks a column of `rows` cells into `values` (and `bits`, the view over its bytes) from cell `to` on. Returns the
 * position after it. Never writes outside those cells, whatever the bytes are; the caller has checked a sum over them.
 */
export function decodeColumn(bytes: Uint8Array, at: number, rows: number, values: Float64Array, bits: Uint32Array, to: number): number {
  const head = bytes[at] ?? ALL_STALE
  const exponent = head & 15
  if (exponent === ALL_STALE) {
    for (let row = 0; row < rows; row++) setStale(bits, to + row)
    return at + 1
  }
  if (exponent === XOR) return decodeXor(bytes, at + 1, rows, bits, to)
  room(rows)
  let pos = at + 1
  let exceptions = 0
  if ((head & EXCEPTIONS) !== 0) {
    getZigzag(bytes, pos)
    exceptions = Math.max(0, Math.min(cursor.value, rows))
    pos = decodeExceptions(bytes, cursor.pos, exceptions, rows, bits, to)
    if (exceptions === rows) return pos
  }
  const power = POWERS[exponent] ?? 1
  getZigzag(bytes, pos)
  pos = cursor.pos
  let value = cursor.value
  const constant = (head & CONSTANT) !== 0
  let exception = 0
  let started = false
  for (let row = 0; row < rows; row++) {
    if (exception < exceptions && exceptionAt[exception] === row) {
      exception++
      continue
    }
    if (started && !constant) {
      const byte = bytes[pos] ?? 0
      if (byte < 128) {
        pos++
        value += (byte >> 1) ^ -(byte & 1)
      } else {
        getZigzag(bytes, pos)
        pos = cursor.pos
        value += cursor.value
      }
    }
    started = true
    values[to + row] = exponent === 0 ? value : value / power
  }
  return pos
}

function decodeExceptions(bytes: Uint8Array, at: number, count: number, rows: number, bits: Uint32Array, to: number): number {
  let pos = at
  let row = 0
  for (let index = 0; index < count; index++) {
    getZigzag(bytes, pos)
    pos = cursor.pos
    row = Math.min(rows - 1, row + Math.max(0, cursor.value))
    exceptionAt[index] = row
    if (bytes[pos++] === 0) setStale(bits, to + row)
    else {
      for (let half = 0; half < 2; half++) {
        bits[(to + row) * 2 + half] = (bytes[pos] ?? 0) | ((bytes[pos + 1] ?? 0) << 8) | ((bytes[pos + 2] ?? 0) << 16) | ((bytes[pos + 3] ?? 0) << 24)
        pos += 4
      }
    }
  }
  return pos
}

function decodeXor(bytes: Uint8Array, at: number, rows: number, bits: Uint32Array, to: number): number {
  let pos = at
  let low = 0
  let high = 0
  for (let row = 0; row < rows; row++) {
    const control = bytes[pos++] ?? 0x80
    const end = 8 - (control >> 4)
    for (let byte = control & 15; byte < end; byte++) {
      const part = (bytes[pos++] ?? 0) << ((byte & 3) * 8)
      if (byte < 4) low ^= part
      else high ^= part
    }
    bits[(to + row) * 2] = low
    bits[(to + row) * 2 + 1] = high
  }
  return pos
}
