/** Weeks worked out by hand, and the sentences people read about them. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { calendarOf } from './calendar.ts'
import { conflicts, overrideFaults } from './conflicts.ts'
import { parseDutyFile } from './duty-file.ts'
import { gaps } from './gaps.ts'
import { dutyFaults } from './health.ts'
import { loadDuty } from './load.ts'
import type { Override, OverrideBody } from './override.ts'
import type { DutyPlan } from './plan.ts'
import { onDuty, recipients, recipientsOf } from './recipients.ts'
import { shifts } from './resolve.ts'
import { conflictText, emptyText, gapText, parseDutyWording, whyText } from './wording.ts'

const { calendar, wording } = loadDuty({ alerts: new URL('../../alerts/', import.meta.url).pathname })

const file = parseDutyFile(
  `
people:
  - { id: a, name: 甲, roles: [lead] }
  - { id: b, name: 乙 }
  - { id: c, name: 丙, until: 2026-10-08 }
  - { id: boss, name: 丁, roles: [manager], addresses: { phone: '13800000000' } }
roles:
  - { name: on-call, title: 值班, rosters: [day, night, rest], next: lead }
  - { name: lead, title: 负责人, next: manager }
  - { name: manager, title: 经理 }
  - { name: nobody, title: 空缺 }
rosters:
  - name: day
    title: 白班
    shifts: [{ name: day, title: 白班, days: [workday, makeup], start: '08:30', end: '18:00', rotation: { anchor: 2026-09-28, unit: week, turns: [a, b] } }]
  - name: night
    title: 夜班
    shifts: [{ name: night, title: 夜班, days: [workday, makeup], start: '18:00', end: '08:30', handover: 30m, rotation: { anchor: 2026-09-28, unit: workday, turns: [a, b, c] } }]
  - name: rest
    title: 节假日班
    shifts: [{ name: day, title: 节假日班, days: [weekend, holiday], start: '08:30', end: '08:30', rotation: { anchor: 2026-09-26, unit: restday, turns: [c, [a, b]] } }]
cover:
  - { name: all, title: 全天有人, rosters: [day, night, rest] }
rest: 8h
`,
  'duty.yml',
)
const plan: DutyPlan = { file, calendar, overrides: [], zone: 'Asia/Shanghai' }
const at = (text: string): number => Date.parse(`${text.replace(' ', 'T')}:00+08:00`)
const range = (from: string, to: string) => ({ from: at(`${from} 00:00`), to: at(`${to} 00:00`) })
const changed = (...bodies: OverrideBody[]): DutyPlan => ({ ...plan, overrides: bodies.map((body, index): Override => ({ id: index + 1, body, reason: '测试', by: 'tester', at: 0 })) })
const who = (on: DutyPlan, roster: string, when: string): string => {
  const answer = onDuty(on, roster, at(when))
  return answer.kind === 'people' ? answer.people.map((one) => one.person.id + (one.handingOver ? '*' : '')).join('+') : answer.kind === 'nobody' ? answer.why.kind : answer.kind
}

describe('National Day 2026: worked 28–30 September, holiday 1–7 October, worked Saturday the 10th', () => {
  it('day shifts fall on working days, the make-up Saturday among them, and weeks change hands on Mondays', () => {
    const days = shifts(plan, range('2026-09-20', '2026-10-13'), ['day']).map((shift) => `${shift.date.slice(5)} ${shift.stretches[0]!.people[0]!.person.id}`)
    // The make-up Sunday still belongs to the week before.
    expect(days).toEqual(['09-20 a', '09-21 b', '09-22 b', '09-23 b', '09-24 b', '09-28 a', '09-29 a', '09-30 a', '10-08 b', '10-09 b', '10-10 b', '10-12 a'])
  })

  it('nights follow working days: a b c, then on after the holiday', () => {
    const nights = shifts(plan, { from: at('2026-09-28 18:00'), to: at('2026-10-12 18:00') }, ['night']).map((shift) => `${shift.date.slice(5)} ${shift.stretches[0]!.people.map((one) => one.person.id).join('+')}`)
    // c leaves the team on 8 October: the night of the 12th, c's turn, would be empty; it begins at 18:00 and is not in the range.
    expect(nights).toEqual(['09-28 a', '09-29 b', '09-30 c', '10-08 a', '10-09 b', '10-10 '])
  })

  it('rest days count only rest days: c, a+b in turns from 26 September', () => {
    const rest = shifts(plan, { from: at('2026-09-26 08:30'), to: at('2026-10-12 08:30') }, ['rest']).map((shift) => `${shift.date.slice(5)} ${shift.stretches[0]!.people.map((one) => one.person.id).join('+')}`)
    // Rest days: 26 c, 27 a+b, then 1 c, 2 a+b, 3 c, 4 a+b, 5 c, 6 a+b, 7 c; the 11th a+b.
    expect(rest).toEqual(['09-26 c', '09-27 a+b', '10-01 c', '10-02 a+b', '10-03 c', '10-04 a+b', '10-05 c', '10-06 a+b', '10-07 c', '10-11 a+b'])
  })

  it('minutes at the seams', () => {
    expect(who(plan, 'night', '2026-09-30 17:59')).toBe('no-shift')
    expect(who(plan, 'night', '2026-09-30 18:00')).toBe('c')
    expect(who(plan, 'night', '2026-10-01 08:29')).toBe('c')
    // Handing over for half an hour; a holiday's shift has begun.
    expect(who(plan, 'night', '2026-10-01 08:30')).toBe('c*')
    expect(who(plan, 'night', '2026-10-01 09:00')).toBe('no-shift')
    expect(who(plan, 'rest', '2026-10-01 08:30')).toBe('c')
    expect(who(plan, 'rest', '2026-10-08 08:29')).toBe('c')
    expect(who(plan, 'rest', '2026-10-08 08:30')).toBe('no-shift')
    expect(who(plan, 'day', '2026-10-08 08:30')).toBe('b')
    expect(who(plan, 'nowhere', '2026-10-08 08:30')).toBe('unknown-roster')
  })

  it('the one gap is the night of the 10th, whose turn left the team, and it says so', () => {
    const found = gaps(plan, range('2026-09-26', '2026-10-12'))
    expect(found.map((gap) => gapText(wording, plan, gap))).toEqual([
      '夜班：10-10 18:00 至 10-11 08:30 无人值班（丙 不在班组名单期限内 不在岗，无人替班）',
      '全天有人：10-10 18:00 至 10-11 08:30 无人值班（丙 不在班组名单期限内 不在岗，无人替班）',
    ])
  })
})

describe('changes', () => {
  const night = (date: string, person: string) => ({ roster: 'night', shift: 'night', date, person })

  it('a swap exchanges two nights, says which one it was, and is undone by its reverse', () => {
    const swap = { kind: 'swap', first: night('2026-09-28', 'a'), second: night('2026-09-29', 'b') } as const
    const on = changed(swap)
    expect([who(on, 'night', '2026-09-28 20:00'), who(on, 'night', '2026-09-29 20:00'), who(on, 'night', '2026-09-30 20:00')]).toEqual(['b', 'a', 'c'])
    const answer = onDuty(on, 'night', at('2026-09-28 20:00'))
    expect(answer.kind === 'people' && answer.people.map((one) => whyText(wording, one.why))).toEqual(['换班（1 号调整）'])
    const back = changed(swap, { kind: 'swap', first: night('2026-09-28', 'b'), second: night('2026-09-29', 'a') })
    expect([who(back, 'night', '2026-09-28 20:00'), who(back, 'night', '2026-09-29 20:00')]).toEqual(['a', 'b'])
  })

  it('whoever stands in for exactly one whole night holds it, and may swap it on', () => {
    const standIn = { kind: 'substitute', roster: 'night', out: 'a', in: 'b', from: at('2026-09-28 18:00'), to: at('2026-09-29 08:30') } as const
    const on = changed(standIn, { kind: 'swap', first: night('2026-09-28', 'b'), second: night('2026-09-30', 'c') })
    expect([who(on, 'night', '2026-09-28 20:00'), who(on, 'night', '2026-09-29 08:45'), who(on, 'night', '2026-09-30 20:00')]).toEqual(['c', 'c*', 'b'])
    // For a minute less it is a part of the night only, and a's to swap.
    const part = changed({ ...standIn, to: at('2026-09-29 08:29') }, { kind: 'swap', first: night('2026-09-28', 'b'), second: night('2026-09-30', 'c') })
    expect([who(part, 'night', '2026-09-28 20:00'), who(part, 'night', '2026-09-29 08:29'), who(part, 'night', '2026-09-30 20:00')]).toEqual(['b', 'a', 'c'])
  })

  it('a swap of a shift that is not one’s own, or that does not take place, is refused in words', () => {
    const faults = (body: OverrideBody): string[] => overrideFaults(plan, body).map((one) => conflictText(wording, plan, one))
    expect(faults({ kind: 'swap', first: night('2026-09-28', 'a'), second: night('2026-09-29', 'b') })).toEqual([])
    expect(faults({ kind: 'swap', first: night('2026-09-28', 'b'), second: night('2026-09-29', 'a') })).toEqual([expect.stringMatching(/^1 号换班不成立/)])
    expect(faults({ kind: 'swap', first: night('2026-09-28', 'c'), second: night('2026-09-29', 'b') })).toEqual(['1 号换班不成立：两人并不各自持有要交换的班（夜班 夜班 2026-09-28、夜班 夜班 2026-09-29）'])
    expect(faults({ kind: 'swap', first: night('2026-10-01', 'a'), second: night('2026-09-29', 'b') })).toEqual(['1 号换班指向不存在的班：夜班 夜班 2026-10-01'])
    expect(faults({ kind: 'absence', person: 'x', from: 0, to: 1 })).toEqual(['1 号调整中的人员“x”在值班文件中不存在'])
    expect(faults({ kind: 'absence', person: 'a', from: 1, to: 1 })).toEqual(['1 号调整的结束时间不晚于开始时间'])
    expect(faults({ kind: 'substitute', roster: 'night', out: 'c', in: 'a', from: at('2026-09-28 18:00'), to: at('2026-09-28 20:00') })).toEqual(['1 号替班不起作用：被替的人在该时段没有班'])
  })

  it('an absence makes a gap to the minute, and somebody standing in closes a part of it', () => {
    const absence = { kind: 'absence', person: 'a', from: at('2026-09-28 20:00'), to: at('2026-09-29 08:00') } as const
    const lines = (on: DutyPlan): string[] => gaps(on, range('2026-09-28', '2026-09-30')).filter((gap) => gap.of.kind === 'cover').map((gap) => gapText(wording, on, gap))
    expect(lines(changed(absence))).toEqual(['全天有人：09-28 20:00 至 09-29 08:00 无人值班（甲 请假（1 号调整） 不在岗，无人替班）'])
    const substitute = { kind: 'substitute', roster: 'night', out: 'a', in: 'c', from: at('2026-09-28 20:00'), to: at('2026-09-29 02:00') } as const
    expect(lines(changed(absence, substitute))).toEqual(['全天有人：09-29 02:00 至 09-29 08:00 无人值班（甲 请假（1 号调整） 不在岗，无人替班）'])
    expect(who(changed(absence, substitute), 'night', '2026-09-28 21:00')).toBe('c')
    // Whoever stands in last also hands over.
    expect(who(changed({ ...substitute, to: at('2026-09-29 08:30') }), 'night', '2026-09-29 08:45')).toBe('c*')
  })

  it('one person in two places, and too short a rest, are shown', () => {
    const plain = conflicts(plan, range('2026-09-28', '2026-09-30')).map((one) => conflictText(wording, plan, one))
    // a ends the rest day of the 27th at 08:30, holds the day of the 28th until 18:00, then the night until 08:30, then the day of the 29th.
    expect(plain).toEqual([
      '甲 在两班之间休息不足：09-28 08:30 至 09-28 08:30（节假日班 节假日班 2026-09-27、白班 白班 2026-09-28）',
      '甲 在两班之间休息不足：09-28 18:00 至 09-28 18:00（白班 白班 2026-09-28、夜班 夜班 2026-09-28）',
      '甲 在两班之间休息不足：09-29 08:30 至 09-29 08:30（夜班 夜班 2026-09-28、白班 白班 2026-09-29）',
    ])
    const both = changed({ kind: 'substitute', roster: 'night', out: 'b', in: 'a', from: at('2026-09-29 00:00'), to: at('2026-09-30 12:00') }, { kind: 'substitute', roster: 'day', out: null, in: 'c', from: at('2026-09-30 08:30'), to: at('2026-10-01 08:00') })
    expect(conflicts(both, range('2026-09-30', '2026-10-01')).map((one) => one.kind)).toEqual(['no-rest', 'no-rest'])
    const overlapping = parseDutyFile(`people: [{ id: a, name: 甲 }]\nrosters:\n${['x', 'y'].map((name) => `  - { name: ${name}, title: ${name}, rotation: { anchor: 2026-01-01, unit: day, turns: [a] }, shifts: [{ name: s, title: 班, days: [workday, makeup, weekend, holiday], start: '${name === 'x' ? '08:00' : '10:00'}', end: '12:00' }] }`).join('\n')}\n`, 'd.yml')
    const found = conflicts({ ...plan, file: overlapping }, range('2026-09-28', '2026-09-29'))
    expect(found).toEqual([{ kind: 'twice', person: 'a', from: at('2026-09-28 10:00'), to: at('2026-09-28 12:00'), shifts: ['x/s/2026-09-28', 'y/s/2026-09-28'] }])
  })
})

describe('recipients', () => {
  const ids = (on: DutyPlan, name: string, when: string) => {
    const { people, passed } = recipients(on, name, at(when))
    return [people.map((one) => `${one.person.id} as ${one.as}`), passed.map((one) => `${one.name}: ${emptyText(wording, one.why)}`)]
  }

  it('are whoever is on duty, then the next of the chain, and say who was passed over', () => {
    expect(ids(plan, 'on-call', '2026-09-30 20:00')).toEqual([['c as on-call'], []])
    expect(ids(plan, 'night', '2026-10-10 20:00')).toEqual([['a as lead'], ['night: 丙 不在班组名单期限内 不在岗，无人替班']])
    const away = changed({ kind: 'absence', person: 'a', from: at('2026-10-10 00:00'), to: at('2026-10-12 00:00') })
    expect(ids(away, 'on-call', '2026-10-10 20:00')).toEqual([['boss as manager'], ['on-call: 丙 不在班组名单期限内 不在岗，无人替班', 'lead: 没有人担任此角色']])
    expect(recipients(away, 'on-call', at('2026-10-10 20:00')).people[0]!.person.addresses).toEqual({ phone: '13800000000' })
    expect(ids(plan, 'nobody', '2026-10-10 20:00')).toEqual([[], ['nobody: 没有人担任此角色']])
    expect(ids(plan, 'nothing', '2026-10-10 20:00')).toEqual([[], ['nothing: 没有这个角色或值班表']])
  })

  it('of several names are told once each, as the nearest', () => {
    const { people } = recipientsOf(plan, ['on-call', 'lead', 'manager'], at('2026-09-28 20:00'))
    expect(people.map((one) => `${one.person.id} as ${one.as}`)).toEqual(['a as on-call', 'boss as manager'])
  })
})

describe('a year that is not loaded', () => {
  const faults = (now: string) => dutyFaults(plan, wording, at(now), 7 * 86_400_000).map((fault) => `${fault.severity} ${fault.key}: ${fault.text}`)

  it('is a gap with its reason, never a guess', () => {
    expect(who(plan, 'day', '2026-12-31 09:00')).not.toBe('calendar-missing')
    expect([who(plan, 'day', '2027-01-04 09:00'), who(plan, 'rest', '2027-01-01 09:00')]).toEqual(['calendar-missing', 'calendar-missing'])
    const found = gaps(plan, { from: at('2026-12-31 12:00'), to: at('2027-01-02 00:00') }).filter((gap) => gap.of.kind === 'cover')
    // The last night of 2026 is known to its end on New Year's morning.
    expect(found.map((gap) => gapText(wording, plan, gap)).at(-1)).toBe('全天有人：01-01 08:30 至 01-02 00:00 无人值班（2027 年的工作日历未载入）')
    expect(recipients(plan, 'on-call', at('2027-01-01 09:00'))).toMatchObject({ people: [{ as: 'lead' }], passed: [{ name: 'on-call', why: { kind: 'calendar-missing', year: 2027 } }] })
  })

  it('is told from December on, and is critical once it has begun', () => {
    expect(faults('2026-11-10 00:00').filter((line) => line.includes('calendar/'))).toEqual([])
    expect(faults('2026-12-01 00:00')).toContainEqual('warning calendar/2027: 2027 年的工作日历尚未载入，请在年底前录入国务院办公厅的放假通知')
    expect(faults('2027-01-01 09:00')).toContainEqual(expect.stringMatching(/^critical calendar\/2027: /))
    expect(faults('2027-01-01 09:00')).toContainEqual(expect.stringMatching(/^critical gap\/cover\/all: .*2027 年的工作日历未载入/))
    const none = { ...plan, calendar: calendarOf([]) }
    expect(onDuty(none, 'day', at('2026-09-28 09:00'))).toEqual({ kind: 'nobody', why: { kind: 'calendar-missing', year: 2026 } })
  })
})

describe('the catalogue', () => {
  it('takes no place that the code does not fill, and misses no sentence', () => {
    const text = readFileSync(new URL('../../alerts/templates/duty-zh-CN.yml', import.meta.url), 'utf8')
    expect(() => parseDutyWording(text.replace('{from} 至', '{fom} 至'), 'duty-zh-CN.yml')).toThrow(/gap\.line: expected only the fields \{title\} \{from\} \{to\} \{why\}, found \{fom\}/)
    expect(() => parseDutyWording(text.replace('no-effect:', 'no-efect:'), 'duty-zh-CN.yml')).toThrow(/no-efect: unknown key, did you mean no-effect\?/)
  })
})
