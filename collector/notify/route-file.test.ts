import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { mistakeText } from '../rules/rule.ts'
import { missingTargets } from './receiver.ts'
import { parseRouteFile, routeFileOrThrow } from './route-file.ts'
import { alertmanagerText } from './route-text.ts'
import { allRoutes, groupKey, groupLabels, matchRoutes } from './route.ts'

const mistakes = (text: string): readonly string[] => {
  const parsed = parseRouteFile('routes.yml', text)
  return parsed.kind === 'ok' ? [] : parsed.mistakes.map(mistakeText)
}

describe('parseRouteFile', () => {
  it('tells all mistakes together, each with its place and path, and the nearest known key', () => {
    expect(mistakes(`
global: { resolve_timeout: 5 m, smtp_smarthost: 'mail:25', resolve_timout: 5m }
route:
  reciever: duty
  group_by: [a, a, '0b', '...']
  group_interval: 0s
  continue: perhaps
  routes:
    - matchers: ['a==~"("', 'b']
      match: { '0c': x }
      receiver: nobody
      mute_time_intervals: [holidays]
inhibit_rules:
  - source_matchers: 'a=b'
    equals: [x]
time_intervals:
  - name: n
    time_intervals:
      - { times: [{ start_time: '25:00', end_time: '09:00' }, { start_time: '22:00', end_time: '06:00' }], weekdays: ['friday:monday', funday], days_of_month: ['0', '-1:5', '31:1'], months: ['13'], location: Asia/Peking }
  - name: n
receivers:
  - { name: duty, to: [{ channel: 'Mail!' }], webhook_configs: [{ url: 'ftp://x', http_config: {} }], email_configs: [] }
  - { name: duty }
templates: ['*.tmpl']
`)).toMatchInlineSnapshot(`
  [
    "routes.yml:24:12: templates: templates are not carried out here; messages are worded in alerts/templates",
    "routes.yml:2:33: global.smtp_smarthost: smtp_smarthost is not carried out here; channels are set up in collector.yml",
    "routes.yml:2:60: global.resolve_timout: unknown key "resolve_timout"; did you mean "resolve_timeout"?",
    "routes.yml:2:28: global.resolve_timeout: not a valid duration string: "5 m"",
    "routes.yml:19:33: time_intervals[0].time_intervals[0].times[0].start_time: expected a time such as 09:30 (24:00 for the end of the day), got "25:00"",
    "routes.yml:19:96: time_intervals[0].time_intervals[0].times[1].end_time: end_time must be later than start_time; a night is two ranges",
    "routes.yml:19:119: time_intervals[0].time_intervals[0].weekdays[0]: the range ends before it begins: "friday:monday"",
    "routes.yml:19:136: time_intervals[0].time_intervals[0].weekdays[1]: expected a weekday or a range of them (a:b), got "funday"",
    "routes.yml:19:161: time_intervals[0].time_intervals[0].days_of_month[0]: expected a day of the month (1 to 31, or -1 to -31 from its end) or a range of them (a:b), got "0"",
    "routes.yml:19:166: time_intervals[0].time_intervals[0].days_of_month[1]: the last day must be negative where the first is",
    "routes.yml:19:174: time_intervals[0].time_intervals[0].days_of_month[2]: the range ends before it begins: "31:1"",
    "routes.yml:19:192: time_intervals[0].time_intervals[0].months[0]: expected a month or a range of them (a:b), got "13"",
    "routes.yml:19:209: time_intervals[0].time_intervals[0].location: unknown time zone "Asia/Peking"",
    "routes.yml:20:11: time_intervals[1].name: time interval "n" is not unique",
    "routes.yml:22:103: receivers[0].email_configs: email_configs is not carried out here; name a channel of collector.yml under "to", or use webhook_configs",
    "routes.yml:22:35: receivers[0].to[0].channel: channel must name one of the channels of collector.yml (lower-case letters, digits, hyphens)",
    "routes.yml:22:83: receivers[0].webhook_configs[0].http_config: http_config is not carried out here; a proxy, TLS and credentials belong to a webhook channel of collector.yml",
    "routes.yml:22:72: receivers[0].webhook_configs[0].url: expected an http or https URL with a host",
    "routes.yml:23:5: receivers[1]: receiver "duty" is not unique",
    "routes.yml:4:3: route.reciever: unknown key "reciever"; did you mean "receiver"?",
    "routes.yml:7:13: route.continue: expected true or false, got "perhaps"",
    "routes.yml:4:3: route: root route must specify a default receiver",
    "routes.yml:5:17: route.group_by[1]: duplicated label "a" in group_by",
    "routes.yml:5:20: route.group_by[2]: invalid label name "0b" in group_by list",
    "routes.yml:5:13: route.group_by: cannot have wildcard group_by (\`...\`) and other labels at the same time",
    "routes.yml:6:19: route.group_interval: group_interval cannot be zero",
    "routes.yml:10:16: route.routes[0].match.0c: invalid label name "0c"",
    "routes.yml:9:18: route.routes[0].matchers[0]: matcher value contains unescaped double quote: =~"("",
    "routes.yml:9:29: route.routes[0].matchers[1]: bad matcher format: b",
    "routes.yml:11:17: route.routes[0].receiver: undefined receiver "nobody" used in route",
    "routes.yml:12:29: route.routes[0].mute_time_intervals[0]: undefined time interval "holidays" used in route",
    "routes.yml:15:5: inhibit_rules[0].equals: unknown key "equals"; did you mean "equal"?",
    "routes.yml:14:22: inhibit_rules[0].source_matchers: expected a list",
  ]
`)
  })

  it('refuses what a root route must not have, and a file without routes', () => {
    expect(mistakes('route: { receiver: r, match: { a: b }, continue: true, active_time_intervals: [n] }\nreceivers: [{ name: r }]\ntime_intervals: [{ name: n }]').map((one) => one.replace(/^[^ ]* /, ''))).toEqual([
      'route: root route must not have any matchers',
      'route.active_time_intervals: root route must not have any active time intervals',
      'route.continue: cannot have continue in root route',
    ])
    expect(mistakes('receivers: []')).toEqual(['routes.yml:1:1: no route provided'])
    expect(mistakes('route: {}')).toEqual(['routes.yml:1:8: route: root route must specify a default receiver'])
    expect(mistakes('route: [')).toHaveLength(1)
  })
})

describe('routes', () => {
  const file = routeFileOrThrow('routes.yml', `
route:
  receiver: root
  group_by: [alertname]
  routes:
    - match: { team: a }
      match_re: { severity: 'x|y' }
      receiver: a
      group_wait: 1s
      mute_time_intervals: [n]
      routes:
        - matchers: ['owner="z"', 'area="q"']
          group_by: ['...']
          continue: true
        - matchers: ['owner=~"z.*"']
          group_by: []
    - matchers: ['team=~"a|b"']
      continue: true
      receiver: b
    - receiver: all
      matchers: ['team!=""']
time_intervals: [{ name: n }]
receivers: [{ name: root }, { name: a }, { name: b }, { name: all }]
`)
  const taken = (labels: Record<string, string>): readonly string[] => matchRoutes(file.route, labels).map((route) => `${route.receiver} ${groupKey(route, groupLabels(route, labels))}`)

  it('an alert takes the deepest routes, the first one unless it goes on', () => {
    expect(taken({ alertname: 'A' })).toEqual(['root {}:{alertname="A"}'])
    expect(taken({ alertname: 'A', team: 'b' })).toEqual(['b {}/{team=~"a|b"}:{alertname="A"}', 'all {}/{team!=""}:{alertname="A"}'])
    expect(taken({ alertname: 'A', team: 'a', severity: 'y', owner: 'z', area: 'q' })).toEqual([
      'a {}/{severity=~"^(?:x|y)$",team="a"}/{area="q",owner="z"}:{alertname="A", area="q", owner="z", severity="y", team="a"}',
      'a {}/{severity=~"^(?:x|y)$",team="a"}/{owner=~"z.*"}:{alertname="A"}',
    ])
  })
  it('inherit receiver, grouping and times, but not their mute times', () => {
    const [root, a, az] = allRoutes(file.route)
    expect([root!.groupWaitMs, root!.groupIntervalMs, root!.repeatIntervalMs]).toEqual([30_000, 300_000, 14_400_000])
    expect([az!.receiver, az!.groupWaitMs, az!.groupIntervalMs]).toEqual(['a', 1_000, 300_000])
    expect([a!.muteTimeIntervals, az!.muteTimeIntervals]).toEqual([['n'], []])
  })
})

describe('alerts/routes.yml', () => {
  const text = readFileSync(join(import.meta.dirname, '../../alerts/routes.yml'), 'utf8')
  const file = routeFileOrThrow('alerts/routes.yml', text)
  const to = (labels: Record<string, string>): readonly string[] => matchRoutes(file.route, labels).map((route) => `${route.receiver} ${groupKey(route, groupLabels(route, labels)).split(':').at(-1)}`)

  it('sends each kind of alert where it belongs', () => {
    expect(to({ alertname: 'HostDown', severity: 'critical', sla: 'standard', incident: 'F20261122-001', instance: 'a' })).toEqual(['duty {incident="F20261122-001"}'])
    // Pushed from outside: no incident tells them apart.
    expect(to({ alertname: 'Full', severity: 'critical', sla: 'standard', instance: 'a' })).toEqual(['duty {alertname="Full", instance="a"}'])
    expect(to({ alertname: 'Slow', severity: 'critical', sla: 'standard', system: 'portal' })).toEqual(['duty {alertname="Slow", system="portal"}'])
    expect(to({ alertname: 'Full', severity: 'critical', instance: 'a' })).toEqual(['duty {alertname="Full", instance="a"}'])
    expect(to({ alertname: 'Load', severity: 'warning', instance: 'a' })).toEqual(['on-site {alertname="Load", instance="a"}'])
    expect(to({ alertname: 'Note', severity: 'info', instance: 'a' })).toEqual(['on-site {alertname="Note", instance="a"}'])
    expect(to({ alertname: 'Watchdog', severity: 'info', fault: 'watchdog' })).toEqual(['heartbeat {alertname="Watchdog"}'])
  })
  it('names what the other files must have', () => {
    const known = { channels: new Set(['mail', 'heartbeat']), rosters: new Set(['on-call']), people: new Set<string>() }
    expect(missingTargets(file.receivers.values(), known)).toEqual(['receiver "duty": channel "sms" is not defined', 'receiver "on-site": roster "on-site" is not defined'])
  })
  it('names nobody and no address', () => {
    expect(text).not.toMatch(/\d{7,}|@/)
    expect([...file.receivers.values()].flatMap((one) => one.integrations).every((one) => one.kind === 'channel' && one.people.length + one.addresses.length === 0)).toBe(true)
  })
  it('is shown as a plain Alertmanager would load it, without our targets and the paths of webhooks', () => {
    expect(alertmanagerText(text)).not.toMatch(/roster|channel/)
    const shown = alertmanagerText("route: { receiver: r, continue: false }\nreceivers: [{ name: r, to: [{ channel: mail }], webhook_configs: [{ url: 'https://h.example:9/secret?x', send_resolved: true, max_alerts: 3 }] }]")
    expect(shown).toContain('url: "https://h.example:9/masked"')
    expect(shown).toMatch(/send_resolved: true\n/)
    expect(shown).toMatch(/max_alerts: 3\n/)
    expect(shown).toMatch(/continue: false\n/)
    const empty = alertmanagerText("route: { receiver: r, routes: [{ match: { team: '' }, group_by: }] }\nreceivers: [{ name: r }]\ninhibit_rules:")
    expect(empty).toContain('team: ""')
    expect(empty).not.toMatch(/group_by|inhibit/)
  })
})
