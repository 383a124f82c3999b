import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { SettingsError } from '../protocol/settings.ts'
import { loadCollectorSettings, parseCollectorSettings, readCollectorSettings } from './config.ts'

const work = mkdtempSync(join(tmpdir(), 'zhishou-config-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

function mistakesOf(parse: () => unknown): readonly string[] {
  try {
    parse()
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.mistakes
    throw error
  }
}
const mistakes = (text: string): readonly string[] => mistakesOf(() => parseCollectorSettings(text, 'collector.yml', work))

const DAY_MS = 86_400_000
const secret = 'hunter2-hunter2'

describe('collector.yml', () => {
  it('has a default for every key, and cannot be changed afterwards', () => {
    const settings = parseCollectorSettings('', 'collector.yml', work)
    expect(settings).toEqual({
      tls: { host: '0.0.0.0', port: 8643 },
      http: { host: '127.0.0.1', port: 8600 },
      names: [],
      log: 'info',
      link: { heartbeat: 4_000, silence: 9_000, maxAgents: 5_000, maxSeriesPerAgent: 50_000 },
      store: { retention: 400 * DAY_MS, outOfOrder: 31 * DAY_MS, minFree: 512 * 1024 ** 2 },
      rules: { folders: [], shipped: true, interval: 15_000 },
      notify: { channels: {}, alertmanagers: [], decisionRetention: 90 * DAY_MS, serviceAliases: {} },
      duty: {},
      service: { contractStart: '2026-01-01', affecting: ['critical'], openings: {}, targets: {} },
    })
    expect(Object.isFrozen(settings)).toBe(true)
    expect(parseCollectorSettings('# only a comment\n', 'collector.yml', work)).toEqual(settings)
  })

  it('reads every key', () => {
    const text = `
tls: '[::]:443'
http: '[::1]:80'
names: [collector.example.org, 10.0.0.9]
log: debug
link: { heartbeat: 2s, silence: 5s, maxAgents: 10, maxSeriesPerAgent: 100 }
store: { retention: 30d, outOfOrder: 1h, minFree: 1GiB }
rules: { folders: [/etc/zhishou/rules], shipped: false, interval: 1m }
slaFile: /etc/zhishou/sla.yml
topologyFile: /etc/zhishou/topology.yml
duty: { file: /etc/zhishou/duty.yml, escalationFile: /etc/zhishou/escalation.yml, calendarFolder: /etc/zhishou/calendar }
service: { contractStart: 2026-03-01, openings: { portal: [{ from: '09:00', to: '12:00' }, { from: '14:00', to: '17:00' }] }, termsFile: /etc/zhishou/exposure.yml }
notify:
  channels:
    mail: { kind: email, host: mail.example.org, port: 587, user: duty, passwordFile: /etc/zhishou/mail-password, from: zhishou@example.org }
  routesFile: /etc/zhishou/routes.yml
  alertmanagers: [{ url: 'http://127.0.0.1:9093/am' }]
  decisionRetention: 30d
  consoleUrl: https://collector.example.org:8643
`
    const settings = parseCollectorSettings(text, 'collector.yml', work)
    expect(settings.tls).toEqual({ host: '::', port: 443 })
    expect(settings.http).toEqual({ host: '::1', port: 80 })
    expect(settings.link).toEqual({ heartbeat: 2_000, silence: 5_000, maxAgents: 10, maxSeriesPerAgent: 100 })
    expect(settings.store).toEqual({ retention: 30 * DAY_MS, outOfOrder: 3_600_000, minFree: 1024 ** 3 })
    expect(settings.rules).toEqual({ folders: ['/etc/zhishou/rules'], shipped: false, interval: 60_000 })
    expect(settings.slaFile).toBe('/etc/zhishou/sla.yml')
    expect(settings.topologyFile).toBe('/etc/zhishou/topology.yml')
    expect(settings.notify).toMatchObject({ routesFile: '/etc/zhishou/routes.yml', alertmanagers: [{ url: 'http://127.0.0.1:9093/am' }], decisionRetention: 30 * DAY_MS })
    expect(settings.duty).toEqual({ file: '/etc/zhishou/duty.yml', escalationFile: '/etc/zhishou/escalation.yml', calendarFolder: '/etc/zhishou/calendar' })
    expect(settings.service).toMatchObject({ contractStart: '2026-03-01', openings: { portal: [{ from: '09:00', to: '12:00' }, { from: '14:00', to: '17:00' }] }, termsFile: '/etc/zhishou/exposure.yml' })
  })

  const loopbackOnly = 'expected a loopback address (127.0.0.1, ::1 or localhost): plain HTTP never leaves the machine'

  it.each([
    ['retention: 1d', ['collector.yml: retention: unknown key']],
    ['htpp: 127.0.0.1:1', ['collector.yml: htpp: unknown key, did you mean http?']],
    ['store: { retnetion: 1d }', ['collector.yml: store.retnetion: unknown key, did you mean retention?']],
    ['link: { heartbeats: 1s, silent: 3s }', ['collector.yml: link.heartbeats: unknown key, did you mean heartbeat?', 'collector.yml: link.silent: unknown key, did you mean silence?']],
    ['notify: { receivers: [] }', ['collector.yml: notify.receivers: unknown key']],
    ['notify: { alertmanagers: [{ ulr: x }] }', [
      'collector.yml: notify.alertmanagers.0.url: expected an address such as http://host:9093, got nothing',
      'collector.yml: notify.alertmanagers.0.ulr: unknown key, did you mean url?',
    ]],
    ['notify: { decisionRetention: 1h }', ['collector.yml: notify.decisionRetention: expected at least 1d, got "1h"']],
    ['duty: { fiel: a }', ['collector.yml: duty.fiel: unknown key, did you mean file?']],
    ['service: { contractStart: 2026-02-30 }', ['collector.yml: service.contractStart: expected a date that exists, such as 2026-03-01, got "2026-02-30"']],
    ["service: { openings: { portal: [{ from: '17:00', to: '09:00' }], portl: [] } }", ['collector.yml: service.openings.portal.0.to: expected later than from, got "09:00"', 'collector.yml: service.openings.portl: unknown key']],
    ['notify: { channels: { mail: { kind: email, host: a, from: a@example.org, usr: x } } }', ['collector.yml: notify.channels.mail.usr: unknown key, did you mean user?']],
    ['notify: { channels: { ops: { kind: wechat } } }', ['collector.yml: notify.channels.ops.kind: expected a kind: email, sms-http, sms-aliyun, wecom, dingtalk, feishu or webhook, got "wechat"']],
    ['notify: { channels: { ops: { kind: dingtalk, tokenEnv: TOKEN, secretFile: a, secretEnv: B, proxyUser: u } } }', [
      'collector.yml: notify.channels.ops.proxyPasswordFile: expected proxyPasswordFile or proxyPasswordEnv, got nothing',
      'collector.yml: notify.channels.ops.proxy: expected a proxy where its user is given, got nothing',
      'collector.yml: notify.channels.ops.secretEnv: expected either secretFile or secretEnv, not both, got a string',
    ]],
    ['store: 5', ['collector.yml: store: expected a map of keys, got 5']],
    ['store: { retention: 400 }', ['collector.yml: store.retention: expected a text, got 400']],
    ['store: { retention: 400 days }', ['collector.yml: store.retention: expected a duration with a unit such as 15s, 5m, 24h, got "400 days"']],
    ['store: { retention: 1h }', ['collector.yml: store.retention: expected at least 1d, got "1h"']],
    ['store: { minFree: 512MB }', ['collector.yml: store.minFree: expected a size with a unit such as 64MiB, 10GiB, got "512MB"']],
    ['rules: { interval: 0s }', ['collector.yml: rules.interval: expected at least 1s, got "0s"']],
    ['link: { heartbeat: 10ms }', ['collector.yml: link.heartbeat: expected at least 1s, got "10ms"']],
    ['link: { heartbeat: 9s }', ['collector.yml: link.silence: expected longer than link.heartbeat (9s), got nothing']],
    ['link: { maxAgents: many }', ['collector.yml: link.maxAgents: expected a whole number, got "many"']],
    ['link: { maxAgents: 1.5 }', ['collector.yml: link.maxAgents: expected a whole number, got 1.5']],
    ['rules: { shipped: maybe }', ['collector.yml: rules.shipped: expected true or false, got "maybe"']],
    ['names: collector.example.org', ['collector.yml: names: expected a list, got "collector.example.org"']],
    ['http: 0.0.0.0:8600', [`collector.yml: http: ${loopbackOnly}, got "0.0.0.0:8600"`]],
    ['http: 10.0.0.1:8600', [`collector.yml: http: ${loopbackOnly}, got "10.0.0.1:8600"`]],
    ["http: '[::]:8600'", [`collector.yml: http: ${loopbackOnly}, got "[::]:8600"`]],
    ['http: 127.0.0.1.example.org:80', [`collector.yml: http: ${loopbackOnly}, got "127.0.0.1.example.org:80"`]],
    ['http: 8600', ['collector.yml: http: expected a text, got 8600']],
    ['tls: localhost', ['collector.yml: tls: expected HOST:PORT, got "localhost"']],
    ['tls: localhost:65536', ['collector.yml: tls: expected HOST:PORT, got "localhost:65536"']],
    ['http: nonsense', ['collector.yml: http: expected HOST:PORT, got "nonsense"']],
    ['- a', ['collector.yml: (top): expected a map of keys, got a list']],
    ['tls: [', ['collector.yml: Flow sequence in block collection must be sufficiently indented and end with a ] at line 1, column 7']],
    ['tls: a:1\ntls: b:2', ['collector.yml: Map keys must be unique at line 2, column 1']],
    ['a: 1\n---\nb: 2', ['collector.yml: Source contains multiple documents; please use YAML.parseAllDocuments() at line 2, column 1']],
    ['names: *nobody', ['collector.yml: a value begins with * and is no usable alias; put quotes around it']],
  ])('%j', (text, messages) => expect(mistakes(text)).toEqual(messages))

  it('refuses aliases of aliases that would fill the memory', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    for (let depth = 1; depth < 12; depth++) lines.push(`a${depth}: &a${depth} [${Array(9).fill(`*a${depth - 1}`).join(', ')}]`)
    expect(mistakes(lines.join('\n'))).toEqual(['collector.yml: a value begins with * and is no usable alias; put quotes around it'])
  })

  it('reports all mistakes together', () => {
    const text = `
htttp: 127.0.0.1:8600
tls: nowhere
log: loud
link: { heartbeat: soon, maxAgents: -1 }
store: { minFree: 1 }
notify: { channels: { mail: { kind: email, host: a, from: a@example.org } }, alertmanagers: [{ url: nowhere, user: a }] }
`
    expect(mistakes(text)).toEqual([
      'collector.yml: tls: expected HOST:PORT, got "nowhere"',
      'collector.yml: log: expected one of debug, info, warn, error, got "loud"',
      'collector.yml: link.heartbeat: expected a duration with a unit such as 15s, 5m, 24h, got "soon"',
      'collector.yml: link.maxAgents: expected at least 1, got -1',
      'collector.yml: store.minFree: expected a text, got 1',
      'collector.yml: notify.alertmanagers.0.url: expected an address such as http://host:9093, got "nowhere"',
      'collector.yml: notify.alertmanagers.0.user: expected both a user and a password, or neither, got "a"',
      'collector.yml: htttp: unknown key, did you mean http?',
    ])
  })

  it.each([
    `notify: { channels: { mail: { host: a, from: a@example.org, user: u, password: ${secret} } } }`,
    `notify: { channels: { mail: { host: a, from: a@example.org, passwordFile: [${secret}] } } }`,
    `notify: { channels: { mail: [{ password: ${secret} }] } }`,
    `notify: { consoleUrl: 'ftp://admin:${secret}@example.org' }`,
    `notify: { channels: { mail: { passwordEnv: ${secret} } } }`,
    `notify: { alertmanagers: [{ url: 'http://a', user: u, password: ${secret}, tokenEnv: ${secret} }] }`,
    `notify: { channels: { mail: { password: *${secret} } } }`,
    `notify: { channels: { mail: { password: "${secret} } } }`,
    `notify: { channels: { a: { kind: wecom, keyEnv: ${secret} }, b: { kind: feishu, hookEnv: ${secret} }, c: { kind: wecom, url: 'ftp://a.example.org/send?key=${secret}' } } }`,
    `${secret}: [`,
  ])('prints no secret back: %#', (text) => {
    const found = mistakes(text)
    expect(found.length).toBeGreaterThan(0)
    // A misplaced key's own name is told, its value never.
    for (const mistake of found) expect(mistake).not.toContain(secret)
  })
})

describe('loadCollectorSettings', () => {
  it('takes the defaults where there is no file', () => {
    const home = mkdtempSync(join(work, 'none-'))
    expect(loadCollectorSettings(home).http.port).toBe(8600)
  })

  it('reads HOME/collector.yml', () => {
    const home = mkdtempSync(join(work, 'some-'))
    writeFileSync(join(home, 'collector.yml'), 'http: 127.0.0.1:9\n')
    expect(loadCollectorSettings(home).http.port).toBe(9)
  })

  it('says so when the file cannot be read', () => {
    const home = mkdtempSync(join(work, 'folder-'))
    mkdirSync(join(home, 'collector.yml'))
    expect(mistakesOf(() => loadCollectorSettings(home))).toEqual([expect.stringMatching(/collector\.yml: cannot be read \(EISDIR/)])
    chmodSync(home, 0o700)
  })
})

describe('paths', () => {
  it('are taken from the home folder, wherever the program was started; absolute ones stay', () => {
    const home = mkdtempSync(join(work, 'paths-'))
    writeFileSync(join(home, 'collector.yml'), `
slaFile: sla.yml
topologyFile: ./site/topology.yml
rules: { folders: [rules, ../shared/rules, /etc/zhishou/rules] }
duty: { file: duty.yml, escalationFile: escalation.yml, calendarFolder: calendar }
service: { termsFile: exposure.yml }
notify:
  routesFile: routes.yml
  serviceAliases: { someFile: kept, file: kept }
  alertmanagers: [{ url: 'http://127.0.0.1:9093', user: u, passwordFile: am, caFile: ca.pem }]
  channels:
    mail: { kind: email, host: a.example.org, from: a@example.org, user: u, passwordFile: secrets/mail, caFile: /etc/ca.pem }
    sms: { kind: sms-http, url: http://a.example.org, body: "m={phone}&c={content}{secret.key}", headers: { X-File: kept }, secrets: { key: { file: sms-key }, other: { env: KEY } }, success: ok, proxy: http://p.example.org, proxyUser: u, proxyPasswordFile: proxy }
    ops: { kind: dingtalk, tokenFile: token, secretFile: secret }
`)
    const settings = loadCollectorSettings(home)
    const at = (path: string): string => join(home, path)
    expect(settings).toMatchObject({
      slaFile: at('sla.yml'), topologyFile: at('site/topology.yml'),
      rules: { folders: [at('rules'), join(home, '..', 'shared', 'rules'), '/etc/zhishou/rules'] },
      duty: { file: at('duty.yml'), escalationFile: at('escalation.yml'), calendarFolder: at('calendar') },
      service: { termsFile: at('exposure.yml') },
      notify: {
        routesFile: at('routes.yml'),
        serviceAliases: { someFile: 'kept', file: 'kept' },
        alertmanagers: [{ passwordFile: at('am'), caFile: at('ca.pem'), user: 'u' }],
        channels: {
          mail: { passwordFile: at('secrets/mail'), caFile: '/etc/ca.pem', host: 'a.example.org' },
          sms: { headers: { 'X-File': 'kept' }, secrets: { key: { file: at('sms-key') }, other: { env: 'KEY' } }, proxyPasswordFile: at('proxy'), success: 'ok' },
          ops: { tokenFile: at('token'), secretFile: at('secret') },
        },
      },
    })
  })
})

describe('readCollectorSettings', () => {
  const read = (text: string) => readCollectorSettings(text, 'collector.yml', '/home/of')

  it('keeps what is right beside what is wrong', () => {
    const { settings, mistakes: found, channels, channelKeys } = read(`
htpp: 127.0.0.1:1
log: loud
link: { heartbeat: 2s, silence: 1s, maxAgents: 7 }
names: [a, 5]
topologyFile: t.yml
service: { openings: { portl: [] }, contractStart: 2026-03-01 }
notify:
  routesFile: r.yml
  alertmanagers: [{ url: nowhere }]
  channels: { mail: { kind: email, from: a@example.org }, ops: { kind: wecom, keyEnv: KEY }, "Bad Name": {}, odd: 5 }
`)
    expect(found).toHaveLength(9)
    expect(settings).toMatchObject({ log: 'info', names: [], topologyFile: '/home/of/t.yml', link: { heartbeat: 2_000, silence: 9_000, maxAgents: 7 }, service: { openings: {}, contractStart: '2026-03-01' } })
    expect(settings.notify).toMatchObject({ routesFile: '/home/of/r.yml', alertmanagers: [], channels: { ops: { kind: 'wecom' } } })
    expect(Object.keys(settings.notify.channels)).toEqual(['ops'])
    expect([...channels]).toEqual(['mail', 'ops', 'Bad Name', 'odd'])
    expect(channelKeys('mail')).toEqual(['kind', 'from'])
    expect(channelKeys('odd')).toEqual([])
  })

  it.each(['- a', 'tls: [', '5', 'notify: { channels: 5 }', 'link: []'])('%j still gives settings', (text) => {
    const { settings, mistakes: found, channels } = read(text)
    expect(found).toHaveLength(1)
    expect(settings.http.port).toBe(8600)
    expect([...channels]).toEqual([])
  })
})
