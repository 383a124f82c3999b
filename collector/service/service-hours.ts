import { addDays, dateAt, datesBetween, momentOf } from './zone-time.ts'
import type { Interval } from './intervals.ts'

/**
 * Whether people work on that date (`2026-10-10`): statutory holidays and make-up days are the calendar's business.
 * undefined: its year is not loaded, and nobody guesses.
 */
export type WorkingDay = (date: string) => boolean | undefined

/** Opening times of a working day, `HH:MM`, each inside its day. */
export interface OpeningTime {
  readonly from: string
  readonly to: string
}

/** The hours of a span, or the first date about which the calendar is silent. */
export type ServiceHours = { readonly kind: 'known'; readonly hours: readonly Interval[] } | { readonly kind: 'calendar-missing'; readonly date: string }

/** When a 5×8 service was promised inside `span`: the opening times of its working days. */
export function serviceHours(span: Interval, opening: readonly OpeningTime[], workingDay: WorkingDay, zone: string): ServiceHours {
  const hours: Interval[] = []
  if (!(span.to > span.from)) return { kind: 'known', hours }
  for (const date of datesBetween(dateAt(span.from, zone), dateAt(span.to - 1, zone))) {
    const works = workingDay(date)
    if (works === undefined) return { kind: 'calendar-missing', date }
    if (!works) continue
    for (const { from, to } of opening) {
      const stretch = { from: momentOf(date, from, zone), to: to === '24:00' ? momentOf(addDays(date, 1), '00:00', zone) : momentOf(date, to, zone) }
      const clipped = { from: Math.max(stretch.from, span.from), to: Math.min(stretch.to, span.to) }
      if (clipped.to > clipped.from) hours.push(clipped)
    }
  }
  return { kind: 'known', hours }
}
