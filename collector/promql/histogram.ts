/** Quantiles and fractions of a classic histogram's buckets (prometheus promql/quantile.go). */

export interface Bucket {
  upperBound: number
  /** Cumulative. */
  count: number
}

/** Buckets closer than this, relative to each other, differ by rounding only. */
const tolerance = 1e-12

/** Sorted, buckets of equal bound added up; undefined without a +Inf bucket. The input's buckets are changed. */
function prepared(buckets: Bucket[]): Bucket[] | undefined {
  buckets.sort((a, b) => (a.upperBound === b.upperBound ? 0 : a.upperBound < b.upperBound ? -1 : 1))
  if (buckets[buckets.length - 1]?.upperBound !== Infinity) return undefined
  const merged: Bucket[] = []
  for (const bucket of buckets) {
    const last = merged[merged.length - 1]
    if (last !== undefined && last.upperBound === bucket.upperBound) last.count += bucket.count
    else merged.push(bucket)
  }
  return merged
}

/** Takes out rounding errors, then lifts counts that fall. Returns whether one was lifted. */
function forceMonotonic(buckets: readonly Bucket[]): boolean {
  let forced = false
  let before = buckets[0]?.count ?? 0
  for (const bucket of buckets.slice(1)) {
    const difference = Math.abs(bucket.count - before)
    if (difference === 0) continue
    if (difference / bucket.count <= tolerance) bucket.count = before
    else if (bucket.count < before) {
      bucket.count = before
      forced = true
    } else before = bucket.count
  }
  return forced
}

/**
 * The φ-quantile, linear inside a bucket; the lowest bucket starts at 0 when its bound is positive, and a quantile in the
 * +Inf bucket is the bound below it. `forced`: counts fell and were lifted. Changes the buckets.
 */
export function bucketQuantile(phi: number, input: Bucket[]): { readonly value: number; readonly forced: boolean } {
  if (Number.isNaN(phi)) return { value: NaN, forced: false }
  if (phi < 0 || phi > 1) return { value: phi < 0 ? -Infinity : Infinity, forced: false }
  const buckets = prepared(input)
  if (buckets === undefined) return { value: NaN, forced: false }
  const forced = forceMonotonic(buckets)
  const highest = buckets.length - 1
  const total = buckets[highest]?.count ?? 0
  if (highest < 1 || total === 0 || Number.isNaN(total)) return { value: NaN, forced: false }
  const rank = phi * total
  let index = buckets.findIndex(({ count }) => count >= rank)
  if (index < 0) index = highest
  const bucket = buckets[index]
  const below = buckets[index - 1]
  if (bucket === undefined || index === highest) return { value: buckets[highest - 1]?.upperBound ?? NaN, forced }
  if (below === undefined && bucket.upperBound <= 0) return { value: bucket.upperBound, forced }
  const start = below?.upperBound ?? 0
  const countBelow = below?.count ?? 0
  return { value: start + (bucket.upperBound - start) * ((rank - countBelow) / (bucket.count - countBelow)), forced }
}

/** The share of observations between two values. A bucket without an end is not interpolated. Changes the buckets. */
export function bucketFraction(lower: number, upper: number, input: Bucket[]): number {
  const buckets = prepared(input)
  const total = buckets?.[buckets.length - 1]?.count ?? 0
  if (buckets === undefined || total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return NaN
  if (lower >= upper) return 0
  return (Math.min(rankOf(upper, buckets), total) - Math.min(rankOf(lower, buckets), total)) / total
}

/** How many observations lie below a value. */
function rankOf(value: number, buckets: readonly Bucket[]): number {
  let below = 0
  let start = (buckets[0]?.upperBound ?? 0) > 0 ? 0 : -Infinity
  for (const { upperBound, count } of buckets) {
    if (start >= value) return below
    if (upperBound > value) return start === -Infinity ? count : below + ((count - below) * (value - start)) / (upperBound - start)
    below = count
    start = upperBound
  }
  return below
}
