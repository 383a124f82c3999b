/**
 * Label sets as the evaluator handles them. A row is one series of a result; it remembers the texts that matching and
 * grouping need, and rows of stored series live as long as the store's label object, so rules compute them once.
 */
import { METRIC_NAME, type Labels } from '../../protocol/series.ts'
import { quote } from './strings.ts'

export interface Row {
  readonly labels: Labels
  /** Key of all labels but the name; made on first use by `bareKey`. */
  bareKey: string | undefined
  /** The labels without the name; made on first use by `nameless`. */
  nameless: Labels | undefined
}

const stored = new WeakMap<Labels, Row>()

export function newRow(labels: Labels): Row {
  return { labels, bareKey: undefined, nameless: undefined }
}

/** The row of a stored series: the same one for the same label object. */
export function storedRow(labels: Labels): Row {
  const known = stored.get(labels)
  if (known !== undefined) return known
  const row = newRow(labels)
  stored.set(labels, row)
  return row
}

/** The row without any label. */
export function emptyRow(): Row {
  return newRow({})
}

function keyWithout(labels: Labels, left: (name: string) => boolean): string {
  let key = ''
  for (const name of Object.keys(labels).sort()) {
    if (!left(name)) key += `${name}\u00ff${labels[name]}\u00fe`
  }
  return key
}

/** Equal for rows whose labels, the name aside, are equal. */
export function bareKey(row: Row): string {
  row.bareKey ??= keyWithout(row.labels, (name) => name === METRIC_NAME)
  return row.bareKey
}

/** Equal for rows with equal labels; `drop`: as if the name were not there. */
export function rowKey(row: Row, drop: boolean): string {
  return drop ? bareKey(row) : `${row.labels[METRIC_NAME] ?? ''}\u00fe${bareKey(row)}`
}

/** The labels without the metric's name. */
export function nameless(row: Row): Labels {
  if (row.labels[METRIC_NAME] === undefined) return row.labels
  row.nameless ??= omit(row.labels, [])
  return row.nameless
}

/** Makes the key by which rows match: only the labels named (`on`, `by`), or all but them and the name (`ignoring`, `without`). */
export function signer(on: boolean, labels: readonly string[]): (row: Row) => string {
  if (!on && labels.length === 0) return bareKey
  if (!on) {
    const left = new Set([...labels, METRIC_NAME])
    return (row) => (labels.some((name) => row.labels[name] !== undefined) ? keyWithout(row.labels, (name) => left.has(name)) : bareKey(row))
  }
  const [only] = labels
  if (only === undefined) return () => ''
  if (labels.length === 1) return (row) => row.labels[only] ?? ''
  return (row) => {
    let key = ''
    for (const name of labels) key += `${row.labels[name] ?? ''}\u00fe`
    return key
  }
}

/** Those of the labels that are named and there. */
export function pick(labels: Labels, names: readonly string[]): Labels {
  const out: Record<string, string> = {}
  for (const name of names) {
    const value = labels[name]
    if (value !== undefined && value !== '') out[name] = value
  }
  return out
}

/** The labels without those named and without the metric's name. */
export function omit(labels: Labels, names: readonly string[]): Labels {
  const out: Record<string, string> = {}
  for (const name of Object.keys(labels)) {
    const value = labels[name]
    if (value !== undefined && name !== METRIC_NAME && !names.includes(name)) out[name] = value
  }
  return out
}

/** The labels with one set, or taken away when the value is ''. */
export function withLabel(labels: Labels, name: string, value: string): Labels {
  const out: Record<string, string> = { ...labels }
  if (value === '') delete out[name]
  else out[name] = value
  return out
}

/** Prometheus's order of label sets: name by name, value by value, the shorter first. */
export function compareLabels(a: Labels, b: Labels): number {
  const left = Object.keys(a).sort()
  const right = Object.keys(b).sort()
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const order = compareText(left[index] ?? '', right[index] ?? '') || compareText(a[left[index] ?? ''] ?? '', b[right[index] ?? ''] ?? '')
    if (order !== 0) return order
  }
  return left.length - right.length
}

/** Whether two label sets are equal. */
export function sameLabels(a: Labels, b: Labels): boolean {
  if (a === b) return true
  let count = 0
  for (const name in a) {
    if (a[name] !== b[name]) return false
    count++
  }
  for (const _ in b) count--
  return count === 0
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** `{a="b", c="d"}`, the name as a label like any other: the form of Prometheus's matching errors. */
export function labelsText(labels: Labels): string {
  const pairs = Object.keys(labels).sort().map((name) => `${name}=${quote(labels[name] ?? '')}`)
  return `{${pairs.join(', ')}}`
}
