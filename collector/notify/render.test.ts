import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import type { OpenEvent } from '../incidents/event.ts'
import { open } from '../incidents/step.ts'
import { parseWording } from '../incidents/wording.ts'
import type { Notice } from './notice.ts'
import { alertsPayloadOf } from './payload.ts'
import type { AlertsPayload, PlainPayload } from './payload.ts'
import { createRenderer } from './render.ts'
import { segmentsOf, signedText } from './segments.ts'

const wording = parseWording(readFileSync(new URL('../../alerts/templates/zh-CN.yml', import.meta.url), 'utf8'), 'zh-CN.yml')
const START = Date.UTC(2026, 10, 22, 2, 0)
const MINUTE = 60_000
const consoleUrl = 'https://console-host.example.org'
const { render, renderDigest } = createRenderer({ wording, consoleUrl, serviceAliases: { portal: '平台乙' } })

function opening(changes: Partial<OpenEvent> = {}, alert: Partial<OpenEvent['alert']> = {}): OpenEvent {
  return {
    type: 'open', id: 7, number: 'F20261122-001', key: 'k', service: 'business', instance: 'web-01', part: 'mountpoint=/data', fault: 'filesystem-space',
    profile: { name: 'standard', title: '标准', origin: '测试', respondMs: 60 * MINUTE, disposeMs: 120 * MINUTE, recoverMs: 1_440 * MINUTE, reopenWithinMs: 30 * MINUTE },
    alert: { fingerprint: 'f', name: 'FilesystemFull', labels: { alertname: 'FilesystemFull', job: 'node' }, severity: 'critical', summary: '文件系统 /data 只剩 3%', description: '', action: '', value: 1, activeAt: START, startedAt: START, ...alert },
    ...changes,
  }
}
const opened = (changes: Partial<OpenEvent> = {}, alert: Partial<OpenEvent['alert']> = {}): Notice => ({ kind: 'incident', what: 'opened', round: 0, incident: open(opening(changes, alert), START + MINUTE).incident, ack: null })
const alerts = (changes: Partial<AlertsPayload> = {}): AlertsPayload => ({
  kind: 'alerts', receiver: 'ops', groupKey: '{}:{}', groupLabels: {}, incident: null,
  alerts: [{ labels: { alertname: 'DiskFull', severity: 'critical', service: 'business', instance: 'web-01' }, annotations: { summary: '磁盘将满' }, startsAt: START, endsAt: null, generatorUrl: '', fingerprint: 'f' }],
  ...changes,
})
const plain: PlainPayload = { kind: 'plain', what: '值班空缺', severity: 'warning', service: 'business', number: '', title: '夜班无人', lines: ['张三请假'], incident: null, ack: null }

describe('minimal detail', () => {
  it('says service, severity, number and time left', () => {
    const words = render(opened(), START + 30 * MINUTE, 'minimal')
    expect(words.brief).toBe('[紧急]网上业务信息系统故障 F20261122-001 响应剩30 分钟')
    expect(words.text).toBe('[紧急]网上业务信息系统故障 F20261122-001\n\n服务：网上业务信息系统\n级别：紧急\n编号：F20261122-001\n时限：响应剩30 分钟\n详情请登录控制台查看。\n')
    expect(words.fields).toEqual({ what: '故障', severity: '紧急', service: '网上业务信息系统', number: 'F20261122-001', left: '响应剩30 分钟', count: '1' })
    expect(render(opened({ service: 'portal' }), START, 'minimal').fields.service).toBe('平台乙')
    expect(render(opened({ service: 'secret-system' }), START, 'minimal').fields.service).toBe('其他服务')
    expect(render(opened(), START + 90 * MINUTE, 'minimal').fields.left).toBe('处置剩30 分钟')
    expect(render(opened(), START + 3_000 * MINUTE, 'minimal').fields.left).toMatch(/^恢复已超时/)
    expect(render(plain, START, 'minimal').brief).toBe('[警告]网上业务信息系统值班空缺')
    expect(render(alerts({ alerts: [{ ...alerts().alerts[0]!, endsAt: START }] }), START, 'minimal').brief).toBe('[紧急]网上业务信息系统告警解除')
  })

  it('lets no value of an alert, no host, no address, no person out', () => {
    const secret = fc.stringMatching(/^zq[a-z0-9.:/@-]{4,20}$/)
    const map = fc.dictionary(fc.constantFrom('alertname', 'instance', 'job', 'service', 'severity', 'mountpoint', 'person', 'phone', 'channel', 'summary', '__proto__', 'constructor', 'toString'), secret)
    fc.assert(fc.property(fc.array(secret, { minLength: 14, maxLength: 14 }), map, map, (values, labels, annotations) => {
      const [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = values as [string, string, string, string, string, string, string, string, string, string, string, string, string, string]
      const incident = opened({ service: a, instance: b, part: `mountpoint=${c}`, fault: d }, { fingerprint: e, name: f, labels, summary: g, description: h, action: i })
      const group = alerts({ receiver: j, groupKey: k, groupLabels: labels, alerts: [{ labels, annotations, startsAt: START, endsAt: null, generatorUrl: l, fingerprint: e }], incident: incident.incident })
      const other: PlainPayload = { ...plain, service: a, title: m, lines: [n] }
      const all = [incident, group, { ...group, incident: null }, other].map((payload) => render(payload, START, 'minimal'))
      const said = JSON.stringify([...all, renderDigest(all, 'minimal')])
      for (const value of [...values, ...Object.values(labels), ...Object.values(annotations), 'console-host']) expect(said).not.toContain(JSON.stringify(value).slice(1, -1))
    }), { seed })
  })

  it('fits into one SMS, digests too', () => {
    for (const service of ['', ...Object.keys(wording.service)]) {
      for (const left of [0, 90, 200, 3_000]) {
        const one = render(opened({ service }), START + left * MINUTE, 'minimal')
        const many = renderDigest(Array.from({ length: 1_234 }, () => one), 'minimal')
        for (const words of [one, many]) expect(segmentsOf(signedText(words.brief, '政务运维值守', false, 9).billed)).toBe(1)
      }
    }
  })
})

describe('full detail', () => {
  it('says all of it, with a link', () => {
    const words = render(opened(), START + 30 * MINUTE, 'full')
    expect(words.brief).toBe('[紧急]故障：web-01 挂载点 /data 文件系统 /data 只剩 3% F20261122-001 响应剩30 分钟')
    expect(words.markdown).toContain('> 对象：web-01 挂载点 /data')
    expect(words.markdown.endsWith(`[${consoleUrl}/incidents/F20261122-001](${consoleUrl}/incidents/F20261122-001)`)).toBe(true)
    expect(words.webhook).toMatchObject({ version: '4', status: 'firing', commonLabels: { alertname: 'FilesystemFull', incident: 'F20261122-001', service: 'business' }, externalURL: consoleUrl })
  })

  it('lets no alert speak to everybody or link elsewhere', () => {
    const { markdown } = render(opened({}, { summary: '[x](http://evil) **@all** <at user_id="all"></at> `a`\n# b' }), START, 'full')
    expect(markdown).not.toMatch(/\[x\]|<at|@all|`/)
  })

  it('lists alerts of a group and counts the rest', () => {
    const many = alerts({ alerts: Array.from({ length: 50 }, (_, index) => ({ ...alerts().alerts[0]!, fingerprint: String(index) })) })
    const words = render(many, START, 'full')
    expect(words.subject).toBe('【紧急】告警 50 项：磁盘将满')
    expect(words.text.match(/磁盘将满，始于/g)).toHaveLength(20)
    expect(words.text).toContain('另有 30 项')
    expect(words.webhook.alerts).toHaveLength(50)
  })
})

describe('what routing decided', () => {
  it('becomes the payload of all its alerts, without ends that are not reached', () => {
    const routed = (name: string, endsAt: number | undefined) => ({ fingerprint: name, labels: { alertname: name, severity: 'warning' }, routing: { alertname: name, incident: 'F1' }, annotations: { summary: name }, startsAt: START, endsAt, updatedAt: START, timeout: true, generatorUrl: 'g', origin: 'api' as const })
    const payload = alertsPayloadOf({
      groupKey: '{}:{}', receiver: 'ops', integration: { kind: 'webhook', name: 'webhook/0', url: 'http://a', sendResolved: true, maxAlerts: 2 }, at: START + MINUTE, news: 'first' as never, status: 'firing',
      alerts: [routed('A', START + 2 * MINUTE), routed('B', START + 1)], truncatedAlerts: 3, groupLabels: { severity: 'warning' }, commonLabels: {}, commonAnnotations: {},
    }, null)
    const { webhook, text } = render(payload, START + MINUTE, 'full')
    expect(webhook).toMatchObject({ receiver: 'ops', status: 'firing', truncatedAlerts: 3, commonLabels: {}, alerts: [{ status: 'firing', endsAt: '0001-01-01T00:00:00Z', labels: { alertname: 'A' } }, { status: 'resolved' }] })
    expect(webhook.alerts[0]!.labels).not.toHaveProperty('incident')
    expect(text).toContain('告警解除（警告）B')
  })
})

describe('acknowledging from the message', () => {
  const link = 'https://console-host.example.org/a/x?y=1&z="<b>'
  const asked = (ack: Notice['ack'], detail: 'minimal' | 'full' = 'full') => render({ ...opened(), ack }, START, detail)

  it('says how before everything else: the link as text and as a link, the answer also where there is little room', () => {
    const without = asked(null)
    const mail = asked({ link, code: null })
    expect(mail.text).toBe(`立即响应（仅限本人使用）：${link}\n\n${without.text}`)
    expect(mail.html).toContain('<p><a href="https://console-host.example.org/a/x?y=1&amp;z=&quot;&lt;b&gt;">立即响应')
    expect(mail.html.indexOf('立即响应')).toBeLessThan(mail.html.indexOf('发现故障'))
    // A link is too long for an SMS.
    expect(mail.brief).toBe(without.brief)
    const sms = asked({ link: null, code: '47' }, 'minimal')
    expect(sms.brief).toBe(`${asked(null, 'minimal').brief} 回复47响应`)
    expect(sms.html).not.toContain('<a href')
    const both = asked({ link, code: '47' })
    expect(both.text.startsWith(`立即响应（仅限本人使用）：${link}\n回复47响应\n\n`)).toBe(true)
  })

  it('says nothing of it where it is not given, and never to robots and webhooks', () => {
    expect(asked({ link: null, code: null })).toEqual(asked(null))
    const { markdown, webhook } = asked({ link, code: '47' })
    expect([markdown, JSON.stringify(webhook)]).toEqual([asked(null).markdown, JSON.stringify(asked(null).webhook)])
    expect(render({ ...plain, ack: { link: null, code: '47' } }, START, 'minimal').brief).toMatch(/ 回复47响应$/)
  })

  it('still fits into one SMS', () => {
    expect(segmentsOf(signedText(asked({ link: null, code: '4711' }, 'minimal').brief, '政务运维值守', false, 9).billed)).toBe(1)
  })
})

describe('digest', () => {
  it('says how many and which is worst', () => {
    const list = [render(plain, START, 'minimal'), ...Array.from({ length: 498 }, () => render(alerts({ alerts: [{ ...alerts().alerts[0]!, labels: { severity: 'info' } }] }), START, 'minimal')), render(opened(), START, 'minimal')]
    const words = renderDigest(list, 'minimal')
    expect(words.severity).toBe('critical')
    expect(words.brief).toBe('500条告警,最严重[紧急]网上业务信息系统 F20261122-001 响应剩1 小时 0 分钟。其余见控制台')
    expect(words.text).toContain('另有 480 条')
    expect(words.webhook.alerts).toHaveLength(500)
    expect(renderDigest([list[0]!], 'minimal')).toBe(list[0])
  })
})

it('refuses a payload that is none, and says what a test is', () => {
  expect(() => render({ kind: 'incident' }, START, 'full')).toThrow()
  expect(render({ kind: 'test', channel: 'mail' }, START, 'minimal').brief).toBe('值守通知渠道测试（mail）')
  expect(render({ kind: 'test', channel: 'mail' }, START, 'minimal').text).toContain('这是值守的测试消息，渠道 mail，发出时间 2026-11-22 10:00:00（北京时间）。收到即表示该渠道可用，无需处理。')
})
