/**
 * `collector.yml`, parsed once: a strict schema, every mistake reported together, durations and sizes with units, and a
 * frozen result that `main.ts` hands down. See docs/settings.md for the reference made from this schema.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { SettingsError, parseSizeBytes, settingsMistakes } from '../protocol/settings.ts'
import { serviceIds } from './correlate/topology.ts'
import { parseDate, parseTimeOfDay } from './duty/local-time.ts'
import { duration } from './duration-setting.ts'
import { notifySettings } from './notify/settings.ts'

/** Meanings stand in `meta`: scripts/docs.ts makes docs/settings.md of them; `kind` says how the text is written. */
const size = (text: string, description: string) =>
  z
    .string()
    .default(text)
    .transform((value, context) => {
      const bytes = parseSizeBytes(value)
      if (bytes === undefined) context.addIssue({ code: 'custom', message: 'expected a size with a unit such as 64MiB, 10GiB' })
      return bytes ?? 0
    })
    .meta({ description, kind: 'size' })

const listen = (text: string) =>
  z
    .string()
    .default(text)
    .transform((value, context) => {
      const match = /^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})$/.exec(value)
      const port = Number(match?.[2] ?? Number.NaN)
      if (match === null || port > 65_535) {
        context.addIssue({ code: 'custom', message: 'expected HOST:PORT' })
        return z.NEVER
      }
      return { host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port }
    })

/** Hosts that plain HTTP may listen on. */
export const loopback: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost'])

const whole = z.int('expected a whole number')

const file = (description: string) => z.string().min(1).optional().meta({ description })

const date = z.string().refine((value) => parseDate(value) !== undefined, 'expected a date that exists, such as 2026-03-01')

const timeOfDay = (description: string) => z.string().refine((value) => parseTimeOfDay(value) !== undefined, 'expected a time of day such as 08:30, 24:00 at the latest').meta({ description, kind: 'HH:MM' })

const opening = z
  .strictObject({ from: timeOfDay('Beginning of a stretch of service on days that are worked.'), to: timeOfDay('Its end, on the same day.') })
  .refine((value) => value.from < value.to, { path: ['to'], message: 'expected later than from' })

const service = z
  .strictObject({
    contractStart: date.default('2026-01-01').meta({ description: 'First day of the contract: contract years and their availability count from it.', kind: 'date' }),
    openings: z.partialRecord(z.enum(serviceIds), z.array(opening).min(1)).default({}),
    targets: z.partialRecord(z.enum(serviceIds), z.number().gt(0).max(1)).default({}).meta({ description: 'Availability that the site holds a service to, such as 0.999; it colours the console and promises nothing. A service without one has none.', kind: 'map of ratios, over 0 up to 1' }),
    termsFile: file('Terms of the contract, as alerts/exposure.yml shows them; without it no exposure is reckoned.'),
  })
  .prefault({})

const link = z
  .strictObject({
    heartbeat: duration('4s', '1s', 'How often an agent says that it is there.'),
    silence: duration('9s', '1s', 'An agent that has not been heard for longer is down.'),
    maxAgents: whole.min(1).default(5_000).meta({ description: 'Most agents connected at once; more are refused and counted.' }),
    maxSeriesPerAgent: whole.min(1).default(50_000).meta({ description: 'Most series of one agent; more are refused and counted.' }),
  })
  .superRefine((value, context) => {
    if (value.silence <= value.heartbeat) context.addIssue({ code: 'custom', path: ['silence'], message: `expected longer than link.heartbeat (${value.heartbeat / 1_000}s)` })
  })

export const collectorSchema = z.strictObject({
  tls: listen('0.0.0.0:8643').meta({ description: 'TLS for agents and people.', kind: 'HOST:PORT' }),
  http: listen('127.0.0.1:8600')
    .refine((value) => loopback.has(value.host), { message: 'expected a loopback address (127.0.0.1, ::1 or localhost): plain HTTP never leaves the machine' })
    .meta({ description: 'Plain HTTP for programs on this machine; any address but loopback is refused.', kind: 'HOST:PORT on loopback' }),
  names: z.array(z.string().min(1).max(253)).default([]).meta({ description: 'Names and addresses under which agents and people reach this collector; they go into its certificate, and the first one into enrolment tokens.' }),
  log: z.enum(['debug', 'info', 'warn', 'error']).default('info').meta({ description: 'Least level of the log lines on standard output.' }),
  link: link.prefault({}),
  store: z
    .strictObject({
      retention: duration('400d', '1d', 'How long samples are kept.'),
      outOfOrder: duration('31d', '1s', 'How far behind their time samples may arrive; older ones are refused and counted.'),
      minFree: size('512MiB', 'Below this much free space metrics are shortened, oldest first.'),
    })
    .prefault({}),
  rules: z
    .strictObject({
      folders: z.array(z.string().min(1)).default([]).meta({ description: 'Further folders of rule files, after the shipped one.' }),
      shipped: z.boolean().default(true).meta({ description: 'Whether the shipped rules are loaded.' }),
      interval: duration('15s', '1s', 'How often groups without an interval of their own are evaluated.'),
    })
    .prefault({}),
  slaFile: file('Another SLA profile file than the shipped alerts/sla.yml.'),
  topologyFile: file('What depends on what, as alerts/topology.yml shows it; without it no alert hides another.'),
  notify: notifySettings,
  duty: z
    .strictObject({
      file: file('Another roster than the shipped alerts/duty.yml, whose people are made up.'),
      escalationFile: file('Another escalation file than the shipped alerts/escalation.yml.'),
      calendarFolder: file('Folder of further calendar years, such as 2027.yml; a year that is shipped too is taken from here.'),
    })
    .prefault({}),
  service,
})

export type CollectorSettings = z.infer<typeof collectorSchema>

/** Reads `HOME/collector.yml`; a missing file means the defaults. Throws SettingsError with every mistake. */
export function loadCollectorSettings(home: string): CollectorSettings {
  const file = join(home, 'collector.yml')
  let text = ''
  try {
    if (existsSync(file)) text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new SettingsError([`${file}: cannot be read (${cause instanceof Error ? cause.message : String(cause)})`])
  }
  return parseCollectorSettings(text, 'collector.yml')
}

/** Parses the text of a settings file. `file` is the name that mistakes are reported under. */
export function parseCollectorSettings(text: string, file: string): CollectorSettings {
  const input = readYaml(text, file)
  const result = collectorSchema.safeParse(input)
  if (!result.success) throw new SettingsError(settingsMistakes(file, result.error.issues, input, knownKeys))
  return Object.freeze(result.data)
}

/** The YAML text as plain data; no text at all is an empty map. The source line of a mistake is left out: it may hold a secret. */
function readYaml(text: string, file: string): unknown {
  const document = parseDocument(text, { prettyErrors: true })
  if (document.errors.length > 0) throw new SettingsError(document.errors.map((error) => `${file}: ${error.message.split('\n')[0]?.replace(/:$/, '')}`))
  try {
    return document.toJS() ?? {}
  } catch {
    // An alias without its anchor, or aliases of aliases that would fill the memory. The parser's text names the alias.
    throw new SettingsError([`${file}: a value begins with * and is no usable alias; put quotes around it`])
  }
}

/** Keys allowed at a path of the schema; none where the schema has no map there. Of kinds, the keys of all of them. */
function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  let schemas: readonly unknown[] = [collectorSchema]
  for (const key of path) schemas = schemas.flatMap(alternatives).flatMap((schema) => below(schema, key))
  const maps = schemas.flatMap(alternatives).filter((schema) => schema instanceof z.ZodObject)
  return [...new Set(maps.flatMap((map) => Object.keys(map.shape)))]
}

/** A schema without its wrapping, or each kind of a union. */
function alternatives(schema: unknown): readonly unknown[] {
  const inner = unwrap(schema)
  return inner instanceof z.ZodDiscriminatedUnion ? inner.options.flatMap(alternatives) : [inner]
}

function below(schema: unknown, key: PropertyKey): readonly unknown[] {
  if (schema instanceof z.ZodObject) return Object.hasOwn(schema.shape, key) ? [Reflect.get(schema.shape, key)] : []
  if (schema instanceof z.ZodArray) return [schema.element]
  return schema instanceof z.ZodRecord ? [schema.valueType] : []
}

function unwrap(schema: unknown): unknown {
  let inner = schema
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional || inner instanceof z.ZodNullable) inner = inner.unwrap()
  return inner instanceof z.ZodPipe ? unwrap(inner.in) : inner
}
