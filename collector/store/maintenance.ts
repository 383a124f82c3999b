/**
 * The work behind the store, in slices: full or old blocks become chunks, log rows that chunks cover go, what is older
 * than retention goes, a filling disk is answered. Each slice is one transaction (one sync) and bounded, so the event
 * loop is never held for long.
 */
import type { DatabaseSync } from 'node:sqlite'
import { isStale } from '../../protocol/stale.ts'
import type { Acceptance } from './acceptance.ts'
import type { BytePool } from './byte-pool.ts'
import type { Catalogue } from './catalogue.ts'
import type { ChunkTable } from './chunk-table.ts'
import { encodeDead } from './definitions.ts'
import { decideDisk, ROOMY, type DiskState } from './disk.ts'
import type { Group } from './group.ts'
import type { Happenings } from './happenings.ts'
import { BLOCK_ROWS, dropMinis, firstLog, readOpen, sealBlock, type Lane } from './lane.ts'
import type { LogTable } from './log-table.ts'
import { isDiskFull, numberOf } from './schema.ts'
import { CHUNK_MINIS, sealMinis } from './seal.ts'
import { NO_SERIES } from './series-index.ts'
import type { StoreSettings } from './settings.ts'
import { transact } from './transaction.ts'

/** Groups looked at for age and for retention in one slice, at least. */
const GROUPS_A_SLICE = 16
/** Chunks dropped in one slice. */
const DROPS_A_SLICE = 64
/** Log bytes removed in one slice; how often that begins (it then goes on slice by slice). */
const TRIM_BYTES = 8 * 1024 * 1024
const TRIM_MS = 10_000
const DISK_MS = 2_000
const EXPIRE_MS = 60_000
const EXPIRE_ROWS = 500
/** Free pages that are kept for the log to grow into: so many (8 MiB), or this part of the file. */
const FREE_PAGES = 1_024
const FREE_PART = 1 / 16
/** Slices of packing after one commit at most: more cells than a commit brings, so that it keeps up. */
const CATCH_UP_PARTS = 2
/** Blocks that a lane may hold beyond a whole chunk before commits pack too: 7 MB each at 300,000 series. */
const LEAD_MINIS = 2
/** Pages given back to the file system in one slice: about 1 ms; and in one step of `finish`. */
const VACUUM_PAGES = 64
const FINISH_PAGES = 256

export interface MaintenanceParts {
  readonly db: DatabaseSync
  readonly catalogue: Catalogue
  readonly chunks: ChunkTable
  readonly log: LogTable
  readonly acceptance: Acceptance
  readonly happenings: Happenings
  readonly pool: BytePool
  readonly settings: StoreSettings
  /** Free bytes of the file system. */
  readonly freeBytes: () => number
}

export interface Maintenance {
  /** Packs a full open block and notes the group when a chunk is due. */
  blockFull(group: Group, lane: Lane): void
  /** One slice of everything. */
  slice(now: number): void
  /** Only the packing, for a commit that runs ahead of the timer, until it is no longer behind. */
  catchUp(now: number): void
  /** Before closing: removes the log that chunks cover and gives free pages back, until there is nothing left to do or `more` says no. */
  finish(more: () => boolean): void
  /** A commit found no room. */
  noRoom(): void
  disk(): DiskState
  /** Bytes of the file in use. */
  usedBytes(): number
}

/** Oldest time that is kept of a group. */
export function groupKeptSince(group: Group, now: number, settings: StoreSettings, disk: DiskState): number {
  return Math.max(now - (settings.groupRetentionMs[group.name] ?? settings.retentionMs), disk.keptSinceMs)
}

/** Prepares the statements; nothing runs until it is called. */
export function createMaintenance(parts: MaintenanceParts): Maintenance {
  const { db, catalogue, chunks, log, acceptance, happenings, pool, settings } = parts
  const sealed = db.prepare('UPDATE grp SET newest = ?, main_through = ?, dead = ? WHERE id = ?')
  const sealedLate = db.prepare('UPDATE grp SET late_through = ? WHERE id = ?')
  const pageCount = db.prepare('PRAGMA page_count')
  const freeCount = db.prepare('PRAGMA freelist_count')
  const pageSize = numberOf(db.prepare('PRAGMA page_size').get(), 'page_size')
  const ready = new Set<Group>()
  let disk = ROOMY
  let diskAt = -Infinity
  let trimAt = -Infinity
  let expireAt = -Infinity
  let ageCursor = 0
  let retentionCursor = 0

  const pages = () => numberOf(pageCount.get(), 'page_count')
  const freePages = () => numberOf(freeCount.get(), 'freelist_count')
  const see = (group: Group) => (column: number, lastAt: number) => {
    const second = Math.ceil(lastAt / 1000)
    if (second > (group.seenS[column] ?? 0)) group.seenS[column] = second
  }
  const due = (group: Group, lane: Lane): boolean => lane.minis.length >= (lane.late ? CHUNK_MINIS : group.target)

  /** Writes the next chunk of a lane; call the result after the commit. */
  const seal = (group: Group, lane: Lane, minis: number, now: number, full: boolean): (() => void) => {
    const rows = lane.minis.slice(0, minis).reduce((sum, mini) => sum + mini.rows, 0)
    // A group of few rows an hour would leave chunks of few rows: they are packed again with the next ones.
    const short = full || lane.late ? undefined : chunks.short(group.id, CHUNK_MINIS * BLOCK_ROWS - rows)
    const made = sealMinis(lane, minis, short?.chunk)
    if (short !== undefined) chunks.remove(short.id)
    chunks.insert(group.id, lane.late, made)
    if (lane.late) sealedLate.run(made.through, group.id)
    else sealed.run(made.endMs, made.through, deadOf(group, made.startMs), group.id)
    return () => {
      dropMinis(lane, pool, made.minis, full && !lane.late, now)
      if (!lane.late && full) group.target = CHUNK_MINIS
      group.chunkNewest = Math.max(group.chunkNewest, made.endMs)
      group.chunkOldest = Math.min(group.chunkOldest, made.endMs)
      if (!due(group, group.main) && !due(group, group.late)) ready.delete(group)
    }
  }
  const sealReady = (now: number): (() => void)[] => {
    const after: (() => void)[] = []
    let cells = 0
    for (const group of ready) {
      for (const lane of [group.main, group.late]) {
        if (!due(group, lane)) continue
        const minis = lane.late ? CHUNK_MINIS : group.target
        after.push(seal(group, lane, minis, now, true))
        cells += group.columns * minis * BLOCK_ROWS
      }
      if (cells >= settings.sealCells) break
    }
    return after
  }
  /** Groups whose oldest row waits for longer than `sealAgeMs`, spread over a quarter of it by their number. */
  const sealOld = (now: number): (() => void)[] => {
    const groups = catalogue.all()
    const after: (() => void)[] = []
    let cells = 0
    for (let count = turns(groups.length); count > 0 && cells < settings.sealCells; count--) {
      ageCursor = (ageCursor + 1) % groups.length
      const group = groups[ageCursor]
      if (group === undefined || ready.has(group)) continue
      for (const lane of [group.main, group.late]) {
        const age = settings.sealAgeMs * (0.75 + ((group.id * 7) % 32) / 128)
        if (lane.since === undefined || now - lane.since < age) continue
        sealBlock(lane, pool, see(group))
        after.push(seal(group, lane, lane.minis.length, now, false))
        cells += group.columns * BLOCK_ROWS * 4
      }
    }
    return after
  }

  const floor = (): number => {
    let least = log.next()
    for (const group of catalogue.all()) least = Math.min(least, firstLog(group.main), firstLog(group.late))
    return least
  }
  const trim = (now: number): (() => void)[] => {
    if (log.bytes() === 0 || (now - trimAt < TRIM_MS && now >= trimAt)) return []
    const part = log.removable(floor(), TRIM_BYTES)
    // Much was removed: more may wait, so the next slice goes on.
    trimAt = part === undefined || part.bytes < TRIM_BYTES / 2 ? now : -Infinity
    return part === undefined ? [] : [acceptance.write(), log.remove(part.through)]
  }

  const expireGroup = (group: Group, now: number, limit: number): { readonly dropped: number; readonly after: () => void } => {
    const before = groupKeptSince(group, now, settings, disk)
    const dropped = group.chunkOldest < before ? chunks.expire(group.id, before, limit) : 0
    const ends = dropped > 0 ? chunks.ends(group.id) : undefined
    return {
      dropped,
      after() {
        if (ends !== undefined) {
          group.chunkOldest = ends.oldest
          group.chunkNewest = ends.newest
        }
        releaseColumns(group, before)
      },
    }
  }
  const releaseColumns = (group: Group, before: number): void => {
    const second = before / 1000
    const old: number[] = []
    for (let column = 0; column < group.columns; column++) {
      if ((group.seenS[column] ?? 0) < second && group.series[column] !== NO_SERIES && !inOpenBlock(group, column)) old.push(column)
    }
    if (old.length > 0) catalogue.release(group, old)
  }
  const expire = (now: number): (() => void)[] => {
    const groups = catalogue.all()
    const after: (() => void)[] = []
    let limit = DROPS_A_SLICE
    for (let count = turns(groups.length); count > 0 && limit > 0; count--) {
      retentionCursor = (retentionCursor + 1) % groups.length
      const group = groups[retentionCursor]
      if (group === undefined) continue
      const done = expireGroup(group, now, limit)
      limit -= done.dropped
      after.push(done.after)
    }
    if (now - expireAt >= EXPIRE_MS || now < expireAt) {
      const last = expireAt
      expireAt = now
      // More waits: go on with the next slice.
      if (happenings.expire(now - settings.eventRetentionMs, EXPIRE_ROWS) > 0) expireAt = last
    }
    return after
  }

  const measure = (now: number): void => {
    if (now - diskAt < DISK_MS && now >= diskAt) return
    diskAt = now
    const oldest = catalogue.all().reduce((least, group) => Math.min(least, group.chunkOldest), Infinity)
    const free = parts.freeBytes() + freePages() * pageSize
    const longest = Math.max(settings.retentionMs, ...Object.values(settings.groupRetentionMs))
    disk = decideDisk(disk, free, oldest, now - longest, now, settings)
  }
  const run = (work: () => (() => void)[]): void => {
    transact(db, () => {
      const after = work()
      return () => {
        for (const each of after) each()
      }
    })
  }
  /** Rows wait that should long be in chunks: more comes in than `slice` is called for. */
  const behind = (): boolean => {
    for (const group of ready) return Math.max(group.main.minis.length, group.late.minis.length) >= CHUNK_MINIS + LEAD_MINIS
    return false
  }
  const noRoom = (): void => {
    disk = { ...disk, degraded: 'full' }
  }
  const vacuum = (): void => {
    const free = freePages()
    if (free > FREE_PAGES && free > pages() * FREE_PART) db.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`)
  }

  return {
    blockFull(group, lane) {
      sealBlock(lane, pool, see(group))
      if (due(group, lane)) ready.add(group)
    },
    slice(now) {
      measure(now)
      try {
        run(() => [...sealReady(now), ...sealOld(now), ...trim(now), ...expire(now)])
        vacuum()
      } catch (error) {
        // Nothing was lost: blocks and log stay as they are until there is room.
        if (!isDiskFull(error)) throw new Error('store: maintenance failed', { cause: error })
        noRoom()
      }
    },
    finish(more) {
      try {
        for (let part = log.removable(floor(), TRIM_BYTES); part !== undefined && more(); part = log.removable(floor(), TRIM_BYTES)) {
          const { through } = part
          run(() => [acceptance.write(), log.remove(through)])
        }
        for (let free = freePages(); free > 0 && more(); free = freePages()) {
          db.exec(`PRAGMA incremental_vacuum(${FINISH_PAGES})`)
          if (freePages() >= free) break
        }
      } catch (error) {
        // The next start finds everything as it was.
        if (!isDiskFull(error)) throw new Error('store: cannot finish', { cause: error })
      }
    },
    catchUp(now) {
      try {
        for (let parts = 0; parts < CATCH_UP_PARTS && behind(); parts++) run(() => [...sealReady(now), ...trim(now)])
      } catch (error) {
        if (!isDiskFull(error)) throw new Error('store: cannot write chunks', { cause: error })
        noRoom()
      }
    },
    noRoom,
    disk: () => disk,
    usedBytes: () => (pages() - freePages()) * pageSize,
  }
}

/** How many of so many groups one slice looks at: each at most once, all of them in 128 slices. */
function turns(groups: number): number {
  return Math.min(groups, Math.max(GROUPS_A_SLICE, groups >> 7))
}

const cell = new Uint32Array(BLOCK_ROWS * 2)
function inOpenBlock(group: Group, column: number): boolean {
  for (const lane of [group.main, group.late]) {
    readOpen(lane, column, 0, lane.rows, cell, 0)
    for (let row = 0; row < lane.rows; row++) if (!isStale(cell, row)) return true
  }
  return false
}

/** Columns in which nothing was read since the chunk began, for the group's row on disk. */
function deadOf(group: Group, sinceMs: number): Uint8Array {
  const dead: [number, number][] = []
  for (let column = 0; column < group.storedColumns; column++) {
    const seen = group.seenS[column] ?? 0
    if (seen * 1000 < sinceMs) dead.push([column, seen])
  }
  return encodeDead(dead)
}
