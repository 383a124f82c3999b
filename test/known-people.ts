/** Everybody that a test's room may name: accounts linked to nobody. */
import { knownPeople } from '../collector/access/known-people.ts'
import type { KnownPerson } from '../collector/access/known-people.ts'

export function accountsOf(...users: readonly string[]): () => Promise<readonly KnownPerson[]> {
  return () => Promise.resolve(knownPeople([], users.map((user) => ({ user, role: 'duty', person: null }))))
}
