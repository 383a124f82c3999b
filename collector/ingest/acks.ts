import type { SeqRanges } from '../../protocol/batch.ts'

/** Batch numbers in any order, repeats allowed → ascending inclusive ranges that do not touch. Reorders its argument. */
export function toRanges(numbers: number[]): SeqRanges {
  numbers.sort((a, b) => a - b)
  const ranges: [number, number][] = []
  for (const seq of numbers) {
    const last = ranges.at(-1)
    if (last !== undefined && seq <= last[1] + 1) last[1] = Math.max(last[1], seq)
    else ranges.push([seq, seq])
  }
  return ranges
}
