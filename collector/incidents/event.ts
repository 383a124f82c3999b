/**
 * What can happen to an incident, as it is stored in `incident_event.body_json` and folded by `step`. The schemas are
 * the only reader of stored events; a field may be added with a default, never removed or given a new meaning.
 */
import { z } from 'zod'
import type { Json } from '../state/audit.ts'
import { slaProfileSchema } from './profile.ts'

/** How urgent. */
export const severitySchema = z.enum(['critical', 'warning', 'info'])

/** An alert as an incident keeps it. `value` null: no number. */
export const alertFactsSchema = z
  .strictObject({
    fingerprint: z.string(),
    name: z.string(),
    labels: z.record(z.string(), z.string()).readonly(),
    severity: severitySchema,
    summary: z.string(),
    description: z.string(),
    action: z.string(),
    value: z.number().nullable(),
    activeAt: z.number(),
    startedAt: z.number(),
  })
  .readonly()
/** An alert as an incident keeps it. */
export type AlertFacts = z.infer<typeof alertFactsSchema>

/** An alert that belongs to the incident, and how it stood when last heard of. */
export const joinedAlertSchema = alertFactsSchema
  .unwrap()
  .extend({ state: z.enum(['firing', 'no-data', 'resolved']), joinedAt: z.number(), changedAt: z.number() })
  .readonly()
export type JoinedAlert = z.infer<typeof joinedAlertSchema>

const json: z.ZodType<Json> = z.json()

/** Why an alert ended: its condition was seen to be false, or nothing was seen any more. Only the first is recovery. */
export const resolvedWhy = z.enum(['condition-false', 'no-data'])

/** Who acts: an account's name. */
const person = z.string().min(1).max(128)

/** Who a name stands for, beside it; events of before this had none. */
export const whoSchema = z.strictObject({ kind: z.enum(['person', 'account']), id: z.string() }).readonly()
const who = whoSchema.exactOptional()

const plainSources = ['console', 'link', 'sms-reply', 'api', 'disposal', 'message'] as const
const sourceKinds: ReadonlySet<string> = new Set(plainSources)

/**
 * How a response came in. By phone there are two people: who called and takes the incident, and who wrote it down.
 * Events of before this had kinds hold a bare word, which is read as that kind.
 */
export const ackSourceSchema = z.preprocess(
  (value) => (typeof value !== 'string' ? value : sourceKinds.has(value) ? { kind: value } : { kind: 'other', name: value }),
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.enum(plainSources), who }).readonly(),
    /** `at`: when the call came; left out: when it was written down. */
    z.strictObject({ kind: z.literal('phone'), calledBy: person, namedBy: person, at: z.number().optional(), who }).readonly(),
    z.strictObject({ kind: z.literal('other'), name: z.string() }).readonly(),
  ]),
)
export type AckSource = z.infer<typeof ackSourceSchema>

/** Who has taken the incident, when, and how we know. */
export const responseSchema = z.strictObject({ at: z.number(), by: z.string(), source: ackSourceSchema }).readonly()

/** What the telemetry said when a disposal was reported; `reported`: no telemetry, a person reported the fault. */
export const conditionSchema = z.enum(['bad', 'good', 'no-data', 'reported'])
export const disposalSchema = z.strictObject({ at: z.number(), by: z.string(), text: z.string(), condition: conditionSchema, snapshot: json }).readonly()

/** By which way a person told of a fault. */
export const reportChannels = ['hotline', 'fax', 'visit', 'message', 'other'] as const
/** Who reported a fault by hand. */
export const reportSchema = z
  .strictObject({ reporter: z.string().min(1).max(128), contact: z.string().max(128), channel: z.enum(reportChannels), at: z.number(), description: z.string() })
  .readonly()

/** Where a fault came from, for the statistics of a month. */
export const causeCategories = ['hardware', 'software', 'configuration', 'network', 'power', 'capacity', 'security', 'operation', 'third-party', 'unknown'] as const
/** Kinds of service work; the same words as of the work log. */
export const workKinds = ['fault', 'inspection', 'maintenance', 'patching', 'hardening', 'backup', 'data', 'consulting', 'training', 'on-site', 'remote', 'meeting', 'other'] as const

/** A file that lies in state.db under its hash. */
export const attachmentSchema = z
  .strictObject({ id: z.number(), name: z.string().min(1).max(200), type: z.string(), sizeBytes: z.number(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })
  .readonly()
export type Attachment = z.infer<typeof attachmentSchema>

/** As much of a hidden alert as the cause's incident lists. */
export const hiddenFactsSchema = z.strictObject({ fingerprint: z.string(), name: z.string(), instance: z.string(), startedAt: z.number() }).readonly()
export type HiddenFacts = z.infer<typeof hiddenFactsSchema>

const subject = { id: z.number(), number: z.string(), key: z.string(), service: z.string(), instance: z.string(), part: z.string(), fault: z.string(), profile: slaProfileSchema }

/**
 * Where an alert of this incident is pending again (its condition holds, `for` is not over): its start. Such a close or
 * settle is not taken while that alert would reopen the incident, so few that have it are stored.
 */
const pendingSince = z.number().exactOptional()

/** Schema of every event. */
export const incidentEventSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('open'),
    ...subject,
    alert: alertFactsSchema,
    /** It was hidden by that incident until its cause was over; who had answered there has answered for it. */
    released: z.strictObject({ from: z.string(), response: responseSchema.nullable() }).readonly().optional(),
  }),
  z.strictObject({ type: z.literal('open-by-hand'), ...subject, severity: severitySchema, title: z.string(), by: person, report: reportSchema }),
  z.strictObject({ type: z.literal('open-by-split'), ...subject, by: person, reason: z.string(), from: z.string(), alerts: z.array(joinedAlertSchema).min(1).readonly(), response: responseSchema.nullable() }),
  z.strictObject({ type: z.literal('alert-firing'), alert: alertFactsSchema }),
  z.strictObject({ type: z.literal('alert-resolved'), fingerprint: z.string(), why: resolvedWhy, at: z.number() }),
  /** Alerts that this incident explains. `added` has the first few, `count` all; `startedAt` the earliest that counts. */
  z.strictObject({ type: z.literal('hide'), added: z.array(hiddenFactsSchema).readonly(), count: z.number(), startedAt: z.number().nullable(), severity: severitySchema.nullable() }),
  /** Hidden alerts that ended, were released to stand for themselves, or went to another incident. */
  z.strictObject({ type: z.literal('unhide'), gone: z.array(z.string()).readonly(), count: z.number(), why: z.enum(['ended', 'released', 'moved']) }),
  /** Incidents that turned out to be effects of this one. */
  z.strictObject({
    type: z.literal('absorb'),
    incidents: z.array(z.strictObject({ number: z.string(), startedAt: z.number(), severity: severitySchema, response: responseSchema.nullable() }).readonly()).min(1).readonly(),
  }),
  z.strictObject({ type: z.literal('absorbed'), into: z.number(), number: z.string() }),
  z.strictObject({
    type: z.literal('merge'), by: person, reason: z.string(), number: z.string(), startedAt: z.number(), severity: severitySchema, running: z.boolean(),
    alerts: z.array(joinedAlertSchema).readonly(), response: responseSchema.nullable(), disposals: z.array(disposalSchema).readonly(),
  }),
  z.strictObject({ type: z.literal('merged'), by: person, reason: z.string(), into: z.number(), number: z.string() }),
  z.strictObject({ type: z.literal('split-off'), by: person, reason: z.string(), fingerprints: z.array(z.string()).min(1).readonly(), number: z.string() }),
  z.strictObject({ type: z.literal('acknowledge'), by: person, source: ackSourceSchema }),
  z.strictObject({ type: z.literal('dispose'), by: person, text: z.string(), snapshot: json }),
  z.strictObject({ type: z.literal('comment'), by: person, text: z.string() }),
  z.strictObject({ type: z.literal('assign'), by: person, to: person, who }),
  z.strictObject({ type: z.literal('unassign'), by: person }),
  z.strictObject({ type: z.literal('attach'), by: person, attachment: attachmentSchema }),
  z.strictObject({ type: z.literal('root-cause'), by: person, category: z.enum(causeCategories), text: z.string() }),
  /** Work on it, as the work log has it; `workedAt` is when it was done. */
  z.strictObject({ type: z.literal('work'), by: person, id: z.number(), kind: z.enum(workKinds), text: z.string(), minutes: z.number(), workedAt: z.number() }),
  z.strictObject({ type: z.literal('set-severity'), by: person, severity: severitySchema, reason: z.string() }),
  /** As it was stored before the second person had to confirm: over, and who was said to have confirmed it. Only replayed. */
  z.strictObject({ type: z.literal('report-recovery'), by: person, text: z.string(), confirmedBy: z.string().max(128), who, at: z.number() }),
  /** A person says that a fault without telemetry is over; it waits for somebody else to confirm. `at`: since when. */
  z.strictObject({ type: z.literal('claim-recovery'), by: person, text: z.string(), confirmedBy: z.string().max(128), who, at: z.number() }),
  /** Somebody else confirms the claim: `by` for people, `who` beside it. */
  z.strictObject({ type: z.literal('confirm-recovery'), by: person, who, source: z.enum(['console', 'link']) }),
  /** The claim is taken back, or somebody says that it is wrong. */
  z.strictObject({ type: z.literal('refuse-recovery'), by: person, text: z.string() }),
  /** A person says that a fault without telemetry is back. */
  z.strictObject({ type: z.literal('reopen'), by: person, text: z.string() }),
  z.strictObject({ type: z.literal('close'), by: person, text: z.string(), pendingSince }),
  /** Time has passed; closes what has stayed recovered long enough. */
  z.strictObject({ type: z.literal('settle'), pendingSince }),
])
/** One thing that happened. */
export type IncidentEvent = Readonly<z.infer<typeof incidentEventSchema>>
/** An event of one type. */
export type EventOf<T extends IncidentEvent['type']> = Extract<IncidentEvent, { type: T }>
/** An alert opens an incident. */
export type OpenEvent = EventOf<'open'>
/** What opens an incident. */
export type OpeningEvent = EventOf<'open' | 'open-by-hand' | 'open-by-split'>
/** What happens to one that is there. */
export type LiveEvent = Exclude<IncidentEvent, OpeningEvent>
