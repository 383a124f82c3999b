/**
 * `duty.yml`: people, roles, rosters and what must be manned. Parsed once, strictly, into the shape that the resolver
 * reads. Names, phones and addresses are the site's; the shipped file has made-up people without any.
 */
import { z } from 'zod'
import { nearestWord } from '../../protocol/settings.ts'
import { dayKinds } from './calendar.ts'
import type { DayKind } from './calendar.ts'
import { checkFile, readYaml } from '../yaml-text.ts'
import { dateField, durationField, eachNameOnce, nameField, namesIn, reference, timeField, titleField } from './yaml-file.ts'

/** Somebody who can be on duty. `from`, `until`: first and last day in the team. */
export interface Person {
  readonly id: string
  readonly name: string
  /** Standing roles, whoever is on duty. */
  readonly roles: readonly string[]
  readonly addresses: Addresses
  readonly from: number | undefined
  readonly until: number | undefined
}

/**
 * Where one person is reached; a way that is not there is left out. Mail and phone are used; robots speak to a room, so the
 * other three are kept for whoever reads the roster.
 */
export interface Addresses {
  readonly mail?: string
  readonly phone?: string
  readonly wecom?: string
  readonly dingtalk?: string
  readonly feishu?: string
}

/**
 * Who is next: turns follow each other every `every` units, turn 0 begins on the anchor day. `day` and `week` count on
 * the calendar, `workday` only days that are worked, `restday` only days that are not. Before the anchor the cycle runs
 * backwards. Days that are not counted belong to the turn of the next counted one.
 */
export interface Rotation {
  readonly anchor: number
  readonly every: number
  readonly unit: 'day' | 'week' | 'workday' | 'restday'
  /** Person ids; several in one turn are on duty together. */
  readonly turns: readonly (readonly string[])[]
}

/** One kind of shift. Minutes count from local midnight of the day it begins on; `endMinute` may lie on the next day. */
export interface Shift {
  readonly name: string
  readonly title: string
  readonly days: ReadonlySet<DayKind>
  readonly startMinute: number
  readonly endMinute: number
  /** How long whoever leaves stays to hand over. */
  readonly handoverMs: number
  readonly rotation: Rotation
  readonly from: number | undefined
  readonly until: number | undefined
}

/** One roster. `besides`: it may be held together with another one (the hotline by whoever is on site). */
export interface Roster {
  readonly name: string
  readonly title: string
  readonly besides: boolean
  readonly shifts: readonly Shift[]
  readonly from: number | undefined
  readonly until: number | undefined
}

/** Who a message is for. With rosters: whoever is on duty in any of them; without: everybody who has the role. */
export interface Role {
  readonly name: string
  readonly title: string
  readonly rosters: readonly string[]
  /** Asked when nobody is found. */
  readonly next: string | undefined
}

/** A demand: at every moment at least so many people are on duty in these rosters together. */
export interface Cover {
  readonly name: string
  readonly title: string
  readonly rosters: readonly string[]
  readonly atLeast: number
  readonly from: number | undefined
  readonly until: number | undefined
}

/** A parsed duty file. `restMs`: least time between two shifts of one person; 0: not looked at. */
export interface DutyFile {
  readonly people: ReadonlyMap<string, Person>
  readonly roles: ReadonlyMap<string, Role>
  readonly rosters: ReadonlyMap<string, Roster>
  readonly cover: readonly Cover[]
  readonly restMs: number
}

const period = { from: dateField.optional(), until: dateField.optional() }
const address = z.string().regex(/^[^\s,;<>]+$/, 'expected one address without spaces, commas or brackets').max(200)

const addresses = z.strictObject({
  mail: address.refine((text) => /^[^@]+@[^@]+$/.test(text), { message: 'expected an address with one @' }).optional(),
  phone: z.string().regex(/^\+?\d{5,20}$/, 'expected a number: 5 to 20 digits').optional(),
  wecom: address.optional(),
  dingtalk: address.optional(),
  feishu: address.optional(),
})

function endsAfter(value: { from?: number | undefined; until?: number | undefined }, context: z.RefinementCtx): void {
  if (value.from !== undefined && value.until !== undefined && value.until < value.from) context.addIssue({ code: 'custom', path: ['until'], message: 'expected no earlier than from' })
}

interface Known {
  readonly people: ReadonlySet<string>
  readonly roles: ReadonlySet<string>
  readonly rosters: ReadonlySet<string>
}

/** One id, or several who are on duty together. */
function turnField(people: ReadonlySet<string>) {
  return z
    .union([z.string(), z.array(z.string())], { error: 'expected the id of one of people, or a list of such' })
    .superRefine((turn, context) => {
      const ids = typeof turn === 'string' ? [turn] : turn
      for (const [index, id] of ids.entries()) {
        if (people.has(id)) continue
        const near = nearestWord(id, people)
        context.addIssue({ code: 'custom', path: typeof turn === 'string' ? [] : [index], message: `expected the id of one of people${near === undefined ? '' : `, did you mean ${near}?`}` })
      }
    })
    .transform((turn) => (typeof turn === 'string' ? [turn] : turn))
}

function schemaOf(known: Known) {
  const rotation = z.strictObject({
    anchor: dateField,
    every: z.int().min(1).max(366).default(1),
    unit: z.enum(['day', 'week', 'workday', 'restday']),
    turns: z.array(turnField(known.people)).max(200),
  })
  const shift = z
    .strictObject({
      name: nameField,
      title: titleField,
      days: z.array(z.enum(dayKinds)).min(1),
      start: timeField,
      /** Not later than `start`: on the next day. Equal to it: a whole day. */
      end: timeField,
      handover: durationField('0s', '4h').default(0),
      rotation: rotation.optional(),
      ...period,
    })
    .superRefine(endsAfter)
  const roster = z
    .strictObject({ name: nameField, title: titleField, besides: z.boolean().default(false), rotation: rotation.optional(), shifts: z.array(shift).min(1).superRefine(eachNameOnce('name')), ...period })
    .superRefine((value, context) => {
      endsAfter(value, context)
      if (value.rotation !== undefined) return
      for (const [index, one] of value.shifts.entries()) {
        if (one.rotation === undefined) context.addIssue({ code: 'custom', path: ['shifts', index, 'rotation'], message: 'expected a rotation here or for the whole roster' })
      }
    })
  const rosterNames = z.array(reference('the name of one of rosters', known.rosters))
  return z.strictObject({
    people: z
      .array(z.strictObject({ id: nameField, name: z.string().min(1).max(40), roles: z.array(reference('the name of one of roles', known.roles)).default([]), addresses: addresses.default({}), ...period }).superRefine(endsAfter))
      .min(1)
      .superRefine(eachNameOnce('id')),
    roles: z
      .array(z.strictObject({ name: nameField, title: titleField, rosters: rosterNames.default([]), next: reference('the name of one of roles', known.roles).optional() }))
      .default([])
      .superRefine(eachNameOnce('name'))
      .superRefine((roles, context) => {
        chainsEnd(roles, context)
        // Receivers name either by the same key.
        for (const [index, role] of roles.entries()) if (known.rosters.has(role.name)) context.addIssue({ code: 'custom', path: [index, 'name'], message: 'expected a name that no roster has' })
      }),
    rosters: z.array(roster).min(1).superRefine(eachNameOnce('name')),
    cover: z
      .array(z.strictObject({ name: nameField, title: titleField, rosters: rosterNames.min(1), atLeast: z.int().min(1).max(50).default(1), ...period }).superRefine(endsAfter))
      .default([])
      .superRefine(eachNameOnce('name')),
    rest: durationField('0s', '48h').default(0),
  })
}

/** Shape of a duty file, whatever it names; docs/alert-files.md is made from it. */
export const dutyShape = schemaOf({ people: new Set(), roles: new Set(), rosters: new Set() })

/** A chain that leads back to itself would be asked for ever. */
function chainsEnd(roles: readonly { readonly name: string; readonly next?: string | undefined }[], context: z.RefinementCtx): void {
  const next = new Map(roles.map((role) => [role.name, role.next]))
  for (const [index, role] of roles.entries()) {
    let at = role.next
    for (let steps = 0; at !== undefined && at !== role.name && steps < roles.length; steps++) at = next.get(at)
    if (at === role.name) context.addIssue({ code: 'custom', path: [index, 'next'], message: 'expected a chain that does not come back to its beginning' })
  }
}

/** Parses the text of a duty file. Throws SettingsError with every mistake. */
export function parseDutyFile(text: string, file: string): DutyFile {
  const input = readYaml(text, file)
  const known = { people: namesIn(input, 'people', 'id'), roles: namesIn(input, 'roles', 'name'), rosters: namesIn(input, 'rosters', 'name') }
  const data = checkFile(schemaOf(known), input, file)
  const rosters = data.rosters.map((roster): Roster => ({
    name: roster.name,
    title: roster.title,
    besides: roster.besides,
    from: roster.from,
    until: roster.until,
    shifts: roster.shifts.flatMap((shift): Shift[] => {
      const rotation = shift.rotation ?? roster.rotation
      if (rotation === undefined) return []
      const { name, title, start, handover, from, until } = shift
      return [{ name, title, days: new Set(shift.days), startMinute: start, endMinute: shift.end > start ? shift.end : shift.end + 1_440, handoverMs: handover, rotation, from, until }]
    }),
  }))
  return Object.freeze({
    people: new Map(data.people.map(({ id, name, roles, addresses: ways, from, until }) => [id, { id, name, roles, addresses: withoutGaps(ways), from, until }])),
    roles: new Map(data.roles.map(({ name, title, rosters: names, next }) => [name, { name, title, rosters: names, next }])),
    rosters: new Map(rosters.map((roster) => [roster.name, roster])),
    cover: data.cover.map(({ name, title, rosters: names, atLeast, from, until }) => ({ name, title, rosters: names, atLeast, from, until })),
    restMs: data.rest,
  })
}

function withoutGaps(ways: { readonly [K in keyof Addresses]?: string | undefined }): Addresses {
  const { mail, phone, wecom, dingtalk, feishu } = ways
  return {
    ...(mail === undefined ? {} : { mail }),
    ...(phone === undefined ? {} : { phone }),
    ...(wecom === undefined ? {} : { wecom }),
    ...(dingtalk === undefined ? {} : { dingtalk }),
    ...(feishu === undefined ? {} : { feishu }),
  }
}
