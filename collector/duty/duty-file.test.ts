import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SettingsError } from '../../protocol/settings.ts'
import { parseDutyFile } from './duty-file.ts'
import { checkEscalationNames, parseEscalationFile, policyFor } from './escalation-file.ts'
import { loadDuty } from './load.ts'

const alerts = new URL('../../alerts/', import.meta.url).pathname
const text = readFileSync(`${alerts}duty.yml`, 'utf8')
const escalation = readFileSync(`${alerts}escalation.yml`, 'utf8')

/** All mistakes of a text, or none. */
function mistakes(parse: () => unknown): readonly string[] {
  try {
    parse()
    return []
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError)
    return (error as SettingsError).mistakes
  }
}

describe('the shipped files', () => {
  it('parse, fit each other, and carry no phone, address or real name', () => {
    const files = loadDuty({ alerts, channels: [] })
    expect([...files.file.people.values()].map((person) => person.addresses)).toEqual(Array.from({ length: 8 }, () => ({})))
    for (const person of files.file.people.values()) expect(person.name).toMatch(/^示例/)
    expect(text + escalation).not.toMatch(/@|\d{7}/)
    expect([...files.calendar.years.keys()]).toEqual([2026])
    const night = files.file.rosters.get('night')!.shifts[0]!
    expect(night).toMatchObject({ startMinute: 18 * 60, endMinute: (24 + 8) * 60 + 30, handoverMs: 900_000 })
    expect(policyFor(files.policies, 'standard', 'critical')?.name).toBe('critical')
    expect(policyFor(files.policies, 'standard', 'warning')?.name).toBe('others')
  })

  it('name every mistake of every file at once', () => {
    const found = mistakes(() => loadDuty({ alerts, dutyFile: '/nowhere/duty.yml', escalationFile: '/nowhere/escalation.yml' }))
    expect(found).toHaveLength(2)
    expect(found.join()).toMatch(/\/nowhere\/duty\.yml: cannot be read.*\/nowhere\/escalation\.yml: cannot be read/)
  })
})

describe('parseDutyFile', () => {
  it.each([
    ['an unknown key', text.replace('cover:', 'covr:'), ['duty.yml: covr: unknown key, did you mean cover?']],
    ['an unknown key deep down', text.replace("start: '18:00'", "begin: '18:00'"), ['duty.yml: rosters.1.shifts.0.start: expected a text, got nothing', 'duty.yml: rosters.1.shifts.0.begin: unknown key']],
    ['an unknown person in a turn', text.replace('turns: [hotline-1,', 'turns: [hotlin-1,'), ['duty.yml: rosters.3.rotation.turns.0: expected the id of one of people, did you mean hotline-1?, got "hotlin-1"']],
    ['one in a turn of several', text.replace('turns: [[engineer-1, engineer-2', 'turns: [[engineer-1, engineer-9'), ['duty.yml: rosters.0.rotation.turns.0.1: expected the id of one of people, did you mean engineer-1?, got "engineer-9"']],
    ['an unknown role of a person', text.replace('roles: [on-site-lead]', 'roles: [on-site-led]'), ['duty.yml: people.0.roles.0: expected the name of one of roles, did you mean on-site-lead?, got "on-site-led"']],
    ['an unknown roster in cover', text.replace('rosters: [hotline] }\n', 'rosters: [hotlin] }\n'), ['duty.yml: cover.1.rosters.0: expected the name of one of rosters, did you mean hotline?, got "hotlin"']],
    ['a time of day that is none', text.replace("end: '12:00'", "end: '12:60'"), ['duty.yml: rosters.0.shifts.0.end: expected a time of day such as 08:30, 24:00 at the latest, got "12:60"']],
    ['a date that is none', text.replace('anchor: 2026-01-01', 'anchor: 2026-02-30'), ['duty.yml: rosters.2.rotation.anchor: expected a date that exists, such as 2026-10-01, got "2026-02-30"']],
    ['a hand-over of a day', text.replace('handover: 10m', 'handover: 24h'), ['duty.yml: rosters.3.shifts.0.handover: expected a duration with a unit such as 10m, 2h, from 0s to 4h, got "24h"']],
    ['an unknown kind of day', text.replace('days: [weekend, holiday]', 'days: [weekends, holiday]'), ['duty.yml: rosters.2.shifts.0.days.0: expected one of workday, makeup, weekend, holiday, got "weekends"']],
    ['a person twice', text.replace('id: engineer-2', 'id: engineer-1'), [/people\.1\.id: expected a name of its own for each, got "engineer-1"/, /turns/, /turns/, /turns/, /turns/]],
    ['a chain in a ring', text.replace('title: 驻场负责人, next: project-manager', 'title: 驻场负责人, next: on-call'), [/roles\.0\.next: expected a chain that does not come back/, /roles\.1\.next/, /roles\.2\.next/]],
    ['a role with a roster’s name', text.replace('- { name: on-call, title', '- { name: night, title'), [/roles\.0\.name: expected a name that no roster has/]],
    ['no rotation anywhere', text.replace(/rotation: \{ anchor: 2026-01-01.*\n/, '\n'), ['duty.yml: rosters.2.shifts.0.rotation: expected a rotation here or for the whole roster, got nothing']],
    ['digits that are a name', text.replace('示例工程师二 }', '示例工程师二, addresses: { wecom: 10000000001 } }'), [/people\.1\.addresses\.wecom: expected a text, got .*\(put it in quotes\)$/]],
    ['two addresses in one', text.replace('示例工程师二 }', '示例工程师二, addresses: { mail: "a@b,c", phone: 12 } }'), [/people\.1\.addresses\.mail: expected one address/, /people\.1\.addresses\.phone: expected a text/]],
    ['an end before its begin', text.replace('示例坐席一 }', '示例坐席一, from: 2026-05-01, until: 2026-04-30 }'), ['duty.yml: people.4.until: expected no earlier than from, got "2026-04-30"']],
    ['broken YAML', 'people: [', [/^duty\.yml: /]],
  ])('tells %s', (_, broken, wanted) => {
    expect(broken).not.toBe(text)
    const found = mistakes(() => parseDutyFile(broken, 'duty.yml'))
    for (const one of wanted) expect(found).toContainEqual(one instanceof RegExp ? expect.stringMatching(one) : one)
    expect(found).toHaveLength(wanted.length)
  })

  it('tells mistakes of shape and of reference together', () => {
    const broken = text.replace("end: '12:00'", "end: '12:60'").replace('turns: [hotline-1,', 'turns: [hotline-9,').replace('cover:', 'covr:')
    expect(mistakes(() => parseDutyFile(broken, 'duty.yml'))).toHaveLength(3)
  })
})

describe('parseEscalationFile', () => {
  it.each([
    ['a step of 0 %', escalation.replace('used: 50', 'used: 0'), [/policies\.0\.steps\.0\.used/]],
    ['a step past the breach', escalation.replace('used: 50', 'used: 101'), [/policies\.0\.steps\.0\.used: expected at most 100/]],
    ['two steps at one share', escalation.replace('used: 75', 'used: 50'), [/policies\.0\.steps\.1\.used: expected one step for each share of a clock/]],
    ['an unknown clock', escalation.replace('clock: respond', 'clock: response'), [/policies\.0\.steps\.0\.clock: expected one of respond, dispose, recover, got "response"/]],
    ['nobody to tell', escalation.replace('to: [on-call]', 'to: []'), [/policies\.0\.steps\.0\.to: expected at least 1 entries/]],
    ['a repeat every second', escalation.replace('repeatEvery: 5m', 'repeatEvery: 1s'), [/repeatEvery: expected a duration with a unit such as 10m, 2h, from 1m to 24h, got "1s"/]],
    ['an unknown key', escalation.replace('severities:', 'severites:'), [/policies\.0\.severites: unknown key, did you mean severities\?/]],
  ])('tells %s', (_, broken, wanted) => {
    const found = mistakes(() => parseEscalationFile(broken, 'escalation.yml'))
    for (const one of wanted) expect(found).toContainEqual(expect.stringMatching(one))
    expect(found).toHaveLength(wanted.length)
  })

  it('tells roles that nobody has and channels that are not set up', () => {
    const policies = parseEscalationFile(escalation.replace('to: [on-call]', 'to: [on-cal], channels: [smss]'), 'escalation.yml')
    expect(mistakes(() => checkEscalationNames(policies, 'escalation.yml', parseDutyFile(text, 'duty.yml'), ['sms', 'mail']))).toEqual([
      'escalation.yml: critical: respond 50%: expected a role of duty.yml, did you mean on-call?, got "on-cal"',
      'escalation.yml: critical: respond 50%: expected a channel that is set up, did you mean sms?, got "smss"',
    ])
  })
})
