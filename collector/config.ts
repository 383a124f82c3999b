/**
 * `collector.yml`, parsed once: a strict schema, every mistake reported together, durations and sizes with units, relative
 * paths taken from the home folder, and a frozen result that `main.ts` hands down. docs/settings.md is made from this schema.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { SettingsError, parseSizeBytes, settingsMistakes } from '../protocol/settings.ts'
import { serviceIds } from './correlate/topology.ts'
import { parseDate, parseTimeOfDay } from './duty/local-time.ts'
import { duration } from './duration-setting.ts'
import { notifySettings } from './notify/settings.ts'
import { keysAt, withPaths } from './schema-walk.ts'
import { readYaml } from './yaml-text.ts'

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

const file = (description: string) => z.string().min(1).optional().meta({ description, path: true })

const date = z.string().refine((value) => parseDate(value) !== undefined, 'expected a date that exists, such as 2026-03-01')

const timeOfDay = (description: string) => z.string().refine((value) => parseTimeOfDay(value) !== undefined, 'expected a time of day such as 08:30, 24:00 at the latest').meta({ description, kind: 'HH:MM' })

const opening = z
  .strictObject({ from: timeOfDay('Beginning of a stretch of service on days that are worked.'), to: timeOfDay('Its end, on the same day.') })
  .refine((value) => value.from < value.to, { path: ['to'], message: 'expected later than from' })

const service = z
  .strictObject({
    contractStart: date.default('2026-01-01').meta({ description: 'First day of the contract: contract years and their availability count from it.', kind: 'date' }),
    affecting: z.array(z.enum(['critical', 'warning', 'info'])).min(1).refine((given) => new Set(given).size === given.length, 'expected each severity once').default(['critical']).meta({ description: 'Severities whose faults make a service count as not available; faults of the others have clocks and stand in the SLA book all the same.', kind: 'list of critical, warning, info' }),
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
      folders: z.array(z.string().min(1).meta({ path: true })).default([]).meta({ description: 'Further folders of rule files, after the shipped one.' }),
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
  return parseCollectorSettings(collectorText(home), 'collector.yml', home)
}

/** Text of `HOME/collector.yml`, '' where there is none. Throws SettingsError where it cannot be read. */
export function collectorText(home: string): string {
  const file = join(home, 'collector.yml')
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  } catch (cause) {
    throw new SettingsError([`${file}: cannot be read (${cause instanceof Error ? cause.message : String(cause)})`])
  }
}

/**
 * Parses the text of a settings file. `file` is the name that mistakes are reported under; relative paths in it are taken
 * from the folder `home`, wherever the program was started.
 */
export function parseCollectorSettings(text: string, file: string, home: string): CollectorSettings {
  const read = readCollectorSettings(text, file, home)
  if (read.mistakes.length > 0) throw new SettingsError(read.mistakes)
  return read.settings
}

/** Settings as far as they could be read. */
export interface ReadSettings {
  /** What is faulty has its default here, so that the rest can be looked at as well. */
  readonly settings: CollectorSettings
  readonly mistakes: readonly string[]
  /** Channels that the file names, also those that are faulty: naming one of them elsewhere is no mistake. */
  readonly channels: ReadonlySet<string>
  /** Keys that stand in the file below `notify.channels.NAME`; to tell what was chosen from what is the default. */
  channelKeys(name: string): readonly string[]
}

/** As `parseCollectorSettings`, with everything that can be said at once. */
export function readCollectorSettings(text: string, file: string, home: string): ReadSettings {
  const mistakes: string[] = []
  let input: unknown
  try {
    input = readYaml(text, file)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    mistakes.push(...error.mistakes)
  }
  const given = mapAt(mapAt(input, 'notify'), 'channels')
  let result = collectorSchema.safeParse(input ?? {})
  if (!result.success) mistakes.push(...settingsMistakes(file, result.error.issues, input, (path) => keysAt(collectorSchema, path)))
  // Each round takes something away, so this ends; at the latest with nothing left, which has no mistake. One at a time:
  // what the next one is about may have gone with the first.
  for (let left = input; !result.success; result = collectorSchema.safeParse(left ?? {})) {
    const [issue] = result.error.issues
    left = issue === undefined ? undefined : without(left, issue.path, issue.code === 'unrecognized_keys' ? issue.keys : [])
  }
  return {
    settings: Object.freeze(withPaths(collectorSchema, result.data, (path) => resolve(home, path))),
    mistakes,
    channels: new Set(Object.keys(given ?? {})),
    channelKeys: (name) => Object.keys(mapAt(given, name) ?? {}),
  }
}

function mapAt(value: unknown, key: string): object | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  const found: unknown = Reflect.get(value, key)
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? found : undefined
}

/**
 * The value without what lies at that path: without `keys` there where some are given, else without the entry itself.
 * What is missing there, or an entry of a list, takes along what holds it: half of a channel is none.
 */
function without(value: unknown, path: readonly PropertyKey[], keys: readonly string[]): unknown {
  const [first, ...rest] = path
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  if (first === undefined) return keys.length === 0 ? undefined : Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))
  const entries = Object.entries(value)
  if (!Object.hasOwn(value, first)) return undefined
  return Object.fromEntries(
    entries.flatMap(([key, one]: [string, unknown]) => {
      if (key !== String(first)) return [[key, one]]
      const left = rest.length === 0 && keys.length === 0 ? undefined : without(one, rest, keys)
      return left === undefined ? [] : [[key, left]]
    }),
  )
}
