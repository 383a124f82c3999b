/** rate, increase, delta and their instant forms (prometheus promql/functions.go, extrapolatedRate and instantValue). */
import type { Window } from './window.ts'

/**
 * The change over the window, extrapolated to its ends where samples come close to them: at most to half a sample
 * interval otherwise, and for a counter never below zero. `counter`: falls are resets. undefined for fewer than two samples.
 */
export function extrapolated(w: Window, counter: boolean, perSecond: boolean): number | undefined {
  const { times, values, first, last, startMs, endMs } = w
  if (last <= first) return undefined
  const firstValue = values[first] ?? NaN
  let change = (values[last] ?? NaN) - firstValue
  if (counter) {
    for (let index = first + 1; index <= last; index++) {
      const before = values[index - 1] ?? NaN
      if ((values[index] ?? NaN) < before) change += before
    }
  }
  const sampled = ((times[last] ?? NaN) - (times[first] ?? NaN)) / 1000
  const interval = sampled / (last - first)
  const threshold = interval * 1.1
  let toStart = ((times[first] ?? NaN) - startMs) / 1000
  let toEnd = (endMs - (times[last] ?? NaN)) / 1000
  if (toStart >= threshold) toStart = interval / 2
  if (counter && change > 0 && firstValue >= 0) toStart = Math.min(toStart, sampled * (firstValue / change))
  if (toEnd >= threshold) toEnd = interval / 2
  let factor = (sampled + toStart + toEnd) / sampled
  if (perSecond) factor /= (endMs - startMs) / 1000
  return change * factor
}

/** The change between the last two samples; for `rate` per second, a fall being a counter's reset. */
export function instantChange(w: Window, rate: boolean): number | undefined {
  const { times, values, first, last } = w
  if (last <= first) return undefined
  const before = values[last - 1] ?? NaN
  const after = values[last] ?? NaN
  const intervalMs = (times[last] ?? NaN) - (times[last - 1] ?? NaN)
  if (intervalMs === 0) return undefined
  if (!rate) return after - before
  return (after < before ? after : after - before) / (intervalMs / 1000)
}
