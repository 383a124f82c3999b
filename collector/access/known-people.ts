/**
 * Whom the site knows by name: people of the duty file, accounts, and which of them are one (pure). Whoever is named as
 * having called, confirmed, or being in charge is looked up here, so that a slip of the pen answers for nothing.
 */

/** One human being. `person`: id in the duty file; null for an account that is linked to nobody. */
export interface KnownPerson {
  readonly name: string
  readonly person: string | null
  readonly accounts: readonly string[]
}

/** An account that may be used, and the person of the duty file it is linked to. */
export interface LinkedAccount {
  readonly user: string
  readonly role: string
  readonly person: string | null
}

/** How a named one is stored beside the name: it outlives a change of the name. */
export interface Who {
  readonly kind: 'person' | 'account'
  readonly id: string
}

/** Everybody: each person of the roster with the accounts linked to it, and each account that is linked to nobody there. */
export function knownPeople(roster: Iterable<{ readonly id: string; readonly name: string }>, accounts: readonly LinkedAccount[]): readonly KnownPerson[] {
  const people = [...roster].map(({ id, name }) => ({ name, person: id, accounts: accounts.filter((one) => one.person === id).map((one) => one.user) }))
  const linked = new Set(people.flatMap((one) => one.accounts))
  return [...people, ...accounts.filter(({ user }) => !linked.has(user)).map(({ user }) => ({ name: user, person: null, accounts: [user] }))]
}

/** What a word comes to. `near`: what may have been meant, as people read it; of several of one name all. */
export type Found = { readonly kind: 'known'; readonly person: KnownPerson } | { readonly kind: 'unknown'; readonly near: readonly string[] }

/** Looks a word up: an id of the duty file, an account, or a name that only one of them has. */
export function findPerson(word: string, people: readonly KnownPerson[]): Found {
  const exact = people.find((one) => one.person === word) ?? people.find((one) => one.accounts.includes(word))
  if (exact !== undefined) return { kind: 'known', person: exact }
  const [only, ...others] = people.filter((one) => one.name === word)
  if (only !== undefined && others.length === 0) return { kind: 'known', person: only }
  return { kind: 'unknown', near: (only === undefined ? nearest(word, people) : [only, ...others]).map(label) }
}

/** Most that are offered where a name is not known. */
const OFFERED = 5

/** Those of whom the name, the id or an account shares at least half of its letters with the word, the nearest first. */
function nearest(word: string, people: readonly KnownPerson[]): readonly KnownPerson[] {
  return people
    .map((one) => ({ one, near: Math.max(...[one.name, one.person ?? '', ...one.accounts].map((known) => likeness(word.toLowerCase(), known.toLowerCase()))) }))
    .filter(({ near }) => near >= 0.5)
    .sort((a, b) => b.near - a.near)
    .slice(0, OFFERED)
    .map(({ one }) => one)
}

/** Share of the letters that two words have in common, order aside, from 0 to 1. */
function likeness(a: string, b: string): number {
  if (a === '' || b === '') return 0
  const [letters, left] = [Array.from(a), Array.from(b)]
  const longer = Math.max(letters.length, left.length)
  let shared = 0
  for (const letter of letters) {
    const at = left.indexOf(letter)
    if (at === -1) continue
    left.splice(at, 1)
    shared++
  }
  return shared / longer
}

/** `张三（zhang-san）`: as it is offered. */
export const label = ({ name, person, accounts }: KnownPerson): string => {
  const id = person ?? accounts[0] ?? name
  return id === name ? name : `${name}（${id}）`
}

/** How somebody is stored beside the name. */
export function whoIs({ name, person, accounts }: KnownPerson): Who {
  return person === null ? { kind: 'account', id: accounts[0] ?? name } : { kind: 'person', id: person }
}

/** Whether a stored one is whoever is signed in with that account. */
export function isMe(who: Who, me: Pick<LinkedAccount, 'user' | 'person'>): boolean {
  return who.kind === 'person' ? who.id === me.person : who.id === me.user
}

/**
 * Whether a named one may be the same human being as an account. An account that is not linked is taken for the person
 * whose id it has: a second person must not be made by leaving out the link.
 */
export function mayBeSame(named: KnownPerson, user: string): boolean {
  return named.accounts.includes(user) || named.person === user || named.name === user
}
