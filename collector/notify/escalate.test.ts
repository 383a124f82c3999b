import { expect, it } from 'vitest'
import type { Person } from '../duty/duty-file.ts'
import { waysTo } from './escalate.ts'
import type { ChannelKinds } from './escalate.ts'

const person = (id: string, addresses: Person['addresses']) => ({ as: 'on-call', person: { id, name: id, roles: [], addresses, from: undefined, until: undefined } })
const both = person('both', { mail: 'both@example.org', phone: '10001' })
const mailOnly = person('mail-only', { mail: 'mail-only@example.org' })
const channels: ChannelKinds = new Map([['mail', 'email'], ['sms', 'sms-http'], ['room', 'wecom']])
const told = (names: readonly string[], everyWay: boolean): readonly string[] => waysTo([both, mailOnly], { channels: names, everyWay }, channels).map(({ channel, to }) => `${channel} ${to.join(',')}`)

it('goes by every way where any step does, and by the robot that another step names', () => {
  expect(told([], true)).toEqual(['mail both@example.org', 'mail mail-only@example.org', 'sms 10001'])
  expect(told(['sms', 'room'], true)).toEqual(['mail both@example.org', 'mail mail-only@example.org', 'sms 10001', 'room room'])
})

it('tells who has no phone by mail where only SMS is named, and nobody in person where only a robot is', () => {
  expect(told(['sms'], false)).toEqual(['mail mail-only@example.org', 'sms 10001'])
  expect(told(['room'], false)).toEqual(['room room'])
})
