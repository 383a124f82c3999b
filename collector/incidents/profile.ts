import { parseDocument } from 'yaml'
import { z } from 'zod'
import type { Severity } from '../../protocol/events.ts'
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

const words = z.array(z.string().min(1)).min(1).optional()
const assignEntry = z
  .strictObject({ profile: name, service: words, severity: z.array(z.enum(['critical', 'warning', 'info'])).min(1).optional(), fault: words })
  .refine((rule) => rule.service !== undefined || rule.severity !== undefined || rule.fault !== undefined, 'expected at least one of service, severity, fault')

/** Shape of an SLA file; docs/alert-files.md is made from it. */
export const profileFile = z
  .strictObject({
    assign: z.array(assignEntry).default([]),
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
  .superRefine((file, context) => {
    for (const [index, rule] of file.assign.entries()) {
      if (!file.profiles.some((profile) => profile.name === rule.profile)) context.addIssue({ code: 'custom', path: ['assign', index, 'profile'], message: 'expected the name of a profile of this file' })
    }
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

/** Which profile a fault runs under whatever its rule names. A list left out fits everything. */
export interface AssignRule {
  readonly profile: SlaProfile
  readonly service: readonly string[] | undefined
  readonly severity: readonly Severity[] | undefined
  readonly fault: readonly string[] | undefined
}

/** Profiles by the name that rules use. The first of the file is the one for names nobody declared. */
export interface SlaProfiles {
  /** The first that fits counts. */
  readonly assign: readonly AssignRule[]
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
    throw new SettingsError(settingsMistakes(file, result.error.issues, input, (path) => Object.keys(path.length === 0 ? profileFile.shape : path[0] === 'assign' ? assignEntry.shape : profileEntry.shape)))
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
  const byName = new Map(profiles.map((profile) => [profile.name, profile]))
  const assign = result.data.assign.flatMap(({ profile, service, severity, fault }) => {
    const found = byName.get(profile)
    return found === undefined ? [] : [{ profile: found, service, severity, fault }]
  })
  return Object.freeze({ fallback, byName, assign })
}

/** What a profile is chosen by. `services`: the one an alert names, and those its object serves. */
export interface Assignable {
  readonly services: readonly string[]
  readonly severity: Severity
  readonly fault: string
  /** The label `sla`, '' without one. */
  readonly named: string
}

/** The profile of the first rule that fits, else the one the alert's rule names. Undefined: nobody knows that name. */
export function profileFor(profiles: SlaProfiles, fault: Assignable): SlaProfile | undefined {
  const rule = profiles.assign.find(
    (one) =>
      (one.service === undefined || one.service.some((service) => fault.services.includes(service)))
      && (one.severity === undefined || one.severity.includes(fault.severity))
      && (one.fault === undefined || one.fault.includes(fault.fault)),
  )
  return rule?.profile ?? profiles.byName.get(fault.named)
}
