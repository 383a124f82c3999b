/** The work log: every kind of service work, on an incident or by itself. Entries are added, never changed. */
import { z } from 'zod'
import type { StateTransaction } from '../state/open.ts'
import { workKinds } from './event.ts'
import type { Reader } from './storage.ts'

/** Longest single piece of work: a day. */
const MINUTES = 1_440

/** One entry as a person writes it. `workedAt`: when the work was done, epoch ms. */
export const workEntrySchema = z.strictObject({
  kind: z.enum(workKinds),
  text: z.string().trim().min(1).max(4_000),
  minutes: z.number().int().min(0).max(MINUTES),
  workedAt: z.number().int(),
  service: z.string().max(64).nullable(),
})
export type WorkEntry = Readonly<z.infer<typeof workEntrySchema>>

/** One entry as it is kept. */
export interface WorkLogged extends WorkEntry {
  readonly id: number
  readonly incident: string | null
  readonly recordedAt: number
  readonly by: string
}

/** Adds an entry and returns its id. */
export async function storeWork(trx: StateTransaction, entry: WorkEntry, incidentId: number | null, by: string, now: number): Promise<number> {
  const last = await trx.selectFrom('work_log').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst()
  const id = (last?.id ?? 0) + 1
  await trx
    .insertInto('work_log')
    .values({ id, incident_id: incidentId, kind: entry.kind, service: entry.service, text: entry.text, minutes: entry.minutes, worked_at: entry.workedAt, recorded_at: now, recorded_by: by })
    .execute()
  return id
}

/** Which entries: done in [from, to), newest first. */
export interface WorkFilter {
  readonly from: number
  readonly to: number
  readonly kind?: WorkEntry['kind']
  readonly incident?: string
  /** Who wrote it down. */
  readonly by?: string
  readonly limit: number
}

/** Entries that fit the filter. */
export async function listWork(db: Reader, filter: WorkFilter): Promise<readonly WorkLogged[]> {
  let query = db
    .selectFrom('work_log')
    .leftJoin('incident', 'incident.id', 'work_log.incident_id')
    .select(['work_log.id', 'work_log.kind', 'text', 'minutes', 'worked_at', 'work_log.service', 'incident.number', 'recorded_at', 'recorded_by'])
    .where('worked_at', '>=', filter.from)
    .where('worked_at', '<', filter.to)
    .orderBy('worked_at', 'desc')
    .orderBy('work_log.id', 'desc')
    .limit(filter.limit)
  if (filter.kind !== undefined) query = query.where('work_log.kind', '=', filter.kind)
  if (filter.incident !== undefined) query = query.where('incident.number', '=', filter.incident)
  if (filter.by !== undefined) query = query.where('recorded_by', '=', filter.by)
  return (await query.execute()).map((row) => ({
    id: row.id, kind: z.enum(workKinds).parse(row.kind), text: row.text, minutes: row.minutes, workedAt: row.worked_at, service: row.service,
    incident: row.number, recordedAt: row.recorded_at, by: row.recorded_by,
  }))
}
