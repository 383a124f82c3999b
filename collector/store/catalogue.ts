/** Groups, their columns and the series index, and how their definitions reach the disk and come back from it. */
import type { DatabaseSync } from 'node:sqlite'
import type { Labels } from '../../protocol/series.ts'
import { decodeColumns, decodeDead, decodePairs, encodeColumns, encodePairs } from './definitions.ts'
import { addColumn, createGroup, trimColumns, type Group } from './group.ts'
import { bytesOf, numberOf, textOf } from './schema.ts'
import { createSeriesIndex, NO_SERIES, type SeriesIndex } from './series-index.ts'

export interface Catalogue {
  readonly index: SeriesIndex
  all(): readonly Group[]
  get(id: number): Group | undefined
  /** The group of that name, made if new. */
  group(stream: string, name: string): Group
  /** Column numbers for complete label sets, added where new. */
  columns(group: Group, labels: readonly Labels[], nowMs: number): Uint32Array
  /** Writes what the disk does not know of these groups yet, inside the caller's transaction; call the result after it. */
  write(groups: readonly Group[]): () => void
  /** Takes columns out of the index. */
  release(group: Group, columns: readonly number[]): void
  /** Puts a released column back, from its definition on disk. */
  revive(group: Group, column: number, nowMs: number): void
}

/**
 * Reads all definitions of `db`. A column without samples since `keptSince` gives for its group does not enter the index.
 */
export function loadCatalogue(db: DatabaseSync, nowMs: number, keptSince: (group: Group) => number): Catalogue {
  const index = createSeriesIndex()
  const groups: Group[] = []
  const byId: (Group | undefined)[] = []
  const byName = new Map<string, Group>()
  const addPairs = db.prepare('INSERT INTO pair (first, count, length, body) VALUES (?, ?, ?, ?)')
  const addGroup = db.prepare("INSERT INTO grp (id, stream, name, newest, main_through, late_through, dead) VALUES (?, ?, ?, NULL, 0, 0, x'')")
  const addSegment = db.prepare('INSERT INTO segment (group_id, first, count, length, body) VALUES (?, ?, ?, ?, ?)')
  const findSegment = db.prepare('SELECT first, count, length, body FROM segment WHERE group_id = ? AND first <= ? ORDER BY first DESC LIMIT 1')
  let storedPairs = 0

  const register = (group: Group): void => {
    groups.push(group)
    byId[group.id] = group
    byName.set(`${group.name}\u0000${group.stream}`, group)
  }
  const appear = (group: Group, column: number, pairs: Uint32Array): void => {
    const series = index.intern(pairs)
    index.addHome(series, group.id, column)
    group.series[column] = series
  }

  for (const row of db.prepare('SELECT first, count, length, body FROM pair ORDER BY first').iterate()) {
    for (const [name, value] of decodePairs({ length: numberOf(row, 'length'), body: bytesOf(row, 'body') }, numberOf(row, 'count'))) index.pair(name, value)
  }
  storedPairs = index.pairCount()
  const segments = db.prepare('SELECT first, count, length, body FROM segment WHERE group_id = ? ORDER BY first')
  const oldest = db.prepare('SELECT min(end_ms) AS oldest, max(end_ms) AS newest FROM chunk WHERE group_id = ?')
  for (const row of db.prepare('SELECT id, stream, name, newest, main_through, late_through, dead FROM grp ORDER BY id').iterate()) {
    const group = createGroup(numberOf(row, 'id'), textOf(row, 'stream'), textOf(row, 'name'), numberOf(row, 'main_through'), numberOf(row, 'late_through'))
    register(group)
    group.stored = true
    if (row['newest'] !== null) group.newest = numberOf(row, 'newest')
    const ends = oldest.get(group.id)
    if (ends !== undefined && ends['oldest'] !== null) {
      group.chunkOldest = numberOf(ends, 'oldest')
      group.chunkNewest = numberOf(ends, 'newest')
    }
    const seen = Math.ceil((group.newest === -Infinity ? nowMs : group.newest) / 1000)
    const dead = new Map(decodeDead(bytesOf(row, 'dead')))
    const since = keptSince(group) / 1000
    for (const segment of segments.all(group.id)) {
      for (const pairs of decodeColumns({ length: numberOf(segment, 'length'), body: bytesOf(segment, 'body') }, numberOf(segment, 'count'))) {
        const column = addColumn(group, NO_SERIES, dead.get(group.columns) ?? seen)
        if ((group.seenS[column] ?? 0) < since) continue
        appear(group, column, pairs)
        group.gone--
      }
    }
    group.storedColumns = group.columns
    trimColumns(group)
  }

  return {
    index,
    all: () => groups,
    get: (id) => byId[id],
    group(stream, name) {
      const known = byName.get(`${name}\u0000${stream}`)
      if (known !== undefined) return known
      const made = createGroup((groups[groups.length - 1]?.id ?? 0) + 1, stream, name)
      register(made)
      return made
    },
    columns(group, labels, nowMs_) {
      const numbers = Uint32Array.from(labels, (each) => {
        const pairs = index.pairsOf(each)
        const series = index.intern(pairs)
        const known = index.home(series, group.id)
        if (known !== undefined) return known
        const column = addColumn(group, series, Math.ceil(nowMs_ / 1000))
        index.addHome(series, group.id, column)
        return column
      })
      trimColumns(group)
      return numbers
    },
    write(touched) {
      const until = index.pairCount()
      const incomplete = touched.filter((group) => !group.stored || group.storedColumns < group.columns)
      if (incomplete.length === 0) return () => undefined
      if (until > storedPairs) {
        const list = Array.from({ length: until - storedPairs }, (_, at) => [index.pairName(storedPairs + at), index.pairValue(storedPairs + at)] as const)
        const packed = encodePairs(list)
        addPairs.run(storedPairs, list.length, packed.length, packed.body)
      }
      const done = incomplete.map((group) => {
        if (!group.stored) addGroup.run(group.id, group.stream, group.name)
        const first = group.storedColumns
        const columns = group.columns
        if (columns > first) {
          // A column released before it was ever stored has no labels any more, and no samples either.
          const packed = encodeColumns(Array.from({ length: columns - first }, (_, at) => index.pairs(group.series[first + at] ?? NO_SERIES) ?? new Uint32Array(0)))
          addSegment.run(group.id, first, columns - first, packed.length, packed.body)
        }
        return () => {
          group.stored = true
          group.storedColumns = columns
        }
      })
      return () => {
        storedPairs = until
        for (const each of done) each()
      }
    },
    release(group, columns) {
      const list = columns.map((column) => ({ series: group.series[column] ?? NO_SERIES, group: group.id, column })).filter((home) => home.series !== NO_SERIES)
      for (const { column } of list) group.series[column] = NO_SERIES
      group.gone += list.length
      index.removeHomes(list)
    },
    revive(group, column, nowMs_) {
      const row = findSegment.get(group.id, column)
      if (row === undefined) return
      const pairs = decodeColumns({ length: numberOf(row, 'length'), body: bytesOf(row, 'body') }, numberOf(row, 'count'))[column - numberOf(row, 'first')]
      if (pairs === undefined) return
      group.gone--
      group.seenS[column] = Math.ceil(nowMs_ / 1000)
      appear(group, column, pairs)
    },
  }
}
