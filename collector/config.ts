/**
 * `collector.yml`, parsed once: a strict schema, every mistake reported together, durations and sizes with units, and a
 * frozen result that `main.ts` hands down. See docs/settings.md for the reference made from this schema.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { SettingsError, parseDurationMs, parseSizeBytes, settingsMistakes } from '../protocol/settings.ts'
import { notifySettings } from './notify/settings.ts'

const duration = (text: string) =>
  z
    .string()
    .default(text)
    .transform((value, context) => {
      const ms = parseDurationMs(value)
      if (ms === undefined) context.addIssue({ code: 'custom', message: 'expected a duration with a unit such as 15s, 5m, 24h' })
      return ms ?? 0
    })

const size = (text: string) =>
  z
    .string()
    .default(text)
    .transform((value, context) => {
      const bytes = parseSizeBytes(value)
      if (bytes === undefined) context.addIssue({ code: 'custom', message: 'expected a size with a unit such as 64MiB, 10GiB' })
      return bytes ?? 0
    })

const listen = (text: string) =>
  z
    .string()
    .default(text)
    .transform((value, context) => {
      const match = /^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})$/.exec(value)
      const port = Number(match?.[2] ?? Number.NaN)
      if (match === null || port > 65_535) context.addIssue({ code: 'custom', message: 'expected HOST:PORT' })
      return { host: (match?.[1] ?? '').replace(/^\[|\]$/g, ''), port }
    })

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

export const collectorSchema = z.strictObject({
  /** TLS for agents and people. */
  tls: listen('0.0.0.0:8643'),
  /** Plain HTTP for programs on this machine; any address but loopback is refused. */
  http: listen('127.0.0.1:8600').refine((value) => loopback.has(value.host), { message: 'expected a loopback address (127.0.0.1, ::1 or localhost): plain HTTP never leaves the machine' }),
  /** Names and addresses under which agents and people reach this collector; they go into its certificate. */
  names: z.array(z.string().min(1).max(253)).default([]),
  log: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  link: z
    .strictObject({
      heartbeat: duration('4s'),
      silence: duration('9s'),
      maxAgents: z.int().min(1).default(5_000),
      maxSeriesPerAgent: z.int().min(1).default(50_000),
    })
    .prefault({}),
  store: z
    .strictObject({
      retention: duration('400d'),
      outOfOrder: duration('31d'),
      /** Below this much free space metrics are shortened, oldest first. */
      minFree: size('512MiB'),
    })
    .prefault({}),
  rules: z
    .strictObject({
      /** Further folders of rule files, after the shipped one. */
      folders: z.array(z.string()).default([]),
      /** Whether the shipped rules are loaded. */
      shipped: z.boolean().default(true),
      interval: duration('15s'),
    })
    .prefault({}),
  /** Another SLA profile file than the shipped alerts/sla.yml. */
  slaFile: z.string().optional(),
  notify: notifySettings,
})

export type CollectorSettings = z.infer<typeof collectorSchema>

/** Reads `HOME/collector.yml`; a missing file means the defaults. Throws SettingsError with every mistake. */
export function loadCollectorSettings(home: string): CollectorSettings {
  const file = join(home, 'collector.yml')
  return parseCollectorSettings(existsSync(file) ? readFileSync(file, 'utf8') : '', 'collector.yml')
}

/** Parses the text of a settings file. `file` is the name that mistakes are reported under. */
export function parseCollectorSettings(text: string, file: string): CollectorSettings {
  const document = parseDocument(text, { prettyErrors: true })
  if (document.errors.length > 0) throw new SettingsError(document.errors.map((error) => `${file}: ${error.message.split('\n')[0]}`))
  const input: unknown = document.toJS() ?? {}
  const result = collectorSchema.safeParse(input)
  if (!result.success) throw new SettingsError(settingsMistakes(file, result.error.issues, input, knownKeys))
  return Object.freeze(result.data)
}

/** Keys allowed at a path of the schema; none where the schema has no map there. */
function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  let schema: unknown = collectorSchema
  for (const key of path) {
    const inner = unwrap(schema)
    if (inner instanceof z.ZodObject) schema = Reflect.get(inner.shape, key)
    else if (inner instanceof z.ZodArray) schema = inner.element
    else return []
  }
  const last = unwrap(schema)
  return last instanceof z.ZodObject ? Object.keys(last.shape) : []
}

function unwrap(schema: unknown): unknown {
  let inner = schema
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional || inner instanceof z.ZodNullable) inner = inner.unwrap()
  return inner instanceof z.ZodPipe ? unwrap(inner.in) : inner
}
