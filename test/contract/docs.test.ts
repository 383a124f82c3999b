/** Docs cannot drift: made pages are compared, samples parse, paths that pages name exist, and no file names this machine. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseAgentSettings } from '../../agent/config.ts'
import { sources } from '../../agent/sources/registry.ts'
import { checkConfig } from '../../collector/check-config.ts'
import { parseCollectorSettings } from '../../collector/config.ts'
import { pages, settingsPage } from '../../scripts/docs.ts'

const root = join(import.meta.dirname, '..', '..')
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).split('\n').filter((file) => file !== '' && existsSync(join(root, file)))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

/** Named in a page and not there yet; only gets shorter. */
const expected: readonly string[] = []

describe('made pages', () => {
  it.each(Object.keys(pages))('%s is what `node scripts/docs.ts` makes', (path) => {
    expect(read(path)).toBe(pages[path]!())
  })

  it('the settings page has every key, with type and meaning', () => {
    const page = settingsPage()
    for (const key of ['tls', 'http', 'link.silence', 'store.minFree', 'rules.folders', 'slaFile', 'topologyFile', 'notify.routesFile', 'notify.alertmanagers[].url', 'notify.decisionRetention', 'duty.calendarFolder', 'service.openings.NAME[].from', 'notify.channels.NAME.kind', 'notify.channels.NAME.passwordFile', 'spool.maxBytes', 'metrics.listen', 'sources.disabled']) expect(page).toContain(`| \`${key}\` |`)
    for (const line of page.split('\n').filter((one) => one.startsWith('| `'))) expect(line).toMatch(/^\| `[^`]+` \| [^|]+ \| [^|]*\| .{10,} \|$/)
  })
})

describe('samples', () => {
  it('collector.yml parses', () => {
    expect(parseCollectorSettings(read('docs/samples/collector.yml'), 'collector.yml', '/').notify.routesFile).toBe('/etc/zhishou/routes.yml')
  })

  it('the small site parses as it is, and there is nothing to warn of but its secrets and next year', async () => {
    const home = join(root, 'docs/samples/site')
    const { mistakes, warnings } = await checkConfig(read('docs/samples/site/collector.yml'), 'collector.yml', home, Date.UTC(2026, 10, 22))
    expect(mistakes).toEqual([expect.stringContaining('site/secrets/mail-password'), expect.stringContaining('site/secrets/sms-key')])
    // The manager has no phone, on purpose: the breach is told by mail.
    expect(warnings).toEqual([])
  })

  it('agent.yml parses', async () => {
    const settings = await parseAgentSettings(read('docs/samples/agent.yml'), sources.map((source) => source.name))
    expect(settings.disabled).toEqual(['rapl', 'selinux'])
  })
})

describe('pages', () => {
  const named = files.filter((file) => /^(README.*|CHANGELOG|docs\/.*)\.md$/.test(file))
  const folders = new Set(files.map((file) => file.split('/')[0]))

  it('name only paths that are there', () => {
    expect(named.length).toBeGreaterThan(4)
    const missing: string[] = []
    const used = new Set<string>()
    let looked = 0
    const look = (page: string, path: string): void => {
      looked++
      if (existsSync(join(root, path))) return
      if (expected.includes(path)) used.add(path)
      else missing.push(`${page}: ${path}`)
    }
    for (const page of named) {
      const text = read(page)
      for (const [, target = ''] of text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) if (!/^[a-z]+:/.test(target)) look(page, join(dirname(page), target))
      for (const [, target = ''] of text.matchAll(/`([^`\s*…]+)`/g)) if (target.includes('/') && folders.has(target.split('/')[0]) && !/[<{(]/.test(target)) look(page, target.replace(/[:,].*$/, ''))
    }
    expect(looked).toBeGreaterThan(15)
    expect(missing).toEqual([])
    expect(expected.filter((path) => existsSync(join(root, path)))).toEqual([])
  })
})

describe('no file of the repository', () => {
  const texts = files.filter((file) => !file.startsWith('test/fixtures/') && statSync(join(root, file)).size < 1_000_000 && !/\.(png|ico|gz|bin)$/.test(file))
  /** Put together here, so that this file does not name them itself. */
  const forbidden = {
    'a folder of the machine it was written on': new RegExp(`(^|[^A-Za-z0-9_.])/(${['work', 'root'].join('|')})/[a-z]|/tmp/[a-z]\\d\\b`),
    'the host of a package registry': new RegExp(['registry.npmjs' + '.org', 'registry.yarn' + 'pkg', 'deb.deb' + 'ian.org', 'npm' + 'mirror', String.raw`https?://[^/\s"']*(nexus|artifactory|verdaccio)`].join('|')),
  }

  it.each(Object.entries(forbidden))('names %s', (_, pattern) => {
    expect(texts.length).toBeGreaterThan(300)
    const found = texts.flatMap((file) => {
      const line = read(file).split('\n').find((one) => pattern.test(one))
      return line === undefined ? [] : [`${file}: ${line.trim().slice(0, 120)}`]
    })
    expect(found).toEqual([])
  })
})
