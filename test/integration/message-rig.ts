import { readFileSync } from 'node:fs'
import { channelSettings } from '../../collector/notify/channel-settings.ts'
import type { ChannelSettings } from '../../collector/notify/channel-settings.ts'
import type { Channel, Message, Rendered } from '../../collector/notify/channel.ts'
import { openChannel } from '../../collector/notify/registry.ts'
import { webhookPayload } from '../../collector/notify/webhook-payload.ts'

/** Words for tests that are not about words. */
export function words(subject: string, changes: Partial<Rendered> = {}): Rendered {
  return {
    severity: 'critical', subject, text: `${subject}\n正文`, html: '<p>正文</p>', markdown: `**${subject}**`, brief: subject, answer: '', more: [], entry: { number: '', title: subject, details: [], ack: null, urgency: { kind: 'other' } },
    fields: { what: '故障', severity: '紧急', service: '网上业务信息系统', number: 'F20261122-001', left: '响应剩30 分钟', count: '1' },
    webhook: webhookPayload({ receiver: 'ops', groupKey: '{}', groupLabels: {}, externalUrl: '', alerts: [{ labels: { alertname: 'A' }, annotations: {}, startsAt: 1_000, endsAt: undefined, generatorUrl: '', fingerprint: 'f' }] }),
    ...changes,
  }
}

export const message = (changes: Partial<Message> = {}): Message => ({ ...words('【紧急】磁盘将满'), id: 'a1', to: ['one@example.org'], at: Date.UTC(2026, 10, 22), ...changes })

/** Secrets by variable, files from the disk. */
export const world = { readFile: (path: string) => readFileSync(path, 'utf8'), env: { KEY: 'key-4711', SECRET: 'SECabc+/=&', PASSWORD: 'pass word' } }

/** Settings of a channel as the product parses them. */
export const parsed = (values: Record<string, unknown>): ChannelSettings => channelSettings.parse(values)

/** A channel as the product opens it, but with short waits. */
export const channelOf = (values: Record<string, unknown>, timeoutMs = 400, name = 'c'): Channel => openChannel(name, parsed(values), world, timeoutMs)

/** The least settings of every kind, with the other side at `url`. */
export const leastSettings = (url: string): Readonly<Record<ChannelSettings['kind'], Record<string, unknown>>> => ({
  email: { kind: 'email', host: '127.0.0.1', port: 25, plain: true, from: 'zhishou@example.org' },
  'sms-http': { kind: 'sms-http', url: `${url}/send`, body: 'mobile={phone}&content={content}&id={id}&password={secret.password}', secrets: { password: { env: 'PASSWORD' } }, success: '^OK', idPattern: 'OK:(\\w+)', refused: '^NUMBER', down: '^LOGIN', signature: '值守' },
  'sms-aliyun': { kind: 'sms-aliyun', url: `${url}/`, accessKeyId: 'id', secretEnv: 'SECRET', signName: '值守', templateCode: 'SMS_1' },
  wecom: { kind: 'wecom', url: `${url}/cgi-bin/webhook/send`, keyEnv: 'KEY' },
  dingtalk: { kind: 'dingtalk', url: `${url}/robot/send`, tokenEnv: 'KEY', secretEnv: 'SECRET' },
  feishu: { kind: 'feishu', url: `${url}/open-apis/bot/v2/hook`, hookEnv: 'KEY', secretEnv: 'SECRET' },
  webhook: { kind: 'webhook', url: `${url}/hook`, user: 'u', passwordEnv: 'PASSWORD' },
})
