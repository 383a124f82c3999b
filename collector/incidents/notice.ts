import { z } from 'zod'
import { incidentSchema } from './incident.ts'
import type { Incident } from './incident.ts'

/** What receivers should be told about an incident, as it stood in the transaction that caused the telling. */
export const noticeSchema = z
  .strictObject({ kind: z.literal('incident'), what: z.enum(['opened', 'reopened', 'recovered']), round: z.number(), incident: incidentSchema })
  .readonly()
/** What receivers should be told about an incident. */
export type Notice = z.infer<typeof noticeSchema>

/** Builds one. */
export function notice(what: Notice['what'], round: number, incident: Incident): Notice {
  return { kind: 'incident', what, round, incident }
}
