/** Which person of the duty file uses which account, as state.db has it. */
import type { Kysely } from 'kysely'
import { appendAudit } from '../state/audit.ts'
import type { State } from '../state/open.ts'
import type { Schema } from '../state/schema.ts'
import type { LinkedAccount } from './known-people.ts'

/** Accounts that may be used, by name. */
export async function linkedAccounts(db: Kysely<Schema>): Promise<readonly LinkedAccount[]> {
  return db.selectFrom('account').select(['user', 'role', 'person']).where('disabled_at', 'is', null).orderBy('user').execute()
}

/**
 * Says which person of the duty file uses an account; null: nobody of it. Several accounts may be one person's. Whether
 * there is such a person, the caller has looked up. false: no such account.
 */
export function linkPerson(state: State, user: string, person: string | null, actor: string, now: number): Promise<boolean> {
  return state.db.transaction().execute(async (trx) => {
    const before = await trx.selectFrom('account').select('person').where('user', '=', user).executeTakeFirst()
    if (before === undefined) return false
    if (before.person === person) return true
    await trx.updateTable('account').set({ person }).where('user', '=', user).execute()
    await appendAudit(trx, { at: now, actor, action: 'account.person', object: user, detail: { from: before.person, to: person } })
    return true
  })
}
