/** `zhishou collector …` */
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { checkConfig } from '../collector/check-config.ts'
import type { ConfigVerdict } from '../collector/check-config.ts'
import { collectorText } from '../collector/config.ts'
import { errorText } from '../collector/log.ts'
import { startCollector } from '../collector/main.ts'
import { SettingsError } from '../protocol/settings.ts'
import { accountCommand, linkPersonCommand, resetPasswordCommand } from './collector-accounts.ts'
import { tokenCommand, tokensCommand } from './collector-tokens.ts'
import { runSubcommand } from './help.ts'
import type { Subcommand } from './help.ts'
import { UsageError, homeFolder, readFlags, readListen, readOptions } from './options.ts'
import { askedToStop } from './stop.ts'

const commands: Readonly<Record<string, Subcommand>> = {
  run: {
    usage: 'run [--home DIR] [--http HOST:PORT] [--tls HOST:PORT]',
    summary: 'the collector, until SIGINT or SIGTERM',
    details: `--home DIR      its folder; else ZHISHOU_HOME, else ./data. Settings are DIR/collector.yml.
--http, --tls   listen there instead of where the settings say; plain HTTP only on loopback.
SIGHUP takes changed files of alerting into use (routes, duty, topology, rules …), as POST /-/reload does; collector.yml itself
is read at the start only.`,
    run,
  },
  'check-config': {
    usage: 'check-config [--home DIR] [--strict] [FILE]',
    summary: 'every mistake in collector.yml and in all files it names',
    details: `FILE            instead of DIR/collector.yml; relative paths in it begin at --home, else at its own folder.
--strict        warnings fail, too.
Mistakes keep the collector from starting and fail (1). Warnings are printed and do not: people without an address on any
channel that their escalation uses, receivers nobody can reach, shipped routes whose channel is not set up, services
without members, calendar years that are missing, gaps in the rota of the next 14 days, an SMS budget without its year.`,
    run: check,
  },
  token: tokenCommand,
  tokens: tokensCommand,
  account: accountCommand,
  'reset-password': resetPasswordCommand,
  'link-person': linkPersonCommand,
}

/** Runs one; resolves with the exit code. */
export async function collectorCommand(argv: readonly string[]): Promise<number> {
  try {
    return await runSubcommand('zhishou collector', commands, argv, (text) => void process.stdout.write(text))
  } catch (error) {
    process.stderr.write(`zhishou collector: ${errorText(error)}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

async function run(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, ['home', 'http', 'tls'])
  if (positionals.length > 0) throw new UsageError(`unexpected ${positionals.join(' ')}`)
  const http = readListen(values['http'], 'http')
  const tls = readListen(values['tls'], 'tls')
  const asked = askedToStop(['SIGINT', 'SIGTERM'])
  // From the first moment on: a hang-up during the start must not end it. One that comes then has its files anyhow.
  let reload = (): void => undefined
  process.on('SIGHUP', () => reload())
  const collector = await startCollector({ home: homeFolder(values['home']), ...(http === undefined ? {} : { http }), ...(tls === undefined ? {} : { tls }) })
  reload = () => void collector.reload().catch((error: unknown) => process.stderr.write(`zhishou collector: reload: ${errorText(error)}\n`))
  await asked
  await collector.close()
  return 0
}

async function check(argv: readonly string[]): Promise<number> {
  const { rest, flags } = readFlags(argv, ['strict'])
  const { values, positionals } = readOptions(rest, ['home'])
  if (positionals.length > 1) throw new UsageError(`unexpected ${positionals.slice(1).join(' ')}`)
  const [named] = positionals
  const home = homeFolder(values['home'])
  const { mistakes, warnings } = await verdict(named, home, named === undefined || values['home'] !== undefined ? home : dirname(resolve(named)))
  for (const mistake of mistakes) process.stdout.write(`${mistake}\n`)
  for (const warning of warnings) process.stdout.write(`warning: ${warning}\n`)
  const failed = mistakes.length > 0 || (flags.has('strict') && warnings.length > 0)
  if (!failed) process.stdout.write(`ok: ${named ?? (existsSync(join(home, 'collector.yml')) ? join(home, 'collector.yml') : 'no collector.yml, the defaults hold')}\n`)
  return failed ? 1 : 0
}

async function verdict(named: string | undefined, home: string, base: string): Promise<ConfigVerdict> {
  try {
    return await checkConfig(named === undefined ? collectorText(home) : readFile(named), named === undefined ? 'collector.yml' : basename(named), base, Date.now())
  } catch (error) {
    if (error instanceof SettingsError) return { mistakes: error.mistakes, warnings: [] }
    throw error
  }
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new SettingsError([`${path}: cannot be read (${cause instanceof Error ? cause.message : String(cause)})`])
  }
}
