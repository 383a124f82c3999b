/**
 * Feishu robot: POST …/bot/v2/hook/ID; timestamp (seconds, as a text) and sign stand in the body, ≤ 20 KB, 100 a minute
 * and 5 a second. `code` ≠ 0 is a failure. Codes: 19021 signature or clock, 19022 address, 19024 keyword, 19001 bad id,
 * 19007 robot switched off, 9499/19002/10208 the message itself, 11232 over the rate. Source: the vendor's page on custom robots.
 */
import { createHmac } from 'node:crypto'
import type { ChannelKind } from './channel.ts'
import { openHttp } from './http-call.ts'
import { ALONE_UP_TO, MINUTE_WITH_MARGIN_MS, cutBytes, openRobot } from './robot.ts'
import { needSecret } from './secret.ts'

/** Body limit 20 KB, less what the card around the text takes; escapes in JSON may double a part of it. */
const MARKDOWN_BYTES = 9_000

const misconfigured = new Set([19_021, 19_022, 19_024, 19_001, 19_003, 19_005, 19_007])
const unsendable = new Set([9_499, 19_002, 10_208, 11_246])

const colours = { critical: 'red', warning: 'orange', info: 'blue' } as const

/** base64(HMAC-SHA256(key = `timestamp\nsecret`, nothing)): DingTalk's the other way round, and in seconds. */
export function feishuSign(secret: string, timestampSeconds: number): string {
  return createHmac('sha256', `${timestampSeconds}\n${secret}`).digest('base64')
}

/** The registry's entry. */
export const feishu: ChannelKind<'feishu'> = {
  kind: 'feishu',
  open(name, settings, world, timeoutMs) {
    const key = `notify.channels.${name}`
    const hook = needSecret(`${key}.hook`, settings.hookFile, settings.hookEnv, world)
    const secret = needSecret(`${key}.secret`, settings.secretFile, settings.secretEnv, world)
    return openRobot(
      {
        name, perMinute: settings.perMinute, detail: settings.detail, url: settings.url, secrets: [hook, secret],
        digest: {
          by: 'channel', gatherMs: 0, aloneUpTo: ALONE_UP_TO,
          windows: [{ max: settings.perMinute, ms: MINUTE_WITH_MARGIN_MS }, { max: settings.perSecond, ms: 1_100 }],
        },
        ask(message) {
          const seconds = Math.floor(Date.now() / 1_000)
          const card = {
            header: { title: { tag: 'plain_text', content: cutBytes(message.subject, 300) }, template: colours[message.severity] },
            elements: [{ tag: 'markdown', content: cutBytes(message.markdown, MARKDOWN_BYTES) }],
          }
          const body = { timestamp: String(seconds), sign: feishuSign(secret, seconds), msg_type: 'interactive', card }
          return { method: 'POST', url: `${settings.url.replace(/\/+$/, '')}/${encodeURIComponent(hook)}`, headers: { 'Content-Type': 'application/json; charset=utf-8' }, body: Buffer.from(JSON.stringify(body)) }
        },
        codeField: 'code',
        textField: 'msg',
        verdict(code) {
          if (code === 0) return { kind: 'taken' }
          if (code === 11_232 || code === 99_991_400) return { kind: 'busy', afterMs: 60_000 }
          if (misconfigured.has(code)) return { kind: 'misconfigured' }
          return unsendable.has(code) ? { kind: 'refused' } : { kind: 'unknown' }
        },
      },
      openHttp(key, settings, world, timeoutMs),
    )
  },
}
