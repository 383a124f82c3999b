import { workday, workingDays } from './calendar.ts'
import type { Calendar } from './calendar.ts'
import { dayKinds } from './calendar.ts'
import type { Roster, Rotation, Shift } from './duty-file.ts'

/** Whose turn it is: its index, the persons of it; `unknown`: a calendar year is needed that is not loaded. */
export type Turn = { readonly kind: 'turn'; readonly index: number; readonly people: readonly string[] } | { readonly kind: 'unknown'; readonly year: number }

/** The turn a day belongs to; an empty rotation has turn 0 without people. */
export function turnOf(rotation: Rotation, calendar: Calendar, day: number): Turn {
  const passed = unitsPassed(rotation, calendar, day)
  if (passed.kind === 'unknown') return passed
  const count = rotation.turns.length
  const turn = Math.floor(passed.days / rotation.every)
  const index = count === 0 ? 0 : ((turn % count) + count) % count
  return { kind: 'turn', index, people: [...new Set(rotation.turns[index] ?? [])] }
}

function unitsPassed(rotation: Rotation, calendar: Calendar, day: number): ReturnType<typeof workingDays> {
  const days = day - rotation.anchor
  switch (rotation.unit) {
    case 'day':
      return { kind: 'days', days }
    case 'week':
      return { kind: 'days', days: Math.floor(days / 7) }
    case 'workday':
      return workingDays(calendar, rotation.anchor, day)
    case 'restday': {
      const worked = workingDays(calendar, rotation.anchor, day)
      return worked.kind === 'unknown' ? worked : { kind: 'days', days: days - worked.days }
    }
  }
}

/** Whether a shift begins on a day; `unknown`: it depends on a calendar year that is not loaded. */
export function takesPlace(roster: Roster, shift: Shift, calendar: Calendar, day: number): { readonly kind: 'yes' | 'no' } | { readonly kind: 'unknown'; readonly year: number } {
  for (const { from, until } of [roster, shift]) {
    if ((from !== undefined && day < from) || (until !== undefined && day > until)) return { kind: 'no' }
  }
  // A shift of every kind of day needs no calendar: the hotline is manned whatever the notice says.
  if (shift.days.size === dayKinds.length) return { kind: 'yes' }
  const is = workday(calendar, day)
  if (is.kind === 'unknown') return is
  return { kind: shift.days.has(is.kind) ? 'yes' : 'no' }
}
