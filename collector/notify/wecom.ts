/**
 * WeCom group robot: POST …/webhook/send?key=KEY. text ≤ 2048 bytes, markdown ≤ 4096 bytes, 20 a minute; errcode ≠ 0 is
 * a failure although the status is 200. Codes: 45009 over the rate, 93000 bad key, 93008 not in the group any more,
 * 40008/40058/44004/45002 the message itself, -1 busy. Source: the vendor's pages on group robots and global codes.
 */
import type { ChannelKind } from './channel.ts'
import { openHttp } from './http-call.ts'
import { ALONE_UP_TO, MINUTE_WITH_MARGIN_MS, cutBytes, openRobot } from './robot.ts'
import { needSecret } from './secret.ts'

const TEXT_BYTES = 2_048
const MARKDOWN_BYTES = 4_096

const misconfigured = new Set([93_000, 93_004, 93_008, 93_017, 40_001, 40_014, 41_001])
const unsendable = new Set([40_008, 40_058, 44_004, 45_002, 40_035])

/** The registry's entry. */
export const wecom: ChannelKind<'wecom'> = {
  kind: 'wecom',
  open(name, settings, world, timeoutMs) {
    const key = `notify.channels.${name}`
    const secret = needSecret(`${key}.key`, settings.keyFile, settings.keyEnv, world)
    return openRobot(
      {
        name, perMinute: settings.perMinute, detail: settings.detail, url: settings.url, secrets: [secret],
        digest: { by: 'channel', windows: [{ max: settings.perMinute, ms: MINUTE_WITH_MARGIN_MS }], gatherMs: 0, aloneUpTo: ALONE_UP_TO },
        ask(message) {
          const url = new URL(settings.url)
          url.searchParams.set('key', secret)
          const body = settings.format === 'text' ? { msgtype: 'text', text: { content: cutBytes(message.text, TEXT_BYTES) } } : { msgtype: 'markdown', markdown: { content: cutBytes(message.markdown, MARKDOWN_BYTES) } }
          return { method: 'POST', url: url.href, headers: { 'Content-Type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) }
        },
        codeField: 'errcode',
        textField: 'errmsg',
        verdict(code) {
          if (code === 0) return { kind: 'taken' }
          if (code === 45_009 || code === 45_033) return { kind: 'busy', afterMs: 60_000 }
          if (misconfigured.has(code)) return { kind: 'misconfigured' }
          return unsendable.has(code) ? { kind: 'refused' } : { kind: 'unknown' }
        },
      },
      openHttp(key, settings, world, timeoutMs),
    )
  },
}
