/**
 * A second, simple-minded resolver for tests: it walks minute by minute and day by day, with dates as texts and holidays
 * as a list typed in by hand, and shares no arithmetic with the resolver it judges.
 */
import type { DutyFile, Rotation } from '../collector/duty/duty-file.ts'
import type { Override } from '../collector/duty/override.ts'

const MINUTE = 60_000
const DAY = 1_440 * MINUTE

/** 2026's holidays and make-up days, from the notice. */
const holidays2026 = [
  '01-01', '01-02', '01-03', '02-15', '02-16', '02-17', '02-18', '02-19', '02-20', '02-21', '02-22', '02-23', '04-04', '04-05', '04-06',
  '05-01', '05-02', '05-03', '05-04', '05-05', '06-19', '06-20', '06-21', '09-25', '09-26', '09-27',
  '10-01', '10-02', '10-03', '10-04', '10-05', '10-06', '10-07',
].map((date) => `2026-${date}`)
const makeup2026 = ['01-04', '02-14', '02-28', '05-09', '09-20', '10-10'].map((date) => `2026-${date}`)

const text = (day: number): string => new Date(day * DAY).toISOString().slice(0, 10)

function kindOf(day: number): 'workday' | 'makeup' | 'weekend' | 'holiday' | undefined {
  const date = text(day)
  if (!date.startsWith('2026-')) return undefined
  if (holidays2026.includes(date)) return 'holiday'
  if (makeup2026.includes(date)) return 'makeup'
  return [0, 6].includes(new Date(day * DAY).getUTCDay()) ? 'weekend' : 'workday'
}

/** Turn of a day by walking from the anchor; undefined where a day on the way is of a year nobody loaded. */
function walkedTurn(rotation: Rotation, day: number): number | undefined {
  const step = Math.sign(day - rotation.anchor)
  let passed = 0
  const counts = (one: number): boolean | undefined => {
    if (rotation.unit === 'day' || rotation.unit === 'week') return true
    const kind = kindOf(one)
    return kind === undefined ? undefined : (kind === 'workday' || kind === 'makeup') === (rotation.unit === 'workday')
  }
  for (let at = rotation.anchor; at !== day; at += step) {
    const counted = counts(step > 0 ? at : at - 1)
    if (counted === undefined) return undefined
    if (counted) passed += step
  }
  if (rotation.unit === 'week') passed = Math.floor(passed / 7)
  const length = rotation.turns.length
  if (length === 0) return 0
  let turn = Math.floor(passed / rotation.every)
  while (turn < 0) turn += length
  return turn % length
}

interface Seat {
  readonly roster: string
  readonly shift: string
  readonly date: string
  readonly day: number
  /** Minutes of local time since 1970. */
  readonly start: number
  readonly end: number
  readonly handoverMinutes: number
  readonly unknown: boolean
  people: string[]
  /** Substitutions that are for the whole of it. */
  wholes: number[]
  /** Places in `shown` at which it begins and ends. */
  startIndex: number
  endIndex: number
}

/** What the naive resolver says of one minute: `roster/shift/date:people:flags` of every shift that runs. */
export interface NaiveMinute {
  readonly at: number
  readonly lines: readonly string[]
}

/** The local minutes (since 1970) that clocks have shown up to each minute: never backwards, as shifts count them. */
export function shownMinutes(zone: string, from: number, count: number): readonly number[] {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' })
  const shown: number[] = []
  let most = 0
  for (let index = 0; index < count; index++) {
    most = Math.max(most, Date.parse(`${format.format(from + index * MINUTE).replace(' ', 'T')}:00Z`) / MINUTE)
    shown.push(most)
  }
  return shown
}

/** Every minute of the range, which begins on a whole minute. `shown` as `shownMinutes` gives it, from a day before on. */
export function naiveMinutes(file: DutyFile, overrides: readonly Override[], from: number, count: number, shownFromDayBefore: readonly number[]): readonly NaiveMinute[] {
  const lead = 3 * 1_440
  const shown = shownFromDayBefore
  const first = Math.floor(shown[0]! / 1_440) - 3
  const last = Math.floor(shown.at(-1)! / 1_440) + 1
  const seats = seatsOf(file, first, last)
  const instant = (index: number): number => from + (index - lead) * MINUTE
  for (const seat of seats) {
    seat.startIndex = firstAt(shown, seat.start)
    seat.endIndex = firstAt(shown, seat.end)
  }
  exchange(seats, overrides, instant)
  const result: NaiveMinute[] = []
  for (let index = lead; index < lead + count; index++) {
    const lines: string[] = []
    for (const seat of seats) {
      if (index < seat.startIndex || index >= seat.endIndex + seat.handoverMinutes) continue
      const running = index < seat.endIndex
      const people = peopleAt(file, seat, overrides, instant(index), instant(running ? index : seat.endIndex - 1))
      lines.push(`${seat.roster}/${seat.shift}/${seat.date}:${people.join(',')}:${running ? 'on' : 'over'}${seat.unknown ? ':unknown' : ''}`)
    }
    result.push({ at: instant(index), lines: lines.sort() })
  }
  return result
}

/** The first place at which that local minute or a later one is shown. */
function firstAt(shown: readonly number[], minute: number): number {
  if (shown[0]! > minute) return -Infinity
  let [low, high] = [0, shown.length]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (shown[middle]! >= minute) high = middle
    else low = middle + 1
  }
  return low === shown.length ? Infinity : low
}

function seatsOf(file: DutyFile, first: number, last: number): Seat[] {
  const seats: Seat[] = []
  for (const roster of file.rosters.values()) {
    for (const shift of roster.shifts) {
      for (let day = first; day <= last; day++) {
        if ([roster, shift].some((one) => (one.from ?? -Infinity) > day || (one.until ?? Infinity) < day)) continue
        const kind = kindOf(day)
        const everyKind = ['workday', 'makeup', 'weekend', 'holiday'].every((one) => shift.days.has(one as 'workday'))
        if (!everyKind && kind !== undefined && !shift.days.has(kind)) continue
        const turn = !everyKind && kind === undefined ? undefined : walkedTurn(shift.rotation, day)
        seats.push({
          roster: roster.name, shift: shift.name, date: text(day), day, start: day * 1_440 + shift.startMinute, end: day * 1_440 + shift.endMinute,
          handoverMinutes: shift.handoverMs / MINUTE, unknown: turn === undefined, people: turn === undefined ? [] : [...new Set(shift.rotation.turns[turn] ?? [])],
          wholes: [], startIndex: 0, endIndex: 0,
        })
      }
    }
  }
  return seats
}

/** Swaps and whole-shift substitutions, one after another, on all seats at once. */
function exchange(seats: Seat[], overrides: readonly Override[], instant: (index: number) => number): void {
  const find = (place: { roster: string; shift: string; date: string }): Seat | undefined => seats.find((seat) => seat.roster === place.roster && seat.shift === place.shift && seat.date === place.date)
  for (const { id, body } of overrides) {
    if (body.kind === 'swap') {
      const [one, other] = [find(body.first), find(body.second)]
      const [a, b] = [body.first.person, body.second.person]
      if (one === undefined || other === undefined || one === other || a === b) continue
      const holds = (x: string, y: string): boolean => one.people.includes(x) && !one.people.includes(y) && other.people.includes(y) && !other.people.includes(x)
      const [gives, takes] = holds(a, b) ? [a, b] : holds(b, a) ? [b, a] : [undefined, undefined]
      if (gives === undefined || takes === undefined) continue
      one.people = one.people.map((id) => (id === gives ? takes : id))
      other.people = other.people.map((id) => (id === takes ? gives : id))
    }
    if (body.kind !== 'substitute') continue
    for (const seat of seats) {
      if (seat.roster !== body.roster || body.from > instant(seat.startIndex) || body.to < instant(seat.endIndex)) continue
      seat.wholes.push(id)
      replace(seat.people, body)
    }
  }
}

function replace(people: string[], body: { out: string | null; in: string }): void {
  if (body.out !== null) {
    const index = people.indexOf(body.out)
    if (index === -1) return
    people.splice(index, 1)
  }
  if (!people.includes(body.in)) people.push(body.in)
}

/** `standAt`: the minute whose substitutions count, for a shift that is over its last. */
function peopleAt(file: DutyFile, seat: Seat, overrides: readonly Override[], at: number, standAt: number): readonly string[] {
  const people = [...seat.people]
  for (const { id, body } of overrides) {
    if (body.kind === 'substitute' && body.roster === seat.roster && !seat.wholes.includes(id) && body.from <= standAt && standAt < body.to) replace(people, body)
  }
  return people
    .filter((id) => !overrides.some(({ body }) => body.kind === 'absence' && body.person === id && body.from <= at && at < body.to))
    .filter((id) => {
      const person = file.people.get(id)
      return person !== undefined && (person.from ?? -Infinity) <= seat.day && (person.until ?? Infinity) >= seat.day
    })
    .sort()
}
