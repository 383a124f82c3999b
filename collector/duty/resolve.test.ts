/** The resolver against the naive one, minute for minute, and what must hold whatever the roster. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { naiveMinutes, shownMinutes } from '../../test/naive-roster.ts'
import { scaled, seed } from '../../test/scale.ts'
import { calendarOf, dayKinds, parseCalendarYear } from './calendar.ts'
import { parseDutyFile } from './duty-file.ts'
import type { DutyFile, Roster, Shift } from './duty-file.ts'
import { coverStretches, gaps } from './gaps.ts'
import { dateText, instantOf, parseDate } from './local-time.ts'
import type { Override, OverrideBody } from './override.ts'
import type { DutyPlan } from './plan.ts'
import { onDuty } from './recipients.ts'
import { shifts } from './resolve.ts'

const MINUTE = 60_000
const LEAD = 3 * 1_440
const calendar = calendarOf([parseCalendarYear(readFileSync(new URL('../../alerts/calendar/2026.yml', import.meta.url), 'utf8'), '2026.yml')])
const shippedDuty = parseDutyFile(readFileSync(new URL('../../alerts/duty.yml', import.meta.url), 'utf8'), 'duty.yml')
const day = (date: string): number => parseDate(date)!

/** The lines of the naive resolver, from the resolver's shifts. */
function minutesOf(plan: DutyPlan, from: number, count: number): readonly (readonly string[])[] {
  const lines: string[][] = Array.from({ length: count }, () => [])
  for (const shift of shifts(plan, { from, to: from + count * MINUTE })) {
    for (const stretch of shift.stretches) {
      expect(stretch.from % MINUTE === 0).toBe(true)
      const people = stretch.people.map((one) => one.person.id).sort().join(',')
      const line = `${shift.key}:${people}:${stretch.handingOver ? 'over' : 'on'}${shift.unknownYear === undefined ? '' : ':unknown'}`
      for (let at = Math.max(from, stretch.from); at < Math.min(stretch.to, from + count * MINUTE); at += MINUTE) lines[(at - from) / MINUTE]!.push(line)
    }
  }
  return lines.map((list) => list.sort())
}

const people = ['p1', 'p2', 'p3', 'p4']
const person = fc.constantFrom(...people)
/** Dates around year ends, make-up days, National Day and the changes of daylight saving. */
const interesting = ['2025-12-30', '2026-02-13', '2026-03-07', '2026-03-28', '2026-05-08', '2026-09-19', '2026-09-30', '2026-10-09', '2026-10-24', '2026-10-31', '2026-12-30'].map(day)
const someDay = fc.oneof(fc.constantFrom(...interesting), fc.integer({ min: day('2025-12-20'), max: day('2027-01-10') }))
const half = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: max / 30 }).map((n) => n * 30)

const seldom = (arbitrary: fc.Arbitrary<number>): fc.Arbitrary<number | undefined> => fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })
const period = (start: number) => fc.record({ from: seldom(fc.integer({ min: start - 4, max: start + 2 })), until: seldom(fc.integer({ min: start + 1, max: start + 6 })) })
const turns = fc.oneof({ weight: 4, arbitrary: fc.array(fc.uniqueArray(person, { minLength: 1, maxLength: 2 }), { minLength: 2, maxLength: 4 }) }, { weight: 1, arbitrary: fc.array(fc.uniqueArray(person, { maxLength: 3 }), { maxLength: 3 }) })

function shiftOf(name: string, start: number): fc.Arbitrary<Shift> {
  return fc
    .record({
      days: fc.oneof(fc.constant([...dayKinds]), fc.subarray([...dayKinds], { minLength: 1 })),
      startMinute: half(1_440),
      end: half(1_440),
      handover: fc.constantFrom(0, 15, 30, 240),
      rotation: fc.record({
        anchor: fc.oneof(someDay, fc.integer({ min: start - 20, max: start + 20 })),
        every: fc.integer({ min: 1, max: 3 }),
        unit: fc.constantFrom('day', 'week', 'workday', 'restday'),
        turns,
      }),
      period: period(start),
    })
    .map(({ days, startMinute, end, handover, rotation, period: { from, until } }) => ({
      name, title: name, days: new Set(days), startMinute, endMinute: end > startMinute ? end : end + 1_440, handoverMs: handover * MINUTE, rotation, from, until,
    }))
}

function rosterOf(name: string, start: number): fc.Arbitrary<Roster> {
  return fc.record({ shifts: fc.tuple(shiftOf('s1', start), shiftOf('s2', start)), period: period(start) }).map(({ shifts: list, period: { from, until } }) => ({ name, title: name, besides: false, shifts: list, from, until }))
}

function fileOf(start: number): fc.Arbitrary<DutyFile> {
  return fc.tuple(rosterOf('r1', start), rosterOf('r2', start), period(start), fc.integer({ min: 1, max: 2 })).map(([one, two, { from, until }, atLeast]) => ({
    people: new Map(people.map((id, index) => [id, { id, name: id, roles: [], addresses: {}, from: index === 0 ? from : undefined, until: index === 0 ? until : undefined }])),
    roles: new Map(),
    rosters: new Map([one, two].map((roster) => [roster.name, roster])),
    cover: [{ name: 'c', title: 'c', rosters: ['r1', 'r2'], atLeast, from: undefined, until: undefined }],
    restMs: 0,
  }))
}

function bodyOf(start: number, base: number): fc.Arbitrary<OverrideBody> {
  const place = fc.record({ roster: fc.constantFrom('r1', 'r2'), shift: fc.constantFrom('s1', 's2'), date: fc.integer({ min: start - 1, max: start + 2 }).map(dateText), person })
  const span = fc.tuple(fc.integer({ min: -200, max: 400 }), fc.integer({ min: 1, max: 400 })).map(([from, length]) => ({ from: base + from * 15 * MINUTE, to: base + (from + length) * 15 * MINUTE }))
  const roster = fc.constantFrom('r1', 'r2')
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('swap' as const), first: place, second: place }) },
    { weight: 2, arbitrary: fc.tuple(roster, fc.option(person, { freq: 3 }), person, span).map(([name, out, comes, range]) => ({ kind: 'substitute' as const, roster: name, out, in: comes, ...range })) },
    fc.tuple(person, span).map(([id, range]) => ({ kind: 'absence' as const, person: id, ...range })),
  )
}

interface Case {
  readonly plan: DutyPlan
  readonly from: number
}
const zones = ['Asia/Shanghai', 'Asia/Shanghai', 'Europe/Berlin', 'America/New_York'] as const
/** Points a swap at shifts that take place and people who are in them, or random ones would never meet any. */
function aimed(plan: DutyPlan, from: number, body: OverrideBody, picks: readonly number[]): OverrideBody {
  const all = shifts(plan, { from, to: from + MINUTES * MINUTE }).flatMap((shift) => shift.stretches.flatMap((stretch) => stretch.people.map((one) => ({ roster: shift.roster, shift: shift.shift, date: shift.date, person: one.person.id }))))
  const [one = 0, other = 0] = picks
  const first = all[one % all.length]
  const others = all.filter((place) => place.person !== first?.person && (place.date !== first?.date || place.shift !== first.shift || place.roster !== first.roster))
  const second = others[other % others.length]
  return body.kind === 'swap' && first !== undefined && second !== undefined ? { kind: 'swap', first, second } : body
}
const picks = fc.tuple(fc.nat(200), fc.nat(200))
const cases: fc.Arbitrary<Case> = fc.tuple(fc.constantFrom(...zones), someDay).chain(([zone, start]) => {
  const from = instantOf(zone, start, 0)
  return fc.tuple(fileOf(start), fc.array(fc.tuple(bodyOf(start, from), picks), { maxLength: 8 })).map(([file, wanted]) => {
    const plan: DutyPlan = { file, calendar, zone, overrides: [] }
    const bodies = wanted.map(([body, pair]) => aimed(plan, from, body, pair))
    return { from, plan: { ...plan, overrides: bodies.map((body, index): Override => ({ id: index + 1, body, reason: '', by: '', at: 0 })) } }
  })
})

const MINUTES = 2 * 1_440
const naive = ({ plan, from }: Case) => naiveMinutes(plan.file, plan.overrides, from, MINUTES, shownMinutes(plan.zone, from - LEAD * MINUTE, LEAD + MINUTES + 2 * 1_440))

describe('shifts', () => {
  it('are, minute for minute, what the naive resolver says, over year ends, make-up days and changes of the clocks', () => {
    fc.assert(
      fc.property(cases, (one) => {
        expect(minutesOf(one.plan, one.from, MINUTES)).toEqual(naive(one).map(({ lines }) => lines))
      }),
      { seed, numRuns: scaled(40, 600) },
    )
  })

  it('every minute of 2026 is in exactly the shifts of the shipped rosters that the naive resolver names', () => {
    const from = Date.parse('2025-12-31T16:00:00Z')
    const overrides: readonly Override[] = [
      { kind: 'swap' as const, first: { roster: 'night', shift: 'night', date: '2026-01-05', person: 'engineer-2' }, second: { roster: 'night', shift: 'night', date: '2026-01-06', person: 'engineer-3' } },
      { kind: 'absence' as const, person: 'hotline-2', from: Date.parse('2026-05-01T03:30:00Z'), to: Date.parse('2026-05-09T00:00:00Z') },
      { kind: 'substitute' as const, roster: 'hotline', out: 'hotline-2', in: 'hotline-3', from: Date.parse('2026-05-02T00:00:00Z'), to: Date.parse('2026-05-04T12:00:00Z') },
    ].map((body, index) => ({ id: index + 1, body, reason: '', by: '', at: 0 }))
    const plan = { file: shippedDuty, calendar, zone: 'Asia/Shanghai', overrides }
    const chunk = 30 * 1_440
    for (let done = 0; done < 365 * 1_440; done += chunk) {
      const start = from + done * MINUTE
      const count = Math.min(chunk, 365 * 1_440 - done)
      // Office time is UTC+8 all year: the naive side needs no formatting here.
      const shown = Array.from({ length: LEAD + count + 2 * 1_440 }, (_, index) => start / MINUTE - LEAD + 480 + index)
      const wanted = naiveMinutes(plan.file, overrides, start, count, shown)
      const got = minutesOf(plan, start, count)
      const wrong = got.findIndex((lines, index) => lines.join(' ') !== wanted[index]!.lines.join(' '))
      expect(wrong === -1 ? [] : [new Date(start + wrong * MINUTE).toISOString(), got[wrong], wanted[wrong]!.lines]).toEqual([])
    }
  }, 60_000)

  it('a swap made twice is no swap', () => {
    const nowhere = { roster: 'r1', shift: 's1', date: '2020-01-01', person: 'p1' }
    let changed = 0
    fc.assert(
      fc.property(cases, picks, (one, pair) => {
        const plain = one.plan.overrides
        const body = aimed(one.plan, one.from, { kind: 'swap', first: nowhere, second: nowhere }, pair)
        const at = (overrides: readonly Override[]) => minutesOf({ ...one.plan, overrides }, one.from, MINUTES)
        const swap = (id: number): Override => ({ id, body, reason: '', by: '', at: 0 })
        if (JSON.stringify(at([...plain, swap(98)])) !== JSON.stringify(at(plain))) changed++
        expect(at([...plain, swap(98), swap(99)])).toEqual(at(plain))
      }),
      { seed, numRuns: scaled(60, 600) },
    )
    expect(changed).toBeGreaterThan(scaled(60, 600) / 8)
  })

  it('nothing is in an empty range, and a range shows what a longer one shows there', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 0, max: MINUTES - 1 }), (one, minute) => {
        const at = one.from + minute * MINUTE
        expect(shifts(one.plan, { from: at, to: at })).toEqual([])
        const long = shifts(one.plan, { from: one.from, to: one.from + MINUTES * MINUTE }).filter((shift) => shift.startAt <= at && at < shift.handoverEndAt)
        expect(shifts(one.plan, { from: at, to: at + 1 })).toEqual(long)
      }),
      { seed, numRuns: scaled(60, 600) },
    )
  })
})

describe('onDuty, gaps and cover', () => {
  const idsIn = (lines: readonly string[], flag: string, roster = ''): ReadonlySet<string> =>
    new Set(lines.filter((line) => line.startsWith(roster) && line.split(':')[2] === flag).flatMap((line) => line.split(':')[1]!.split(',')).filter((id) => id !== ''))

  it('agree with the naive resolver at every minute; gaps and covered time fill the range without overlap', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const { plan, from } = one
        const range = { from, to: from + MINUTES * MINUTE }
        const minutes = naive(one)
        const [cover] = plan.file.cover
        const stretches = coverStretches(plan, cover!, range)
        expect([stretches[0]!.from, stretches.at(-1)!.to]).toEqual([range.from, range.to])
        for (const [index, stretch] of stretches.entries()) expect(stretch.from).toBe(stretches[index - 1]?.to ?? range.from)
        const found = gaps(plan, range)
        const inGap = (name: string, at: number): number => found.filter((gap) => gap.of.name === name && gap.from <= at && at < gap.to).length
        for (const { at, lines } of minutes) {
          const there = idsIn(lines, 'on').size
          expect(stretches.filter((one) => one.from <= at && at < one.to).map((stretch) => stretch.people)).toEqual([there])
          expect(inGap('c', at)).toBe(there < cover!.atLeast ? 1 : 0)
          // A roster has two shifts that may run at once: each empty one is missed, equal reasons as one gap.
          for (const roster of ['r1', 'r2']) expect(inGap(roster, at) > 0).toBe(lines.some((line) => line.startsWith(`${roster}/`) && line.includes('::on')))
        }
      }),
      { seed, numRuns: scaled(10, 150) },
    )
  })

  it('onDuty names whoever is there, also while handing over', () => {
    fc.assert(
      fc.property(cases, fc.array(fc.integer({ min: 0, max: MINUTES - 1 }), { maxLength: 12 }), (one, picks) => {
        const minutes = naive(one)
        for (const pick of picks) {
          for (const roster of ['r1', 'r2']) {
            const answer = onDuty(one.plan, roster, minutes[pick]!.at + 30_000)
            const [on, over] = [idsIn(minutes[pick]!.lines, 'on', `${roster}/`), idsIn(minutes[pick]!.lines, 'over', `${roster}/`)]
            expect(answer.kind).toBe(on.size + over.size > 0 ? 'people' : 'nobody')
            if (answer.kind !== 'people') continue
            expect(new Set(answer.people.map((who) => who.person.id))).toEqual(new Set([...on, ...over]))
            for (const who of answer.people) expect(who.handingOver).toBe(!on.has(who.person.id))
          }
        }
      }),
      { seed, numRuns: scaled(40, 400) },
    )
  })
})
