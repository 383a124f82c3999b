import { describe, expect, it } from 'vitest'
import { compileTemplate, expandTemplate, TemplateError } from './expand.ts'
import type { QueriedSample, TemplateWorld } from './functions.ts'

const rows: readonly QueriedSample[] = [
  { labels: { __name__: 'x', i: 'b' }, value: 2 },
  { labels: { __name__: 'x', i: 'a', __value__: 'text' }, value: 1 },
]

const world: TemplateWorld = { now: 1_700_000_000_500, externalUrl: 'https://monitor.example/zhishou/', query: (expr) => (expr === 'x' ? rows : []) }

function expand(text: string, value = 0.5, labels: Record<string, string> = { instance: 'db1:9100', device: '' }): string {
  return expandTemplate(compileTemplate('T', text), { labels, externalLabels: { site: 'A' }, externalUrl: world.externalUrl, value }, world)
}

describe('templates', () => {
  it.each([
    // The fixed points measured on Prometheus 2.42.
    ['{{ humanizeDuration 93784.5 }}', '1d 2h 3m 4s'],
    ['{{ humanize1024 123456 }}', '120.6ki'],
    ['{{ humanizePercentage 0.1234 }}', '12.34%'],
    ['{{ humanize 1234567.0 }} {{ humanize 0.00012 }} {{ humanize "Inf" }} {{ humanize 0 }}', '1.235M 120u +Inf 0'],
    ['{{ humanizeDuration 0.0025 }} {{ humanizeDuration -61 }} {{ humanizeDuration 12.34567 }}', '2.5ms -1m 1s 12.35s'],
    ['{{ humanizeTimestamp 1700000000.5 }}', '2023-11-14 22:13:20.5 +0000 UTC'],
    ['{{ $labels.instance }}|{{ $labels.nope }}|{{ $externalLabels.site }}|{{ $externalURL }}|{{ $value }}', 'db1:9100||A|https://monitor.example/zhishou/|0.5'],
    ['{{ printf "%.2f %5d|%-5s|%05.1f|%x|%q|%t|%%" 1.005 42 "ab" 3.14159 255 "a\\"b" true }}', '1.00    42|ab   |003.1|ff|"a\\"b"|true|%'],
    ['{{ if gt $value 0.4 }}高{{ else if gt $value 0.2 }}中{{ else }}低{{ end }}', '高'],
    ['{{ with $labels.nope }}x{{ else }}none{{ end }} {{ with $labels.instance }}{{ . }}{{ end }}', 'none db1:9100'],
    ['{{ range $i, $s := query "x" | sortByLabel "i" }}{{ $i }}={{ $s.Labels.i }}:{{ $s.Value }};{{ end }}', '0=a:1;1=b:2;'],
    ['{{ range query "none" }}x{{ else }}empty{{ end }}', 'empty'],
    ['{{ range query "x" }}{{ if eq .Labels.i "a" }}{{ break }}{{ end }}{{ .Labels.i }}{{ end }}', 'b'],
    ['{{ query "x" | first | value }} {{ query "x" | first | label "i" }} {{ query "x" | sortByLabel "i" | first | strvalue }}', '2 b text'],
    ['{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}', '2'],
    ['a  {{- " b " -}}  c{{/* comment */}}d', 'a b cd'],
    ['{{ and 1 0 }} {{ or "" "x" }} {{ not true }} {{ len "值守" }} {{ index $labels "instance" }} {{ eq 1 2 1 }} {{ ne "a" "b" }} {{ le 1.5 1.5 }}', '0 x false 6 db1:9100 true true true'],
    ['{{ define "t" }}[{{ . }}]{{ end }}{{ template "t" $value }}', '[0.5]'],
    ['{{ "ab-cd" | title | toUpper | toLower }} {{ stripPort "a.b:80" }} {{ stripDomain "a.b.c:80" }} {{ stripDomain "10.0.0.1:80" }}', 'ab-cd a.b a:80 10.0.0.1:80'],
    ['{{ match "^d.\\\\d" $labels.instance }} {{ reReplaceAll "(.*):(\\\\d+)" "$2/${1}" $labels.instance }}', 'true 9100/db1'],
    ['{{ urlQueryEscape "a b&c" }} {{ tableLink "up" }} {{ pathPrefix }} {{ externalURL }}', 'a+b%26c /graph?g0.expr=up&g0.tab=1 /zhishou/ https://monitor.example/zhishou/'],
    ['{{ now }} {{ parseDuration "1h30m" }} {{ toDuration 90 }} {{ toTime 0 }}', '1.7000000005e+09 5400 1m30s 1970-01-01 00:00:00 +0000 UTC'],
    ['{{ (args 1 "b").arg1 }} {{ safeHtml "<b>" }} {{ html "<b>" }}', 'b <b> &lt;b&gt;'],
    ['{{ print 1 2 "x" 3 }} {{ println "a" 1 }}', '1 2x3 a 1\n'],
    ['{{ $value | printf "%.1f" | printf "%s!" }}', '0.5!'],
  ])('expands %s', (text, expected) => {
    expect(expand(text)).toBe(expected)
  })

  it.each([
    ['{{ $value.x }}', `can't evaluate field x in type float64`],
    ['{{ humanize "abc" }}', 'error calling humanize: strconv.ParseFloat: parsing "abc": invalid syntax'],
    ['{{ first (query "none") }}', 'error calling first: first() called on vector with no elements'],
    ['{{ lt $value 1 }}', 'error calling lt: incompatible types for comparison'],
    ['{{ toUpper 1.5 }}', 'expected string; found 1.5'],
    ['{{ toUpper $value }}', 'wrong type for value; expected string; got float64'],
    ['{{ humanize }}', 'wrong number of args for humanize: want 1 got 0'],
  ])('turns the failure of %s into a text', (text, message) => {
    expect(expand(text)).toMatch(/^<error expanding template: error executing template __alert_T: template: __alert_T:1:\d+: executing "__alert_T" at <.*>: .*>$/)
    expect(expand(text)).toContain(message)
  })

  it.each([
    ['{{ nope }}', 'template: __alert_T:1: function "nope" not defined'],
    ['a\n{{ $x }}', 'template: __alert_T:2: undefined variable "$x"'],
    ['{{ if true }}', 'template: __alert_T:1: unexpected EOF'],
    ['{{ end }}', 'template: __alert_T:1: unexpected {{end}}'],
    ['{{ "a }}', 'template: __alert_T:1: unterminated quoted string'],
    ['{{ | humanize }}', 'template: __alert_T:1: unexpected "|" in command'],
    ['{{ if }}x{{ end }}', 'template: __alert_T:1: missing value for if'],
  ])('refuses %j when it is loaded', (text, message) => {
    expect(() => compileTemplate('T', text)).toThrow(TemplateError)
    expect(() => compileTemplate('T', text)).toThrow(message)
  })

  it('bounds what a template may do', () => {
    expect(expand('{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" 1 }}')).toContain('exceeded maximum template depth')
    expect(() => compileTemplate('T', `{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`)).toThrow('nested too deeply')
    const nested = '{{ range query "x" }}'.repeat(20) + 'x' + '{{ end }}'.repeat(20)
    expect(expand(nested)).toContain('template runs too long')
  })
})
