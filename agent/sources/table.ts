import type { Row } from '../../protocol/batch.ts'
import type { CheckResult, Event, Fact } from '../../protocol/events.ts'
import { type Labels, METRIC_NAME, type SeriesSpec } from '../../protocol/series.ts'
import { fillStale } from '../../protocol/stale.ts'
import type { Cadence, SeriesRef, Sink } from './source.ts'

/** Longest label value, characters. The protocol refuses a whole batch over a longer one (2,000), so it is cut here. */
const MOST_LABEL_CHARACTERS = 1_000
/** Between the label values of a memo key; no label text can hold it, since text from UTF-8 has no lone surrogates. */
const SEPARATOR = '\ud800'
const NO_SERIES = -1 as SeriesRef

/** What a table has gathered besides samples since it was last asked. */
export interface Gathered {
  readonly events: readonly Event[]
  readonly facts: readonly Fact[]
  readonly checks: readonly CheckResult[]
}

/**
 * Every series of the agent, one append-only list of columns per cadence (which is the group's name), and the values
 * written since the last row. A column is never taken away: what is no longer written is stale, and stays.
 */
export interface SeriesTable {
  /** The sink of one cadence; the same object every time. */
  sink(cadence: Cadence): Sink
  columns(group: string): readonly Labels[]
  /** Takes the group's row: everything written since the last one, stale where nothing was. Undefined: no columns yet. */
  row(cadence: Cadence, at: number): Row | undefined
  gathered(): Gathered
  /** How many samples' series were refused because the limit was reached. */
  refused(): number
}

interface Group {
  readonly columns: Labels[]
  /** By metric name, then by its label values. */
  readonly refs: Map<string, Map<string, SeriesRef>>
  /** The same for metrics without labels, half of all, by the spec itself: one look-up and no key to make. */
  readonly plain: Map<SeriesSpec, SeriesRef>
  /** Longer than `columns`; every cell that was not written holds the stale mark. */
  values: Float64Array
}

function labelsOf(spec: SeriesSpec, values: readonly string[]): Labels {
  const labels: Record<string, string> = { [METRIC_NAME]: spec.name }
  for (const [index, name] of spec.labels.entries()) {
    const value = values[index]
    if (value !== undefined && value !== '') labels[name] = value.slice(0, MOST_LABEL_CHARACTERS)
  }
  return labels
}

function emptyGroup(): Group {
  const values = new Float64Array(256)
  fillStale(values)
  return { columns: [], refs: new Map(), plain: new Map(), values }
}

function grow(group: Group): void {
  const larger = new Float64Array(group.values.length * 2)
  // set() copies the bytes of equal element types, so stale marks survive it.
  larger.set(group.values)
  fillStale(larger, group.values.length)
  group.values = larger
}

/** Makes a table that holds at most `seriesLimit` series over all groups. */
export function createSeriesTable(seriesLimit: number): SeriesTable {
  const groups: Record<Cadence, Group> = { tick: emptyGroup(), push: emptyGroup(), minute: emptyGroup(), hour: emptyGroup() }
  const homes = new Map<string, Cadence>()
  let size = 0
  let refused = 0
  let events: Event[] = []
  let facts: Fact[] = []
  let checks: CheckResult[] = []

  /** A metric lives in one group: in two, one series would have two columns and the store two samples of one time. */
  const home = (name: string, cadence: Cadence): void => {
    const other = homes.get(name)
    if (other === undefined) homes.set(name, cadence)
    else if (other !== cadence && !PER_SOURCE.has(name)) throw new Error(`series ${name} is read with every ${other} already, not with every ${cadence}`)
  }

  const resolve = (cadence: Cadence, spec: SeriesSpec, values: readonly string[]): SeriesRef => {
    const group = groups[cadence]
    let byValues = group.refs.get(spec.name)
    if (byValues === undefined) {
      byValues = new Map()
      group.refs.set(spec.name, byValues)
      home(spec.name, cadence)
    }
    const key = values.length === 1 ? (values[0] ?? '') : values.join(SEPARATOR)
    const known = byValues.get(key)
    if (known !== undefined) return known
    if (values.length !== spec.labels.length) throw new Error(`series ${spec.name} has ${spec.labels.length} labels, got ${values.length} values`)
    if (size >= seriesLimit) {
      refused++
      return NO_SERIES
    }
    size++
    if (group.columns.length === group.values.length) grow(group)
    const ref = (group.columns.push(labelsOf(spec, values)) - 1) as SeriesRef
    byValues.set(key, ref)
    if (values.length === 0) group.plain.set(spec, ref)
    return ref
  }

  const sinkOf = (cadence: Cadence): Sink => ({
    series: (spec, ...values) => (values.length === 0 ? groups[cadence].plain.get(spec) : undefined) ?? resolve(cadence, spec, values),
    sample(series, value) {
      if (series >= 0) groups[cadence].values[series] = value
    },
    event: (event) => void events.push(event),
    fact: (fact) => void facts.push(fact),
    check: (check) => void checks.push(check),
  })
  const sinks: Record<Cadence, Sink> = { tick: sinkOf('tick'), push: sinkOf('push'), minute: sinkOf('minute'), hour: sinkOf('hour') }

  return {
    sink: (cadence) => sinks[cadence],
    columns: (group) => (group === 'tick' || group === 'push' || group === 'minute' || group === 'hour' ? groups[group].columns : []),
    row(cadence, at) {
      const group = groups[cadence]
      if (group.columns.length === 0) return undefined
      const values = group.values.slice(0, group.columns.length)
      fillStale(group.values, 0, group.columns.length)
      return { group: cadence, at, values }
    },
    gathered() {
      const all = { events, facts, checks }
      events = []
      facts = []
      checks = []
      return all
    },
    refused: () => refused,
  }
}

/** Metrics that lie in the group of the source they are about: distinct by the source's name, or by the kind of event it alone has. */
const PER_SOURCE: ReadonlySet<string> = new Set([
  'node_scrape_collector_success',
  'node_scrape_collector_duration_seconds',
  'zhishou_source_cpu_seconds_total',
  'zhishou_events_total',
])
