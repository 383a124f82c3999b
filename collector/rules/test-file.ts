import { parseDuration } from '../promql/numbers.ts'
import type { Labels } from '../../protocol/series.ts'
import { parseSeriesName, parseValues } from './series-notation.ts'
import type { Place } from './series-notation.ts'
import type { Mistake } from './rule.ts'
import { complain, readEntries, readList, readMap, readText, readYaml } from './strict-yaml.ts'
import type { Spot } from './strict-yaml.ts'

/** A promtool unit-test file (`promtool test rules`, prometheus cmd/promtool/unittest.go). Times in milliseconds. */
export interface RuleTestFile {
  readonly file: string
  /** As written: paths or globs relative to the file. */
  readonly ruleFiles: readonly string[]
  readonly intervalMs: number
  readonly groupOrder: readonly string[]
  /** 3.x: compare values within rounding instead of exactly. */
  readonly fuzzy: boolean
  readonly tests: readonly RuleTest[]
}

export interface RuleTest {
  readonly name: string
  /** Distance of the input samples. */
  readonly intervalMs: number
  readonly startMs: number
  readonly externalLabels: Labels
  readonly externalUrl: string
  readonly series: readonly { readonly labels: Labels; readonly values: readonly Place[] }[]
  readonly alertTests: readonly AlertTest[]
  readonly exprTests: readonly ExprTest[]
}

export interface AlertTest {
  readonly atMs: number
  readonly alertname: string
  readonly expected: readonly { readonly labels: Labels; readonly annotations: Readonly<Record<string, string>> }[]
}

export interface ExprTest {
  readonly expr: string
  readonly atMs: number
  readonly expected: readonly { readonly labels: Labels; readonly value: number }[]
}

type Fields = ReadonlyMap<string, Spot>

/** Parses a test file strictly, all mistakes together. */
export function parseRuleTestFile(file: string, text: string): { readonly tests: RuleTestFile; readonly mistakes: readonly Mistake[] } {
  const { reader, root } = readYaml(file, text)
  const fields = reader.mistakes.length > 0 ? new Map<string, Spot>() : readMap(root, ['rule_files', 'evaluation_interval', 'group_eval_order', 'tests', 'fuzzy_compare'])
  const intervalMs = duration(fields, 'evaluation_interval', 60_000) || 60_000
  const tests: RuleTestFile = {
    file, ruleFiles: texts(fields, 'rule_files'), intervalMs, groupOrder: texts(fields, 'group_eval_order'),
    fuzzy: textAt(fields, 'fuzzy_compare') === 'true',
    tests: items(fields, 'tests').map((spot) => readTest(spot, intervalMs)),
  }
  return { tests, mistakes: reader.mistakes }
}

const testKeys = ['interval', 'input_series', 'alert_rule_test', 'promql_expr_test', 'external_labels', 'external_url', 'name', 'start_timestamp']

function readTest(spot: Spot, evaluationMs: number): RuleTest {
  const fields = readMap(spot, testKeys)
  return {
    name: textAt(fields, 'name'),
    intervalMs: duration(fields, 'interval', evaluationMs) || evaluationMs,
    startMs: startOf(fields),
    externalLabels: strings(fields, 'external_labels'),
    externalUrl: textAt(fields, 'external_url'),
    series: items(fields, 'input_series').flatMap(readSeries),
    alertTests: items(fields, 'alert_rule_test').map(readAlertTest),
    exprTests: items(fields, 'promql_expr_test').map(readExprTest),
  }
}

function readSeries(spot: Spot): RuleTest['series'] {
  const fields = readMap(spot, ['series', 'values'])
  try {
    return [{ labels: parseSeriesName(textAt(fields, 'series')), values: parseValues(textAt(fields, 'values')) }]
  } catch (error) {
    complain(spot, error instanceof Error ? error.message : String(error))
    return []
  }
}

function readAlertTest(spot: Spot): AlertTest {
  const fields = readMap(spot, ['eval_time', 'alertname', 'exp_alerts'])
  const alertname = textAt(fields, 'alertname')
  if (alertname === '') complain(spot, 'an item under alert_rule_test misses required attribute alertname')
  const expected = items(fields, 'exp_alerts').map((at) => {
    const alert = readMap(at, ['exp_labels', 'exp_annotations'])
    return { labels: { ...strings(alert, 'exp_labels'), alertname }, annotations: strings(alert, 'exp_annotations') }
  })
  return { atMs: duration(fields, 'eval_time', 0), alertname, expected }
}

function readExprTest(spot: Spot): ExprTest {
  const fields = readMap(spot, ['expr', 'eval_time', 'exp_samples'])
  const expected = items(fields, 'exp_samples').flatMap((at) => {
    const sample = readMap(at, ['labels', 'value', 'histogram'])
    if (sample.has('histogram')) complain(at, 'native histograms are not supported')
    try {
      return [{ labels: parseSeriesName(textAt(sample, 'labels')), value: number(sample.get('value')) }]
    } catch (error) {
      complain(at, error instanceof Error ? error.message : String(error))
      return []
    }
  })
  return { expr: textAt(fields, 'expr'), atMs: duration(fields, 'eval_time', 0), expected }
}

function number(spot: Spot | undefined): number {
  if (spot === undefined) return 0
  const text = readText(spot) ?? ''
  const special = /^([+-]?)\.?(inf|nan)$/i.exec(text)
  if (special !== null) return special[2]?.toLowerCase() === 'nan' ? NaN : special[1] === '-' ? -Infinity : Infinity
  const value = text === '' ? NaN : Number(text)
  if (Number.isNaN(value)) complain(spot, `expected a number, got ${JSON.stringify(text)}`)
  return value
}

function startOf(fields: Fields): number {
  const text = textAt(fields, 'start_timestamp')
  if (text === '') return 0
  const seconds = Number(text)
  const ms = Number.isNaN(seconds) ? Date.parse(text) : seconds * 1000
  const spot = fields.get('start_timestamp')
  if (Number.isNaN(ms) && spot !== undefined) complain(spot, `expected a time, got ${JSON.stringify(text)}`)
  return Number.isNaN(ms) ? 0 : ms
}

function items(fields: Fields, name: string): readonly Spot[] {
  const spot = fields.get(name)
  return spot === undefined ? [] : readList(spot)
}

function texts(fields: Fields, name: string): readonly string[] {
  return items(fields, name).map((spot) => readText(spot) ?? '')
}

function textAt(fields: Fields, name: string): string {
  const spot = fields.get(name)
  return spot === undefined ? '' : (readText(spot) ?? '')
}

function strings(fields: Fields, name: string): Readonly<Record<string, string>> {
  const spot = fields.get(name)
  if (spot === undefined) return {}
  return Object.fromEntries([...readEntries(spot)].map(([key, at]) => [key, readText(at) ?? '']))
}

function duration(fields: Fields, name: string, otherwise: number): number {
  const spot = fields.get(name)
  const text = textAt(fields, name)
  if (spot === undefined || text === '') return otherwise
  const ms = parseDuration(text)
  if (typeof ms === 'number') return ms
  complain(spot, ms)
  return otherwise
}
