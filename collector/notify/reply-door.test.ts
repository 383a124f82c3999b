import { describe, expect, it } from 'vitest'
import { SettingsError } from '../../protocol/settings.ts'
import { channelSettings } from './channel-settings.ts'
import type { SettingsOf } from './channel-settings.ts'
import { encodeGbk } from './gbk.ts'
import { openReplyDoor, readPushed } from './reply-door.ts'
import type { PushFormat } from './reply-door.ts'
import { smsHttp } from './sms-http.ts'
import { encodeForUrl } from './sms-template.ts'

const form: PushFormat = { type: 'form', encoding: 'utf-8', list: undefined, phone: 'mobile', text: 'content', id: 'msgid' }
const json: PushFormat = { ...form, type: 'json' }
const bytes = (text: string): Buffer => Buffer.from(text)

describe('what gateways post', () => {
  it('is read as a form, in UTF-8 and in GBK', () => {
    expect(readPushed(bytes('mobile=13800000001&content=%E6%94%B6%E5%88%B0+4711&msgid=m1&sp=106'), form)).toEqual([{ phone: '13800000001', text: '收到 4711', id: 'm1' }])
    expect(readPushed(bytes(`mobile=13800000001&content=${encodeForUrl('收到 4711', 'gbk')}`), { ...form, encoding: 'gbk' })).toEqual([{ phone: '13800000001', text: '收到 4711', id: undefined }])
    // Some escape nothing but what they must.
    expect(readPushed(Buffer.concat([bytes('mobile=13800000001&content='), encodeGbk('好的4711')]), { ...form, encoding: 'gbk' })).toMatchObject([{ text: '好的4711' }])
  })

  it('is read as JSON: one answer, a list, or a list deeper down; numbers are phones too', () => {
    expect(readPushed(bytes('{"mobile":13800000001,"content":"4711","msgid":9}'), json)).toEqual([{ phone: '13800000001', text: '4711', id: '9' }])
    expect(readPushed(encodeGbk('[{"mobile":"13800000001","content":"好"},{"mobile":"+8613800000002","content":"4712"}]'), { ...json, encoding: 'gbk' })).toMatchObject([{ text: '好' }, { phone: '+8613800000002' }])
    expect(readPushed(bytes('{"data":{"mo":[{"from":{"mobile":"13800000001"},"content":"4711"}]}}'), { ...json, list: 'data.mo', phone: 'from.mobile' })).toEqual([{ phone: '13800000001', text: '4711', id: undefined }])
  })

  it('that is not as described is none; phones that are none are left out', () => {
    for (const text of ['', 'x', 'content=4711', 'mobile=13800000001', '__proto__=1']) expect(readPushed(bytes(text), form)).toBeUndefined()
    for (const text of ['', '{', 'null', '[]', '{"mobile":{}}', '[{"mobile":"13800000001"}]', '{"data":{}}']) {
      expect(readPushed(bytes(text), json)).toBeUndefined()
      expect(readPushed(bytes(text), { ...json, list: 'data.mo' })).toBeUndefined()
    }
    expect(readPushed(bytes('mobile=constructor&content=4711'), form)).toEqual([])
    expect(readPushed(bytes('{"content":"4711"}'), { ...json, phone: 'toString' })).toBeUndefined()
    expect(readPushed(bytes(`mobile=13800000001&content=${'9'.repeat(5_000)}`), form)![0]!.text).toHaveLength(500)
  })
})

describe('the door', () => {
  const least = { kind: 'sms-http', url: 'http://127.0.0.1:9/send', body: '{phone}{content}', success: 'OK' }
  const push = { pushSecretEnv: 'PUSH', pushPhone: 'mobile', pushText: 'content' }
  const parsed = (changes: Record<string, unknown>) => channelSettings.parse({ ...least, ...changes }) as SettingsOf<'sms-http'>
  const opened = (changes: Record<string, unknown>, secret = 'a-long-enough-secret') => openReplyDoor('notify.channels.sms', parsed(changes), { readFile: () => secret, env: { PUSH: secret } })

  it('is there only where the settings name a secret, which is long enough and fits where it stands', () => {
    expect(opened({})).toBeUndefined()
    expect(() => opened(push, 'short')).toThrow(SettingsError)
    expect(() => opened({ ...push, pushSecretIn: 'path' }, 'with/slash-and-more-text')).toThrow(/pushSecretIn/)
    expect(opened({ ...push, pushAnswer: '{"code":0}' })!.answer).toBe('{"code":0}')
    const issues = (changes: Record<string, unknown>) => channelSettings.safeParse({ ...least, ...changes }).error!.issues.map((issue) => issue.path.join('.'))
    expect(issues({ pushSecretEnv: 'PUSH' })).toEqual(['pushPhone', 'pushText'])
    expect(issues({ pushPhone: 'mobile', pushId: 'id' })).toEqual(['pushPhone', 'pushId'])
    expect(issues({ ...push, pushList: 'data' })).toEqual(['pushList'])
    expect(issues({ ...push, pushSecretFile: '/x' })).toEqual(['pushSecretEnv'])
    expect(issues({ ...push, pushPhone: '{mobile}' })).toEqual(['pushPhone'])
  })

  it('opens to the secret where the settings want it, and to nothing else', () => {
    const inHeader = opened({ ...push, pushHeader: 'X-Token' })!
    const shown = (value: string | undefined) => (name: string) => (name === 'X-Token' ? value : undefined)
    expect(inHeader.admits(shown('a-long-enough-secret'), undefined)).toBe(true)
    for (const value of [undefined, '', 'a-long-enough-secre', 'a-long-enough-secret ', 'A-long-enough-secret']) expect(inHeader.admits(shown(value), 'a-long-enough-secret')).toBe(false)
    const inPath = opened({ ...push, pushSecretIn: 'path' })!
    expect(inPath.admits(() => undefined, 'a-long-enough-secret')).toBe(true)
    expect(inPath.admits(() => 'a-long-enough-secret', undefined)).toBe(false)
  })
  it('is the channel\'s, so that its messages carry a code to answer with', () => {
    const world = { readFile: () => '', env: { PUSH: 'a-long-enough-secret' } }
    expect(smsHttp.open('sms', parsed(push), world).push!.read(bytes('mobile=13800000001&content=4711'))).toMatchObject([{ text: '4711' }])
    expect(smsHttp.open('sms', parsed({}), world).push).toBeUndefined()
  })
})
