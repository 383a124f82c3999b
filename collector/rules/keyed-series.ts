import { METRIC_NAME, seriesKey } from '../../protocol/series.ts'
import type { Labels } from '../../protocol/series.ts'
import type { AlertState } from './state.ts'

/** A label set that a rule writes, with its `seriesKey`: the same object for the same source, evaluation after evaluation. */
export interface KeyedLabels {
  readonly labels: Labels
  readonly key: string
}

/** One sample that a rule writes. */
export interface WrittenSample extends KeyedLabels {
  readonly value: number
}

function keyed(labels: Labels): KeyedLabels {
  return { labels, key: seriesKey(labels) }
}

/** Makes label sets from others and remembers them for as long as those live. */
export class LabelMaker {
  readonly #made = new WeakMap<Labels, KeyedLabels>()
  readonly #make: (from: Labels) => Labels

  constructor(make: (from: Labels) => Labels) {
    this.#make = make
  }

  from(labels: Labels): KeyedLabels {
    let made = this.#made.get(labels)
    if (made === undefined) this.#made.set(labels, (made = keyed(this.#make(labels))))
    return made
  }
}

const pendingLabels = new LabelMaker((labels) => ({ ...labels, [METRIC_NAME]: 'ALERTS', alertstate: 'pending' }))
const firingLabels = new LabelMaker((labels) => ({ ...labels, [METRIC_NAME]: 'ALERTS', alertstate: 'firing' }))
const forStateLabels = new LabelMaker((labels) => ({ ...labels, [METRIC_NAME]: 'ALERTS_FOR_STATE' }))

/** ALERTS and ALERTS_FOR_STATE of every pending and firing alert, as Prometheus writes them. */
export function alertSeries(states: Iterable<AlertState>): readonly WrittenSample[] {
  const series: WrittenSample[] = []
  for (const { labels, phase, activeAt } of states) {
    if (phase.state === 'resolved') continue
    series.push({ ...(phase.state === 'firing' ? firingLabels : pendingLabels).from(labels), value: 1 })
    series.push({ ...forStateLabels.from(labels), value: Math.floor(activeAt / 1000) })
  }
  return series
}
