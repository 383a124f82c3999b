/**
 * The embedded store. `accept` queues; a group commit writes everything that waits as one log row, with events, facts,
 * checks and new definitions in the same transaction (`synchronous=FULL`), and only then do the rows enter the lanes and
 * the promises resolve. Opening replays the log into the lanes. `maintenance.ts` does the rest in slices.
 */
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { bitsOf, fillStale, isStale } from '../../protocol/stale.ts'
import { loadAcceptance } from './acceptance.ts'
import { createBytePool } from './byte-pool.ts'
import { createWriter } from './bytes.ts'
import { candidates } from './candidates.ts'
import { loadCatalogue } from './catalogue.ts'
import { createChunkTable } from './chunk-table.ts'
import { ROOMY } from './disk.ts'
import type { Group } from './group.ts'
import { createHappenings } from './happenings.ts'
import { appendRow, BLOCK_ROWS, laneRows, lastRow, type Lane } from './lane.ts'
import { latestOf } from './latest.ts'
import { beginRecord, cellsOf, endRecord, putBatch, putRow, readRecord, type LogRow, type NewRow } from './log-record.ts'
import { loadLogTable } from './log-table.ts'
import { createMaintenance, groupKeptSince } from './maintenance.ts'
import { rangesOf } from './range-read.ts'
import { isDiskFull, openDatabase } from './schema.ts'
import { selectPlans } from './select-plan.ts'
import { NO_SERIES } from './series-index.ts'
import type { StoreSettings } from './settings.ts'
import { StoreFull, type MetricStore, type StoreBatch, type StoreRow } from './store.ts'
import { transact } from './transaction.ts'

export interface StoreOptions {
  /** File of the database; made if missing, its folder must be there. */
  readonly path: string
  /** Clock, epoch milliseconds. */
  readonly now: () => number
  readonly settings: StoreSettings
  /** Free bytes of the file's disk; by default `statfs`. */
  readonly freeBytes?: () => number
}

interface Waiting {
  readonly batch: StoreBatch
  readonly resolve: (outcome: 'stored' | 'replayed') => void
  readonly reject: (error: Error) => void
}

/** Most batches in one log row, and bytes as they wait: a commit holds the event loop for about 5 ms a mebibyte. */
const BATCHES_A_COMMIT = 2_000
const BYTES_A_COMMIT = 1024 * 1024

/** Longest time that closing spends on giving disk space back, ms. */
const CLOSE_MS = 1_000
/** A row that names fewer than one in so many of its group's columns is kept as it came. */
const SPARSE = 4
const NO_CELLS = new Float64Array(0)

/** Opens or makes the store. Throws with path and cause when the file cannot be opened, is in use, or is damaged. */
export function openStore(options: StoreOptions): MetricStore {
  const { now, settings } = options
  const db = openDatabase(options.path)
  const catalogue = loadCatalogue(db, now(), (group) => groupKeptSince(group, now(), settings, ROOMY))
  const { index } = catalogue
  const acceptance = loadAcceptance(db)
  const log = loadLogTable(db)
  const chunks = createChunkTable(db)
  const happenings = createHappenings(db)
  const freeBytes = options.freeBytes ?? (() => diskFree(dirname(options.path)))
  const maintenance = createMaintenance({ db, catalogue, chunks, log, acceptance, happenings, pool: createBytePool(), settings, freeBytes })
  const watermarks = new Map<string, number>()
  const record = createWriter(64 * 1024)
  const count = { samples: 0, batches: 0, replayed: 0, late: 0, refused: 0, commits: 0, damagedLog: 0 }
  let queue: Waiting[] = []
  let queuedBytes = 0
  const underWay = new Map<string, Promise<'stored' | 'replayed'>>()
  /** Readers that want to see no change for a moment. */
  let holds = 0
  let timer: NodeJS.Timeout | undefined
  let urgent: NodeJS.Immediate | undefined
  let plan = 0
  let closed = false

  const groupOf = (id: number): Group => {
    const group = catalogue.get(id)
    if (group === undefined) throw new RangeError(`store: there is no group ${id}`)
    return group
  }
  const enter = (group: Group, row: LogRow, logId: number, arrivedAt: number): void => {
    const lane = row.late ? group.late : group.main
    if (group.gone > 0) reviveNamed(group, row)
    if (!row.late) {
      group.newest = row.at
      if (row.at > (watermarks.get(group.stream) ?? -Infinity)) watermarks.set(group.stream, row.at)
    }
    const width = Math.max(group.columns, row.values.length)
    if (appendRow(lane, row.at, row.columns, row.values, width, logId, arrivedAt)) maintenance.blockFull(group, lane)
  }
  const reviveNamed = (group: Group, row: LogRow): void => {
    const bits = bitsOf(row.values)
    for (let at = 0; at < row.values.length; at++) {
      const column = row.columns?.[at] ?? at
      if (group.series[column] === NO_SERIES && !isStale(bits, at)) catalogue.revive(group, column, now())
    }
  }

  for (const group of catalogue.all()) {
    if (group.newest > (watermarks.get(group.stream) ?? -Infinity)) watermarks.set(group.stream, group.newest)
  }
  const openedAt = now()
  for (const { id, body } of log.rows()) {
    // Rows whose block begins in a record that is damaged.
    let orphans = 0
    try {
      readRecord(body, {
        batch: (stream, epoch, seq) => acceptance.add(stream, epoch, seq),
        before(head) {
          const group = catalogue.get(head.group)
          const lane = head.late ? group?.late : group?.main
          // Rows up to `through` are in chunks already.
          if (group === undefined || lane === undefined || head.number <= lane.through) return undefined
          // Blocks get the borders they had: a block is what the log keeps or loses as one.
          if (head.first && lane.rows > 0) maintenance.blockFull(group, lane)
          if (!head.chained || (lane.rows > 0 && head.number === lane.through + 1)) return lastRow(lane)
          orphans++
          return undefined
        },
        row(row) {
          const group = groupOf(row.group)
          const lane = row.late ? group.late : group.main
          lane.through = row.number - 1
          enter(group, row, id, openedAt)
        },
      })
      if (orphans > 0) count.damagedLog++
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      count.damagedLog++
    }
  }

  /** Gives a row its lane and number, as if the rows of the plan before it were in already; undefined: refused. */
  const place = (row: StoreRow, at: number): NewRow | undefined => {
    const group = groupOf(row.group)
    if (group.plan !== plan) {
      group.plan = plan
      group.planNewest = group.newest
      group.planMain = group.main.through
      group.planLate = group.late.through
      group.planMainCells = undefined
      group.planLateCells = undefined
    }
    if (row.at < Math.max(at - settings.lateWindowMs, groupKeptSince(group, at, settings, maintenance.disk())) || row.at > at + settings.futureMs) return undefined
    const late = row.at <= group.planNewest
    if (!late) group.planNewest = row.at
    const number = late ? ++group.planLate : ++group.planMain
    const lane = late ? group.late : group.main
    const first = (lane.rows + number - lane.through - 1) % BLOCK_ROWS === 0
    const spread = row.columns !== undefined && row.values.length * SPARSE < group.columns
    const columns = spread ? row.columns : undefined
    const values = spread || row.columns === undefined ? row.values : wholeRow(row.columns, row.values, group.columns)
    const before = late ? group.planLateCells : group.planMainCells
    if (late) group.planLateCells = spread ? NO_CELLS : values
    else group.planMainCells = spread ? NO_CELLS : values
    const room = first || spread ? -1 : before === undefined ? lane.stride : before.length
    const base = values.length > room ? undefined : before === undefined ? lastRow(lane).cells : cellsOf(before)
    return { group: row.group, late, number, at: row.at, columns, values, samples: row.values.length, first, base }
  }

  const commit = (waiting: readonly Waiting[]): void => {
    plan++
    const at = now()
    let refused = 0
    const touched = new Set<Group>()
    const placed: (readonly NewRow[])[] = waiting.map(({ batch }) => {
      const rows: NewRow[] = []
      for (const row of batch.rows) {
        const where = place(row, at)
        if (where === undefined) refused++
        else {
          rows.push(where)
          touched.add(groupOf(row.group))
        }
      }
      return rows
    })
    beginRecord(record, waiting.length)
    waiting.forEach(({ batch }, position) => {
      const rows = placed[position] ?? []
      putBatch(record, batch.stream, batch.epoch, batch.seq, rows.length)
      for (const row of rows) putRow(record, row)
    })
    const body = endRecord(record)
    for (const group of touched) {
      group.planMainCells = undefined
      group.planLateCells = undefined
    }
    const logId = log.next()
    transact(db, () => {
      const defined = catalogue.write([...touched])
      const logged = log.append(body)
      for (const { batch } of waiting) happenings.add(batch.stream, batch.events, batch.facts, batch.checks)
      return () => {
        defined()
        logged()
      }
    })
    count.commits++
    count.refused += refused
    waiting.forEach(({ batch }, position) => {
      acceptance.add(batch.stream, batch.epoch, batch.seq)
      count.batches++
      for (const row of placed[position] ?? []) {
        enter(groupOf(row.group), row, logId, at)
        count.samples += row.samples
        if (row.late) count.late++
      }
    })
  }

  const flushSome = (): void => {
    let bytes = 0
    let taken = 0
    while (taken < queue.length && taken < BATCHES_A_COMMIT && bytes < BYTES_A_COMMIT) bytes += batchBytes(queue[taken++]?.batch)
    const waiting = queue.slice(0, taken)
    queue = queue.slice(taken)
    queuedBytes -= bytes
    let failure: Error | undefined
    try {
      if (maintenance.disk().degraded === 'full' && freeBytes() < settings.floorBytes) throw new StoreFull('store: the disk has less room than the settings reserve')
      commit(waiting)
    } catch (error) {
      failure = failureOf(error)
      if (failure instanceof StoreFull) maintenance.noRoom()
    }
    for (const { batch, resolve, reject } of waiting) {
      underWay.delete(batchKey(batch))
      if (failure === undefined) resolve('stored')
      else reject(failure)
    }
    if (failure === undefined) maintenance.catchUp(now())
  }
  const unschedule = (): void => {
    clearTimeout(timer)
    clearImmediate(urgent)
    timer = undefined
    urgent = undefined
  }
  const flush = (): void => {
    unschedule()
    if (holds > 0) return
    flushSome()
    schedule()
  }
  const schedule = (): void => {
    if (queue.length === 0 || urgent !== undefined || holds > 0) return
    if (queuedBytes >= settings.commitBytes) urgent = setImmediate(flush)
    else timer ??= setTimeout(flush, settings.commitDelayMs)
  }

  const planOf = selectPlans(index, groupOf)

  return {
    group: (stream, name) => catalogue.group(stream, name).id,
    columns: (group, labels) => catalogue.columns(groupOf(group), labels, now()),
    accept(batch) {
      if (closed) return Promise.reject(new Error('store: closed'))
      if (acceptance.has(batch.stream, batch.epoch, batch.seq)) {
        count.replayed++
        return Promise.resolve('replayed')
      }
      const key = batchKey(batch)
      const same = underWay.get(key)
      if (same !== undefined) {
        return same.then(() => {
          count.replayed++
          return 'replayed'
        })
      }
      const wrong = mistakeOf(batch, groupOf)
      if (wrong !== undefined) return Promise.reject(wrong)
      const { promise, resolve, reject } = Promise.withResolvers<'stored' | 'replayed'>()
      underWay.set(key, promise)
      queue.push({ batch, resolve, reject })
      queuedBytes += batchBytes(batch)
      schedule()
      return promise
    },
    hold() {
      holds++
      return () => {
        holds--
        // What has waited goes at the next turn: whoever holds again right away does not keep it out for long.
        if (holds === 0 && queue.length > 0 && !closed) urgent ??= setImmediate(flush)
      }
    },
    accepted: (stream, epoch) => acceptance.ranges(stream, epoch),
    select: (matchers, fromMs, toMs) => rangesOf(chunks, planOf(matchers), fromMs, toMs),
    selectLatest: (matchers, atMs, lookbackMs) => latestOf(chunks, planOf(matchers), atMs, lookbackMs),
    labelNames(matchers) {
      const names = new Set<string>()
      for (const series of candidates(index, matchers)) for (const pair of index.pairs(series) ?? []) names.add(index.pairName(pair))
      return [...names].sort()
    },
    labelValues(name, matchers) {
      if (matchers.length === 0) return [...(index.valuesOf(name) ?? [])].filter(([, pair]) => index.posting(pair).length > 0).map(([value]) => value).sort()
      const values = new Set<string>()
      for (const series of candidates(index, matchers)) for (const pair of index.pairs(series) ?? []) if (index.pairName(pair) === name) values.add(index.pairValue(pair))
      return [...values].sort()
    },
    series: (matchers) => candidates(index, matchers).map(index.labels),
    events: happenings.events,
    facts: happenings.facts,
    checks: happenings.checks,
    watermark: (stream) => watermarks.get(stream),
    stats() {
      const disk = maintenance.disk()
      const logBytes = log.bytes()
      return {
        activeSeries: index.size(),
        headSamples: catalogue.all().reduce((sum, group) => sum + samplesOf(group.main) + samplesOf(group.late), 0),
        acceptedSamples: count.samples,
        acceptedBatches: count.batches,
        replayedBatches: count.replayed,
        lateRows: count.late,
        refusedRows: count.refused,
        logBytes,
        chunkBytes: Math.max(0, maintenance.usedBytes() - logBytes),
        commits: count.commits,
        degraded: disk.degraded,
        damaged: count.damagedLog + chunks.damaged(),
        keptSinceMs: Math.max(disk.keptSinceMs, now() - settings.retentionMs),
      }
    },
    maintain(at) {
      if (!closed) maintenance.slice(at)
    },
    close() {
      if (closed) return Promise.resolve()
      unschedule()
      while (queue.length > 0) flushSome()
      closed = true
      const until = performance.now() + CLOSE_MS
      try {
        maintenance.finish(() => performance.now() < until)
      } finally {
        db.close()
      }
      return Promise.resolve()
    },
  }
}

function batchKey(batch: StoreBatch): string {
  return `${batch.seq}\u0000${batch.epoch}\u0000${batch.stream}`
}

/** A row that names its columns, with a cell for every column of its group. */
function wholeRow(columns: Uint32Array, values: Float64Array, width: number): Float64Array {
  const row = new Float64Array(width)
  fillStale(row)
  const to = bitsOf(row)
  const from = bitsOf(values)
  for (let index = 0; index < values.length; index++) {
    const at = (columns[index] ?? 0) * 2
    to[at] = from[index * 2] ?? 0
    to[at + 1] = from[index * 2 + 1] ?? 0
  }
  return row
}

/** What a batch weighs in the queue. */
function batchBytes(batch: StoreBatch | undefined): number {
  if (batch === undefined) return 0
  let bytes = 64 + 256 * (batch.events.length + batch.checks.length)
  for (const row of batch.rows) bytes += 24 + row.values.byteLength + (row.columns?.byteLength ?? 0)
  for (const fact of batch.facts) bytes += fact.json.length
  return bytes
}

function samplesOf(lane: Lane): number {
  return laneRows(lane) * Math.max(lane.columns, lane.minis[lane.minis.length - 1]?.columns ?? 0)
}

/** A batch that the caller put together wrongly: taking it would harm others. */
function mistakeOf(batch: StoreBatch, groupOf: (id: number) => Group): Error | undefined {
  if (!Number.isSafeInteger(batch.seq) || batch.seq < 0) return new RangeError(`store: batch number ${batch.seq}`)
  for (const row of batch.rows) {
    try {
      const group = groupOf(row.group)
      if (!Number.isSafeInteger(row.at)) return new RangeError(`store: row time ${row.at}`)
      if (row.columns === undefined ? row.values.length > group.columns : row.values.length !== row.columns.length) return new RangeError(`store: row of ${row.values.length} values for group ${row.group}`)
      if (row.columns?.some((column) => column >= group.columns) === true) return new RangeError(`store: row names a column group ${row.group} has not`)
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }
  return undefined
}

function failureOf(error: unknown): Error {
  if (error instanceof StoreFull) return error
  if (isDiskFull(error)) return new StoreFull('store: no room on the disk', { cause: error })
  return new Error('store: commit failed', { cause: error })
}

function diskFree(folder: string): number {
  const found = statfsSync(folder)
  return found.bavail * found.bsize
}
