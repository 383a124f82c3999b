import { parse } from '../promql/parse.ts'
import { parseDuration } from '../promql/numbers.ts'
import { ParseError } from '../promql/errors.ts'
import type { Expr } from '../promql/syntax.ts'
import { METRIC_NAME, seriesText } from '../../protocol/series.ts'
import { isLabelName, isMetricName } from './rule.ts'
import type { AlertingRule, Mistake, NamedTemplate, RecordingRule, Rule, RuleGroup } from './rule.ts'
import { complain, place, readEntries, readList, readMap, readText, readYaml } from './strict-yaml.ts'
import type { Spot } from './strict-yaml.ts'
import { compileTemplate, TemplateError } from './template/expand.ts'

/** What one file holds, and everything that is wrong with it. */
export interface ParsedRuleFile {
  readonly groups: readonly RuleGroup[]
  readonly mistakes: readonly Mistake[]
}

type Fields = ReadonlyMap<string, Spot>

const groupKeys = ['name', 'interval', 'query_offset', 'limit', 'labels', 'rules']
const ruleKeys = ['record', 'alert', 'expr', 'for', 'keep_firing_for', 'labels', 'annotations']

/**
 * Parses one Prometheus rule file: strict about keys, all mistakes together. `file` is the name used in places and keys.
 *
 * Format: prometheus `model/rulefmt/rulefmt.go` (3.x: with `query_offset` and group `labels`). An empty file has no groups.
 */
export function parseRuleFile(file: string, text: string): ParsedRuleFile {
  const { reader, root } = readYaml(file, text)
  if (reader.mistakes.length > 0) return { groups: [], mistakes: reader.mistakes }
  const groupsAt = readMap(root, ['groups']).get('groups')
  const names = new Set<string>()
  const groups = (groupsAt === undefined ? [] : readList(groupsAt)).map((spot) => readGroup(spot, file, names))
  return { groups: reader.mistakes.length > 0 ? [] : groups, mistakes: reader.mistakes }
}

function readGroup(spot: Spot, file: string, names: Set<string>): RuleGroup {
  const fields = readMap(spot, groupKeys)
  const name = textOf(fields, 'name')
  if (name === '') complain(spot, 'the group has no name')
  else if (names.has(name)) complain(fields.get('name') ?? spot, `a group named ${JSON.stringify(name)} is already in this file`)
  names.add(name)
  const interval = durationOf(fields, 'interval')
  const labels = labelTexts(fields, spot)
  const seen = new Map<string, number>()
  const rulesAt = fields.get('rules')
  const rules = (rulesAt === undefined ? [] : readList(rulesAt)).flatMap((at) => {
    const rule = readRule(at, labels, seen)
    return rule === undefined ? [] : [rule]
  })
  return {
    file, name, intervalMs: interval === 0 ? undefined : interval, limit: limitOf(fields),
    queryOffsetMs: durationOf(fields, 'query_offset'), rules,
  }
}

function readRule(spot: Spot, groupLabels: ReadonlyMap<string, string>, seen: Map<string, number>): Rule | undefined {
  const fields = readMap(spot, ruleKeys)
  const record = textOf(fields, 'record')
  const alert = textOf(fields, 'alert')
  if (record !== '' && alert !== '') complain(fields.get('alert') ?? spot, 'only one of record and alert may be set')
  if (record === '' && alert === '') complain(spot, 'one of record and alert must be set')
  const query = textOf(fields, 'expr')
  if (query === '') complain(fields.get('expr') ?? spot, 'expr must be set')
  const expr = query === '' ? undefined : readExpr(fields.get('expr') ?? spot, query)
  const own = labelTexts(fields, spot)
  const labels = new Map([...groupLabels, ...own])
  const name = record === '' ? alert : record
  const base = { key: keyOf(record === '' ? 'alert' : 'record', name, labels, seen), name, query, place: place(spot) }
  if (record !== '') {
    checkRecording(fields, record, spot)
    return expr === undefined ? undefined : ({ kind: 'recording', ...base, expr, labels: Object.fromEntries(labels) } satisfies RecordingRule)
  }
  const forMs = durationOf(fields, 'for')
  const keepFiringForMs = durationOf(fields, 'keep_firing_for')
  const templates = [...labels].flatMap(([label, text]) => compile(fields.get('labels') ?? spot, alert, label, text))
  const annotations = readAnnotations(fields, alert)
  return expr === undefined ? undefined : ({ kind: 'alerting', ...base, expr, forMs, keepFiringForMs, labels: templates, annotations } satisfies AlertingRule)
}

function checkRecording(fields: Fields, record: string, spot: Spot): void {
  if (!isMetricName(record)) complain(fields.get('record') ?? spot, `invalid recording rule name ${JSON.stringify(record)}`)
  for (const name of ['for', 'keep_firing_for', 'annotations']) {
    const at = fields.get(name)
    if (at !== undefined && textIfAny(at)) complain(at, `a recording rule takes no ${name}`)
  }
}

/** Whether the value is there and not the zero of its type: Prometheus cannot tell `for: 0s` from none. */
function textIfAny(spot: Spot): boolean {
  if (spot.path.endsWith('annotations')) return readEntries(spot).size > 0
  const text = readText(spot)
  return text !== undefined && text !== '' && parseDuration(text) !== 0
}

function readExpr(spot: Spot, query: string): Expr | undefined {
  try {
    return parse(query)
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    complain(spot, `cannot parse the expression: ${error.message}`)
    return undefined
  }
}

function labelTexts(fields: Fields, owner: Spot): ReadonlyMap<string, string> {
  const labels = new Map<string, string>()
  const at = fields.get('labels')
  if (at === undefined) return labels
  for (const [name, spot] of readEntries(at)) {
    if (!isLabelName(name) || name === METRIC_NAME) complain({ ...spot, node: undefined }, `invalid label name ${JSON.stringify(name)}`)
    const text = readText(spot)
    if (text !== undefined && !text.isWellFormed()) complain(owner, `label ${name} is not valid text`)
    if (text !== undefined) labels.set(name, text)
  }
  return labels
}

function readAnnotations(fields: Fields, alert: string): readonly NamedTemplate[] {
  const at = fields.get('annotations')
  if (at === undefined) return []
  return [...readEntries(at)].flatMap(([name, spot]) => {
    if (!isLabelName(name)) complain({ ...spot, node: undefined }, `invalid annotation name ${JSON.stringify(name)}`)
    const text = readText(spot)
    return text === undefined ? [] : compile(spot, alert, name, text)
  })
}

function compile(spot: Spot, alert: string, name: string, text: string): readonly NamedTemplate[] {
  try {
    return [{ name, template: compileTemplate(alert, text) }]
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    complain(spot, `${name}: ${error.message}`)
    return []
  }
}

function keyOf(kind: string, name: string, labels: ReadonlyMap<string, string>, seen: Map<string, number>): string {
  const key = `${kind} ${name}${labels.size === 0 ? '' : seriesText(Object.fromEntries(labels))}`
  const before = seen.get(key) ?? 0
  seen.set(key, before + 1)
  return before === 0 ? key : `${key} #${before + 1}`
}

function textOf(fields: Fields, name: string): string {
  const spot = fields.get(name)
  return spot === undefined ? '' : (readText(spot) ?? '')
}

/** Milliseconds; 0 when absent or wrong (noted). */
function durationOf(fields: Fields, name: string): number {
  const spot = fields.get(name)
  if (spot === undefined) return 0
  const text = readText(spot)
  if (text === undefined || text === '') return 0
  const ms = parseDuration(text)
  if (typeof ms === 'number') return ms
  complain(spot, ms)
  return 0
}

function limitOf(fields: Fields): number {
  const spot = fields.get('limit')
  const text = spot === undefined ? '' : (readText(spot) ?? '')
  if (text === '') return 0
  if (/^[+-]?\d{1,15}$/.test(text)) return Math.max(Number(text), 0)
  if (spot !== undefined) complain(spot, `expected a whole number, got ${JSON.stringify(text)}`)
  return 0
}
