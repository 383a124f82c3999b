/** Duty as people look at it: who now, who when, what is changed. Pure; shapes are protocol/api-duty.ts's. */
import type { DutyEscalation, DutyGap, DutyMonth, DutyNow, DutyOverride, DutyPerson, DutyRosterNow, DutyShift, DutyStretch, DutyTurn } from '../../protocol/api-duty.ts'
import { calendarHealth, workday } from './calendar.ts'
import { conflicts } from './conflicts.ts'
import type { Person, Roster } from './duty-file.ts'
import type { EscalationPolicy } from './escalation-file.ts'
import { gaps } from './gaps.ts'
import type { Gap } from './gaps.ts'
import { DAY_MS, dateText, instantOf } from './local-time.ts'
import type { DutyPlan, Range, ShiftView } from './plan.ts'
import { onDuty, recipients } from './recipients.ts'
import type { PersonOnDuty } from './recipients.ts'
import { shifts } from './resolve.ts'
import type { StoredOverride } from './storage.ts'
import { calendarText, conflictText, emptyText, gapText, overrideText, whyText } from './wording.ts'
import type { DutyWording } from './wording.ts'

const AHEAD_MS = 7 * DAY_MS

/** Who is on duty at `now`. `contacts`: whether the asker may see how to reach people. */
export function dutyNow(plan: DutyPlan, wording: DutyWording, now: number, contacts: boolean): DutyNow {
  const ahead = { from: now, to: now + AHEAD_MS }
  const coming = shifts(plan, ahead)
  const person = (one: Person): DutyPerson => personView(one, contacts)
  return {
    now,
    contacts,
    rosters: [...plan.file.rosters.values()].map((roster) => rosterNow(plan, wording, roster, coming, now, person)),
    roles: [...plan.file.roles.values()]
      .filter((role) => role.rosters.length === 0)
      .map(({ name, title }) => {
        const found = recipients(plan, name, now)
        return { name, title, people: found.people.filter((one) => one.as === name).map((one) => person(one.person)) }
      }),
    gaps: gaps(plan, ahead).map((gap) => gapView(plan, wording, gap)),
    conflicts: [...new Set(conflicts(plan, ahead).map((one) => conflictText(wording, plan, one)))],
    calendar: {
      years: [...plan.calendar.years.values()].map(({ year, source }) => ({ year, source })).sort((a, b) => a.year - b.year),
      faults: calendarHealth(plan.calendar, plan.zone, now).map((fault) => calendarText(wording, fault)),
    },
    people: [...plan.file.people.values()].map(person),
    shifts: [...plan.file.rosters.values()].map((roster) => ({ roster: roster.name, title: roster.title, shifts: roster.shifts.map(({ name, title }) => ({ name, title })) })),
  }
}

function personView({ id, name, addresses }: Person, contacts: boolean): DutyPerson {
  return { id, name, phone: contacts ? (addresses.phone ?? null) : null, mail: contacts ? (addresses.mail ?? null) : null }
}

function rosterNow(plan: DutyPlan, wording: DutyWording, roster: Roster, coming: readonly ShiftView[], now: number, person: (one: Person) => DutyPerson): DutyRosterNow {
  const answer = onDuty(plan, roster.name, now)
  const mine = coming.filter((shift) => shift.roster === roster.name)
  const next = mine.find((shift) => shift.startAt > now && shift.unknownYear === undefined)
  return {
    name: roster.name,
    title: roster.title,
    people: answer.kind !== 'people' ? [] : answer.people.map((one): DutyTurn => ({ person: person(one.person), shift: titleOf(roster, one.shift), from: one.startAt, until: untilOf(mine, one, now), handingOver: one.handingOver, why: whyText(wording, one.why) })),
    // A roster of working hours is not missed at night.
    nobody: answer.kind === 'nobody' && answer.why.kind !== 'no-shift' ? emptyText(wording, answer.why) : null,
    next: next === undefined ? null : { from: next.startAt, shift: titleOf(roster, next.shift), people: [...new Set(next.stretches.flatMap((one) => (one.handingOver ? [] : one.people.map((slot) => slot.person.name))))] },
  }
}

/** A person stays while stretch after stretch of the shift names them. */
function untilOf(mine: readonly ShiftView[], one: PersonOnDuty, now: number): number {
  const shift = mine.find((view) => view.shift === one.shift && view.date === one.date)
  let until = one.handingOver ? now : one.endAt
  if (shift === undefined) return until
  until = now
  for (const stretch of shift.stretches) {
    if (stretch.to <= now || stretch.handingOver !== one.handingOver) continue
    if (!stretch.people.some((slot) => slot.person.id === one.person.id)) break
    until = stretch.to
  }
  return until
}

function titleOf(roster: Roster | undefined, shift: string): string {
  return roster?.shifts.find((one) => one.name === shift)?.title ?? shift
}

/** The days from `first` to `last`, both counted, with every shift that begins on them and all gaps. */
export function dutyMonth(plan: DutyPlan, wording: DutyWording, first: number, last: number, now: number): DutyMonth {
  const range: Range = { from: instantOf(plan.zone, first, 0), to: instantOf(plan.zone, last + 1, 0) }
  const days = Array.from({ length: last - first + 1 }, (_, index) => first + index)
  return {
    now,
    days: days.map((day) => {
      const what = workday(plan.calendar, day)
      return { date: dateText(day), kind: what.kind, name: what.kind === 'unknown' ? '' : what.name }
    }),
    shifts: shifts(plan, range)
      .filter((shift) => shift.startAt >= range.from && shift.startAt < range.to)
      .map((shift) => shiftView(plan, wording, shift)),
    gaps: gaps(plan, range).map((gap) => gapView(plan, wording, gap)),
  }
}

function shiftView(plan: DutyPlan, wording: DutyWording, shift: ShiftView): DutyShift {
  const roster = plan.file.rosters.get(shift.roster)
  return {
    key: shift.key,
    roster: shift.roster,
    rosterTitle: roster?.title ?? shift.roster,
    shift: shift.shift,
    title: titleOf(roster, shift.shift),
    date: shift.date,
    from: shift.startAt,
    to: shift.endAt,
    unknownYear: shift.unknownYear ?? null,
    stretches: shift.stretches
      .filter((one) => !one.handingOver)
      .map(
        (one): DutyStretch => ({
          from: one.from,
          to: one.to,
          people: one.people.map(({ person, why }) => ({ id: person.id, name: person.name, why: whyText(wording, why), changed: why.kind !== 'rotation' })),
          away: one.away.map(({ person, why }) => ({ id: person.id, name: person.name, why: whyText(wording, why) })),
        }),
      ),
  }
}

function gapView(plan: DutyPlan, wording: DutyWording, gap: Gap): DutyGap {
  return { of: gap.of.kind, title: gap.of.title, from: gap.from, to: gap.to, why: emptyText(wording, gap.why), text: gapText(wording, plan, gap) }
}

/** Changes, newest first. Why somebody is away is theirs: `reasons` false leaves it out. */
export function overrideViews(plan: DutyPlan, wording: DutyWording, list: readonly StoredOverride[], reasons: boolean): readonly DutyOverride[] {
  return list.toReversed().map(({ id, body, reason, by, at, revoked }) => ({
    id,
    body,
    text: overrideText(wording, plan, body),
    reason: reasons ? reason : null,
    by,
    at,
    revoked: revoked === undefined ? null : { ...revoked, reason: reasons ? revoked.reason : null },
  }))
}

/** Who is told how early, by title. */
export function escalationView(plan: DutyPlan, policies: readonly EscalationPolicy[]): DutyEscalation {
  const role = (name: string): string => plan.file.roles.get(name)?.title ?? name
  return {
    policies: policies.map(({ name, profiles, severities, steps }) => ({
      name,
      profiles,
      severities,
      steps: steps.map((step) => ({ clock: step.clock, used: step.used, to: step.to.map(role), channels: step.channels, repeatEveryMs: step.repeatEveryMs ?? null })),
    })),
    roles: [...plan.file.roles.values()].map(({ name, title, rosters, next }) => ({ name, title, rosters: rosters.map((one) => plan.file.rosters.get(one)?.title ?? one), next: next === undefined ? null : role(next) })),
  }
}
