/**
 * Label sets and metric declarations: the vocabulary that agent and collector share.
 *
 * Names, units and labels follow the Prometheus naming practice (base units, `_total` for counters) and, for host
 * readings, node_exporter. Series of our own begin `zhishou_`.
 */

/** The label that carries the metric's name, as in Prometheus. */
export const METRIC_NAME = '__name__'

/** One series' identity. Label names map to non-empty values; `__name__` is among them. */
export type Labels = Readonly<Record<string, string>>

export type MetricKind = 'counter' | 'gauge' | 'untyped'

/** What one metric is: declared once, checked against what a source emits, printed in docs and `# HELP` lines. */
export interface SeriesSpec {
  readonly name: string
  readonly kind: MetricKind
  readonly help: string
  /** Label names, `__name__`, `instance` and `job` left out (the collector adds the last two). */
  readonly labels: readonly string[]
}

/** Builds a gauge declaration. */
export function gauge(name: string, help: string, ...labels: string[]): SeriesSpec {
  return { name, kind: 'gauge', help, labels }
}

/** Builds a counter declaration. Its name ends in `_total` unless node_exporter's own does not. */
export function counter(name: string, help: string, ...labels: string[]): SeriesSpec {
  return { name, kind: 'counter', help, labels }
}

/** Builds a declaration of a metric whose kind its origin leaves open (node_exporter's netstat, vmstat families). */
export function untyped(name: string, help: string, ...labels: string[]): SeriesSpec {
  return { name, kind: 'untyped', help, labels }
}

/**
 * The canonical text of a label set: names in code-unit order, each name and value ended by U+00FF and U+00FE, which
 * valid UTF-8 text of label names cannot be confused with. Equal sets give equal text; used as a map key, never shown.
 */
export function seriesKey(labels: Labels): string {
  const names = Object.keys(labels).sort()
  let key = ''
  for (const name of names) {
    const value = labels[name]
    if (value !== undefined && value !== '') key += `${name}\u00ff${value}\u00fe`
  }
  return key
}

/** Prints a label set the way PromQL writes it, `name{a="b"}`, for messages and logs. */
export function seriesText(labels: Labels): string {
  const pairs = Object.keys(labels)
    .filter((name) => name !== METRIC_NAME)
    .sort()
    .map((name) => `${name}=${JSON.stringify(labels[name])}`)
  const name = labels[METRIC_NAME] ?? ''
  return pairs.length === 0 ? name || '{}' : `${name}{${pairs.join(',')}}`
}
