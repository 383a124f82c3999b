/**
 * What can happen to an incident, as it is stored in `incident_event.body_json` and folded by `step`. The schemas are
 * the only reader of stored events; a field may be added with a default, never removed or given a new meaning.
 */
import { z } from 'zod'
import type { Json } from '../state/audit.ts'
import { slaProfileSchema } from './profile.ts'

const severity = z.enum(['critical', 'warning', 'info'])

/** An alert as an incident keeps it. `value` null: no number. */
export const alertFactsSchema = z
  .strictObject({
    fingerprint: z.string(),
    name: z.string(),
    labels: z.record(z.string(), z.string()).readonly(),
    severity,
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

const json: z.ZodType<Json> = z.json()

/** Why an alert ended: its condition was seen to be false, or nothing was seen any more. Only the first is recovery. */
export const resolvedWhy = z.enum(['condition-false', 'no-data'])

/** Who acts: an account's name. */
const person = z.string().min(1).max(128)

/** Schema of every event. */
export const incidentEventSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('open'),
    id: z.number(),
    number: z.string(),
    key: z.string(),
    service: z.string(),
    instance: z.string(),
    part: z.string(),
    fault: z.string(),
    profile: slaProfileSchema,
    alert: alertFactsSchema,
  }),
  z.strictObject({ type: z.literal('alert-firing'), alert: alertFactsSchema }),
  z.strictObject({ type: z.literal('alert-resolved'), fingerprint: z.string(), why: resolvedWhy, at: z.number() }),
  z.strictObject({ type: z.literal('acknowledge'), by: person, source: z.string() }),
  z.strictObject({ type: z.literal('dispose'), by: person, text: z.string(), snapshot: json }),
  z.strictObject({ type: z.literal('comment'), by: person, text: z.string() }),
  z.strictObject({ type: z.literal('close'), by: person, text: z.string() }),
  /** Time has passed; closes what has stayed recovered long enough. */
  z.strictObject({ type: z.literal('settle') }),
])
/** One thing that happened. */
export type IncidentEvent = Readonly<z.infer<typeof incidentEventSchema>>
/** What opens an incident. */
export type OpenEvent = Extract<IncidentEvent, { type: 'open' }>
/** What happens to one that is there. */
export type LiveEvent = Exclude<IncidentEvent, OpenEvent>
