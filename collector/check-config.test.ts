import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkConfig } from './check-config.ts'

/** A Sunday in November: 2027 is less than 60 days away. */
const NOW = Date.parse('2026-11-22T12:00:00+08:00')
let home = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'zhishou-check-'))
})
afterEach(() => rmSync(home, { recursive: true }))

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true })
    writeFileSync(join(home, name), text)
  }
}
const check = (text: string, now = NOW) => checkConfig(text, 'collector.yml', home, now)
const short = (list: readonly string[]): readonly string[] => list.map((one) => one.replaceAll(`${home}/`, ''))

const year = (of: number): string => `year: ${of}\nsource: 测试用的通知\nholidays: [{ name: 元旦, from: ${of}-01-01, to: ${of}-01-01 }]\n`
const duty = (people: string): string => `
people: [${people}]
roles: [{ name: on-call, title: 值班, rosters: [all], next: boss }, { name: boss, title: 主任 }]
rosters: [{ name: all, title: 全天, rotation: { anchor: 2026-01-05, unit: day, turns: [li, wang] }, shifts: [{ name: day, title: 班, days: [workday, makeup, weekend, holiday], start: '08:00', end: '08:00' }] }]
`
const good = {
  'duty.yml': duty('{ id: li, name: 李, addresses: { mail: li@example.org } }, { id: wang, name: 王, addresses: { mail: wang@example.org } }, { id: zhao, name: 赵, roles: [boss], addresses: { mail: zhao@example.org } }'),
  'escalation.yml': 'policies: [{ name: all, steps: [{ clock: respond, used: 50, to: [on-call, boss] }] }]',
  'routes.yml': 'route: { receiver: duty }\nreceivers: [{ name: duty, to: [{ channel: mail, roster: on-call }] }]',
  'topology.yml': 'services: [{ id: portal, title: 门户, criticality: high, members: [web-01] }]\nhosts: [{ id: web-01, title: 前端 }]',
  'calendar/2027.yml': year(2027),
}
const settings = (more = '', mail = 'kind: email, host: a.example.org, from: a@example.org'): string => `
topologyFile: topology.yml
duty: { file: duty.yml, escalationFile: escalation.yml, calendarFolder: calendar }
notify: { routesFile: routes.yml, channels: { mail: { ${mail} }${more} } }
`

describe('checkConfig', () => {
  it('has nothing to say of a whole site', async () => {
    write(good)
    expect(await check(settings())).toEqual({ mistakes: [], warnings: [] })
  })

  it('tells the mistakes of every file at once, also beside those of collector.yml and of each other', async () => {
    write({
      ...good,
      'duty.yml': 'people: 5',
      'escalation.yml': 'policies: [{ name: a, stpes: [] }]',
      'routes.yml': 'route: { receiver: duty }\nreceivers: [{ name: duty, to: [{ channel: mail, roster: on-call }, { channel: mial, people: [li] }, { channel: ops, addresses: [a] }] }]',
      'topology.yml': 'hots: []',
      'calendar/2027.yml': 'year: 2027',
      'rules/a.yml': 'groups: [{ name: a, ruls: [] }]',
    })
    const { mistakes } = await check(`htpp: 1\nrules: { folders: [rules, norules] }\nslaFile: sla.yml\n${settings(', ops: { kind: wecom, keyFile: key }, hook: { kind: webhook, url: http://a.example.org, bearerFile: bearer }', 'kind: email, hots: a')}`)
    const wanted = [
      /^collector\.yml: htpp: unknown key, did you mean http\?/, /^collector\.yml: notify\.channels\.mail\.hots: unknown key, did you mean host\?/, /mail\.from: expected/, /^duty\.yml: people: expected a list/, /^escalation\.yml: policies\.0\.stpes/,
      /^routes\.yml: receivers: receiver "duty": channel "mial" is not defined/, /^routes\.yml: .*channel "ops": expected no addresses/, /^topology\.yml: hots: unknown key/, /^calendar\/2027\.yml: /, /rules\/a\.yml:.*ruls/, /rules\.folders: rules: cannot list norules/, /^slaFile: sla\.yml: cannot be read/, /\bkey\b.*ENOENT|ENOENT.*\bkey\b/, /\bbearer\b.*ENOENT|ENOENT.*\bbearer\b/,
    ]
    const found = short(mistakes)
    for (const pattern of wanted) expect(found.some((one) => pattern.test(one)), `${pattern.source} in\n${found.join('\n')}`).toBe(true)
    // A channel that is there and faulty is told once, where it is; people of a roster that cannot be read are not missing.
    expect(found.filter((one) => /channel "mail"|person "li"|roster "on-call"/.test(one))).toEqual([])
  })

  it('says what is wrong with the shape of the file, and still looks at the shipped ones', async () => {
    const { mistakes, warnings } = await check('tls: [')
    expect(mistakes).toEqual([expect.stringMatching(/^collector\.yml: Flow sequence/)])
    expect(warnings).toContain('escalation.yml: no channel is set up in collector.yml: nobody is told when a clock runs out')
  })
})

describe('warnings', () => {
  it.each([
    ['people of a roster without an address on what their escalation uses', { 'duty.yml': good['duty.yml'].replace('{ mail: wang@example.org }', "{ phone: '12345' }") }, '', ['duty.yml: roster "all": no address on mail, which its escalation uses: wang']],
    ['a standing role without one', { 'duty.yml': good['duty.yml'].replace('{ mail: zhao@example.org }', '{ wecom: zhao }') }, '', ['duty.yml: role "boss": no address on mail, which its escalation uses: zhao']],
    ['a step by a channel that somebody lacks', { 'escalation.yml': good['escalation.yml'].replace('to: [on-call, boss]', 'to: [on-call], channels: [sms]') }, ', sms: { kind: sms-http, url: http://a.example.org, body: "m={phone}&c={content}", success: ok }', ['duty.yml: roster "all": no address on sms, which its escalation uses: li, wang']],
    ['an SMS budget without its year', {}, ', sms: { kind: sms-http, url: http://a.example.org, body: "m={phone}&c={content}", success: ok, yearlyBudget: 5 }', ["collector.yml: notify.channels.sms: yearlyBudget without yearFrom: the budget's year is taken to begin on 01-01"]],
    ['a receiver that leads to nobody', { 'routes.yml': 'route: { receiver: duty, routes: [{ receiver: void }, { receiver: boss }] }\nreceivers: [{ name: duty, to: [{ channel: mail, roster: on-call }] }, { name: void }, { name: unused }, { name: boss, to: [{ channel: mail, roster: boss }] }]', 'duty.yml': good['duty.yml'].replace('{ mail: zhao@example.org }', '{}') }, '', ['routes.yml: receivers: nobody can be reached by receiver "void"', 'routes.yml: receivers: nobody can be reached by receiver "boss"', 'duty.yml: role "boss": no address on mail, which its escalation uses: zhao']],
    ['a service without members', { 'topology.yml': 'services: [{ id: portal, title: 门户, criticality: high }]' }, '', ["topology.yml: services: portal has no members: no host's fault is ever counted to it"]],
  ])('tell of %s', async (_, files, more, wanted) => {
    write({ ...good, ...files })
    expect(await check(settings(more))).toEqual({ mistakes: [], warnings: wanted })
  })

  it('tell of a year that is not there, 60 days ahead', async () => {
    write({ ...good, 'calendar/2027.yml': year(2030) })
    expect((await check(settings())).warnings).toEqual(['calendar: 2027 is missing; put 2027.yml into the folder duty.calendarFolder'])
    expect((await check(settings(), Date.parse('2026-11-01T12:00:00+08:00'))).warnings).toEqual([])
  })

  it('tell of gaps of the next 14 days, and of none later', async () => {
    write({ ...good, 'duty.yml': good['duty.yml'].replace('id: wang, name: 王', 'id: wang, name: 王, until: 2026-12-05') })
    const none = (await check(settings(), Date.parse('2026-11-21T12:00:00+08:00'))).warnings
    expect(none).toEqual([])
    const { warnings } = await check(settings(), Date.parse('2026-11-24T12:00:00+08:00'))
    expect(warnings).toEqual(['12-06', '12-08'].map((day) => expect.stringMatching(new RegExp(`^duty\\.yml: 全天：${day} 08:00 .*无人值班`))))
  })

  it('tell nothing of whom a faulty channel would reach, nor of routes where an outside Alertmanager tells', async () => {
    write(good)
    expect(await check(settings('', 'kind: email, hots: a, host: a.example.org, from: a@example.org'))).toEqual({ mistakes: [expect.stringContaining('hots')], warnings: [] })
    const outside = await check('notify: { alertmanagers: [{ url: http://127.0.0.1:9093 }] }')
    expect(outside.warnings.filter((one) => one.startsWith('routes.yml'))).toEqual([])
  })

  it('tell of the shipped routes whose channels are not there', async () => {
    const { mistakes, warnings } = await check('')
    expect(mistakes).toEqual([])
    expect(warnings.filter((one) => one.startsWith('routes.yml'))).toHaveLength(4)
  })
})
