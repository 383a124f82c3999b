/**
 * DingTalk robot: POST …/robot/send?access_token=&timestamp=&sign=, 20 a minute. Who sends more is blocked for ten
 * minutes, so a storm would silence the alarms after it: what waits goes as one message, and the rate is never exceeded.
 * Codes: 130101 too fast, 310000 signature, keyword or address refused, 300001/400xxx token or robot, 40035/400105 the
 * message itself, -1 busy. Source: the vendor's pages on custom robots.
 */
import { createHmac } from 'node:crypto'
import type { ChannelKind } from './channel.ts'
import { openHttp } from './http-call.ts'
import { ALONE_UP_TO, MINUTE_WITH_MARGIN_MS, cutBytes, openRobot } from './robot.ts'
import { needSecret } from './secret.ts'

const BLOCKED_MS = 600_000
/** The documented limit of the body is 20 000 bytes; JSON escapes and the title need some of it. */
const MARKDOWN_BYTES = 16_000

const misconfigured = new Set([310_000, 300_001, 300_005, 400_101, 400_102, 400_106, 40_014, 41_001, 430_101, 430_104])
const unsendable = new Set([40_035, 400_105, 43_004, 400_013])

/** base64(HMAC-SHA256(key = secret, `timestamp\nsecret`)), the timestamp in milliseconds; still to be url-encoded. */
export function dingtalkSign(secret: string, timestampMs: number): string {
  return createHmac('sha256', secret).update(`${timestampMs}\n${secret}`).digest('base64')
}

/** The registry's entry. */
export const dingtalk: ChannelKind<'dingtalk'> = {
  kind: 'dingtalk',
  open(name, settings, world, timeoutMs) {
    const key = `notify.channels.${name}`
    const token = needSecret(`${key}.token`, settings.tokenFile, settings.tokenEnv, world)
    const secret = needSecret(`${key}.secret`, settings.secretFile, settings.secretEnv, world)
    return openRobot(
      {
        name, perMinute: settings.perMinute, detail: settings.detail, url: settings.url, secrets: [token, secret],
        digest: { by: 'channel', windows: [{ max: settings.perMinute, ms: MINUTE_WITH_MARGIN_MS }], gatherMs: 0, aloneUpTo: ALONE_UP_TO },
        ask(message) {
          const now = Date.now()
          const url = new URL(settings.url)
          url.searchParams.set('access_token', token)
          url.searchParams.set('timestamp', String(now))
          url.searchParams.set('sign', dingtalkSign(secret, now))
          const body = { msgtype: 'markdown', markdown: { title: cutBytes(message.subject, 200), text: cutBytes(message.markdown, MARKDOWN_BYTES) } }
          return { method: 'POST', url: url.href, headers: { 'Content-Type': 'application/json; charset=utf-8' }, body: Buffer.from(JSON.stringify(body)) }
        },
        codeField: 'errcode',
        textField: 'errmsg',
        verdict(code) {
          if (code === 0) return { kind: 'taken' }
          if (code === 130_101 || code === 130_102 || code === 90_030) return { kind: 'busy', afterMs: BLOCKED_MS }
          if (misconfigured.has(code)) return { kind: 'misconfigured' }
          return unsendable.has(code) ? { kind: 'refused' } : { kind: 'unknown' }
        },
      },
      openHttp(key, settings, world, timeoutMs),
    )
  },
}
