/** The house: imports run one way (STYLE §1), nothing registers itself, and what rules name is declared somewhere. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { selfSource } from '../../agent/sources/self.ts'
import { sources } from '../../agent/sources/registry.ts'
import { eventsTotal } from '../../agent/sources/event-counts.ts'
import { selfSeries, storedSeries } from '../../collector/self-series.ts'
import { channelKinds } from '../../collector/notify/registry.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const all = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).split('\n').filter((file) => file !== '' && existsSync(join(root, file)))
/** Code of the product; tests may look wherever they must. */
const code = all.filter((file) => /^(protocol|agent|collector|cli|console|scripts)\/.*\.(ts|tsx|mjs)$/.test(file) && !/\.(test|fixture)\.tsx?$/.test(file))

/** What serves every room and knows none. */
const services = ['collector/state', 'collector/access', 'collector/clock.ts', 'collector/log.ts', 'collector/counters.ts', 'collector/zone.ts', 'collector/duration-setting.ts', 'collector/schema-walk.ts', 'collector/yaml-text.ts', 'collector/sentence.ts'] as const

/** Room → rooms right before it, whose files it may use, and theirs in turn. `protocol` and the services go without saying. */
const before: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  agent: [],
  console: [],
  'collector/state': [],
  'collector/access': ['collector/state'],
  'collector/clock.ts': [],
  'collector/log.ts': [],
  'collector/counters.ts': [],
  'collector/zone.ts': [],
  'collector/duration-setting.ts': [],
  'collector/schema-walk.ts': [],
  'collector/yaml-text.ts': ['collector/schema-walk.ts'],
  'collector/sentence.ts': ['collector/yaml-text.ts'],
  'collector/home.ts': [],
  'collector/store': [],
  'collector/ingest': ['collector/store'],
  'collector/promql': ['collector/store'],
  'collector/rules': ['collector/ingest', 'collector/promql'],
  'collector/correlate': ['collector/rules'],
  'collector/incidents': ['collector/correlate'],
  'collector/notify': ['collector/incidents', 'collector/duty'],
  // Incidents are told to it as plain data by main.ts.
  'collector/service': [],
  'collector/compliance': ['collector/store'],
  'collector/orders': ['collector/compliance'],
  'collector/duty': [],
  'collector/inspection': ['collector/orders', 'collector/notify', 'collector/duty'],
  'collector/reports': ['collector/orders', 'collector/notify', 'collector/duty', 'collector/inspection', 'collector/service'],
  'collector/config.ts': ['collector/notify'],
  'collector/self-series.ts': ['collector/notify', 'collector/reports', 'collector/service'],
  'collector/self-samples.ts': ['collector/store'],
  'collector/self-view.ts': ['collector/rules'],
  'collector/web': ['collector/notify', 'collector/reports', 'collector/service'],
  // main.ts's own: opens the rooms and carries outcomes from one to the next.
  'collector/wiring': ['collector/web', 'collector/config.ts', 'collector/alert-files.ts'],
  'collector/alert-files.ts': ['collector/notify', 'collector/service', 'collector/config.ts'],
  'collector/config-warnings.ts': ['collector/alert-files.ts'],
  'collector/check-config.ts': ['collector/config-warnings.ts'],
  'collector/main.ts': ['collector/wiring', 'collector/web', 'collector/config.ts', 'collector/self-series.ts', 'collector/self-samples.ts', 'collector/self-view.ts', 'collector/home.ts'],
  cli: ['collector/main.ts', 'collector/check-config.ts', 'agent', 'scripts'],
  scripts: ['collector/config.ts', 'collector/service', 'agent'],
}

/** Departures, each with its reason; as few as possible. */
const exceptions: Readonly<Record<string, string>> = {
  'collector/counters.ts → collector/self-series.ts': 'the registry is made from the list of declared series; the list holds only names',
  'agent/main.ts → package.json': 'the version of the product',
}

function roomOf(file: string): string {
  const parts = file.split('/')
  return parts[0] === 'collector' ? `collector/${parts[1] ?? ''}` : (parts[0] ?? '')
}

/** Statements stand at the start of a line; a dynamic import anywhere. */
const importPattern = /^(?:import|export|\}).*?\bfrom '([^'\n]+)'|^import '([^'\n]+)'|\bimport\(\s*'([^'\n]+)'/gm
const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')

/** What a file imports: specifiers as written. */
function importsOf(file: string): readonly string[] {
  return [...withoutComments(read(file)).matchAll(importPattern)].flatMap(([, one, two, three]) => one ?? two ?? three ?? [])
}

/** A room with everything before it. */
function reach(room: string, seen = new Set<string>()): ReadonlySet<string> {
  for (const one of before[room] ?? []) {
    if (seen.has(one)) continue
    seen.add(one)
    reach(one, seen)
  }
  return seen
}

function mayImport(from: string, to: string): boolean {
  if (from === to || to === 'protocol') return true
  const serves = services.some((service) => service === to)
  const isService = services.some((service) => service === from)
  if (serves) return isService ? reach(from).has(to) : from.startsWith('collector/') || from === 'cli' || from === 'scripts'
  return reach(from).has(to)
}

describe('imports', () => {
  it('there is code to look at, and every room has its place', () => {
    expect(code.length).toBeGreaterThan(200)
    expect([...new Set(code.map(roomOf))].filter((room) => before[room] === undefined)).toEqual([])
    expect(importsOf('collector/main.ts')).toContain('./web/app.ts')
  })

  it('run one way', () => {
    const wrong: string[] = []
    const used = new Set<string>()
    for (const file of code) {
      for (const specifier of importsOf(file)) {
        if (!specifier.startsWith('.')) continue
        const target = join(dirname(file), specifier)
        if (!existsSync(join(root, target))) {
          if (!target.endsWith('.css')) wrong.push(`${file} imports ${target}, which is not there`)
          continue
        }
        if (mayImport(roomOf(file), roomOf(target))) continue
        const departure = `${file} → ${target}`
        if (exceptions[departure] === undefined) wrong.push(departure)
        used.add(departure)
      }
    }
    expect(wrong).toEqual([])
    expect(Object.keys(exceptions).filter((one) => !used.has(one))).toEqual([])
  })

  it('the order itself has no ring', () => {
    for (const room of Object.keys(before)) expect(reach(room).has(room), room).toBe(false)
  })

  it('only main.ts wires: no room, service or list imports it', () => {
    for (const file of code.filter((one) => one.startsWith('collector/'))) expect(importsOf(file).filter((one) => /(^|\/)main\.ts$/.test(one)), file).toEqual([])
  })

  it('packages are those of package.json; the agent has no package that Node 16 or its bundle cannot carry', () => {
    const manifest = JSON.parse(read('package.json')) as { dependencies: Record<string, string>; devDependencies: Record<string, string> }
    const packageOf = (specifier: string): string => specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
    const forAgent = new Set(['ws', 'zod', 'yaml', 'systeminformation', 'prom-client', '@msgpack/msgpack'])
    const wrong = code.flatMap((file) =>
      importsOf(file).flatMap((specifier) => {
        if (specifier.startsWith('.') || specifier.startsWith('node:')) return []
        const name = packageOf(specifier)
        const room = roomOf(file)
        if (room === 'agent' || room === 'protocol') return forAgent.has(name) && (name !== 'zod' || specifier === 'zod/mini') ? [] : [`${file}: ${specifier}`]
        const shipped = room === 'console' || room === 'scripts' ? { ...manifest.dependencies, ...manifest.devDependencies } : manifest.dependencies
        return shipped[name] === undefined ? [`${file}: ${specifier}`] : []
      }),
    )
    expect(wrong).toEqual([])
  })

  it('the console takes nothing of Node', () => {
    const files = code.filter((file) => file.startsWith('console/') && !file.endsWith('vite.config.ts'))
    expect(files.length).toBeGreaterThan(10)
    for (const file of files) expect(importsOf(file).filter((one) => one.startsWith('node:')), file).toEqual([])
  })

  it('no default exports and no barrels', () => {
    const wrong = code.filter((file) => !file.endsWith('.config.ts')).filter((file) => /^export (default\b|\*|(type )?\{[^}]*\} from\b)/m.test(withoutComments(read(file))))
    expect(wrong).toEqual([])
  })

  it('no file is called after nothing in particular', () => {
    expect(code.filter((file) => /(^|\/)(utils?|helpers?|common|manager|misc|index)\.(ts|tsx|mjs)$/.test(file))).toEqual([])
    expect(code.filter((file) => !/\/[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.(ts|tsx|mjs)$/.test(file))).toEqual([])
  })
})

/** Everything that the modules of a folder export. */
async function exportsOf(folder: string): Promise<readonly (readonly [string, string, unknown])[]> {
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith('.ts') && !name.includes('.test.') && !name.includes('.fixture.'))
  const modules = await Promise.all(files.map(async (name) => [name, (await import(join(root, folder, name))) as Record<string, unknown>] as const))
  return modules.flatMap(([file, exported]) => Object.entries(exported).map(([name, value]) => [file, name, value] as const))
}

const has = (value: unknown, ...keys: string[]): boolean => typeof value === 'object' && value !== null && keys.every((key) => key in value)

describe('the lists', () => {
  it('every source that a file exports is in the list, once', async () => {
    const found = (await exportsOf('agent/sources')).filter(([, , value]) => has(value, 'name', 'cadence', 'timeoutMs', 'series', 'read'))
    expect(found.length).toBeGreaterThan(30)
    const listed: readonly unknown[] = sources
    expect(found.filter(([, , value]) => !listed.includes(value)).map(([file, name]) => `${file}: ${name}`)).toEqual([])
    expect(new Set(found.map(([, , value]) => value)).size).toBe(sources.length)
    const names = sources.map((source) => source.name)
    expect(new Set(names).size).toBe(names.length)
  })

  it('every channel that a file exports is in the list, once', async () => {
    const found = (await exportsOf('collector/notify')).filter(([, , value]) => has(value, 'open') && typeof (value as { open: unknown }).open === 'function')
    const listed: readonly unknown[] = channelKinds
    expect(found.map(([, , value]) => value)).toEqual(expect.arrayContaining([...listed]))
    expect(found.filter(([, , value]) => !listed.includes(value)).map(([file, name]) => `${file}: ${name}`)).toEqual([])
  })

  it('a store is opened in one place; adapters for outside stores come with their list', () => {
    const stores = all.filter((file) => /^collector\/store\/(sqlite|influx|victoriametrics|registry)\.ts$/.test(file))
    expect(stores.filter((file) => !file.endsWith('registry.ts')).length === 0 || stores.includes('collector/store/registry.ts')).toBe(true)
  })
})

describe('series', () => {
  const declared = [...sources.flatMap((source) => [...source.series]), ...selfSource('', () => 0).series, eventsTotal, ...selfSeries, ...storedSeries]
  /** Metrics that modules keep to themselves are found by their declaration. */
  const inCode = code.flatMap((file) => [...read(file).matchAll(/\b(?:gauge|counter|untyped)\('([a-zA-Z_:][a-zA-Z0-9_:]*)'/g)].map(([, name]) => name ?? ''))
  const names = new Set([...declared.map((spec) => spec.name), ...inCode])

  it('of our own that rules, templates and dashboards name are declared', () => {
    const files = all.filter((file) => /^(alerts|dashboards)\/.*\.(yml|ts|json)$/.test(file))
    expect(files.length).toBeGreaterThan(5)
    const recorded = new Set(files.flatMap((file) => [...read(file).matchAll(/^\s*-?\s*record:\s*(\S+)/gm)].map(([, name]) => name)))
    const unknown = files.flatMap((file) => [...read(file).matchAll(/\bzhishou_[a-z0-9_]+/g)].map(([name]) => name).filter((name) => !names.has(name) && !recorded.has(name)).map((name) => `${file}: ${name}`))
    expect(unknown).toEqual([])
  })

  it('one name is one kind and one meaning', () => {
    const seen = new Map<string, string>()
    for (const spec of declared) {
      const what = `${spec.kind} ${spec.help}`
      expect(seen.get(spec.name) ?? what, spec.name).toBe(what)
      seen.set(spec.name, what)
    }
  })
})
