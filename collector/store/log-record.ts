/**
 * One row of the table `log`: everything that one group commit accepted. Rows are packed as differences from the row
 * before them in their lane (`row-delta.ts`); the first row of every open block differs from zeros, so a block can be
 * read back as long as the record of its first row is there, and that is how long `firstLog` keeps it.
 *
 * ```
 * u32 CRC-32 of the rest, u8 version 2, varint number of batches; per batch
 *   text stream, text epoch, varint seq, varint number of rows; per row
 *     varint group, u8 flags (1 late, 2 columns named, 4 builds on the row before, 8 first of its block),
 *     varint number in its lane, f64 time, varint cells,
 *     named: [u32 column]*, [8 bytes]*; otherwise: u32 length, differences
 * ```
 */
import { crc32 } from 'node:zlib'
import { bitsOf } from '../../protocol/stale.ts'
import { createReader, getByte, getBytes, getF64, getText, getU32, getVarint, putByte, putBytes, putF64, putText, putU32, putVarint, reserve, written, type Writer } from './bytes.ts'
import { decodeDelta, deltaBound, encodeDelta, type Cells } from './row-delta.ts'

const VERSION = 2
const LATE = 1
const NAMED = 2
const CHAINED = 4
const FIRST = 8

/** One row with the lane it was given to and its number there. */
export interface LogRow {
  readonly group: number
  readonly late: boolean
  readonly number: number
  readonly at: number
  readonly columns: Uint32Array | undefined
  readonly values: Float64Array
}

/** A row to be written. */
export interface NewRow extends LogRow {
  /** Cells that came with it. */
  readonly samples: number
  /** Whether it begins an open block. */
  readonly first: boolean
  /** The row before it in that block, with at least as many cells; undefined: it stands for itself. */
  readonly base: Cells | undefined
}

/** What is known of a row before its cells are unpacked. */
export interface RowHead {
  readonly group: number
  readonly late: boolean
  readonly number: number
  readonly first: boolean
  /** Whether it builds on the row numbered before it. */
  readonly chained: boolean
}

let zeros: Cells = cellsOf(new Float64Array(512))

/** A row of its own as `row-delta.ts` takes it. */
export function cellsOf(values: Float64Array): Cells {
  return { values, bits: bitsOf(values), at: 0 }
}

/** Starts a record in `out`, which is emptied. */
export function beginRecord(out: Writer, batches: number): void {
  out.pos = 0
  putU32(out, 0)
  putByte(out, VERSION)
  putVarint(out, batches)
}

/** Adds a batch's head; its rows follow. */
export function putBatch(out: Writer, stream: string, epoch: string, seq: number, rows: number): void {
  putText(out, stream)
  putText(out, epoch)
  putVarint(out, seq)
  putVarint(out, rows)
}

/** Adds one row. */
export function putRow(out: Writer, row: NewRow): void {
  const count = row.values.length
  const named = row.columns !== undefined
  putVarint(out, row.group)
  putByte(out, (row.late ? LATE : 0) | (named ? NAMED : 0) | (row.base === undefined || named ? 0 : CHAINED) | (row.first ? FIRST : 0))
  putVarint(out, row.number)
  putF64(out, row.at)
  putVarint(out, count)
  if (row.columns !== undefined) {
    for (const column of row.columns) putU32(out, column)
    return putBytes(out, new Uint8Array(row.values.buffer, row.values.byteOffset, row.values.byteLength))
  }
  if (zeros.values.length < count) zeros = cellsOf(new Float64Array(count * 2))
  reserve(out, 4 + deltaBound(count))
  const from = out.pos + 4
  const end = encodeDelta(row.base ?? zeros, cellsOf(row.values), count, out.bytes, from)
  out.view.setUint32(out.pos, end - from, true)
  out.pos = end
}

/** Ends the record: its bytes, valid until the next `beginRecord`. */
export function endRecord(out: Writer): Uint8Array {
  const body = written(out)
  out.view.setUint32(0, crc32(body.subarray(4)), true)
  return body
}

export interface RecordVisitor {
  batch(stream: string, epoch: string, seq: number): void
  /**
   * Whether the row is wanted; if so, the row before it in its lane, of which `room` cells can be read (of use only for
   * one that is chained). Otherwise it is passed over.
   */
  before(head: RowHead): { readonly cells: Cells; readonly room: number } | undefined
  row(row: LogRow): void
}

/** Walks a record. Throws before the first call where the checksum fails: a record counts whole or not at all. */
export function readRecord(body: Uint8Array, visitor: RecordVisitor): void {
  const input = createReader(body)
  if (getU32(input) !== crc32(body.subarray(4))) throw new RangeError('log record fails its checksum')
  const version = getByte(input)
  if (version !== VERSION) throw new RangeError(`log record version ${version}`)
  const batches = getVarint(input)
  for (let batch = 0; batch < batches; batch++) {
    const stream = getText(input)
    const epoch = getText(input)
    visitor.batch(stream, epoch, getVarint(input))
    for (let rows = getVarint(input); rows > 0; rows--) {
      const group = getVarint(input)
      const flags = getByte(input)
      const head = { group, late: (flags & LATE) !== 0, number: getVarint(input), first: (flags & FIRST) !== 0, chained: (flags & CHAINED) !== 0 }
      const at = getF64(input)
      const count = getVarint(input)
      const columns = (flags & NAMED) === 0 ? undefined : Uint32Array.from({ length: count }, () => getU32(input))
      const packed = getBytes(input, columns === undefined ? getU32(input) : count * 8)
      const before = visitor.before(head)
      if (before === undefined) continue
      const values = new Float64Array(count)
      if (columns !== undefined) new Uint8Array(values.buffer).set(packed)
      else {
        if (head.chained) {
          if (count > before.room) throw new RangeError(`log row of ${count} cells on one of ${before.room}`)
          values.set(before.cells.values.subarray(before.cells.at, before.cells.at + count))
        }
        decodeDelta(packed, values, bitsOf(values), count)
      }
      visitor.row({ group, late: head.late, number: head.number, at, columns, values })
    }
  }
}
