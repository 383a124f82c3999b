/**
 * One file of the spool.
 *
 * ```
 * segment := record*
 * record  := "ZSR1" | u32 length of body | u32 CRC-32 of type and body | u8 type | body            (little-endian)
 * define  := type 1, body = MessagePack [group, from, [labels…]]         columns `from`… of a group
 * batch   := type 2, body = f64 seq | u32 samples | u32 others | MessagePack [[group, width]…, columns, events, facts, checks]
 * ```
 *
 * `columns` is a frame of protocol/columns.ts from an encoder used for this record alone, so that one bad record costs
 * nothing but itself (a frame that leaned on the one before would be a quarter of the size, and one flipped bit would
 * cost the rest of the segment). Definitions are per segment and say where they begin: if one is lost, rows that are
 * wider than what is known are given up instead of being read under the wrong labels.
 *
 * Reading trusts nothing: a record whose checksum fails is skipped by looking for the next "ZSR1" that holds.
 */
import { decode, encode } from '@msgpack/msgpack'
import * as z from 'zod/mini'
import type { Batch, Row, SeqRanges } from '../../protocol/batch.ts'
import { ColumnsError, createDecoder, createEncoder } from '../../protocol/columns.ts'
import type { Labels } from '../../protocol/series.ts'
import { type ColumnedBatch, countOthers, countSamples } from '../batch.ts'
import { crc32 } from './crc32.ts'
import { union } from './ranges.ts'

const HEAD = 13
const BATCH_HEAD = 16
const DEFINE = 1
const BATCH = 2
/** Larger than any record the agent writes (a batch fits a message of 1 MiB); a length beyond it is a damaged one. */
const LARGEST_BODY = 4 * 1024 * 1024

/** Where a batch record lies and what it holds; `at` is its first byte, `to` the one after its last. */
export interface Entry {
  readonly seq: number
  readonly at: number
  readonly to: number
  readonly samples: number
  /** Events, facts and check results. */
  readonly others: number
}

export interface Scan {
  readonly entries: readonly Entry[]
  /** Columns known per group, as far as they are known without a hole. */
  readonly columns: ReadonlyMap<string, readonly Labels[]>
  /** Stretches of bytes that were no record; a torn tail is one of them. */
  readonly damaged: number
  /** End of the last good record: where the file may be cut to lose a torn tail. */
  readonly end: number
}

const labels = z.record(z.string(), z.string())
const defineBody = z.tuple([z.string(), z.number(), z.array(labels)])
const batchBody = z.tuple([z.array(z.tuple([z.string(), z.number()])), z.instanceof(Uint8Array), z.array(z.any()), z.array(z.any()), z.array(z.any())])

function record(type: number, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD + body.length)
  bytes.write('ZSR1', 0, 'latin1')
  bytes.writeUInt32LE(body.length, 4)
  bytes[12] = type
  bytes.set(body, HEAD)
  bytes.writeUInt32LE(crc32(bytes, 12), 8)
  return bytes
}

/** The record that adds `columns` to a group, the first of them at index `from`. */
export function defineRecord(group: string, from: number, columns: readonly Labels[]): Uint8Array {
  return record(DEFINE, encode([group, from, columns]))
}

/** The record of one batch. Its columns must have been defined earlier in the segment. */
export function batchRecord(batch: Batch): Uint8Array {
  const groups = [...new Set(batch.rows.map((row) => row.group))]
  const widths = groups.map((group) => [group, Math.max(...batch.rows.filter((row) => row.group === group).map((row) => row.values.length))])
  const columns = createEncoder().encode(batch.rows.map((row) => ({ group: groups.indexOf(row.group), at: row.at, values: row.values })))
  const tail = encode([widths, columns, batch.events, batch.facts, batch.checks])
  const body = Buffer.allocUnsafe(BATCH_HEAD + tail.length)
  body.writeDoubleLE(batch.seq, 0)
  body.writeUInt32LE(countSamples(batch.rows), 8)
  body.writeUInt32LE(countOthers(batch), 12)
  body.set(tail, BATCH_HEAD)
  return record(BATCH, body)
}

/** End of the record that begins at `at`, or undefined where none does. */
function recordEnd(bytes: Buffer, at: number): number | undefined {
  if (at + HEAD > bytes.length || bytes.toString('latin1', at, at + 4) !== 'ZSR1') return undefined
  const to = at + HEAD + bytes.readUInt32LE(at + 4)
  if (to - at - HEAD > LARGEST_BODY || to > bytes.length) return undefined
  return crc32(bytes, at + 12, to) === bytes.readUInt32LE(at + 8) ? to : undefined
}

/** MessagePack whose checksum held; undefined where it is none all the same. */
function unpack(body: Uint8Array): unknown {
  try {
    return decode(body)
  } catch {
    return undefined
  }
}

function define(columns: Map<string, Labels[]>, body: Uint8Array): boolean {
  const parsed = defineBody.safeParse(unpack(body))
  if (!parsed.success) return false
  const [group, from, added] = parsed.data
  const known = columns.get(group) ?? []
  if (from > known.length) return false
  known.push(...added.slice(known.length - from))
  columns.set(group, known)
  return true
}

/** Finds every good record of a segment. Never throws for what the bytes hold. */
export function scanSegment(segment: Uint8Array): Scan {
  const bytes = Buffer.from(segment.buffer, segment.byteOffset, segment.length)
  const entries: Entry[] = []
  const columns = new Map<string, Labels[]>()
  let damaged = 0
  let end = 0
  let at = 0
  while (at < bytes.length) {
    const to = recordEnd(bytes, at)
    if (to === undefined) {
      damaged++
      do {
        const next = bytes.indexOf('ZSR1', at + 1, 'latin1')
        at = next === -1 ? bytes.length : next
      } while (at < bytes.length && recordEnd(bytes, at) === undefined)
      continue
    }
    const type = bytes[at + 12]
    if (type === BATCH && to - at >= HEAD + BATCH_HEAD) {
      const head = at + HEAD
      entries.push({ seq: bytes.readDoubleLE(head), at, to, samples: bytes.readUInt32LE(head + 8), others: bytes.readUInt32LE(head + 12) })
    } else if (type !== DEFINE || !define(columns, bytes.subarray(at + HEAD, to))) damaged++
    at = to
    end = to
  }
  return { entries, columns, damaged, end }
}

/** A record's rows; none where their columns were lost, because a row must never be read under the wrong labels. */
function readRows(groups: readonly (readonly [string, number])[], packed: Uint8Array, scan: Scan): readonly Row[] {
  if (groups.some(([group, width]) => width > (scan.columns.get(group)?.length ?? 0))) return []
  try {
    const decoder = createDecoder()
    groups.forEach(([, width], index) => decoder.define(index, width))
    return decoder.decode(packed).map((row) => ({ group: groups[row.group]?.[0] ?? '', at: row.at, values: row.values }))
  } catch (error) {
    if (error instanceof ColumnsError) return []
    throw error
  }
}

/**
 * Reads one batch that `scanSegment` found; its rows are empty where their columns are not known. Undefined where the
 * record makes no sense at all.
 */
export function readEntry(segment: Uint8Array, scan: Scan, entry: Entry): ColumnedBatch | undefined {
  const parsed = batchBody.safeParse(unpack(segment.subarray(entry.at + HEAD + BATCH_HEAD, entry.to)))
  if (!parsed.success) return undefined
  const [groups, packed, events, facts, checks] = parsed.data
  const rows = readRows(groups, packed, scan)
  // The record's checksum held, so what this very program wrote is what stands there: the one trusted cast of the spool.
  const batch = { seq: entry.seq, rows, events, facts, checks } as Batch
  return { batch, columns: (group) => scan.columns.get(group) ?? [] }
}

/** Numbers of the batches in a segment. */
export function seqsOf(scan: Scan): SeqRanges {
  return union([], scan.entries.map((entry) => [entry.seq, entry.seq]))
}
