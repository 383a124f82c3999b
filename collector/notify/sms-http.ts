/**
 * SMS by an HTTP gateway. Every vendor's is its own, so the request is a template and the answer is read by patterns of
 * the settings: `success` means taken, `refused` never, `down` that the account does not work; any other answer is tried
 * again. An answer that cannot be had leaves it open whether the SMS went: that counts as spent.
 */
import { createHash } from 'node:crypto'
import { RE2JS } from 're2js'
import type { SettingsOf } from './channel-settings.ts'
import type { Balance, Channel, ChannelKind, ChannelWorld, Message, SmsReply } from './channel.ts'
import { openHttp } from './http-call.ts'
import { openReplyDoor } from './reply-door.ts'
import { oneLine, reachable } from './robot.ts'
import { needSecret, withoutSecrets } from './secret.ts'
import { segmentsOf, signedText } from './segments.ts'
import { eachPhone, perPerson } from './sms.ts'
import type { PhoneOutcome } from './sms.ts'
import { bodyEscape, contentType, decodeText, encodeForUrl, encodeText, fillPlaces } from './sms-template.ts'

type Settings = SettingsOf<'sms-http'>

/** Most replies that are taken from one answer. */
const MOST_REPLIES = 1_000

/** The registry's entry. */
export const smsHttp: ChannelKind<'sms-http'> = { kind: 'sms-http', open: openSmsHttp }

function openSmsHttp(name: string, settings: Settings, world: ChannelWorld, timeoutMs?: number): Channel {
  const key = `notify.channels.${name}`
  const call = openHttp(key, settings, world, timeoutMs)
  const door = openReplyDoor(key, settings, world)
  const secrets = Object.fromEntries(Object.entries(settings.secrets).map(([one, at]) => [`secret.${one}`, needSecret(`${key}.secrets.${one}`, at.file, at.env, world)]))
  const hidden = Object.values(secrets).flatMap((secret) => [secret, encodeForUrl(secret, settings.encoding)])
  const matches = reader(settings.success)
  const refuses = reader(settings.refused)
  const down = reader(settings.down)
  const idOf = reader(settings.idPattern)
  const balanceOf = reader(settings.balancePattern)
  const cleaned = (text: string): string => oneLine(withoutSecrets(text, hidden))
  const forUrl = (value: string): string => encodeForUrl(value, settings.encoding)
  const textOf = (message: Pick<Message, 'brief' | 'answer' | 'more'>) => signedText(message, settings.signature, settings.signatureByGateway, settings.maxSegments)
  let fault: string | undefined

  function judge(status: number, text: string): PhoneOutcome {
    const why = `HTTP ${status}: ${cleaned(text)}`
    if (status >= 200 && status < 300 && matches(text) !== undefined) {
      const id = idOf(text)?.[1]
      return { kind: 'taken', detail: id === undefined ? why : `id ${cleaned(id)}; ${why}` }
    }
    if (refuses(text) !== undefined) return { kind: 'refused', why }
    if (down(text) !== undefined || status === 401 || status === 403 || status === 407 || (status >= 300 && status < 400)) {
      fault = why
      return { kind: 'later', why, channelDown: true, unsure: false }
    }
    // A gateway behind a gateway that gave up waiting may still send.
    return { kind: 'later', why, channelDown: status >= 500, unsure: status >= 500 }
  }

  async function sendOne(message: Message, phone: string, signal: AbortSignal): Promise<PhoneOutcome> {
    const id = createHash('sha256').update(`${message.id}/${phone}`).digest('hex').slice(0, 32)
    const values = { ...secrets, phone, content: textOf(message).content, id }
    const headers = Object.fromEntries(Object.entries(settings.headers).map(([header, value]) => [header, fillPlaces(value, values, (one) => one)]))
    const body = settings.method === 'GET' ? undefined : encodeText(fillPlaces(settings.body ?? '', values, bodyEscape(settings.bodyType, settings.encoding)), settings.encoding)
    const typed = body === undefined ? {} : { 'Content-Type': contentType(settings.bodyType, settings.encoding) }
    const outcome = await call({ method: settings.method, url: fillPlaces(settings.url, values, forUrl), headers: { ...typed, ...headers }, ...(body === undefined ? {} : { body }) }, signal)
    if (outcome.kind === 'failed') return { kind: 'later', why: cleaned(outcome.why), channelDown: true, unsure: outcome.sent }
    const judged = judge(outcome.status, decodeText(outcome.body, settings.encoding))
    if (judged.kind === 'taken') fault = undefined
    return judged.kind === 'later' && outcome.retryAfterMs !== undefined ? { ...judged, afterMs: outcome.retryAfterMs } : judged
  }

  /** Text that a GET of that template gives; undefined or the reason why not. */
  async function ask(template: string, signal: AbortSignal): Promise<{ readonly text: string } | { readonly why: string }> {
    const outcome = await call({ method: 'GET', url: fillPlaces(template, { ...secrets, id: '' }, forUrl) }, signal)
    if (outcome.kind === 'failed') return { why: cleaned(outcome.why) }
    const text = decodeText(outcome.body, settings.encoding)
    return outcome.status >= 200 && outcome.status < 300 ? { text } : { why: `HTTP ${outcome.status}: ${cleaned(text)}` }
  }

  async function readBalance(signal: AbortSignal): Promise<Balance | { readonly why: string } | undefined> {
    if (settings.balanceUrl === undefined) return undefined
    const answer = await ask(settings.balanceUrl, signal)
    if ('why' in answer) return answer
    const left = Number(balanceOf(answer.text)?.[1] ?? Number.NaN)
    return Number.isFinite(left) ? { left, low: left < settings.balanceWarning } : { why: `no balance in the answer: ${cleaned(answer.text)}` }
  }

  const channel: Channel = {
    name,
    perMinute: settings.perMinute,
    detail: settings.detail,
    digest: perPerson(settings),
    cost: { segments: (message) => segmentsOf(textOf(message).billed), yearlyBudget: settings.yearlyBudget, yearFrom: settings.yearFrom },
    send: (message, signal) => eachPhone(message, (phone) => sendOne(message, phone, signal)),
    async check(signal) {
      const balance = await readBalance(signal)
      if (balance === undefined) return fault === undefined ? reachable(call, settings.url, signal) : { kind: 'down', why: fault }
      if ('why' in balance) return { kind: 'down', why: balance.why }
      if (balance.left > 0 && !balance.low) fault = undefined
      return fault === undefined ? { kind: 'up' } : { kind: 'down', why: fault }
    },
    async balance(signal) {
      const balance = await readBalance(signal)
      return balance === undefined || 'why' in balance ? undefined : balance
    },
    close: () => undefined,
    ...(door === undefined ? {} : { push: door }),
  }
  const { replyUrl, replyPattern } = settings
  if (replyUrl === undefined || replyPattern === undefined) return channel
  return {
    ...channel,
    async replies(signal) {
      const answer = await ask(replyUrl, signal)
      return 'why' in answer ? [] : parseReplies(answer.text, replyPattern)
    },
  }
}

/** Reads a text by a pattern: its groups, the whole match first; undefined where it does not match or there is none. */
function reader(source: string | undefined): (text: string) => readonly (string | undefined)[] | undefined {
  if (source === undefined) return () => undefined
  const compiled = RE2JS.compile(source)
  return (text) => {
    const matcher = compiled.matcher(text)
    if (!matcher.find()) return undefined
    return Array.from({ length: matcher.groupCount() + 1 }, (_, index) => matcher.group(index) ?? undefined)
  }
}

/** Replies in a gateway's answer: every match of a pattern with the groups `phone` and `text`. Phones that are none are left out. */
export function parseReplies(text: string, pattern: string): readonly SmsReply[] {
  const matcher = RE2JS.compile(pattern).matcher(text)
  const replies: SmsReply[] = []
  while (replies.length < MOST_REPLIES && matcher.find()) {
    const phone = (matcher.group('phone') ?? '').trim()
    if (/^\+?[0-9]{5,20}$/.test(phone)) replies.push({ phone, text: (matcher.group('text') ?? '').trim().slice(0, 500) })
  }
  return replies
}
