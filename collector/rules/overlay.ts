import { METRIC_NAME } from '../../protocol/series.ts'
import type { Labels } from '../../protocol/series.ts'
import { rowKey, sameLabels, storedRow } from '../promql/rows.ts'
import type { LatestSamples, Matcher, Querier, SeriesSamples } from '../store/store.ts'
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
  // By metric name: nearly every selector names one, and most name none that was written here. Then by label object: a
  // rule writes the same ones pass after pass, so no key is put together for series that stand as they stood.
  const cells = new Map<string, Map<Labels, Cell>>()
  const add = (cell: Cell): void => {
    const name = cell.labels[METRIC_NAME] ?? ''
    let own = cells.get(name)
    if (own === undefined) cells.set(name, (own = new Map<Labels, Cell>()))
    // Last in the order of writing: of two label objects of one series the one written last counts.
    own.delete(cell.labels)
    own.set(cell.labels, cell)
  }
  const matching = (matchers: readonly Matcher[], fromMs: number, toMs: number): readonly Cell[] => {
    const name = matchers.find((one) => one.name === METRIC_NAME && one.op === '=')?.value
    const among = name === undefined ? [...cells.values()].flatMap((own) => [...own.values()]) : [...(cells.get(name)?.values() ?? [])]
    return among.filter(({ labels, at }) => at >= fromMs && at <= toMs && matchers.every((one) => one.matches(labels[one.name] ?? '')))
  }
  const base: Overlay = {
    put(at, series, gone) {
      for (const labels of gone) add({ labels, at, value: NaN, stale: true })
      for (const { labels, value } of series) add({ labels, at, value, stale: false })
    },
    select(matchers, fromMs, toMs) {
      const stored = under.select(matchers, fromMs, toMs)
      const on = matching(matchers, fromMs, toMs)
      if (on.length === 0) return stored
      const aligned = inOrder(stored, on)
      if (aligned !== undefined) return aligned
      const merged = new Map(stored.map((series) => [keyOf(series.labels), series]))
      for (const cell of on) {
        const key = keyOf(cell.labels)
        merged.set(key, withCell(merged.get(key), cell))
      }
      return [...merged.values()]
    },
  }
  if (under.selectLatest === undefined) return base
  const latest = under.selectLatest.bind(under)
  return {
    ...base,
    selectLatest(matchers, atMs, lookbackMs) {
      const stored = latest(matchers, atMs, lookbackMs)
      const on = matching(matchers, atMs - lookbackMs + 1, atMs)
      return on.length === 0 ? stored : latestWith(stored, on)
    },
  }
}

/** The usual case: the very series that were written the last time, in the same order. undefined: it is not that. */
function inOrder(stored: readonly SeriesSamples[], on: readonly Cell[]): readonly SeriesSamples[] | undefined {
  if (stored.length !== on.length) return undefined
  const merged: SeriesSamples[] = []
  for (let index = 0; index < stored.length; index++) {
    const series = stored[index]
    const cell = on[index]
    if (series === undefined || cell === undefined || !sameLabels(series.labels, cell.labels)) return undefined
    merged.push(withCell(series, cell))
  }
  return merged
}

function keyOf(labels: Labels): string {
  return rowKey(storedRow(labels), false)
}

/** Cells go before stored samples of the same time and give way to newer ones. */
function latestWith(stored: LatestSamples, on: readonly Cell[]): LatestSamples {
  if (stored.labels.length === on.length && on.every(({ labels, stale }, index) => !stale && sameLabels(labels, stored.labels[index] ?? {}))) {
    const newer = on.map(({ at, value }, index) => (at >= (stored.times[index] ?? 0) ? { at, value } : { at: stored.times[index] ?? 0, value: stored.values[index] ?? NaN }))
    return { labels: on.map(({ labels }) => labels), times: Float64Array.from(newer, ({ at }) => at), values: Float64Array.from(newer, ({ value }) => value) }
  }
  const merged = new Map(stored.labels.map((labels, index) => [keyOf(labels), { labels, at: stored.times[index] ?? 0, value: stored.values[index] ?? NaN, stale: false }]))
  for (const cell of on) {
    const key = keyOf(cell.labels)
    if ((merged.get(key)?.at ?? -Infinity) <= cell.at) merged.set(key, cell)
  }
  const rows = [...merged.values()].filter(({ stale }) => !stale)
  return { labels: rows.map(({ labels }) => labels), times: Float64Array.from(rows, ({ at }) => at), values: Float64Array.from(rows, ({ value }) => value) }
}

function withCell(series: SeriesSamples | undefined, cell: Cell): SeriesSamples {
  const kept = series === undefined ? 0 : series.times.findIndex((time) => time >= cell.at)
  const count = series === undefined ? 0 : kept < 0 ? series.times.length : kept
  const times = new Float64Array(count + 1)
  const values = new Float64Array(count + 1)
  const stale = series?.stale === undefined && !cell.stale ? undefined : new Uint8Array(count + 1)
  if (series !== undefined) {
    times.set(series.times.subarray(0, count))
    values.set(series.values.subarray(0, count))
    if (series.stale !== undefined) stale?.set(series.stale.subarray(0, count))
  }
  times[count] = cell.at
  values[count] = cell.value
  if (cell.stale && stale !== undefined) stale[count] = 1
  return { labels: cell.labels, times, values, stale: stale?.includes(1) === true ? stale : undefined }
}
