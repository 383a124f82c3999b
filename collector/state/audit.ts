import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { StateTransaction } from './open.ts'
import type { AuditTable, Schema } from './schema.ts'

/** What the first row has as its previous hash. */
export const AUDIT_ORIGIN = '0'.repeat(64)

/** How many rows are read at once while verifying. */
const PAGE_ROWS = 1_000

/** JSON as TypeScript knows it; object keys may be left out, never undefined on purpose. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined }

/** One act worth keeping: who did what to which object. `detail` never holds a secret. */
export interface AuditEntry {
  readonly at: number
  /** Account name, `collector` for the program itself, `-` where nobody is known yet (a failed sign-in). */
  readonly actor: string
  /** Dotted verb such as `incident.acknowledge`. */
  readonly action: string
  readonly object: string
  readonly detail: Json
}

/** The newest row of the log: what is sent outside so that a cut tail shows. */
export interface AuditHead {
  readonly seq: number
  readonly hash: string
}

/** Whether the log is whole. `broken` names the first row that is wrong. */
export type AuditVerdict =
  | { readonly kind: 'intact'; readonly head: AuditHead }
  | { readonly kind: 'broken'; readonly seq: number; readonly why: string }

/**
 * Appends one row inside the transaction of the act it records, so that neither exists without the other.
 * The hash is SHA-256 of the previous row's hash, a line feed and the canonical JSON of the row.
 */
export async function appendAudit(trx: StateTransaction, entry: AuditEntry): Promise<AuditHead> {
  const last = await trx.selectFrom('audit').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1).executeTakeFirst()
  const row = {
    seq: (last?.seq ?? 0) + 1,
    at: entry.at,
    actor: entry.actor,
    action: entry.action,
    object: entry.object,
    detail_json: canonicalJson(entry.detail),
    previous_hash: last?.hash ?? AUDIT_ORIGIN,
  }
  const hash = rowHash(row)
  await trx.insertInto('audit').values({ ...row, hash }).execute()
  return { seq: row.seq, hash }
}

/**
 * Reads the whole log and checks numbering, links and hashes. With `known` (a head that was sent outside earlier) it
 * also shows a log that was cut or rewritten from some row on, which a chain alone cannot show.
 */
export async function verifyAudit(db: Kysely<Schema>, known?: AuditHead): Promise<AuditVerdict> {
  let head: AuditHead = { seq: 0, hash: AUDIT_ORIGIN }
  for (;;) {
    const rows = await db.selectFrom('audit').selectAll().where('seq', '>', head.seq).orderBy('seq').limit(PAGE_ROWS).execute()
    for (const row of rows) {
      const why = fault(row, head)
      if (why !== undefined) return { kind: 'broken', seq: row.seq, why }
      if (row.seq === known?.seq && row.hash !== known.hash) {
        return { kind: 'broken', seq: row.seq, why: 'the row differs from the head known outside' }
      }
      head = { seq: row.seq, hash: row.hash }
    }
    if (rows.length < PAGE_ROWS) break
  }
  // Rows below the first number would be missed by the walk above.
  const below = await db.selectFrom('audit').select('seq').where('seq', '<', 1).orderBy('seq').limit(1).executeTakeFirst()
  if (below !== undefined) return { kind: 'broken', seq: below.seq, why: 'the number is not one the log gives' }
  if (known !== undefined && known.seq > head.seq) {
    return { kind: 'broken', seq: head.seq + 1, why: `the log ends here, ${known.seq} rows are known outside` }
  }
  return { kind: 'intact', head }
}

function fault(row: AuditTable, head: AuditHead): string | undefined {
  if (row.seq !== head.seq + 1) return `row ${head.seq + 1} is missing before it`
  if (row.previous_hash !== head.hash) return 'it does not follow the row before it'
  if (row.hash !== rowHash(row)) return 'its content does not match its hash'
  return undefined
}

function rowHash(row: Omit<AuditTable, 'hash'>): string {
  const content = canonicalJson({
    seq: row.seq,
    at: row.at,
    actor: row.actor,
    action: row.action,
    object: row.object,
    detail: row.detail_json,
  })
  return createHash('sha256').update(`${row.previous_hash}\n${content}`).digest('hex')
}

/**
 * JSON with object keys in code-unit order and no spaces, so that equal values give equal text (numbers and strings as
 * ECMAScript prints them, the choice of RFC 8785). Throws on what JSON cannot say: NaN and infinities.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`audit: ${value} has no JSON form`)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`
  const parts: string[] = []
  for (const key of Object.keys(value).sort()) {
    const member = value[key]
    if (member !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalJson(member)}`)
  }
  return `{${parts.join(',')}}`
}

function isList(value: readonly Json[] | { readonly [key: string]: Json | undefined }): value is readonly Json[] {
  return Array.isArray(value)
}
