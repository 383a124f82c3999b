/** The room's sentences (alerts/templates/duty-zh-CN.yml): parsed once; a sentence uses only fields the code gives it. */
import { z } from 'zod'
import { durationText, durationWords, fill, parseCatalogue, sentence, word } from '../sentence.ts'
import type { CalendarFault } from './calendar.ts'
import type { Conflict } from './conflicts.ts'
import type { DueStep } from './escalation.ts'
import type { Gap } from './gaps.ts'
import { localText } from './local-time.ts'
import type { OverrideBody, Place } from './override.ts'
import type { Away, DutyPlan, Why } from './plan.ts'
import type { Passed } from './recipients.ts'

const schema = z.strictObject({
  dayKind: z.strictObject({ workday: word, makeup: word, weekend: word, holiday: word }),
  calendar: z.strictObject({ missing: sentence('year'), 'next-missing': sentence('year') }),
  gap: z.strictObject({
    line: sentence('title', 'from', 'to', 'why'),
    more: sentence('count'),
    why: z.strictObject({
      'no-shift': sentence(),
      'empty-turn': sentence(),
      away: sentence('people'),
      'calendar-missing': sentence('year'),
      'too-few': sentence('people'),
      'no-holder': sentence(),
      'unknown-name': sentence(),
    }),
  }),
  why: z.strictObject({ rotation: sentence('turn'), swap: sentence('id'), substitute: sentence('id'), absence: sentence('id'), 'not-in-team': sentence() }),
  conflict: z.strictObject({
    twice: sentence('person', 'from', 'to', 'shifts'),
    'no-rest': sentence('person', 'from', 'to', 'shifts'),
    'not-owned': sentence('id', 'shifts'),
    'no-such-shift': sentence('id', 'shifts'),
    unknown: sentence('id', 'what', 'name'),
    'no-effect': sentence('id'),
    'empty-span': sentence('id'),
  }),
  what: z.strictObject({ person: word, roster: word }),
  escalation: z.strictObject({ left: sentence('clock', 'used', 'left'), breach: sentence('clock', 'over'), repeat: sentence('count') }),
  clock: z.strictObject({ respond: word, dispose: word, recover: word }),
  duration: durationWords,
  override: z.strictObject({
    swap: sentence('first', 'firstShift', 'second', 'secondShift'),
    substitute: sentence('roster', 'from', 'to', 'out', 'in'),
    addition: sentence('roster', 'from', 'to', 'in'),
    absence: sentence('person', 'from', 'to'),
    'too-long': sentence('days'),
    'too-far': sentence('days'),
    unknown: sentence(),
  }),
  page: z.strictObject({
    title: sentence(),
    ask: sentence('person'),
    until: sentence('at'),
    confirm: sentence(),
    hint: sentence(),
    done: sentence('person', 'at'),
    already: sentence('by'),
    over: sentence(),
    gone: sentence(),
    refused: sentence(),
    limited: sentence('minutes'),
    elsewhere: sentence(),
    next: sentence(),
    recoveryTitle: sentence(),
    recoveryAsk: sentence('by', 'at', 'person'),
    recoveryConfirm: sentence(),
    recoveryDone: sentence('person', 'at'),
  }),
  acknowledged: z.strictObject({ message: sentence('person'), sms: sentence('person', 'code') }),
  refused: z.strictObject({
    forged: sentence(),
    expired: sentence(),
    'other-purpose': sentence(),
    used: sentence('at'),
    'unknown-person': sentence(),
    'no-code': sentence(),
    'wrong-code': sentence(),
    'too-many': sentence(),
    'unknown-number': sentence(),
    'code-used': sentence('at'),
  }),
})
/** All sentences about duty. */
export type DutyWording = z.infer<typeof schema>

/** Parses the catalogue. Throws SettingsError with every mistake. */
export function parseDutyWording(text: string, file: string): DutyWording {
  return parseCatalogue(schema, text, file)
}

/** What is wrong with the calendar. */
export function calendarText(wording: DutyWording, fault: CalendarFault): string {
  return fill(wording.calendar[fault.kind], { year: fault.year })
}

/** `热线：10-01 02:00 至 10-01 08:00 无人值班（没有排班）`. */
export function gapText(wording: DutyWording, plan: DutyPlan, gap: Gap): string {
  return fill(wording.gap.line, { title: gap.of.title, from: localText(plan.zone, gap.from), to: localText(plan.zone, gap.to), why: emptyText(wording, gap.why) })
}

/** Why nobody is there, also of a role or roster that a message passed over. */
export function emptyText(wording: DutyWording, why: Passed['why']): string {
  switch (why.kind) {
    case 'no-shift':
    case 'empty-turn':
    case 'no-holder':
    case 'unknown-name':
      return wording.gap.why[why.kind]
    case 'away':
      return fill(wording.gap.why.away, { people: [...new Set(why.away.map((one) => `${one.person.name} ${whyText(wording, one.why)}`))].join('、') })
    case 'calendar-missing':
      return fill(wording.gap.why['calendar-missing'], { year: why.year })
    case 'too-few':
      return fill(wording.gap.why['too-few'], { people: why.people })
  }
}

/** Why somebody is on duty, or away. Turns are counted from 1 for people. */
export function whyText(wording: DutyWording, why: Why | Away['why']): string {
  switch (why.kind) {
    case 'rotation':
      return fill(wording.why.rotation, { turn: why.turn + 1 })
    case 'not-in-team':
      return wording.why['not-in-team']
    case 'swap':
    case 'substitute':
    case 'absence':
      return fill(wording.why[why.kind], { id: why.override })
  }
}

/** What a change does, in words. */
export function overrideText(wording: DutyWording, plan: DutyPlan, body: OverrideBody): string {
  const person = (id: string): string => plan.file.people.get(id)?.name ?? id
  const shift = (one: Place): string => {
    const roster = plan.file.rosters.get(one.roster)
    return `${one.date} ${roster?.title ?? one.roster} ${roster?.shifts.find((known) => known.name === one.shift)?.title ?? one.shift}`
  }
  if (body.kind === 'swap') return fill(wording.override.swap, { first: person(body.first.person), firstShift: shift(body.first), second: person(body.second.person), secondShift: shift(body.second) })
  const span = { from: localText(plan.zone, body.from, true), to: localText(plan.zone, body.to, true) }
  if (body.kind === 'absence') return fill(wording.override.absence, { person: person(body.person), ...span })
  const fields = { roster: plan.file.rosters.get(body.roster)?.title ?? body.roster, in: person(body.in), ...span }
  return body.out === null ? fill(wording.override.addition, fields) : fill(wording.override.substitute, { ...fields, out: person(body.out) })
}

/** One contradiction in words. */
export function conflictText(wording: DutyWording, plan: DutyPlan, conflict: Conflict): string {
  const shift = (key: string): string => {
    const [roster = '', name = '', date = ''] = key.split('/')
    const of = plan.file.rosters.get(roster)
    return `${of?.title ?? roster} ${of?.shifts.find((one) => one.name === name)?.title ?? name} ${date}`
  }
  switch (conflict.kind) {
    case 'twice':
    case 'no-rest':
      return fill(wording.conflict[conflict.kind], {
        person: plan.file.people.get(conflict.person)?.name ?? conflict.person,
        from: localText(plan.zone, conflict.from),
        to: localText(plan.zone, conflict.to),
        shifts: conflict.shifts.map(shift).join('、'),
      })
    case 'not-owned':
    case 'no-such-shift':
      return fill(wording.conflict[conflict.kind], { id: conflict.override, shifts: conflict.places.map((one) => shift(`${one.roster}/${one.shift}/${one.date}`)).join('、') })
    case 'unknown':
      return fill(wording.conflict.unknown, { id: conflict.override, what: wording.what[conflict.what], name: conflict.name })
    case 'no-effect':
    case 'empty-span':
      return fill(wording.conflict[conflict.kind], { id: conflict.override })
  }
}

/** `响应时限已用 75%，还剩 15 分钟`; what is left rounded down, so that nobody is promised time that is not there. */
export function stepText(wording: DutyWording, due: Pick<DueStep, 'repeat' | 'leftMs'> & { readonly step: Pick<DueStep['step'], 'clock' | 'used'> }): string {
  const clock = wording.clock[due.step.clock]
  const length = durationText(wording.duration, due.leftMs)
  const said = due.leftMs < 0 || due.step.used === 100 ? fill(wording.escalation.breach, { clock, over: length }) : fill(wording.escalation.left, { clock, used: due.step.used, left: length })
  return due.repeat === 0 ? said : said + fill(wording.escalation.repeat, { count: due.repeat })
}
