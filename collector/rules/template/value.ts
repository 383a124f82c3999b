/**
 * What a template computes with. Go's types matter to authors (`gt $value 10` fails in Prometheus because 10 is an int
 * and $value a float64; `printf "%d" $value` prints `%!d(float64=1.5)`), so Go's int is bigint here and float64 number.
 */
export type Value = undefined | boolean | bigint | number | string | GoMap | GoList | GoSample | GoTime | GoDuration

/** Go's map[string]T. `zero` is what a missing key yields (`missingkey=zero`): '' for labels, undefined otherwise. */
export interface GoMap {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string, Value>
  readonly zero: Value
}

export interface GoList {
  readonly kind: 'list'
  readonly items: readonly Value[]
}

/** One element of a query's result: `.Labels` and `.Value`. */
export interface GoSample {
  readonly kind: 'sample'
  readonly labels: GoMap
  readonly value: number
}

/** A point in time, shown as Go shows a UTC time.Time. */
export interface GoTime {
  readonly kind: 'time'
  readonly ms: number
}

export interface GoDuration {
  readonly kind: 'duration'
  readonly seconds: number
}

/** Wraps a label set (or any string record) as a Go map whose missing keys are ''. */
export function goStrings(record: Readonly<Record<string, string>>): GoMap {
  return { kind: 'map', entries: new Map(Object.entries(record)), zero: '' }
}

/** Go's name of the value's type, as it appears in its error texts. */
export function typeName(value: Value): string {
  if (value === undefined) return '<nil>'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'float64'
  if (typeof value === 'string') return 'string'
  switch (value.kind) {
    case 'map': return value.zero === '' ? 'map[string]string' : 'map[string]interface {}'
    case 'list': return 'template.queryResult'
    case 'sample': return '*template.sample'
    case 'time': return '*time.Time'
    case 'duration': return '*time.Duration'
  }
}

/** Go's truth: not the zero value of its type, not empty. Structs (times, samples) are true. */
export function isTrue(value: Value): boolean {
  if (value === undefined) return false
  if (typeof value === 'boolean') return value
  if (typeof value === 'bigint') return value !== 0n
  if (typeof value === 'number') return value !== 0
  if (typeof value === 'string') return value !== ''
  switch (value.kind) {
    case 'map': return value.entries.size > 0
    case 'list': return value.items.length > 0
    case 'sample':
    case 'time':
    case 'duration': return true
  }
}

/** Length of a Go string in bytes. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text, 'utf8')
}

/** Compares strings as Go does, by UTF-8 bytes (code points), not by UTF-16 units. */
export function compareStrings(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}
