/**
 * Every row that a stopped store holds of one stream, read with the store's own code but without what its answers leave
 * out: rows of equal time, repeated rows, stale cells.
 */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Labels } from '../../protocol/series.ts'
import { bitsOf, fillStale, isStale } from '../../protocol/stale.ts'
import { loadAcceptance } from '../../collector/store/acceptance.ts'
import { loadCatalogue } from '../../collector/store/catalogue.ts'
import { createChunkTable } from '../../collector/store/chunk-table.ts'
import type { Group } from '../../collector/store/group.ts'
import { createHappenings } from '../../collector/store/happenings.ts'
import { cellsOf, readRecord, type LogRow } from '../../collector/store/log-record.ts'
import { loadLogTable } from '../../collector/store/log-table.ts'
import { openDatabase } from '../../collector/store/schema.ts'
import type { StoredCheck, StoredEvent } from '../../collector/store/store.ts'
import type { SeqRanges } from '../../protocol/batch.ts'

/** A row as it lies on disk; `cells` has what is not stale, by series key. */
export interface RawRow {
  readonly at: number
  readonly group: string
  readonly place: 'chunk' | 'log'
  readonly late: boolean
  readonly cells: ReadonlyMap<string, number>
}

export interface RawStream {
  readonly rows: readonly RawRow[]
  readonly events: readonly StoredEvent[]
  readonly checks: readonly StoredCheck[]
  accepted(epoch: string): SeqRanges
  readonly damaged: number
}

const ALL = { from: 0, to: 8.64e15 }

/** Reads the stream out of a copy of `home/metrics.db` made in `scratch`. The store must be closed. */
export function readRawStream(home: string, scratch: string, stream: string, keyOf: (labels: Labels) => string): RawStream {
  mkdirSync(scratch, { recursive: true })
  const path = join(scratch, 'metrics.db')
  for (const end of ['', '-wal']) if (existsSync(join(home, `metrics.db${end}`))) copyFileSync(join(home, `metrics.db${end}`), path + end)
  const db = openDatabase(path)
  const catalogue = loadCatalogue(db, Date.now(), () => -Infinity)
  const chunks = createChunkTable(db)
  const acceptance = loadAcceptance(db)
  const log = loadLogTable(db)
  const mine = catalogue.all().filter((group) => group.stream === stream)
  const keys = new Map(mine.map((group) => [group, keysOf(catalogue.index.labels, group, keyOf)]))
  const rows: RawRow[] = []

  for (const group of mine) {
    for (const { id, late } of chunks.list(group.id, ALL.from, ALL.to)) {
      const chunk = chunks.open(id)
      if (chunk === undefined) continue
      const cells = Array.from(chunk.times, () => new Map<string, number>())
      const values = new Float64Array(chunk.rows)
      const bits = bitsOf(values)
      for (let column = 0; column < chunk.columns; column++) {
        if (!chunk.read(column, values, bits, 0)) continue
        for (let row = 0; row < chunk.rows; row++) if (!isStale(bits, row)) cells[row]?.set(keys.get(group)?.[column] ?? '?', values[row] ?? 0)
      }
      chunk.times.forEach((at, row) => rows.push({ at, group: group.name, place: 'chunk', late, cells: cells[row] ?? new Map<string, number>() }))
    }
  }
  /** The newest row of each lane: the next one in the log may be written as its differences. */
  const newest = new Map<string, Float64Array>()
  for (const { body } of log.rows()) {
    readRecord(body, {
      batch: (from, epoch, seq) => acceptance.add(from, epoch, seq),
      before(head) {
        const group = catalogue.get(head.group)
        // Up to there the rows are in chunks, and the record that such a row builds on may be gone: passed over, as the store does.
        if (group === undefined || head.number <= (head.late ? group.late : group.main).through) return undefined
        const values = newest.get(`${head.group} ${head.late}`) ?? new Float64Array(0)
        return { cells: cellsOf(values), room: values.length }
      },
      row(row) {
        const group = catalogue.get(row.group)
        newest.set(`${row.group} ${row.late}`, wholeRow(row, group?.columns ?? 0))
        if (group === undefined || group.stream !== stream) return
        // Up to here the rows are in chunks.
        if (row.number <= (row.late ? group.late : group.main).through) return
        const cells = new Map<string, number>()
        const bits = bitsOf(row.values)
        row.values.forEach((value, at) => {
          if (!isStale(bits, at)) cells.set(keys.get(group)?.[row.columns?.[at] ?? at] ?? '?', value)
        })
        rows.push({ at: row.at, group: group.name, place: 'log', late: row.late, cells })
      },
    })
  }
  const happenings = createHappenings(db)
  const result: RawStream = {
    rows,
    events: happenings.events({ stream, limit: 1_000_000 }),
    checks: happenings.checks({ stream, limit: 1_000_000 }),
    accepted: (epoch) => acceptance.ranges(stream, epoch),
    damaged: chunks.damaged(),
  }
  db.close()
  return result
}

function keysOf(labels: (series: number) => Labels, group: Group, keyOf: (labels: Labels) => string): readonly string[] {
  return Array.from(group.series.subarray(0, group.columns), (series) => keyOf(labels(series)))
}

function wholeRow(row: LogRow, width: number): Float64Array {
  const whole = new Float64Array(Math.max(width, row.values.length))
  fillStale(whole)
  const to = bitsOf(whole)
  const from = bitsOf(row.values)
  for (let index = 0; index < row.values.length; index++) {
    const at = (row.columns?.[index] ?? index) * 2
    to.set(from.subarray(index * 2, index * 2 + 2), at)
  }
  return whole
}
