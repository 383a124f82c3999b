import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { verifyAudit } from '../state/audit.ts'
import { openState } from '../state/open.ts'
import type { State } from '../state/open.ts'
import { linkPerson, linkedAccounts } from './account-links.ts'
import { ACCOUNT_FAILURES, ADDRESS_FAILURES, LOCK_MS, createAccess } from './accounts.ts'
import type { Access } from './accounts.ts'
import { matrix, permissions, permissionsOf, roles } from './matrix.ts'
import { PASSWORD_AGE_MS, PASSWORD_COST, hashPassword, oneTimePassword, passwordFault, verifyPassword } from './passwords.ts'
import { SESSION_IDLE_MS, SESSION_LONGEST_MS } from './sessions.ts'

const MINUTE = 60_000
let state: State
let access: Access
let now = 1_800_000_000_000
let first = ''
beforeEach(async () => {
  state = await openState(':memory:')
  access = createAccess(state, { N: 2 ** 8, r: 8, p: 1 })
  now = 1_800_000_000_000
  first = (await access.createFirstAdmin(now))!.password
})
afterEach(() => state.close())

async function signIn(password: string, address = '10.0.0.1'): Promise<string> {
  const outcome = await access.signIn('admin', password, address, now)
  return outcome.kind === 'done' ? outcome.value.token : outcome.code
}
describe('the person behind an account', () => {
  it('is kept with an audit entry of each change, told with the session, and found by others', async () => {
    const token = await signIn(first)
    expect(await access.session(token, now)).toMatchObject({ user: 'admin', person: null })
    expect([await linkPerson(state, 'admin', 'lead-1', 'admin', now), await linkPerson(state, 'nobody', 'lead-1', 'admin', now)]).toEqual([true, false])
    expect(await access.session(token, now)).toMatchObject({ user: 'admin', person: 'lead-1' })
    expect(await linkedAccounts(state.db)).toEqual([{ user: 'admin', role: 'system-admin', person: 'lead-1' }])
    // The same again is no change, and leaves no entry.
    await linkPerson(state, 'admin', 'lead-1', 'admin', now)
    await linkPerson(state, 'admin', null, 'admin', now)
    const entries = await state.db.selectFrom('audit').select(['object', 'detail_json']).where('action', '=', 'account.person').orderBy('seq').execute()
    expect(entries.map((one) => `${one.object} ${one.detail_json}`)).toEqual(['admin {"from":null,"to":"lead-1"}', 'admin {"from":"lead-1","to":null}'])
    expect((await verifyAudit(state.db)).kind).toBe('intact')
    await state.db.updateTable('account').set({ disabled_at: now }).execute()
    expect(await linkedAccounts(state.db)).toEqual([])
  })
})

const actions = async (): Promise<string[]> => (await state.db.selectFrom('audit').select(['actor', 'action']).orderBy('seq').execute()).map((row) => `${row.actor} ${row.action}`)

describe('the first administrator', () => {
  it('is made once; the one-time password opens nothing but its own change, and then nothing at all', async () => {
    expect(await access.createFirstAdmin(now)).toBeUndefined()
    const outcome = await access.signIn('admin', first, '10.0.0.1', now)
    expect(outcome).toMatchObject({ kind: 'done', value: { first: true, caller: { user: 'admin', role: 'system-admin', mustChangePassword: true } } })
    if (outcome.kind !== 'done') throw new Error('refused')
    const { token } = outcome.value
    const other = await signIn(first)
    expect(await access.changePassword(token, first, 'Xin-Mima-2026', '10.0.0.1', now)).toEqual({ kind: 'done', value: undefined })
    expect(await access.session(token, now)).toMatchObject({ mustChangePassword: false })
    expect(await access.session(other, now)).toBeUndefined()
    expect(await signIn(first)).toBe('wrong')
    expect(await access.session(await signIn('Xin-Mima-2026'), now)).toMatchObject({ user: 'admin', permissions: permissionsOf('system-admin') })
    expect(await actions()).toEqual(['collector account.create', 'admin session.sign-in', 'admin session.sign-in', 'admin account.password', '- session.failure', 'admin session.sign-in'])
    expect((await verifyAudit(state.db)).kind).toBe('intact')
  })

  it('leaves no secret in the file', async () => {
    const token = await signIn(first)
    const bearer = await access.createToken({ name: 'grafana', role: 'reader', expiresAt: undefined }, 'admin', now)
    const dump = JSON.stringify(await Promise.all((['account', 'session', 'read_token', 'audit'] as const).map((table) => state.db.selectFrom(table).selectAll().execute())))
    for (const secret of [first, token, bearer, bearer.slice(3)]) expect(dump).not.toContain(secret)
  })
})

describe('sign-in', () => {
  it('locks the account after five failures for 15 minutes, the right password included', async () => {
    for (let index = 0; index < ACCOUNT_FAILURES; index++) expect(await signIn('wrong', `10.0.0.${index}`)).toBe('wrong')
    expect(await signIn(first)).toBe('locked')
    now += LOCK_MS - 1
    expect(await signIn(first)).toBe('locked')
    now += 1
    expect(await signIn(first)).toHaveLength(43)
    expect(await actions()).toContain('- account.last-attempt')
  })

  it('forgets failures after 15 minutes and after a success', async () => {
    for (let round = 0; round < 3; round++) {
      for (let index = 1; index < ACCOUNT_FAILURES; index++) expect(await signIn('wrong')).toBe('wrong')
      if (round === 0) expect(await signIn(first)).toHaveLength(43)
      else now += LOCK_MS
    }
  })

  it('gives a burst of guesses no more tries than one after the other', async () => {
    const burst = await Promise.all(Array.from({ length: 12 }, (_, index) => signIn(`guess ${index}`, `10.1.0.${index}`)))
    expect(burst.filter((one) => one === 'wrong')).toHaveLength(ACCOUNT_FAILURES)
    expect(burst.filter((one) => one === 'locked')).toHaveLength(12 - ACCOUNT_FAILURES)
  })

  it('locks an address that tries many names, and answers alike for names there are and are not', async () => {
    for (let index = 0; index < ADDRESS_FAILURES; index++) {
      expect(await access.signIn(`nobody${index}`, 'x', '10.9.9.9', now)).toMatchObject({ code: 'wrong', message: '用户名或密码不正确' })
    }
    expect(await signIn(first, '10.9.9.9')).toBe('locked')
    expect(await signIn(first, '10.9.9.8')).toHaveLength(43)
    now += LOCK_MS
    expect(await signIn(first, '10.9.9.9')).toHaveLength(43)
  })

  it('does not let in a disabled account, and ends its sessions', async () => {
    const token = await signIn(first)
    await state.db.updateTable('account').set({ disabled_at: now }).execute()
    expect(await access.session(token, now)).toBeUndefined()
    expect(await signIn(first)).toBe('wrong')
  })
})

describe('sessions', () => {
  it('end when idle, after twelve hours whatever happens, and at sign-out', async () => {
    const idle = await signIn(first)
    expect(await access.session(idle, now + SESSION_IDLE_MS - 1)).toMatchObject({ expiresAt: now + 2 * SESSION_IDLE_MS - 1 })
    expect(await access.session(idle, now + 2 * SESSION_IDLE_MS - 1)).toBeUndefined()
    const busy = await signIn(first)
    for (let at = now; at < now + SESSION_LONGEST_MS; at += 20 * MINUTE) expect(await access.session(busy, at)).toBeDefined()
    expect(await access.session(busy, now + SESSION_LONGEST_MS)).toBeUndefined()
    const left = await signIn(first)
    await access.signOut(left, now)
    expect(await access.session(left, now)).toBeUndefined()
    expect(await access.session('', now)).toBeUndefined()
  })

  it('have a check word of their own that does not change', async () => {
    const [a, b] = [await signIn(first), await signIn(first)]
    const word = (await access.session(a, now))!.csrf
    expect((await access.session(a, now + MINUTE))!.csrf).toBe(word)
    expect((await access.session(b, now))!.csrf).not.toBe(word)
    expect(word).not.toBe(a)
  })

  it('ask for a new password after 90 days', async () => {
    await access.changePassword(await signIn(first), first, 'Xin-Mima-2026', '10.0.0.1', now)
    now += PASSWORD_AGE_MS
    expect(await access.session(await signIn('Xin-Mima-2026'), now)).toMatchObject({ mustChangePassword: false })
    now += 1
    expect(await access.session(await signIn('Xin-Mima-2026'), now)).toMatchObject({ mustChangePassword: true })
  })

  it('tokens of programs read until they are revoked', async () => {
    const token = await access.createToken({ name: 'grafana', role: 'reader', expiresAt: undefined }, 'admin', now)
    expect(await access.bearer(token, now)).toMatchObject({ user: 'token:grafana', role: 'reader', csrf: undefined })
    expect(await access.bearer(`${token}x`, now)).toBeUndefined()
    const [entry] = await access.tokens()
    expect(entry).toEqual({ id: entry!.id, name: 'grafana', role: 'reader', createdAt: now, expiresAt: undefined, revokedAt: undefined })
    expect(JSON.stringify(await state.db.selectFrom('read_token').selectAll().execute())).not.toContain(token.slice(3))
    expect(await access.revokeToken(entry!.id, 'admin', now)).toBe(true)
    expect(await access.revokeToken(entry!.id, 'admin', now)).toBe(false)
    expect(await access.bearer(token, now)).toBeUndefined()
    expect((await access.tokens())[0]).toMatchObject({ revokedAt: now })
  })

  it('a token may carry a role and an end, and may then do what that role may, until then', async () => {
    const token = await access.createToken({ name: 'amtool', role: 'duty', expiresAt: now + 1_000 }, 'admin', now)
    const caller = await access.bearer(token, now + 999)
    expect(caller).toMatchObject({ user: 'token:amtool', role: 'duty', csrf: undefined, expiresAt: now + 1_000 })
    expect(caller!.permissions.has('silences.write')).toBe(true)
    expect(await access.bearer(token, now + 1_000)).toBeUndefined()
    const reader = await access.createToken({ name: 'grafana', role: 'reader', expiresAt: undefined }, 'admin', now)
    expect((await access.bearer(reader, now))!.permissions.has('silences.write')).toBe(false)
  })

  it('no token has one of the three administrations, whatever a row says', async () => {
    const token = await access.createToken({ name: 'amtool', role: 'duty', expiresAt: undefined }, 'admin', now)
    for (const role of ['system-admin', 'security-admin', 'auditor', 'nonsense']) {
      await state.db.updateTable('read_token').set({ role }).execute()
      expect(await access.bearer(token, now), role).toBeUndefined()
    }
  })
})

describe('passwords', () => {
  it('changes need the old one, a good new one, and none of the last five', async () => {
    const token = await signIn(first)
    const change = async (old: string, fresh: string): Promise<string> => {
      const outcome = await access.changePassword(token, old, fresh, '10.0.0.1', now)
      return outcome.kind === 'done' ? 'done' : outcome.code
    }
    expect(await change('not it', 'Xin-Mima-2026')).toBe('wrong')
    expect(await change(first, 'short')).toBe('password')
    const used = [first, ...Array.from({ length: 5 }, (_, index) => `Xin-Mima-202${index}`)]
    for (const [index, fresh] of used.slice(1).entries()) expect(await change(used[index]!, fresh)).toBe('done')
    for (const old of used.slice(1)) expect(await change(used[5]!, old)).toBe('password')
    expect(await change(used[5]!, first)).toBe('done')
    expect(await access.changePassword('unknown', first, 'Xin-Mima-2026', '10.0.0.1', now)).toMatchObject({ code: 'wrong' })
  }, 60_000)

  it.each([
    ['Ab3', '密码至少 10 个字符'],
    ['abcdefgh12', '密码须含小写字母、大写字母、数字、其他字符中的至少 3 类'],
    ['aA1aA1aA1a', '密码中不同的字符太少'],
    ['My-Admin-2026', '密码不能包含用户名'],
    [`aB3-${'x'.repeat(300)}`, '密码至多 256 个字符'],
    ['值守-mima-2026', undefined],
    ['Xin-Mima-2026', undefined],
  ])('%s: %s', (password, fault) => {
    expect(passwordFault(password, 'admin')).toBe(fault)
  })

  it('hashes say their cost, differ for equal passwords, and only the right one fits', async () => {
    const [a, b] = await Promise.all([hashPassword('Xin-Mima-2026', PASSWORD_COST), hashPassword('Xin-Mima-2026', PASSWORD_COST)])
    expect(a).toMatch(/^scrypt\$32768\$8\$3\$/)
    expect(a).not.toBe(b)
    expect(await verifyPassword('Xin-Mima-2026', a)).toBe(true)
    expect(await verifyPassword('Xin-Mima-2027', a)).toBe(false)
    // A hash of weaker times still fits.
    expect(await verifyPassword('password', `scrypt$16$1$1$${Buffer.from('NaCl').toString('base64')}$${(await import('node:crypto')).scryptSync('password', 'NaCl', 32, { N: 16, r: 1, p: 1 }).toString('base64')}`)).toBe(true)
    await expect(verifyPassword('x', 'plain')).rejects.toThrow(/unknown password hash/)
    expect(passwordFault(oneTimePassword(), 'admin')).toBeUndefined()
  })
})

describe('matrix', () => {
  it('keeps the three administrations apart, and readers from acting', () => {
    expect(permissionsOf('system-admin').has('audit.read')).toBe(false)
    expect(permissionsOf('system-admin').has('accounts.manage')).toBe(false)
    expect(permissionsOf('security-admin').has('agents.manage')).toBe(false)
    expect([...permissionsOf('auditor')].filter((one) => one.endsWith('.manage') || one.endsWith('.act'))).toEqual([])
    expect(permissionsOf('project-manager').has('incidents.act')).toBe(false)
    for (const role of ['reader', 'client-manager', 'assessor'] as const) expect(matrix[role].every((one) => one.endsWith('.read'))).toBe(true)
    expect(permissionsOf('root').size).toBe(0)
    expect(permissionsOf('constructor').size).toBe(0)
    for (const permission of permissions) expect(roles.some((role) => permissionsOf(role).has(permission))).toBe(true)
  })
})
