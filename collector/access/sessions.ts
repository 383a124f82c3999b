/**
 * Sessions of people. A session's token is 256 random bits, of which only the SHA-256 is kept: who reads state.db cannot
 * sign in with what is there.
 */
import { createHash, randomBytes } from 'node:crypto'
import { appendAudit } from '../state/audit.ts'
import type { State, StateTransaction } from '../state/open.ts'
import { permissionsOf } from './matrix.ts'
import { PASSWORD_AGE_MS } from './passwords.ts'

/** A session that is not used ends. */
export const SESSION_IDLE_MS = 30 * 60_000
/** Every session ends. */
export const SESSION_LONGEST_MS = 12 * 3_600_000
/** The time of last use is written at most this often. */
const TOUCH_MS = 60_000

/** Who is asking. */
export interface Caller {
  readonly user: string
  /** Id in the duty file of whoever uses the account; null where it is linked to nobody. */
  readonly person: string | null
  readonly role: string
  readonly permissions: ReadonlySet<string>
  /** Nothing but a change of the password is open to this caller. */
  readonly mustChangePassword: boolean
  /** What a browser must repeat in a header; undefined for bearer tokens, which no browser sends by itself. */
  readonly csrf: string | undefined
  /** When the session ends if it is not used; far away for tokens that do not expire. */
  readonly expiresAt: number
}

const randomToken = (): string => randomBytes(32).toString('base64url')
const tokenHash = (token: string): string => createHash('sha256').update(token).digest('hex')
/** Bound to the session by being made from its token, which scripts in a page cannot read. */
const csrfOf = (token: string): string => createHash('sha256').update(`csrf\n${token}`).digest('base64url')

/** Starts a session inside the transaction of the sign-in and returns its token, which is nowhere else. */
export async function startSession(trx: StateTransaction, user: string, address: string, now: number): Promise<string> {
  const token = randomToken()
  await trx
    .insertInto('session')
    .values({ token_hash: tokenHash(token), user, address, created_at: now, last_used_at: now, revoked_at: null, revoke_reason: null })
    .execute()
  return token
}

/**
 * Who this session's token stands for; undefined when it is unknown, ended, or its account is disabled. `use`: whether
 * asking counts as using it (an open event stream must not keep an idle session alive).
 */
export async function callerOfSession(state: State, token: string, now: number, use = true): Promise<Caller | undefined> {
  const hash = tokenHash(token)
  const row = await state.db
    .selectFrom('session')
    .innerJoin('account', 'account.user', 'session.user')
    .select(['session.user', 'session.created_at', 'session.last_used_at', 'session.revoked_at', 'account.role', 'account.person', 'account.must_change', 'account.disabled_at', 'account.password_changed_at'])
    .where('session.token_hash', '=', hash)
    .executeTakeFirst()
  if (row === undefined || row.revoked_at !== null || row.disabled_at !== null) return undefined
  const endsAt = row.created_at + SESSION_LONGEST_MS
  if (now >= endsAt || now >= row.last_used_at + SESSION_IDLE_MS) return undefined
  if (use && now - row.last_used_at >= TOUCH_MS) await state.db.updateTable('session').set({ last_used_at: now }).where('token_hash', '=', hash).execute()
  return {
    user: row.user,
    person: row.person,
    role: row.role,
    permissions: permissionsOf(row.role),
    mustChangePassword: row.must_change === 1 || now - row.password_changed_at > PASSWORD_AGE_MS,
    csrf: csrfOf(token),
    expiresAt: Math.min(endsAt, now + SESSION_IDLE_MS),
  }
}

/** Ends one session. An unknown or ended one changes nothing. */
export async function endSession(state: State, token: string, now: number): Promise<void> {
  await state.db.transaction().execute(async (trx) => {
    const row = await trx.selectFrom('session').select('user').where('token_hash', '=', tokenHash(token)).where('revoked_at', 'is', null).executeTakeFirst()
    if (row === undefined) return
    await trx.updateTable('session').set({ revoked_at: now, revoke_reason: 'sign-out' }).where('token_hash', '=', tokenHash(token)).execute()
    await appendAudit(trx, { at: now, actor: row.user, action: 'session.sign-out', object: row.user, detail: null })
  })
}

/** Ends all sessions of an account but the one whose token is given. */
export async function endOtherSessions(trx: StateTransaction, user: string, token: string, reason: string, now: number): Promise<void> {
  await trx
    .updateTable('session')
    .set({ revoked_at: now, revoke_reason: reason })
    .where('user', '=', user)
    .where('token_hash', '<>', tokenHash(token))
    .where('revoked_at', 'is', null)
    .execute()
}

/** Forgets sessions that ended more than a day ago; what happened in them is in the audit log. */
export async function forgetEndedSessions(state: State, now: number): Promise<void> {
  await state.db.deleteFrom('session').where('created_at', '<', now - SESSION_LONGEST_MS - 86_400_000).execute()
}
