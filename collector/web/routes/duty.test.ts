/** The duty routes over the real room: what each role sees, what a change does, what is refused. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DutyMonth, DutyNow, DutyOverrideReply, DutyOverrides } from '../../../protocol/api-duty.ts'
import { dutyRig } from '../../../test/duty-rig.ts'
import type { DutyRig } from '../../../test/duty-rig.ts'
import { stubWeb } from '../../../test/web-dependencies.ts'
import type { StubWeb } from '../../../test/web-dependencies.ts'
import { roles } from '../../access/matrix.ts'
import { verifyAudit } from '../../state/audit.ts'

const at = (text: string): number => Date.parse(`${text.replace(' ', 'T')}:00+08:00`)
const START = at('2026-11-22 10:00')
const own = '/api/zhishou/v1'

let rig: DutyRig
let stub: StubWeb
beforeEach(async () => {
  rig = await dutyRig(START)
  stub = stubWeb({ now: () => rig.now, duty: rig.room, incidents: rig.web, ackLinks: rig.links })
})
afterEach(() => rig.close())

async function ask<T>(path: string, role = 'duty', method = 'GET', body?: unknown): Promise<{ readonly status: number; readonly body: T; readonly text: string }> {
  const response = await stub.web.app.request(`https://x${own}${path}`, { method, headers: { cookie: `__Host-zhishou=${role}`, 'x-zhishou-csrf': `csrf-${role}` }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  const text = await response.text()
  return { status: response.status, text, body: (text === '' ? undefined : JSON.parse(text)) as T }
}
const absence = { kind: 'absence', person: 'engineer-2', from: at('2026-11-23 00:00'), to: at('2026-11-30 00:00') } as const

describe('who is on duty', () => {
  it('says who, until when and why, and who is next', async () => {
    const { body } = await ask<DutyNow>('/duty')
    const by = new Map(body.rosters.map((roster) => [roster.name, roster]))
    expect(by.get('rest-days')!.people).toMatchObject([{ shift: '节假日班', from: at('2026-11-22 08:30'), until: at('2026-11-23 08:30'), handingOver: false, why: expect.stringMatching(/^轮班第 \d 组$/) }])
    // Working hours are over: that is no gap.
    expect(by.get('on-site')).toMatchObject({ people: [], nobody: null, next: { from: at('2026-11-23 08:30'), shift: '上午' } })
    expect(by.get('hotline')!.people).toHaveLength(1)
    expect(body.roles.map((role) => [role.title, role.people.map((one) => one.name).join()])).toEqual([['驻场负责人', '示例工程师一'], ['项目经理', '示例项目经理']])
    expect(body).toMatchObject({ gaps: [], conflicts: [], calendar: { years: [{ year: 2026 }] } })
  })

  it('a stand-in for a part of a shift stays until that part ends', async () => {
    const [present] = (await ask<DutyNow>('/duty')).body.rosters.find((one) => one.name === 'rest-days')!.people
    await rig.duty.override({ kind: 'substitute', roster: 'rest-days', out: present!.person.id, in: 'manager-1', from: at('2026-11-22 09:00'), to: at('2026-11-22 12:00') }, 'wang', '替')
    const turn = (await ask<DutyNow>('/duty')).body.rosters.find((one) => one.name === 'rest-days')!.people
    expect(turn).toMatchObject([{ person: { id: 'manager-1' }, until: at('2026-11-22 12:00'), why: '替班（1 号调整）' }])
    rig.now = at('2026-11-22 12:00')
    expect((await ask<DutyNow>('/duty')).body.rosters.find((one) => one.name === 'rest-days')!.people).toMatchObject([{ person: { id: present!.person.id }, until: at('2026-11-23 08:30') }])
  })

  it('somebody who hands over is told so, until the hand-over ends', async () => {
    rig.now = at('2026-11-23 08:35')
    const night = (await ask<DutyNow>('/duty')).body.rosters.find((one) => one.name === 'rest-days')!
    expect(night.people).toMatchObject([{ handingOver: true, until: at('2026-11-23 08:45') }])
  })

  it('a year that is not loaded is said, and its days are unknown', async () => {
    rig.now = at('2026-12-30 10:00')
    const { body } = await ask<DutyNow>('/duty')
    expect(body.calendar.faults.join()).toContain('2027')
    expect(body.gaps.map((gap) => gap.text).join()).toContain('2027 年的工作日历未载入')
    const month = (await ask<DutyMonth>('/duty/shifts?from=2026-12-31&to=2027-01-02')).body
    expect(month.days.map((day) => day.kind)).toEqual(['workday', 'unknown', 'unknown'])
    expect(month.shifts.filter((shift) => shift.unknownYear === 2027 && shift.date >= '2027').length).toBeGreaterThan(0)
  })

  it.each(roles)('%s sees phones, mail addresses and reasons only where the matrix gives them', async (role) => {
    await ask('/duty/overrides', 'duty', 'POST', { body: absence, reason: '病假在家' })
    await ask('/duty/overrides/1', 'duty', 'DELETE', { reason: '提前返岗' })
    const answers = await Promise.all(['/duty', '/duty/shifts?from=2026-11-01&to=2026-11-30', '/duty/overrides', '/duty/escalation'].map((path) => ask(path, role)))
    const text = answers.map((one) => one.text).join('\n')
    const [reads, contacts] = [['system-admin', 'duty', 'onsite', 'project-manager', 'client-manager', 'assessor', 'reader'].includes(role), ['system-admin', 'duty', 'onsite', 'project-manager'].includes(role)]
    expect(new Set(answers.map((one) => one.status))).toEqual(new Set([reads ? 200 : 403]))
    for (const secret of ['13800008001', '@example.org', '病假在家', '提前返岗']) expect(text.includes(secret), secret).toBe(contacts)
    expect(text.includes('示例工程师一')).toBe(reads)
    expect((await ask('/duty/overrides', role, 'POST', { body: absence, preview: true })).status).toBe(contacts ? 200 : 403)
  })
})

describe('the month', () => {
  it('knows holidays and make-up days, and counts both ends', async () => {
    const { days } = (await ask<DutyMonth>('/duty/shifts?from=2026-09-20&to=2026-10-10')).body
    const kind = (date: string) => days.find((day) => day.date === date)
    expect(days).toHaveLength(21)
    expect(kind('2026-09-20')).toMatchObject({ kind: 'makeup', name: '国庆节' })
    expect(kind('2026-10-07')).toMatchObject({ kind: 'holiday', name: '国庆节' })
    expect(kind('2026-10-08')).toMatchObject({ kind: 'workday', name: '' })
    expect(kind('2026-10-10')).toMatchObject({ kind: 'makeup' })
  })

  it.each(['', '?from=2026-11-01', '?from=2026-11-31&to=2026-12-01', '?from=2026-11-02&to=2026-11-01', '?from=2026-01-01&to=2026-03-04', '?from=0001-01-01&to=9999-12-31', '?from=x&to=y'])('%j is refused', async (query) => {
    expect((await ask(`/duty/shifts${query}`)).status).toBe(400)
  })

  it('62 days are not', async () => {
    expect((await ask('/duty/shifts?from=2026-01-01&to=2026-03-03')).status).toBe(200)
  })
})

describe('changes', () => {
  const post = (body: unknown) => ask<DutyOverrideReply & { message: string }>('/duty/overrides', 'duty', 'POST', body)

  it('are previewed without a trace, made with what they bring about, listed, and taken back', async () => {
    const preview = await post({ body: absence, preview: true })
    expect(preview.body).toMatchObject({ kind: 'possible', id: null, text: '示例工程师二 请假：2026-11-23 00:00 至 2026-11-30 00:00' })
    expect(preview.body.faults.join('\n')).toMatch(/工作日夜间值班：.*无人值班（示例工程师二 请假/)
    expect([await rig.duty.overrides(), rig.changes(), await rig.state.db.selectFrom('audit').selectAll().execute()]).toEqual([[], 0, []])
    const made = await post({ body: absence, reason: ' 年假 ' })
    expect(made.body).toMatchObject({ kind: 'made', id: 1, faults: preview.body.faults })
    expect((await ask<DutyOverrides>('/duty/overrides')).body.overrides).toMatchObject([{ id: 1, reason: '年假', by: 'user-duty', at: START, revoked: null }])
    expect((await ask<DutyNow>('/duty')).body.gaps.length).toBeGreaterThan(0)
    expect((await ask('/duty/overrides/1', 'onsite', 'DELETE', { reason: '不休了' })).status).toBe(204)
    expect((await ask('/duty/overrides/1', 'onsite', 'DELETE', { reason: '不休了' })).status).toBe(404)
    expect((await ask<DutyNow>('/duty')).body.gaps).toEqual([])
    expect(rig.changes()).toBe(2)
    expect(await rig.state.db.selectFrom('audit').select(['actor', 'action']).execute()).toEqual([{ actor: 'user-duty', action: 'duty.absence' }, { actor: 'user-onsite', action: 'duty.revoke' }])
    expect((await verifyAudit(rig.state.db)).kind).toBe('intact')
  })

  it('two people exchange their nights', async () => {
    const holder = async (date: string) => (await ask<DutyMonth>(`/duty/shifts?from=${date}&to=${date}`)).body.shifts.find((shift) => shift.key === `night/night/${date}`)!.stretches[0]!.people[0]!
    const [monday, tuesday] = [await holder('2026-11-23'), await holder('2026-11-24')]
    const place = (date: string, person: string) => ({ roster: 'night', shift: 'night', date, person })
    const { body } = await post({ body: { kind: 'swap', first: place('2026-11-23', monday.id), second: place('2026-11-24', tuesday.id) }, reason: '家中有事' })
    expect(body).toMatchObject({ kind: 'made', id: 1, text: `${monday.name}（2026-11-23 工作日夜间值班 夜班）与 ${tuesday.name}（2026-11-24 工作日夜间值班 夜班）换班` })
    expect([await holder('2026-11-23'), await holder('2026-11-24')]).toMatchObject([{ id: tuesday.id, changed: true, why: '换班（1 号调整）' }, { id: monday.id, changed: true }])
  })

  it('a year of absence names the first thirty faults and counts the rest', async () => {
    const { body } = await post({ body: { ...absence, from: at('2026-01-02 00:00'), to: at('2026-12-30 00:00') }, preview: true })
    expect(body.faults).toHaveLength(31)
    expect(body.faults.at(-1)).toMatch(/^另有 \d+ 处$/)
  })

  it('what could have no effect is impossible in a preview and a 422 when it is to be made', async () => {
    const place = (person: string, date: string) => ({ roster: 'night', shift: 'night', date, person })
    const body = { kind: 'swap', first: place('hotline-1', '2026-11-23'), second: place('hotline-2', '2026-11-24') }
    const preview = await post({ body, preview: true })
    expect([preview.status, preview.body.kind]).toEqual([200, 'impossible'])
    const made = await post({ body, reason: '换' })
    expect([made.status, made.body.message]).toEqual([422, preview.body.faults.join('；')])
    expect(await rig.duty.overrides()).toEqual([])
  })

  it('a change far away or without end is not even looked at', async () => {
    const started = performance.now()
    const place = (date: string, person: string) => ({ roster: 'hotline', shift: 'day', date, person })
    for (const body of [
      { ...absence, from: 0, to: Number.MAX_SAFE_INTEGER },
      { ...absence, from: -Number.MAX_SAFE_INTEGER, to: absence.to },
      { ...absence, from: at('2199-01-01 00:00'), to: at('2199-01-02 00:00') },
      { kind: 'swap', first: place('2000-01-01', 'hotline-1'), second: place('9990-01-01', 'hotline-2') },
      { kind: 'swap', first: place('0000-01-01', 'hotline-1'), second: place('0000-01-02', 'hotline-2') },
    ]) {
      for (const preview of [true, false]) expect((await post(preview ? { body, preview } : { body, reason: 'x' })).status).toBe(422)
    }
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  it.each([
    {}, { body: absence }, { body: absence, reason: ' ' }, { body: absence, reason: 'x', by: 'me' }, { body: { ...absence, kind: 'holiday' }, reason: 'x' }, { body: { ...absence, from: 'soon' }, reason: 'x' },
    { body: { ...absence, extra: 1 }, reason: 'x' }, { body: absence, reason: 'x'.repeat(501) }, { body: absence, preview: 'yes' },
  ])('%j is malformed', async (body) => {
    expect((await post(body)).status).toBe(400)
    expect(await rig.duty.overrides()).toEqual([])
  })

  it.each(['0', '-1', '1.5', 'x', '%20', '99999999999999999999'])('override %s is not there', async (id) => {
    expect((await ask(`/duty/overrides/${id}`, 'duty', 'DELETE', { reason: 'x' })).status).toBe(404)
  })
})

describe('escalation', () => {
  it('is told by title', async () => {
    const { body } = await ask<{ policies: { name: string; steps: unknown[] }[]; roles: unknown[] }>('/duty/escalation', 'client-manager')
    expect(body.policies[0]).toMatchObject({ name: 'critical', steps: expect.arrayContaining([{ clock: 'respond', used: 90, to: ['值班工程师', '热线坐席', '驻场负责人'], channels: [], repeatEveryMs: 180_000 }]) })
    expect(body.roles[0]).toEqual({ name: 'on-call', title: '值班工程师', rosters: ['驻场运维（5×8）', '工作日夜间值班', '周末与节假日值班'], next: '热线坐席' })
  })
})

describe('a call that a second person writes down', () => {
  const call = (number: string, body: unknown) => ask<{ acknowledgedBy: string; timeline: { text: string }[]; clocks: { clock: string; stoppedAt: number }[]; code: string }>(`/incidents/${number}/acknowledge-by-phone`, 'duty', 'POST', body)

  it('counts from when the call came, for who called; both are named', async () => {
    const number = await rig.fault('host-1')
    rig.now += 20 * 60_000
    const { status, body } = await call(number, { calledBy: 'engineer-2', at: START + 5 * 60_000 })
    expect([status, body.acknowledgedBy, body.clocks.find((one) => one.clock === 'respond')!.stoppedAt]).toEqual([200, '示例工程师二', START + 5 * 60_000])
    expect(body.timeline.at(-1)!.text).toBe('示例工程师二 于 2026-11-22 10:05:00 电话响应，user-duty 登记')
    expect((await call(number, { calledBy: 'engineer-3' })).body.code).toBe('acknowledged-already')
    expect(await rig.state.db.selectFrom('audit').select(['actor', 'action', 'object']).execute()).toEqual([{ actor: 'user-duty', action: 'incident.acknowledge', object: number }])
  })

  it('not before the fault, not in the future, not by nobody', async () => {
    const number = await rig.fault('host-1')
    for (const when of [START - 1, START + 1]) expect((await call(number, { calledBy: 'engineer-2', at: when })).status).toBe(422)
    for (const body of [{}, { calledBy: ' ' }, { calledBy: 'x'.repeat(201) }, { calledBy: 'x', at: 'now' }, { calledBy: 'x', by: 'y' }]) expect((await call(number, body)).status).toBe(400)
    expect((await call('F20990101-001', { calledBy: 'engineer-2' })).status).toBe(404)
    // Only whom the site knows: a slip is told what is near, and who writes it down has not called.
    expect(await call(number, { calledBy: '示例工程师十' })).toMatchObject({ status: 422, body: { code: 'unknown-person', message: expect.stringContaining('相近的有：示例工程师一（engineer-1）') } })
    expect((await call(number, { calledBy: 'user-duty' })).body).toMatchObject({ code: 'caller-is-writer' })
    expect((await call(number, { calledBy: '示例工程师二' })).body.acknowledgedBy).toBe('示例工程师二')
  })
})
