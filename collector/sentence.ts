/**
 * Catalogues of sentences that people read (alerts/templates/*.yml): what a sentence is, how its places are filled, and
 * how a file of them is read. A sentence may use only the fields that the code gives it, so a typing error in the file
 * shows when it is loaded, not in the middle of the night.
 */
import { z } from 'zod'
import { checkFile, readYaml } from './yaml-text.ts'

const places = /\{([^{}]*)\}/g

/** A sentence with `{field}` places, of these fields only. */
export const sentence = (...fields: readonly string[]) =>
  z
    .string()
    .min(1)
    .superRefine((text, context) => {
      for (const [place, field] of text.matchAll(places)) {
        if (field === undefined || !fields.includes(field)) context.addIssue({ code: 'custom', message: `expected only the fields ${fields.map((one) => `{${one}}`).join(' ') || '(none)'}, found ${place}` })
      }
    })

/** A word or two, without places. */
export const word = z.string().min(1).max(40)

/** Reads a catalogue. Throws SettingsError with every mistake. */
export function parseCatalogue<T>(schema: z.ZodType<T>, text: string, file: string): T {
  return checkFile(schema, readYaml(text, file), file)
}

/** Fills the places of a sentence. Values are put in as they are, once: a `{place}` inside a value stays text. */
export function fill(template: string, fields: Readonly<Record<string, string | number>>): string {
  return template.replaceAll(places, (place, field: string) => (Object.hasOwn(fields, field) ? String(fields[field]) : place))
}

/** How a catalogue says durations. */
export const durationWords = z.strictObject({ days: sentence('days', 'hours'), hours: sentence('hours', 'minutes'), minutes: sentence('minutes'), under: sentence() })
/** How a catalogue says durations. */
export type DurationWords = z.infer<typeof durationWords>

/** `1 小时 20 分钟`: whole minutes, rounded down, so that nobody is promised time that is not left. The sign is left out. */
export function durationText(words: DurationWords, ms: number): string {
  const total = Math.floor(Math.abs(ms) / 60_000)
  const minutes = total % 60
  const hours = Math.floor(total / 60) % 24
  const days = Math.floor(total / 1_440)
  if (days > 0) return fill(words.days, { days, hours })
  if (hours > 0) return fill(words.hours, { hours, minutes })
  return minutes > 0 ? fill(words.minutes, { minutes }) : words.under
}

/** How a catalogue says a span that somebody has set: each unit by itself. */
export const spanWords = z.strictObject({ days: sentence('count'), hours: sentence('count'), minutes: sentence('count'), seconds: sentence('count') })
/** How a catalogue says a span that somebody has set. */
export type SpanWords = z.infer<typeof spanWords>

/** `12 小时`, `1 分钟 30 秒`: all of it but what is nought, whole seconds, rounded up; for intervals of the settings. */
export function spanText(words: SpanWords, ms: number): string {
  const total = Math.ceil(Math.max(0, ms) / 1_000)
  const units = [
    [words.days, Math.floor(total / 86_400)],
    [words.hours, Math.floor(total / 3_600) % 24],
    [words.minutes, Math.floor(total / 60) % 60],
    [words.seconds, total % 60],
  ] as const
  const said = units.filter(([, count]) => count > 0).map(([template, count]) => fill(template, { count }))
  return said.length === 0 ? fill(words.seconds, { count: 0 }) : said.join(' ')
}
