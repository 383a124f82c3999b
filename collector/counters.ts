/**
 * Counters and gauges of the product itself, as prom-client metrics in a registry of our own. Rooms take the narrow
 * `Counters` and never see the library.
 */
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client'
import { METRIC_NAME, type Labels } from '../protocol/series.ts'
import { selfSeries } from './self-series.ts'

export interface Counters {
  /** Adds to a declared counter (`self-series.ts`); label values by name. */
  add(name: string, labels?: Readonly<Record<string, string>>, by?: number): void
  /** Sets a declared gauge. */
  set(name: string, value: number, labels?: Readonly<Record<string, string>>): void
}

export interface CounterReading {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface CounterRegistry extends Counters {
  /** Brings a declared counter without labels up to a total that another room keeps. */
  total(name: string, value: number): void
  /** Prometheus text of everything, for `/metrics`. */
  text(): Promise<string>
  /** Present values of every declared series, as samples for the store. */
  samples(): Promise<readonly { readonly labels: Labels; readonly value: number }[]>
  /** Present values of one metric. */
  read(name: string): Promise<readonly CounterReading[]>
}

/** A registry with every declared series of the collector, plus Node's own when `defaults` is set. */
export function createCounters(options: { readonly defaults: boolean }): CounterRegistry {
  const registry = new Registry()
  if (options.defaults) collectDefaultMetrics({ register: registry })
  const metrics = new Map<string, Counter | Gauge>()
  const totals = new Map<string, number>()
  for (const spec of selfSeries) {
    const configuration = { name: spec.name, help: spec.help, labelNames: [...spec.labels], registers: [registry] }
    metrics.set(spec.name, spec.kind === 'counter' ? new Counter(configuration) : new Gauge(configuration))
  }
  const find = (name: string): Counter | Gauge => {
    const metric = metrics.get(name)
    if (metric === undefined) throw new Error(`metric ${name} is not declared in self-series.ts`)
    return metric
  }
  return {
    add: (name, labels = {}, by = 1) => find(name).inc(labels, by),
    set(name, value, labels = {}) {
      const metric = find(name)
      if (metric instanceof Gauge) metric.set(labels, value)
      else throw new Error(`metric ${name} is a counter and cannot be set`)
    },
    total(name, value) {
      const before = totals.get(name) ?? 0
      if (value > before) find(name).inc({}, value - before)
      totals.set(name, value)
    },
    text: () => registry.metrics(),
    async samples() {
      const lists = await Promise.all([...metrics].map(async ([name, metric]) => (await metric.get()).values.map((one) => ({ labels: { ...textLabels(one.labels), [METRIC_NAME]: name }, value: one.value }))))
      return lists.flat()
    },
    async read(name) {
      const values = (await find(name).get()).values
      return values.map((one) => ({ labels: textLabels(one.labels), value: one.value }))
    },
  }
}

/** prom-client allows numbers as label values; here they are always text. */
function textLabels(labels: Partial<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)]))
}
