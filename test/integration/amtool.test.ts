/** amtool, Alertmanager's own command line, run against our API: queries, alerts, silences and the routing tree. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { RE2JS } from 're2js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCollector } from '../../collector/main.ts'
import type { Collector } from '../../collector/main.ts'
import { MatcherError, compareMatchers, matchersText, parseMatchers } from '../../collector/notify/matcher.ts'
import { parseRouteFile } from '../../collector/notify/route-file.ts'
import { verifyAudit } from '../../collector/state/audit.ts'
import { scaled, seed } from '../scale.ts'
import { random } from './alertmanager-scenarios.ts'
import { present, startOurs } from './alertmanager-rig.ts'
import type { OurAlertmanager } from './alertmanager-rig.ts'

const available = present('amtool')
if (!available) console.log('skipped: amtool is not installed')

const config = readFileSync(join(import.meta.dirname, '../../alerts/routes.yml'), 'utf8')

describe.skipIf(!available)('amtool', () => {
  let ours: OurAlertmanager
  let server: Server
  let port = 0
  beforeAll(async () => {
    ours = await startOurs(config)
    const listen = getRequestListener(ours.app.fetch)
    server = createServer((request, response) => void listen(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    port = typeof address === 'object' && address !== null ? address.port : 0
  })
  afterAll(async () => {
    server.closeAllConnections()
    server.close()
    await ours.stop()
  })

  /** The token goes as the password of HTTP Basic, the only way amtool can be told in its address. */
  function amtool(args: readonly string[], role = 'duty'): Promise<{ readonly code: number; readonly out: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn('amtool', [`--alertmanager.url=http://script:bearer-${role}@127.0.0.1:${port}`, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
      let out = ''
      child.stdout.on('data', (part: Buffer) => (out += part.toString()))
      child.stderr.on('data', (part: Buffer) => (out += part.toString()))
      child.on('error', reject)
      child.on('close', (code) => resolve({ code: code ?? -1, out }))
    })
  }
  async function fine(...args: string[]): Promise<string> {
    const { code, out } = await amtool(args)
    expect(code, out).toBe(0)
    return out
  }

  it('adds alerts and finds them by name, label, expression and receiver', async () => {
    await fine('alert', 'add', 'DiskFull', 'severity=critical', 'instance=web-01', '--annotation=summary=磁盘已满')
    await fine('alert', 'add', 'LoadHigh', 'severity=warning', 'instance=web-02')
    const all = await fine('alert', 'query')
    expect(all).toMatch(/DiskFull.*磁盘已满.*active/)
    expect(all).toContain('LoadHigh')
    expect(await fine('alert', 'query', 'DiskFull')).not.toContain('LoadHigh')
    expect(await fine('alert', 'query', 'instance=~web-0[2-9]')).not.toContain('DiskFull')
    expect(await fine('alert', 'query', 'instance!=web-02')).not.toContain('LoadHigh')
    expect(await fine('alert', 'query', '--receiver=on-s.*')).not.toContain('DiskFull')
    const detailed = await fine('-o', 'json', 'alert', 'query', 'severity=critical')
    expect(JSON.parse(detailed)).toMatchObject([{ labels: { alertname: 'DiskFull', instance: 'web-01' }, receivers: [{ name: 'duty' }], status: { state: 'active', silencedBy: [], inhibitedBy: [] } }])
  })

  it('makes, lists, changes, ends silences; what is silenced shows as such; every step is audited', async () => {
    const id = (await fine('silence', 'add', 'instance=web-01', '--author=li', '--comment=换硬盘', '--duration=1h')).trim()
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
    expect(await fine('silence', 'query')).toMatch(/instance="?web-01"?.*li.*换硬盘/)
    expect(await fine('silence', 'query', '--expired')).not.toContain('换硬盘')
    expect(await fine('silence', 'query', 'instance=web-02')).not.toContain('换硬盘')
    expect(await fine('alert', 'query')).not.toContain('DiskFull')
    expect(await fine('alert', 'query', '--silenced')).toMatch(/DiskFull.*suppressed/)
    const updated = await fine('-o', 'json', 'silence', 'update', id, '--duration=2h', '--comment=延长')
    expect(updated).toContain('延长')
    // An active silence whose matchers stay is changed in place.
    expect(updated).toContain(id)
    const silence = ours.dispatch.silences.get(id)
    expect(silence!.endsAt).toBeGreaterThan(silence!.firstEndsAt + 3_000_000)
    await fine('silence', 'expire', id)
    expect(await fine('silence', 'query', '--expired')).toContain(id)
    expect(await fine('alert', 'query')).toContain('DiskFull')
    const actions = await ours.state.db.selectFrom('audit').select(['action', 'actor', 'object']).orderBy('seq').execute()
    expect(actions).toEqual(['silence.create', 'silence.update', 'silence.expire'].map((action) => ({ action, actor: 'user-duty', object: id })))
    expect((await verifyAudit(ours.state.db)).kind).toBe('intact')
  })

  it('tells why a silence is refused', async () => {
    const again = await amtool(['silence', 'expire', '00000000-0000-4000-8000-000000000000'])
    expect(again.code).not.toBe(0)
    expect(again.out).toMatch(/404|not found/i)
    const past = await amtool(['silence', 'add', 'a=b', '--comment=x', '--author=li', '--start=2020-01-01T00:00:00Z', '--end=2020-01-02T00:00:00Z'])
    expect(past.code).not.toBe(0)
    expect(past.out).toContain("end time can't be in the past")
    const broad = await amtool(['silence', 'add', 'a=~.*', '--comment=x', '--author=li'])
    expect(broad.out).toContain('at least one matcher must not match the empty string')
  })

  it('refuses who may not: no token, and a reader that would write', async () => {
    const nobody = await amtool(['alert', 'query'], '')
    expect(nobody.code).not.toBe(0)
    const reader = await amtool(['silence', 'add', 'a=b', '--comment=x', '--author=li'], 'reader')
    expect(reader.code).not.toBe(0)
    expect(reader.out).toContain('403')
    expect((await amtool(['alert', 'add', 'X', 'a=b'], 'reader')).code).not.toBe(0)
    expect((await amtool(['alert', 'query'], 'reader')).code).toBe(0)
  })

  it('shows the configuration and walks its routes with Alertmanager\'s own reader', async () => {
    const shown = await fine('config', 'show')
    expect(shown).toContain('mute_time_intervals')
    expect(shown).not.toContain('roster')
    const routes = await fine('config', 'routes', 'show')
    expect(routes).toContain('{sla!=""}')
    expect(routes).toMatch(/default-route.*receiver: on-site/)
    expect((await fine('config', 'routes', 'test', 'fault=watchdog')).trim()).toBe('heartbeat')
    expect((await fine('config', 'routes', 'test', 'severity=critical')).trim()).toBe('duty')
    expect((await fine('config', 'routes', 'test', 'sla=standard', 'severity=warning')).trim()).toBe('duty')
    expect((await fine('config', 'routes', 'test', 'severity=info')).trim()).toBe('on-site')
    expect(await fine('cluster', 'show')).toContain('disabled')
  })
})

describe.skipIf(!available)('amtool with tokens of the command line', () => {
  let home = ''
  let collector: Collector
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'zhishou-amtool-home-'))
    collector = await startCollector({ home, http: { host: '127.0.0.1', port: 0 }, tls: { host: '127.0.0.1', port: 0 }, quiet: true })
  })
  afterAll(async () => {
    await collector.close()
    rmSync(home, { recursive: true, force: true })
  })
  function amtool(token: string, ...args: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn('amtool', [`--alertmanager.url=${collector.addresses.http.replace('http://', `http://amtool:${token}@`)}`, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
      let out = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (out += part.toString()))
      child.on('error', reject)
      child.on('close', (code) => resolve({ code: code ?? -1, out }))
    })
  }
  /** The command line in a process of its own, beside the running collector. */
  const zhishou = (...args: readonly string[]) => spawnSync(process.execPath, [join(import.meta.dirname, '../../cli/main.ts'), 'collector', ...args, '--home', home], { encoding: 'utf8' })

  it('a duty token adds, finds and ends a silence until it is revoked; the read token is refused with 403', async () => {
    const made = zhishou('token', '--role', 'duty', '--name', 'amtool', '--expires', '1h')
    expect(made.status, made.stderr).toBe(0)
    const token = made.stdout.trim()
    const added = await amtool(token, 'silence', 'add', 'instance=web-01', '--author=li', '--comment=换硬盘', '--duration=1h')
    expect(added.code, added.out).toBe(0)
    const id = added.out.trim()
    expect((await amtool(token, 'silence', 'query')).out).toContain('换硬盘')

    const reader = collector.firstRun!.readToken
    const refused = await amtool(reader, 'silence', 'add', 'instance=web-02', '--author=li', '--comment=x', '--duration=1h')
    expect(refused.code).not.toBe(0)
    expect(refused.out).toContain('403')
    expect((await amtool(reader, 'silence', 'expire', id)).out).toContain('403')
    expect((await amtool(reader, 'silence', 'query')).out).toContain('换硬盘')

    expect((await amtool(token, 'silence', 'expire', id)).code).toBe(0)
    expect((await amtool(token, 'silence', 'query')).out).not.toContain('换硬盘')
    const entry = zhishou('tokens', 'list').stdout.split('\n').find((one) => one.includes('  amtool  '))!
    expect(zhishou('tokens', 'revoke', entry.slice(0, 36)).status).toBe(0)
    const late = await amtool(token, 'silence', 'query')
    expect(late.code).not.toBe(0)
    expect(late.out).toContain('401')
  })
})

/** Files that one of the two could take differently. */
const base = (extra: string, route = ''): string => `route: { receiver: r${route === '' ? '' : `, ${route}`} }\nreceivers: [{ name: r }]\n${extra}`
const interval = (yaml: string): string => base(`time_intervals: [{ name: n, time_intervals: [${yaml}] }]`)
const files: readonly string[] = [
  base(''), base('', 'group_by: [a, b]'), base('', "group_by: ['...']"), base('', "group_by: ['...', a]"), base('', 'group_by: [a, a]'), base('', "group_by: ['0a']"), base('', 'group_wait: 0s'), base('', 'group_interval: 0s'),
  base('', 'repeat_interval: 0s'), base('', 'group_wait: 5'), base('', 'group_wait: 1h30m'), base('', 'group_wait: 30m1h'), base('', 'continue: true'), base('', 'match: { a: b }'), base('', "matchers: ['a=b']"),
  base('', 'routes: [{ receiver: x }]'), base('', "routes: [{ matchers: ['a=b', '{c!~\"d\"}'] }]"), base('', "routes: [{ matchers: 'a=b' }]"), base('', 'routes: [{ match_re: { a: "(" } }]'), base('', 'routes: [{ mute_time_intervals: [n] }]'),
  base('', 'routes: [{ active_time_intervals: [n] }]'), base('time_intervals: [{ name: n }]', 'routes: [{ active_time_intervals: [n], mute_time_intervals: [n] }]'), base('time_intervals: [{ name: n }, { name: n }]'), base('time_intervals: [{ name: n }]\nmute_time_intervals: [{ name: n }]'),
  base('inhibit_rules: [{ source_match: { a: b }, target_match_re: { c: d }, equal: [e] }]'), base("inhibit_rules: [{ source_matchers: ['a=b'], target_matchers: ['c=d', 'e!=f'] }]"), base("inhibit_rules: [{ equal: ['0'] }]"), base('inhibit_rules: [{ equals: [a] }]'),
  base('global: { resolve_timeout: 1m }'), base('global: { resolve_timeout: x }'), base('nonsense: 1'), 'receivers: [{ name: r }]', 'route: { receiver: r }', 'route: {}\nreceivers: []', 'route: { receiver: r }\nreceivers: [{ name: r }, { name: r }]', 'route: { receiver: r }\nreceivers: [{ name: r }, {}]',
  "route: { receiver: r }\nreceivers: [{ name: r, webhook_configs: [{ url: 'http://a/b', send_resolved: false, max_alerts: 3 }] }]", 'route: { receiver: r }\nreceivers: [{ name: r, webhook_configs: [{}] }]', "route: { receiver: r }\nreceivers: [{ name: r, webhook_configs: [{ url: 'ftp://a' }] }]", "route: { receiver: r }\nreceivers: [{ name: r, webhook_configs: [{ url: 'http://a', max_alerts: -1 }] }]",
  ...["{ times: [{ start_time: '09:00', end_time: '24:00' }] }", "{ times: [{ start_time: '9:00', end_time: '24:00' }] }", "{ times: [{ start_time: '09:00', end_time: '09:00' }] }", "{ times: [{ start_time: '09:00' }] }", '{ weekdays: [Monday] }', "{ weekdays: ['monday:sunday'] }", "{ weekdays: ['sunday:monday'] }", "{ weekdays: ['1'] }",
    "{ days_of_month: ['1:5', '-3:-1'] }", "{ days_of_month: ['-1:5'] }", "{ days_of_month: ['0'] }", "{ days_of_month: ['5:-25'] }", "{ days_of_month: ['5:-23'] }", "{ days_of_month: ['32'] }", "{ months: ['1:12'] }", "{ months: ['march:january'] }", "{ months: [January] }", "{ years: ['2020:2019'] }", "{ years: ['2020'] }", "{ years: [x] }",
    '{ location: Asia/Shanghai }', '{ location: Nowhere/City }', "{ months: ['1:2:3'] }", '{}'].map(interval),
]

/** Matchers as people (and typing errors) write them. */
function randomMatchers(count: number): readonly string[] {
  const next = random(seed)
  const pick = (list: readonly string[]): string => list[Math.floor(next() * list.length)]!
  return Array.from({ length: count }, () => pick(['a', 'b_1', ' a ', '0a', 'a:b', '']) + pick(['=', '!=', '=~', '!~', '==', '<', ' = ']) + pick(['', '"']) + Array.from({ length: Math.floor(next() * 5) }, () => pick(['x', '.', '*', '|', '\\', '\\n', '\\"', '"', ',', '{', '}', ' ', '数', '(', ')', '+', '[a-c]'])).join('') + pick(['', '"', '"']) + pick(['', '', '', ',', ' , b=c', '}']))
}

/**
 * A pattern that is no expression by itself: `})(}`. 0.25 puts it between `^(?:` and `)$` before it looks, and so takes one whose
 * parentheses happen to close each other; we refuse it, as Prometheus does.
 */
function isBroken(matcher: string): boolean {
  const pattern = /^[^=!]*[=!]~\s*"?(.*?)"?\s*$/s.exec(matcher)?.[1]
  if (pattern === undefined) return false
  try {
    RE2JS.compile(pattern)
    return false
  } catch {
    return true
  }
}

describe.skipIf(!available)('route files', () => {
  /** Differences that are meant, by what our message says. */
  const meant: readonly RegExp[] = []

  it('are taken and refused as by Alertmanager\'s own reader', () => {
    const verdicts = amtoolVerdicts(files)
    const differences = files.flatMap((text, index) => {
      const ours = parseRouteFile('f.yml', text)
      if ((ours.kind === 'ok') === verdicts[index]!.good) return []
      const why = ours.kind === 'mistakes' ? ours.mistakes.map((one) => one.message).join('; ') : 'taken'
      return meant.some((one) => one.test(why)) ? [] : [`${text}\n  amtool: ${verdicts[index]!.text}\n  ours: ${why}`]
    })
    expect(differences.join('\n\n')).toBe('')
    expect(verdicts.filter((one) => one.good).length).toBeGreaterThan(15)
    expect(verdicts.filter((one) => !one.good).length).toBeGreaterThan(25)
  })

  it('and so are matchers, which also print the same', () => {
    const texts = randomMatchers(scaled(300, 2_000))
    const verdicts = amtoolVerdicts(texts.map((text) => base('', `routes: [{ matchers: [${JSON.stringify(text)}] }]`)))
    const ours = texts.map((text) => {
      try {
        return matchersText([...parseMatchers(text)].sort(compareMatchers))
      } catch (error) {
        if (!(error instanceof MatcherError)) throw error
        return undefined
      }
    })
    // An operator with nothing behind it makes 0.25 panic; later versions take it as the empty value, as we do.
    const differences = texts.filter((text, index) => (ours[index] !== undefined) !== verdicts[index]!.good && !/panic|index out of range/.test(verdicts[index]!.text) && !(verdicts[index]!.good && isBroken(text)))
    expect(differences).toEqual([])
    const good = texts.filter((text, index) => verdicts[index]!.good && !isBroken(text))
    expect(good.length).toBeGreaterThan(50)
    const folder = mkdtempSync(join(tmpdir(), 'zhishou-amtool-'))
    try {
      const file = join(folder, 'all.yml')
      writeFileSync(file, base('', `routes: [${good.map((text) => `{ matchers: [${JSON.stringify(text)}] }`).join(', ')}]`))
      const { stdout } = spawnSync('amtool', ['config', 'routes', 'show', `--config.file=${file}`], { encoding: 'utf8' })
      const printed = stdout.split('\n').filter((line) => /[├└]── (?!default-route)/.test(line)).map((line) => line.replace(/^.*?── /, '').replace(/  receiver: r$/, ''))
      expect(printed).toEqual(ours.filter((one, index) => verdicts[index]!.good && one !== undefined && !isBroken(texts[index]!)))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

/** What `amtool check-config` says of each text. Files are given together; one that makes it panic is asked for by itself. */
function amtoolVerdicts(texts: readonly string[]): readonly { readonly good: boolean; readonly text: string }[] {
  const folder = mkdtempSync(join(tmpdir(), 'zhishou-amtool-'))
  try {
    const names = texts.map((text, index) => {
      const name = join(folder, `f${index}.yml`)
      writeFileSync(name, text)
      return name
    })
    const verdicts: { good: boolean; text: string }[] = []
    while (verdicts.length < names.length) {
      const { stdout, stderr } = spawnSync('amtool', ['check-config', ...names.slice(verdicts.length)], { encoding: 'utf8' })
      for (const part of stdout.split(/^(?=Checking ')/m).filter((one) => /^Checking '.*?' {2}(SUCCESS|FAILED)/.test(one))) verdicts.push({ good: /' {2}SUCCESS/.test(part), text: part.trim() })
      if (verdicts.length < names.length) verdicts.push({ good: false, text: `panic: ${stderr.slice(0, 300)}` })
    }
    return verdicts
  } finally {
    rmSync(folder, { recursive: true })
  }
}
