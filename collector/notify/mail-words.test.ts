import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { OpenEvent } from '../incidents/event.ts'
import { open, step } from '../incidents/step.ts'
import { fill } from '../sentence.ts'
import { parseWording } from '../incidents/wording.ts'
import { renderNotice } from './mail-words.ts'
import type { Notice } from './notice.ts'

const file = readFileSync(new URL('../../alerts/templates/zh-CN.yml', import.meta.url), 'utf8')
const wording = parseWording(file, 'zh-CN.yml')
const START = Date.UTC(2026, 10, 22, 2, 0)
const MINUTE = 60_000

function opening(changes: Partial<OpenEvent['alert']> = {}): OpenEvent {
  return {
    type: 'open', id: 7, number: 'F20261122-001', key: 'k', service: 'host', instance: 'web-01', part: 'mountpoint=/data', fault: 'filesystem-space',
    profile: { name: 'standard', title: '标准', origin: '测试', respondMs: 60 * MINUTE, disposeMs: 120 * MINUTE, recoverMs: 1_440 * MINUTE, reopenWithinMs: 30 * MINUTE },
    alert: { fingerprint: 'f', name: 'FilesystemFull', labels: {}, severity: 'critical', summary: '文件系统 /data 只剩 3%', description: '可用 1.2 GiB，1 小时内写满', action: '查看 du -x /data 最大的目录', value: 0.0312345, activeAt: START, startedAt: START, ...changes },
  }
}
const notice = (what: Notice['what'], incident: Notice['incident']): Notice => ({ kind: 'incident', what, round: 0, incident, ack: null, closing: null })
const opened = (changes: Partial<OpenEvent['alert']> = {}) => notice('opened', open(opening(changes), START + MINUTE).incident)

describe('the end of a fault', () => {
  const { incident } = opened()
  const said = (what: Notice['what'], changes: Partial<Notice['incident']>, closing: Notice['closing'] = null) => renderNotice({ ...notice(what, { ...incident, ...changes }), closing }, wording, undefined, START + 90 * MINUTE)

  it('says whether the telemetry shows it, two people say so, or somebody closed it without either', () => {
    const recovered = said('recovered', { state: 'recovered', recoveredAt: START + 60 * MINUTE })
    expect([recovered.subject, recovered.text]).toEqual([expect.stringContaining('【已恢复】'), expect.stringContaining('监测数据显示')])
    const judged = said('judged', { state: 'recovered', recoveredAt: START + 60 * MINUTE, judged: { by: '张三', confirmedBy: '李四', text: '现场测试正常', at: START } })
    expect([judged.subject, judged.text]).toEqual([expect.stringContaining('【人工认定恢复】'), expect.stringContaining('认定恢复：张三，李四 确认：现场测试正常')])
    const closed = said('closed', { state: 'closed', closedAt: START + 61 * MINUTE }, { by: '王五', at: START + 61 * MINUTE, text: '设备已拆除' })
    expect(closed.subject).toContain('【已关闭】')
    expect(closed.text).toContain('未见恢复数据')
    expect(closed.text).toContain('关闭：王五 于 2026-11-22 11:01:00（北京时间）：设备已拆除')
    for (const mail of [judged, closed]) expect(mail.subject + mail.text).not.toMatch(/【已恢复】|监测数据显示下列/)
  })
})

describe('renderNotice', () => {
  it('says what broke, since when, the value, what to try, what is left on each clock, and where to go', () => {
    const mail = renderNotice(opened(), wording, 'https://zhishou.example.org/', START + 90 * MINUTE)
    expect(mail.subject).toBe('【紧急】web-01 挂载点 /data：文件系统 /data 只剩 3%（F20261122-001）')
    expect(mail.text).toBe(`发现故障，请尽快响应。

故障：文件系统 /data 只剩 3%
级别：紧急
对象：web-01 挂载点 /data
服务：主机
开始时间：2026-11-22 10:00:00（北京时间）
触发时的值：0.03123
说明：可用 1.2 GiB，1 小时内写满
建议先做：查看 du -x /data 最大的目录

时限（标准）：
  响应：已超时 30 分钟（应于 2026-11-22 11:00:00 前完成）
  处置：剩余 30 分钟（截止 2026-11-22 12:00:00）
  恢复：剩余 22 小时 30 分钟（截止 2026-11-23 10:00:00）

故障编号：F20261122-001
处理页面：https://zhishou.example.org/incidents/F20261122-001

本邮件由值守自动发出。
`)
    expect(mail.html).toContain('<a href="https://zhishou.example.org/incidents/F20261122-001">')
  })

  it('says of a recovery when it was, and that the clocks have stopped', () => {
    const { incident } = opened()
    const outcome = step(incident, { type: 'alert-resolved', fingerprint: 'f', why: 'condition-false', at: START + 5 * MINUTE }, START + 5 * MINUTE)
    if (outcome.kind !== 'stepped') throw new Error('not recovered')
    const mail = renderNotice(notice('recovered', outcome.incident), wording, undefined, START + 9_000 * MINUTE)
    expect(mail.subject).toContain('【已恢复】')
    expect(mail.text).toContain('恢复时间：2026-11-22 10:05:00（北京时间）')
    expect(mail.text).toContain('  处置：已在时限内完成')
    expect(mail.text).not.toContain('处理页面')
  })

  it('leaves out what is not known and keeps markup from being markup', () => {
    const mail = renderNotice(opened({ summary: '<b>{number}</b> & "x"', description: '', action: '', value: null }), wording, undefined, START)
    expect(mail.text).toContain('故障：<b>{number}</b> & "x"')
    expect(mail.text).not.toContain('说明：')
    expect(mail.text).not.toContain('触发时的值')
    expect(mail.html).toContain('&lt;b&gt;{number}&lt;/b&gt; &amp; &quot;x&quot;')
    expect(mail.html).not.toContain('<b>')
    expect(Array.from(renderNotice(opened({ summary: '长'.repeat(500) }), wording, undefined, START).subject).length).toBeLessThan(140)
  })
})

describe('catalogue', () => {
  it.each([
    ['a field the sentence is not given', file.replace('{by} 响应', '{who} 响应'), /timeline\.acknowledged: expected only the fields \{by\} \{source\}, found \{who\}/],
    ['a missing sentence', file.replace(/ {2}settled: .*\n/, ''), /timeline\.settled/],
    ['a sentence nobody uses', file.replace('  under:', '  weeks: 周\n  under:'), /duration\.weeks: unknown key/],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseWording(text, 'zh-CN.yml')).toThrow(message)
  })
  it('fills a place once', () => {
    expect(fill('{a}{b}', { a: '{b}', b: '$&' })).toBe('{b}$&')
  })
})
