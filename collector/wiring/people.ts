/** Everybody the site knows: the duty file's people and the accounts, brought together. */
import type { Kysely } from 'kysely'
import { linkPerson, linkedAccounts } from '../access/account-links.ts'
import { findPerson, knownPeople } from '../access/known-people.ts'
import type { KnownPerson } from '../access/known-people.ts'
import { localDay } from '../duty/local-time.ts'
import type { Duty } from '../duty/run.ts'
import type { State } from '../state/open.ts'
import type { Schema } from '../state/schema.ts'
import type { AccountsDependencies } from '../web/accounts-dependencies.ts'

/** People who are in the team today, and accounts that may be used. */
export async function peopleNow(duty: Pick<Duty, 'plan'>, db: Kysely<Schema>, now: number): Promise<readonly KnownPerson[]> {
  const { file, zone } = duty.plan()
  const today = localDay(zone, now)
  return knownPeople([...file.people.values()].filter(({ from, until }) => (from ?? today) <= today && today <= (until ?? today)), await linkedAccounts(db))
}

/** Accounts and their persons as the web's routes ask for them. */
export function accountsRoom(parts: { readonly state: State; readonly duty: Pick<Duty, 'plan'>; now(): number }): AccountsDependencies {
  const { state, duty, now } = parts
  return {
    async links() {
      const people = [...duty.plan().file.people.values()].map(({ id, name }) => ({ id, name }))
      return { accounts: await linkedAccounts(state.db), people }
    },
    async link(user, person, actor) {
      const people = knownPeople(duty.plan().file.people.values(), [])
      const found = person === null ? undefined : findPerson(person, people)
      if (found?.kind === 'unknown') return { kind: 'refused', status: 422, code: 'unknown-person', message: `值班表中没有“${person ?? ''}”${found.near.length === 0 ? '' : `，相近的有：${found.near.join('、')}`}` }
      if (await linkPerson(state, user, found?.person.person ?? null, actor, now())) return { kind: 'done', value: undefined }
      return { kind: 'refused', status: 404, code: 'not-found', message: '没有这个账号' }
    },
  }
}
