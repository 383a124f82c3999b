/** Reloading through the whole collector, signed in as the first administrator with a browser's session. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startCollector } from '../../collector/main.ts'
import type { Collector } from '../../collector/main.ts'

let home = ''
let collector: Collector
const rule = (name: string): string => `groups: [{ name: g, rules: [{ alert: ${name}, expr: vector(1) > 2 }] }]\n`
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'zhishou-reload-real-'))
  mkdirSync(join(home, 'rules'))
  writeFileSync(join(home, 'rules', 'site.yml'), rule('One'))
  writeFileSync(join(home, 'collector.yml'), 'rules: { folders: [rules], shipped: false }\n')
  collector = await startCollector({ home, http: { host: '127.0.0.1', port: 0 }, tls: { host: '127.0.0.1', port: 0 }, quiet: true })
})
afterAll(async () => {
  await collector.close()
  rmSync(home, { recursive: true, force: true })
})

const api = () => `${collector.addresses.http}/api/zhishou/v1`
async function signIn(password: string): Promise<Record<string, string>> {
  const reply = await fetch(`${api()}/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user: 'admin', password }) })
  const { csrf } = (await reply.json()) as { csrf: string }
  return { cookie: reply.headers.get('set-cookie')!.split(';')[0]!, 'x-zhishou-csrf': csrf }
}

it('the system administrator takes changed files into use at once, rules too, and hears every mistake', { timeout: 60_000 }, async () => {
  const { password } = collector.firstRun!.admin
  const first = await signIn(password)
  const changed = await fetch(`${api()}/session/password`, { method: 'POST', headers: { ...first, 'content-type': 'application/json' }, body: JSON.stringify({ old: password, new: 'Blau-7-Himmel' }) })
  expect(changed.status).toBe(204)
  const { cookie = '', ...csrf } = await signIn('Blau-7-Himmel')
  const reload = (headers: Record<string, string>) => fetch(`${collector.addresses.http}/-/reload`, { method: 'POST', headers })
  const running = async (): Promise<readonly string[]> => {
    const reply = await fetch(`${collector.addresses.http}/api/v1/rules`, { headers: { authorization: `Bearer ${collector.firstRun!.readToken}` } })
    const { data } = (await reply.json()) as { data: { groups: { rules: { name: string }[] }[] } }
    return data.groups.flatMap((group) => group.rules.map((one) => one.name))
  }
  expect((await reload({ cookie })).status).toBe(403)
  expect((await reload({ cookie, ...csrf })).status).toBe(204)
  expect(await running()).toEqual(['One'])

  writeFileSync(join(home, 'rules', 'site.yml'), rule('AnotherName'))
  expect((await reload({ cookie, ...csrf })).status).toBe(204)
  // The evaluation that was under way is finished first.
  await expect.poll(running, { timeout: 5_000, interval: 50 }).toEqual(['AnotherName'])

  writeFileSync(join(home, 'rules', 'site.yml'), 'groups: nothing that is a list\n')
  for (const _ of [1, 2]) {
    const refused = await reload({ cookie, ...csrf })
    expect([refused.status, ((await refused.json()) as { message: string }).message]).toEqual([422, expect.stringContaining('site.yml:1:9: groups: expected a list')])
  }
  expect(await running()).toEqual(['AnotherName'])
})
