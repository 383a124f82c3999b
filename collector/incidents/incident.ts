/**
 * One incident as its events have made it, and what can be read off it alone. SPEC.md has the states, the events and
 * the numbered invariants; `step.ts` is the table.
 */
import { z } from 'zod'
import type { ClockName } from '../../protocol/api.ts'
import type { Severity } from '../../protocol/events.ts'
import { attachmentSchema, causeCategories, conditionSchema, disposalSchema, hiddenFactsSchema, joinedAlertSchema, reportSchema, responseSchema, severitySchema, whoSchema } from './event.ts'
import { slaProfileSchema } from './profile.ts'

export type Condition = z.infer<typeof conditionSchema>

/** A time in which nothing could be seen of the fault. `to` null: still. */
const blindSchema = z.strictObject({ from: z.number(), to: z.number().nullable() }).readonly()
const absorbedSchema = z.strictObject({ number: z.string(), at: z.number(), startedAt: z.number() }).readonly()
const mergedSchema = z.strictObject({ id: z.number(), number: z.string(), at: z.number(), by: z.string().nullable(), reason: z.string() }).readonly()

/** How many of a long list the projection keeps; the rest is found by query. */
export const LISTED = 20

const projection = z
  .strictObject({
    id: z.number(),
    number: z.string(),
    key: z.string(),
    service: z.string(),
    instance: z.string(),
    part: z.string(),
    fault: z.string(),
    profile: slaProfileSchema,
    state: z.enum(['open', 'blind', 'recovered', 'closed', 'merged']),
    severity: severitySchema,
    /** The highest of all alerts that ever joined or were hidden; null while only a person has spoken. */
    telemetrySeverity: severitySchema.nullable(),
    title: z.string(),
    startedAt: z.number(),
    openedAt: z.number(),
    /** Who reported it, for one that was opened by hand. */
    report: reportSchema.unwrap().extend({ by: z.string() }).readonly().nullable(),
    alerts: z.array(joinedAlertSchema).readonly(),
    response: responseSchema.nullable(),
    disposals: z.array(disposalSchema).readonly(),
    assignee: z.strictObject({ to: z.string(), who: whoSchema.exactOptional(), by: z.string(), at: z.number() }).readonly().nullable(),
    rootCause: z.strictObject({ category: z.enum(causeCategories), text: z.string(), by: z.string(), at: z.number() }).readonly().nullable(),
    attachments: z.array(attachmentSchema).readonly(),
    workMinutes: z.number(),
    /** Times without data (数据中断), oldest first; only the last may be open. */
    blind: z.array(blindSchema).readonly(),
    /** Alerts this fault explains: how many now, how many ever, and the first few of those there are. */
    hides: z.strictObject({ count: z.number(), total: z.number(), first: z.array(hiddenFactsSchema).readonly() }).readonly(),
    /** Incidents that went into this one: how many, and the first few. */
    absorbed: z.strictObject({ count: z.number(), first: z.array(absorbedSchema).readonly() }).readonly(),
    mergedInto: mergedSchema.nullable(),
    splitFrom: z.string().nullable(),
    recoveredAt: z.number().nullable(),
    /** Recovery as a person judged it (人工认定); null where the telemetry did. */
    judged: z.strictObject({ by: z.string(), confirmedBy: z.string(), text: z.string(), at: z.number() }).readonly().nullable(),
    /** What waits for a second person's confirmation: over since `at`; `asked` was named to confirm. */
    claim: z.strictObject({ by: z.string(), asked: z.string(), text: z.string(), at: z.number(), claimedAt: z.number() }).readonly().nullable().default(null),
    closedAt: z.number().nullable(),
    reopenings: z.number(),
    version: z.number(),
  })
  .readonly()

/**
 * The projection that is stored as `incident.body_json`. Times in epoch ms; null: not (yet). One that an earlier
 * version stored is read as a replay of its events would make it now.
 */
export const incidentSchema = z.preprocess(upgraded, projection)
export type Incident = z.infer<typeof projection>

/** What every new incident starts with. */
export const blank = {
  telemetrySeverity: null,
  report: null,
  alerts: [],
  response: null,
  disposals: [],
  assignee: null,
  rootCause: null,
  attachments: [],
  workMinutes: 0,
  blind: [],
  hides: { count: 0, total: 0, first: [] },
  absorbed: { count: 0, first: [] },
  mergedInto: null,
  splitFrom: null,
  recoveredAt: null,
  judged: null,
  claim: null,
  closedAt: null,
  reopenings: 0,
  version: 1,
} as const satisfies Partial<Incident>

function upgraded(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || 'telemetrySeverity' in raw) return raw
  const old: Partial<Record<string, unknown>> = { ...raw }
  const alerts = z.array(joinedAlertSchema).safeParse(old['alerts'])
  const blindSince = alerts.success && old['state'] === 'open' ? blindFrom(alerts.data) : undefined
  return { ...blank, ...old, telemetrySeverity: old['severity'], ...(blindSince === undefined ? {} : { state: 'blind', blind: [{ from: blindSince, to: null }] }) }
}

/** Since when nothing has been seen of these alerts; undefined: something is, or all is well. */
function blindFrom(alerts: readonly z.infer<typeof joinedAlertSchema>[]): number | undefined {
  if (stateOf(alerts) !== 'blind') return undefined
  return Math.max(...alerts.map((one) => one.changedAt))
}

/** What these alerts make of an incident: bad, unseen, or well. */
export function stateOf(alerts: readonly { readonly state: 'firing' | 'no-data' | 'resolved' }[]): 'open' | 'blind' | 'recovered' {
  if (alerts.some((one) => one.state === 'firing')) return 'open'
  return alerts.some((one) => one.state === 'no-data') ? 'blind' : 'recovered'
}

/** Whether the fault is not known to be over. */
export const isRunning = (incident: Pick<Incident, 'state'>): boolean => incident.state === 'open' || incident.state === 'blind'
/** Whether it may still change by itself. */
export const isLive = (incident: Pick<Incident, 'state'>): boolean => incident.state !== 'closed' && incident.state !== 'merged'

/** Most urgent last. */
const severities: readonly Severity[] = ['info', 'warning', 'critical']
/** Whether `a` is more urgent than `b`. */
export const moreUrgent = (a: Severity, b: Severity): boolean => severities.indexOf(a) > severities.indexOf(b)
/** The more urgent of two; null: none. */
export function worst(a: Severity, b: Severity | null): Severity
export function worst(a: Severity | null, b: Severity): Severity
export function worst(a: Severity | null, b: Severity | null): Severity | null
export function worst(a: Severity | null, b: Severity | null): Severity | null {
  if (a === null || b === null) return a ?? b
  return moreUrgent(b, a) ? b : a
}

/** What the telemetry says now of the fault. */
export function condition(incident: Pick<Incident, 'state' | 'alerts'>): Condition {
  if (incident.alerts.length === 0) return incident.state === 'open' ? 'reported' : 'good'
  switch (stateOf(incident.alerts)) {
    case 'open':
      return 'bad'
    case 'blind':
      return 'no-data'
    case 'recovered':
      return 'good'
  }
}

/** When the fault ended as far as this incident knows: for one that went into another, when it did. */
export function endOf(incident: Incident): number | undefined {
  return isRunning(incident) ? undefined : (incident.recoveredAt ?? incident.closedAt ?? incident.mergedInto?.at ?? undefined)
}

/** When each clock stopped, as things stand; undefined: it runs. The end of the fault stops whatever still ran. */
export function clockStops(incident: Incident): Readonly<Record<ClockName, number | undefined>> {
  const endedAt = endOf(incident)
  return {
    respond: earliest(incident.response?.at, endedAt),
    dispose: earliest(incident.disposals[0]?.at, endedAt),
    recover: endedAt,
  }
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b
  return b === undefined ? a : Math.min(a, b)
}
