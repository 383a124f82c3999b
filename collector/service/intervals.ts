/**
 * Stretches of time and their arithmetic, in whole milliseconds, so that sums are exact and a day's parts add up to the
 * day. Everything here takes lists in any order, overlapping or not, and returns the normal form: sorted by start,
 * disjoint, not touching, none empty.
 */

/** From `from` on, up to but not including `to`. Epoch ms. */
export interface Interval {
  readonly from: number
  readonly to: number
}

/**
 * The moments that lie in any of the lists. A stretch that ends before it starts (a clock was set back in between) or
 * has no number for a border holds no moment and is left out.
 */
export function union(...lists: readonly (readonly Interval[])[]): readonly Interval[] {
  const sorted = lists.flat().filter((one) => one.to > one.from).toSorted((a, b) => a.from - b.from)
  const merged: { from: number; to: number }[] = []
  for (const { from, to } of sorted) {
    const last = merged.at(-1)
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to)
    else merged.push({ from, to })
  }
  return merged
}

/** The moments that lie in both. */
export function intersect(one: readonly Interval[], other: readonly Interval[]): readonly Interval[] {
  const [left, right] = [union(one), union(other)]
  const common: Interval[] = []
  for (let i = 0, j = 0; ; ) {
    const [a, b] = [left[i], right[j]]
    if (a === undefined || b === undefined) return common
    const [from, to] = [Math.max(a.from, b.from), Math.min(a.to, b.to)]
    if (to > from) common.push({ from, to })
    // Whichever ends first can meet nothing further.
    if (a.to <= b.to) i++
    else j++
  }
}

/** The moments of the first that lie in none of the second. */
export function subtract(one: readonly Interval[], other: readonly Interval[]): readonly Interval[] {
  const holes = union(other)
  const rest: Interval[] = []
  let next = 0
  for (const { from, to } of union(one)) {
    let start = from
    while ((holes[next]?.to ?? Infinity) <= start) next++
    // A hole may reach into the following stretch too, so it is passed only once it ends before that one starts.
    for (let index = next; start < to; index++) {
      const hole = holes[index]
      if (hole === undefined || hole.from >= to) break
      if (hole.from > start) rest.push({ from: start, to: hole.from })
      start = Math.max(start, hole.to)
    }
    if (start < to) rest.push({ from: start, to })
  }
  return rest
}

/** How many milliseconds lie in the list; a moment that lies in two of its stretches counts once. */
export function total(list: readonly Interval[]): number {
  return union(list).reduce((sum, { from, to }) => sum + (to - from), 0)
}
