/** What contradicts itself in a plan, so that people see it before the night it matters. Pure. */
import type { Override, OverrideBody, Place } from './override.ts'
import type { DutyPlan, Range, ShiftView } from './plan.ts'
import { placeShift, shifts, swapFinds } from './resolve.ts'

/**
 * One contradiction. `twice`: one person in two shifts at once (rosters that may be held besides others excepted).
 * `no-rest`: less than the demanded rest between two shifts. `not-owned`: a swap of a shift that one of the two does not
 * hold. `no-such-shift`: a swap names a shift that does not take place. `unknown`: an override names a person or roster
 * that the file does not have. `no-effect`: a substitution for somebody who is not on duty in that time. `empty-span`: it
 * ends before it begins.
 */
export type Conflict =
  | { readonly kind: 'twice' | 'no-rest'; readonly person: string; readonly from: number; readonly to: number; readonly shifts: readonly [string, string] }
  | { readonly kind: 'not-owned' | 'no-such-shift'; readonly override: number; readonly places: readonly Place[] }
  | { readonly kind: 'unknown'; readonly override: number; readonly what: 'person' | 'roster'; readonly name: string }
  | { readonly kind: 'no-effect' | 'empty-span'; readonly override: number }

/** All contradictions that touch the range. */
export function conflicts(plan: DutyPlan, range: Range): readonly Conflict[] {
  const all = shifts(plan, range)
  const ofOverrides = plan.overrides.flatMap((override, index) => (touches(override.body, all, range) ? overrideConflicts(plan, override, index, ['as-said', 'reversed']) : []))
  return [...ofPeople(plan, all), ...ofOverrides]
}

/** What would be wrong with an override if it were added now; [] when nothing is. A swap must find its places as it says. */
export function overrideFaults(plan: DutyPlan, body: OverrideBody): readonly Conflict[] {
  const override = { id: (plan.overrides.at(-1)?.id ?? 0) + 1, body, reason: '', by: '', at: 0 }
  return overrideConflicts({ ...plan, overrides: [...plan.overrides, override] }, override, plan.overrides.length, ['as-said'])
}

function touches(body: OverrideBody, all: readonly ShiftView[], range: Range): boolean {
  if (body.kind !== 'swap') return body.from < range.to && body.to > range.from
  const days = new Set(all.map((shift) => shift.date))
  return days.has(body.first.date) || days.has(body.second.date)
}

function overrideConflicts(plan: DutyPlan, override: Override, index: number, finds: readonly string[]): readonly Conflict[] {
  const { body, id } = override
  const unknown = [
    ...peopleOf(body).filter((name) => !plan.file.people.has(name)).map((name) => ({ kind: 'unknown', override: id, what: 'person', name }) as const),
    ...rostersOf(body).filter((name) => !plan.file.rosters.has(name)).map((name) => ({ kind: 'unknown', override: id, what: 'roster', name }) as const),
  ]
  if (unknown.length > 0) return unknown
  if (body.kind !== 'swap' && body.to <= body.from) return [{ kind: 'empty-span', override: id }]
  switch (body.kind) {
    case 'swap': {
      const missing = [body.first, body.second].filter((place) => placeShift(plan, place) === undefined)
      if (missing.length > 0) return [{ kind: 'no-such-shift', override: id, places: missing }]
      return finds.includes(swapFinds(plan, body.first, body.second, index)) ? [] : [{ kind: 'not-owned', override: id, places: [body.first, body.second] }]
    }
    case 'substitute': {
      const before = shifts({ ...plan, overrides: plan.overrides.slice(0, index) }, body, [body.roster])
      const held = before.some((shift) => shift.stretches.some((one) => one.from < body.to && one.to > body.from && [...one.people, ...one.away].some(({ person }) => person.id === body.out)))
      return (body.out === null ? before.length > 0 : held) ? [] : [{ kind: 'no-effect', override: id }]
    }
    case 'absence':
      return []
  }
}

function ofPeople(plan: DutyPlan, all: readonly ShiftView[]): readonly Conflict[] {
  const held = new Map<string, { readonly from: number; readonly to: number; readonly shift: ShiftView }[]>()
  for (const shift of all) {
    for (const stretch of shift.stretches) {
      if (stretch.handingOver || plan.file.rosters.get(shift.roster)?.besides === true) continue
      for (const { person } of stretch.people) {
        const list = held.get(person.id) ?? []
        const last = list.at(-1)
        if (last?.shift === shift && last.to === stretch.from) list[list.length - 1] = { ...last, to: stretch.to }
        else list.push({ from: stretch.from, to: stretch.to, shift })
        held.set(person.id, list)
      }
    }
  }
  return [...held].flatMap(([person, list]) => {
    const found: Conflict[] = []
    let longest: (typeof list)[number] | undefined
    for (const one of list.sort((a, b) => a.from - b.from)) {
      if (longest !== undefined) {
        const names = [longest.shift.key, one.shift.key] as const
        if (one.from < longest.to) found.push({ kind: 'twice', person, from: one.from, to: Math.min(longest.to, one.to), shifts: names })
        else if (longest.shift !== one.shift && one.from - longest.to < plan.file.restMs) found.push({ kind: 'no-rest', person, from: longest.to, to: one.from, shifts: names })
      }
      if (longest === undefined || one.to >= longest.to) longest = one
    }
    return found
  })
}

function peopleOf(body: OverrideBody): readonly string[] {
  switch (body.kind) {
    case 'swap':
      return [body.first.person, body.second.person]
    case 'substitute':
      return body.out === null ? [body.in] : [body.out, body.in]
    case 'absence':
      return [body.person]
  }
}

function rostersOf(body: OverrideBody): readonly string[] {
  switch (body.kind) {
    case 'swap':
      return [body.first.roster, body.second.roster]
    case 'substitute':
      return [body.roster]
    case 'absence':
      return []
  }
}
