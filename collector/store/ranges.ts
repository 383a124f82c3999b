/**
 * Which batch numbers of one epoch have been accepted: inclusive ranges, ascending, not touching, flat as
 * `[from, to, from, to, …]`. Nearly always one range; a few while a backlog fills in behind fresh data.
 */
import type { SeqRanges } from '../../protocol/batch.ts'

export type Ranges = number[]

/** Index of the first range that ends at or after `seq`, counted in numbers (even). */
function locate(ranges: Ranges, seq: number): number {
  let low = 0
  let high = ranges.length / 2
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[middle * 2 + 1] ?? 0) < seq) low = middle + 1
    else high = middle
  }
  return low * 2
}

/** Whether `seq` lies in one of the ranges. */
export function hasSeq(ranges: Ranges, seq: number): boolean {
  const at = locate(ranges, seq)
  const from = ranges[at]
  return from !== undefined && from <= seq
}

/** Adds one number, joining ranges it touches; false when it was there already. */
export function addSeq(ranges: Ranges, seq: number): boolean {
  const at = locate(ranges, seq)
  const from = ranges[at]
  if (from !== undefined && from <= seq) return false
  const touchesLeft = at > 0 && ranges[at - 1] === seq - 1
  const touchesRight = from === seq + 1
  if (touchesLeft && touchesRight) ranges.splice(at - 1, 2)
  else if (touchesLeft) ranges[at - 1] = seq
  else if (touchesRight) ranges[at] = seq
  else ranges.splice(at, 0, seq, seq)
  return true
}

/** The form that goes over the link. */
export function toSeqRanges(ranges: Ranges): SeqRanges {
  const pairs: [number, number][] = []
  for (let at = 0; at < ranges.length; at += 2) pairs.push([ranges[at] ?? 0, ranges[at + 1] ?? 0])
  return pairs
}
