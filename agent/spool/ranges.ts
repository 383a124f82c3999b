/** Sets of batch numbers as inclusive ranges, ascending and not touching (`SeqRanges` of batch.ts). All pure. */
import type { SeqRanges } from '../../protocol/batch.ts'

/** Both sets together. Accepts ranges in any order on either side, so it also normalises what a peer sent. */
export function union(a: SeqRanges, b: SeqRanges): SeqRanges {
  const sorted = [...a, ...b].filter(([from, to]) => from <= to).sort((x, y) => x[0] - y[0])
  const out: [number, number][] = []
  for (const [from, to] of sorted) {
    const last = out[out.length - 1]
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else out.push([from, to])
  }
  return out
}

/** What is in `a` and not in `b`; both must be normal. */
export function subtract(a: SeqRanges, b: SeqRanges): SeqRanges {
  const out: [number, number][] = []
  let skip = 0
  for (const [from, to] of a) {
    let start = from
    while (skip < b.length && (b[skip]?.[1] ?? 0) < start) skip++
    for (let i = skip; i < b.length && start <= to; i++) {
      const [holeFrom, holeTo] = b[i] ?? [Infinity, Infinity]
      if (holeFrom > to) break
      if (holeFrom > start) out.push([start, holeFrom - 1])
      start = Math.max(start, holeTo + 1)
    }
    if (start <= to) out.push([start, to])
  }
  return out
}

/** Whether `seq` is in the set. */
export function contains(set: SeqRanges, seq: number): boolean {
  return set.some(([from, to]) => from <= seq && seq <= to)
}

/** How many numbers the set holds. */
export function size(set: SeqRanges): number {
  return set.reduce((sum, [from, to]) => sum + to - from + 1, 0)
}

/** Largest number in the set, 0 where it is empty. */
export function largest(set: SeqRanges): number {
  return set[set.length - 1]?.[1] ?? 0
}
