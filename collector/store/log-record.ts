/**
 * One row of the table `log`: everything that one group commit accepted, as raw as it came.
 *
 * ```
 * u32 CRC-32 of the rest, u8 version 1, varint number of batches; per batch
 *   text stream, text epoch, varint seq, varint number of rows; per row
 *     varint group, u8 flags (1 late, 2 columns named), varint number in its lane, f64 time,
 *     varint cells, [u32 column]*, [8 bytes]*
 * ```
 */
import { crc32 } from 'node:zlib'
import { createReader, getByte, getBytes, getF64, getText, getU32, getVarint, putByte, putBytes, putF64, putText, putU32, putVarint, written, type Writer } from './bytes.ts'

const VERSION = 1
const LATE = 1
const NAMED = 2

/** One row with the lane it was given to and its number there. */
export interface LogRow {
  readonly group: number
  readonly late: boolean
  readonly number: number
  readonly at: number
  readonly columns: Uint32Array | undefined
  readonly values: Float64Array
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
export function putRow(out: Writer, row: LogRow): void {
  putVarint(out, row.group)
  putByte(out, (row.late ? LATE : 0) | (row.columns === undefined ? 0 : NAMED))
  putVarint(out, row.number)
  putF64(out, row.at)
  putVarint(out, row.values.length)
  if (row.columns !== undefined) for (const column of row.columns) putU32(out, column)
  putBytes(out, new Uint8Array(row.values.buffer, row.values.byteOffset, row.values.byteLength))
}

/** Ends the record: its bytes, valid until the next `beginRecord`. */
export function endRecord(out: Writer): Uint8Array {
  const body = written(out)
  out.view.setUint32(0, crc32(body.subarray(4)), true)
  return body
}

export interface RecordVisitor {
  batch(stream: string, epoch: string, seq: number): void
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
    const rows = getVarint(input)
    for (let row = 0; row < rows; row++) {
      const group = getVarint(input)
      const flags = getByte(input)
      const number = getVarint(input)
      const at = getF64(input)
      const count = getVarint(input)
      const columns = (flags & NAMED) === 0 ? undefined : Uint32Array.from({ length: count }, () => getU32(input))
      const values = new Float64Array(count)
      new Uint8Array(values.buffer).set(getBytes(input, count * 8))
      visitor.row({ group, late: (flags & LATE) !== 0, number, at, columns, values })
    }
  }
}
