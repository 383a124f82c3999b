/** `zhishou collector token` and `tokens`: how machines and programs come to speak to the collector. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { createAccess } from '../collector/access/accounts.ts'
import type { Access } from '../collector/access/accounts.ts'
import { createStateIdentities } from '../collector/access/identities-state.ts'
import { isTokenRole, tokenRoles } from '../collector/access/matrix.ts'
import { openPki } from '../collector/access/pki.ts'
import type { TokenEntry } from '../collector/access/program-tokens.ts'
import { makeToken } from '../collector/access/tokens.ts'
import { loadCollectorSettings } from '../collector/config.ts'
import { LINK_ADDRESS } from '../collector/main.ts'
import { appendAudit } from '../collector/state/audit.ts'
import { hostName } from '../collector/web/routes/agents.ts'
import { parseDurationMs } from '../protocol/settings.ts'
import type { Subcommand } from './help.ts'
import { UsageError, homeFolder, readOptions } from './options.ts'
import { shellActor, withState } from './state.ts'

const ENROL_LIFE_MS = 24 * 3_600_000
const LEAST_LIFE_MS = 60_000
/** Five years: whoever wants more makes another one. */
const LONGEST_LIFE_MS = 1_830 * 86_400_000

/** `token` */
export const tokenCommand: Subcommand = {
  usage: 'token --host NAME [--address https://HOST:PORT] | --role ROLE --name NAME [--expires 90d] [--home DIR]',
  summary: 'a token for a machine (--host) or for a program (--role); printed once',
  details: `--host NAME     a one-time token that enrols the agent of that machine, good for 24 hours.
  --address     where that machine reaches the collector; else as the collector last said.
--role ROLE     a bearer token for a program: ${tokenRoles.join(', ')}.
                reader only reads; duty is what amtool needs to make silences. The three administrations are for people.
  --name NAME   what it is for; the audit log shows it as token:NAME.
  --expires T   how long it is good (1m to 1830d); left out: until it is revoked.
It is printed on standard output, once; the collector keeps only its hash. May be run while the collector runs.`,
  run: token,
}

/** `tokens` */
export const tokensCommand: Subcommand = {
  usage: 'tokens list | revoke ID [--home DIR]',
  summary: "programs' tokens: list them, or end one",
  details: `list            one a line: id, role, name, made, good until, state. No token's text is kept anywhere.
revoke ID       ends it at once.`,
  run: tokens,
}

async function token(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, ['home', 'host', 'address', 'role', 'name', 'expires'])
  if (positionals.length > 0) throw new UsageError(`unexpected ${positionals.join(' ')}`)
  const { host, address, role, name, expires } = values
  if ((host === undefined) === (role === undefined)) throw new UsageError('expected either --host NAME (for a machine) or --role ROLE --name NAME (for a program)')
  if (host !== undefined && (name ?? expires) !== undefined) throw new UsageError('expected no --name and no --expires with --host')
  if (role !== undefined && address !== undefined) throw new UsageError('expected no --address with --role')
  return host !== undefined ? enrolmentToken(host, address, homeFolder(values['home'])) : programToken(role ?? '', name, expires, homeFolder(values['home']))
}

async function enrolmentToken(text: string, address: string | undefined, home: string): Promise<number> {
  const host = hostName.safeParse(text)
  if (!host.success) throw new UsageError('expected --host NAME: letters, digits, dots, dashes and underscores')
  const now = Date.now()
  return withState(home, now, async (state) => {
    const settings = loadCollectorSettings(home)
    const pki = await openPki({ folder: join(home, 'pki'), names: [hostname(), ...settings.names] }, now)
    const last = await state.db.selectFrom('setting').select('value_json').where('key', '=', LINK_ADDRESS).executeTakeFirst()
    const url = address ?? (last === undefined ? `https://${settings.names[0] ?? hostname()}:${settings.tls.port}` : z.string().parse(JSON.parse(last.value_json)))
    const made = makeToken({ url, fingerprint: pki.fingerprint(), host: host.data, lifeMs: ENROL_LIFE_MS, now })
    await createStateIdentities(state).addToken(made.entry)
    await state.db.transaction().execute((trx) => appendAudit(trx, { at: now, actor: shellActor(), action: 'agent.token', object: host.data, detail: { expiresAt: made.entry.expiresAt } }))
    process.stdout.write(`${made.text}\n`)
    process.stderr.write(`Good once, for ${host.data}, until ${new Date(made.entry.expiresAt).toISOString()}. On that host:\n  node agent.cjs enrol --token …\n  node agent.cjs run\n`)
    return 0
  })
}

async function programToken(role: string, name: string | undefined, expires: string | undefined, home: string): Promise<number> {
  if (!isTokenRole(role)) throw new UsageError(`--role ${role}: expected one of ${tokenRoles.join(', ')}`)
  if (name === undefined || !/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,62}$/u.test(name)) throw new UsageError('expected --name NAME: letters, digits, dots, dashes and underscores')
  const lifeMs = expires === undefined ? undefined : parseDurationMs(expires)
  if (expires !== undefined && (lifeMs === undefined || lifeMs < LEAST_LIFE_MS || lifeMs > LONGEST_LIFE_MS)) throw new UsageError(`--expires ${expires}: expected a duration from 1m to 1830d, such as 90d`)
  const now = Date.now()
  return withState(home, now, async (state) => {
    const expiresAt = lifeMs === undefined ? undefined : now + lifeMs
    process.stdout.write(`${await createAccess(state).createToken({ name, role, expiresAt }, shellActor(), now)}\n`)
    process.stderr.write(`Good for ${role}, ${expiresAt === undefined ? 'until it is revoked' : `until ${new Date(expiresAt).toISOString()}`}; it is not shown again. As HTTP bearer token, or as the password of any user:\n  amtool --alertmanager.url=http://${name}:TOKEN@127.0.0.1:8600 silence add …\n`)
    return 0
  })
}

async function tokens(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, ['home'])
  const [act, id, ...more] = positionals
  if (more.length > 0 || !((act === 'list' && id === undefined) || (act === 'revoke' && id !== undefined))) throw new UsageError('expected list, or revoke ID')
  const now = Date.now()
  return withState(homeFolder(values['home']), now, async (state) => {
    const access: Access = createAccess(state)
    if (id === undefined) {
      for (const entry of await access.tokens()) process.stdout.write(`${line(entry, now)}\n`)
      return 0
    }
    if (!(await access.revokeToken(id, shellActor(), now))) throw new Error(`no token ${id} that is not revoked; see zhishou collector tokens list`)
    process.stderr.write('Revoked.\n')
    return 0
  })
}

function line({ id, role, name, createdAt, expiresAt, revokedAt }: TokenEntry, now: number): string {
  const time = (at: number): string => new Date(at).toISOString().slice(0, 16).concat('Z')
  const state = revokedAt !== undefined ? `revoked ${time(revokedAt)}` : expiresAt !== undefined && expiresAt <= now ? 'expired' : 'good'
  return [id, role, name, `made ${time(createdAt)}`, expiresAt === undefined ? 'no end' : `until ${time(expiresAt)}`, state].join('  ')
}
