/** Which chunks groups have of late, so that rules that look back an hour need not ask the table for every host. */
import type { ChunkRow } from './read.ts'

/** A chunk in the table and the times of its first and last row. */
export interface TimedChunk extends ChunkRow {
  readonly startMs: number
  readonly endMs: number
}

export interface RecentLists {
  /** Chunks that overlap the range (both ends included), in the order of the table's answer. */
  list(group: number, fromMs: number, toMs: number): readonly ChunkRow[]
  /** The group's chunks have changed. */
  forget(group: number): void
}

/** Longest list that is kept: a query over days must not leave its lists behind. */
const MOST_CHUNKS = 16

/** `find` asks the table. */
export function recentLists(find: (group: number, fromMs: number, toMs: number) => readonly TimedChunk[]): RecentLists {
  /** By group: all its chunks that end at `fromMs` or later. */
  const known = new Map<number, { readonly fromMs: number; readonly chunks: readonly TimedChunk[] }>()
  return {
    list(group, fromMs, toMs) {
      let kept = known.get(group)
      if (kept === undefined || fromMs < kept.fromMs) {
        const chunks = find(group, fromMs, Number.MAX_SAFE_INTEGER)
        if (chunks.length > MOST_CHUNKS) return overlapping(chunks, fromMs, toMs)
        kept = { fromMs, chunks }
        known.set(group, kept)
      }
      return overlapping(kept.chunks, fromMs, toMs)
    },
    forget(group) {
      known.delete(group)
    },
  }
}

function overlapping(chunks: readonly TimedChunk[], fromMs: number, toMs: number): readonly TimedChunk[] {
  if (chunks.every(({ startMs, endMs }) => endMs >= fromMs && startMs <= toMs)) return chunks
  return chunks.filter(({ startMs, endMs }) => endMs >= fromMs && startMs <= toMs)
}
