/** What the page offers is what the room takes, in every situation; and the list is found as people look for it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseSlaProfiles } from '../../collector/incidents/profile.ts'
import type { HandReport } from '../../collector/incidents/people.ts'
import { createIncidents } from '../../collector/incidents/run.ts'
import type { Incidents } from '../../collector/incidents/run.ts'
import type { IncidentSearch } from '../../collector/incidents/search.ts'
import { parseWording } from '../../collector/incidents/wording.ts'
import type { Alert } from '../../collector/rules/alert.ts'
import { openState } from '../../collector/state/open.ts'
import type { State } from '../../collector/state/open.ts'
import { incidentActs } from '../../protocol/api-incidents.ts'
import type { IncidentAct } from '../../protocol/api-incidents.ts'
import { accountsOf } from '../known-people.ts'

const MINUTE = 60_000
const START = Date.UTC(2026, 10, 22, 2)
const shipped = (path: string): string => readFileSync(new URL(`../../alerts/${path}`, import.meta.url), 'utf8')
const profiles = parseSlaProfiles(shipped('sla.yml'), 'sla.yml')
const wording = parseWording(shipped('templates/zh-CN.yml'), 'zh-CN.yml')

let folder = ''
let state: State
let now = START
let room: Incidents
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-acts-'))
  state = await openState(join(folder, 'state.db'))
  now = START
  room = await createIncidents({ people: accountsOf('甲', '乙', '丙', '丁', '某单位'), state, profiles, wording, clock: { now: () => now }, log: { warn: () => undefined } })
})
afterEach(async () => {
  await state.close()
  rmSync(folder, { recursive: true })
})

function alert(name: string, labels: Record<string, string> = {}): Alert {
  const all = { alertname: name, instance: 'web-01', severity: 'warning', sla: 'standard', fault: 'load', ...labels }
  return { fingerprint: `${name}/${all.instance}`, group: 'g', name, labels: all, annotations: { summary: `${name} 的摘要` }, state: 'firing', activeAt: now, startedAt: now, firedAt: now, resolvedAt: undefined, value: 1 }
}
const fire = (one: Alert): Promise<void> => room.apply([{ kind: 'firing', alert: one }])
const end = (one: Alert, why: 'condition-false' | 'no-data' = 'condition-false'): Promise<void> => room.apply([{ kind: 'resolved', why, alert: { ...one, state: 'resolved', resolvedAt: now } }])
const report = (change: Partial<HandReport> = {}): HandReport => ({ reporter: '某单位', contact: '', channel: 'hotline', reportedAt: now, service: 'portal', instance: '', fault: '', severity: 'warning', title: '网页打不开', description: '', ...change })
const newest = async (): Promise<string> => (await room.search({ part: 'all', limit: 1 }))[0]?.number ?? ''
async function byHand(change: Partial<HandReport> = {}): Promise<string> {
  const opened = await room.openByHand('甲', report(change))
  if (opened.kind === 'refused') throw new Error(opened.message)
  return opened.value
}

/** Each makes an incident and returns its number. */
const situations: Readonly<Record<string, () => Promise<string>>> = {
  async open() {
    await fire(alert('A'))
    return newest()
  },
  async 'open, of two alerts, answered and assigned'() {
    await fire(alert('A'))
    await fire(alert('B'))
    const number = await newest()
    await room.acknowledge(number, '甲', 'console')
    await room.assign(number, '甲', '乙')
    return number
  },
  async disposed() {
    await fire(alert('A', { severity: 'critical' }))
    const number = await newest()
    await room.dispose(number, '甲', '已重启', null)
    return number
  },
  async blind() {
    const one = alert('A')
    await fire(one)
    await end(one, 'no-data')
    return newest()
  },
  async recovered() {
    const one = alert('A')
    await fire(one)
    await end(one)
    return newest()
  },
  async settled() {
    const one = alert('A')
    await fire(one)
    await end(one)
    now += 31 * MINUTE
    await room.settle()
    return newest()
  },
  async 'closed while blind'() {
    const one = alert('A')
    await fire(one)
    await end(one, 'no-data')
    const number = await newest()
    await room.close(number, '甲', '机器已下架')
    return number
  },
  async merged() {
    const number = await byHand()
    await room.merge(number, await byHand({ title: '另一张' }), '甲', '同一故障')
    return number
  },
  'by hand': () => byHand(),
  async 'by hand, a recovery waits'() {
    const number = await byHand()
    now += MINUTE
    await room.reportRecovery(number, '甲', '好了', '乙', now)
    return number
  },
  async 'by hand, judged well'() {
    const number = await byHand()
    now += MINUTE
    await room.reportRecovery(number, '甲', '好了', '乙', now)
    await room.confirmRecovery(number, '乙')
    return number
  },
  async 'by hand, judged well long ago'() {
    const number = await byHand()
    now += MINUTE
    await room.reportRecovery(number, '甲', '好了', '乙', now)
    await room.confirmRecovery(number, '乙')
    now += 40 * MINUTE
    await room.settle()
    return number
  },
}

/** Does it as a person would. */
async function attempt(act: IncidentAct, number: string): Promise<string> {
  const detail = await room.get(number)
  const outcome = await (async () => {
    switch (act) {
      case 'acknowledge':
        return room.acknowledge(number, '丙', 'console')
      case 'dispose':
        return room.dispose(number, '丙', '做了', null)
      case 'comment':
        return room.comment(number, '丙', '看过')
      case 'assign':
        return room.assign(number, '丙', '丁')
      case 'unassign':
        return room.unassign(number, '丙')
      case 'severity':
        return room.setSeverity(number, '丙', 'critical', '影响大')
      case 'root-cause':
        return room.rootCause(number, '丙', 'power', '断电')
      case 'recovery':
        return room.reportRecovery(number, '丙', '好了', '丁', now)
      case 'confirm-recovery':
        return room.confirmRecovery(number, '丙')
      case 'refuse-recovery':
        return room.refuseRecovery(number, '丙', '还没有好')
      case 'close':
        return room.close(number, '丙', '关闭')
      case 'reopen':
        return room.reopen(number, '丙', '又坏了')
      case 'merge':
        return room.merge(number, await byHand({ title: '并入的' }), '丙', '同一故障')
      case 'split':
        return room.split(number, detail?.alerts.slice(0, 1).map((one) => one.fingerprint) ?? [], '丙', '两件事')
      case 'attachments':
        return room.attach(number, '丙', { name: 'a.txt', type: 'text/plain', bytes: new TextEncoder().encode('a') })
      case 'work':
        return room.logWork('丙', { kind: 'fault', text: '做了', minutes: 5, workedAt: now, service: null }, number)
    }
  })()
  return outcome.kind === 'done' ? 'done' : outcome.code
}

describe('what the page offers', () => {
  it.each(Object.entries(situations))('[24] %s: is what the room takes, and nothing else', async (_, make) => {
    const number = await make()
    const offered = (await room.get(number))?.acts ?? []
    const taken: string[] = []
    for (const act of incidentActs) {
      // Each act meets the same situation, made anew beside the others.
      await state.close()
      rmSync(folder, { recursive: true })
      folder = mkdtempSync(join(tmpdir(), 'zhishou-acts-'))
      state = await openState(join(folder, 'state.db'))
      now = START
      room = await createIncidents({ people: accountsOf('甲', '乙', '丙', '丁', '某单位'), state, profiles, wording, clock: { now: () => now }, log: { warn: () => undefined } })
      const again = await make()
      // Taking away an assignment that is not there changes nothing; a button for it would promise more.
      if (act === 'unassign' && (await room.get(again))?.assignedTo === null) continue
      if ((await attempt(act, again)) === 'done') taken.push(act)
    }
    expect([...offered].sort()).toEqual(taken.sort())
  })
})

describe('who has it', () => {
  it('is told with its source, and what was done with the condition of that moment', async () => {
    await fire(alert('A'))
    const number = await newest()
    now += MINUTE
    await room.acknowledge(number, '甲', { kind: 'phone', calledBy: '丙' })
    await room.dispose(number, '丙', '已重启', null)
    expect(await room.get(number)).toMatchObject({
      response: { at: now, by: '丙', kind: 'phone', source: '电话', writtenBy: '甲' },
      disposals: [{ at: now, by: '丙', text: '已重启', condition: 'bad', conditionText: '已报处置、未恢复' }],
    })
  })
})

describe('the list', () => {
  const found = async (search: Partial<IncidentSearch>): Promise<string[]> => (await room.search({ part: 'all', limit: 100, ...search })).map((one) => one.title)

  it('is found by part, severity, service, person and text', async () => {
    const [well, lost] = [alert('Well', { instance: 'well-01' }), alert('Lost', { instance: 'lost-01', severity: 'critical' })]
    await fire(well)
    await fire(lost)
    await end(well)
    await end(lost, 'no-data')
    now += MINUTE
    const first = await byHand({ title: '100% 打不开', reporter: '示例区01' })
    const second = await byHand({ title: '视频没有声音', service: 'video', severity: 'info' })
    await room.merge(await byHand({ title: '重复的' }), second, '甲', '同一故障')
    await room.acknowledge(first, '甲', 'console')
    await room.dispose(second, '乙', '做了', null)
    await room.assign(second, '甲', '丁')

    expect((await found({ part: 'open' })).sort()).toEqual(['100% 打不开', 'Lost 的摘要', '视频没有声音'].sort())
    expect(await found({ part: 'unanswered' })).toEqual(['Lost 的摘要'])
    expect(await found({ part: 'answered' })).toEqual(['100% 打不开'])
    expect(await found({ part: 'disposed' })).toEqual(['视频没有声音'])
    expect(await found({ part: 'blind' })).toEqual(['Lost 的摘要'])
    expect(await found({ part: 'recovered' })).toEqual(['Well 的摘要'])
    expect(await found({ part: 'merged' })).toEqual(['重复的'])
    expect(await found({ part: 'closed' })).toEqual([])
    expect(await found({ part: 'live' })).toHaveLength(4)
    expect(await found({ severity: 'critical' })).toEqual(['Lost 的摘要'])
    expect(await found({ service: 'video' })).toEqual(['视频没有声音'])
    // An assignment says whose it is; without one, the answer does.
    expect([await found({ mine: { user: '甲', person: null } }), await found({ mine: { user: '乙', person: null } }), await found({ mine: { user: '丁', person: null } })]).toEqual([['100% 打不开'], [], ['视频没有声音']])
    expect([await found({ text: '0%' }), await found({ text: 'LOST-01' }), await found({ text: '示例区01' }), await found({ text: first }), await found({ text: '_' })]).toEqual([['100% 打不开'], ['Lost 的摘要'], ['100% 打不开'], ['100% 打不开'], []])
  })

  it('looks past the first page until there are enough; of what runs the least time left is first', async () => {
    for (let index = 0; index < 230; index++) {
      now += 1_000
      await byHand({ title: index === 3 ? '要找的一张' : `第 ${index} 张` })
    }
    expect(await found({ text: '要找的' })).toEqual(['要找的一张'])
    expect(await found({ part: 'open', limit: 3 })).toEqual(['第 0 张', '第 1 张', '第 2 张'])
    expect(await found({ limit: 1_000 })).toHaveLength(230)
    for (const one of await room.search({ part: 'open', limit: 226 })) {
      await room.reportRecovery(one.number, '甲', '好了', '乙', now)
      await room.confirmRecovery(one.number, '乙')
    }
    // What runs is first and whole, then what is over, newest start first.
    expect((await found({ part: 'all', limit: 6 }))).toEqual(['第 226 张', '第 227 张', '第 228 张', '第 229 张', '第 225 张', '第 224 张'])
    expect((await found({ part: 'live', limit: 1_000 }))).toHaveLength(230)
  })
})
