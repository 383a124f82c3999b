/** The command line as a person meets it: exit codes, refusals, the owner's way back in. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAccess } from '../collector/access/accounts.ts'
import { openState } from '../collector/state/open.ts'

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
    await state.close()
  })

  it('checks the shipped rules as the README says', () => {
    expect(zhishou('rules', 'check', 'alerts/rules/host.yml', 'alerts/rules/host.test.yml').code).toBe(0)
  })
})
