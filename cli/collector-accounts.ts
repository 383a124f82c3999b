/** `zhishou collector account`, `reset-password` and `link-person`: what whoever owns the machine may do about accounts. */
import { readFileSync } from 'node:fs'
import { linkPerson } from '../collector/access/account-links.ts'
import { createAccess } from '../collector/access/accounts.ts'
import { firstMakes, isRole, securityMakes } from '../collector/access/matrix.ts'
import { findPerson, knownPeople, label } from '../collector/access/known-people.ts'
import { checkAlertFiles } from '../collector/alert-files.ts'
import { loadCollectorSettings } from '../collector/config.ts'
import type { Subcommand } from './help.ts'
import { UsageError, homeFolder, readOptions } from './options.ts'
import { shellActor, withState } from './state.ts'

/** `account` */
export const accountCommand: Subcommand = {
  usage: 'account add --user NAME --role ROLE [--by SECURITY-ADMIN] [--home DIR]',
  summary: 'a new account; its one-time password is printed once',
  details: `--user NAME     2 to 32 of lower-case letters, digits, dot, dash and underscore, a letter first.
--role ROLE     ${firstMakes.join(', ')}: without --by, by whoever owns the machine;
                ${securityMakes.join(', ')}: by a security administrator.
--by NAME       the account of a security administrator; its password is read from standard input (one line).
The password is printed on standard output, good for one sign-in, which must replace it. Whose account it is, link-person says.`,
  run: account,
}

/** `reset-password` */
export const resetPasswordCommand: Subcommand = {
  usage: 'reset-password --user NAME [--home DIR]',
  summary: 'a new one-time password; ends a lock and all sessions',
  details: `--user NAME     the account, such as admin.
The password is printed on standard output, good for one sign-in, which must replace it.`,
  run: resetPassword,
}

/** `link-person` */
export const linkPersonCommand: Subcommand = {
  usage: 'link-person --user NAME [--person ID] [--home DIR]',
  summary: 'whose account it is, by an id of duty.yml; without --person nobody\'s',
  details: `--user NAME     the account.
--person ID     a person of the duty file in use.`,
  run: linkAccount,
}

/** Makes an account. */
async function account(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, ['home', 'user', 'role', 'by'])
  const { user = '', role = '', by } = values
  if (positionals.length !== 1 || positionals[0] !== 'add' || user === '' || role === '') throw new UsageError('expected add --user NAME --role ROLE')
  if (!isRole(role)) throw new UsageError(`no role ${role}; expected one of ${[...firstMakes, ...securityMakes].join(', ')}`)
  const now = Date.now()
  const maker = by === undefined ? undefined : { user: by, password: readFileSync(0, 'utf8').split(/\r?\n/)[0] ?? '' }
  return withState(homeFolder(values['home']), now, async (state) => {
    const outcome = await createAccess(state).createAccount({ user, role }, maker, shellActor(), now)
    if (outcome.kind === 'refused') throw new Error(outcome.message)
    process.stdout.write(`${outcome.value}\n`)
    process.stderr.write('Good for one sign-in, which must replace it.\n')
    return 0
  })
}

/** A new one-time password for an account, its lock and its sessions ended. */
async function resetPassword(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, ['home', 'user'])
  const user = values['user'] ?? ''
  if (positionals.length > 0 || user === '') throw new UsageError('expected --user NAME')
  const now = Date.now()
  return withState(homeFolder(values['home']), now, async (state) => {
    const password = await createAccess(state).resetPassword(user, shellActor(), now)
    if (password === undefined) throw new Error(`no account ${user}`)
    process.stdout.write(`${password}\n`)
    process.stderr.write('Good for one sign-in, which must replace it.\n')
    return 0
  })
}

/** Says which person of the duty file uses an account. */
async function linkAccount(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, ['home', 'user', 'person'])
  const { user = '', person: word } = values
  if (positionals.length > 0 || user === '') throw new UsageError('expected --user NAME, and --person ID or nothing')
  const home = homeFolder(values['home'])
  const now = Date.now()
  return withState(home, now, async (state) => {
    const found = word === undefined ? undefined : findPerson(word, knownPeople(checkAlertFiles(loadCollectorSettings(home)).duty.file.people.values(), []))
    if (found?.kind === 'unknown') throw new Error(`nobody in the duty file is ${word ?? ''}${found.near.length === 0 ? '' : `, did you mean ${found.near.join(' or ')}?`}`)
    if (!(await linkPerson(state, user, found?.person.person ?? null, shellActor(), now))) throw new Error(`no account ${user}`)
    process.stdout.write(`${user}: ${found === undefined ? 'linked to nobody' : label(found.person)}\n`)
    return 0
  })
}
