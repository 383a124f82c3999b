/**
 * The contract's terms as data (alerts/exposure.yml is a neutral sample; a site's own file says what its contract says).
 * Nothing of any contract is in the code.
 */
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { SettingsError, settingsMistakes } from '../../protocol/settings.ts'
import { parseShare, parseYuan } from './money.ts'

const yuan = z.string('expected yuan as text in quotes such as "1000000.00"').transform((text, context) => {
  const fen = parseYuan(text)
  if (fen === undefined) context.addIssue({ code: 'custom', message: 'expected yuan as text in quotes such as "1000000.00"' })
  return fen ?? 0n
})

const share = z.string('expected a share as text in quotes such as "0.0005"').transform((text, context) => {
  const ppb = parseShare(text)
  if (ppb === undefined) context.addIssue({ code: 'custom', message: 'expected a share from "0" to "1" in quotes such as "0.0005"' })
  return ppb ?? 0n
})

const name = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected a short name of a-z, 0-9 and -')
const title = z.string().min(1).max(60)
/** The clause a figure comes from; without it nobody can check it. */
const origin = z.string().min(4).max(400)

/** What the contract allows the client beside money. */
export const flags = ['free-repair', 'refund', 'termination', 'damages', 'extension', 'deduction'] as const
export type Flag = (typeof flags)[number]

const perDaySchema = z.strictObject({
  rate: share,
  /** `begun`: a day begun is a day; `completed`: only whole days; `exact`: to the millisecond. */
  rounding: z.enum(['begun', 'completed', 'exact']),
  /** The most that the days of one breach add up to. */
  cap: share.optional(),
})

const lumpSchema = z.strictObject({
  /** More than this many days; exactly as many is not more. */
  afterDays: z.int().min(0).max(3_650),
  /** Days are counted from when the duty was due, or from when the fault began ("unrepaired for N days"). */
  since: z.enum(['due', 'start']),
  rate: share,
  /** On top of what the days came to, or whichever is greater. */
  with: z.enum(['added', 'greater']),
  /** Whether the days go on counting behind it. */
  perDay: z.enum(['continues', 'stops']),
  flags: z.array(z.enum(flags)).default([]),
})

const termSchema = z
  .strictObject({
    name,
    title,
    origin,
    /** What was broken: a clock's name, or a word of the site's own that breaches are entered under. */
    duty: name,
    perDay: perDaySchema.optional(),
    lumps: z.array(lumpSchema).default([]),
    flags: z.array(z.enum(flags)).default([]),
  })
  .superRefine((term, context) => {
    if (term.perDay === undefined && term.lumps.length === 0) context.addIssue({ code: 'custom', message: 'expected perDay or lumps; a duty without a figure belongs under unpriced' })
  })

/** Shape of a terms file; docs/alert-files.md is made from it. */
export const termsFile = z.strictObject({
  contract: z.strictObject({ sum: yuan, origin, cap: share.optional() }),
  terms: z.array(termSchema).superRefine((list, context) => {
    for (const [index, term] of list.entries()) {
      for (const key of ['name', 'duty'] as const) if (list.findIndex((other) => other[key] === term[key]) < index) context.addIssue({ code: 'custom', path: [index, key], message: `expected a ${key} of its own for each term` })
    }
  }),
  unpriced: z.array(z.strictObject({ title, origin, text: z.string().min(1).max(400) })).default([]),
})

/** All terms of a contract. */
export type ExposureTerms = z.infer<typeof termsFile>
export type ExposureTerm = ExposureTerms['terms'][number]

const keysAt = (path: readonly PropertyKey[]): readonly string[] => {
  const [area, , part] = path
  if (area === undefined) return Object.keys(termsFile.shape)
  if (area === 'contract') return Object.keys(termsFile.shape.contract.shape)
  if (area !== 'terms') return ['title', 'origin', 'text']
  return Object.keys(part === 'perDay' ? perDaySchema.shape : part === 'lumps' ? lumpSchema.shape : termSchema.shape)
}

/** Parses a terms file. Throws SettingsError with every mistake; amounts are not printed back. */
export function parseExposureTerms(text: string, file: string): ExposureTerms {
  const document = parseDocument(text)
  if (document.errors.length > 0) throw new SettingsError(document.errors.map((error) => `${file}: ${error.message.split('\n')[0]}`))
  const input: unknown = document.toJS() ?? {}
  const result = termsFile.safeParse(input)
  // What was found stays out of the message: it goes to the log, and may be an amount.
  if (!result.success) throw new SettingsError(settingsMistakes(file, result.error.issues, input, keysAt).map((mistake) => mistake.replace(/, got .*$/s, '')))
  return Object.freeze(result.data)
}
