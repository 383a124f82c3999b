import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readFileSync } from 'node:fs'
import { dutyRig } from '../../test/duty-rig.ts'
import type { DutyRig } from '../../test/duty-rig.ts'
import { replyCode } from '../duty/ack-storage.ts'
import { parseWording } from '../incidents/wording.ts'
import type { Channel, SmsReply } from '../notify/channel.ts'
import type { OutboxItem } from '../notify/outbox-storage.ts'
import { messagePayload } from '../notify/payload.ts'
import { incidentAsked, subjectNow } from '../notify/subject.ts'
import { createDutyWatch } from './duty-watch.ts'
import type { DutyWatch } from './duty-watch.ts'

const NOW = Date.parse('2026-11-23T02:00:00Z')
const MINUTE = 60_000
const wording = parseWording(readFileSync(new URL('../../alerts/templates/zh-CN.yml', import.meta.url), 'utf8'), 'zh-CN.yml')

let rig: DutyRig
let watch: DutyWatch
let items: OutboxItem[]
let told: string[]
let refusals: string[]
let warnings: string[]
let waiting: SmsReply[]
let late: { readonly key: string; readonly period: string; readonly title: string; readonly dueAt: number }[]
const tasks = new Map<string, () => unknown>()
beforeEach(async () => {
  rig = await dutyRig(NOW)
  ;[items, told, warnings, waiting, late, refusals] = [[], [], [], [], [], []]
  const log = { debug: () => undefined, info: () => undefined, warn: (message: string) => void warnings.push(message), error: (message: string) => void warnings.push(message) }
  const channel: Channel = {
    name: 'sms', perMinute: 1, close: () => undefined, check: () => Promise.resolve({ kind: 'up' }), send: () => Promise.resolve({ kind: 'refused', why: '' }),
    replies: () => Promise.resolve(waiting.splice(0)),
  }
  watch = createDutyWatch({
    state: rig.state, duty: rig.duty, incidents: rig.incidents, wording, log, channels: [channel], kinds: new Map([['sms', 'sms-http']]), generatorUrl: '',
    clock: { now: () => rig.now, every: (_, name, run) => (tasks.set(name, run), () => undefined) },
    outbox: { enqueue: (_, item) => (items.push(item), Promise.resolve([item.dedupKey])), wake: () => undefined },
    ack: () => Promise.resolve(undefined),
    dispatch: () => ({ put: () => Promise.resolve(), resolve: () => Promise.resolve() }),
    service: () => ({ tightening: () => ({ threshold: 1, step: 1 }), reminders: () => late }),
    refused: (channel, why) => void refusals.push(`${channel} ${why}`),
    told: (whom, reached) => void told.push(`${whom} ${String(reached)}`),
  })
  watch.start()
})
afterEach(() => rig.close())

const phone = (id: string): string => rig.duty.plan().file.people.get(id)!.addresses.phone!
const person = (): string => [...rig.duty.plan().file.people.keys()][0]!
const codeFor = (number: string): Promise<string | undefined> => rig.state.db.transaction().execute((trx) => replyCode(trx, number, person(), 86_400_000, rig.now))
const responseOf = async (number: string) => (await rig.incidents.get(number))?.acknowledgedBy

describe('an answer by SMS', () => {
  it('that is not understood is counted, shown for an hour, and told to its sender once', async () => {
    const number = await rig.fault('web-01')
    const code = (await codeFor(number))!
    const wrong = { phone: phone(person()), text: code === '9999' ? '9998' : '9999', id: 'w1' }
    expect(await watch.answered('sms', wrong)).toBe('refused')
    expect(refusals).toEqual(['sms wrong-code'])
    expect([watch.misunderstoodLately(rig.now), watch.misunderstoodLately(rig.now + 3_600_000)]).toEqual([1, 0])
    expect([watch.misunderstood('10010'), watch.misunderstood(wrong.phone), watch.misunderstood(wrong.phone)]).toEqual([false, true, false])
    // A number that is nobody's is counted only.
    expect(await watch.answered('sms', { phone: '13900000000', text: '1234', id: 'w2' })).toBe('refused')
    expect([refusals.at(-1), watch.misunderstood('13900000000')]).toEqual(['sms unknown-number', false])
    expect(await watch.answered('sms', { phone: wrong.phone, text: code, id: 'w3' })).toBe('acknowledged')
    expect(refusals).toHaveLength(2)
  })

  it('acknowledges once, however often the gateway repeats it, and at the same time', async () => {
    const number = await rig.fault('web-01')
    const answer = { phone: phone(person()), text: `收到 ${(await codeFor(number))!}`, id: 'm1' }
    expect((await Promise.all([watch.answered('sms', answer), watch.answered('sms', answer)])).toSorted()).toEqual(['acknowledged', 'repeated'])
    expect(await watch.answered('sms', answer)).toBe('repeated')
    expect(await responseOf(number)).toBeTruthy()
    // Told again as another message, its code is used.
    expect(await watch.answered('sms', { ...answer, id: 'm2' })).toBe('refused')
    expect(await watch.answered('sms', { ...answer, id: 'm2' })).toBe('repeated')
  })

  it('that was not written to the end is taken when it comes again', async () => {
    const number = await rig.fault('web-01')
    const answer = { phone: phone(person()), text: (await codeFor(number))!, id: 'm1' }
    await rig.state.db.schema.alterTable('sms_reply_seen').renameTo('gone').execute()
    await expect(watch.answered('sms', answer)).rejects.toThrow()
    await rig.state.db.schema.alterTable('gone').renameTo('sms_reply_seen').execute()
    expect(await responseOf(number)).toBeNull()
    expect(await watch.answered('sms', answer)).toBe('acknowledged')
  })

  it('repeated with a wrong code does not count as guessing', async () => {
    const number = await rig.fault('web-01')
    const code = (await codeFor(number))!
    const wrong = code === '0000' ? '0001' : '0000'
    for (let times = 0; times < 8; times++) await watch.answered('sms', { phone: phone(person()), text: wrong, id: undefined })
    expect(await watch.answered('sms', { phone: phone(person()), text: code, id: undefined })).toBe('acknowledged')
  })

  it('is asked for, and one that cannot be taken loses none behind it', async () => {
    const number = await rig.fault('web-01')
    waiting = [{ phone: '13700000000', text: '4711' }, { phone: phone(person()), text: (await codeFor(number))! }]
    await tasks.get('notify.replies')!()
    expect(await responseOf(number)).toBeTruthy()
    expect(warnings).toEqual(['an answered message was not taken as an acknowledgement'])
  })

  it('that comes when the fault is over is used up and said to be late', async () => {
    const number = await rig.fault('web-01')
    const code = (await codeFor(number))!
    await rig.incidents.acknowledge(number, '李值班', 'link')
    expect(await watch.answered('sms', { phone: phone(person()), text: code, id: 'm1' })).toBe('refused')
    expect(await watch.answered('sms', { phone: phone(person()), text: code, id: 'm1' })).toBe('repeated')
    expect(warnings.at(-1)).toBe('an answered message came too late')
  })
})

describe('an escalation', () => {
  it('keeps its steps, so that it can be asked when it goes whether it still holds', async () => {
    const number = await rig.fault('web-01')
    rig.now += 31 * MINUTE
    await tasks.get('duty.escalate')!()
    expect(items.length).toBeGreaterThan(0)
    expect(told.at(-1)).toMatch(/ true$/)
    const payload = messagePayload.parse(items[0]!.payload)
    expect(payload).toMatchObject({ kind: 'plain', number, about: { kind: 'escalation', steps: [{ clock: 'respond', used: 50, repeat: 0 }] } })
    expect(incidentAsked(payload)).toBe(number)
    const before = items.length
    await tasks.get('duty.escalate')!()
    expect(items).toHaveLength(before)
    await rig.incidents.acknowledge(number, '李值班', 'link')
    const incident = rig.incidents.live().find((one) => one.number === number)
    expect(subjectNow(payload, incident, { wording, stepText: String, reportLate: () => false, alertOver: () => false }, rig.now)).toEqual({ kind: 'superseded', why: wording.superseded.stopped })
  })
})

it('reminds of a late report while it is late', async () => {
  late = [{ key: 'zero-report:G1:1', period: 'G1', title: '重保', dueAt: 1 }]
  await tasks.get('duty.watch')!()
  expect(items.map((item) => messagePayload.parse(item.payload))).toEqual(items.map(() => expect.objectContaining({ about: { kind: 'report', key: 'zero-report:G1:1' } })))
  expect(items.length).toBeGreaterThan(0)
  expect(watch.reportLate('zero-report:G1:1')).toBe(true)
  late = []
  expect(watch.reportLate('zero-report:G1:1')).toBe(false)
})
