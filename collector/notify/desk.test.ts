import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WhyReason } from '../../protocol/api-notify.ts'
import { RIG_START, startNotifyRig } from '../../test/notify-desk-rig.ts'
import type { NotifyRig } from '../../test/notify-desk-rig.ts'
import { explainAlert } from './explain.ts'
import { claimNext, supersede } from './outbox-storage.ts'

const HOUR = 3_600_000
const routes = `
route:
  receiver: duty
  group_by: [alertname]
  group_wait: 5s
  group_interval: 30s
  repeat_interval: 10m
  routes:
    - { matchers: ['kind="night"'], receiver: mail-only, mute_time_intervals: [night] }
    - { matchers: ['kind="day"'], receiver: mail-only, active_time_intervals: [day] }
    - { matchers: ['kind="void"'], receiver: void }
    - { matchers: ['incident!=""'], receiver: mail-only, group_by: [incident] }
inhibit_rules: [{ source_matchers: ['severity="critical"'], target_matchers: ['severity="info"'], equal: [host] }]
time_intervals:
  - { name: night, time_intervals: [{ times: [{ start_time: '00:00', end_time: '07:30' }], location: Asia/Shanghai }] }
  - { name: day, time_intervals: [{ weekdays: ['monday:friday'], times: [{ start_time: '09:00', end_time: '18:00' }], location: Asia/Shanghai }] }
receivers:
  - { name: duty, to: [{ channel: mail, roster: on-call }, { channel: sms, roster: nobody, send_resolved: false }] }
  - { name: mail-only, to: [{ channel: mail, addresses: [duty@example.org] }] }
  - { name: void }
`
const all = { text: true, contacts: true }
const outsider = { text: false, contacts: false }
const matchers = [{ name: 'alertname', op: '=', value: 'A' }] as const

let rig: NotifyRig
beforeEach(async () => {
  rig = await startNotifyRig(routes)
})
afterEach(() => rig.stop())

const audits = async (): Promise<readonly string[]> => (await rig.state.db.selectFrom('audit').select(['action', 'actor']).orderBy('seq').execute()).map((row) => `${row.action} ${row.actor}`)

/** The answer about an alert now, as a reason and a sentence. */
async function why(fingerprint: string, at = rig.clock.now()): Promise<{ readonly reason: WhyReason; readonly answer: string; readonly texts: string }> {
  const found = await rig.desk.explain.alert(fingerprint, at, all)
  if (found === undefined) throw new Error(`nothing is known of ${fingerprint}`)
  return { reason: found.reason, answer: found.answer, texts: [...found.lines, ...found.routes.flatMap((one) => one.lines)].map((one) => one.text).join('\n') }
}

describe('why it rang, or did not', () => {
  it('03:10 told by mail, with the receipt, and before that waiting', async () => {
    const a = await rig.fire('A')
    await rig.pass(3_000)
    expect((await why(a)).reason).toBe('waiting')
    await rig.pass(3_000)
    const told = await why(a)
    expect(told.reason).toBe('told')
    expect(told.answer).toContain('响了（2026-11-22 03:10')
    expect(told.texts).toMatch(/首次告知.*duty mail\/0/)
    expect(told.texts).toContain('经 mail 送达 duty@example.org')
    expect((await why(a, RIG_START - 1)).reason).toBe('not-yet')
    // The past stays as it was when more has happened.
    await rig.pass(60_000)
    expect((await why(a, RIG_START + 2_000)).reason).toBe('waiting')
    expect((await why(a, RIG_START + 7_000)).reason).toBe('told')
  })

  it('a silence is named with its owner, reason and end', async () => {
    const made = await rig.desk.silences.create({ matchers, startsAt: undefined, endsAt: rig.clock.now() + HOUR, reason: '升级数据库' }, 'li')
    const a = await rig.fire('A')
    await rig.pass(6_000)
    const found = await why(a)
    expect(found.reason).toBe('silenced')
    expect(found.answer).toMatch(/没有响：被静默.*li「升级数据库」至 2026-11-22 04:10/)
    if (made.kind !== 'done') throw new Error('not made')
    const silence = await rig.desk.explain.silence(made.value.id, rig.clock.now(), all)
    expect(silence).toMatchObject({ reason: 'silenced', answer: '静默了 A 出事（A）' })
    expect((await rig.desk.explain.silence(made.value.id, rig.clock.now() + 2 * HOUR, all))!.reason).toBe('muted-nothing')
    expect(await rig.desk.explain.silence('nope', 0, all)).toBeUndefined()
  })

  it('an inhibitor is named', async () => {
    await rig.fire('Cause', { severity: 'critical', host: 'web-01' })
    const effect = await rig.fire('Effect', { severity: 'info', host: 'web-01' })
    const other = await rig.fire('Other', { severity: 'info', host: 'web-02' })
    await rig.pass(6_000)
    expect(await why(effect)).toMatchObject({ reason: 'inhibited', answer: expect.stringContaining('Cause 出事（Cause） 正在告警') as string })
    expect((await why(other)).reason).toBe('told')
  })

  it('an alert whose incident speaks for it leads to the message of that incident', async () => {
    const speaker = await rig.fire('Fault', { incident: 'F20261122-001' })
    rig.speakers.set('Member', speaker)
    const member = await rig.fire('Member')
    await rig.pass(6_000)
    const found = await rig.desk.explain.alert(member, rig.clock.now(), all)
    expect(found).toMatchObject({ reason: 'spoken-for', spokesman: { incident: 'F20261122-001', answer: expect.stringContaining('响了') as string } })
    expect(found!.answer).toContain('故障单 F20261122-001 统一通知')
    expect(await rig.desk.explain.incident('F20261122-001', rig.clock.now(), all)).toMatchObject({ reason: 'told', about: { kind: 'incident', id: 'F20261122-001' } })
    for (const number of ['F20261122-002', 'F%', '']) expect(await rig.desk.explain.incident(number, rig.clock.now(), all)).toBeUndefined()
  })

  it('what the topology hides is told with the cause, for as long as it was hidden', async () => {
    const speaker = await rig.fire('LinkCut', { incident: 'F20261122-009' })
    rig.speakers.set('HostDown', speaker)
    const hidden = await rig.fire('HostDown', { instance: 'web-01' })
    await rig.pass(6_000)
    const now = rig.clock.now()
    await rig.state.db.insertInto('incident').values({ id: 9, number: 'F20261122-009', key: 'k', state: 'open', service: 'network', instance: 'link', fault: 'cut', severity: 'critical', profile: 'p', started_at: now, opened_at: now, recovered_at: null, closed_at: null, version: 1, body_json: JSON.stringify({ title: '区县链路中断' }), merged_into: null }).execute()
    await rig.state.db.insertInto('incident_hidden').values({ incident_id: 9, fingerprint: 'rules-own', name: 'HostDown', instance: 'web-01', state: 'ended', started_at: now, hidden_at: RIG_START, ended_at: now + 60_000, facts_json: JSON.stringify({ labels: { alertname: 'HostDown', instance: 'web-01' } }) }).execute()
    const found = await why(hidden)
    expect(found).toMatchObject({ reason: 'hidden', answer: '没有单独响：列在上级故障单内（故障单 F20261122-009「区县链路中断」）' })
    expect(found.texts).toContain('拓扑判定它由故障单 F20261122-009')
    // The console knows it by the name that the rules gave it.
    expect((await why('rules-own')).reason).toBe('hidden')
    rig.speakers.clear()
    await rig.pass(120_000)
    expect((await why(hidden)).reason).not.toBe('hidden')
  })

  it('mute and active times are named', async () => {
    const night = await rig.fire('N', { kind: 'night' })
    const day = await rig.fire('D', { kind: 'day' })
    await rig.pass(6_000)
    expect(await why(night)).toMatchObject({ reason: 'mute-time', answer: expect.stringMatching(/免打扰时段：night/) as string })
    expect(await why(day)).toMatchObject({ reason: 'outside-active', answer: expect.stringMatching(/不在生效时段内：day/) as string })
  })

  it('told before: says when, by what, and when it may be told again', async () => {
    const a = await rig.fire('A')
    await rig.pass(6_000)
    await rig.pass(60_000)
    const found = await why(a)
    expect(found.reason).toBe('repeat-not-due')
    expect(found.texts).toMatch(/上次告知于 2026-11-22 03:10:05.*重复提醒不早于 2026-11-22 03:20:05/)
    expect(found.texts).toContain('2026-11-22 03:10:06 经 mail 送达')
    await rig.pass(10 * 60_000)
    expect((await why(a, RIG_START + 637_000)).texts).toContain('到达重复提醒间隔')
  })

  it('a channel that failed, then worked', async () => {
    rig.answers.set('mail', { kind: 'try-again', why: '451 greylisted', channelDown: true })
    rig.answers.set('sms', { kind: 'refused', why: 'no such number' })
    const a = await rig.fire('A')
    await rig.pass(6_000)
    const failed = await why(a)
    expect(failed.reason).toBe('channel-failed')
    expect(failed.texts).toContain('经 mail 第 1 次发送未成功，将重试：451 greylisted')
    expect(failed.texts).toContain('sms 拒收，不再重试：no such number')
    const failedAt = rig.clock.now()
    rig.answers.clear()
    await rig.pass(20_000)
    expect((await why(a)).reason).toBe('told')
    const then = await why(a, failedAt)
    expect(then.reason).toBe('channel-failed')
    expect(then.texts).toMatch(/送达 duty@example.org（在此之后）/)
  })

  it('a receiver without a way, an end that is not told, an alert that is over', async () => {
    const nowhere = await rig.fire('V', { kind: 'void' })
    const a = await rig.fire('A')
    await rig.pass(6_000)
    expect((await why(nowhere)).reason).toBe('no-receiver')
    await rig.end('A')
    await rig.pass(31_000)
    const ended = await why(a)
    expect([ended.reason, ended.texts.includes('该渠道不告知恢复'), ended.texts.includes('全部恢复')]).toEqual(['told', true, true])
    await rig.pass(12_000)
    expect((await why(a)).reason).toBe('told')
    await rig.pass(45_000)
    expect((await why(a)).reason).toBe('over')
    expect(await rig.desk.explain.alert('0000000000000000', rig.clock.now(), all)).toBeUndefined()
  })

  it('an alert that has left its group while others stay in it', async () => {
    const a = await rig.fire('A', { instance: '1' })
    await rig.fire('A', { instance: '2' })
    await rig.pass(6_000)
    await rig.end('A', { instance: '1' })
    await rig.pass(31_000)
    expect((await why(a)).texts).toContain('有告警恢复')
    await rig.pass(31_000)
    expect((await why(a)).reason).toBe('over')
  })

  it('what was decided before it had an incident, and where nothing is recorded', async () => {
    await rig.fire('A')
    await rig.pass(6_000)
    const [alert] = rig.dispatch.alerts()
    // As the incident adds its number: the group is another one, what was told stays told.
    const moved = { ...alert!.alert, routing: { ...alert!.alert.routing, incident: 'F20261122-001' } }
    const found = explainAlert(moved, { at: rig.clock.now(), routes: rig.dispatch.routes(), decisions: await rig.dispatch.decisions(0, rig.clock.now()), silences: [], receipts: [], nameOf: (one) => one, span: String })
    expect(found.routes.map((one) => [one.groupKey, one.decisions.length])).toEqual([['{}:{alertname="A"}', 2]])
    await rig.dispatch.put([{ ...alert!.alert, fingerprint: 'late', labels: { alertname: 'Late' }, startsAt: RIG_START - HOUR }])
    expect((await why('late', RIG_START - HOUR / 2)).reason).toBe('unknown')
    expect((await why('late', RIG_START - HOUR + 3_000)).reason).toBe('waiting')
  })

  it('a silence that came after an inhibition is what holds', async () => {
    await rig.fire('Cause', { severity: 'critical', host: 'web-01' })
    const effect = await rig.fire('Effect', { severity: 'info', host: 'web-01' })
    await rig.pass(6_000)
    await rig.desk.silences.create({ matchers: [{ name: 'alertname', op: '=', value: 'Effect' }], startsAt: undefined, endsAt: rig.clock.now() + HOUR, reason: '换盘' }, 'li')
    await rig.end('Cause', { severity: 'critical', host: 'web-01' })
    await rig.pass(31_000)
    expect((await why(effect)).reason).toBe('silenced')
    expect((await why(effect, RIG_START + 10_000)).reason).toBe('inhibited')
    await rig.pass(70_000)
    expect((await why(effect)).reason).toBe('silenced')
  })

  it('one integration that has nothing new does not hide that another one rang', async () => {
    rig.answers.set('sms', { kind: 'delivered', to: ['13800001234'], detail: 'ok', refused: [], again: [] })
    const a = await rig.fire('A')
    await rig.pass(6_000)
    await rig.fire('A2', {})
    await rig.end('A')
    await rig.pass(31_000)
    // Mail tells the end; the SMS integration only notes it.
    const found = await why(a)
    expect(found.texts).toContain('duty mail/0')
    expect(found.texts).toContain('只记录')
  })

  it('a condition that does not hold long enough yet', async () => {
    const found = await rig.desk.explain.alert('0123456789abcdef', rig.clock.now(), all, { title: 'CPU 高', since: RIG_START })
    expect(found).toMatchObject({ reason: 'not-yet', about: { title: 'CPU 高' }, answer: expect.stringContaining('2026-11-22 03:10:00 起条件成立，尚未持续到规则要求的时间') as string })
  })

  it('a notification: why it went, and what became of it', async () => {
    await rig.fire('A')
    await rig.pass(6_000)
    const [mail] = (await rig.desk.outbox.list({ state: 'sent', channel: 'mail', before: undefined, limit: 10 }, all)).messages
    const found = await rig.desk.explain.notification(mail!.id, all)
    expect(found).toMatchObject({ reason: 'told', about: { kind: 'notification', title: '主题 alerts' } })
    const texts = found!.routes[0]!.lines.map((one) => one.text).join('\n')
    expect(texts).toContain('首次告知')
    expect(texts).toContain('涉及 A 出事（A）')
    const tested = await rig.desk.channels.test('mail', ['li@example.org'], 'li', all)
    if (tested.kind !== 'done') throw new Error(tested.message)
    expect((await rig.desk.explain.notification(tested.value.id, all))!.routes[0]!.lines[0]!.text).toBe('这是控制台的测试消息')
    expect(await rig.desk.explain.notification('nope', all)).toBeUndefined()
  })
})

describe('a message that no longer held', () => {
  it('is among all messages, neither owed nor failed, and the explanation says why it was not sent', async () => {
    const { state, clock } = rig
    await state.db.transaction().execute((trx) => rig.outbox.enqueue(trx, { channel: 'mail', receiver: '李值班', to: ['duty@example.org'], dedupKey: 'late', incidentId: undefined, payload: { kind: 'plain' } }, clock.now()))
    const { id } = await state.db.selectFrom('outbox').select('id').where('dedup_key', '=', 'late').executeTakeFirstOrThrow()
    const claim = await claimNext(state, 'mail', clock.now())
    if (claim.kind !== 'claimed') throw new Error('nothing claimed')
    await supersede(state, [{ claimed: claim.messages[0], why: '故障已恢复' }], true, clock.now())
    const query = (filter: 'all' | 'owed' | 'failed' | 'sent') => rig.desk.outbox.list({ state: filter, channel: undefined, before: undefined, limit: 10 }, all)
    expect((await query('all')).messages).toMatchObject([{ id, state: 'superseded', error: null, receipts: [{ outcome: 'superseded', detail: '故障已恢复' }] }])
    for (const filter of ['owed', 'failed', 'sent'] as const) expect((await query(filter)).messages).toEqual([])
    expect(await rig.desk.explain.notification(id, all)).toMatchObject({ reason: 'superseded', answer: expect.stringMatching(/^没有发出：轮到发送时已不再成立（.*：故障已恢复）$/) })
    // It is ended: nobody sends it any more.
    await rig.pass(600_000)
    expect((await query('all')).messages).toMatchObject([{ state: 'superseded', attempts: 1 }])
  })
})

describe('silences', () => {
  const ask = (over: object = {}) => ({ matchers, startsAt: undefined, endsAt: rig.clock.now() + HOUR, reason: '升级', ...over })
  const list = async () => (await rig.desk.silences.list()).silences

  it('count an alert and the incident that speaks for it once, also when they go on after the end', async () => {
    const incident = await rig.fire('Incident', { instance: 'web-01', incident: 'F1' })
    await rig.fire('First', { instance: 'web-01' })
    await rig.fire('Second', { instance: 'web-01' })
    await rig.fire('Elsewhere', { instance: 'web-02' })
    for (const name of ['First', 'Second', 'Elsewhere']) rig.speakers.set(name, incident)
    const on = (instance: string) => [{ name: 'instance', op: '=' as const, value: instance }]
    const made = await rig.desk.silences.create(ask({ matchers: on('web-01') }), 'li')
    expect(made).toMatchObject({ kind: 'done', value: { coversCount: 1, covers: [{ name: 'Incident' }] } })
    // Where the incident itself is not muted, its alert stands for itself.
    expect(await rig.desk.silences.create(ask({ matchers: on('web-02') }), 'li')).toMatchObject({ kind: 'done', value: { coversCount: 1, covers: [{ name: 'Elsewhere' }] } })
    const { id } = (await list()).find((one) => one.coversCount === 1 && one.covers[0]?.name === 'Incident')!
    await rig.clock.advance(1_000)
    expect(await rig.desk.silences.expire(id, 'wang')).toMatchObject({ kind: 'done', value: { overruns: [{ kind: 'still-firing', count: 1, alerts: [{ name: 'Incident' }] }] } })
  })

  it('show what they mute now, and what goes beyond what was agreed', async () => {
    await rig.fire('A', { instance: 'web-01', severity: 'critical' })
    await rig.fire('B')
    const made = await rig.desk.silences.create(ask(), 'li')
    expect(made).toMatchObject({ kind: 'done', value: { state: 'active', owner: 'li', coversCount: 1, covers: [{ name: 'A', instance: 'web-01', severity: 'critical', summary: 'A 出事' }], overruns: [], second: null } })
    const { id } = (await list())[0]!
    expect(await rig.desk.silences.change(id, { matchers: undefined, endsAt: rig.clock.now() + 3 * HOUR, reason: '没做完' }, 'wang')).toMatchObject({ kind: 'done', value: { id, owner: 'wang', reason: '没做完', overruns: [{ kind: 'extended', byMs: 2 * HOUR }] } })
    await rig.clock.advance(1_000)
    expect(await rig.desk.silences.expire(id, 'wang')).toMatchObject({ kind: 'done', value: { state: 'expired', overruns: [{ kind: 'still-firing', count: 1, alerts: [{ name: 'A' }] }] } })
    expect(await rig.desk.silences.expire(id, 'wang')).toMatchObject({ status: 409 })
    expect(await rig.desk.silences.change(id, { matchers: undefined, endsAt: rig.clock.now() + HOUR, reason: 'x' }, 'wang')).toMatchObject({ status: 409 })
    expect(await audits()).toEqual(['silence.create li', 'silence.update wang', 'silence.expire wang'])
  })

  it.each([
    ['no reason', { reason: ' ' }, '请写明静默原因'],
    ['no matcher', { matchers: [] }, '请至少写一个匹配条件'],
    ['an end that is over', { endsAt: RIG_START - 1 }, '结束时间已过'],
    ['more than 30 days', { endsAt: RIG_START + 30 * 24 * HOUR + 1_000 }, '最长 30 天'],
    ['a start after its end', { startsAt: RIG_START + 2 * HOUR, endsAt: RIG_START + HOUR }, '开始时间须早于结束时间'],
    ['matchers that match anything', { matchers: [{ name: 'a', op: '=~', value: '.*' }] }, '匹配条件过宽'],
    ['a bad expression', { matchers: [{ name: 'a', op: '=~', value: '(' }] }, '匹配条件有误'],
  ])('%s is refused', async (_, over, told) => {
    const refused = await rig.desk.silences.create(ask(over), 'li')
    expect(refused).toMatchObject({ kind: 'refused', status: 422, message: expect.stringContaining(told) as string })
    expect(await audits()).toEqual([])
  })

  it('30 days hold over extensions and changes of matchers', async () => {
    const made = await rig.desk.silences.create(ask({ endsAt: RIG_START + 29 * 24 * HOUR }), 'li')
    if (made.kind !== 'done') throw new Error(made.message)
    await rig.clock.advance(HOUR)
    expect(await rig.desk.silences.change(made.value.id, { matchers: undefined, endsAt: RIG_START + 31 * 24 * HOUR, reason: 'x' }, 'li')).toMatchObject({ status: 422 })
    const moved = await rig.desk.silences.change(made.value.id, { matchers: [{ name: 'alertname', op: '=', value: 'B' }], endsAt: undefined, reason: 'x' }, 'li')
    if (moved.kind !== 'done') throw new Error(moved.message)
    expect(moved.value.id).not.toBe(made.value.id)
    expect(await rig.desk.silences.change(moved.value.id, { matchers: undefined, endsAt: RIG_START + 31 * 24 * HOUR, reason: 'x' }, 'li')).toMatchObject({ status: 422 })
    const { apiFault } = rig.desk.silences
    const api = { id: moved.value.id, matchers: moved.value.matchers, startsAt: moved.value.startsAt, createdBy: 'amtool', comment: 'x' }
    expect(apiFault({ ...api, endsAt: RIG_START + 31 * 24 * HOUR })).toContain('at most 30 days')
    expect(apiFault({ ...api, endsAt: RIG_START + 29 * 24 * HOUR })).toBeUndefined()
  })

  it('in a guard period waits for a second person, is seen, and mutes nothing until then', async () => {
    rig.guarded.add('portal')
    const a = await rig.fire('A', { system: 'portal' })
    const asked = await rig.desk.silences.create(ask(), 'li')
    expect(asked).toMatchObject({ kind: 'done', value: { state: 'waiting', coversCount: 1, second: null } })
    await rig.pass(6_000)
    expect((await why(a)).reason).toBe('told')
    const { id } = (await list())[0]!
    expect(await rig.desk.silences.confirm(id, 'li')).toMatchObject({ status: 403, code: 'second-person' })
    const agreed = await Promise.all([rig.desk.silences.confirm(id, 'wang'), rig.desk.silences.confirm(id, 'zhao')])
    expect(agreed.map((one) => one.kind).sort()).toEqual(['done', 'refused'])
    expect(await list()).toMatchObject([{ state: 'active', owner: 'li', second: { refusal: null } }])
    expect((await audits())[0]).toBe('silence.request li')
    expect((await audits())).toHaveLength(2)
    expect(rig.dispatch.silences.silencedBy({ alertname: 'A' }, rig.clock.now())).toHaveLength(1)
  })

  it('what another service needs, what mutes less, and what reaches into a guard period', async () => {
    rig.guarded.add('portal')
    const other = [{ name: 'system', op: '=', value: 'asr' }] as const
    expect(await rig.desk.silences.create(ask({ matchers: other }), 'li')).toMatchObject({ value: { state: 'active' } })
    // An expression may mean any service.
    expect(await rig.desk.silences.create(ask({ matchers: [{ name: 'system', op: '=~', value: 'asr|portal' }] }), 'li')).toMatchObject({ value: { state: 'waiting' } })
    rig.guarded.clear()
    const made = await rig.desk.silences.create(ask({ endsAt: rig.clock.now() + 3 * HOUR }), 'li')
    if (made.kind !== 'done') throw new Error(made.message)
    rig.guarded.add('*')
    const change = (endsAt: number) => rig.desk.silences.change(made.value.id, { matchers: undefined, endsAt, reason: '调整' }, 'li')
    expect(await change(rig.clock.now() + 2 * HOUR)).toMatchObject({ value: { state: 'active', id: made.value.id } })
    const longer = await change(rig.clock.now() + 5 * HOUR)
    expect(longer).toMatchObject({ value: { state: 'waiting', changes: made.value.id } })
    if (longer.kind !== 'done') throw new Error(longer.message)
    expect(await rig.desk.silences.confirm(longer.value.id, 'wang')).toMatchObject({ value: { state: 'active', id: made.value.id, owner: 'li' } })
    // One that has not begun may not be moved to begin at once.
    rig.guarded.clear()
    const later = await rig.desk.silences.create(ask({ startsAt: rig.clock.now() + 2 * HOUR, endsAt: rig.clock.now() + 3 * HOUR }), 'li')
    if (later.kind !== 'done') throw new Error(later.message)
    rig.guarded.add('*')
    const moved = { id: later.value.id, matchers, endsAt: later.value.endsAt, createdBy: 'amtool', comment: 'x' }
    expect(rig.desk.silences.apiFault({ ...moved, startsAt: later.value.startsAt })).toBeUndefined()
    expect(rig.desk.silences.apiFault({ ...moved, startsAt: rig.clock.now() })).toContain('second person')
    expect(rig.desk.silences.apiFault({ id: undefined, matchers, startsAt: rig.clock.now(), endsAt: rig.clock.now() + HOUR, createdBy: 'amtool', comment: 'x' })).toContain('second person')
  })

  it('a request can be refused or lapse', async () => {
    rig.guarded.add('*')
    await rig.desk.silences.create(ask(), 'li')
    const { id } = (await list())[0]!
    expect(await rig.desk.silences.refuse(id, '重保期不静默', 'wang')).toMatchObject({ value: { state: 'refused', second: { by: 'wang', refusal: '重保期不静默' } } })
    expect(await rig.desk.silences.confirm(id, 'wang')).toMatchObject({ status: 409 })
    const late = await rig.desk.silences.create(ask(), 'li')
    if (late.kind !== 'done') throw new Error(late.message)
    await rig.clock.advance(2 * HOUR)
    expect((await list()).find((one) => one.id === late.value.id)?.state).toBe('lapsed')
    expect(await rig.desk.silences.confirm(late.value.id, 'wang')).toMatchObject({ status: 409, code: 'lapsed' })
    expect(await audits()).toEqual(['silence.request li', 'silence.refuse wang', 'silence.request li'])
  })
})

describe('channels and outbox', () => {
  it('show health, receipts, waiting messages and the budget; addresses and words by what one may see', async () => {
    rig.answers.set('mail', { kind: 'try-again', why: '451 try later <duty@example.org>', channelDown: true })
    await rig.fire('A')
    await rig.pass(6_000)
    const { channels, allDown } = await rig.desk.channels.list(all)
    expect(allDown).toBe(false)
    expect(channels.map(({ name, kind, state, waiting, sentLastHour, address }) => [name, kind, state, waiting, sentLastHour, address])).toEqual([['mail', 'email', 'down', 1, 0, 'mailbox'], ['sms', 'sms-http', 'up', 0, 1, 'phone']])
    expect(channels[1]!.budget).toMatchObject({ usedSegments: 2, yearlyBudget: 1_000, kind: 'fine' })
    expect(channels[1]!.budget!.elapsedRatio).toBeCloseTo(266 / 365, 2)
    expect(channels[0]!.receipts[0]).toMatchObject({ outcome: 'try-again', detail: '451 try later <duty@example.org>', receiver: 'duty' })
    const seen = JSON.stringify([await rig.desk.channels.list(outsider), await rig.desk.outbox.list({ state: 'all', channel: undefined, before: undefined, limit: 10 }, outsider)])
    expect(seen).not.toMatch(/duty@example|13800001234|主题|正文/)
    expect(seen).toContain('d***@example.org')
    expect(seen).toContain('138****1234')
    const owed = await rig.desk.outbox.list({ state: 'owed', channel: undefined, before: undefined, limit: 10 }, all)
    expect(owed.messages.map((one) => [one.channel, one.subject, one.error])).toEqual([['mail', '主题 alerts', '451 try later <duty@example.org>']])
    expect(owed.counts).toEqual({ owed: 1, sent: 1, failed: 0 })
    expect(await rig.desk.outbox.get(owed.messages[0]!.id, all)).toMatchObject({ text: '正文 alerts' })
    expect(await rig.desk.outbox.get(owed.messages[0]!.id, outsider)).toMatchObject({ text: null, subject: null })
    expect(await rig.desk.outbox.get('nope', all)).toBeUndefined()
    rig.answers.set('sms', { kind: 'try-again', why: 'gone', channelDown: true })
    await rig.fire('B')
    await rig.pass(6_000)
    expect((await rig.desk.channels.list(all)).allDown).toBe(true)
  })

  it('what lets its addressee acknowledge is shown to nobody', async () => {
    await rig.state.db.transaction().execute((trx) => rig.outbox.enqueue(trx, { channel: 'mail', receiver: '李值班', to: ['li@example.org'], dedupKey: 'k', incidentId: undefined, payload: { kind: 'plain', ack: { link: 'https://x/a/SECRET', code: 'CODE-9Z' } } }, rig.clock.now()))
    const list = await rig.desk.outbox.list({ state: 'owed', channel: undefined, before: undefined, limit: 10 }, all)
    expect(list.messages[0]!.subject).toBe('主题 plain')
    const shown = JSON.stringify([list, await rig.desk.outbox.get(list.messages[0]!.id, all), await rig.desk.explain.notification(list.messages[0]!.id, all)])
    expect(shown).not.toMatch(/SECRET|CODE-9Z/)
  })

  it('a page of the outbox says where the next one begins', async () => {
    for (const name of ['A', 'B', 'C']) {
      await rig.fire(name)
      await rig.pass(6_000)
    }
    const first = await rig.desk.outbox.list({ state: 'all', channel: 'mail', before: undefined, limit: 2 }, all)
    expect(first.messages).toHaveLength(2)
    const rest = await rig.desk.outbox.list({ state: 'all', channel: 'mail', before: first.older!, limit: 2 }, all)
    expect([rest.messages.length, rest.older]).toEqual([1, null])
  })

  it('a test goes to a good address, leaves a receipt and an audit row, and not twice at once', async () => {
    for (const [name, to, status] of [['nope', [], 404], ['mail', [], 422], ['mail', ['x'], 422], ['mail', ['a@b.org,c@d.org'], 422], ['sms', ['li@example.org'], 422], ['mail', Array<string>(6).fill('a@b.org'), 422]] as const) {
      expect(await rig.desk.channels.test(name, to, 'li', all), `${name} ${to.join(' ')}`).toMatchObject({ kind: 'refused', status })
    }
    expect(await audits()).toEqual([])
    const tested = await rig.desk.channels.test('sms', ['13800001234'], 'li', outsider)
    expect(tested).toMatchObject({ kind: 'done', value: { outcome: 'delivered' } })
    expect(JSON.stringify(tested)).not.toContain('13800001234')
    expect(await rig.desk.channels.test('sms', ['13800001234'], 'li', all)).toMatchObject({ status: 429 })
    expect(await audits()).toEqual(['channel.test li'])
    await rig.clock.advance(11_000)
    expect(await rig.desk.channels.test('sms', ['13800001234'], 'li', all)).toMatchObject({ kind: 'done' })
  })
})

describe('routing', () => {
  it('is shown as it is, with who is reached now', () => {
    const view = rig.desk.routing.view(false)
    expect(view.route).toMatchObject({ receiver: 'duty', groupBy: ['alertname'], repeatIntervalMs: 600_000 })
    expect(view.route.routes.map((one) => [one.matchers, one.receiver, one.muteTimes, one.activeTimes])).toEqual([
      [['kind="night"'], 'mail-only', [{ name: 'night', holds: true }], []],
      [['kind="day"'], 'mail-only', [], [{ name: 'day', holds: false }]],
      [['kind="void"'], 'void', [], []],
      [['incident!=""'], 'mail-only', [], []],
    ])
    expect(view.times).toEqual([{ name: 'night', holds: true, text: ['00:00–07:30（Asia/Shanghai）'] }, { name: 'day', holds: false, text: ['周一至周五 09:00–18:00（Asia/Shanghai）'] }])
    expect(view.inhibitions).toEqual([{ source: ['severity="critical"'], target: ['severity="info"'], equal: ['host'] }])
    expect(view.receivers[0]!.targets.map((one) => [one.channel, one.people, one.nobody])).toEqual([['mail', ['李值班'], null], ['sms', [], '02:00–08:00 无人值班']])
    expect(view.receivers[1]!.targets[0]!.addresses).toEqual(['d***@example.org'])
  })

  it('a try-out says what these labels would meet now', async () => {
    await rig.desk.silences.create({ matchers, startsAt: undefined, endsAt: rig.clock.now() + HOUR, reason: '升级' }, 'li')
    await rig.fire('Cause', { severity: 'critical', host: 'web-01' })
    const said = (labels: Readonly<Record<string, string>>) => rig.desk.routing.try(labels, true).routes.map((one) => [one.told, ...one.sentences])
    expect(said({ alertname: 'X' })).toEqual([[true, '新的分组，等待 5 秒后通知', '经 mail 通知 李值班', '经 sms：02:00–08:00 无人值班']])
    expect(said({ alertname: 'Cause' })[0]).toEqual([true, '加入已有分组（1 条告警），下次检查在 5 秒后', '经 mail 通知 李值班', '经 sms：02:00–08:00 无人值班'])
    expect(said({ alertname: 'A' })[0]![2]).toMatch(/^被静默：li「升级」/)
    expect(said({ alertname: 'E', severity: 'info', host: 'web-01' })[0]![2]).toBe('被抑制：Cause 出事（Cause） 正在告警')
    expect(said({ alertname: 'N', kind: 'night' })[0]![2]).toBe('处于免打扰时段：night')
    expect(said({ alertname: 'D', kind: 'day' })[0]![2]).toBe('不在生效时段内：day')
    expect(said({ alertname: 'V', kind: 'void' })[0]).toEqual([false, '新的分组，等待 5 秒后通知', '接收方 void 没有配置任何去处：不会通知任何人'])
  })
})
