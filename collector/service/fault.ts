/**
 * What this room needs to know of an incident, and how open incidents become bad time of a service. Incidents are told
 * to this room as plain data (main.ts maps them), so that a frozen month can keep them and be reckoned again.
 */
import { z } from 'zod'
import { intersect, subtract, union } from './intervals.ts'
import type { Interval } from './intervals.ts'

export const intervalSchema = z.strictObject({ from: z.number(), to: z.number() }).readonly()

export const severities = ['critical', 'warning', 'info'] as const
export const clockNames = ['respond', 'dispose', 'recover'] as const
export type ClockName = (typeof clockNames)[number]

/** One clock of an incident. Times in epoch ms; `stoppedAt` left out: it has not been stopped. */
const faultClockSchema = z.strictObject({ name: z.enum(clockNames), dueAt: z.number(), stoppedAt: z.number().optional() }).readonly()
export type FaultClock = z.infer<typeof faultClockSchema>

export const faultSchema = z
  .strictObject({
    number: z.string(),
    /** `seq` of the incident's newest event that this was read from. */
    version: z.number(),
    service: z.string(),
    /** Host, device or link; '' for the service as such. */
    object: z.string(),
    severity: z.enum(severities),
    profile: z.string(),
    /** The start its clocks run from. */
    from: z.number(),
    /** When it was last seen to be over; left out while it is open. */
    to: z.number().optional(),
    /** Inside it: over for a while, before it came back and reopened. */
    pauses: z.array(intervalSchema).readonly(),
    /** Nothing more can happen to it. */
    closed: z.boolean(),
    /** Inside it: nothing was measured. Told in the books; it stays bad time, for nobody has seen it recover. */
    blind: z.array(intervalSchema).readonly(),
    clocks: z.array(faultClockSchema).readonly(),
    /** Why it does not count at all (merged into another, opened by mistake); left out when it counts. */
    excluded: z.string().optional(),
  })
  .readonly()
/** An incident as it counts. */
export type Fault = z.infer<typeof faultSchema>

export const badTimeSchema = z.strictObject({ from: z.number(), to: z.number(), incidents: z.array(z.string()).readonly() }).readonly()
/** A stretch in which a service was bad, and which incidents made it so. */
export type BadTime = z.infer<typeof badTimeSchema>

/**
 * Which of the incidents open at one moment make the service bad; none: it is good. This is where the topology speaks:
 * severities that affect a service, members that are critical, alternatives that remain.
 */
export interface Decide {
  (service: string, open: readonly Fault[]): readonly string[]
  /** Whether this incident can ever count for the service. Left out: any may. A storm on others then costs it nothing. */
  readonly concerns?: (service: string, fault: Fault) => boolean
}

/** When the incident was there, up to `until` while it is open. */
export function faultTimes(fault: Fault, until: number): readonly Interval[] {
  return subtract([{ from: fault.from, to: fault.to ?? until }], fault.pauses)
}

/**
 * The bad time of a service inside `span` and before `until`. Between two changes the same incidents are open, so
 * `decide` is asked once for each such stretch; neighbours with the same answer become one.
 */
export function badTimes(service: string, faults: readonly Fault[], decide: Decide, span: Interval, until: number): readonly BadTime[] {
  const seen = { from: span.from, to: Math.min(span.to, until) }
  const changes: { at: number; index: number; fault: Fault; opens: boolean }[] = []
  for (const [index, fault] of faults.entries()) {
    if (fault.excluded !== undefined || decide.concerns?.(service, fault) === false) continue
    for (const { from, to } of intersect(faultTimes(fault, until), [seen])) changes.push({ at: from, index, fault, opens: true }, { at: to, index, fault, opens: false })
  }
  changes.sort((a, b) => a.at - b.at)
  const open = new Map<number, Fault>()
  const bad: { from: number; to: number; incidents: readonly string[] }[] = []
  for (const [place, change] of changes.entries()) {
    if (change.opens) open.set(change.index, change.fault)
    else open.delete(change.index)
    const to = changes[place + 1]?.at ?? change.at
    if (to === change.at || open.size === 0) continue
    const incidents = [...new Set(decide(service, [...open.values()]))].sort()
    if (incidents.length === 0) continue
    const last = bad.at(-1)
    if (last !== undefined && last.to === change.at && last.incidents.join('\n') === incidents.join('\n')) last.to = to
    else bad.push({ from: change.at, to, incidents })
  }
  return bad
}

/** The bad stretches as moments alone. */
export function momentsOf(bad: readonly BadTime[]): readonly Interval[] {
  return union(bad.map(({ from, to }) => ({ from, to })))
}
