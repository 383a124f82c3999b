import { describe, expect, it } from 'vitest'
import { notifySettings } from './settings.ts'

const mail = { kind: 'email', host: 'mail.example.org', from: 'zhishou@example.org' }
const sms = { kind: 'sms-http', url: 'http://sms.example.org/send', body: 'm={phone}&c={content}', success: '^0' }
const channels = (one: Record<string, unknown>) => ({ channels: { one } })

describe('notifySettings', () => {
  it('has the defaults people rely on', () => {
    expect(notifySettings.parse(undefined)).toEqual({ channels: {}, alertmanagers: [], decisionRetention: 90 * 86_400_000, serviceAliases: {} })
    const parsed = notifySettings.parse({ channels: { mail, sms, a: { kind: 'wecom', keyEnv: 'K' }, b: { kind: 'dingtalk', tokenEnv: 'T', secretEnv: 'S' }, c: { kind: 'feishu', hookEnv: 'H', secretEnv: 'S' } } })
    expect(parsed.channels['mail']).toEqual({ ...mail, port: 587, secure: false, plain: false, perMinute: 30, alone: 3, gather: 10_000, timeout: 15_000, detail: 'full' })
    expect(parsed.channels['sms']).toMatchObject({ perPerson: 3, perPersonWindow: 600_000, gather: 30_000, maxSegments: 1, detail: 'minimal' })
    // The documented rates.
    expect(Object.values(parsed.channels).slice(2)).toMatchObject([{ perMinute: 20, detail: 'minimal' }, { perMinute: 20 }, { perMinute: 100, perSecond: 5 }])
  })

  it.each([
    ['an unknown key', channels({ ...mail, tls: true }), 'channels.one'],
    ['a kind that is none', channels({ ...mail, kind: 'pigeon' }), 'channels.one.kind'],
    ['a channel name with capitals', { channels: { Mail: mail } }, 'channels.Mail'],
    ['receivers, which routes.yml has now', { receivers: [] }, ''],
    ['two outside Alertmanagers at one address', { alertmanagers: [{ url: 'http://a' }, { url: 'http://a' }] }, 'alertmanagers.1.url'],
    ['a password in the address of an Alertmanager', { alertmanagers: [{ url: 'http://u:p@a' }] }, 'alertmanagers.0.url'],
    ['an explanation that is forgotten at once', { decisionRetention: '1h' }, 'decisionRetention'],
    ['a header in an address', channels({ ...mail, from: 'a@example.org\nBcc: b@example.org' }), 'channels.one.from'],
    ['a user without a secret', channels({ ...mail, user: 'u' }), 'channels.one.passwordFile'],
    ['a secret without a user', channels({ ...mail, passwordFile: '/x' }), 'channels.one.user'],
    ['two secrets', channels({ ...mail, user: 'u', passwordFile: '/x', passwordEnv: 'X' }), 'channels.one.passwordEnv'],
    ['a secret given in the file itself', channels({ ...mail, user: 'u', password: 'p' }), 'channels.one'],
    ['sign-in on a plain relay elsewhere', channels({ ...mail, plain: true, user: 'u', passwordFile: '/x' }), 'channels.one.user'],
    ['plain and secure', channels({ ...mail, plain: true, secure: true }), 'channels.one.plain'],
    ['a robot without its key', channels({ kind: 'wecom' }), 'channels.one.keyFile'],
    ['a DingTalk robot that does not sign', channels({ kind: 'dingtalk', tokenEnv: 'T' }), 'channels.one.secretFile'],
    ['more than a robot may', channels({ kind: 'wecom', keyEnv: 'K', perMinute: 21 }), 'channels.one.perMinute'],
    ['a password in an address', channels({ kind: 'webhook', url: 'https://u:p@example.org/' }), 'channels.one.url'],
    ['a password in the address of a proxy', channels({ kind: 'wecom', keyEnv: 'K', proxy: 'http://u:p@proxy.example.org' }), 'channels.one.proxy'],
    ['a wait that is too short', channels({ kind: 'wecom', keyEnv: 'K', timeout: '1s' }), 'channels.one.timeout'],
    ['an SMS without its content', channels({ ...sms, body: 'm={phone}' }), 'channels.one.body'],
    ['a place nobody fills', channels({ ...sms, body: 'm={phone}&c={content}&p={secret.password}' }), 'channels.one.body'],
    ['a body of a GET', channels({ ...sms, method: 'GET' }), 'channels.one.body'],
    ['a pattern that cannot be read', channels({ ...sms, success: '(' }), 'channels.one.success'],
    ['a pattern that needs to look back', channels({ ...sms, success: '(a)\\1' }), 'channels.one.success'],
    ['a secret of an SMS gateway without a place to read it', channels({ ...sms, secrets: { password: {} } }), 'channels.one.secrets.password'],
    ['a template variable of unknown fields', channels({ kind: 'sms-aliyun', accessKeyId: 'i', secretEnv: 'S', signName: 's', templateCode: 'T', variables: { a: '{host}' } }), 'channels.one.variables.a'],
    ['a link that is no address', { consoleUrl: 'javascript:alert(1)' }, 'consoleUrl'],
  ])('refuses %s', (_, value, path) => {
    const result = notifySettings.safeParse(value)
    expect(result.success).toBe(false)
    expect(result.error?.issues.map((issue) => issue.path.join('.'))).toContain(path)
  })
})
