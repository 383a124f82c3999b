/**
 * Rows of groups (`batch.ts`) as bytes: the `columns` field of a `batch` message, and of a spool record.
 *
 * Both ends keep, per group, the last row; a frame says only what differs from it. So a frame can be read only after all
 * frames before it from the same encoder: one encoder and one decoder per connection (or per spool segment). The first
 * row of a group differs from a row of zeros, which makes it the full one; there is no other kind of resync.
 *
 * ```
 * frame := row*                                         until the bytes end
 * row   := head time [width] body
 *   head   varint   group << 2 | widthFollows << 1 | dense
 *   time   zigzag   at − (last.at + (last.at − beforeLast.at)), ms: an even pace costs one byte
 *   width  varint   columns in this row; without it as many as in the group's row before
 *   body   sparse:  varint n, then n × { varint columns skipped since the cell before, cell }
 *          dense:   ⌈width / 8⌉ bytes, bit i & 7 of byte i >> 3 set where column i changed; then the changed cells
 * cell  := varint token                                 token > 0: zigzag of (m − last m), unit as before
 *        | 0 unit zigzag m                              unit 0…12: this column's unit and integer from now on
 *        | 0 0x40 8 bytes                               raw little-endian float64
 *        | 0 0x41                                       the stale mark (stale.ts)
 * ```
 *
 * A cell's value is `m × multiple[unit] ÷ divisor[unit]` with an integer |m| < 2⁵¹: units are 4096, 1024, 512, 1 and the
 * tenth down to 10⁻⁹. The encoder uses them only where that gives back the very same 64 bits (division by an exact
 * power of ten is correctly rounded, so every decimal of the field fits); everything else (−0, infinities, NaN with its
 * payload, denormals, long fractions) travels raw. A raw or stale cell leaves the column's unit and m as they were.
 * A quietened stale mark (0x7ff8…02) comes out as the mark itself; all other bits come out as they went in.
 *
 * Varints are LEB128 of at most 2⁵³ − 1; zigzag maps 0, −1, 1, −2 … to 0, 1, 2, 3 ….
 */
import { bitsOf, isStale, setStale } from './stale.ts'

const MULTIPLE = Float64Array.of(4096, 1024, 512, 1)
const DIVISOR = Float64Array.of(1, 1, 1, 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
const UNITS = 13
/** The unit 1, in which every column begins, at m = 0. */
const ONE = 3
const RAW = 0x40
const STALE = 0x41
/** Two such integers differ by less than 2⁵², whose zigzag is still exact in a double. */
const LARGEST_M = 2 ** 51 - 1
/** Row times reach to the year 37648; three of them added up still zigzag exactly. */
const LARGEST_AT = 2 ** 50
/** Most bytes that one changed cell takes in the sparse form: gap 5, escape 1, tag 1, integer or raw 8, rounded up. */
const CELL_BYTES = 16

/** One row on its way through the codec; `group` is the index of its definition on this connection. */
export interface IndexedRow {
  readonly group: number
  /** Epoch milliseconds, 0 … 2⁵⁰. */
  readonly at: number
  readonly values: Float64Array
}

export interface ColumnsEncoder {
  /** Packs rows in the order given. The result is a copy of its own. Throws RangeError where a time or group is no whole number in range. */
  encode(rows: readonly IndexedRow[]): Uint8Array<ArrayBuffer>
}

/** What a decoder accepts at most; beyond it, it throws before it allocates. */
export interface ColumnsLimits {
  /** Groups on one connection. */
  readonly groups: number
  /** Columns of all groups together. */
  readonly columns: number
  /** Rows in one frame. */
  readonly rows: number
  /** Cells of all rows of one frame together; a row is 8 bytes a cell once decoded, however short it travelled. */
  readonly cells: number
}

/** Room for the largest agent the product plans for: 100,000 columns, and 8 MiB of decoded values a frame. */
export const DEFAULT_COLUMNS_LIMITS: ColumnsLimits = { groups: 64, columns: 100_000, rows: 10_000, cells: 1_048_576 }

export interface ColumnsDecoder {
  /** Adds columns to a group; `group` is an index in use or the next free one. Throws ColumnsError beyond the limits. */
  define(group: number, added: number): void
  /** Columns a group has so far; 0 for one never defined. */
  width(group: number): number
  /**
   * Unpacks one frame; every row owns its values. Throws ColumnsError for anything malformed, and from then on for
   * every frame: the connection is at its end, nothing of the bad frame has been handed out.
   */
  decode(bytes: Uint8Array): IndexedRow[]
}

/** Bytes that no encoder writes. `offset` is where in the frame reading stopped. */
export class ColumnsError extends Error {
  readonly offset: number
  constructor(what: string, offset: number) {
    super(`columns: ${what} at byte ${offset}`)
    this.name = 'ColumnsError'
    this.offset = offset
  }
}

/** What both ends remember of one group. */
interface GroupState {
  at: number
  step: number
  width: number
  /** Scaled integer and unit by column, kept across raw and stale cells. */
  m: Float64Array
  unit: Uint8Array
  /** The last row's cells, and the same bytes as words. */
  last: Float64Array
  lastBits: Uint32Array
}

function emptyGroup(): GroupState {
  const last = new Float64Array(0)
  return { at: 0, step: 0, width: 0, m: new Float64Array(0), unit: new Uint8Array(0), last, lastBits: bitsOf(last) }
}

/** Makes room for `width` columns, new ones at m = 0 of unit 1 (value 0). */
function widen(group: GroupState, width: number): void {
  const had = group.m.length
  if (width <= had) return
  const room = Math.max(width, Math.min(had * 2, had + 4096))
  const m = new Float64Array(room)
  m.set(group.m)
  const unit = new Uint8Array(room).fill(ONE)
  unit.set(group.unit)
  const last = new Float64Array(room)
  // Copied as words: a double that passes through a register may lose a stale mark's payload.
  bitsOf(last).set(group.lastBits)
  group.m = m
  group.unit = unit
  group.last = last
  group.lastBits = bitsOf(last)
}

/** The integer of `value` in `unit`; NaN where none would give back the same bits (−0 is the caller's). */
function scale(value: number, unit: number): number {
  if (unit === ONE) return Math.floor(value) === value && value <= LARGEST_M && value >= -LARGEST_M ? value : NaN
  const size = unit < ONE ? (MULTIPLE[unit] ?? 1) : (DIVISOR[unit] ?? 1)
  const m = unit < ONE ? Math.floor(value / size) : Math.round(value * size)
  return m <= LARGEST_M && m >= -LARGEST_M && (unit < ONE ? m * size : m / size) === value ? m : NaN
}

/** Makes the encoder of one connection or one spool segment. */
export function createEncoder(): ColumnsEncoder {
  const groups: GroupState[] = []
  let out = new Uint8Array(4096)
  let changed = new Int32Array(512)
  let end = 0

  const varint = (value: number): void => {
    let rest = value
    while (rest >= 0x80000000) {
      out[end++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    let low = rest | 0
    while (low >= 128) {
      out[end++] = (low & 127) | 128
      low >>>= 7
    }
    out[end++] = low
  }
  const zigzag = (value: number): void => {
    if (value >= -0x40000000 && value < 0x40000000) varint(((value << 1) ^ (value >> 31)) >>> 0)
    else varint(value >= 0 ? value * 2 : -value * 2 - 1)
  }

  const cell = (group: GroupState, values: Float64Array, bits: Uint32Array, index: number): void => {
    if (isStale(bits, index)) {
      out[end++] = 0
      out[end++] = STALE
      return
    }
    const value = values[index] ?? 0
    const unit = group.unit[index] ?? ONE
    const last = group.m[index] ?? 0
    const minusZero = value === 0 && bits[index * 2 + 1] !== 0
    if (!minusZero) {
      const m = scale(value, unit)
      const fits = m === m
      const fresh = last === 0 && unit === ONE && value !== 0
      if (fits && m !== last && !fresh) {
        zigzag(m - last)
        group.m[index] = m
        return
      }
      // A column that leaves zero for the first time picks the coarsest unit that fits; later it only moves when it must.
      // What is no multiple of 512 fits none of the three coarse units, and need not be tried in them.
      for (let next = fresh ? (value % 512 === 0 ? 0 : ONE) : fits ? unit : Math.min(unit + 1, ONE); next < UNITS; next++) {
        const scaled = scale(value, next)
        if (scaled !== scaled) continue
        if (next === unit && scaled !== last) zigzag(scaled - last)
        else {
          out[end++] = 0
          out[end++] = next
          zigzag(scaled)
        }
        group.unit[index] = next
        group.m[index] = scaled
        return
      }
    }
    out[end++] = 0
    out[end++] = RAW
    for (let word = index * 2; word < index * 2 + 2; word++) {
      const half = bits[word] ?? 0
      out[end++] = half & 255
      out[end++] = (half >>> 8) & 255
      out[end++] = (half >>> 16) & 255
      out[end++] = half >>> 24
    }
  }

  const row = (index: number, at: number, values: Float64Array): void => {
    const width = values.length
    let group = groups[index]
    while (group === undefined) {
      groups.push(emptyGroup())
      group = groups[index]
    }
    widen(group, width)
    if (changed.length < width) changed = new Int32Array(width * 2)
    const need = end + 64 + width * CELL_BYTES
    if (out.length < need) {
      const grown = new Uint8Array(need * 2)
      grown.set(out.subarray(0, end))
      out = grown
    }

    const bits = bitsOf(values)
    const lastBits = group.lastBits
    let count = 0
    for (let i = 0; i < width; i++) {
      if (bits[i * 2] !== lastBits[i * 2] || bits[i * 2 + 1] !== lastBits[i * 2 + 1]) changed[count++] = i
    }

    const dense = count > (width + 7) >> 3
    const widthFollows = width !== group.width
    varint(index * 4 + (widthFollows ? 2 : 0) + (dense ? 1 : 0))
    zigzag(at - (group.at + group.step))
    if (widthFollows) varint(width)
    if (dense) {
      const map = end
      end += (width + 7) >> 3
      out.fill(0, map, end)
      for (let n = 0; n < count; n++) {
        const i = changed[n] ?? 0
        out[map + (i >> 3)] = (out[map + (i >> 3)] ?? 0) | (1 << (i & 7))
        cell(group, values, bits, i)
      }
    } else {
      varint(count)
      let next = 0
      for (let n = 0; n < count; n++) {
        const i = changed[n] ?? 0
        varint(i - next)
        next = i + 1
        cell(group, values, bits, i)
      }
    }
    lastBits.set(bits)
    group.step = at - group.at
    group.at = at
    group.width = width
  }

  return {
    encode(rows) {
      for (const { group, at } of rows) {
        if (!(Number.isInteger(at) && at >= 0 && at <= LARGEST_AT)) throw new RangeError(`columns: cannot encode a row at time ${at}`)
        if (!(Number.isInteger(group) && group >= 0 && group < 65_536)) throw new RangeError(`columns: cannot encode group index ${group}`)
      }
      end = 0
      for (const { group, at, values } of rows) row(group, at, values)
      return out.slice(0, end)
    },
  }
}

/** Makes the decoder of one connection or one spool segment. */
export function createDecoder(limits: ColumnsLimits = DEFAULT_COLUMNS_LIMITS): ColumnsDecoder {
  const groups: (GroupState & { defined: number })[] = []
  let columns = 0
  let failed = false
  let bytes: Uint8Array = new Uint8Array(0)
  let size = 0
  let offset = 0

  const fail = (what: string): never => {
    throw new ColumnsError(what, offset)
  }
  const byte = (): number => {
    const value = offset < size ? bytes[offset] : undefined
    if (value === undefined) return fail('frame ends inside a row')
    offset++
    return value
  }
  const varint = (): number => {
    const first = byte()
    if (first < 128) return first
    let value = first & 127
    for (let shift = 7; shift < 28; shift += 7) {
      const next = byte()
      value |= (next & 127) << shift
      if (next < 128) return value
    }
    // Beyond 28 bits integers of the engine end; the rest is done in doubles, which are exact up to 2⁵³.
    for (let weight = 2 ** 28; weight < 2 ** 53; weight *= 128) {
      const next = byte()
      value += (next & 127) * weight
      if (next < 128) return value <= Number.MAX_SAFE_INTEGER ? value : fail('number too large')
    }
    return fail('number too large')
  }
  const unzigzag = (z: number): number => {
    if (z < 0x80000000) return (z >>> 1) ^ -(z & 1)
    return z % 2 === 0 ? z / 2 : -(z + 1) / 2
  }

  const cell = (group: GroupState, values: Float64Array, bits: Uint32Array, index: number): void => {
    // Nearly every cell is a one-byte delta: that path touches nothing it need not.
    const first = offset < size ? (bytes[offset] ?? 0) : 0
    if (first !== 0 && first < 128) {
      offset++
      return put(group, values, index, (group.m[index] ?? 0) + ((first >>> 1) ^ -(first & 1)), group.unit[index] ?? ONE)
    }
    const token = varint()
    if (token !== 0) return put(group, values, index, (group.m[index] ?? 0) + unzigzag(token), group.unit[index] ?? ONE)
    const tag = byte()
    if (tag === STALE) return setStale(bits, index)
    if (tag === RAW) {
      if (offset + 8 > size) fail('frame ends inside a raw value')
      for (let word = index * 2; word < index * 2 + 2; word++) {
        bits[word] = (byte() | (byte() << 8) | (byte() << 16) | (byte() << 24)) >>> 0
      }
      return
    }
    if (tag >= UNITS) fail(`unknown cell tag ${tag}`)
    group.unit[index] = tag
    put(group, values, index, unzigzag(varint()), tag)
  }
  const put = (group: GroupState, values: Float64Array, index: number, m: number, unit: number): void => {
    if (m > LARGEST_M || m < -LARGEST_M) fail('scaled integer out of range')
    group.m[index] = m
    values[index] = unit === ONE ? m : unit < ONE ? m * (MULTIPLE[unit] ?? 1) : m / (DIVISOR[unit] ?? 1)
  }

  /** Reads one row's head and returns its group; `cells` is what the frame has used up so far. */
  const row = (cells: number): IndexedRow => {
    const head = varint()
    const index = Math.floor(head / 4)
    const group = groups[index]
    if (group === undefined) return fail(`row of group ${index}, which is not defined`)
    const at = group.at + group.step + unzigzag(varint())
    if (!(at >= 0 && at <= LARGEST_AT)) fail('time out of range')
    const width = (head & 2) === 0 ? group.width : varint()
    if (width > group.defined) fail(`row of ${width} columns where ${group.defined} are defined`)
    if (cells + width > limits.cells) fail(`more than ${limits.cells} cells`)

    const values = group.last.slice(0, width)
    const bits = bitsOf(values)
    if ((head & 1) === 0) {
      const count = varint()
      if (count > width) fail('more changed cells than columns')
      let next = 0
      for (let n = 0; n < count; n++) {
        const i = next + varint()
        if (i >= width) fail('cell beyond the last column')
        cell(group, values, bits, i)
        next = i + 1
      }
    } else {
      const map = offset
      const mapBytes = (width + 7) >> 3
      if (offset + mapBytes > size) fail('frame ends inside a change map')
      offset += mapBytes
      for (let base = 0; base < width; base += 8) {
        let set = bytes[map + (base >> 3)] ?? 0
        if (base + 8 > width && set >> (width - base) !== 0) fail('change map beyond the last column')
        for (let i = base; set !== 0; set >>= 1, i++) if ((set & 1) !== 0) cell(group, values, bits, i)
      }
    }
    group.lastBits.set(bits)
    group.step = at - group.at
    group.at = at
    group.width = width
    return { group: index, at, values }
  }

  return {
    define(group, added) {
      offset = 0
      if (!Number.isInteger(group) || group < 0 || group > groups.length) fail(`definition of group ${group} where ${groups.length} is next`)
      if (group >= limits.groups) fail(`more than ${limits.groups} groups`)
      if (!Number.isInteger(added) || added < 0 || columns + added > limits.columns) fail(`more than ${limits.columns} columns`)
      const known = groups[group] ?? { ...emptyGroup(), defined: 0 }
      if (group === groups.length) groups.push(known)
      known.defined += added
      columns += added
      widen(known, known.defined)
    },
    width: (group) => groups[group]?.defined ?? 0,
    decode(frame) {
      offset = 0
      if (failed) fail('an earlier frame was malformed; nothing can follow it')
      failed = true
      bytes = frame
      size = frame.length
      const rows: IndexedRow[] = []
      let cells = 0
      while (offset < size) {
        if (rows.length >= limits.rows) fail(`more than ${limits.rows} rows`)
        const decoded = row(cells)
        cells += decoded.values.length
        rows.push(decoded)
      }
      failed = false
      bytes = new Uint8Array(0)
      return rows
    },
  }
}
