import { z } from 'zod'
import { incidentSchema } from '../incidents/incident.ts'

/** How the person a message goes to can acknowledge from it: by an address to open, or by what to answer. null: not so. */
export const ackWaysSchema = z.strictObject({ link: z.string().nullable(), code: z.string().nullable() }).readonly()
/** How the person a message goes to can acknowledge from it. */
export type AckWays = z.infer<typeof ackWaysSchema>

/** What is told of an incident, as it stood in the transaction that caused the telling. `reminded`: it still runs. */
export const noticeSchema = z
  .strictObject({ kind: z.literal('incident'), what: z.enum(['opened', 'reopened', 'recovered', 'reminded']), round: z.number(), incident: incidentSchema, ack: ackWaysSchema.nullable().default(null) })
  .readonly()
/** What is told of an incident. */
export type Notice = z.infer<typeof noticeSchema>
