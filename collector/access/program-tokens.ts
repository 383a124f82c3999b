/**
 * Bearer tokens of programs: Grafana reads, amtool and an outside Prometheus write. 256 random bits, of which only the
 * SHA-256 is kept: who reads state.db cannot use what is there. Each has a role, and an end where one was given.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { appendAudit } from '../state/audit.ts'
import type { State } from '../state/open.ts'
import { isTokenRole, permissionsOf } from './matrix.ts'
import type { TokenRole } from './matrix.ts'
import type { Caller } from './sessions.ts'

/** What a token is made with. Times in epoch ms. */
export interface WantedToken {
  /** What it is for; it acts as `token:NAME`. */
  readonly name: string
  readonly role: TokenRole
  /** undefined: until it is revoked. */
  readonly expiresAt: number | undefined
}

/** A token as it is listed; its text is nowhere. */
export interface TokenEntry {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly createdAt: number
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
}

const tokenHash = (token: string): string => createHash('sha256').update(token).digest('hex')

/** Makes a token and returns its text, which is shown once and kept nowhere. */
export async function createProgramToken(state: State, { name, role, expiresAt }: WantedToken, actor: string, now: number): Promise<string> {
  const token = `zr_${randomBytes(32).toString('base64url')}`
  const id = randomUUID()
  await state.db.transaction().execute(async (trx) => {
    await trx.insertInto('read_token').values({ id, token_hash: tokenHash(token), name, created_at: now, revoked_at: null, role, expires_at: expiresAt ?? null }).execute()
    await appendAudit(trx, { at: now, actor, action: 'token.create', object: id, detail: { name, role, expiresAt: expiresAt ?? null } })
  })
  return token
}

/** All tokens there ever were, oldest first. */
export async function programTokens(state: State): Promise<readonly TokenEntry[]> {
  const rows = await state.db.selectFrom('read_token').select(['id', 'name', 'role', 'created_at', 'expires_at', 'revoked_at']).orderBy('created_at').orderBy('id').execute()
  return rows.map((row) => ({ id: row.id, name: row.name, role: row.role, createdAt: row.created_at, expiresAt: row.expires_at ?? undefined, revokedAt: row.revoked_at ?? undefined }))
}

/** Ends a token by its id. false: there is no such token that is not revoked. */
export async function revokeProgramToken(state: State, id: string, actor: string, now: number): Promise<boolean> {
  return state.db.transaction().execute(async (trx) => {
    const result = await trx.updateTable('read_token').set({ revoked_at: now }).where('id', '=', id).where('revoked_at', 'is', null).executeTakeFirst()
    if (result.numUpdatedRows === 0n) return false
    await appendAudit(trx, { at: now, actor, action: 'token.revoke', object: id, detail: null })
    return true
  })
}

/** Who this token stands for; undefined when it is unknown, revoked, over, or of a role that no token may have. */
export async function callerOfToken(state: State, token: string, now: number): Promise<Caller | undefined> {
  const row = await state.db.selectFrom('read_token').select(['name', 'revoked_at', 'expires_at', 'role']).where('token_hash', '=', tokenHash(token)).executeTakeFirst()
  if (row === undefined || row.revoked_at !== null || (row.expires_at !== null && now >= row.expires_at) || !isTokenRole(row.role)) return undefined
  return { user: `token:${row.name}`, person: null, role: row.role, permissions: permissionsOf(row.role), mustChangePassword: false, csrf: undefined, expiresAt: row.expires_at ?? Number.MAX_SAFE_INTEGER }
}
