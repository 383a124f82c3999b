import { matcher } from '../store/matcher.ts'
import type { Querier, SeriesSamples } from '../store/store.ts'
import { METRIC_NAME, seriesKey } from '../../protocol/series.ts'
import type { Labels } from '../../protocol/series.ts'
import { lookbackMs } from './ask.ts'
import { seriesBehind } from './reach.ts'
import type { Reach, Reading } from './reach.ts'

/**
 * Whether the data behind an alert are there: the difference between "recovered" and "nothing is known".
 *
 * A selector has data for a row at a time when one of the series that may stand behind it (labels that both have are
 * equal) has a sample within the look-back that is not a stale mark, and the `up` of that series' target, where there
 * is one, is not 0. The look-back applies to range selectors too: the rest of a window drains after a target died, and a
 * condition that turns false by that has not recovered. See SPEC.md, D1 to D4.
 */

/** Texts of the selectors that had data for the row at that time. */
export function selectorsWithData(reach: Reach, result: Labels, querier: Querier, at: number): readonly string[] {
  return reach.selectors.filter((reading) => hasData(reading, reach, result, querier, at)).map((reading) => reading.text)
}

/**
 * Whether at least one needed selector has no data for the row. Where none of the needed ones is in the rule (the rule was
 * changed, or absent() fired because there were none), data for any selector is enough; a rule that reads no series
 * never misses any.
 */
export function dataMissing(reach: Reach, result: Labels, needed: readonly string[], querier: Querier, at: number): boolean {
  if (reach.selectors.length === 0) return false
  const asked = reach.selectors.filter((reading) => needed.includes(reading.text))
  if (asked.length > 0) return asked.some((reading) => !hasData(reading, reach, result, querier, at))
  return !reach.selectors.some((reading) => hasData(reading, reach, result, querier, at))
}

function hasData(reading: Reading, reach: Reach, result: Labels, querier: Querier, at: number): boolean {
  // `@` pins the selector to a moment of its own, where the data never change.
  if (reading.selector.fixed !== undefined) return true
  const when = at - reading.selector.newerMs
  const live = seriesBehind(reading, result, reach.written, querier, when - lookbackMs + 1, when).filter(isLive)
  if (live.length === 0) return false
  if (reading.metric === 'up') return true
  return live.some((series) => !targetIsDown(series.labels, querier, at))
}

function isLive(series: SeriesSamples): boolean {
  const last = series.times.length - 1
  return last >= 0 && series.stale?.[last] !== 1
}

/** Whether the newest `up` of the series' target says 0: that of its own job, else any of its instance. */
function targetIsDown(labels: Labels, querier: Querier, at: number): boolean {
  const { instance, job } = labels as { readonly instance?: string; readonly job?: string }
  if (instance === undefined) return false
  const ups = querier.select([matcher(METRIC_NAME, '=', 'up'), matcher('instance', '=', instance)], at - lookbackMs + 1, at).filter(isLive)
  const own = ups.filter((up) => up.labels['job'] === job)
  return (own.length > 0 ? own : ups).some((up) => up.values[up.values.length - 1] === 0)
}

/** The newest samples' times of the series behind a row in (fromMs, toMs], as evaluation times, newest first. */
export function sampleTimes(reach: Reach, result: Labels, querier: Querier, fromMs: number, toMs: number, most: number): readonly number[] {
  const times = new Set<number>()
  for (const reading of reach.selectors) {
    if (reading.selector.fixed !== undefined) continue
    const shift = reading.selector.newerMs
    for (const series of seriesBehind(reading, result, reach.written, querier, fromMs + 1 - shift, toMs - shift)) {
      for (let index = Math.max(series.times.length - most, 0); index < series.times.length; index++) {
        times.add((series.times[index] ?? 0) + shift)
      }
    }
  }
  return [...times].sort((a, b) => b - a).slice(0, most)
}

/** `seriesKey` of a row without its name: what tells rows of one result apart. */
export function rowKey(labels: Labels): string {
  const { [METRIC_NAME]: _, ...rest } = labels
  return seriesKey(rest)
}
