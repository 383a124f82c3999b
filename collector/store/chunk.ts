/**
 * A chunk: many rows of one group as one blob of the table `chunk`.
 *
 * ```
 * u32   CRC-32 of the header (everything from the next byte up to the sections)
 * u8    version, 1
 * varint length of the header from here on
 *        varint rows, columns, columns a section
 *        f64 first time; per later row the zigzag varint change of the time step (ms)
 *        per section: varint raw length, varint stored length (equal: stored as it is), u32 CRC-32 of the stored bytes
 * sections, each (after zstd): per column the varint length of its stream, then the streams (`column.ts`)
 * ```
 *
 * A section holds `SECTION_COLUMNS` neighbouring columns. Columns are in the group's order, and an agent defines a
 * metric's series next to each other, so one metric lies in one or two sections and only those are decompressed.
 */
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { createReader, createWriter, getByte, getBytes, getF64, getU32, getVarint, putByte, putBytes, putF64, putU32, putVarint, written } from './bytes.ts'
import { columnBound, decodeColumn } from './column.ts'

/** Columns compressed together: larger compresses better, smaller decodes less for one metric (docs/decisions/store.md). */
export const SECTION_COLUMNS = 64
const VERSION = 1
const LEVEL = 1
/** Enough for a section; a larger window costs zstd a larger workspace on every call. */
const WINDOW_LOG = 15
/** More than any chunk the store writes; a length beyond it is damage. */
const MAX_SECTION_BYTES = 64 * 1024 * 1024

/** The bytes of a chunk are not what was written. */
export class DamagedChunk extends Error {
  override readonly name = 'DamagedChunk'
}

/** Packs a column's cells (`encodeColumn`) into `out` at `at`, where `columnBound` bytes are free; the position after it. */
export type PackColumn = (column: number, out: Uint8Array, at: number) => number

/** Packs `times.length` rows of `columns` columns, asked for one after the other in ascending order. */
export function encodeChunk(times: Float64Array, columns: number, pack: PackColumn): Uint8Array {
  const rows = times.length
  const header = createWriter(256 + rows * 3)
  putVarint(header, rows)
  putVarint(header, columns)
  putVarint(header, SECTION_COLUMNS)
  putTimes(header, times)
  const sections: Uint8Array[] = []
  let scratch = new Uint8Array(Math.max(1024, Math.min(SECTION_COLUMNS, columns) * rows * 4))
  for (let from = 0; from < columns; from += SECTION_COLUMNS) {
    const to = Math.min(columns, from + SECTION_COLUMNS)
    const lengths = createWriter(SECTION_COLUMNS * 2)
    let pos = 0
    for (let column = from; column < to; column++) {
      if (pos + columnBound(rows) > scratch.length) {
        const larger = new Uint8Array(scratch.length * 2 + columnBound(rows))
        larger.set(scratch)
        scratch = larger
      }
      const end = pack(column, scratch, pos)
      putVarint(lengths, end - pos)
      pos = end
    }
    putBytes(lengths, scratch.subarray(0, pos))
    const raw = written(lengths)
    const packed = compress(raw)
    const stored = packed.length < raw.length ? packed : raw
    putVarint(header, raw.length)
    putVarint(header, stored.length)
    putU32(header, crc32(stored))
    sections.push(stored)
  }
  return assemble(written(header), sections)
}

/** zstd as the chunk's sections and the definitions use it. */
export function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { chunkSize: Math.max(1_024, bytes.length), params: { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_windowLog]: WINDOW_LOG } })
}

/** Undoes `compress`; throws where the bytes are no zstd frame or give another length. */
export function decompress(bytes: Uint8Array, length: number): Uint8Array {
  if (length > MAX_SECTION_BYTES) throw new DamagedChunk(`section of ${length} bytes`)
  const raw = zstdDecompressSync(bytes, { chunkSize: Math.max(64, length), maxOutputLength: Math.max(1, length) })
  if (raw.length !== length) throw new DamagedChunk(`section has ${raw.length} bytes instead of ${length}`)
  return raw
}

function assemble(header: Uint8Array, sections: readonly Uint8Array[]): Uint8Array {
  const front = createWriter(header.length + 16)
  putByte(front, VERSION)
  putVarint(front, header.length)
  putBytes(front, header)
  const head = written(front)
  const body = createWriter(4 + head.length + sections.reduce((sum, each) => sum + each.length, 0))
  putU32(body, crc32(head))
  putBytes(body, head)
  for (const section of sections) putBytes(body, section)
  return written(body)
}

function putTimes(out: ReturnType<typeof createWriter>, times: Float64Array): void {
  let last = times[0] ?? 0
  let step = 0
  putF64(out, last)
  for (let row = 1; row < times.length; row++) {
    const time = times[row] ?? 0
    const change = time - last - step
    putVarint(out, change >= 0 ? change * 2 : -change * 2 - 1)
    step = time - last
    last = time
  }
}

/** A chunk opened for reading; sections are decompressed when first asked for. */
export interface Chunk {
  readonly rows: number
  readonly columns: number
  readonly times: Float64Array
  /** Puts a column's cells into `values` from cell `to` on; a column the chunk does not have is left untouched: false. */
  read(column: number, values: Float64Array, bits: Uint32Array, to: number): boolean
  /** A column's packed cells as `decodeColumn` takes them: a view of the opened section. undefined: not in the chunk. */
  packed(column: number): Uint8Array | undefined
}

/** Opens a chunk's bytes. Throws DamagedChunk, also later from `read` for a damaged section. */
export function openChunk(body: Uint8Array): Chunk {
  try {
    return parse(body)
  } catch (cause) {
    if (cause instanceof DamagedChunk) throw cause
    throw new DamagedChunk(`chunk of ${body.length} bytes cannot be read`, { cause })
  }
}

interface Section {
  readonly at: number
  readonly stored: number
  readonly raw: number
  readonly sum: number
}

function parse(body: Uint8Array): Chunk {
  const input = createReader(body)
  const sum = getU32(input)
  if (getByte(input) !== VERSION) throw new DamagedChunk(`chunk version ${body[4]}`)
  const header = createReader(getBytes(input, getVarint(input)))
  if (crc32(body.subarray(4, input.pos)) !== sum) throw new DamagedChunk('chunk header fails its checksum')
  const rows = getVarint(header)
  const columns = getVarint(header)
  const perSection = getVarint(header)
  const times = new Float64Array(rows)
  let step = 0
  for (let row = 0; row < rows; row++) {
    if (row === 0) {
      times[0] = getF64(header)
      continue
    }
    const change = getVarint(header)
    step += change % 2 === 0 ? change / 2 : -(change + 1) / 2
    times[row] = (times[row - 1] ?? 0) + step
  }
  const sections: Section[] = []
  let at = input.pos
  for (let from = 0; from < columns; from += perSection) {
    const raw = getVarint(header)
    const stored = getVarint(header)
    sections.push({ at, stored, raw, sum: getU32(header) })
    at += stored
  }
  const opened = new Map<number, { readonly bytes: Uint8Array; readonly starts: Uint32Array }>()
  const open = (index: number) => {
    const known = opened.get(index)
    if (known !== undefined) return known
    const section = sections[index]
    if (section === undefined) throw new DamagedChunk(`no section ${index}`)
    const made = openSection(body, section, Math.min(perSection, columns - index * perSection))
    opened.set(index, made)
    return made
  }
  return {
    rows,
    columns,
    times,
    read(column, values, bits, to) {
      if (column >= columns) return false
      const section = open(Math.floor(column / perSection))
      decodeColumn(section.bytes, section.starts[column % perSection] ?? 0, rows, values, bits, to)
      return true
    },
    packed(column) {
      if (column >= columns) return undefined
      const { bytes, starts } = open(Math.floor(column / perSection))
      return bytes.subarray(starts[column % perSection], starts[(column % perSection) + 1])
    },
  }
}

function openSection(body: Uint8Array, section: Section, columns: number) {
  const stored = body.subarray(section.at, section.at + section.stored)
  if (stored.length !== section.stored || crc32(stored) !== section.sum) throw new DamagedChunk('chunk section fails its checksum')
  try {
    const bytes = section.stored === section.raw ? stored : decompress(stored, section.raw)
    const input = createReader(bytes)
    // With the end of the last.
    const starts = new Uint32Array(columns + 1)
    let at = 0
    for (let column = 0; column < columns; column++) {
      starts[column] = at
      at += getVarint(input)
    }
    starts[columns] = at
    for (let column = 0; column <= columns; column++) starts[column] = (starts[column] ?? 0) + input.pos
    return { bytes, starts }
  } catch (cause) {
    throw new DamagedChunk('chunk section cannot be unpacked', { cause })
  }
}
