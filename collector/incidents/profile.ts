import { parseDocument } from 'yaml'
import { z } from 'zod'
import { SettingsError, parseDurationMs, settingsMistakes } from '../../protocol/settings.ts'

const duration = z.string().transform((text, context) => {
  const ms = parseDurationMs(text)
  if (ms === undefined || ms <= 0) context.addIssue({ code: 'custom', message: 'expected a duration with a unit such as 30m, 2h' })
  return ms ?? 0
})

const name = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected a short name of a-z, 0-9 and -')

const profileEntry = z.strictObject({
  name,
  title: z.string().min(1).max(40),
  /** Where the figures come from: a contract's clause, a standard. Without it nobody can check them. */
  origin: z.string().min(4),
  respond: duration,
  dispose: duration,
  recover: duration,
  reopenWithin: duration,
})

const profileFile = z.strictObject({
  profiles: z
    .array(profileEntry)
    .min(1)
    .superRefine((list, context) => {
      for (const [index, entry] of list.entries()) {
        if (list.findIndex((other) => other.name === entry.name) < index) context.addIssue({ code: 'custom', path: [index, 'name'], message: 'expected a name of its own for each profile' })
        if (entry.respond > entry.dispose) context.addIssue({ code: 'custom', path: [index, 'dispose'], message: 'expected no less than respond' })
        if (entry.dispose > entry.recover) context.addIssue({ code: 'custom', path: [index, 'recover'], message: 'expected no less than dispose' })
      }
    }),
})

/**
 * The promises an incident is held to, in milliseconds. An incident keeps a copy of its own, so that editing the file
 * never changes what was promised for a fault that has already happened.
 */
export const slaProfileSchema = z
  .strictObject({ name: z.string(), title: z.string(), origin: z.string(), respondMs: z.number(), disposeMs: z.number(), recoverMs: z.number(), reopenWithinMs: z.number() })
  .readonly()
/** One parsed profile. */
export type SlaProfile = z.infer<typeof slaProfileSchema>

/** Profiles by the name that rules use. The first of the file is the one for names nobody declared. */
export interface SlaProfiles {
  readonly fallback: SlaProfile
  readonly byName: ReadonlyMap<string, SlaProfile>
}

/** Parses the text of an SLA file (alerts/sla.yml is the shipped one). Throws SettingsError with every mistake. */
export function parseSlaProfiles(text: string, file: string): SlaProfiles {
  const document = parseDocument(text)
  if (document.errors.length > 0) throw new SettingsError(document.errors.map((error) => `${file}: ${error.message.split('\n')[0]}`))
  const input: unknown = document.toJS() ?? {}
  const result = profileFile.safeParse(input)
  if (!result.success) {
    throw new SettingsError(settingsMistakes(file, result.error.issues, input, (path) => Object.keys(path.length === 0 ? profileFile.shape : profileEntry.shape)))
  }
  const profiles = result.data.profiles.map((entry): SlaProfile => ({
    name: entry.name,
    title: entry.title,
    origin: entry.origin,
    respondMs: entry.respond,
    disposeMs: entry.dispose,
    recoverMs: entry.recover,
    reopenWithinMs: entry.reopenWithin,
  }))
  const [fallback] = profiles
  if (fallback === undefined) throw new SettingsError([`${file}: profiles: expected at least one`])
  return Object.freeze({ fallback, byName: new Map(profiles.map((profile) => [profile.name, profile])) })
}
