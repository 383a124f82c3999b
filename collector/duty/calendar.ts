/**
 * Working days as the State Council's yearly notice orders them: holidays, and weekend days that are worked instead. A
 * year whose notice is not loaded has no answer; it is never taken for an ordinary year.
 */
import { z } from 'zod'
import { DAY_MS, firstDayOf, localDay, weekdayOf, yearOf } from './local-time.ts'
import { checkFile, readYaml } from '../yaml-text.ts'
import { dateField } from './yaml-file.ts'

/** Kinds of days. `workday`: Monday to Friday and no holiday; `makeup`: a weekend day that is worked (调休上班). */
export const dayKinds = ['workday', 'makeup', 'weekend', 'holiday'] as const
/** One kind of day. */
export type DayKind = (typeof dayKinds)[number]

/** What a day is. `name`: of the holiday that makes it a `holiday` or `makeup` day, else ''. `unknown`: that year's notice is not loaded. */
export type Workday = { readonly kind: DayKind; readonly name: string } | { readonly kind: 'unknown'; readonly year: number }

/** One year's notice. */
export interface CalendarYear {
  readonly year: number
  readonly source: string
  /** Days that differ from what the weekday says, with the name of the holiday behind it. */
  readonly special: ReadonlyMap<number, { readonly kind: 'holiday' | 'makeup'; readonly name: string }>
}

/** All loaded years. */
export interface Calendar {
  readonly years: ReadonlyMap<number, CalendarYear>
  /** Per year: how many working days lie before each of its days; the last entry counts the whole year. */
  readonly workedBefore: ReadonlyMap<number, Uint16Array>
}

const LONGEST_HOLIDAY_DAYS = 16

const holidayEntry = z
  .strictObject({ name: z.string().min(1).max(20), from: dateField, to: dateField, workdays: z.array(dateField).default([]) })
  .superRefine((entry, context) => {
    if (entry.to < entry.from) context.addIssue({ code: 'custom', path: ['to'], message: 'expected no earlier than from' })
    else if (entry.to - entry.from >= LONGEST_HOLIDAY_DAYS) context.addIssue({ code: 'custom', path: ['to'], message: `expected at most ${LONGEST_HOLIDAY_DAYS} days` })
    for (const [index, day] of entry.workdays.entries()) {
      if (!isWeekend(day)) context.addIssue({ code: 'custom', path: ['workdays', index], message: 'expected a Saturday or Sunday: other days are worked anyhow' })
    }
  })

/** Shape of one year's file; docs/alert-files.md is made from it. */
export const yearFile = z
  .strictObject({
    year: z.int().min(2000).max(2100),
    /** Title and number of the notice, so that anybody can compare. */
    source: z.string().min(4),
    holidays: z.array(holidayEntry).min(1),
  })
  .superRefine((file, context) => {
    const seen = new Set<number>()
    for (const [index, entry] of file.holidays.entries()) {
      const last = Math.min(entry.to, entry.from + LONGEST_HOLIDAY_DAYS)
      const days = [...Array.from({ length: Math.max(0, last - entry.from + 1) }, (_, offset) => entry.from + offset), ...entry.workdays]
      for (const day of days) {
        // A notice may begin in the last days of the year before: New Year 2023 began on 31 December 2022.
        if (day < firstDayOf(file.year) - 31 || day >= firstDayOf(file.year + 1)) context.addIssue({ code: 'custom', path: ['holidays', index], message: `expected days of ${file.year} (or of the December before)` })
        else if (seen.has(day)) context.addIssue({ code: 'custom', path: ['holidays', index], message: 'expected days that no other entry names' })
        else {
          seen.add(day)
          continue
        }
        break
      }
    }
  })

/** Parses one year's file (alerts/calendar/2026.yml is the shipped one). Throws SettingsError with every mistake. */
export function parseCalendarYear(text: string, file: string): CalendarYear {
  const data = checkFile(yearFile, readYaml(text, file), file)
  const special = new Map<number, { kind: 'holiday' | 'makeup'; name: string }>()
  for (const { name, from, to, workdays } of data.holidays) {
    for (let day = from; day <= to; day++) special.set(day, { kind: 'holiday', name })
    for (const day of workdays) special.set(day, { kind: 'makeup', name })
  }
  return { year: data.year, source: data.source, special }
}

/** Puts years together; of two for the same year the later one counts (the site's over the shipped one). */
export function calendarOf(files: readonly CalendarYear[]): Calendar {
  const years = new Map(files.map((file) => [file.year, file]))
  const calendar = { years, workedBefore: new Map<number, Uint16Array>() }
  for (const year of years.keys()) {
    const first = firstDayOf(year)
    const counts = new Uint16Array(firstDayOf(year + 1) - first + 1)
    for (let index = 1; index < counts.length; index++) counts[index] = (counts[index - 1] ?? 0) + (isWorked(workday(calendar, first + index - 1)) ? 1 : 0)
    calendar.workedBefore.set(year, counts)
  }
  return calendar
}

/** What a day is (days as local-time.ts counts them). */
export function workday(calendar: Pick<Calendar, 'years'>, day: number): Workday {
  const year = yearOf(day)
  const own = calendar.years.get(year)
  if (own === undefined) return { kind: 'unknown', year }
  const special = calendar.years.get(year + 1)?.special.get(day) ?? own.special.get(day)
  return special ?? { kind: isWeekend(day) ? 'weekend' : 'workday', name: '' }
}

/** Whether the office works that day; false where nobody knows. */
export function isWorked(day: Workday): boolean {
  return day.kind === 'workday' || day.kind === 'makeup'
}

/**
 * Working days from `from` up to but not including `to`, negative when `to` is the earlier one. `unknown` names the
 * first year on the way that is not loaded.
 */
export function workingDays(calendar: Calendar, from: number, to: number): { readonly kind: 'days'; readonly days: number } | { readonly kind: 'unknown'; readonly year: number } {
  if (to < from) {
    const back = workingDays(calendar, to, from)
    return back.kind === 'days' ? { kind: 'days', days: back.days === 0 ? 0 : -back.days } : back
  }
  if (to === from) return { kind: 'days', days: 0 }
  let days = 0
  for (let year = yearOf(from); year <= yearOf(to); year++) {
    const counts = calendar.workedBefore.get(year)
    const first = firstDayOf(year)
    // A span that ends on the first of a year asks nothing of that year.
    if (to === first) break
    if (counts === undefined) return { kind: 'unknown', year }
    days += (counts[Math.min(to - first, counts.length - 1)] ?? 0) - (counts[Math.max(from - first, 0)] ?? 0)
  }
  return { kind: 'days', days }
}

/** A year that people must load, and how urgent it is. `missing`: already needed. `next-missing`: needed soon. */
export interface CalendarFault {
  readonly kind: 'missing' | 'next-missing'
  readonly year: number
}

/**
 * What is wrong with the calendar at `now`: this year is missing, or it is December and the next one is. The notice
 * comes in November and may already move the last days of this December.
 */
export function calendarHealth(calendar: Calendar, zone: string, now: number): readonly CalendarFault[] {
  const year = yearOf(localDay(zone, now))
  const december = new Date(localDay(zone, now) * DAY_MS).getUTCMonth() === 11
  const faults: CalendarFault[] = []
  if (!calendar.years.has(year)) faults.push({ kind: 'missing', year })
  if (december && !calendar.years.has(year + 1)) faults.push({ kind: 'next-missing', year: year + 1 })
  return faults
}

function isWeekend(day: number): boolean {
  const weekday = weekdayOf(day)
  return weekday === 0 || weekday === 6
}
