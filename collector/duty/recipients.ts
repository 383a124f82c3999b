/** Who is on duty at an instant, and who is told: rosters and roles as receivers of messages. Pure. */
import type { Person } from './duty-file.ts'
import { whyNobody } from './gaps.ts'
import type { GapWhy } from './gaps.ts'
import { localDay } from './local-time.ts'
import type { DutyPlan, OnDuty } from './plan.ts'
import { inTeam, shifts } from './resolve.ts'

/** Somebody on duty with the shift that makes it so; `handingOver`: the shift is over, the person still there. */
export interface PersonOnDuty extends OnDuty {
  readonly roster: string
  readonly shift: string
  readonly date: string
  readonly startAt: number
  readonly endAt: number
  readonly handingOver: boolean
}

/** Who is on duty in a roster at `at`, or why nobody is. */
export type DutyAnswer = { readonly kind: 'people'; readonly people: readonly PersonOnDuty[] } | { readonly kind: 'nobody'; readonly why: GapWhy } | { readonly kind: 'unknown-roster' }

/** Who is on duty in one roster. A person in two shifts (handing over to themselves) is named once, for the running one. */
export function onDuty(plan: DutyPlan, roster: string, at: number): DutyAnswer {
  if (!plan.file.rosters.has(roster)) return { kind: 'unknown-roster' }
  const people = there(plan, [roster], at)
  return people.length > 0 ? { kind: 'people', people } : { kind: 'nobody', why: whyNobody(plan, [roster], at) }
}

function there(plan: DutyPlan, rosters: readonly string[], at: number): readonly PersonOnDuty[] {
  const found = new Map<string, PersonOnDuty>()
  for (const shift of shifts(plan, { from: at, to: at + 1 }, rosters)) {
    for (const stretch of shift.stretches) {
      if (at < stretch.from || at >= stretch.to) continue
      for (const { person, why } of stretch.people) {
        const known = found.get(person.id)
        if (known !== undefined && (!known.handingOver || stretch.handingOver)) continue
        const { roster, shift: name, date, startAt, endAt } = shift
        found.set(person.id, { person, why, roster, shift: name, date, startAt, endAt, handingOver: stretch.handingOver })
      }
    }
  }
  return [...found.values()]
}

/** Somebody to tell. `as`: the role or roster that was found to be manned. */
export interface Recipient {
  readonly person: Person
  readonly as: string
}

/** A role or roster that was asked and had nobody; `no-holder`: nobody has this standing role now. */
export interface Passed {
  readonly name: string
  readonly why: GapWhy | { readonly kind: 'no-holder' } | { readonly kind: 'unknown-name' }
}

/** Who gets a message. `passed` is never empty where the first one asked had nobody: that gap is to be told as well. */
export interface Recipients {
  /** Empty: nobody at all; the console must show it. */
  readonly people: readonly Recipient[]
  readonly passed: readonly Passed[]
}

/**
 * People of a role or roster (one space of names) at `at`. A role without rosters is whoever has it standing and is not
 * away. When nobody is found the role's `next` is asked, and so on to the chain's end; a roster's chain is that of the
 * first role that names it.
 */
export function recipients(plan: DutyPlan, name: string, at: number): Recipients {
  const passed: Passed[] = []
  const asked = new Set<string>()
  let current: string | undefined = name
  while (current !== undefined && !asked.has(current)) {
    const as: string = current
    const found = peopleOf(plan, as, at)
    if (found.kind === 'people') return { people: found.people.map((person) => ({ person, as })), passed }
    passed.push({ name: as, why: found.why })
    asked.add(as)
    current = nextOf(plan, as)
  }
  return { people: [], passed }
}

/** People of several roles and rosters, each once, as the first that names them. */
export function recipientsOf(plan: DutyPlan, names: readonly string[], at: number): Recipients {
  const all = names.map((name) => recipients(plan, name, at))
  const people = new Map(all.flatMap((one) => one.people).reverse().map((one) => [one.person.id, one]))
  return { people: [...people.values()].reverse(), passed: all.flatMap((one) => one.passed) }
}

function nextOf(plan: DutyPlan, name: string): string | undefined {
  const role = plan.file.roles.get(name) ?? [...plan.file.roles.values()].find((one) => one.rosters.includes(name))
  return role?.next
}

type Found = { readonly kind: 'people'; readonly people: readonly Person[] } | { readonly kind: 'nobody'; readonly why: Passed['why'] }

function peopleOf(plan: DutyPlan, name: string, at: number): Found {
  const role = plan.file.roles.get(name)
  const rosters = role?.rosters ?? (plan.file.rosters.has(name) ? [name] : undefined)
  if (rosters === undefined) return { kind: 'nobody', why: { kind: 'unknown-name' } }
  if (rosters.length > 0) {
    const people = there(plan, rosters, at).map(({ person }) => person)
    return people.length > 0 ? { kind: 'people', people } : { kind: 'nobody', why: whyNobody(plan, rosters, at) }
  }
  const day = localDay(plan.zone, at)
  const people = [...plan.file.people.values()].filter((person) => person.roles.includes(name) && inTeam(person, day) && !absent(plan, person.id, at))
  return people.length > 0 ? { kind: 'people', people } : { kind: 'nobody', why: { kind: 'no-holder' } }
}

function absent(plan: DutyPlan, person: string, at: number): boolean {
  return plan.overrides.some(({ body }) => body.kind === 'absence' && body.person === person && at >= body.from && at < body.to)
}
