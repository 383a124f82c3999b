import { METRIC_NAME, seriesKey } from '../../protocol/series.ts'
import type { Labels } from '../../protocol/series.ts'
import type { Work } from '../promql/work.ts'
import { LabelMaker } from './keyed-series.ts'
import type { WrittenSample } from './keyed-series.ts'
import type { AlertingRule, RecordingRule } from './rule.ts'
import { expandTemplate } from './template/expand.ts'
import type { QueriedSample, TemplateWorld } from './template/functions.ts'

/** One row of an alerting rule's result, with the alert's labels and texts made from it. */
export interface Observation {
  /** `seriesKey` of `labels`. */
  readonly key: string
  readonly labels: Labels
  readonly result: Labels
  readonly annotations: Readonly<Record<string, string>>
  readonly value: number
}

/** What templates see besides the sample. */
export interface TextWorld extends TemplateWorld {
  readonly externalLabels: Labels
  /** Told about every text that could not be expanded. */
  onFailure(message: string): void
}

/** A result that cannot become alerts or series: two rows would be the same one, or there are too many. */
export class RuleError extends Error {
  override readonly name = 'RuleError'
}

/**
 * The alerts a result describes, by key: the row's labels without `__name__`, then the rule's (templated, empty ones
 * taken away), then `alertname`. Throws RuleError when two rows get the same labels (as in Prometheus, the rule fails).
 */
export function* observeAlerts(rule: AlertingRule, samples: readonly QueriedSample[], world: TextWorld): Work<ReadonlyMap<string, Observation>> {
  const observations = new Map<string, Observation>()
  for (const sample of samples) {
    const data = { labels: sample.labels, externalLabels: world.externalLabels, externalUrl: world.externalUrl, value: sample.value }
    const result = withoutName(sample.labels)
    const labels: Record<string, string> = { ...result }
    for (const { name, template } of rule.labels) labels[name] = expandTemplate(template, data, world, world.onFailure)
    labels['alertname'] = rule.name
    const kept = withoutEmpty(labels)
    const key = seriesKey(kept)
    if (observations.has(key)) throw new RuleError('vector contains metrics with the same labelset after applying alert labels')
    const annotations: Record<string, string> = {}
    for (const { name, template } of rule.annotations) annotations[name] = expandTemplate(template, data, world, world.onFailure)
    observations.set(key, { key, labels: kept, result, annotations, value: sample.value })
    yield
  }
  return observations
}

/** Makes the label sets of what a recording rule writes. */
export function recordLabels(rule: RecordingRule): LabelMaker {
  return new LabelMaker((labels) => withoutEmpty({ ...labels, ...rule.labels, [METRIC_NAME]: rule.name }))
}

/** The series a recording rule's result becomes. Throws RuleError on equal label sets or above the limit. */
export function recordSeries(rule: RecordingRule, samples: readonly QueriedSample[], limit: number, made: LabelMaker = recordLabels(rule)): readonly WrittenSample[] {
  const keys = new Set<string>()
  const series = samples.map((sample) => {
    const { labels, key } = made.from(sample.labels)
    keys.add(key)
    return { labels, key, value: sample.value }
  })
  if (keys.size < series.length) throw new RuleError('vector contains metrics with the same labelset after applying rule labels')
  if (limit > 0 && series.length > limit) throw new RuleError(`exceeded limit of ${limit} with ${series.length} series`)
  return series
}

/** A label set without its metric name. */
export function withoutName(labels: Labels): Labels {
  const { [METRIC_NAME]: _, ...rest } = labels
  return rest
}

function withoutEmpty(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''))
}
