/** Fields that the duty files have in common. */
import { z } from 'zod'
import { nearestWord, parseDurationMs } from '../../protocol/settings.ts'
import { parseDate, parseTimeOfDay } from './local-time.ts'

/** A date of the calendar, as its day. */
export const dateField = z.string().transform((text, context) => {
  const day = parseDate(text)
  if (day === undefined) context.addIssue({ code: 'custom', message: 'expected a date that exists, such as 2026-10-01' })
  return day ?? 0
})

/** A time of day, as minutes after midnight. */
export const timeField = z.string().transform((text, context) => {
  const minute = parseTimeOfDay(text)
  if (minute === undefined) context.addIssue({ code: 'custom', message: 'expected a time of day such as 08:30, 24:00 at the latest' })
  return minute ?? 0
})

/** A duration with its unit, as ms, between two bounds. */
export const durationField = (least: string, most: string) =>
  z.string().transform((text, context) => {
    const ms = parseDurationMs(text)
    if (ms === undefined || ms < (parseDurationMs(least) ?? 0) || ms > (parseDurationMs(most) ?? Infinity)) {
      context.addIssue({ code: 'custom', message: `expected a duration with a unit such as 10m, 2h, from ${least} to ${most}` })
    }
    return ms ?? 0
  })

/** A short name that other places refer to. */
export const nameField = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected a short name of a-z, 0-9 and -')

/** A title that people read. */
export const titleField = z.string().min(1).max(60)

/** A name that must be one of those declared elsewhere in the same file. */
export const reference = (what: string, known: ReadonlySet<string>) =>
  z.string().superRefine((name, context) => {
    if (known.has(name)) return
    const near = nearestWord(name, known)
    context.addIssue({ code: 'custom', message: `expected ${what}${near === undefined ? '' : `, did you mean ${near}?`}` })
  })

/** The names that a list declares, read before anything is checked, so that wrong references show with all other mistakes. */
export function namesIn(input: unknown, list: string, key: string): ReadonlySet<string> {
  const entries: unknown = typeof input === 'object' && input !== null ? Reflect.get(input, list) : undefined
  if (!Array.isArray(entries)) return new Set()
  const names = entries.map((entry: unknown): unknown => (typeof entry === 'object' && entry !== null ? Reflect.get(entry, key) : undefined))
  return new Set(names.filter((name) => typeof name === 'string'))
}

/** Notes every entry whose name an earlier one has. */
export function eachNameOnce(key: string) {
  return (list: readonly Readonly<Record<string, unknown>>[], context: z.RefinementCtx): void => {
    for (const [index, entry] of list.entries()) {
      if (list.findIndex((other) => other[key] === entry[key]) < index) context.addIssue({ code: 'custom', path: [index, key], message: 'expected a name of its own for each' })
    }
  }
}
