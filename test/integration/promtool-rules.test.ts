import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { describe, expect, it } from 'vitest'
import { sources } from '../../agent/sources/registry.ts'
import type { Source } from '../../agent/sources/source.ts'
import { runRuleTests } from '../../collector/rules/run-tests.ts'

/** The shipped rules, held against the real promtool, against our own runner, and against what every rule must carry. */
const folder = join(import.meta.dirname, '../../alerts/rules')
const names = readdirSync(folder).filter((name) => name.endsWith('.yml') && !name.endsWith('.test.yml')).sort()
const present = spawnSync('promtool', ['--version']).error === undefined
if (!present) console.log('skipped: promtool is not installed, so only our own reader checks the rules')

interface Rule {
  alert?: string
  record?: string
  expr: string
  for?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}
interface RuleTest {
  name: string
  alert_rule_test: { eval_time: string; alertname: string; exp_alerts: { exp_labels: Record<string, string> }[] }[]
}
const read = (name: string): unknown => parse(readFileSync(join(folder, name), 'utf8'))
const rulesOf = (name: string): Rule[] => (read(name) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules)
const testName = (name: string): string => name.replace(/\.yml$/, '.test.yml')
const testsOf = (name: string): RuleTest[] => (read(testName(name)) as { tests: RuleTest[] }).tests
const alerts = names.flatMap((file) => rulesOf(file).filter((rule) => rule.alert !== undefined).map((rule) => ({ file, name: rule.alert!, rule })))

function promtool(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

describe.skipIf(!present)('promtool', () => {
  it.each(names)('check rules %s', (name) => {
    const { status, output } = promtool('check', 'rules', name)
    expect(status, output).toBe(0)
  })

  it.each(names)('test rules of %s', (name) => {
    const { status, output } = promtool('test', 'rules', testName(name))
    expect(status, output).toBe(0)
  })

  it('goes red when a threshold moves', () => {
    // Shows that the tests above can fail: the same tests against a rule that has been loosened.
    const text = readFileSync(join(folder, 'filesystem.yml'), 'utf8')
    expect(text).toContain('< 0.05 and node_filesystem_readonly')
    const script = 'set -e; d=$(mktemp -d); trap "rm -rf $d" EXIT; sed "s/< 0.05 and node_filesystem_readonly/< 0.01 and node_filesystem_readonly/" filesystem.yml > $d/filesystem.yml; cp filesystem.test.yml $d/; promtool test rules $d/filesystem.test.yml'
    expect(spawnSync('sh', ['-c', script], { cwd: folder }).status).toBe(1)
  })
})

describe('our own runner', () => {
  it('agrees with promtool on every test', async () => {
    const results = await runRuleTests(names.map((name) => join(folder, testName(name))))
    expect(results).toHaveLength(names.length)
    for (const result of results) expect(result).toMatchObject({ failures: [] })
  })
})

const SEVERITIES = ['critical', 'warning', 'info']
const CHINESE = /[\u4e00-\u9fff]/

describe('every alert', () => {
  it('has a name of its own', () => {
    expect(new Set(alerts.map(({ name }) => name)).size).toBe(alerts.length)
  })

  it.each(alerts)('$name says how bad, which fault, and in Chinese what to do', ({ rule }) => {
    const { severity, fault, sla } = rule.labels ?? {}
    expect(SEVERITIES).toContain(severity)
    expect(fault).toMatch(/^[a-z][a-z0-9-]+$/)
    if (sla !== undefined) expect({ sla, severity }).toEqual({ sla: 'standard', severity: 'critical' })
    expect(Object.keys(rule.annotations ?? {}).sort()).toEqual(['action', 'description', 'summary'])
    for (const text of Object.values(rule.annotations ?? {})) {
      expect(text).toMatch(CHINESE)
      expect(text.length).toBeLessThan(220)
    }
    expect(rule.annotations!['action']).toMatch(/^先|^收到/)
  })

  it.each(alerts)('$name has a test in which it fires and one in which it stays quiet', ({ file, name }) => {
    const tested = testsOf(file).flatMap((test) => test.alert_rule_test).filter((test) => test.alertname === name)
    expect(tested.some((test) => test.exp_alerts.length > 0)).toBe(true)
    // The watchdog is there to fire always.
    if (name !== 'Watchdog') expect(tested.some((test) => test.exp_alerts.length === 0)).toBe(true)
  })

  it('critical faults of hosts run under the standard promise', () => {
    const without = alerts.filter(({ file, rule }) => file !== 'monitoring.yml' && rule.labels?.['severity'] === 'critical' && rule.labels['sla'] === undefined)
    expect(without.map(({ name }) => name)).toEqual([])
  })

  it('level and prediction of one fault are of one class', () => {
    const fault = (name: string): string | undefined => alerts.find((alert) => alert.name === name)?.rule.labels?.['fault']
    expect(fault('FilesystemFillsSoon')).toBe('filesystem-full')
    expect([fault('FilesystemFull'), fault('FilesystemFilling')]).toEqual(['filesystem-full', 'filesystem-full'])
    expect(alerts.find(({ name }) => name === 'FilesystemFull')?.rule.for).toBe('30s')
    expect(alerts.find(({ name }) => name === 'HostDown')?.rule.for).toBe('0s')
  })
})

describe('guard periods', () => {
  const flat = (expr: string): string => expr.replaceAll(/\s+/g, ' ').trim()
  const guarded = alerts.filter(({ rule }) => rule.expr.includes('guard_threshold'))

  it('tighten every rule about a level, and no rule that tells a state or an event', () => {
    expect(guarded.map(({ name }) => name).sort()).toEqual([
      'ConntrackFull', 'CpuIowaitHigh', 'CpuSaturated', 'CpuStealHigh', 'DiskSaturated', 'DiskSlow', 'FilesystemFilling', 'FilesystemFull', 'FilesystemInodesExhausted', 'FilesystemInodesLow',
      'HostFileDescriptorsLow', 'LoadExtreme', 'LoadHigh', 'MemoryExhausted', 'MemoryLow', 'MemoryPressure', 'NetworkReceiveErrors', 'NetworkReceiveSaturated', 'NetworkTransmitErrors',
      'NetworkTransmitSaturated', 'SwapFull', 'SwapStorm', 'TcpListenOverflows', 'TcpRetransmitsHigh',
    ])
  })

  it.each(guarded)('$name has one condition twice, with one threshold: ordinary, or tightened on the guarded hosts', ({ rule }) => {
    const [ordinary, tight, ...more] = flat(rule.expr).split(' or ')
    expect(more).toEqual([])
    // What is above may come down to the threshold times the ratio, what is below may come up to the threshold by it.
    const loosened = tight!.replaceAll(/> on \(instance\) group_left \(\) \(([\d.]+) \* \(instance:guard_threshold:ratio < 1\)\)/g, '> $1').replaceAll(/< on \(instance\) group_left \(\) \(([\d.]+) \/ \(instance:guard_threshold:ratio < 1\)\)/g, '< $1')
    expect(loosened).toBe(ordinary)
  })
})

/** What the shipped rules may use of PromQL. */
const FUNCTIONS = `rate irate increase delta deriv predict_linear changes resets abs clamp clamp_min clamp_max round ceil floor time timestamp vector scalar
  absent label_replace sort sum avg min max count topk quantile group stddev by without on ignoring group_left and or unless
  avg_over_time min_over_time max_over_time sum_over_time count_over_time last_over_time present_over_time quantile_over_time stddev_over_time`.split(/\s+/)
const bare = (expr: string): string => expr.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')

describe('expressions', () => {
  const all = names.flatMap((file) => rulesOf(file).map((rule) => ({ name: rule.alert ?? rule.record!, expr: bare(rule.expr) })))

  it.each(all)('$name uses the functions that every evaluator here has', ({ expr }) => {
    for (const [, called] of expr.matchAll(/([a-z_]+)\s*\(/g)) expect(FUNCTIONS).toContain(called)
  })

  it.each(all)('$name names only host series that a source gives', ({ expr }) => {
    const given = new Set((sources as readonly Source[]).flatMap((source) => source.series.map((spec) => spec.name)))
    // The agent writes this one about every source.
    given.add('node_scrape_collector_success')
    for (const [name] of expr.matchAll(/\bnode_\w+/g)) expect(given).toContain(name)
  })
})
