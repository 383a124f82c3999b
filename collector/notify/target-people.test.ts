import { describe, expect, it } from 'vitest'
import type { Person } from '../duty/duty-file.ts'
import type { ChannelKindName } from './channel-settings.ts'
import { peopleBehind } from './target-people.ts'

const person = (id: string, addresses: Person['addresses']): Person => ({ id, name: `姓名${id}`, roles: [], addresses, from: undefined, until: undefined })
const li = person('li', { mail: 'li@example.org' })
const wang = person('wang', { mail: 'wang@example.org', phone: '13800001234' })
const kinds: Readonly<Record<string, ChannelKindName>> = { mail: 'email', sms: 'sms-http', robot: 'wecom' }
const behind = (over: object, onDuty: readonly Person[] = [li, wang]) =>
  peopleBehind(
    { kind: 'channel', name: 'x/0', channel: 'mail', sendResolved: true, addresses: [], roster: undefined, people: [], ...over },
    { channelKind: (name) => kinds[name], hookChannel: () => undefined, recipients: () => ({ people: onDuty.map((one) => ({ person: one, as: 'on-call' })), passed: [] }), person: (id) => [li, wang].find((one) => one.id === id) },
    (roster) => `${roster} 此刻无人值班`,
  )

describe('who is behind a target', () => {
  it('those on duty who have an address of the channel, and named people', () => {
    expect(behind({ roster: 'on-call' })).toEqual({ people: ['姓名li', '姓名wang'], nobody: undefined })
    expect(behind({ channel: 'sms', roster: 'on-call' })).toEqual({ people: ['姓名wang'], nobody: undefined })
    expect(behind({ people: ['li'] })).toEqual({ people: ['姓名li'], nobody: undefined })
    expect(behind({ addresses: ['duty@example.org'] })).toEqual({ people: [], nobody: undefined })
    expect(behind({ channel: 'robot' })).toEqual({ people: [], nobody: undefined })
  })
  it('or why there is nobody', () => {
    expect(behind({ roster: 'on-call' }, []).nobody).toBe('on-call 此刻无人值班')
    expect(behind({ channel: 'sms', roster: 'on-call' }, [li]).nobody).toBe('没有人登记了手机号')
    expect(behind({}).nobody).toBe('没有写明接收人')
    expect(behind({ channel: 'fax' }).nobody).toBe('没有配置渠道 fax')
  })
})
