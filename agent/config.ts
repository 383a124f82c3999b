/**
 * `agent.yml`, parsed once: a strict schema, every mistake reported together with its key path, durations and sizes with
 * units. The file is optional; what it leaves out has the defaults below.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod/mini'
import { nearestWord, parseDurationMs, parseSizeBytes, SettingsError, settingsMistakes } from '../protocol/settings.ts'
import { LOG_LEVELS } from './log.ts'

const FILE = 'agent.yml'
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

const duration = z.string().check(z.refine((value) => parseDurationMs(value) !== undefined, { error: 'expected a duration with a unit such as 15s or 1m', abort: true }))
const size = z.string().check(z.refine((value) => parseSizeBytes(value) !== undefined, { error: 'expected a size with a unit such as 256MiB', abort: true }))

function readListen(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  return match !== null && port <= 65_535 ? { host: match[1] ?? match[2] ?? '', port } : undefined
}

function isCollector(text: string): boolean {
  try {
    const url = new URL(text)
    return url.protocol === 'https:' && url.origin === text
  } catch {
    return false
  }
}

/** Shape of agent.yml. Meanings stand in `describe`: scripts/docs.ts makes docs/settings.md of them. */
export const agentSchema = z.strictObject({
  home: z.optional(z.string().check(z.startsWith('/', 'expected an absolute path'), z.describe('Folder of identity and spool; left out: the folder this file lies in.'))),
  collector: z.optional(
    z
      .array(z.string().check(z.refine(isCollector, 'expected https://HOST:PORT without a path')))
      .check(z.minLength(1), z.describe('Collectors, `https://HOST:PORT` each, in the order in which they are tried; left out: the one the agent was enrolled with.')),
  ),
  interval: z._default(
    duration.check(
      z.refine((value) => {
        const ms = parseDurationMs(value) ?? 0
        return ms >= 1_000 && ms <= 60_000
      }, 'expected a duration from 1s to 60s'),
      z.describe('Time between two readings, a duration from 1s to 60s.'),
    ),
    '15s',
  ),
  sources: z._default(z.strictObject({ disabled: z._default(z.array(z.string()).check(z.describe('Names of sources that are not read; see [sources](sources.md).')), []) }), { disabled: [] }),
  spool: z._default(
    z.strictObject({
      maxBytes: z._default(
        size.check(
          z.refine((value) => (parseSizeBytes(value) ?? 0) >= 4 * 1024 ** 2, 'expected at least 4MiB'),
          z.describe('Most disk space for what could not be sent yet, a size of at least 4MiB; when it is used up the oldest samples go first and are counted.'),
        ),
        '256MiB',
      ),
    }),
    { maxBytes: '256MiB' },
  ),
  metrics: z._default(
    z.strictObject({
      listen: z.optional(
        z
          .string()
          .check(
            z.refine((value) => LOOPBACK.has(readListen(value)?.host ?? ''), 'expected HOST:PORT on a loopback address (127.0.0.1, [::1] or localhost)'),
            z.describe("HOST:PORT on loopback of the agent's own /metrics page; left out: there is none."),
          ),
      ),
    }),
    {},
  ),
  log: z._default(z.enum(LOG_LEVELS).check(z.describe('Least level of the log lines on standard output.')), 'info'),
})

/** Keys of the maps in the schema, by path, for naming the nearest known one. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': ['home', 'collector', 'interval', 'sources', 'spool', 'metrics', 'log'],
  sources: ['disabled'],
  spool: ['maxBytes'],
  metrics: ['listen'],
}

export interface AgentSettings {
  readonly home: string | undefined
  /** `https://host:port`; undefined: the one of the identity. */
  readonly collectors: readonly string[] | undefined
  readonly intervalMs: number
  readonly disabled: readonly string[]
  readonly spoolBytes: number
  readonly metrics: { readonly host: string; readonly port: number } | undefined
  readonly log: (typeof LOG_LEVELS)[number]
}

/** Parses the text of a settings file; `sources` are the names that may be disabled. Throws SettingsError with every mistake. */
export async function parseAgentSettings(text: string, sources: readonly string[], file = FILE): Promise<AgentSettings> {
  const input = await readYaml(text, file)
  const result = agentSchema.safeParse(input)
  const mistakes = result.success ? [] : settingsMistakes(file, result.error.issues, input, (path) => KEYS[path.map(String).join('.')] ?? [])
  for (const name of disabledNames(input)) {
    if (sources.includes(name)) continue
    const near = nearestWord(name, sources)
    mistakes.push(`${file}: sources.disabled: no source is called ${JSON.stringify(name)}${near === undefined ? '' : `, did you mean ${near}?`}`)
  }
  if (!result.success || mistakes.length > 0) throw new SettingsError(mistakes)
  const { home, collector, interval, sources: chosen, spool, metrics, log } = result.data
  return Object.freeze({
    home,
    collectors: collector,
    intervalMs: parseDurationMs(interval) ?? 15_000,
    disabled: chosen.disabled,
    spoolBytes: parseSizeBytes(spool.maxBytes) ?? 256 * 1024 ** 2,
    metrics: metrics.listen === undefined ? undefined : readListen(metrics.listen),
    log,
  })
}

/** The YAML parser is loaded only where there is something to parse: most agents have no settings file. */
async function readYaml(text: string, file: string): Promise<unknown> {
  if (text.trim() === '') return {}
  const { parseDocument } = await import('yaml')
  const document = parseDocument(text, { prettyErrors: true })
  if (document.errors.length > 0) throw new SettingsError(document.errors.map((error) => `${file}: ${error.message.split('\n')[0]}`))
  return document.toJS() ?? {}
}

/** Source names under `sources.disabled`, as far as the input has that shape: told even where other keys are wrong. */
function disabledNames(input: unknown): readonly string[] {
  const shape = z.object({ sources: z.object({ disabled: z.array(z.string()) }) }).safeParse(input)
  return shape.success ? shape.data.sources.disabled : []
}

/** Reads `HOME/agent.yml`, or `file`; a missing HOME/agent.yml means the defaults. Throws SettingsError with every mistake. */
export async function loadAgentSettings(home: string, sources: readonly string[], file?: string): Promise<AgentSettings> {
  const path = file ?? join(home, FILE)
  if (file === undefined && !existsSync(path)) return parseAgentSettings('', sources)
  try {
    return await parseAgentSettings(readFileSync(path, 'utf8'), sources, file ?? FILE)
  } catch (error) {
    if (error instanceof SettingsError) throw error
    throw new SettingsError([`${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`])
  }
}
