import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isRuleFile, isRuleTestFile } from '../../collector/rules/folder.ts'
import { parseRuleFile } from '../../collector/rules/rule-file.ts'
import { runRuleTests } from '../../collector/rules/run-tests.ts'
import { compileTemplate, expandTemplate } from '../../collector/rules/template/expand.ts'
import { scaled, seed } from '../scale.ts'

/** Debian's promtool is the oracle: the same rule files, test files and templates must get the same verdict and text. */
const promtool = '/usr/bin/promtool'
const shipped = join(import.meta.dirname, '../../alerts/rules')

if (!existsSync(promtool)) console.log(`skipped: ${promtool} is not installed (Debian package prometheus)`)

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-rules-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function ask(...argv: string[]): { readonly ok: boolean; readonly text: string } {
  const { status, stdout, stderr, error } = spawnSync(promtool, argv, { encoding: 'utf8', maxBuffer: 1 << 26, timeout: 60_000 })
  if (error !== undefined) throw error
  return { ok: status === 0, text: stdout + stderr }
}

function put(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const labels = { __name__: 'x', instance: 'db1.example:9100', device: 'sda', 空: '' }
const series = [
  { labels: { i: 'b', instance: 'h2' }, value: 2 },
  { labels: { i: 'a', instance: 'h1' }, value: 0.5 },
]

const templates = [
  '{{ $labels.instance }} {{ $labels.nope }} {{ $value }} {{ .Labels }} {{ .Value }}',
  '{{ humanizeDuration 93784.5 }} {{ humanize1024 123456 }} {{ humanizePercentage 0.1234 }} {{ humanize "0.0001" }} {{ humanizeDuration "-0.5" }}',
  '{{ humanizeTimestamp 1700000000.25 }} {{ humanizeTimestamp "1e9" }} {{ toTime 1.5 }} {{ parseDuration "1h30m" }}',
  '{{ printf "%5.2f|%-8s|%+d|%x|%X|%o|%b|%c|%U|%q|%v|%T|%e|%E|%G|%t" 3.14159 "ab" 42 255 "hi" 8 5 65 65 "a\\tb值" 1.5 "x" 12345.678 0.00001 1e30 true }}',
  '{{ printf "%08.3f|%+.1e|% d|%6d|%-6d|%06d|%x|%#x|%s|%10.3s|" 3.14159 123456.789 7 42 42 -42 "值守" 255 $labels.instance "abcdef" }}',
  '{{ printf "%d %s %v %z %!" 1.5 2 "a" 1 }} {{ printf "%d" }} {{ printf "a" 1 "b" }} {{ printf "%*d|%.*f" 5 42 2 3.14159 }}',
  '{{ if and (gt $value 1.0) (ne $labels.device "sdb") }}yes{{ else }}no{{ end }} {{ if not (or false "") }}n{{ end }} {{ if $labels.nope }}x{{ else if $labels.device }}d{{ end }}',
  '{{ range $i, $s := query "y" | sortByLabel "i" }}{{ $i }}:{{ $s.Labels.i }}={{ .Value | printf "%.1f" }};{{ else }}none{{ end }}',
  '{{ with query "y{i=\\"a\\"}" }}{{ . | first | value | humanizePercentage }} {{ first . | label "instance" }}{{ end }}{{ with query "nope" }}x{{ else }}-{{ end }}',
  '{{ len (query "y") }} {{ len $labels.instance }} {{ index $labels "device" }} {{ slice "abcdef" 1 3 }} {{ args 1 "b" 2.5 }} {{ (args 1 "b").arg1 }}',
  '{{ title "hello-world foo.bar_baz 9lives" }} {{ toUpper "straße" }} {{ toLower "ÀB" }} {{ match "^db\\\\d" $labels.instance }} {{ reReplaceAll "(\\\\w+)\\\\.(\\\\w+)" "$2.${1}x$$" $labels.instance }}',
  '{{ stripPort "a.b:90" }} {{ stripDomain "a.b.c:90" }} {{ stripDomain "10.0.0.1:9100" }} {{ stripPort "[::1]:80" }} {{ stripDomain "a.b" }} {{ stripPort "::1" }}',
  '{{ graphLink "up{a=\\"b\\"} > 1" }} {{ tableLink "up" }} {{ safeHtml "<b>" }} {{ html "<a&b>" }} {{ urlquery "a b/c" }} {{ js "a\'b<c>" }}',
  '{{ $x := 1 }}{{ range query "y" | sortByLabel "i" }}{{ $x = .Value }}{{ end }}{{ $x }} {{- " trimmed " -}}  end {{/* gone */ -}}  .',
  '{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" $labels.device }}{{ block "u" 5 }}[{{ . }}]{{ end }}',
  '{{ eq 1 1 }} {{ eq "a" "b" "a" }} {{ lt 1 2 }} {{ le 1.5 1.5 }} {{ gt "b" "a" }} {{ ge 2 3 }} {{ print 1 2 "a" 3 4 }} {{ println "x" 1 }}.',
  '{{ 0x1F }} {{ 1_000 }} {{ 1e3 }} {{ -5 }} {{ \'a\' }} {{ `raw` }} {{ true }} {{ "\\u4e2d\\n" }} {{ 017 }}',
  // Failures: the text of the error is what people see.
  '{{ $value.x }}', '{{ .Nope }}', '{{ $labels.a.b }}', '{{ gt $value 10 }}', '{{ first (query "nope") }}', '{{ humanize "abc" }}',
  '{{ toUpper 1.5 }}', '{{ humanize }}', '{{ index $labels 1 }}', '{{ len 5 }}', 'a\nb {{ $labels.instance.x }}', '{{ label "i" 5 }}',
  '{{ template "nope" }}', '{{ range 5.5 }}{{ end }}', '{{ $labels.instance 1 }}', '{{ parseDuration "x" }}', '{{ toUpper nil }}', '{{ $labels | toUpper }}',
  '{{ $value | toUpper }}', '{{ toUpper $value }}', '{{ first 5 }}',
]

function rendered(text: string, value: number, of: Record<string, string>): string {
  return expandTemplate(compileTemplate('A', text), { labels: of, externalLabels: {}, externalUrl: '', value }, {
    now: 60_000, externalUrl: '',
    query: (expr) => (expr === 'y' ? series : expr === 'y{i="a"}' ? series.slice(1) : []).map((row) => ({ labels: { __name__: 'y', ...row.labels }, value: row.value })),
  })
}

interface Expected {
  readonly labels: Record<string, string>
  readonly annotations: Record<string, string>
}

/** A rule file with these annotations and a promtool test that expects exactly those alerts. */
function oracleFiles(name: string, annotations: Record<string, string>, input: readonly { series: string; values: string }[], expected: readonly Expected[]): string {
  put(`${name}.yml`, JSON.stringify({ groups: [{ name: 'g', rules: [{ alert: 'A', expr: 'x', annotations }] }] }))
  return put(`${name}.test.yml`, JSON.stringify({
    rule_files: [`${name}.yml`], evaluation_interval: '1m',
    tests: [{
      interval: '1m', input_series: input,
      alert_rule_test: [{ eval_time: '1m', alertname: 'A', exp_alerts: expected.map((one) => ({ exp_labels: one.labels, exp_annotations: one.annotations })) }],
    }],
  }))
}

describe.runIf(existsSync(promtool))('against promtool', () => {
  it('templates give the same text, failures included', async () => {
    const { 空: _, ...of } = labels
    const { __name__: __, ...withoutName } = of
    const annotations = Object.fromEntries(templates.map((text, index) => [`t${index}`, text]))
    const input = [{ series: 'x{instance="db1.example:9100",device="sda"}', values: '1234567.5x3' }, ...series.map((row) => ({ series: `y{i="${row.labels.i}",instance="${row.labels.instance}"}`, values: `${row.value}x3` }))]
    const texts = Object.fromEntries(templates.map((text, index) => [`t${index}`, rendered(text, 1234567.5, of)]))
    const file = oracleFiles('templates', annotations, input, [{ labels: withoutName, annotations: texts }])
    const verdict = ask('test', 'rules', file)
    if (!verdict.ok) expect(different(verdict.text, texts)).toEqual([])
    expect(verdict.ok, verdict.text.slice(0, 3000)).toBe(true)
    expect((await runRuleTests([file]))[0]?.failures).toEqual([])
    // And the oracle does object: one letter off fails.
    expect(ask('test', 'rules', oracleFiles('off', annotations, input, [{ labels: withoutName, annotations: { ...texts, t0: `${texts['t0']}.` } }])).ok).toBe(false)
  })

  it('numbers get the same digits', () => {
    const formats = { v: '{{ $value }}', h: '{{ humanize $value }}', k: '{{ humanize1024 $value }}', d: '{{ humanizeDuration $value }}', p: '{{ humanizePercentage $value }}', f: '{{ printf "%.0f %.2f %.4g %g %e %.10g %8.3f" $value $value $value $value $value $value $value }}' }
    const numbers = [0, 1, -1, 0.1, 999.95, 1000, 1023.9, 1024, 59.99, 60, 3599.5, 86400, 1e5, 999999, 1e6, 1e20, 1e21, 1.5e300, 5e-324, 0.0001, 0.00001, 123456789.125,
      ...fc.sample(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.integer({ min: -1e9, max: 1e9 })), { seed, numRuns: scaled(150, 3_000) })]
      .filter((value) => !Object.is(value, -0))
    const input = numbers.map((value, index) => ({ series: `x{n="${index}"}`, values: `${value} ${value} ${value}` }))
    const expected = numbers.map((value, index) => ({
      labels: { n: String(index) },
      annotations: Object.fromEntries(Object.entries(formats).map(([name, text]) => [name, rendered(text, value, { __name__: 'x', n: String(index) })])),
    }))
    const verdict = ask('test', 'rules', oracleFiles('numbers', formats, input, expected))
    const wrong = verdict.ok ? [] : expected.flatMap((one) => different(verdict.text, one.annotations).map((text) => `${numbers[Number(one.labels.n)]}: ${text}`))
    expect(wrong.slice(0, 20)).toEqual([])
    expect(verdict.ok, verdict.text.slice(0, 2000)).toBe(true)
  })

  it.each(Object.entries(acceptance()))('accepts or refuses alike: %s', (name, text) => {
    const path = put(`accept-${name.replaceAll(/\W/g, '-')}.yml`, text)
    const verdict = ask('check', 'rules', path)
    const { mistakes } = parseRuleFile('f.yml', text)
    expect({ accepted: mistakes.length === 0, mistakes }, verdict.text).toMatchObject({ accepted: verdict.ok })
  })

  it.each(Object.entries(verdicts()))('unit tests get the same verdict: %s', async (name, [test, passes]) => {
    put('own.yml', ownRules)
    const path = put(`own-${name.replaceAll(/\W/g, '-')}.test.yml`, test)
    const verdict = ask('test', 'rules', path)
    const ours = (await runRuleTests([path]))[0]?.failures ?? []
    expect({ promtool: verdict.ok, ours: ours.length === 0 }, `${verdict.text}\n${ours.join('\n')}`).toEqual({ promtool: passes, ours: passes })
  })

  const names = existsSync(shipped) ? readdirSync(shipped) : []
  it.each(names.filter(isRuleFile))('shipped rules are accepted by both: %s', (name) => {
    const verdict = ask('check', 'rules', join(shipped, name))
    expect(verdict.ok, verdict.text).toBe(true)
  })
  it.each(names.filter(isRuleTestFile))('shipped unit tests pass in both: %s', async (name) => {
    const verdict = ask('test', 'rules', join(shipped, name))
    expect(verdict.ok, verdict.text).toBe(true)
    expect((await runRuleTests([join(shipped, name)]))[0]?.failures).toEqual([])
  })
})

/** Which of our texts promtool's report of what it got does not hold. */
function different(report: string, texts: Record<string, string>): string[] {
  const got = report.slice(report.indexOf('got:'))
  return Object.entries(texts).filter(([name, text]) => !got.includes(`${name}=${JSON.stringify(text)}`)).map(([name, text]) => `${name}=${text}`)
}

function acceptance(): Record<string, string> {
  const rule = (text: string): string => `groups:\n- name: g\n  rules:\n  - ${text.replaceAll('\n', '\n    ')}\n`
  return {
    'a plain alert': rule('alert: A\nexpr: up == 0\nfor: 5m\nkeep_firing_for: 1m\nlabels: {severity: page, n: 5, b: true}\nannotations: {summary: "{{ $labels.instance }}"}'),
    'a recording rule': rule('record: a:b:c\nexpr: sum(rate(x[5m])) by (job)\nlabels: {a: b}'),
    'an empty file': '',
    'no groups': 'groups: []\n',
    'null groups': 'groups:\n',
    'a group without rules': 'groups:\n- name: g\n',
    'a second document': 'groups: []\n---\nfoo: bar\n',
    'unknown key on top': 'groups: []\nfoo: bar\n',
    'unknown key in a group': 'groups:\n- name: g\n  foo: bar\n',
    'unknown key in a rule': rule('alert: A\nexpr: up\nfoo: bar'),
    'duplicate group names': 'groups:\n- name: g\n- name: g\n',
    'group without name': 'groups:\n- interval: 5m\n',
    'same key twice': 'groups:\n- name: g\n  name: h\n',
    'both record and alert': rule('alert: A\nrecord: b\nexpr: up'),
    'neither record nor alert': rule('expr: up'),
    'no expression': rule('alert: A'),
    'empty expression': rule('alert: A\nexpr: ""'),
    'broken expression': rule('alert: A\nexpr: sum(up'),
    'unknown function': rule('alert: A\nexpr: foo(up)'),
    'number as expression': rule('alert: A\nexpr: 1'),
    'wrong types': rule('alert: A\nexpr: rate(up)'),
    'bad recording name': rule('record: a-b\nexpr: up'),
    'recording name with braces': rule('record: "a{b=\\"c\\"}"\nexpr: up'),
    'for on a recording rule': rule('record: a\nexpr: up\nfor: 5m'),
    'for 0 on a recording rule': rule('record: a\nexpr: up\nfor: 0s'),
    'keep_firing_for on a recording rule': rule('record: a\nexpr: up\nkeep_firing_for: 5m'),
    'annotations on a recording rule': rule('record: a\nexpr: up\nannotations: {a: b}'),
    'template in a recording label': rule('record: a\nexpr: up\nlabels: {a: "{{ nope }}"}'),
    'bad duration': rule('alert: A\nexpr: up\nfor: 5 minutes'),
    'duration without unit': rule('alert: A\nexpr: up\nfor: 5'),
    'zero duration': rule('alert: A\nexpr: up\nfor: 0'),
    'composed duration': rule('alert: A\nexpr: up\nfor: 1h30m'),
    'bad interval': 'groups:\n- name: g\n  interval: abc\n',
    'bad limit': 'groups:\n- name: g\n  limit: abc\n',
    'a limit': 'groups:\n- name: g\n  limit: 5\n',
    'bad label name': rule('alert: A\nexpr: up\nlabels: {"a-b": c}'),
    'label __name__': rule('alert: A\nexpr: up\nlabels: {__name__: c}'),
    'bad annotation name': rule('alert: A\nexpr: up\nannotations: {"a-b": c}'),
    'labels as a list': rule('alert: A\nexpr: up\nlabels: [a, b]'),
    'rules as a mapping': 'groups:\n- name: g\n  rules: {alert: A}\n',
    'groups as a text': 'groups: text\n',
    'no YAML': 'groups: [\n',
    'a tab': 'groups:\n\t- name: g\n',
    'unknown template function': rule('alert: A\nexpr: up\nannotations: {s: "{{ nope }}"}'),
    'unknown template variable': rule('alert: A\nexpr: up\nannotations: {s: "{{ $x }}"}'),
    'unclosed if': rule('alert: A\nexpr: up\nannotations: {s: "{{ if true }}x"}'),
    'unclosed action': rule('alert: A\nexpr: up\nannotations: {s: "{{ $labels.x "}'),
    'else too often': rule('alert: A\nexpr: up\nannotations: {s: "{{ if true }}{{ else }}{{ else }}{{ end }}"}'),
    'break outside range': rule('alert: A\nexpr: up\nannotations: {s: "{{ break }}"}'),
    'bad label template': rule('alert: A\nexpr: up\nlabels: {s: "{{ $labels.x | }}"}'),
    'template that fails when run': rule('alert: A\nexpr: up\nannotations: {s: "{{ $labels.x.y }}"}'),
    'multi-line expression': rule('alert: A\nexpr: |\n  sum(up)\n    > 1'),
    'an alias': 'groups:\n- name: g\n  rules:\n  - alert: A\n    expr: &e up == 0\n  - alert: B\n    expr: *e\n',
    'any alert name': rule('alert: "磁盘 已满!"\nexpr: up'),
  }
}

const ownRules = `
groups:
- name: first
  rules:
  - record: job:x:sum
    expr: sum by (job) (x)
  - alert: High
    expr: job:x:sum > 10
    for: 2m
    labels: {severity: '{{ if gt $value 20.0 }}critical{{ else }}warning{{ end }}', site: '{{ $externalLabels.site }}'}
    annotations: {summary: '{{ $labels.job }} at {{ $value | humanize }}'}
- name: second
  interval: 30s
  rules:
  - alert: Gone
    expr: absent(x{job="b"})
  - alert: Kept
    expr: x{job="a"} > 15
    keep_firing_for: 3m
`

function verdicts(): Record<string, readonly [string, boolean]> {
  const file = (tests: string, more = ''): string => `rule_files: [own.yml]\nevaluation_interval: 1m\n${more}tests:\n${tests}`
  const input = `- interval: 1m
  external_labels: {site: hq}
  input_series:
  - {series: 'x{job="a",instance="1"}', values: '1+1x20 _x5 7 stale'}
  - {series: 'x{job="a",instance="2"}', values: '6x20'}
`
  const high = (at: string, severity: string, text: string): string => `  - eval_time: ${at}\n    alertname: High\n    exp_alerts:\n    - exp_labels: {job: a, severity: ${severity}, site: hq}\n      exp_annotations: {summary: '${text}'}\n`
  return {
    'pending is not firing': [file(`${input}  alert_rule_test:\n  - {eval_time: 5m, alertname: High, exp_alerts: []}\n`), true],
    'fires after for': [file(`${input}  alert_rule_test:\n${high('6m', 'warning', 'a at 13')}`), true],
    'label from a template': [file(`${input}  alert_rule_test:\n${high('18m', 'critical', 'a at 25')}`), true],
    'wrong annotation': [file(`${input}  alert_rule_test:\n${high('6m', 'warning', 'a at 14')}`), false],
    'missing annotation': [file(`${input}  alert_rule_test:\n  - eval_time: 6m\n    alertname: High\n    exp_alerts:\n    - exp_labels: {job: a, severity: warning, site: hq}\n`), false],
    'expected but quiet': [file(`${input}  alert_rule_test:\n  - eval_time: 6m\n    alertname: Kept\n    exp_alerts:\n    - exp_labels: {job: a, instance: "1"}\n`), false],
    'firing but not expected': [file(`${input}  alert_rule_test:\n  - {eval_time: 6m, alertname: Gone, exp_alerts: []}\n`), false],
    'absent fires': [file(`${input}  alert_rule_test:\n  - eval_time: 6m\n    alertname: Gone\n    exp_alerts:\n    - exp_labels: {job: b}\n`), true],
    'unknown alert is quiet': [file(`${input}  alert_rule_test:\n  - {eval_time: 6m, alertname: Nope, exp_alerts: []}\n`), true],
    'kept after the series went': [file(`${input}  alert_rule_test:\n  - eval_time: 27m\n    alertname: Kept\n    exp_alerts:\n    - exp_labels: {job: a, instance: "1"}\n`), true],
    'no longer kept': [file(`${input}  alert_rule_test:\n  - {eval_time: 30m, alertname: Kept, exp_alerts: []}\n`), true],
    'expressions': [file(`${input}  promql_expr_test:\n  - {expr: 'job:x:sum', eval_time: 4m, exp_samples: [{labels: 'job:x:sum{job="a"}', value: 11}]}\n  - {expr: 'sum(x) by (job) * 2', eval_time: 4m, exp_samples: [{labels: '{job="a"}', value: 22}]}\n  - {expr: 'ALERTS{alertname="High"}', eval_time: 5m, exp_samples: [{labels: 'ALERTS{alertname="High",alertstate="pending",job="a",severity="warning",site="hq"}', value: 1}]}\n  - {expr: 'ALERTS_FOR_STATE{alertname="High"}', eval_time: 9m, exp_samples: [{labels: 'ALERTS_FOR_STATE{alertname="High",job="a",severity="warning",site="hq"}', value: 240}]}\n  - {expr: 'count(x{job="z"})', eval_time: 4m}\n`), true],
    'wrong value': [file(`${input}  promql_expr_test:\n  - {expr: 'job:x:sum', eval_time: 4m, exp_samples: [{labels: 'job:x:sum{job="a"}', value: 11.0001}]}\n`), false],
    'wrong labels': [file(`${input}  promql_expr_test:\n  - {expr: 'job:x:sum', eval_time: 4m, exp_samples: [{labels: '{job="a"}', value: 11}]}\n`), false],
    'broken expression': [file(`${input}  promql_expr_test:\n  - {expr: 'sum(', eval_time: 4m}\n`), false],
    'bad values': [file(`- interval: 1m\n  input_series:\n  - {series: x, values: '1 foo'}\n`), false],
    'unknown key': [file(`- interval: 1m\n  foo: bar\n`), false],
    'group order': [file(`${input}  alert_rule_test:\n${high('6m', 'warning', 'a at 13')}`, 'group_eval_order: [second, first]\n'), true],
    'a time between evaluations': [file(`${input}  alert_rule_test:\n${high('6m30s', 'warning', 'a at 13')}`), true],
    'no alertname': [file(`${input}  alert_rule_test:\n  - {eval_time: 6m, exp_alerts: []}\n`), false],
  }
}
