/** `zhishou collector …` */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { createStateIdentities } from '../collector/access/identities-state.ts'
import { openPki } from '../collector/access/pki.ts'
import { makeToken } from '../collector/access/tokens.ts'
import { checkAlertFiles } from '../collector/alert-files.ts'
import { loadCollectorSettings, parseCollectorSettings } from '../collector/config.ts'
import { LINK_ADDRESS, startCollector } from '../collector/main.ts'
import { errorText } from '../collector/log.ts'
import { openChannels } from '../collector/notify/registry.ts'
import { createAccess } from '../collector/access/accounts.ts'
import { z } from 'zod'
import { loadRules, ruleFolders } from '../collector/rules/load.ts'
import { appendAudit } from '../collector/state/audit.ts'
import { openState } from '../collector/state/open.ts'
import { hostName } from '../collector/web/routes/agents.ts'
import { SettingsError } from '../protocol/settings.ts'
import { askedToStop } from './stop.ts'
import { UsageError, homeFolder, readListen, readOptions } from './options.ts'

export async function collectorCommand(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv
  try {
    switch (command) {
      case 'run':
        return await run(rest)
      case 'check-config':
        return await checkConfig(rest)
      case 'token':
        return await token(rest)
      case 'reset-password':
        return await resetPassword(rest)
      case undefined:
        throw new UsageError('expected run, check-config, token or reset-password')
      default:
        throw new UsageError(`unknown command ${command}; expected run, check-config, token or reset-password`)
    }
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
  const asked = askedToStop()
  const collector = await startCollector({ home: homeFolder(values['home']), ...(http === undefined ? {} : { http }), ...(tls === undefined ? {} : { tls }) })
  await asked
  await collector.close()
  return 0
}

/** Every mistake in the settings and in what they name; prints one a line. */
async function checkConfig(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, ['home'])
  if (positionals.length > 1) throw new UsageError(`unexpected ${positionals.slice(1).join(' ')}`)
  const named = positionals[0]
  const home = homeFolder(values['home'])
  const mistakes: string[] = []
  const collect = async (work: () => unknown): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      mistakes.push(...error.mistakes)
    }
  }
  await collect(async () => {
    const settings = named === undefined ? loadCollectorSettings(home) : parseCollectorSettings(readFile(named), basename(named))
    await collect(() => checkAlertFiles(settings))
    await collect(() => loadRules(ruleFolders(settings.rules)))
    await collect(() => {
      for (const channel of openChannels(settings.notify, { readFile: (path) => readFileSync(path, 'utf8'), env: process.env })) channel.close()
    })
  })
  for (const mistake of mistakes) process.stdout.write(`${mistake}\n`)
  if (mistakes.length === 0) process.stdout.write(`ok: ${named ?? (existsSync(join(home, 'collector.yml')) ? join(home, 'collector.yml') : 'no collector.yml, the defaults hold')}\n`)
  return mistakes.length === 0 ? 0 : 1
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new SettingsError([`${path}: cannot be read (${cause instanceof Error ? cause.message : String(cause)})`])
  }
}

const TOKEN_LIFE_MS = 24 * 3_600_000

/** A one-time token, from beside a running collector: state.db takes several processes. */
async function token(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, ['home', 'host', 'address'])
  const host = hostName.safeParse(values['host'] ?? '')
  if (positionals.length > 0 || !host.success) throw new UsageError('expected --host NAME: letters, digits, dots, dashes and underscores')
  const home = homeFolder(values['home'])
  if (!existsSync(join(home, 'state.db')) || !statSync(home).isDirectory()) throw new Error(`${home}: no collector has been started here`)
  const settings = loadCollectorSettings(home)
  const now = Date.now()
  const pki = await openPki({ folder: join(home, 'pki'), names: [hostname(), ...settings.names] }, now)
  const state = await openState(join(home, 'state.db'), now)
  try {
    const last = await state.db.selectFrom('setting').select('value_json').where('key', '=', LINK_ADDRESS).executeTakeFirst()
    const url = values['address'] ?? (last === undefined ? `https://${settings.names[0] ?? hostname()}:${settings.tls.port}` : z.string().parse(JSON.parse(last.value_json)))
    const made = makeToken({ url, fingerprint: pki.fingerprint(), host: host.data, lifeMs: TOKEN_LIFE_MS, now })
    await createStateIdentities(state).addToken(made.entry)
    await state.db.transaction().execute((trx) => appendAudit(trx, { at: now, actor: `shell:${process.getuid?.() ?? ''}`, action: 'agent.token', object: host.data, detail: { expiresAt: made.entry.expiresAt } }))
    process.stdout.write(`${made.text}\n`)
    process.stderr.write(`Good once, for ${host.data}, until ${new Date(made.entry.expiresAt).toISOString()}. On that host:\n  node agent.cjs enrol --token …\n  node agent.cjs run\n`)
    return 0
  } finally {
    await state.close()
  }
}

/** For whoever owns the machine: a new one-time password for an account, its lock and its sessions ended. */
async function resetPassword(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, ['home', 'user'])
  const user = values['user'] ?? ''
  if (positionals.length > 0 || user === '') throw new UsageError('expected --user NAME')
  const home = homeFolder(values['home'])
  if (!existsSync(join(home, 'state.db'))) throw new Error(`${home}: no collector has been started here`)
  const now = Date.now()
  const state = await openState(join(home, 'state.db'), now)
  try {
    const password = await createAccess(state).resetPassword(user, `shell:${process.getuid?.() ?? ''}`, now)
    if (password === undefined) throw new Error(`no account ${user}`)
    process.stdout.write(`${password}\n`)
    process.stderr.write('Good for one sign-in, which must replace it.\n')
    return 0
  } finally {
    await state.close()
  }
}
