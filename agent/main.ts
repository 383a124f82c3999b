/**
 * The agent's commands: `run`, `once`, `enrol`, `identity`, `check-config`. Bundled to one file by
 * scripts/build-agent.mjs for Node 16.20.2 and newer; `zhishou agent …` calls the same function.
 *
 * Heap flags (they belong on node's command line, before the file; bench/agent.ts measures the whole):
 *   --lite-mode --max-lazy --max-semi-space-size=1 --single-threaded --v8-pool-size=0 --no-warnings
 * and, in the environment, for glibc:
 *   MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=32768
 * `--lite-mode` saves a fifth of private memory and, like --jitless, removes WebAssembly and with it `fetch`: the agent
 * uses neither (enrolment goes through node:https); Node 16 says so in one line on start. The two malloc settings save
 * more than all flags together, 5 MB of private memory on Node 16 and 3.5 MB on 24 after loading the bundle: what V8's
 * parser and OpenSSL take in large pieces while starting then goes back to the kernel instead of staying as holes.
 */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import packageJson from '../package.json' with { type: 'json' }
import { makeFolder } from '../protocol/folder.ts'
import { SettingsError } from '../protocol/settings.ts'
import { type AgentSettings, loadAgentSettings } from './config.ts'
import { localHost } from './host-local.ts'
import { readIdentity } from './identity.ts'
import { loadIdentity, saveIdentity } from './link/identity.ts'
import { createLog, errorText, type Log } from './log.ts'
import { once } from './once.ts'
import { startAgent } from './run.ts'
import { identitySource } from './sources/identity.ts'
import { sources } from './sources/registry.ts'
import type { Source } from './sources/source.ts'

const DEFAULT_HOME = '/var/lib/zhishou-agent'
/** Longest that a planned stop may take. */
const STOP_MS = 3_000
/** Sources that are made in `run` and may be switched off like the others. */
const OWN_SOURCES = ['agent', 'identity', 'self']

const USAGE = `usage: zhishou agent COMMAND [--home DIR] [--config FILE]

  run                        collect and deliver; stops on SIGTERM or SIGINT
  once                       one reading as Prometheus text
  enrol --token T [--host N] trade a one-time token for this machine's certificate
  identity                   what this machine is, as JSON
  check-config [FILE]        every mistake in agent.yml

DIR is --home, else ZHISHOU_HOME, else ${DEFAULT_HOME}.
`

/** Wrong use of the command line: exit code 2. */
class UsageError extends Error {}

interface Arguments {
  readonly home: string
  readonly config: string | undefined
  readonly token: string | undefined
  readonly host: string | undefined
  readonly rest: readonly string[]
}

const OPTIONS = ['home', 'config', 'token', 'host'] as const

/** `--name value` and `--name=value`; util.parseArgs came only with Node 16.17 and a warning. */
function readArguments(argv: readonly string[]): Arguments {
  const values: { [name in (typeof OPTIONS)[number]]?: string } = {}
  const rest: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? ''
    if (!word.startsWith('--')) {
      rest.push(word)
      continue
    }
    const [name = '', ...inline] = word.slice(2).split('=')
    const option = OPTIONS.find((known) => known === name)
    if (option === undefined) throw new UsageError(`unknown option --${name}`)
    const value = inline.length > 0 ? inline.join('=') : argv[++i]
    if (value === undefined || value === '') throw new UsageError(`--${name} needs a value`)
    values[option] = value
  }
  return {
    home: resolve(values.home ?? process.env['ZHISHOU_HOME'] ?? DEFAULT_HOME),
    config: values.config,
    token: values.token,
    host: values.host,
    rest,
  }
}

async function settingsOf(options: Arguments): Promise<{ readonly settings: AgentSettings; readonly home: string }> {
  const settings = await loadAgentSettings(options.home, [...sources.map((source) => source.name), ...OWN_SOURCES], options.config)
  return { settings, home: settings.home ?? options.home }
}

function enabled(settings: AgentSettings): readonly Source[] {
  return sources.filter((source) => !settings.disabled.includes(source.name))
}

function logOf(settings: AgentSettings): Log {
  return createLog(settings.log, (line) => process.stdout.write(line), Date.now)
}

/** Runs one command; resolves with the exit code: 0 fine, 1 failed or mistakes found, 2 wrong use. */
export async function runAgentCommand(argv: readonly string[]): Promise<number> {
  const [command, ...words] = argv
  const fail = (text: string): void => void process.stderr.write(`zhishou agent: ${text}\n`)
  try {
    const options = readArguments(words)
    if (options.rest.length > 0 && command !== 'check-config') throw new UsageError(`unexpected ${options.rest.join(' ')}`)
    switch (command ?? '') {
      case 'run':
        return await run(options)
      case 'once':
        return await onceCommand(options)
      case 'enrol':
        return await enrolCommand(options)
      case 'identity':
        process.stdout.write(`${JSON.stringify(await readIdentity(localHost()))}\n`)
        return 0
      case 'check-config':
        await settingsOf({ ...options, config: options.rest[0] ?? options.config })
        process.stdout.write('agent.yml: ok\n')
        return 0
      case 'help':
      case '--help':
        process.stdout.write(USAGE)
        return 0
      default:
        throw new UsageError(command === undefined ? 'which command?' : `unknown command ${command}`)
    }
  } catch (error) {
    if (error instanceof UsageError) {
      fail(`${error.message}\n\n${USAGE}`)
      return 2
    }
    if (error instanceof SettingsError) process.stderr.write(`${error.mistakes.join('\n')}\n`)
    else fail(errorText(error))
    return 1
  }
}

/** What stands between node and the command that started this very program: the bundle, or `zhishou agent`. */
function agentArguments(): readonly string[] {
  return ['--no-warnings', process.argv[1] ?? '', ...(process.argv[2] === 'agent' ? ['agent'] : [])]
}

async function run(options: Arguments): Promise<number> {
  const { settings, home } = await settingsOf(options)
  const log = logOf(settings)
  const identity = loadIdentity(home)
  if (identity === undefined) throw new Error(`本机尚未登记：请先运行 enrol --token … (not enrolled: no identity in ${home})`)
  const host = localHost()
  const all = [...enabled(settings), identitySource(host, agentArguments())]
  const agent = await startAgent({ home, settings, identity, host, sources: all, version: packageJson.version, log })
  const page = settings.metrics === undefined ? undefined : await (await import('./metrics-page.ts')).startMetricsPage(settings.metrics, agent.stats)

  await new Promise<void>((resolve) => {
    // A second signal of the same kind must not kill what the first is stopping; the time limit below does that.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve())
    // Started over an IPC channel (`zhishou up`): when the starter is gone, however it went, the agent goes too.
    if (process.connected) process.once('disconnect', () => resolve())
    process.channel?.unref()
  })
  const late = setTimeout(() => {
    log('error', 'agent: stopping took too long', { limitMs: STOP_MS })
    process.exit(1)
  }, STOP_MS)
  page?.close()
  await agent.stop()
  clearTimeout(late)
  return 0
}

async function onceCommand(options: Arguments): Promise<number> {
  const { settings } = await settingsOf(options)
  const failures = await once(localHost(), enabled(settings), (text) => void process.stdout.write(text), packageJson.version)
  for (const failure of failures) process.stderr.write(`${failure}\n`)
  return 0
}

async function enrolCommand(options: Arguments): Promise<number> {
  if (options.token === undefined) throw new UsageError('enrol needs --token')
  // Loaded only here: it brings node:https, which a running agent has no use for and would pay 0.7 MB.
  const { enrol, EnrolError, parseToken } = await import('./enrol.ts')
  const { home } = await settingsOf(options)
  const token = parseToken(options.token, Date.now())
  if (options.host === undefined && token.host !== hostname()) {
    process.stderr.write(`提示：令牌是为 ${token.host} 生成的，本机名称是 ${hostname()}，将以 ${token.host} 登记 (enrolling as ${token.host})\n`)
  }
  try {
    makeFolder(home)
  } catch (cause) {
    throw new EnrolError(`无法建立目录 ${home}`, `cannot make ${home}`, cause)
  }
  const identity = await enrol(token, options.host ?? token.host, Date.now)
  try {
    saveIdentity(home, identity)
  } catch (cause) {
    throw new EnrolError(`登记成功，但无法写入 ${home}；令牌已用掉，请重新生成`, `enrolled, but ${home} cannot be written; a new token is needed`, cause)
  }
  process.stdout.write(`已登记为 ${identity.instance} (enrolled as ${identity.instance})\n`)
  return 0
}
