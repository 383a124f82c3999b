import { describe, expect, it } from 'vitest'
import { parseRuleFile } from './rule-file.ts'
import { mistakeText } from './rule.ts'

function mistakes(text: string): readonly string[] {
  return parseRuleFile('host.yml', text).mistakes.map(mistakeText)
}

describe('parseRuleFile', () => {
  it('reads groups, rules, durations, labels and templates', () => {
    const { groups, mistakes: wrong } = parseRuleFile('host.yml', `
groups:
- name: disks
  interval: 30s
  limit: 5
  query_offset: 1m
  labels: {team: ops, severity: info}
  rules:
  - record: instance:x:rate5m
    expr: rate(x[5m])
    labels: {severity: none}
  - alert: Full
    expr: |
      x / y
        > 0.9
    for: 1h30m
    keep_firing_for: 5m
    labels: {severity: warning, level: 3}
    annotations: {summary: '{{ $labels.instance }} 已满 {{ $value | humanizePercentage }}'}
`)
    expect(wrong).toEqual([])
    const group = groups[0]!
    expect([group.name, group.intervalMs, group.limit, group.queryOffsetMs]).toEqual(['disks', 30_000, 5, 60_000])
    const [record, alert] = group.rules
    expect(record).toMatchObject({ kind: 'recording', name: 'instance:x:rate5m', labels: { team: 'ops', severity: 'none' }, place: 'host.yml:9:5' })
    expect(alert).toMatchObject({ kind: 'alerting', forMs: 5_400_000, keepFiringForMs: 300_000, key: 'alert Full{level="3",severity="warning",team="ops"}' })
  })

  it('reports every mistake of a file together, with line, column and key path', () => {
    expect(mistakes(`groups:
- name: a
  interval: 5 minutes
  rulez: []
  rules:
  - alert: X
    record: y
    expr: x >
  - record: 1bad
    expr: x
    for: 5m
  - alert: T
    expr: x
    labels: {1a: b, __name__: c}
    annotations: {summary: '{{ $valu }}', text: '{{ nope 1 }}', open: '{{ if true }}'}
  - expr: x
  - alert: NoExpr
- name: a
  limit: many
`)).toEqual([
      'host.yml:4:3: groups[0].rulez: unknown key "rulez"; did you mean "rules"?',
      'host.yml:3:13: groups[0].interval: not a valid duration string: "5 minutes"',
      'host.yml:7:13: groups[0].rules[0].record: only one of record and alert may be set'.replace('7:13', '6:12').replace('.record', '.alert'),
      'host.yml:8:11: groups[0].rules[0].expr: cannot parse the expression: 1:4: parse error: unexpected end of input',
      'host.yml:9:13: groups[0].rules[1].record: invalid recording rule name "1bad"',
      'host.yml:11:10: groups[0].rules[1].for: a recording rule takes no for',
      'host.yml:14:14: groups[0].rules[2].labels.1a: invalid label name "1a"',
      'host.yml:14:21: groups[0].rules[2].labels.__name__: invalid label name "__name__"',
      'host.yml:15:28: groups[0].rules[2].annotations.summary: summary: template: __alert_T:1: undefined variable "$valu"',
      'host.yml:15:49: groups[0].rules[2].annotations.text: text: template: __alert_T:1: function "nope" not defined',
      'host.yml:15:71: groups[0].rules[2].annotations.open: open: template: __alert_T:1: unexpected EOF',
      'host.yml:16:5: groups[0].rules[3]: one of record and alert must be set',
      'host.yml:17:5: groups[0].rules[4]: expr must be set',
      'host.yml:18:9: groups[1].name: a group named "a" is already in this file',
      'host.yml:19:10: groups[1].limit: expected a whole number, got "many"',
    ])
  })

  it('takes YAML apart strictly', () => {
    expect(mistakes('groups:\n- name: a\n  name: b\n')).toEqual(['host.yml:3:3: Map keys must be unique'])
    expect(mistakes('groups: {a: b}')).toEqual(['host.yml:1:9: groups: expected a list'])
    expect(mistakes('- groups')).toEqual(['host.yml:1:1: expected a mapping'])
    expect(mistakes('groups: [')[0]).toMatch(/^host\.yml:1:\d+: /)
    expect(mistakes('')).toEqual([])
    expect(mistakes('groups:\n- name: a\n---\nnonsense: true\n')).toEqual([])
  })

  it('numbers rules that repeat, so that each keeps its own alerts', () => {
    const { groups } = parseRuleFile('f.yml', 'groups:\n- name: a\n  rules:\n  - {alert: A, expr: x}\n  - {alert: A, expr: y}\n')
    expect(groups[0]?.rules.map((rule) => rule.key)).toEqual(['alert A', 'alert A #2'])
  })
})
