import { seriesKey } from '../../protocol/series.ts'
import type { Labels } from '../../protocol/series.ts'
import type { Querier, SeriesSamples } from '../store/store.ts'
import type { QueriedSample } from './template/functions.ts'

/**
 * The store with what earlier rules of the same pass yielded on top, so that a rule sees the results of those before it at
 * the same time although everything is written (and made durable) once, at the end of the pass.
 */
export interface Overlay extends Querier {
  /** Adds one rule's results at that time; series of `gone` end there. */
  put(at: number, series: readonly QueriedSample[], gone: readonly Labels[]): void
}

interface Cell {
  readonly labels: Labels
  readonly at: number
  readonly value: number
  readonly stale: boolean
}

/** An empty overlay over `under`. */
export function overlay(under: Querier): Overlay {
  const cells = new Map<string, Cell>()
  return {
    put(at, series, gone) {
      for (const labels of gone) cells.set(seriesKey(labels), { labels, at, value: NaN, stale: true })
      for (const { labels, value } of series) cells.set(seriesKey(labels), { labels, at, value, stale: false })
    },
    select(matchers, fromMs, toMs) {
      const stored = under.select(matchers, fromMs, toMs)
      const on = [...cells].filter(([, { labels, at }]) => at >= fromMs && at <= toMs && matchers.every((one) => one.matches(labels[one.name] ?? '')))
      if (on.length === 0) return stored
      const merged = new Map(stored.map((series) => [seriesKey(series.labels), series]))
      for (const [key, cell] of on) merged.set(key, withCell(merged.get(key), cell))
      return [...merged.values()]
    },
  }
}

function withCell(series: SeriesSamples | undefined, cell: Cell): SeriesSamples {
  const kept = series === undefined ? 0 : series.times.findIndex((time) => time >= cell.at)
  const count = series === undefined ? 0 : kept < 0 ? series.times.length : kept
  const times = new Float64Array(count + 1)
  const values = new Float64Array(count + 1)
  const stale = new Uint8Array(count + 1)
  if (series !== undefined) {
    times.set(series.times.subarray(0, count))
    values.set(series.values.subarray(0, count))
    if (series.stale !== undefined) stale.set(series.stale.subarray(0, count))
  }
  times[count] = cell.at
  values[count] = cell.value
  stale[count] = cell.stale ? 1 : 0
  return { labels: cell.labels, times, values, stale: stale.includes(1) ? stale : undefined }
}
