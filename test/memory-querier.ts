import type { Labels } from '../protocol/series.ts'
import { seriesKey } from '../protocol/series.ts'
import type { Matcher, Querier, SeriesSamples } from '../collector/store/store.ts'

interface Stored {
  readonly labels: Labels
  readonly cells: Map<number, number | 'stale'>
}

/** The simplest Querier there is: what the evaluator's tests read from, and a model for the real store's. */
export class MemoryQuerier implements Querier {
  readonly #series = new Map<string, Stored>()
  /** How often `select` was called. */
  selects = 0

  /** Adds samples; a time that is there already keeps its first value. */
  add(labels: Labels, samples: Iterable<readonly [timeMs: number, value: number | 'stale']>): void {
    const key = seriesKey(labels)
    let stored = this.#series.get(key)
    if (stored === undefined) {
      stored = { labels, cells: new Map() }
      this.#series.set(key, stored)
    }
    for (const [time, value] of samples) if (!stored.cells.has(time)) stored.cells.set(time, value)
  }

  clear(): void {
    this.#series.clear()
  }

  select(matchers: readonly Matcher[], fromMs: number, toMs: number): readonly SeriesSamples[] {
    this.selects += 1
    const out: SeriesSamples[] = []
    for (const { labels, cells } of this.#series.values()) {
      if (!matchers.every((matcher) => matcher.matches(labels[matcher.name] ?? ''))) continue
      const inside = [...cells].filter(([time]) => time >= fromMs && time <= toMs).sort(([a], [b]) => a - b)
      if (inside.length === 0) continue
      const stale = inside.some(([, value]) => value === 'stale') ? Uint8Array.from(inside, ([, value]) => (value === 'stale' ? 1 : 0)) : undefined
      out.push({
        labels,
        times: Float64Array.from(inside, ([time]) => time),
        values: Float64Array.from(inside, ([, value]) => (value === 'stale' ? NaN : value)),
        stale,
      })
    }
    return out
  }
}
