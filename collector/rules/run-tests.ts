import { readFile, glob } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { METRIC_NAME, seriesKey, seriesText } from '../../protocol/series.ts'
import type { Labels } from '../../protocol/series.ts'
import { parse } from '../promql/parse.ts'
import { finish } from '../promql/work.ts'
import { askVector } from './ask.ts'
import { alertsOf, runRule, startGroup } from './group.ts'
import type { RunningGroup } from './group.ts'
import { memorySeries } from './memory-series.ts'
import type { MemorySeries } from './memory-series.ts'
import { overlay } from './overlay.ts'
import { parseRuleFile } from './rule-file.ts'
import { mistakeText } from './rule.ts'
import type { RuleGroup } from './rule.ts'
import { groupResults } from './shared-parts.ts'
import { searchBudget } from './start.ts'
import { parseRuleTestFile } from './test-file.ts'
import type { AlertTest, ExprTest, RuleTest, RuleTestFile } from './test-file.ts'

/** The verdict on one test file: no failures is a pass. Each failure is one or more lines for people. */
export interface RuleTestResult {
  readonly file: string
  readonly failures: readonly string[]
}

/**
 * Runs promtool unit-test files over this engine, as `promtool test rules` does over Prometheus: in simulated time from 0,
 * every group at each `evaluation_interval`. Files that cannot be read or parsed fail with what is wrong.
 */
export async function runRuleTests(files: readonly string[]): Promise<readonly RuleTestResult[]> {
  const results: RuleTestResult[] = []
  for (const file of files) {
    try {
      results.push({ file, failures: await runTestFile(file) })
    } catch (error) {
      results.push({ file, failures: [error instanceof Error ? error.message : String(error)] })
    }
  }
  return results
}

async function runTestFile(path: string): Promise<readonly string[]> {
  const { tests, mistakes } = parseRuleTestFile(basename(path), await readFile(path, 'utf8'))
  const failures = mistakes.map(mistakeText)
  const groups: RuleGroup[] = []
  for (const rulePath of await rulePaths(tests, dirname(path))) {
    const parsed = parseRuleFile(basename(rulePath), await readFile(rulePath, 'utf8'))
    failures.push(...parsed.mistakes.map(mistakeText))
    groups.push(...parsed.groups)
  }
  if (failures.length > 0) return failures
  return tests.tests.flatMap((test, index) => runTest(test, tests, groups).map((text) => `test ${index + 1}${test.name === '' ? '' : ` (${test.name})`}: ${text}`))
}

async function rulePaths(tests: RuleTestFile, folder: string): Promise<readonly string[]> {
  const paths: string[] = []
  for (const pattern of tests.ruleFiles) {
    const found: string[] = []
    for await (const path of glob(isAbsolute(pattern) ? pattern : join(folder, pattern))) found.push(path)
    if (found.length === 0) throw new Error(`rules: ${tests.file} names the rule file ${pattern}, which is not there`)
    paths.push(...found.sort())
  }
  return paths
}

/** Runs one test over rule groups; the failures. */
export function runTest(test: RuleTest, file: Pick<RuleTestFile, 'intervalMs' | 'groupOrder' | 'fuzzy'>, ruleGroups: readonly RuleGroup[]): readonly string[] {
  const memory = memorySeries()
  load(test, memory)
  const groups = ordered(ruleGroups, file.groupOrder).map((group) => startGroup({ ...group, queryOffsetMs: 0 }, file.intervalMs))
  const failures: string[] = []
  const lastMs = Math.max(0, ...test.alertTests.map(({ atMs }) => atMs), ...test.exprTests.map(({ atMs }) => atMs))
  for (let at = 0; at <= lastMs; at += file.intervalMs) {
    failures.push(...evaluateGroups(groups, memory, test, test.startMs + at))
    for (const one of test.alertTests) {
      if (one.atMs >= at && one.atMs < at + file.intervalMs) failures.push(...compareAlerts(one, groups))
    }
  }
  for (const one of test.exprTests) failures.push(...compareSamples(one, memory, test.startMs, file.fuzzy))
  return failures
}

function load(test: RuleTest, memory: MemorySeries): void {
  for (const { labels, values } of test.series) {
    values.forEach((place, index) => {
      if (place !== 'none') memory.add(labels, test.startMs + index * test.intervalMs, place === 'stale' ? NaN : place, place === 'stale')
    })
  }
}

function ordered(groups: readonly RuleGroup[], order: readonly string[]): readonly RuleGroup[] {
  const rank = new Map(order.map((name, index) => [name, index]))
  return [...groups].sort((a, b) => (rank.get(a.name) ?? order.length) - (rank.get(b.name) ?? order.length))
}

function evaluateGroups(groups: readonly RunningGroup[], memory: MemorySeries, test: RuleTest, now: number): readonly string[] {
  const failures: string[] = []
  const over = overlay(memory)
  const search = searchBudget()
  for (const group of groups) {
    const shared = groupResults(group.parts)
    for (const running of group.rules) {
      const before = new Map(running.written)
      const { row } = finish(runRule(group, running, over, {
        now, externalLabels: test.externalLabels, externalUrl: test.externalUrl, seconds: () => 0, onTemplateFailure: () => undefined, shared, search,
      }))
      if (running.lastError !== undefined) failures.push(`rule ${running.rule.name} (${running.rule.place}), time ${(now - test.startMs) / 1000} s: ${running.lastError}`)
      for (const { labels, value } of row?.series ?? []) {
        before.delete(seriesKey(labels))
        memory.add(labels, now, value)
      }
      if (row !== undefined) for (const labels of before.values()) memory.add(labels, now, NaN, true)
    }
  }
  return failures
}

function compareAlerts(test: AlertTest, groups: readonly RunningGroup[]): readonly string[] {
  const firing = groups.flatMap(alertsOf).filter((alert) => alert.name === test.alertname && alert.state === 'firing')
  const shown = (labels: Labels, annotations: Readonly<Record<string, string>>): string => `labels ${seriesText(labels)} annotations ${seriesText(annotations)}`
  const got = firing.map((alert) => shown(alert.labels, alert.annotations)).sort()
  const expected = test.expected.map((alert) => shown(alert.labels, alert.annotations)).sort()
  if (got.length === expected.length && got.every((text, index) => text === expected[index])) return []
  return [`alertname ${test.alertname}, time ${test.atMs / 1000} s:\n  expected ${list(expected)}\n  got      ${list(got)}`]
}

function compareSamples(test: ExprTest, memory: MemorySeries, startMs: number, fuzzy: boolean): readonly string[] {
  const where = `expr ${JSON.stringify(test.expr)}, time ${test.atMs / 1000} s`
  try {
    const got = askVector(parse(test.expr), memory, startMs + test.atMs).map(({ labels, value }) => ({ key: key(labels), labels, value }))
    const expected = test.expected.map(({ labels, value }) => ({ key: key(labels), labels, value }))
    const sorted = (rows: typeof got): typeof got => [...rows].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.value - b.value))
    const [left, right] = [sorted(got), sorted(expected)]
    const same = left.length === right.length && left.every((row, index) => row.key === right[index]?.key && equal(row.value, right[index].value, fuzzy))
    const shown = (rows: typeof got): string => list(rows.map(({ labels, value }) => `${seriesText(labels)} ${value}`))
    return same ? [] : [`${where}:\n  expected ${shown(right)}\n  got      ${shown(left)}`]
  } catch (error) {
    return [`${where}: ${error instanceof Error ? error.message : String(error)}`]
  }
}

/** Labels as promtool compares them: the name among them. */
function key(labels: Labels): string {
  const { [METRIC_NAME]: name, ...rest } = labels
  return `${name ?? ''}${seriesKey(rest)}`
}

function equal(a: number, b: number, fuzzy: boolean): boolean {
  if (a === b) return true
  return fuzzy && Math.abs(a - b) <= Math.max(Math.abs(a), Math.abs(b)) * 2 ** -52
}

function list(rows: readonly string[]): string {
  return rows.length === 0 ? '[]' : rows.join('\n           ')
}
