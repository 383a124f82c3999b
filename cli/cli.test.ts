/** The command line as a person meets it: exit codes, refusals, the owner's way back in. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAccess } from '../collector/access/accounts.ts'
import { openState } from '../collector/state/open.ts'
import { linkedAccounts } from '../collector/access/account-links.ts'

const main = join(import.meta.dirname, 'main.ts')
const zhishou = (...args: readonly string[]) => {
  const run = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
  return { code: run.status, out: run.stdout, err: run.stderr }
}

describe('zhishou', () => {
  let home = ''
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'zhishou-cli-'))
  })
  afterAll(() => rmSync(home, { recursive: true, force: true }))

  it('answers wrong use with 2 and says what is possible', () => {
    expect(zhishou('fly').code).toBe(2)
    expect(zhishou('collector').err).toContain('reset-password')
    expect(zhishou('collector', 'token', '--host', 'a b', '--home', home).code).toBe(2)
    expect(zhishou('help')).toMatchObject({ code: 0 })
  })

  it('refuses plain HTTP on anything but loopback, by option as by settings', () => {
    const run = zhishou('collector', 'run', '--home', join(home, 'open'), '--http', '0.0.0.0:0', '--tls', '127.0.0.1:0')
    expect(run.code).toBe(1)
    expect(run.err).toContain('loopback')
  })

  it.each(['run', 'check-config', 'token', 'tokens', 'account', 'reset-password', 'link-person'])('%s --help says how it is used', (command) => {
    for (const run of [zhishou('collector', command, '--help'), zhishou('collector', command, '--home', home, '-h')]) {
      expect(run).toMatchObject({ code: 0, err: '' })
      expect(run.out).toMatch(new RegExp(`^usage: zhishou collector ${command} `))
      expect(run.out).toContain('Exit codes: 0 ')
    }
    expect(zhishou('collector', '--help').out).toContain(`zhishou collector ${command} `)
  })

  it('names every mistake of a settings file, and a secret that cannot be read', () => {
    writeFileSync(join(home, 'collector.yml'), 'tsl: 1\nrules: { interval: 5 }\n')
    const first = zhishou('collector', 'check-config', '--home', home)
    expect(first.code).toBe(1)
    expect(first.out).toContain('collector.yml: tsl: unknown key, did you mean tls?')
    expect(first.out).toContain('rules.interval')
    writeFileSync(join(home, 'collector.yml'), 'notify: { channels: { mail: { kind: email, host: mail.example.org, user: u, passwordFile: /nowhere/secret, from: a@example.org } }, routesFile: /nowhere/routes.yml }\n')
    const second = zhishou('collector', 'check-config', '--home', home)
    expect(second.out).toContain('/nowhere/secret')
    expect(second.out).toContain('notify.routesFile: /nowhere/routes.yml: cannot be read')
    rmSync(join(home, 'collector.yml'))
    expect(zhishou('collector', 'check-config', '--home', home).code).toBe(0)
  })

  it('gives the owner of the machine a way back into a locked account', async () => {
    const state = await openState(join(home, 'state.db'))
    const access = createAccess(state)
    const first = await access.createFirstAdmin(1)
    for (let tries = 0; tries < 6; tries++) await access.signIn('admin', 'wrong', '192.0.2.1', 1_000 + tries)
    expect(await access.signIn('admin', first?.password ?? '', '192.0.2.1', 2_000)).toMatchObject({ kind: 'refused', code: 'locked' })
    const run = zhishou('collector', 'reset-password', '--user', 'admin', '--home', home)
    expect(run.code).toBe(0)
    const signed = await access.signIn('admin', run.out.trim(), '192.0.2.2', Date.now())
    expect(signed).toMatchObject({ kind: 'done', value: { caller: { mustChangePassword: true } } })
    expect(zhishou('collector', 'reset-password', '--user', 'nobody', '--home', home).code).toBe(1)
    const link = (...more: readonly string[]) => zhishou('collector', 'link-person', '--home', home, '--user', ...more)
    expect(link('admin', '--person', 'engineer-1')).toMatchObject({ code: 0, out: 'admin: 示例工程师一（engineer-1）\n' })
    expect(await linkedAccounts(state.db)).toEqual([{ user: 'admin', role: 'system-admin', person: 'engineer-1' }])
    expect(link('admin', '--person', 'enginer-1')).toMatchObject({ code: 1, err: expect.stringContaining('did you mean 示例工程师一（engineer-1）') })
    expect(link('nobody', '--person', 'engineer-1')).toMatchObject({ code: 1, err: expect.stringContaining('no account nobody') })
    expect(link('admin')).toMatchObject({ code: 0, out: 'admin: linked to nobody\n' })
    await state.close()
  })

  it('account add: the owner of the machine makes the two other administrations, the security administrator the rest', async () => {
    const own = mkdtempSync(join(tmpdir(), 'zhishou-accounts-'))
    const state = await openState(join(own, 'state.db'))
    const access = createAccess(state)
    await access.createFirstAdmin(1)
    const add = (user: string, role: string, more: readonly string[] = [], input = '') => spawnSync(process.execPath, [main, 'collector', 'account', 'add', '--home', own, '--user', user, '--role', role, ...more], { encoding: 'utf8', input })
    for (const role of ['duty', 'system-admin', 'client-manager']) expect(add('one', role)).toMatchObject({ status: 1, stderr: expect.stringContaining('可以的有 security-admin、auditor') })
    expect(add('one', 'boss').status).toBe(2)
    expect(add('Ä', 'auditor').status).toBe(1)
    const made = add('sec', 'security-admin')
    expect(made.status, made.stderr).toBe(0)
    expect(add('sec', 'auditor')).toMatchObject({ status: 1, stderr: expect.stringContaining('已有账号 sec') })
    const first = made.stdout.trim()
    // The first password makes nothing: it must be replaced.
    expect(add('li', 'duty', ['--by', 'sec'], first)).toMatchObject({ status: 1, stderr: expect.stringContaining('已改过首个密码') })
    const signed = await access.signIn('sec', first, '192.0.2.1', Date.now())
    const token = signed.kind === 'done' ? signed.value.token : ''
    expect(signed).toMatchObject({ kind: 'done', value: { caller: { mustChangePassword: true, role: 'security-admin' } } })
    expect(await access.changePassword(token, first, 'Blau-7-Himmel', '192.0.2.1', Date.now())).toMatchObject({ kind: 'done' })
    expect(add('li', 'duty', ['--by', 'sec'], 'wrong')).toMatchObject({ status: 1, stderr: expect.stringContaining('用户名或密码不正确') })
    expect(add('li', 'auditor', ['--by', 'sec'], 'Blau-7-Himmel').status).toBe(1)
    const duty = add('li', 'duty', ['--by', 'sec'], 'Blau-7-Himmel\n')
    expect(duty.status, duty.stderr).toBe(0)
    expect(await access.signIn('li', duty.stdout.trim(), '192.0.2.2', Date.now())).toMatchObject({ kind: 'done', value: { caller: { mustChangePassword: true, role: 'duty' } } })
    expect(await state.db.selectFrom('audit').select(['actor', 'object']).where('action', '=', 'account.create').orderBy('seq').execute()).toMatchObject([{ object: 'admin' }, { object: 'sec' }, { actor: 'sec', object: 'li' }])
    await state.close()
    rmSync(own, { recursive: true, force: true })
  }, 60_000)

  it('check-config: paths begin in the home folder, warnings do not fail unless asked, mistakes do', () => {
    const site = join(home, 'site')
    mkdirSync(site)
    writeFileSync(join(site, 'collector.yml'), 'topologyFile: t.yml\n')
    writeFileSync(join(site, 't.yml'), 'services: [{ id: portal, title: 门户, criticality: high }]\n')
    const warned = zhishou('collector', 'check-config', '--home', site)
    expect(warned.code).toBe(0)
    expect(warned.out).toContain('warning: topology.yml: services: portal has no members')
    expect(warned.out).toContain('ok: ')
    const strict = zhishou('collector', 'check-config', '--strict', '--home', site)
    expect(strict.code).toBe(1)
    expect(strict.out).not.toContain('ok: ')
    expect(zhishou('collector', 'check-config', join(site, 'collector.yml')).out).toContain('portal has no members')
    expect(zhishou('collector', 'check-config', '--strickt', '--home', site).code).toBe(2)
    writeFileSync(join(site, 'collector.yml'), 'topologyFile: t.yml\nhtpp: 1\nnotify: { routesFile: r.yml }\n')
    const broken = zhishou('collector', 'check-config', '--home', site)
    expect(broken.code).toBe(1)
    for (const text of ['collector.yml: htpp', `notify.routesFile: ${join(site, 'r.yml')}: cannot be read`, 'portal has no members']) expect(broken.out).toContain(text)
  })

  it('makes, lists and revokes tokens of programs, each step audited, none with the rights of an administration', async () => {
    const state = await openState(join(home, 'state.db'))
    const access = createAccess(state)
    const run = zhishou('collector', 'token', '--role', 'duty', '--name', 'amtool', '--expires', '90d', '--home', home)
    expect(run.code).toBe(0)
    const token = run.out.trim()
    expect(token).toMatch(/^zr_[\w-]{43}$/)
    expect(run.err).not.toContain(token)
    expect(await access.bearer(token, Date.now())).toMatchObject({ user: 'token:amtool', role: 'duty' })
    expect(await access.bearer(token, Date.now() + 91 * 86_400_000)).toBeUndefined()
    const list = zhishou('collector', 'tokens', 'list', '--home', home)
    expect(list.out).toMatch(/^[0-9a-f-]{36} {2}duty {2}amtool {2}made .*Z {2}until .*Z {2}good\n$/)
    const id = list.out.slice(0, 36)
    expect(zhishou('collector', 'tokens', 'revoke', id, '--home', home).code).toBe(0)
    expect(zhishou('collector', 'tokens', 'revoke', id, '--home', home)).toMatchObject({ code: 1, err: expect.stringContaining('no token') })
    expect(zhishou('collector', 'tokens', 'list', '--home', home).out).toContain('revoked')
    expect(await access.bearer(token, Date.now())).toBeUndefined()
    const audit = await state.db.selectFrom('audit').select(['action', 'actor', 'object']).where('action', 'like', 'token.%').orderBy('seq').execute()
    expect(audit.slice(-2)).toEqual(['token.create', 'token.revoke'].map((action) => ({ action, actor: `shell:${process.getuid!()}`, object: id })))
    await state.close()
    for (const role of ['system-admin', 'security-admin', 'auditor', 'nobody']) {
      expect(zhishou('collector', 'token', '--role', role, '--name', 'x', '--home', home)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('expected one of duty') })
    }
  })

  it('checks the shipped rules as the README says', () => {
    expect(zhishou('rules', 'check', 'alerts/rules/host.yml', 'alerts/rules/host.test.yml').code).toBe(0)
  })
})
