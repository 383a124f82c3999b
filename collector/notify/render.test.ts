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
const opened = (changes: Partial<OpenEvent> = {}, alert: Partial<OpenEvent['alert']> = {}): Notice => ({ kind: 'incident', what: 'opened', round: 0, incident: open(opening(changes, alert), START + MINUTE).incident, ack: null, closing: null })
const alerts = (changes: Partial<AlertsPayload> = {}): AlertsPayload => ({
  kind: 'alerts', receiver: 'ops', groupKey: '{}:{}', groupLabels: {}, incident: null,
  alerts: [{ labels: { alertname: 'DiskFull', severity: 'critical', service: 'business', instance: 'web-01' }, annotations: { summary: '磁盘将满' }, startsAt: START, endsAt: null, generatorUrl: '', fingerprint: 'f' }],
  ...changes,
})
const plain: PlainPayload = { kind: 'plain', what: '值班空缺', severity: 'warning', service: 'business', number: '', title: '夜班无人', lines: ['张三请假'], incident: null, ack: null, about: null }

describe('minimal detail', () => {
  it('says service, severity, number and time left', () => {
    const words = render(opened(), START + 30 * MINUTE, 'minimal')
    expect(words.brief).toBe('[紧急]网上业务信息系统故障 F20261122-001 响应剩30 分钟')
    expect(words.text).toBe('[紧急]网上业务信息系统故障 F20261122-001\n\n服务：网上业务信息系统\n级别：紧急\n编号：F20261122-001\n时限：响应剩30 分钟\n详情请登录控制台查看。\n')
    expect(words.fields).toEqual({ what: '故障', severity: '紧急', service: '网上业务信息系统', number: 'F20261122-001', left: '响应剩30 分钟', count: '1' })
    expect(render(opened({ service: 'portal' }), START, 'minimal').fields.service).toBe('平台乙')
    expect(render(opened({ service: 'secret-system' }), START, 'minimal').fields.service).toBe('其他服务')
    expect(render(opened(), START + 90 * MINUTE, 'minimal').fields.left).toBe('响应已超时30分钟；处置剩30分钟')
    expect(render(opened(), START + 90 * MINUTE, 'minimal').text).toContain('时限：响应已超时30 分钟；处置剩30 分钟；恢复剩22 小时 30 分钟')
    expect(render(opened(), START + 3_000 * MINUTE, 'minimal').fields.left).toBe('响应已超时2天1小时')
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
        for (const words of [one, many]) expect(segmentsOf(signedText(words, '政务运维值守', false, 9).billed)).toBe(1)
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
    expect([sms.brief, sms.answer]).toEqual([asked(null, 'minimal').brief, '回复47响应'])
    expect(sms.html).not.toContain('<a href')
    const both = asked({ link, code: '47' })
    expect(both.text.startsWith(`立即响应（仅限本人使用）：${link}\n回复47响应\n\n`)).toBe(true)
  })

  it('says nothing of it where it is not given, and never to robots and webhooks', () => {
    expect(asked({ link: null, code: null })).toEqual(asked(null))
    const { markdown, webhook } = asked({ link, code: '47' })
    expect([markdown, JSON.stringify(webhook)]).toEqual([asked(null).markdown, JSON.stringify(asked(null).webhook)])
    expect(render({ ...plain, ack: { link: null, code: '47' } }, START, 'minimal').answer).toBe('回复47响应')
  })

  it('still fits into one SMS', () => {
    expect(segmentsOf(signedText(asked({ link: null, code: '4711' }, 'minimal'), '政务运维值守', false, 9).billed)).toBe(1)
  })
})

describe('digest', () => {
  it('says how many and which is worst', () => {
    const list = [render(plain, START, 'minimal'), ...Array.from({ length: 498 }, () => render(alerts({ alerts: [{ ...alerts().alerts[0]!, labels: { severity: 'info' } }] }), START, 'minimal')), render(opened(), START, 'minimal')]
    const words = renderDigest(list, 'minimal')
    expect(words.severity).toBe('critical')
    expect(words.brief).toBe('500条告警,最急[紧急]网上业务信息系统 F20261122-001 响应剩1 小时 0 分钟。其余见控制台')
    expect(words.text).toContain('另有 400 条')
    expect(words.webhook.alerts).toHaveLength(500)
    expect(renderDigest([list[0]!], 'minimal')).toBe(list[0])
  })
})

describe('a digest of incidents', () => {
  const link = (number: string): string => `${consoleUrl}/a/${number}?y=1&z="<b>`
  const one = (number: string, ack: Notice['ack'], severity: 'critical' | 'warning' = 'warning') => render({ ...opened({ number }, { severity, summary: `${number} 的故障 <x>` }), ack }, START + 30 * MINUTE, 'full')
  const list = [one('F1', { link: link('F1'), code: null }), one('F2', { link: link('F2'), code: null }, 'critical'), render(plain, START, 'full'), one('F3', null)]
  const { text, html, markdown } = renderDigest(list, 'full')

  it('lists each with its number, what it is, since when, what is left on each clock and its own link', () => {
    const items = text.split(/\n\n(?=\d+\. )/).slice(1)
    expect(items).toHaveLength(4)
    expect(items[0]).toBe([
      '1. 【紧急】web-01 挂载点 /data：F2 的故障 <x>（F2）', '   开始时间：2026-11-22 10:00:00（北京时间）', '   响应：剩余 30 分钟（截止 2026-11-22 11:00:00）', '   处置：剩余 1 小时 30 分钟（截止 2026-11-22 12:00:00）',
      '   恢复：剩余 23 小时 30 分钟（截止 2026-11-23 10:00:00）', `   立即响应（仅限本人使用）：${link('F2')}`,
    ].join('\n'))
    expect(items[1]).toContain(link('F1'))
    expect(items[1]).not.toContain(link('F2'))
    expect(items[2]).not.toContain('立即响应')
    expect(items[3]).toContain('   张三请假')
  })

  it('has the links in HTML too, escaped, and gives none to robots', () => {
    expect(html.match(/<li/g)).toHaveLength(4)
    expect(html).toContain(`<a href="${consoleUrl}/a/F1?y=1&amp;z=&quot;&lt;b&gt;">立即响应`)
    expect(html).not.toContain('<x>')
    expect(markdown).not.toContain('/a/')
    expect(markdown.match(/的故障/g)).toHaveLength(3)
  })

  it('says several messages of one incident as one, as the last has it', () => {
    const escalated: PlainPayload = { ...plain, what: '时限提醒', severity: 'critical', number: 'F1', title: 'web-01 失联', lines: ['响应时限已用 75%，还剩 15 分钟'], ack: { link: link('later'), code: null } }
    const said = renderDigest([one('F1', { link: link('first'), code: null }), one('F9', null), render(escalated, START, 'full')], 'full')
    const items = said.text.split(/\n\n(?=\d+\. )/).slice(1)
    expect(items).toHaveLength(2)
    expect(items[0]).toContain('（F1）\n   【紧急】时限提醒：web-01 失联')
    expect(items[0]).toContain('还剩 15 分钟')
    expect(items[0]).toContain(link('later'))
    expect(items[0]).not.toContain(link('first'))
    expect(said.text).toContain('以下 3 条')
    // A title that does not name it is followed by the number.
    expect(renderDigest([render(escalated, START, 'full'), list[2]!], 'full').text).toContain('   故障编号：F1')
  })

  it('counts what a mail has no room for', () => {
    const many = renderDigest(Array.from({ length: 130 }, (_, index) => one(`F${index}`, null)), 'full')
    expect(many.text.match(/^\d+\. /gm)).toHaveLength(100)
    expect(many.text).toContain('另有 30 条')
    expect(many.markdown).toContain('另有 110 条')
  })

  it('by SMS names the worst, how to answer about it, and the others with their codes as far as the segments hold', () => {
    const short = (number: string, code: string | null, severity: 'critical' | 'warning' = 'warning') => render({ ...opened({ number }, { severity }), ack: code === null ? null : { link: null, code } }, START + 30 * MINUTE, 'minimal')
    const words = renderDigest([short('F20261122-001', '1001'), short('F20261122-002', '1002', 'critical'), short('F20261122-003', null)], 'minimal')
    expect(words.answer).toBe('回复1002响应')
    expect(words.more).toEqual(['F20261122-001回复1001', 'F20261122-003'])
    const sent = (segments: number): string => signedText(words, '值守', false, segments).billed
    expect(sent(1)).toMatch(/^【值守】3条告警,最急\[紧急\]网上业务信息系统 F20261122-002 .* 回复1002响应$/)
    expect(sent(2)).toMatch(/其余见控制台 回复1002响应 F20261122-001回复1001 F20261122-003$/)
    expect(segmentsOf(sent(1))).toBe(1)
    expect(renderDigest([short('F1', null), short('F2', null)], 'minimal')).toMatchObject({ answer: '', more: ['F2'] })
  })

  it('puts first what nobody has taken and is late, then what nobody has taken by the time left, and last what somebody has', () => {
    const at = START + 30 * MINUTE
    const short = (number: string, code: string, severity: 'critical' | 'warning', changes: Partial<Notice['incident']> = {}) => {
      const made = opened({ number }, { severity })
      return render({ ...made, incident: { ...made.incident, ...changes }, ack: changes.response === undefined ? { link: null, code } : null }, at, 'minimal')
    }
    const response = { by: '张三', at: START + MINUTE, source: { kind: 'console' } } as const
    const answered = short('F20261122-001', '1001', 'critical', { response })
    const fresh = short('F20261122-002', '1002', 'critical')
    const late = short('F20261122-003', '1003', 'warning', { startedAt: START - 42 * MINUTE })
    const soon = short('F20261122-004', '1004', 'warning', { startedAt: START - 10 * MINUTE })
    const over = short('F20261122-005', '1005', 'critical', { response, state: 'recovered', recoveredAt: at })
    const words = renderDigest([answered, over, fresh, soon, late], 'minimal')
    expect(words.brief).toBe('5条告警,最急[警告]网上业务信息系统 F20261122-003 响应已超时12分钟；处置剩48分钟。其余见控制台')
    expect(words.answer).toBe('回复1003响应')
    expect(words.more).toEqual(['F20261122-004回复1004', 'F20261122-002回复1002', 'F20261122-001已响应', 'F20261122-005已结束'])
    expect(words.text).toContain('F20261122-001（已响应）')
    // A later word of the same incident holds.
    expect(renderDigest([fresh, short('F20261122-002', '1002', 'critical', { response }), soon], 'minimal').more).toEqual(['F20261122-002已响应'])
    // In a storm of one minute the worse comes first.
    expect(renderDigest([short('F1', '1', 'warning'), short('F2', '2', 'critical', { startedAt: START + 1_000 - 1_000 })], 'minimal').answer).toBe('回复2响应')
  })

  it('leaves out alerts that are over by now', () => {
    const gone = render(alerts({ expired: true }), START, 'minimal')
    const list = [gone, render(opened({ number: 'F1' }), START, 'minimal'), render(opened({ number: 'F2' }), START, 'minimal')]
    expect(renderDigest(list, 'minimal').brief).toMatch(/^2条告警/)
    expect(renderDigest([gone, list[1]!], 'minimal')).toBe(list[1])
    expect(renderDigest([gone, gone], 'minimal').brief).toMatch(/^2条告警/)
  })

  it('at minimal detail gives no title, host or start away, but the time left on each clock', () => {
    const minimal = renderDigest(['F1', 'F2'].map((number) => render({ ...opened({ number }), ack: { link: link(number), code: null } }, START + 30 * MINUTE, 'minimal')), 'minimal')
    expect(minimal.text).toContain(['1. [紧急]网上业务信息系统故障 F1', '   响应剩30 分钟', '   处置剩1 小时 30 分钟', '   恢复剩23 小时 30 分钟', `   立即响应（仅限本人使用）：${link('F1')}`].join('\n'))
    expect(minimal.text).not.toMatch(/web-01|文件系统|开始时间/)
  })
})

it('refuses a payload that is none, and says what a test is', () => {
  expect(() => render({ kind: 'incident' }, START, 'full')).toThrow()
  expect(render({ kind: 'test', channel: 'mail' }, START, 'minimal').brief).toBe('值守通知渠道测试（mail）')
  expect(render({ kind: 'test', channel: 'mail' }, START, 'minimal').text).toContain('这是值守的测试消息，渠道 mail，发出时间 2026-11-22 10:00:00（北京时间）。收到即表示该渠道可用，无需处理。')
})
