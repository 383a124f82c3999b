/** A store in memory that keeps the interface's promises, for tests of the rooms before and behind it. */
import type { SeqRanges } from '../protocol/batch.ts'
import { seriesKey, type Labels } from '../protocol/series.ts'
import { bitsOf, isStale } from '../protocol/stale.ts'
import { toRanges } from '../collector/ingest/acks.ts'
import { type Matcher, type SeriesSamples, type Store, type StoreBatch, StoreFull } from '../collector/store/store.ts'

export interface MemoryStore extends Pick<Store, 'group' | 'columns' | 'accept' | 'accepted' | 'select'> {
  readonly batches: StoreBatch[]
  readonly replays: StoreBatch[]
  /** Calls of `accept` that were for a number already stored or just being stored. */
  readonly doubles: number
  /** undefined: batches are stored at once. Otherwise each waits for this promise first. */
  gate: Promise<void> | undefined
  /** The disk is full. */
  full: boolean
  /** The value of one sample; 'stale' for the mark, undefined where the row has none. */
  value(batch: StoreBatch, name: string, extra?: Labels): number | 'stale' | undefined
}

export function memoryStore(): MemoryStore {
  const groups = new Map<string, number>()
  const columns: { labels: Labels[]; byKey: Map<string, number> }[] = []
  const taken = new Map<string, Set<number>>()
  const entering = new Set<string>()
  const batches: StoreBatch[] = []
  const replays: StoreBatch[] = []
  const counts = { doubles: 0 }
  const store: MemoryStore = {
    batches,
    replays,
    get doubles() {
      return counts.doubles
    },
    gate: undefined,
    full: false,
    group(stream, name) {
      const key = JSON.stringify([stream, name])
      const known = groups.get(key)
      if (known !== undefined) return known
      groups.set(key, columns.length)
      columns.push({ labels: [], byKey: new Map() })
      return columns.length - 1
    },
    columns(group, labels) {
      const own = columns[group]!
      return Uint32Array.from(labels, (set) => {
        const key = seriesKey(set)
        const known = own.byKey.get(key)
        if (known !== undefined) return known
        own.byKey.set(key, own.labels.length)
        own.labels.push(set)
        return own.labels.length - 1
      })
    },
    async accept(batch) {
      const key = JSON.stringify([batch.stream, batch.epoch])
      const numbered = `${key}${batch.seq}`
      if (entering.has(numbered)) counts.doubles++
      entering.add(numbered)
      try {
        await store.gate
        if (store.full) throw new StoreFull('no room')
        const seen = taken.get(key) ?? new Set<number>()
        taken.set(key, seen)
        if (seen.has(batch.seq)) {
          counts.doubles++
          replays.push(batch)
          return 'replayed'
        }
        seen.add(batch.seq)
        batches.push(batch)
        return 'stored'
      } finally {
        entering.delete(numbered)
      }
    },
    accepted: (stream, epoch): SeqRanges => toRanges([...(taken.get(JSON.stringify([stream, epoch])) ?? [])]),
    select(matchers, from, to) {
      const found = new Map<string, { labels: Labels; points: { at: number; value: number; stale: boolean }[] }>()
      for (const batch of batches) {
        for (const row of batch.rows) {
          for (const [place, value] of row.values.entries()) {
            const labels = columns[row.group]!.labels[row.columns?.[place] ?? place]!
            if (row.at < from || row.at > to || !matchers.every((matcher: Matcher) => matcher.matches(labels[matcher.name] ?? ''))) continue
            const key = seriesKey(labels)
            const series = found.get(key) ?? { labels, points: [] }
            found.set(key, series)
            series.points.push({ at: row.at, value, stale: isStale(bitsOf(row.values), place) })
          }
        }
      }
      return [...found.values()].map(({ labels, points }): SeriesSamples => {
        points.sort((a, b) => a.at - b.at)
        return { labels, times: Float64Array.from(points, (p) => p.at), values: Float64Array.from(points, (p) => p.value), stale: Uint8Array.from(points, (p) => (p.stale ? 1 : 0)) }
      })
    },
    value(batch, name, extra = {}) {
      for (const row of batch.rows) {
        for (const [place, value] of row.values.entries()) {
          const labels = columns[row.group]!.labels[row.columns?.[place] ?? place]!
          if (labels['__name__'] !== name || !Object.entries(extra).every(([key, expected]) => labels[key] === expected)) continue
          return isStale(bitsOf(row.values), place) ? 'stale' : value
        }
      }
      return undefined
    },
  }
  return store
}
