/**
 * A frame that is well formed, and the connection it came on → what is to be stored, or why it is refused. Pure but for
 * the store's numbering of groups and columns. Whether a batch was seen before is the store's to say: only it knows what
 * is on disk, and a repeated number costs a look-up there.
 */
import { ColumnsError, DEFAULT_COLUMNS_LIMITS, type IndexedRow, createDecoder } from '../../protocol/columns.ts'
import type { BatchFrame, Hello } from '../../protocol/messages.ts'
import type { RefusalCode } from '../../protocol/reply.ts'
import { bitsOf } from '../../protocol/stale.ts'
import type { Store, StoreBatch, StoreRow } from '../store/store.ts'
import { DefinitionError, type GroupMap, HOLE, type RefusedSeries, createDefinitions } from './definitions.ts'
import { type ClockView, clockShift } from './timing.ts'

export interface AcceptLimits {
  readonly seriesPerAgent: number
}

export type Acceptance =
  | {
      readonly kind: 'store'
      readonly batch: StoreBatch
      readonly samples: number
      /** Rows whose time was moved because the agent's clock is wrong (`timing.ts`). */
      readonly restampedRows: number
      /** Newest time in a fresh batch less the time it came; undefined for backlog and for batches without rows. */
      readonly offsetMs: number | undefined
      readonly refusedSeries: readonly RefusedSeries[]
    }
  /** The decoder has lost its place, so the connection cannot go on after this. */
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly why: string }

export interface Acceptor {
  accept(frame: BatchFrame, now: number): Acceptance
}

const GROUPS = 64

/** The acceptor of one connection of `instance`, after its hello. */
export function createAcceptor(store: Pick<Store, 'group' | 'columns'>, instance: string, hello: Pick<Hello, 'epoch' | 'next' | 'intervalMs' | 'at'>, receivedAt: number, limits: AcceptLimits): Acceptor {
  const decoder = createDecoder({ ...DEFAULT_COLUMNS_LIMITS, groups: GROUPS })
  const definitions = createDefinitions(store, instance, { groups: GROUPS, series: limits.seriesPerAgent })
  let view: ClockView = { helloAt: hello.at, receivedAt, next: hello.next, intervalMs: hello.intervalMs }

  const define = (frame: BatchFrame): RefusedSeries[] => {
    const refused: RefusedSeries[] = []
    for (const { group, columns } of frame.define) {
      const added = definitions.add(group, columns)
      try {
        decoder.define(added.index, columns.length)
      } catch (cause) {
        // The index is right and the count is a length, so only the limits are left to complain about.
        throw new DefinitionError(cause instanceof Error ? cause.message : String(cause), { cause })
      }
      refused.push(...added.refused)
    }
    return refused
  }

  return {
    accept(frame, now) {
      if (frame.seq < 1) return { kind: 'refused', code: 'malformed', why: 'batch numbers count from 1' }
      let refusedSeries: readonly RefusedSeries[]
      let decoded: readonly IndexedRow[]
      try {
        refusedSeries = frame.define.length === 0 ? NONE : define(frame)
        decoded = decoder.decode(frame.columns)
      } catch (error) {
        if (error instanceof DefinitionError) return { kind: 'refused', code: 'limit', why: error.message }
        if (error instanceof ColumnsError) return { kind: 'refused', code: 'malformed', why: error.message }
        throw error
      }

      let newestAt = -1
      for (const row of decoded) if (row.at > newestAt) newestAt = row.at
      const judgedAt = newestAt >= 0 ? newestAt : newestOther(frame)
      const shiftMs = judgedAt === undefined ? 0 : clockShift(view, { seq: frame.seq, late: frame.late, newestAt: judgedAt }, now)
      if (shiftMs !== 0 && !frame.late) view = { ...view, movedMs: shiftMs }

      const rows: StoreRow[] = []
      let samples = 0
      for (const row of decoded) {
        const map = definitions.map(row.group)
        // The decoder refuses rows of undefined groups, so there always is one.
        if (map === undefined) continue
        const stored = placed(map, row, row.at - shiftMs)
        rows.push(stored)
        samples += stored.values.length
      }
      const move = <T extends { readonly at: number }>(item: T): T => (shiftMs === 0 ? item : { ...item, at: Math.max(0, item.at - shiftMs) })
      return {
        kind: 'store',
        batch: {
          stream: instance,
          epoch: hello.epoch,
          seq: frame.seq,
          rows,
          events: shiftMs === 0 ? frame.events : frame.events.map(move),
          facts: shiftMs === 0 ? frame.facts : frame.facts.map(move),
          checks: shiftMs === 0 ? frame.checks : frame.checks.map(move),
        },
        samples,
        restampedRows: shiftMs === 0 ? 0 : rows.length,
        offsetMs: frame.late || newestAt < 0 ? undefined : newestAt - now,
        refusedSeries,
      }
    },
  }
}

const NONE: readonly RefusedSeries[] = []

/** Newest time of a batch without rows. A fact may be re-announced with an old time, so events and checks go first. */
function newestOther(frame: BatchFrame): number | undefined {
  let newest: number | undefined
  for (const list of [frame.events, frame.checks, frame.facts]) {
    for (const { at } of list) if (newest === undefined || at > newest) newest = at
    if (newest !== undefined) return newest
  }
  return newest
}

/** A row under the store's column numbers, without the cells of refused series. */
function placed(map: GroupMap, row: IndexedRow, at: number): StoreRow {
  const width = row.values.length
  if (map.identity) return { group: map.id, at, columns: undefined, values: row.values }
  if (!map.holes) return { group: map.id, at, columns: map.columns.subarray(0, width), values: row.values }
  const columns: number[] = []
  const places: number[] = []
  for (let place = 0; place < width; place++) {
    const column = map.columns[place] ?? HOLE
    if (column === HOLE) continue
    columns.push(column)
    places.push(place)
  }
  const values = new Float64Array(places.length)
  // As words: a stale mark that passes through a register as a double may lose its payload.
  const from = bitsOf(row.values)
  const to = bitsOf(values)
  for (const [n, place] of places.entries()) {
    to[n * 2] = from[place * 2] ?? 0
    to[n * 2 + 1] = from[place * 2 + 1] ?? 0
  }
  return { group: map.id, at, columns: Uint32Array.from(columns), values }
}
