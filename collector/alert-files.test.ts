import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { SettingsError } from '../protocol/settings.ts'
import { checkAlertFiles } from './alert-files.ts'
import { parseCollectorSettings } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'zhishou-alert-files-'))
afterAll(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const settings = (text: string) => parseCollectorSettings(text, 'collector.yml', folder)
function mistakesOf(text: string): readonly string[] {
  try {
    checkAlertFiles(settings(text))
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.mistakes.map((one) => one.replaceAll(`${folder}/`, ''))
    throw error
  }
}
const routes = (to: string): string => `route: { receiver: duty }\nreceivers: [{ name: duty, to: [${to}] }]\n`
const channels = 'mail: { kind: email, host: a.example.org, from: a@example.org }, sms: { kind: sms-http, url: http://a.example.org, body: "m={phone}&c={content}", success: ok }, ops: { kind: wecom, keyEnv: KEY }'

describe('checkAlertFiles', () => {
  it('takes the shipped files where nothing is named, and says what they would need', () => {
    const files = checkAlertFiles(settings(''))
    expect([...files.routes.receivers.keys()]).toEqual(['duty', 'on-site', 'heartbeat'])
    expect(files.topology.services).toEqual([])
    expect(files.terms).toBeUndefined()
    expect(files.missing).toEqual(['duty: "mail"', 'duty: "sms"', 'on-site: "mail"', 'heartbeat: "heartbeat"'].map((one) => `receiver "${one.replace(': ', '": channel ')} is not defined`))
    // A role of the shipped roster counts as one: only the channels are wanting.
    expect(checkAlertFiles(settings(`notify: { channels: { ${channels}, heartbeat: { kind: webhook, url: http://a.example.org } } }`)).missing).toEqual([])
  })

  it("reads the site's own files in their place", () => {
    const files = checkAlertFiles(settings(`
notify: { channels: { ${channels} }, routesFile: ${write('routes.yml', routes('{ channel: mail, people: [li] }, { channel: sms, roster: hotline }, { channel: ops }, { channel: mail, addresses: [a@example.org] }'))} }
topologyFile: ${write('topology.yml', 'services: [{ id: portal, title: 门户, criticality: high }]')}
duty:
  file: ${write('duty.yml', 'people: [{ id: li, name: 李 }]\nroles: [{ name: boss, title: 主任 }]\nrosters: [{ name: hotline, title: 热线, rotation: { anchor: 2026-01-05, unit: day, turns: [li] }, shifts: [{ name: day, title: 白班, days: [workday, makeup, weekend, holiday], start: "08:00", end: "08:00" }] }]')}
  escalationFile: ${write('escalation.yml', 'policies: [{ name: all, steps: [{ clock: respond, used: 50, to: [boss], channels: [ops] }] }]')}
  calendarFolder: ${folder}
service: { termsFile: ${write('terms.yml', "contract: { sum: '1.00', origin: 合同正文 }\nterms: []")} }
`.replace(`calendarFolder: ${folder}`, `calendarFolder: ${join(import.meta.dirname, '..', 'alerts', 'calendar')}`)))
    expect(files.topology.services.map((one) => one.id)).toEqual(['portal'])
    expect([...files.duty.file.people.keys()]).toEqual(['li'])
    expect(files.duty.policies.map((one) => one.name)).toEqual(['all'])
    expect(files.terms?.terms).toEqual([])
    expect(files.missing).toEqual([])
  })

  it('tells every mistake of every file together', () => {
    const found = mistakesOf(`
notify: { channels: { ${channels} }, routesFile: ${write('bad-routes.yml', 'route: { receiver: duti }\nreceivers: [{ name: duty }]')} }
topologyFile: ${write('bad-topology.yml', 'hots: []')}
slaFile: /nowhere/sla.yml
duty: { file: ${write('bad-duty.yml', 'people: 5')}, escalationFile: ${write('bad-escalation.yml', 'policies: [{ name: a, stpes: [] }]')}, calendarFolder: /nowhere }
service: { termsFile: ${write('bad-terms.yml', 'contract: { sum: 123456 }')} }
`)
    const wanted = [/^bad-routes\.yml:1:20: route\.receiver: undefined receiver "duti"/, /^bad-topology\.yml: hots: unknown key, did you mean hosts\?/, /^slaFile: \/nowhere\/sla\.yml: cannot be read/, /^bad-duty\.yml: people: expected a list/, /^bad-escalation\.yml: policies\.0\.stpes: unknown key, did you mean steps\?/, /^duty\.calendarFolder: expected a folder that exists/, /^bad-terms\.yml: contract\.sum: expected yuan as text/]
    for (const pattern of wanted) expect(found.filter((one) => pattern.test(one)), `${pattern.source} in ${found.join('\n')}`).toHaveLength(1)
    expect(found.join('\n')).not.toContain('123456')
  })

  it.each([
    ['a channel that is not set up', '{ channel: pager }', ['channel "pager" is not defined']],
    ['a roster and a person nobody knows', '{ channel: mail, roster: nights, people: [nobody] }', ['roster "nights" is not defined', 'person "nobody" is not defined']],
    ['a phone number for mail', "{ channel: mail, addresses: ['13800000001'] }", ['channel "mail": expected one mail address such as duty@example.org, got "13800000001"']],
    ['a mailbox for SMS', '{ channel: sms, addresses: [a@example.org] }', ['channel "sms": expected a phone number of digits only, got "a@example.org"']],
    ['nobody to mail to', '{ channel: mail }', ['channel "mail": expected addresses, people or a roster']],
    ['an address for a robot', '{ channel: ops, addresses: [a] }', ['channel "ops": expected no addresses, people or roster: a wecom channel is an address itself']],
  ])("refuses %s in the site's own routes", (_, to, wanted) => {
    expect(mistakesOf(`notify: { channels: { ${channels} }, routesFile: ${write('own.yml', routes(to))} }`)).toEqual(wanted.map((text) => `own.yml: receivers: receiver "duty": ${text}`))
  })
})
