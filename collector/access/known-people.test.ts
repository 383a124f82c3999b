import { describe, expect, it } from 'vitest'
import { findPerson, isMe, knownPeople, label, mayBeSame, whoIs } from './known-people.ts'

const roster = [{ id: 'engineer-1', name: '示例工程师一' }, { id: 'engineer-2', name: '示例工程师二' }, { id: 'lead-1', name: '示例组长' }]
const accounts = [{ user: 'admin', role: 'system-admin', person: 'lead-1' }, { user: 'ops', role: 'duty', person: null }, { user: 'engineer-2', role: 'duty', person: null }, { user: 'gone', role: 'duty', person: 'left-the-team' }]
const people = knownPeople(roster, accounts)
const known = (word: string) => {
  const found = findPerson(word, people)
  if (found.kind === 'unknown') throw new Error(`${word}: ${found.near.join('、')}`)
  return found.person
}

describe('whom the site knows', () => {
  it('is each person of the roster with the linked accounts, and each account that is linked to nobody there', () => {
    expect(people.map(label)).toEqual(['示例工程师一（engineer-1）', '示例工程师二（engineer-2）', '示例组长（lead-1）', 'ops', 'engineer-2', 'gone'])
    expect(people.map(whoIs)).toEqual([
      { kind: 'person', id: 'engineer-1' }, { kind: 'person', id: 'engineer-2' }, { kind: 'person', id: 'lead-1' },
      { kind: 'account', id: 'ops' }, { kind: 'account', id: 'engineer-2' }, { kind: 'account', id: 'gone' },
    ])
  })

  it('finds by id, account and name; one human being by any of them', () => {
    expect(['lead-1', 'admin', '示例组长'].map((word) => whoIs(known(word)))).toEqual(Array.from({ length: 3 }, () => ({ kind: 'person', id: 'lead-1' })))
    expect(whoIs(known('ops'))).toEqual({ kind: 'account', id: 'ops' })
  })

  it('answers a slip with what may have been meant, and nonsense with nobody', () => {
    expect(findPerson('示例工程师三', people)).toEqual({ kind: 'unknown', near: ['示例工程师一（engineer-1）', '示例工程师二（engineer-2）'] })
    expect(findPerson('Admn', people)).toEqual({ kind: 'unknown', near: ['示例组长（lead-1）'] })
    expect(findPerson('张三', people)).toEqual({ kind: 'unknown', near: [] })
    expect(findPerson('', people)).toEqual({ kind: 'unknown', near: [] })
    const many = knownPeople(Array.from({ length: 20 }, (_, index) => ({ id: `p-${index}`, name: `工程师${index}` })), [])
    expect(findPerson('工程师', many)).toMatchObject({ near: { length: 5 } })
  })

  it('of two of one name neither is taken by the name', () => {
    const twins = knownPeople([{ id: 'li-1', name: '李工' }, { id: 'li-2', name: '李工' }], [])
    expect(findPerson('李工', twins)).toEqual({ kind: 'unknown', near: ['李工（li-1）', '李工（li-2）'] })
    expect(findPerson('li-2', twins)).toMatchObject({ kind: 'known', person: { person: 'li-2' } })
  })

  it('mine goes by the link, not by what names look like', () => {
    expect(isMe({ kind: 'person', id: 'lead-1' }, { user: 'admin', person: 'lead-1' })).toBe(true)
    expect(isMe({ kind: 'person', id: 'engineer-2' }, { user: 'engineer-2', person: null })).toBe(false)
    expect(isMe({ kind: 'account', id: 'ops' }, { user: 'ops', person: 'lead-1' })).toBe(true)
  })

  it('a second person is not made by leaving out the link', () => {
    expect(['admin', 'ops', 'engineer-2'].map((user) => mayBeSame(known('示例组长'), user))).toEqual([true, false, false])
    expect(mayBeSame(known('engineer-2'), 'engineer-2')).toBe(true)
  })
})
