import type { Kysely, Selectable } from 'kysely'
import { z } from 'zod'
import type { AgentCertificateTable, AgentTable, EnrolTokenTable, Schema } from '../state/schema.ts'
import type { Agent, AgentInfo, CertificateEntry, EnrolToken, Identities, IssuedCertificate } from './identities.ts'

const agentInfo = z.object({
  version: z.string(),
  node: z.string(),
  hostname: z.string(),
  machineId: z.string(),
  intervalMs: z.number(),
  heldUntil: z.union([z.number(), z.literal('forever')]).nullable(),
})

/** Identities kept in state.db (`enrol_token`, `agent_certificate`, `agent`). */
export function createStateIdentities({ db }: { readonly db: Kysely<Schema> }): Identities {
  return {
    async addToken(token) {
      await db
        .insertInto('enrol_token')
        .values({ id: token.id, secret_hash: token.secretHash, host: token.host, created_at: token.createdAt, expires_at: token.expiresAt, used_at: null })
        .execute()
    },
    async token(secretHash) {
      const row = await db.selectFrom('enrol_token').selectAll().where('secret_hash', '=', secretHash).executeTakeFirst()
      return row === undefined ? undefined : tokenOf(row)
    },
    enrol: ({ secretHash, certificate, now }) =>
      db.transaction().execute(async (transaction) => {
        // The condition is part of the update, so two racing uses cannot both find the token unused.
        const spent = await transaction
          .updateTable('enrol_token')
          .set({ used_at: now })
          .where('secret_hash', '=', secretHash)
          .where('used_at', 'is', null)
          .where('expires_at', '>', now)
          .where('host', '=', certificate.instance)
          .executeTakeFirst()
        if (Number(spent.numUpdatedRows) !== 1) return { kind: 'spent' }
        await welcome(transaction, certificate.instance, now)
        const superseded = await revokeAll(transaction, certificate.instance, now, 'enrolled again')
        await insertCertificate(transaction, certificate)
        return { kind: 'done', superseded }
      }),
    addCertificate: (certificate) => insertCertificate(db, certificate),
    adopt: (certificate, now) =>
      db.transaction().execute(async (transaction) => {
        await transaction
          .insertInto('agent')
          .values({ instance: certificate.instance, created_at: now, removed_at: null, last_seen_at: null, info_json: null })
          .onConflict((conflict) => conflict.column('instance').doNothing())
          .execute()
        await insertCertificate(transaction, certificate)
      }),
    async agent(instance) {
      const row = await db.selectFrom('agent').selectAll().where('instance', '=', instance).executeTakeFirst()
      return row === undefined ? undefined : agentOf(row)
    },
    async agents() {
      const rows = await db.selectFrom('agent').selectAll().where('removed_at', 'is', null).orderBy('instance').execute()
      return rows.map(agentOf)
    },
    async certificates(instance) {
      const rows = await db.selectFrom('agent_certificate').selectAll().where('instance', '=', instance).orderBy('issued_at').execute()
      return rows.map(certificateOf)
    },
    remove: (instance, now, why) =>
      db.transaction().execute(async (transaction) => {
        await transaction.updateTable('agent').set({ removed_at: now }).where('instance', '=', instance).execute()
        return revokeAll(transaction, instance, now, why)
      }),
    async touch(seen) {
      if (seen.length === 0) return
      await db.transaction().execute(async (transaction) => {
        for (const { instance, lastSeenAt, info } of seen) {
          const change = info === undefined ? { last_seen_at: lastSeenAt } : { last_seen_at: lastSeenAt, info_json: JSON.stringify({ ...info, heldUntil: info.heldUntil ?? null }) }
          await transaction.updateTable('agent').set(change).where('instance', '=', instance).execute()
        }
      })
    },
    async revokedSerials() {
      const rows = await db.selectFrom('agent_certificate').select('serial').where('revoked_at', 'is not', null).execute()
      return rows.map((row) => row.serial)
    },
  }
}

async function welcome(db: Kysely<Schema>, instance: string, now: number): Promise<void> {
  await db
    .insertInto('agent')
    .values({ instance, created_at: now, removed_at: null, last_seen_at: null, info_json: null })
    .onConflict((conflict) => conflict.column('instance').doUpdateSet({ removed_at: null }))
    .execute()
}

async function insertCertificate(db: Kysely<Schema>, certificate: CertificateEntry): Promise<void> {
  await db
    .insertInto('agent_certificate')
    .values({ serial: certificate.serial, instance: certificate.instance, issued_at: certificate.issuedAt, not_after: certificate.notAfter, revoked_at: null, revoke_reason: null })
    .onConflict((conflict) => conflict.column('serial').doNothing())
    .execute()
}

async function revokeAll(db: Kysely<Schema>, instance: string, now: number, why: string): Promise<string[]> {
  const rows = await db
    .updateTable('agent_certificate')
    .set({ revoked_at: now, revoke_reason: why })
    .where('instance', '=', instance)
    .where('revoked_at', 'is', null)
    .returning('serial')
    .execute()
  return rows.map((row) => row.serial)
}

function tokenOf(row: Selectable<EnrolTokenTable>): EnrolToken {
  return { id: row.id, secretHash: row.secret_hash, host: row.host, createdAt: row.created_at, expiresAt: row.expires_at, usedAt: row.used_at ?? undefined }
}

function agentOf(row: Selectable<AgentTable>): Agent {
  return { instance: row.instance, createdAt: row.created_at, removedAt: row.removed_at ?? undefined, lastSeenAt: row.last_seen_at ?? undefined, info: infoOf(row.info_json) }
}

function certificateOf(row: Selectable<AgentCertificateTable>): IssuedCertificate {
  return { serial: row.serial, instance: row.instance, issuedAt: row.issued_at, notAfter: row.not_after, revokedAt: row.revoked_at ?? undefined, revokeReason: row.revoke_reason ?? undefined }
}

/** A text from an older version that no longer fits is no reason to lose the agent: it will say it again. */
function infoOf(text: string | null): AgentInfo | undefined {
  if (text === null) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const parsed = agentInfo.safeParse(value)
  return parsed.success ? { ...parsed.data, heldUntil: parsed.data.heldUntil ?? undefined } : undefined
}
