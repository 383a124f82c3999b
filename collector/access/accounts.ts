/**
 * Accounts of people: the first administrator, sign-in with limits, change of password. Every act is a transaction with
 * its audit row. An attempt is counted before its password is checked and given back when it was right, so that a burst
 * of guesses sent at once gets no more tries than one after the other.
 */
import { z } from 'zod'
import { appendAudit } from '../state/audit.ts'
import type { State, StateTransaction } from '../state/open.ts'
import { firstMakes, permissionsOf, securityMakes } from './matrix.ts'
import type { Role } from './matrix.ts'
import { PASSWORD_COST, PASSWORD_HISTORY, hashPassword, oneTimePassword, passwordFault, verifyPassword } from './passwords.ts'
import { callerOfToken, createProgramToken, programTokens, revokeProgramToken } from './program-tokens.ts'
import type { TokenEntry, WantedToken } from './program-tokens.ts'
import { callerOfSession, endOtherSessions, endSession, forgetEndedSessions, startSession } from './sessions.ts'
import type { Caller } from './sessions.ts'

/** Failures of an account, or from an address, are counted within this time, and a lock lasts as long. */
export const LOCK_MS = 15 * 60_000
/** Failures of one account that lock it. */
export const ACCOUNT_FAILURES = 5
/** Failures from one address that lock it; several people may sit behind one. */
export const ADDRESS_FAILURES = 20
/** Name of the first system administrator. */
export const FIRST_ADMIN = 'admin'

/** A refusal, shaped so that a route can pass it on. */
export interface AccessRefusal {
  readonly kind: 'refused'
  readonly status: 401 | 403 | 409 | 422 | 429
  readonly code: 'wrong' | 'locked' | 'password' | 'no-password' | 'role' | 'user' | 'forbidden'
  readonly message: string
}
export type AccessOutcome<T> = { readonly kind: 'done'; readonly value: T } | AccessRefusal

/** The access room. `now` is epoch ms. */
export interface Access {
  /** Makes `admin` with a one-time password, when there is no account at all; undefined when there is one. */
  createFirstAdmin(now: number): Promise<{ readonly user: string; readonly password: string } | undefined>
  /**
   * Makes an account with a one-time password, which is in the answer and nowhere else. `by` undefined: whoever owns the
   * machine, who may make the other two administrations; else an account with its password, which must be allowed to.
   */
  createAccount(wanted: { readonly user: string; readonly role: Role }, by: { readonly user: string; readonly password: string } | undefined, actor: string, now: number): Promise<AccessOutcome<string>>
  signIn(user: string, password: string, address: string, now: number): Promise<AccessOutcome<{ readonly token: string; readonly caller: Caller; readonly first: boolean }>>
  /** `use` false: only whether it is still good. */
  session(token: string, now: number, use?: boolean): Promise<Caller | undefined>
  bearer(token: string, now: number): Promise<Caller | undefined>
  signOut(token: string, now: number): Promise<void>
  /** The session goes on and all others of the account end. */
  changePassword(token: string, old: string, fresh: string, address: string, now: number): Promise<AccessOutcome<undefined>>
  /** For the machine's owner: a new one-time password; the lock and every session end. undefined: no such account. */
  resetPassword(user: string, actor: string, now: number): Promise<string | undefined>
  /** A token for a program; its text is in the answer and nowhere else. */
  createToken(wanted: WantedToken, actor: string, now: number): Promise<string>
  tokens(): Promise<readonly TokenEntry[]>
  /** false: there is no such token that is not revoked. */
  revokeToken(id: string, actor: string, now: number): Promise<boolean>
  /** Forgets what has long ended; to be called daily. */
  tidy(now: number): Promise<void>
}

const wrong: AccessRefusal = { kind: 'refused', status: 401, code: 'wrong', message: '用户名或密码不正确' }
const locked: AccessRefusal = { kind: 'refused', status: 429, code: 'locked', message: '失败次数过多，已锁定 15 分钟' }
const unusable = (message: string): AccessRefusal => ({ kind: 'refused', status: 422, code: 'password', message })

const hashList = z.array(z.string())

/** Opens the room over state.db. `cost` is what new passwords are hashed with; stored ones keep their own. */
export function createAccess(state: State, cost = PASSWORD_COST): Access {
  /** Checked against when there is no such account, so that the time taken does not tell. */
  let decoy: Promise<string> | undefined

  /** Checks a password under the limits. When it is not right, the attempt stays counted. */
  async function check(user: string, password: string, address: string, now: number): Promise<'right' | AccessRefusal> {
    if (!(await state.db.transaction().execute((trx) => countAttempt(trx, user, address, now)))) return locked
    const account = await state.db.selectFrom('account').select(['password_hash', 'disabled_at']).where('user', '=', user).executeTakeFirst()
    decoy ??= hashPassword(oneTimePassword(), cost)
    const matches = await verifyPassword(password, account?.password_hash ?? (await decoy))
    if (matches && account !== undefined && account.disabled_at === null) {
      await state.db.transaction().execute((trx) => forgive(trx, user, address))
      return 'right'
    }
    await state.db.transaction().execute((trx) => appendAudit(trx, { at: now, actor: '-', action: 'session.failure', object: user.slice(0, 64), detail: { address } }))
    return wrong
  }

  return {
    async createFirstAdmin(now) {
      const password = oneTimePassword()
      const password_hash = await hashPassword(password, cost)
      return state.db.transaction().execute(async (trx) => {
        if ((await trx.selectFrom('account').select('user').limit(1).executeTakeFirst()) !== undefined) return undefined
        await trx
          .insertInto('account')
          .values(newAccount(FIRST_ADMIN, 'system-admin', password_hash, 'collector', now))
          .execute()
        await appendAudit(trx, { at: now, actor: 'collector', action: 'account.create', object: FIRST_ADMIN, detail: { role: 'system-admin' } })
        return { user: FIRST_ADMIN, password }
      })
    },

    async createAccount({ user, role }, by, actor, now) {
      if (!/^[a-z][a-z0-9._-]{1,31}$/.test(user)) return { kind: 'refused', status: 422, code: 'user', message: '用户名须为 2 至 32 个字符：小写字母开头，可含小写字母、数字、点、横线和下划线' }
      if (by !== undefined) {
        const checked = await check(by.user, by.password, 'shell', now)
        if (checked !== 'right') return checked
        const maker = await state.db.selectFrom('account').select(['role', 'must_change']).where('user', '=', by.user).executeTakeFirstOrThrow()
        if (maker.must_change !== 0 || !permissionsOf(maker.role).has('accounts.manage')) return { kind: 'refused', status: 403, code: 'forbidden', message: `${by.user} 不能建立账号：须是已改过首个密码的安全管理员` }
      }
      const allowed = by === undefined ? firstMakes : securityMakes
      if (!allowed.some((one) => one === role)) return { kind: 'refused', status: 422, code: 'role', message: `角色 ${role} 不能这样建立；可以的有 ${allowed.join('、')}` }
      const password = oneTimePassword()
      const password_hash = await hashPassword(password, cost)
      return state.db.transaction().execute(async (trx): Promise<AccessOutcome<string>> => {
        if ((await trx.selectFrom('account').select('user').where('user', '=', user).executeTakeFirst()) !== undefined) return { kind: 'refused', status: 409, code: 'user', message: `已有账号 ${user}` }
        await trx.insertInto('account').values(newAccount(user, role, password_hash, by?.user ?? actor, now)).execute()
        await appendAudit(trx, { at: now, actor: by?.user ?? actor, action: 'account.create', object: user, detail: { role, ...(by === undefined ? {} : { from: actor }) } })
        return { kind: 'done', value: password }
      })
    },

    async resetPassword(user, actor, now) {
      const password = oneTimePassword()
      const password_hash = await hashPassword(password, cost)
      return state.db.transaction().execute(async (trx) => {
        const result = await trx
          .updateTable('account')
          .set({ password_hash, must_change: 1, failed_count: 0, first_failed_at: null, locked_until: null, password_changed_at: now })
          .where('user', '=', user)
          .executeTakeFirst()
        if (result.numUpdatedRows === 0n) return undefined
        await endOtherSessions(trx, user, '', 'password reset', now)
        await appendAudit(trx, { at: now, actor, action: 'account.reset-password', object: user, detail: null })
        return password
      })
    },

    async signIn(user, password, address, now) {
      const checked = await check(user, password, address, now)
      if (checked !== 'right') return checked
      const { token, first } = await state.db.transaction().execute(async (trx) => {
        const before = await trx.selectFrom('account').select('last_sign_in_at').where('user', '=', user).executeTakeFirstOrThrow()
        await trx.updateTable('account').set({ last_sign_in_at: now }).where('user', '=', user).execute()
        const started = await startSession(trx, user, address, now)
        await appendAudit(trx, { at: now, actor: user, action: 'session.sign-in', object: user, detail: { address } })
        return { token: started, first: before.last_sign_in_at === null }
      })
      const caller = await callerOfSession(state, token, now)
      // The account was disabled in between.
      return caller === undefined ? wrong : { kind: 'done', value: { token, caller, first } }
    },

    session: (token, now, use) => callerOfSession(state, token, now, use),
    bearer: (token, now) => callerOfToken(state, token, now),
    signOut: (token, now) => endSession(state, token, now),

    async changePassword(token, old, fresh, address, now) {
      const caller = await callerOfSession(state, token, now)
      if (caller === undefined) return wrong
      const { user } = caller
      const fault = passwordFault(fresh, user)
      if (fault !== undefined) return unusable(fault)
      const checked = await check(user, old, address, now)
      if (checked !== 'right') return checked
      const account = await state.db.selectFrom('account').select(['password_hash', 'previous_hashes_json']).where('user', '=', user).executeTakeFirstOrThrow()
      const used = [account.password_hash, ...hashList.parse(JSON.parse(account.previous_hashes_json))].slice(0, PASSWORD_HISTORY)
      for (const hash of used) if (await verifyPassword(fresh, hash)) return unusable(`不能使用最近 ${PASSWORD_HISTORY} 次用过的密码`)
      const password_hash = await hashPassword(fresh, cost)
      return state.db.transaction().execute(async (trx): Promise<AccessOutcome<undefined>> => {
        const result = await trx
          .updateTable('account')
          .set({ password_hash, previous_hashes_json: JSON.stringify(used.slice(0, PASSWORD_HISTORY - 1)), must_change: 0, password_changed_at: now })
          .where('user', '=', user)
          // Two changes at once: the second was checked against a password that is no longer the present one.
          .where('password_hash', '=', account.password_hash)
          .executeTakeFirst()
        if (result.numUpdatedRows === 0n) return { kind: 'refused', status: 409, code: 'wrong', message: '密码刚刚已被修改' }
        await endOtherSessions(trx, user, token, 'password-change', now)
        await appendAudit(trx, { at: now, actor: user, action: 'account.password', object: user, detail: { address } })
        return { kind: 'done', value: undefined }
      })
    },

    createToken: (wanted, actor, now) => createProgramToken(state, wanted, actor, now),
    tokens: () => programTokens(state),
    revokeToken: (id, actor, now) => revokeProgramToken(state, id, actor, now),
    async tidy(now) {
      await forgetEndedSessions(state, now)
      await state.db.deleteFrom('address_failure').where('first_failed_at', '<', now - LOCK_MS).execute()
    },
  }
}

/** A fresh account whose password must be replaced at the first sign-in. */
const newAccount = (user: string, role: Role, password_hash: string, created_by: string, now: number) => ({
  user, role, password_hash, previous_hashes_json: '[]', must_change: 1, created_at: now, created_by, disabled_at: null,
  failed_count: 0, first_failed_at: null, locked_until: null, password_changed_at: now, last_sign_in_at: null, person: null,
})

/** One counter of failures. */
interface Failures {
  readonly failed_count: number
  readonly first_failed_at: number
  readonly locked_until: number | null
}

/** The counter after one more attempt, or `locked`. The attempt that reaches the limit is still checked, none after it. */
function afterAttempt(before: { readonly failed_count: number; readonly first_failed_at: number | null; readonly locked_until: number | null } | undefined, most: number, now: number): Failures | 'locked' {
  if (before?.locked_until != null && before.locked_until > now) return 'locked'
  const fresh = before?.first_failed_at == null || now - before.first_failed_at >= LOCK_MS
  const failed_count = (fresh ? 0 : before.failed_count) + 1
  return { failed_count, first_failed_at: fresh ? now : before.first_failed_at, locked_until: failed_count >= most ? now + LOCK_MS : null }
}

/** Counts an attempt at the account and from the address. false: one of them is locked, and the password is not looked at. */
async function countAttempt(trx: StateTransaction, user: string, address: string, now: number): Promise<boolean> {
  const columns = ['failed_count', 'first_failed_at', 'locked_until'] as const
  const byAddress = afterAttempt(await trx.selectFrom('address_failure').select(columns).where('address', '=', address).executeTakeFirst(), ADDRESS_FAILURES, now)
  const account = await trx.selectFrom('account').select(columns).where('user', '=', user).executeTakeFirst()
  const byAccount = afterAttempt(account, ACCOUNT_FAILURES, now)
  if (byAddress === 'locked' || byAccount === 'locked') return false
  await trx
    .insertInto('address_failure')
    .values({ address, ...byAddress })
    .onConflict((conflict) => conflict.column('address').doUpdateSet(byAddress))
    .execute()
  if (account === undefined) return true
  await trx.updateTable('account').set(byAccount).where('user', '=', user).execute()
  if (byAccount.locked_until !== null) await appendAudit(trx, { at: now, actor: '-', action: 'account.last-attempt', object: user, detail: { address } })
  return true
}

/** Gives back what the right attempt was counted as. The address keeps what others did from there. */
async function forgive(trx: StateTransaction, user: string, address: string): Promise<void> {
  await trx.updateTable('account').set({ failed_count: 0, first_failed_at: null, locked_until: null }).where('user', '=', user).execute()
  await trx
    .updateTable('address_failure')
    .set((eb) => ({ failed_count: eb('failed_count', '-', 1), locked_until: null }))
    .where('address', '=', address)
    .execute()
}
