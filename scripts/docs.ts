/**
 * Writes docs/settings.md, docs/alert-files.md and docs/sources.md from the schemas and the list of sources: `node scripts/docs.ts`.
 * test/contract/docs.test.ts compares them, so that neither can drift.
 */
import { realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { agentSchema } from '../agent/config.ts'
import { sources } from '../agent/sources/registry.ts'
import { collectorSchema } from '../collector/config.ts'
import { topologyFile } from '../collector/correlate/topology-file.ts'
import { yearFile } from '../collector/duty/calendar.ts'
import { dutyShape } from '../collector/duty/duty-file.ts'
import { escalationFile } from '../collector/duty/escalation-file.ts'
import { profileFile } from '../collector/incidents/profile.ts'
import { targetKeys, webhookKeys } from '../collector/notify/receiver.ts'
import { inhibitKeys, routeKeys, topKeys } from '../collector/notify/route-file.ts'
import { intervalKeys } from '../collector/notify/time-interval-file.ts'
import { termsFile } from '../collector/service/terms.ts'
import { calendarMeanings, dutyMeanings, escalationMeanings, exposureMeanings, routeMeanings, slaMeanings, topologyMeanings } from './file-meanings.ts'
import type { Meanings } from './file-meanings.ts'

const root = dirname(import.meta.dirname)

type Schema = z.core.$ZodType

/** One key of a settings file. `defaultText` is undefined where the key has none. */
interface Row {
  readonly path: string
  readonly type: string
  readonly defaultText: string | undefined
  readonly required: boolean
  readonly meaning: string
}

interface Wrapped {
  readonly inner: Schema
  readonly defaultText: string | undefined
  readonly optional: boolean
  readonly meaning: string | undefined
  readonly kind: string | undefined
}

/** What a schema is made of, as far as pages are made of it. */
interface Definition {
  readonly type: string
  readonly innerType?: Schema
  readonly in?: Schema
  readonly defaultValue?: unknown
  readonly shape?: Readonly<Record<string, Schema>>
  readonly element?: Schema
  readonly valueType?: Schema
  readonly discriminator?: string
  readonly options?: readonly Schema[]
  readonly values?: readonly unknown[]
}

/** A schema's definition. The one cast: the library gives each kind a type of its own, which zod and zod/mini do not share. */
const definitionOf = (schema: Schema): Definition => schema._zod.def as Definition

/** Takes default, optional and transform off a schema, and keeps what they and their metadata say. */
function unwrapped(schema: Schema): Wrapped {
  const def = definitionOf(schema)
  const meta = z.globalRegistry.get(schema)
  const kind = typeof meta?.['kind'] === 'string' ? meta['kind'] : undefined
  const next = def.type === 'pipe' ? def.in : def.innerType
  if (next === undefined) return { inner: schema, defaultText: undefined, optional: false, meaning: meta?.description, kind }
  const below = unwrapped(next)
  const plain = def.type === 'default' && (typeof def.defaultValue !== 'object' || Array.isArray(def.defaultValue))
  return {
    inner: below.inner,
    defaultText: plain ? (typeof def.defaultValue === 'string' ? def.defaultValue : JSON.stringify(def.defaultValue)) : below.defaultText,
    optional: below.optional || def.type === 'optional' || def.type === 'default' || def.type === 'prefault',
    meaning: meta?.description ?? below.meaning,
    kind: kind ?? below.kind,
  }
}

/** How a value is written, in words. */
function typeText(schema: Schema): string {
  const { inner, kind } = unwrapped(schema)
  if (kind !== undefined) return kind
  const json = z.toJSONSchema(inner, { io: 'input', unrepresentable: 'any' })
  if (json.type === 'boolean') return 'true or false'
  if (json.type === 'array') return 'list of texts'
  if (json.type === 'string') return json.enum === undefined ? 'text' : json.enum.map((word) => `\`${String(word)}\``).join(', ')
  if (json.type !== 'integer') throw new Error(`docs: no words for the type ${JSON.stringify(json)}`)
  const least = json.minimum !== undefined && json.minimum > Number.MIN_SAFE_INTEGER ? `, at least ${json.minimum}` : ''
  const most = json.maximum !== undefined && json.maximum < Number.MAX_SAFE_INTEGER ? `, at most ${json.maximum}` : ''
  return `whole number${least}${most}`
}

/** Every key below a map, in the order of the schema. */
function rowsOf(schema: Schema, path: readonly string[]): readonly Row[] {
  const { inner } = unwrapped(schema)
  const def = definitionOf(inner)
  if (def.type === 'record' && unwrapped(schema).kind === undefined && def.valueType !== undefined) return rowsOf(def.valueType, [...path, 'NAME'])
  if (def.type === 'union' && def.discriminator !== undefined) return rowsOfKinds(def.options ?? [], def.discriminator, path)
  if (def.type === 'object') return Object.entries(def.shape ?? {}).flatMap(([key, value]) => rowsOf(value, [...path, key]))
  if (def.type === 'array' && def.element !== undefined && definitionOf(unwrapped(def.element).inner).type === 'object') {
    return rowsOf(def.element, [...path.slice(0, -1), `${path.at(-1) ?? ''}[]`])
  }
  const { meaning, defaultText, optional } = unwrapped(schema)
  if (meaning === undefined) throw new Error(`docs: ${path.join('.')} has no meaning; give it one in its schema`)
  return [{ path: path.join('.'), type: typeText(schema), defaultText, required: !optional, meaning }]
}

/** Keys of a map that has kinds: what several of them have alike stands once, with their names before its meaning. */
function rowsOfKinds(options: readonly Schema[], discriminator: string, path: readonly string[]): readonly Row[] {
  const kinds: string[] = []
  const rows = new Map<string, { readonly row: Row; readonly of: string[] }>()
  for (const option of options) {
    const { inner } = unwrapped(option)
    const def = definitionOf(inner)
    const values = literals(def.shape?.[discriminator])
    kinds.push(...values)
    for (const [key, value] of Object.entries(def.shape ?? {})) {
      if (key === discriminator) continue
      for (const row of rowsOf(value, [...path, key])) {
        const same = JSON.stringify(row)
        const known = rows.get(same)
        if (known === undefined) rows.set(same, { row, of: [...values] })
        else known.of.push(...values)
      }
    }
  }
  const order = [...rows.values()]
  return [
    { path: [...path, discriminator].join('.'), type: kinds.map((kind) => `\`${kind}\``).join(', '), defaultText: undefined, required: true, meaning: 'Which kind it is; the other keys depend on it.' },
    ...order.map(({ row, of }) => ({ ...row, meaning: `${of.length === kinds.length ? '' : `${of.join(', ')}: `}${row.meaning}` })),
  ]
}

/** Words that a literal stands for. */
function literals(schema: Schema | undefined): readonly string[] {
  return schema === undefined ? [] : (definitionOf(schema).values ?? []).map(String)
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

function settingsTable(schema: Schema): string {
  const lines = rowsOf(schema, []).map((row) => {
    const given = row.defaultText === undefined ? (row.required ? 'must be given' : '') : `\`${row.defaultText}\``
    return `| \`${row.path}\` | ${cell(row.type)} | ${cell(given)} | ${cell(row.meaning)} |`
  })
  return ['| key | type | default | meaning |', '| --- | --- | --- | --- |', ...lines].join('\n')
}

/** docs/settings.md */
export function settingsPage(): string {
  return `# Settings

<!-- Made by scripts/docs.ts from the schemas; change those and run \`node scripts/docs.ts\`. -->

Two files, each in the home folder of its program, both optional: \`collector.yml\` and \`agent.yml\`. They are read once,
at the start. An unknown key is a mistake; all mistakes are reported together, each with its key:
\`npx zhishou collector check-config\`, \`node agent.cjs check-config\`. Durations and sizes carry units (\`15s\`, \`1h30m\`,
\`400d\`; \`64MiB\`, \`10GiB\`). A secret is named by file or variable, never written here. The environment gives only
\`ZHISHOU_HOME\` and such secrets. A relative path in \`collector.yml\` is taken from the home folder, wherever the program
was started. The files it names for alerting: [alert-files.md](alert-files.md). Samples that parse: [collector.yml](samples/collector.yml), [agent.yml](samples/agent.yml).

## collector.yml

${settingsTable(collectorSchema)}

## agent.yml

${settingsTable(agentSchema)}
`
}

/** Every key of a file with what its schema says of it, in the order of the schema. */
function keysOf(schema: Schema, path: string): readonly Pick<Row, 'path' | 'defaultText' | 'required'>[] {
  const { inner, defaultText, optional } = unwrapped(schema)
  const def = definitionOf(inner)
  const dot = path === '' ? '' : `${path}.`
  if (def.type === 'object') return Object.entries(def.shape ?? {}).flatMap(([key, value]) => keysOf(value, `${dot}${key}`))
  if (def.type === 'array' && def.element !== undefined && definitionOf(unwrapped(def.element).inner).type === 'object') return keysOf(def.element, `${path}[]`)
  return [{ path, defaultText: defaultText === '[]' ? undefined : defaultText, required: !optional }]
}

/** The keys of one file as a table. Throws for a key without a meaning, and for a meaning without its key. */
function fileTable(schema: Schema, meanings: Meanings): string {
  const keys = keysOf(schema, '')
  const unknown = Object.keys(meanings).filter((path) => !keys.some((key) => key.path === path))
  if (unknown.length > 0) throw new Error(`docs: no keys of that file: ${unknown.join(', ')}; see scripts/file-meanings.ts`)
  const lines = keys.map(({ path, defaultText, required }) => {
    const meaning = meanings[path]
    if (meaning === undefined) throw new Error(`docs: ${path} has no meaning; give it one in scripts/file-meanings.ts`)
    return `| \`${path}\` | ${cell(meaning[0])} | ${required ? 'must be given' : defaultText === undefined ? '' : `\`${defaultText}\``} | ${cell(meaning[1])} |`
  })
  return ['| key | type | default | meaning |', '| --- | --- | --- | --- |', ...lines].join('\n')
}

/** routes.yml has a reader of its own, whose lists of keys these are. */
const routeLists: readonly (readonly [where: string, keys: readonly string[], meanings: Meanings])[] = [
  ['The file', topKeys, routeMeanings.top],
  ['`route` and each of its `routes[]`', routeKeys, routeMeanings.route],
  ['`inhibit_rules[]`', inhibitKeys, routeMeanings.inhibit],
  ['`receivers[].to[]`', targetKeys, routeMeanings.target],
  ['`receivers[].webhook_configs[]`', webhookKeys, routeMeanings.webhook],
  ['`time_intervals[].time_intervals[]`', intervalKeys, routeMeanings.interval],
]

function routeTables(): string {
  return routeLists
    .map(([where, keys, meanings]) => {
      if (keys.toSorted().join() !== Object.keys(meanings).sort().join()) throw new Error(`docs: routes.yml: ${where} has the keys ${keys.join(', ')}; see scripts/file-meanings.ts`)
      const lines = Object.entries(meanings).map(([key, [type, meaning]]) => `| \`${key}\` | ${cell(type)} | ${cell(meaning)} |`)
      return [`${where}:`, '', '| key | type | meaning |', '| --- | --- | --- |', ...lines].join('\n')
    })
    .join('\n\n')
}

/** docs/alert-files.md */
export function alertFilesPage(): string {
  const section = (name: string, about: string, table: string): string => `## ${name}\n\n${about}\n\n${table}\n`
  return `# Files of alerting

<!-- Made by scripts/docs.ts from the schemas and scripts/file-meanings.ts; change those and run \`node scripts/docs.ts\`. -->

How they work together, with a whole small site: [alerting.md](alerting.md). All are strict YAML: an unknown key is a
mistake, and \`npx zhishou collector check-config\` tells every mistake of every file at once. A *name* is short, of a-z, 0-9
and -. Dates are local days (\`2026-10-01\`), times of day local times in quotes (\`'08:30'\`), durations carry a unit.

${section('routes.yml', "Who is told of what. Setting `notify.routesFile`, shipped: [alerts/routes.yml](../alerts/routes.yml). [Alertmanager's own words](https://prometheus.io/docs/alerting/latest/configuration/) and meanings; its other receivers (`email_configs` …) are refused with what to use instead.", routeTables())}
${section('duty.yml', 'Who is on duty, and how people are reached. Setting `duty.file`, shipped: [alerts/duty.yml](../alerts/duty.yml), whose people are made up.', fileTable(dutyShape, dutyMeanings))}
${section('escalation.yml', 'Who is told how early before a clock runs out. Setting `duty.escalationFile`, shipped: [alerts/escalation.yml](../alerts/escalation.yml).', fileTable(escalationFile, escalationMeanings))}
${section('topology.yml', 'What stands on what. Setting `topologyFile`; without it nothing hides anything. Sample: [alerts/topology.yml](../alerts/topology.yml).', fileTable(topologyFile, topologyMeanings))}
${section('sla.yml', 'The clocks an incident runs under. Setting `slaFile`, shipped: [alerts/sla.yml](../alerts/sla.yml).', fileTable(profileFile, slaMeanings))}
${section('exposure.yml', 'What late service may cost. Setting `service.termsFile`; without it nothing is reckoned. Sample: [alerts/exposure.yml](../alerts/exposure.yml).', fileTable(termsFile, exposureMeanings))}
${section('calendar/YEAR.yml', 'Holidays and make-up workdays of one year. Setting `duty.calendarFolder` (a folder of them), shipped: [alerts/calendar/2026.yml](../alerts/calendar/2026.yml). A year without a file has no answer and is told, never guessed.', fileTable(yearFile, calendarMeanings)).trimEnd()}
`
}

const cadences = { tick: 'every interval (15 s by default)', push: 'every interval (15 s by default), and with the link’s next heartbeat (4 s) when there is something to tell', minute: 'once a minute', hour: 'once an hour' } as const

/** docs/sources.md */
export function sourcesPage(): string {
  const sections = [...sources]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((source) => {
      const rows = source.series.map((spec) => `| \`${spec.name}\` | ${spec.kind} | ${spec.labels.map((label) => `\`${label}\``).join(', ')} | ${cell(spec.help)} |`)
      const table = rows.length === 0 ? 'No metrics: events or facts only.' : ['| metric | kind | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
      return `## ${source.name}\n\nRead ${cadences[source.cadence]}; given up after ${source.timeoutMs / 1000} s.\n\n${table}\n`
    })
  return `# What the agent reads

<!-- Made by scripts/docs.ts from agent/sources/registry.ts; run \`node scripts/docs.ts\`. -->

Names, units and labels are node_exporter's where it has them. Every series also has \`instance\` (the host) and \`job\`.
Each source further gives \`node_scrape_collector_success\` and \`node_scrape_collector_duration_seconds\` with its name as
\`collector\`. A source is switched off with \`sources.disabled\` in [agent.yml](settings.md).

${sections.join('\n')}`
}

/** Every page that is made, by its path in the repository. */
export const pages: Readonly<Record<string, () => string>> = { 'docs/settings.md': settingsPage, 'docs/alert-files.md': alertFilesPage, 'docs/sources.md': sourcesPage }

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  for (const [path, page] of Object.entries(pages)) writeFileSync(join(root, path), page())
}
