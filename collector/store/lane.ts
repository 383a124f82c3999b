/**
 * Rows of one group that are not in a chunk yet. A group has two lanes: `main` takes rows newer than every main row
 * before, `late` all others; each numbers its rows, so a restart knows which rows of the log a chunk already covers.
 *
 * A lane is a raw **open block** of up to `BLOCK_ROWS` rows (row-major: appending copies the row as it came) and behind
 * it **minis**: full blocks packed by `column.ts` without zstd, in byte areas of a pool.
 */
import { fillStale, setStale } from '../../protocol/stale.ts'
import type { BytePool } from './byte-pool.ts'
import { ALL_STALE, columnBound, decodeColumn } from './column.ts'
import { encodeOpen } from './open-column.ts'
import type { Cells } from './row-delta.ts'

/** Rows of the open block. 16 keep 300,000 series' raw cells at 38 MB; 32 would take 77 MB and save 0.1 B a sample. */
export const BLOCK_ROWS = 16

export interface Mini {
  readonly rows: number
  readonly columns: number
  readonly times: Float64Array
  /** Its columns, each a u16 length and what `encodeJoinable` gives; a longer area of the pool. */
  readonly bytes: Uint8Array
  /** Start of every 16th column. */
  readonly anchors: Uint32Array
  readonly firstLog: number
  /** Number of its last row. */
  readonly through: number
}

export interface Lane {
  readonly late: boolean
  times: Float64Array
  /** Row-major, `stride` cells a row. */
  cells: Float64Array
  bits: Uint32Array
  stride: number
  /** Rows in the open block and columns they have. */
  rows: number
  columns: number
  minis: Mini[]
  miniRows: number
  /** Number of the newest row. */
  through: number
  /** Log row of the open block's first row. */
  openLog: number
  /** Arrival time of the oldest row that is in no chunk; undefined: there is none. */
  since: number | undefined
}

const NO_CELLS = new Float64Array(0)
const NO_BITS = new Uint32Array(0)
const ANCHOR = 16

/** An empty lane whose rows are numbered after `through`. */
export function createLane(late: boolean, through: number): Lane {
  return { late, times: new Float64Array(BLOCK_ROWS), cells: NO_CELLS, bits: NO_BITS, stride: 0, rows: 0, columns: 0, minis: [], miniRows: 0, through, openLog: 0, since: undefined }
}

/** Rows in the lane. */
export function laneRows(lane: Lane): number {
  return lane.miniRows + lane.rows
}

/** Whether a row, in whatever order they stand, lies in a range of time (both ends included). */
export function hasRow(lane: Lane, fromMs: number, toMs: number): boolean {
  return hasTime(lane.times, lane.rows, fromMs, toMs) || lane.minis.some((mini) => hasTime(mini.times, mini.rows, fromMs, toMs))
}

function hasTime(times: Float64Array, rows: number, fromMs: number, toMs: number): boolean {
  for (let row = 0; row < rows; row++) if ((times[row] ?? 0) >= fromMs && (times[row] ?? 0) <= toMs) return true
  return false
}

/** Smallest log row that the lane still needs; Infinity when it holds nothing. */
export function firstLog(lane: Lane): number {
  const mini = lane.minis[0]
  if (mini !== undefined) return mini.firstLog
  return lane.rows > 0 ? lane.openLog : Infinity
}

function fit(lane: Lane, columns: number): void {
  const capacity = lane.stride === 0 ? 0 : Math.floor(lane.cells.length / lane.stride)
  if (columns <= lane.stride && lane.rows < capacity) return
  const stride = columns <= lane.stride ? lane.stride : (columns + 7) & ~7
  const rows = lane.rows < capacity ? capacity : Math.min(BLOCK_ROWS, Math.max(1, lane.rows * 4))
  const cells = new Float64Array(stride * rows)
  for (let row = 0; row < lane.rows; row++) {
    cells.set(lane.cells.subarray(row * lane.stride, (row + 1) * lane.stride), row * stride)
    if (stride > lane.stride) fillStale(cells, row * stride + lane.stride, (row + 1) * stride)
  }
  lane.cells = cells
  lane.bits = new Uint32Array(cells.buffer)
  lane.stride = stride
}

/**
 * Appends a row; `columns` as in StoreRow. The open block must not be full: `sealBlock` is called as soon as this
 * returns true.
 */
export function appendRow(lane: Lane, at: number, columns: Uint32Array | undefined, values: Float64Array, width: number, log: number, now: number): boolean {
  fit(lane, Math.max(width, 1))
  const base = lane.rows * lane.stride
  if (columns === undefined) {
    lane.cells.set(values, base)
    if (values.length < lane.stride) fillStale(lane.cells, base + values.length, base + lane.stride)
  } else {
    fillStale(lane.cells, base, base + lane.stride)
    const from = new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
    for (let index = 0; index < values.length; index++) {
      const to = (base + (columns[index] ?? 0)) * 2
      lane.bits[to] = from[index * 2] ?? 0
      lane.bits[to + 1] = from[index * 2 + 1] ?? 0
    }
  }
  if (lane.rows === 0) lane.openLog = log
  lane.times[lane.rows++] = at
  lane.columns = Math.max(lane.columns, width)
  lane.through++
  lane.since ??= now
  return lane.rows === BLOCK_ROWS
}

/** The newest row of the open block and how many cells it has; nothing when the block is empty. */
export function lastRow(lane: Lane): { readonly cells: Cells; readonly room: number } {
  const empty = lane.rows === 0
  return { cells: { values: lane.cells, bits: lane.bits, at: empty ? 0 : (lane.rows - 1) * lane.stride }, room: empty ? 0 : lane.stride }
}

/** Where a block is packed before it is known how long it gets; shared by all lanes. */
let packed = new Uint8Array(64 * 1024)

/** Copies column `column` of the open block's rows `from` to `to` (excluded) to cell `at` on. */
export function readOpen(lane: Lane, column: number, from: number, to: number, bits: Uint32Array, at: number): void {
  let target = at * 2
  if (column >= lane.stride) {
    for (let row = from; row < to; row++) setStale(bits, at + row - from)
    return
  }
  for (let row = from, source = (from * lane.stride + column) * 2; row < to; row++, source += lane.stride * 2) {
    bits[target++] = lane.bits[source] ?? 0
    bits[target++] = lane.bits[source + 1] ?? 0
  }
}

/** Packs the open block into a mini and empties it. `alive` is told the columns in which something was read. */
export function sealBlock(lane: Lane, pool: BytePool, alive: (column: number, lastAt: number) => void): void {
  if (lane.rows === 0) return
  const rows = lane.rows
  const columns = lane.columns
  const times = lane.times.slice(0, rows)
  const newest = times.reduce((most, each) => Math.max(most, each), 0)
  const anchors = new Uint32Array(Math.ceil(columns / ANCHOR))
  const bound = columnBound(rows) + 2
  let pos = 0
  for (let column = 0; column < columns; column++) {
    if (pos + bound > packed.length) packed = enlarged(packed, pos, packed.length * 2 + bound)
    if (column % ANCHOR === 0) anchors[column / ANCHOR] = pos
    let end = pos + 2
    if (column < lane.stride) end = encodeOpen(lane.cells, lane.bits, column, lane.stride, rows, packed, end)
    else packed[end++] = ALL_STALE
    packed[pos] = end - pos - 2
    packed[pos + 1] = (end - pos - 2) >> 8
    if (packed[pos + 2] !== ALL_STALE) alive(column, newest)
    pos = end
  }
  const bytes = pool.take(pos)
  bytes.set(packed.subarray(0, pos))
  lane.minis.push({ rows, columns, times, bytes, anchors, firstLog: lane.openLog, through: lane.through })
  lane.miniRows += rows
  lane.rows = 0
  lane.columns = 0
}

function enlarged(bytes: Uint8Array, used: number, size: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size)
  larger.set(bytes.subarray(0, used))
  return larger
}

/** Where column `column` of a mini begins, skipping from the nearest anchor. */
export function seekMini(mini: Mini, column: number): number {
  let pos = mini.anchors[Math.floor(column / ANCHOR)] ?? 0
  for (let skip = column % ANCHOR; skip > 0; skip--) pos = nextInMini(mini, pos)
  return pos
}

/** Where the column after the one at `pos` begins. */
export function nextInMini(mini: Mini, pos: number): number {
  return pos + 2 + ((mini.bytes[pos] ?? 0) | ((mini.bytes[pos + 1] ?? 0) << 8))
}

/** Unpacks the column that begins at `pos`. */
export function readMini(mini: Mini, pos: number, values: Float64Array, bits: Uint32Array, to: number): void {
  decodeColumn(mini.bytes, pos + 2, mini.rows, values, bits, to)
}

/** Takes the first `count` minis away after a chunk has them. `keep` leaves an empty open block its cells. */
export function dropMinis(lane: Lane, pool: BytePool, count: number, keep: boolean, now: number): void {
  for (const mini of lane.minis.splice(0, count)) {
    pool.give(mini.bytes)
    lane.miniRows -= mini.rows
  }
  lane.since = laneRows(lane) > 0 ? now : undefined
  if (!keep && laneRows(lane) === 0) {
    lane.cells = NO_CELLS
    lane.bits = NO_BITS
    lane.stride = 0
  }
}
