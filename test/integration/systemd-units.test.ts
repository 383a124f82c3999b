/** The shipped units as systemd itself reads them: `systemd-analyze verify` says nothing against them. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const units = join(import.meta.dirname, '..', '..', 'deploy', 'systemd')
const names = readdirSync(units).filter((name) => name.endsWith('.service'))
const analyze = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find((path) => existsSync(path))
if (analyze === undefined) console.log('skipped: systemd-analyze is not here; the units are not verified')

const work = mkdtempSync(join(tmpdir(), 'zhishou-units-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

/** Programs of a unit are not installed here: any that runs stands in for them, all else stays as it is. */
function verified(name: string, change = (text: string): string => text): { readonly status: number | null; readonly said: string } {
  const folder = mkdtempSync(join(work, 'unit-'))
  cpSync(units, folder, { recursive: true })
  const path = join(folder, name)
  writeFileSync(path, change(readFileSync(path, 'utf8')).replace(/^(ExecStart(?:Pre)?=)\S+/gm, '$1/bin/true').replace(/^(User|Group)=.*$/gm, '$1=root').replace(/^Documentation=.*$/m, ''))
  const run = spawnSync(analyze ?? '', ['verify', '--man=no', path], { encoding: 'utf8', timeout: 30_000, env: { ...process.env, SYSTEMD_LOG_LEVEL: 'warning' } })
  return { status: run.status, said: `${run.stdout}${run.stderr}`.split('\n').filter((line) => line.includes('zhishou')).join('\n') }
}

describe('the units', () => {
  it('are both there', () => expect(names.sort()).toEqual(['zhishou-agent.service', 'zhishou-collector.service']))

  it.skipIf(analyze === undefined).each(names)('%s is verified', (name) => {
    const { said } = verified(name)
    // CPUShares= and MemoryLimit= are what systemd 219 knows; newer ones say that they have other words for them.
    expect(said.split('\n').filter((line) => line !== '' && !/legacy|deprecated|Support for option (CPUShares|MemoryLimit|StartLimitInterval)|MemoryMax=|CPUWeight=/.test(line))).toEqual([])
  })

  it.skipIf(analyze === undefined)('an unknown directive would be seen', () => {
    expect(verified('zhishou-collector.service', (text) => text.replace('[Service]', '[Service]\nProtectSysten=strict')).said).toMatch(/ProtectSysten/)
  })

  it.each(names)('%s names commands that exist, as nobody, and stops in time', (name) => {
    const text = readFileSync(join(units, name), 'utf8')
    const agent = name.includes('agent')
    expect(text).toMatch(agent ? /^ExecStart=\S+ .*agent\.cjs run$/m : /^ExecStart=\S+ .*cli\/main\.ts collector run$/m)
    expect(text).toMatch(/^ExecStartPre=.* check-config$/m)
    expect(text).toMatch(/^User=zhishou/m)
    expect(text).toMatch(/^NoNewPrivileges=yes$/m)
    expect(text).toMatch(/^CapabilityBoundingSet=$/m)
    expect(text).toMatch(/^Restart=always$/m)
    expect(text).toMatch(/^TimeoutStopSec=\d+$/m)
  })
})
