/** The table `chunk`: writing, finding, opening and dropping chunks. A damaged one is counted once and left out. */
import type { DatabaseSync } from 'node:sqlite'
import { DamagedChunk, openChunk, type Chunk } from './chunk.ts'
import { recentColumns } from './recent-columns.ts'
import { recentLists } from './recent-lists.ts'
import type { ChunkSource } from './read.ts'
import { bytesOf, numberOf, type SqlRow } from './schema.ts'
import type { Sealed } from './seal.ts'

export interface ChunkTable extends ChunkSource {
  /** Damaged chunks met since the start. */
  damaged(): number
  insert(group: number, late: boolean, sealed: Sealed): void
  remove(id: number): void
  /** The group's newest main chunk, if it has at most `rows` rows and is whole. */
  short(group: number, rows: number): { readonly id: number; readonly chunk: Chunk } | undefined
  /** Drops at most `limit` of the group's chunks that end before a time; how many. */
  expire(group: number, beforeMs: number, limit: number): number
  /** Oldest and newest end of the group's chunks; ±Infinity: none. */
  ends(group: number): { readonly oldest: number; readonly newest: number }
}

/** Prepares the statements; they live as long as `db`. */
export function createChunkTable(db: DatabaseSync): ChunkTable {
  const insert = db.prepare('INSERT INTO chunk (group_id, late, start_ms, end_ms, rows, body) VALUES (?, ?, ?, ?, ?, ?)')
  const remove = db.prepare('DELETE FROM chunk WHERE id = ? RETURNING group_id')
  const list = db.prepare('SELECT id, late, rows, start_ms, end_ms FROM chunk WHERE group_id = ? AND end_ms >= ? AND start_ms <= ? ORDER BY late, CASE late WHEN 0 THEN start_ms ELSE id END')
  const body = db.prepare('SELECT body FROM chunk WHERE id = ?')
  const last = db.prepare('SELECT id, rows FROM chunk WHERE group_id = ? AND late = 0 ORDER BY end_ms DESC LIMIT 1')
  const expire = db.prepare('DELETE FROM chunk WHERE id IN (SELECT id FROM chunk WHERE group_id = ? AND end_ms < ? ORDER BY end_ms LIMIT ?) RETURNING id')
  const ends = db.prepare('SELECT min(end_ms) AS oldest, max(end_ms) AS newest FROM chunk WHERE group_id = ?')
  const damaged = new Set<number>()

  const open = (id: number): Chunk | undefined => {
    const row: SqlRow = body.get(id)
    if (row === undefined) return undefined
    try {
      return openChunk(bytesOf(row, 'body'))
    } catch (error) {
      if (!(error instanceof DamagedChunk)) throw error
      damaged.add(id)
      return undefined
    }
  }
  /** A damaged section reads as columns the chunk does not have. */
  const guarded = (id: number, chunk: Chunk): Chunk => ({
    ...chunk,
    read: (column, values, bits, to) => unlessDamaged(id, () => chunk.read(column, values, bits, to)) ?? false,
    packed: (column) => unlessDamaged(id, () => chunk.packed(column)),
  })
  const unlessDamaged = <T>(id: number, ask: () => T): T | undefined => {
    try {
      return ask()
    } catch (error) {
      if (!(error instanceof DamagedChunk)) throw error
      damaged.add(id)
      return undefined
    }
  }
  const recent = recentColumns((id) => {
    const chunk = open(id)
    return chunk === undefined ? undefined : guarded(id, chunk)
  })
  const lists = recentLists((group, fromMs, toMs) =>
    list.all(group, fromMs, toMs).map((row) => ({ id: numberOf(row, 'id'), late: numberOf(row, 'late') === 1, rows: numberOf(row, 'rows'), startMs: numberOf(row, 'start_ms'), endMs: numberOf(row, 'end_ms') })),
  )

  return {
    damaged: () => damaged.size,
    list: (group, fromMs, toMs) => lists.list(group, fromMs, toMs),
    open: (id) => recent.open(id),
    insert(group, late, sealed) {
      lists.forget(group)
      insert.run(group, late ? 1 : 0, sealed.startMs, sealed.endMs, sealed.rows, sealed.body)
    },
    remove(id) {
      recent.forget(id)
      const row = remove.get(id)
      if (row !== undefined) lists.forget(numberOf(row, 'group_id'))
    },
    short(group, rows) {
      const row = last.get(group)
      if (row === undefined || numberOf(row, 'rows') > rows) return undefined
      const id = numberOf(row, 'id')
      const chunk = open(id)
      return chunk === undefined || !isWhole(chunk) ? undefined : { id, chunk }
    },
    expire(group, beforeMs, limit) {
      const gone = expire.all(group, beforeMs, limit)
      for (const row of gone) recent.forget(numberOf(row, 'id'))
      if (gone.length > 0) lists.forget(group)
      return gone.length
    },
    ends(group) {
      const row = ends.get(group)
      return row === undefined || row['oldest'] === null ? { oldest: Infinity, newest: -Infinity } : { oldest: numberOf(row, 'oldest'), newest: numberOf(row, 'newest') }
    },
  }
}

/** Whether every section opens: a damaged one must stay where it is rather than be copied as "nothing was read". */
function isWhole(chunk: Chunk): boolean {
  const values = new Float64Array(chunk.rows)
  const bits = new Uint32Array(values.buffer)
  try {
    for (let column = 0; column < chunk.columns; column += 1) chunk.read(column, values, bits, 0)
    return true
  } catch (error) {
    if (error instanceof DamagedChunk) return false
    throw error
  }
}
