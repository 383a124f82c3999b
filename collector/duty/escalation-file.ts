/** `escalation.yml`: who is told how early before a clock runs out. Parsed once, strictly. */
import { z } from 'zod'
import type { ClockName } from '../../protocol/api.ts'
import { nearestWord, SettingsError } from '../../protocol/settings.ts'
import type { DutyFile } from './duty-file.ts'
import { checkFile, readYaml } from '../yaml-text.ts'
import { durationField, eachNameOnce, nameField } from './yaml-file.ts'

/** One step of a clock: at that share of its time, these roles are told. 100 is the breach. */
export interface EscalationStep {
  readonly clock: ClockName
  /** Percent of the clock's limit that has passed, above 0 to 100. */
  readonly used: number
  /** Roles of duty.yml, nearest first. */
  readonly to: readonly string[]
  /** Names of channels; empty: each person's own ways. */
  readonly channels: readonly string[]
  /** Told again this often while this is the newest step and the clock runs; undefined: once. */
  readonly repeatEveryMs: number | undefined
}

/** The steps of faults of some profiles and severities; empty lists: of all. */
export interface EscalationPolicy {
  readonly name: string
  readonly profiles: readonly string[]
  readonly severities: readonly string[]
  /** By clock and share. */
  readonly steps: readonly EscalationStep[]
}

const stepEntry = z.strictObject({
  clock: z.enum(['respond', 'dispose', 'recover']),
  used: z.number().gt(0).max(100),
  to: z.array(nameField).min(1).max(10),
  channels: z.array(z.string().min(1).max(40)).default([]),
  repeatEvery: durationField('1m', '24h').optional(),
})

const policyEntry = z.strictObject({
  name: nameField,
  profiles: z.array(nameField).default([]),
  severities: z.array(z.enum(['critical', 'warning', 'info'])).default([]),
  steps: z.array(stepEntry).superRefine((steps, context) => {
    for (const [index, step] of steps.entries()) {
      if (steps.findIndex((other) => other.clock === step.clock && other.used === step.used) < index) context.addIssue({ code: 'custom', path: [index, 'used'], message: 'expected one step for each share of a clock' })
    }
  }),
})

/** Shape of an escalation file; docs/alert-files.md is made from it. */
export const escalationFile = z.strictObject({ policies: z.array(policyEntry).min(1).superRefine(eachNameOnce('name')) })

const clockOrder: Readonly<Record<ClockName, number>> = { respond: 0, dispose: 1, recover: 2 }

/** Parses an escalation file (alerts/escalation.yml is the shipped one). Throws SettingsError with every mistake. */
export function parseEscalationFile(text: string, file: string): readonly EscalationPolicy[] {
  const data = checkFile(escalationFile, readYaml(text, file), file)
  return data.policies.map((policy) => ({
    name: policy.name,
    profiles: policy.profiles,
    severities: policy.severities,
    steps: policy.steps
      .map((step) => ({ clock: step.clock, used: step.used, to: step.to, channels: step.channels, repeatEveryMs: step.repeatEvery }))
      .sort((a, b) => clockOrder[a.clock] - clockOrder[b.clock] || a.used - b.used),
  }))
}

/** Throws SettingsError for roles that the duty file does not have, and channels that are not set up (where given). */
export function checkEscalationNames(policies: readonly EscalationPolicy[], file: string, duty: DutyFile, channels?: readonly string[]): void {
  const mistakes: string[] = []
  const check = (what: string, known: readonly string[], name: string, policy: string, step: EscalationStep): void => {
    if (known.includes(name)) return
    const near = nearestWord(name, known)
    mistakes.push(`${file}: ${policy}: ${step.clock} ${step.used}%: expected ${what}${near === undefined ? '' : `, did you mean ${near}?`}, got ${JSON.stringify(name)}`)
  }
  for (const { name: policy, steps } of policies) {
    for (const step of steps) {
      for (const role of step.to) check('a role of duty.yml', [...duty.roles.keys()], role, policy, step)
      if (channels !== undefined) for (const channel of step.channels) check('a channel that is set up', channels, channel, policy, step)
    }
  }
  if (mistakes.length > 0) throw new SettingsError(mistakes)
}

/** The first policy that fits; undefined: nobody is told about such faults by their clocks. */
export function policyFor(policies: readonly EscalationPolicy[], profile: string, severity: string): EscalationPolicy | undefined {
  return policies.find((policy) => (policy.profiles.length === 0 || policy.profiles.includes(profile)) && (policy.severities.length === 0 || policy.severities.includes(severity)))
}
