import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseDutyWording, stepText } from '../duty/wording.ts'
import type { Incident } from '../incidents/incident.ts'
import { open } from '../incidents/step.ts'
import { parseWording } from '../incidents/wording.ts'
import type { Notice } from './notice.ts'
import { messagePayload } from './payload.ts'
import type { MessagePayload, PlainPayload } from './payload.ts'
import { createRenderer } from './render.ts'
import { dependsOnMoment, incidentAsked, subjectNow } from './subject.ts'
import type { Subject } from './subject.ts'

const template = (name: string): string => readFileSync(new URL(`../../alerts/templates/${name}`, import.meta.url), 'utf8')
const wording = parseWording(template('zh-CN.yml'), 'zh-CN.yml')
const dutyWording = parseDutyWording(template('duty-zh-CN.yml'), 'duty-zh-CN.yml')
const START = Date.UTC(2026, 10, 22, 2, 0)
const MINUTE = 60_000
const late = new Set<string>()
const world = { wording, stepText: (step: Parameters<typeof stepText>[1]) => stepText(dutyWording, step), reportLate: (key: string) => late.has(key), alertOver: (fingerprint: string) => late.has(fingerprint) }

const running: Incident = open({
  type: 'open', id: 7, number: 'F1', key: 'k', service: 'business', instance: 'web-01', part: '', fault: 'down',
  profile: { name: 'standard', title: '标准', origin: '测试', respondMs: 60 * MINUTE, disposeMs: 120 * MINUTE, recoverMs: 1_440 * MINUTE, reopenWithinMs: 30 * MINUTE },
  alert: { fingerprint: 'f', name: 'HostDown', labels: { alertname: 'HostDown' }, severity: 'critical', summary: 'web-01 失联', description: '', action: '', value: 1, activeAt: START, startedAt: START },
}, START + MINUTE).incident
const acknowledged: Incident = { ...running, response: { at: START + 40 * MINUTE, by: '李值班', source: { kind: 'link' } } }
const recovered: Incident = { ...running, state: 'recovered', recoveredAt: START + 45 * MINUTE }
const closed: Incident = { ...recovered, state: 'closed', closedAt: START + 50 * MINUTE }
const reopened: Incident = { ...running, reopenings: 1 }
const cause: Incident = { ...running, id: 8, number: 'F2' }

const ack = { link: 'https://console.example.org/a/x', code: null }
const notice = (what: Notice['what']): Notice => ({ kind: 'incident', what, round: 0, incident: running, ack, closing: null })
const escalation = (...steps: readonly { readonly clock: 'respond' | 'dispose' | 'recover'; readonly used: number; readonly repeat: number }[]): PlainPayload => ({
  kind: 'plain', what: '时限提醒', severity: 'critical', service: 'business', number: 'F1', title: '旧标题', lines: ['响应时限已用 50%，还剩 30 分钟'], incident: running, ack, about: { kind: 'escalation', steps: [...steps] },
})
const respond50 = { clock: 'respond', used: 50, repeat: 0 } as const
const dispose50 = { clock: 'dispose', used: 50, repeat: 0 } as const
const payloadOf = (subject: Subject): MessagePayload => {
  if (subject.kind !== 'stands') throw new Error(`superseded: ${subject.why}`)
  return messagePayload.parse(subject.payload)
}

describe('an opening, a reopening and a recovery', () => {
  it('always go, whatever has become of the fault', () => {
    for (const what of ['opened', 'reopened', 'recovered'] as const) {
      for (const incident of [running, acknowledged, recovered, closed, reopened, cause, undefined]) expect(subjectNow(notice(what), incident, world, START + 60 * MINUTE).kind).toBe('stands')
    }
  })

  it('show the clocks of the moment they go, and ask nobody to acknowledge what somebody has', () => {
    const said = payloadOf(subjectNow(notice('opened'), acknowledged, world, START + 60 * MINUTE)) as Notice
    expect(said).toMatchObject({ what: 'opened', ack: null, incident: { response: { at: START + 40 * MINUTE } } })
    expect((payloadOf(subjectNow(notice('opened'), running, world, START)) as Notice).ack).toEqual(ack)
    // Its number went into another one: its own facts, but its link would lead nowhere.
    expect(payloadOf(subjectNow(notice('opened'), cause, world, START))).toMatchObject({ incident: { number: 'F1' }, ack: null })
    expect(payloadOf(subjectNow(notice('recovered'), reopened, world, START))).toEqual(notice('recovered'))
    expect(incidentAsked(notice('recovered'))).toBeUndefined()
    expect(incidentAsked(notice('opened'))).toBe('F1')
  })
})

describe('a reminder', () => {
  it('goes while the fault runs, with the time left then', () => {
    const { render } = createRenderer({ wording, consoleUrl: undefined, serviceAliases: {} })
    const now = START + 90 * MINUTE
    const subject = subjectNow(notice('reminded'), acknowledged, world, now)
    expect(render(subject.kind === 'stands' ? subject.payload : null, now, 'full').text).toMatch(/响应：已在时限内完成\n.*处置：剩余 30 分钟/)
  })

  it.each([['recovered', recovered, wording.superseded.recovered], ['closed', closed, wording.superseded.closed], ['merged', cause, wording.superseded.merged], ['reopened', reopened, wording.superseded.reopened]] as const)('ends when the fault is %s', (_, incident, why) => {
    expect(subjectNow(notice('reminded'), incident, world, START)).toEqual({ kind: 'superseded', why })
  })
})

describe('an escalation', () => {
  it('is put into words when it goes: body and clocks agree', () => {
    const now = START + 50 * MINUTE
    const said = payloadOf(subjectNow(escalation(respond50), { ...running, title: '新标题' }, world, now)) as PlainPayload
    expect(said).toMatchObject({ title: '新标题', lines: ['响应时限已用 83%，还剩 10 分钟'], ack })
    const { render } = createRenderer({ wording, consoleUrl: undefined, serviceAliases: {} })
    const { text } = render(said, now, 'full')
    expect(text).toContain('还剩 10 分钟')
    expect(text).toContain('响应剩10 分钟')
    expect(payloadOf(subjectNow(escalation(respond50), running, world, START + 75 * MINUTE))).toMatchObject({ lines: ['响应已超时 15 分钟'] })
  })

  it('drops the clocks that have stopped, and ends with the last', () => {
    const now = START + 60 * MINUTE
    expect(payloadOf(subjectNow(escalation(respond50, dispose50), acknowledged, world, now))).toMatchObject({ lines: ['处置时限已用 50%，还剩 1 小时 0 分钟'], ack: null })
    expect(subjectNow(escalation(respond50), acknowledged, world, now)).toEqual({ kind: 'superseded', why: wording.superseded.stopped })
    for (const [incident, why] of [[recovered, 'recovered'], [closed, 'closed'], [cause, 'merged']] as const) expect(subjectNow(escalation(respond50, dispose50), incident, world, now)).toEqual({ kind: 'superseded', why: wording.superseded[why] })
  })

  it('of a payload of before has no steps to ask about, and goes as it is', () => {
    const { about: _, ...old } = escalation(respond50)
    const parsed = messagePayload.parse(old)
    expect(incidentAsked(parsed)).toBeUndefined()
    expect(subjectNow(parsed, recovered, world, START)).toEqual({ kind: 'stands', payload: parsed })
  })
})

it('a reminder of a report goes while the report is late', () => {
  const reminder: PlainPayload = { ...escalation(respond50), incident: null, number: '', about: { kind: 'report', key: 'r1' } }
  late.add('r1')
  expect(subjectNow(reminder, undefined, world, START).kind).toBe('stands')
  late.delete('r1')
  expect(subjectNow(reminder, undefined, world, START)).toEqual({ kind: 'superseded', why: wording.superseded.filed })
})

it('only what depends on the moment is asked about', () => {
  expect([notice('opened'), notice('reopened'), notice('reminded'), escalation(respond50), { kind: 'alerts' }].every(dependsOnMoment)).toBe(true)
  expect([notice('recovered'), { ...escalation(respond50), about: null }, { kind: 'plain' }, { kind: 'test', channel: 'x' }, notice('closed'), notice('judged'), null, 'x', [1]].some(dependsOnMoment)).toBe(false)
})

it('an alert that is over when its turn comes goes, and is known to be over', () => {
  const pushed = (fingerprint: string) => ({ labels: { alertname: 'A' }, annotations: {}, startsAt: START, endsAt: null, generatorUrl: '', fingerprint })
  const payload = { kind: 'alerts', receiver: 'duty', groupKey: 'g', groupLabels: {}, alerts: [pushed('a1'), pushed('a2')], incident: null } as const
  const expired = (): unknown => payloadOf(subjectNow(messagePayload.parse(payload), undefined, world, START))
  late.add('a1')
  expect(expired()).toMatchObject({ expired: false })
  late.add('a2')
  expect(expired()).toMatchObject({ expired: true })
  late.delete('a1')
  late.delete('a2')
})
