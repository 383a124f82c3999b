import { printMatcher } from '../promql/print.ts'
import type { Matcher, Querier, SeriesSamples } from '../store/store.ts'

/**
 * A querier for asking about many times close to one another: each selection is read from under it once, `spareMs`
 * further back than asked for, and later windows are cut out of it. For one moment only: it sees no newer samples.
 */
export interface Windows extends Querier {
  /** How much lies in it, as series and samples: a measure of the work that it took. */
  size(): number
  /** Series in all of it. */
  series(): number
  /** Everything read for these matchers so far; undefined: nothing. */
  read(matchers: readonly Matcher[]): readonly SeriesSamples[] | undefined
}

interface Read {
  readonly fromMs: number
  readonly toMs: number
  readonly series: readonly SeriesSamples[]
}

/** Nothing read yet. */
export function windowsOver(under: Querier, spareMs: number): Windows {
  const known = new Map<string, Read>()
  const readAgain = (key: string, matchers: readonly Matcher[], fromMs: number, toMs: number): Read => {
    const last = known.get(key)
    const from = Math.min(fromMs - spareMs, last?.fromMs ?? Infinity)
    const to = Math.max(toMs, last?.toMs ?? -Infinity)
    const read = { fromMs: from, toMs: to, series: under.select(matchers, from, to) }
    known.set(key, read)
    return read
  }
  return {
    select(matchers, fromMs, toMs) {
      const key = keyOf(matchers)
      let read = known.get(key)
      if (read === undefined || fromMs < read.fromMs || toMs > read.toMs) read = readAgain(key, matchers, fromMs, toMs)
      if (fromMs === read.fromMs && toMs === read.toMs) return read.series
      const cut: SeriesSamples[] = []
      for (const series of read.series) {
        const from = countBefore(series.times, fromMs)
        const to = countBefore(series.times, toMs + 1)
        if (from < to) cut.push({ labels: series.labels, times: series.times.subarray(from, to), values: series.values.subarray(from, to), stale: series.stale?.subarray(from, to) })
      }
      return cut
    },
    read: (matchers) => known.get(keyOf(matchers))?.series,
    series: () => [...known.values()].reduce((sum, { series }) => sum + series.length, 0),
    size() {
      let size = 0
      for (const { series } of known.values()) for (const { times } of series) size += 1 + times.length
      return size
    },
  }
}

function keyOf(matchers: readonly Matcher[]): string {
  return matchers.map(printMatcher).join()
}

/** How many of the ascending times are before `limit`. */
export function countBefore(times: Float64Array, limit: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((times[middle] ?? Infinity) < limit) low = middle + 1
    else high = middle
  }
  return low
}
