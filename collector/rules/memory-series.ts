import { seriesKey } from '../../protocol/series.ts'
import type { Labels } from '../../protocol/series.ts'
import type { Matcher, Querier, SeriesSamples } from '../store/store.ts'

/** Series kept in memory for running rule tests: what the store is to the running rules. */
export interface MemorySeries extends Querier {
  /** Adds a sample (NaN with `stale`: a stale mark). Times of one series must ascend; an equal time replaces. */
  add(labels: Labels, at: number, value: number, stale?: boolean): void
}

interface Column {
  readonly labels: Labels
  readonly times: number[]
  readonly values: number[]
  readonly stale: number[]
}

/** An empty set of series. */
export function memorySeries(): MemorySeries {
  const columns = new Map<string, Column>()
  return {
    add(labels, at, value, stale = false) {
      const key = seriesKey(labels)
      let column = columns.get(key)
      if (column === undefined) columns.set(key, (column = { labels, times: [], values: [], stale: [] }))
      const last = column.times[column.times.length - 1]
      if (last !== undefined && at < last) throw new Error(`series ${key}: sample at ${at} before ${last}`)
      if (last === at) {
        column.times.pop()
        column.values.pop()
        column.stale.pop()
      }
      column.times.push(at)
      column.values.push(value)
      column.stale.push(stale ? 1 : 0)
    },
    select(matchers: readonly Matcher[], fromMs: number, toMs: number) {
      const found: SeriesSamples[] = []
      for (const { labels, times, values, stale } of columns.values()) {
        if (!matchers.every((one) => one.matches(labels[one.name] ?? ''))) continue
        const from = firstAtLeast(times, fromMs)
        const to = firstAtLeast(times, toMs + 1)
        if (from >= to) continue
        const marks = Uint8Array.from(stale.slice(from, to))
        found.push({
          labels, times: Float64Array.from(times.slice(from, to)), values: Float64Array.from(values.slice(from, to)),
          stale: marks.includes(1) ? marks : undefined,
        })
      }
      return found
    },
  }
}

function firstAtLeast(times: readonly number[], limit: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((times[middle] ?? Infinity) < limit) low = middle + 1
    else high = middle
  }
  return low
}
