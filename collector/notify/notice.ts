import { z } from 'zod'
import { incidentSchema } from '../incidents/incident.ts'

/** How the person a message goes to can acknowledge from it: by an address to open, or by what to answer. null: not so. */
export const ackWaysSchema = z.strictObject({ link: z.string().nullable(), code: z.string().nullable() }).readonly()
/** How the person a message goes to can acknowledge from it. */
export type AckWays = z.infer<typeof ackWaysSchema>

/** Who closed an incident, and why. */
const closingSchema = z.strictObject({ by: z.string(), at: z.number(), text: z.string() }).readonly()
/** Who closed an incident, and why. */
export type Closing = z.infer<typeof closingSchema>

/**
 * What is told of an incident, as it stood in the transaction that caused the telling. `reminded`: it still runs.
 * `recovered`: the telemetry shows it; `judged`: two people say so; `closed`: closed by a person without either.
 */
export const noticeSchema = z
  .strictObject({ kind: z.literal('incident'), what: z.enum(['opened', 'reopened', 'recovered', 'judged', 'closed', 'reminded']), round: z.number(), incident: incidentSchema, ack: ackWaysSchema.nullable().default(null), closing: closingSchema.nullable().default(null) })
  .readonly()
/** What is told of an incident. */
export type Notice = z.infer<typeof noticeSchema>

/** Whether it tells that a fault is over. */
export const tellsEnd = (what: Notice['what']): boolean => what === 'recovered' || what === 'judged' || what === 'closed'
