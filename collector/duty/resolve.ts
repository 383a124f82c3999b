/**
 * Who is on duty: rotation, then overrides, minute for minute. Order of application, which tests hold against a naive
 * model: (1) the rotation's turn; (2) swaps and substitutions of whole shifts, in the order of their numbers;
 * (3) substitutions of parts of shifts, in that order; (4) whoever is absent or not in the team is taken out.
 */
import type { DutyFile, Person, Roster, Shift } from './duty-file.ts'
import { dateText, instantOf, localDay, parseDate } from './local-time.ts'
import type { Override, Place } from './override.ts'
import type { Away, DutyPlan, Occurrence, OnDuty, Range, ShiftView, Stretch, Why } from './plan.ts'
import { takesPlace, turnOf } from './rotation.ts'

/** A shift may begin 24 h after its day begins, last 24 h and be handed over for 4 h. */
const LOOK_BACK_DAYS = 3

interface Slot {
  readonly id: string
  readonly why: Why
}
type Slots = readonly Slot[]

/** One shift of one day while it is being resolved. */
interface Work {
  readonly occurrence: Occurrence
  readonly day: number
  readonly base: Slots
}

/** Slots after the first n overrides, so that chains of swaps are followed once. */
type Memo = Map<string, Slots>

/** All shifts that overlap the range, hand-over included, by their start; of all rosters, or of the named ones. */
export function shifts(plan: DutyPlan, range: Range, rosters?: readonly string[]): readonly ShiftView[] {
  if (range.to <= range.from) return []
  const memo: Memo = new Map()
  const found: ShiftView[] = []
  for (const roster of plan.file.rosters.values()) {
    if (rosters !== undefined && !rosters.includes(roster.name)) continue
    for (const shift of roster.shifts) {
      for (let day = localDay(plan.zone, range.from) - LOOK_BACK_DAYS; day <= localDay(plan.zone, range.to); day++) {
        const work = workOf(plan, roster, shift, day)
        if (work === undefined || work.occurrence.startAt >= range.to || work.occurrence.handoverEndAt <= range.from) continue
        found.push({ ...work.occurrence, stretches: stretchesOf(plan, work, memo) })
      }
    }
  }
  return found.sort((a, b) => a.startAt - b.startAt || (a.key < b.key ? -1 : 1))
}

/** The shift that a place names, with its people before any absence; undefined when there is no such shift. */
export function placeShift(plan: DutyPlan, place: Place): ShiftView | undefined {
  const work = workAt(plan, place)
  return work === undefined ? undefined : { ...work.occurrence, stretches: stretchesOf(plan, work, new Map()) }
}

/**
 * What a swap finds after the first `count` overrides: both hold what they give (`as-said`), each holds the other's place
 * (`reversed`: the same swap once more would undo it), or neither (`no`: it changes nothing).
 */
export function swapFinds(plan: DutyPlan, first: Place, second: Place, count: number): 'as-said' | 'reversed' | 'no' {
  const memo: Memo = new Map()
  const [one, other] = [workAt(plan, first), workAt(plan, second)]
  if (one === undefined || other === undefined || one.occurrence.key === other.occurrence.key) return 'no'
  const slots = slotsAfter(plan, one, count, memo)
  if (!exchanges(slots, first.person, slotsAfter(plan, other, count, memo), second.person)) return 'no'
  return has(slots, first.person) ? 'as-said' : 'reversed'
}

function workAt(plan: DutyPlan, place: Place): Work | undefined {
  const roster = plan.file.rosters.get(place.roster)
  const shift = roster?.shifts.find((one) => one.name === place.shift)
  const day = parseDate(place.date)
  return roster === undefined || shift === undefined || day === undefined ? undefined : workOf(plan, roster, shift, day)
}

function workOf(plan: DutyPlan, roster: Roster, shift: Shift, day: number): Work | undefined {
  const place = takesPlace(roster, shift, plan.calendar, day)
  if (place.kind === 'no') return undefined
  const turn = place.kind === 'unknown' ? place : turnOf(shift.rotation, plan.calendar, day)
  const endAt = instantOf(plan.zone, day, shift.endMinute)
  const date = dateText(day)
  const occurrence = {
    key: `${roster.name}/${shift.name}/${date}`,
    roster: roster.name,
    shift: shift.name,
    date,
    startAt: instantOf(plan.zone, day, shift.startMinute),
    endAt,
    handoverEndAt: endAt + shift.handoverMs,
    unknownYear: turn.kind === 'unknown' ? turn.year : undefined,
  }
  const base = turn.kind === 'unknown' ? [] : turn.people.map((id): Slot => ({ id, why: { kind: 'rotation', turn: turn.index } }))
  return { occurrence, day, base }
}

/** Steps 1 and 2: the slots of a whole shift after the first `count` overrides. */
function slotsAfter(plan: DutyPlan, work: Work, count: number, memo: Memo): Slots {
  const { key } = work.occurrence
  const memoKey = `${key}#${count}`
  const known = memo.get(memoKey)
  if (known !== undefined) return known
  let slots = work.base
  for (let index = 0; index < count; index++) {
    const override = plan.overrides[index]
    if (override === undefined) break
    const { body } = override
    if (body.kind === 'substitute' && body.roster === work.occurrence.roster && coversWhole(body, work.occurrence)) slots = substituted(slots, override, body.out, body.in)
    else if (body.kind === 'swap') slots = swapped(plan, work, slots, index, override, memo)
  }
  memo.set(memoKey, slots)
  return slots
}

function swapped(plan: DutyPlan, work: Work, slots: Slots, index: number, override: Override, memo: Memo): Slots {
  if (override.body.kind !== 'swap') return slots
  const { first, second } = override.body
  const { key } = work.occurrence
  const mine = keyOf(first) === key ? first : keyOf(second) === key ? second : undefined
  const theirs = mine === first ? second : first
  if (mine === undefined || keyOf(theirs) === key) return slots
  const other = workAt(plan, theirs)
  if (other === undefined || !exchanges(slots, mine.person, slotsAfter(plan, other, index, memo), theirs.person)) return slots
  const [leaves, comes] = has(slots, mine.person) ? [mine.person, theirs.person] : [theirs.person, mine.person]
  return slots.map((slot) => (slot.id === leaves ? { id: comes, why: { kind: 'swap', override: override.id } } : slot))
}

/**
 * Whether two lists can exchange two persons: each is in one of the lists only, and not both in the same. It holds after
 * the exchange too, so that the same swap once more undoes it.
 */
function exchanges(one: Slots, a: string, other: Slots, b: string): boolean {
  if (a === b) return false
  const as = [has(one, a), has(other, a)] as const
  const bs = [has(one, b), has(other, b)] as const
  return as[0] !== as[1] && bs[0] !== bs[1] && as[0] !== bs[0]
}

function substituted(slots: Slots, override: Override, out: string | null, comes: string): Slots {
  const why: Why = { kind: 'substitute', override: override.id }
  if (out !== null && !has(slots, out)) return slots
  const rest = slots.filter((slot) => slot.id !== out)
  return has(rest, comes) ? rest : [...rest, { id: comes, why }]
}

/** Steps 3 and 4: the stretches of a shift. Whoever is there at the end hands over. */
function stretchesOf(plan: DutyPlan, work: Work, memo: Memo): readonly Stretch[] {
  const { occurrence } = work
  const whole = slotsAfter(plan, work, plan.overrides.length, memo)
  const parts = plan.overrides.filter(({ body }) => body.kind === 'substitute' && body.roster === occurrence.roster && !coversWhole(body, occurrence) && overlaps(body, occurrence.startAt, occurrence.endAt))
  const absences = plan.overrides.filter(({ body }) => body.kind === 'absence' && overlaps(body, occurrence.startAt, occurrence.handoverEndAt))
  const cuts = new Set([occurrence.startAt, occurrence.endAt, occurrence.handoverEndAt])
  for (const { body } of [...parts, ...absences]) {
    if (body.kind === 'swap') continue
    for (const at of [body.from, body.to]) if (at > occurrence.startAt && at < occurrence.handoverEndAt) cuts.add(at)
  }
  const times = [...cuts].sort((a, b) => a - b)
  const stretches: Stretch[] = []
  for (const [index, from] of times.entries()) {
    const to = times[index + 1]
    if (to === undefined) break
    const handingOver = from >= occurrence.endAt
    let slots = whole
    for (const override of parts) {
      const { body } = override
      if (body.kind === 'substitute' && contains(body, handingOver ? occurrence.endAt - 1 : from)) slots = substituted(slots, override, body.out, body.in)
    }
    const next = { from, to, handingOver, ...present(plan.file, slots, absences, from, work.day) }
    const last = stretches.at(-1)
    if (last !== undefined && last.handingOver === handingOver && samePeople(last, next)) stretches[stretches.length - 1] = { ...last, to }
    else stretches.push(next)
  }
  return stretches
}

function present(file: DutyFile, slots: Slots, absences: readonly Override[], at: number, day: number): { readonly people: readonly OnDuty[]; readonly away: readonly Away[] } {
  const people: OnDuty[] = []
  const away: Away[] = []
  for (const slot of slots) {
    const person = file.people.get(slot.id)
    // Somebody who was taken out of the file after an override named them.
    if (person === undefined) continue
    const absence = absences.find(({ body }) => body.kind === 'absence' && body.person === slot.id && contains(body, at))
    if (absence !== undefined) away.push({ person, why: { kind: 'absence', override: absence.id } })
    else if (!inTeam(person, day)) away.push({ person, why: { kind: 'not-in-team' } })
    else people.push({ person, why: slot.why })
  }
  return { people, away }
}

/** Whether a person is in the team on a day. */
export function inTeam(person: Person, day: number): boolean {
  return (person.from === undefined || day >= person.from) && (person.until === undefined || day <= person.until)
}

function samePeople(a: Stretch, b: Stretch): boolean {
  return JSON.stringify([a.people, a.away]) === JSON.stringify([b.people, b.away])
}

/** `roster/shift/2026-10-01` of a place. */
export function keyOf(place: Place): string {
  return `${place.roster}/${place.shift}/${place.date}`
}

const has = (slots: Slots, id: string): boolean => slots.some((slot) => slot.id === id)
const coversWhole = (span: Range, occurrence: Occurrence): boolean => span.from <= occurrence.startAt && span.to >= occurrence.endAt
const overlaps = (span: Range, from: number, to: number): boolean => span.from < to && span.to > from
const contains = (span: Range, at: number): boolean => at >= span.from && at < span.to
