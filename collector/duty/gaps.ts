/** Where nobody is on duty: in a shift of a roster, or at a time that a demand of `cover` asks for. */
import type { Cover } from './duty-file.ts'
import { instantOf } from './local-time.ts'
import type { Away, DutyPlan, Range, ShiftView, Stretch } from './plan.ts'
import { shifts } from './resolve.ts'

/**
 * Why nobody is there. `no-shift`: no roster has a shift then. `empty-turn`: the rotation names nobody. `away`: those it
 * names are absent or left. `calendar-missing`: it depends on a year that is not loaded. `too-few`: some, not enough.
 */
export type GapWhy =
  | { readonly kind: 'no-shift' | 'empty-turn' }
  | { readonly kind: 'away'; readonly away: readonly Away[] }
  | { readonly kind: 'calendar-missing'; readonly year: number }
  | { readonly kind: 'too-few'; readonly people: number }

/** A stretch without (enough) people. `of`: the roster or the demand that misses them. */
export interface Gap extends Range {
  readonly of: { readonly kind: 'roster' | 'cover'; readonly name: string; readonly title: string }
  readonly why: GapWhy
}

/** A stretch of one demand with the number of people there; `why` where they are too few. */
export interface CoverStretch extends Range {
  readonly people: number
  readonly why: GapWhy | undefined
}

/** A stretch with the shift it is of. */
interface Manned {
  readonly shift: ShiftView
  readonly stretch: Stretch
}

/**
 * All gaps in the range, by start: each roster's own shifts that nobody holds, then what each demand misses. Neighbours
 * of one reason are one gap. Time in which a shift is handed over counts for nobody.
 */
export function gaps(plan: DutyPlan, range: Range): readonly Gap[] {
  const all = shifts(plan, range)
  const ofRosters = [...plan.file.rosters.values()].flatMap((roster) => {
    const empty = mannedOf(all, [roster.name], range).filter(({ stretch }) => stretch.people.length === 0)
    const of = { kind: 'roster', name: roster.name, title: roster.title } as const
    return joined(empty.map(({ shift, stretch }): Gap => ({ of, from: stretch.from, to: stretch.to, why: whyEmpty([{ shift, stretch }]) })))
  })
  const ofCovers = plan.file.cover.flatMap((cover) => {
    const of = { kind: 'cover', name: cover.name, title: cover.title } as const
    return joined(stretchesOf(plan, cover, all, range).flatMap(({ from, to, why }): Gap[] => (why === undefined ? [] : [{ of, from, to, why }])))
  })
  return [...ofRosters, ...ofCovers].sort((a, b) => a.from - b.from)
}

/** How one demand is met over the whole range it is for, without holes: its stretches follow each other. */
export function coverStretches(plan: DutyPlan, cover: Cover, range: Range): readonly CoverStretch[] {
  return stretchesOf(plan, cover, shifts(plan, range, cover.rosters), range)
}

function stretchesOf(plan: DutyPlan, cover: Cover, all: readonly ShiftView[], range: Range): readonly CoverStretch[] {
  const from = Math.max(range.from, cover.from === undefined ? range.from : instantOf(plan.zone, cover.from, 0))
  const to = Math.min(range.to, cover.until === undefined ? range.to : instantOf(plan.zone, cover.until + 1, 0))
  if (to <= from) return []
  const manned = mannedOf(all, cover.rosters, { from, to })
  const cuts = [...new Set([from, to, ...manned.flatMap(({ stretch }) => [stretch.from, stretch.to])])].sort((a, b) => a - b)
  const found: CoverStretch[] = []
  let next = 0
  let active: Manned[] = []
  for (const [index, at] of cuts.entries()) {
    const until = cuts[index + 1]
    if (until === undefined) break
    active = active.filter(({ stretch }) => stretch.to > at)
    for (let one = manned[next]; one !== undefined && one.stretch.from <= at; one = manned[++next]) active.push(one)
    const people = new Set(active.flatMap(({ stretch }) => stretch.people.map(({ person }) => person.id))).size
    found.push({ from: at, to: until, people, why: people >= cover.atLeast ? undefined : people > 0 ? { kind: 'too-few', people } : whyEmpty(active) })
  }
  return found
}

/** Stretches of those rosters that lie in the range, cut to it, by start; none that is handed over. */
function mannedOf(all: readonly ShiftView[], rosters: readonly string[], range: Range): readonly Manned[] {
  return all
    .filter((shift) => rosters.includes(shift.roster))
    .flatMap((shift) =>
      shift.stretches
        .filter((one) => !one.handingOver && one.from < range.to && one.to > range.from)
        .map((one) => ({ shift, stretch: { ...one, from: Math.max(one.from, range.from), to: Math.min(one.to, range.to) } })),
    )
    .sort((a, b) => a.stretch.from - b.stretch.from)
}

/** Of several reasons the one that tells most: who is away, then which year is missing, then an empty turn. */
function whyEmpty(shiftsThen: readonly Manned[]): GapWhy {
  const away = shiftsThen.flatMap(({ stretch }) => stretch.away)
  if (away.length > 0) return { kind: 'away', away }
  const year = shiftsThen.find(({ shift }) => shift.unknownYear !== undefined)?.shift.unknownYear
  if (year !== undefined) return { kind: 'calendar-missing', year }
  return { kind: shiftsThen.length > 0 ? 'empty-turn' : 'no-shift' }
}

/** Why nobody is on duty in these rosters at that instant. */
export function whyNobody(plan: DutyPlan, rosters: readonly string[], at: number): GapWhy {
  const range = { from: at, to: at + 1 }
  return whyEmpty(mannedOf(shifts(plan, range, rosters), rosters, range))
}

function joined(list: readonly Gap[]): readonly Gap[] {
  const result: Gap[] = []
  for (const gap of list) {
    const last = result.at(-1)
    if (last !== undefined && gap.from <= last.to && sameWhy(last.why, gap.why)) result[result.length - 1] = { ...last, to: Math.max(last.to, gap.to) }
    else result.push(gap)
  }
  return result
}

function sameWhy(a: GapWhy, b: GapWhy): boolean {
  const known = (why: GapWhy): unknown => (why.kind === 'away' ? why.away.map((one) => [one.person.id, one.why]) : why)
  return a.kind === b.kind && JSON.stringify(known(a)) === JSON.stringify(known(b))
}
