/**
 * What SMS gateways post to us when people answer. Each names its fields in its own way, so the settings describe them;
 * who may post is whoever shows the channel's secret. Reading is pure.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { SettingsError } from '../../protocol/settings.ts'
import type { SettingsOf } from './channel-settings.ts'
import type { ChannelWorld, PushedReply, ReplyDoor } from './channel.ts'
import { readSecret } from './secret.ts'
import { decodeText } from './sms-template.ts'
import type { SmsEncoding } from './sms-template.ts'

/** What the settings say of a gateway's post. */
export interface PushFormat {
  readonly type: 'form' | 'json'
  readonly encoding: SmsEncoding
  /** Names of fields, dotted where they lie deeper. */
  readonly list: string | undefined
  readonly phone: string
  readonly text: string
  readonly id: string | undefined
}

/** Most answers that are taken from one post. */
const MOST_REPLIES = 1_000
/** Shorter ones could be tried out. */
const LEAST_SECRET_CHARS = 16

/** Opens the door of a channel; undefined where its settings name no secret. Throws SettingsError for one that cannot be used. */
export function openReplyDoor(key: string, settings: SettingsOf<'sms-http'>, world: ChannelWorld): ReplyDoor | undefined {
  const { pushPhone, pushText } = settings
  const secret = readSecret(`${key}.pushSecret`, settings.pushSecretFile, settings.pushSecretEnv, world)
  if (secret === undefined || pushPhone === undefined || pushText === undefined) return undefined
  if (secret.length < LEAST_SECRET_CHARS) throw new SettingsError([`${key}.pushSecret${settings.pushSecretFile === undefined ? 'Env' : 'File'}: expected at least ${LEAST_SECRET_CHARS} characters`])
  if (settings.pushSecretIn === 'path' && !/^[A-Za-z0-9._~-]+$/.test(secret)) throw new SettingsError([`${key}.pushSecretIn: expected a secret of letters, digits and -._~ where it is part of an address`])
  const expected = digest(secret)
  const format: PushFormat = { type: settings.pushType, encoding: settings.encoding, list: settings.pushList, phone: pushPhone, text: pushText, id: settings.pushId }
  return {
    // Hashes have one length: neither the secret nor its length shows in the time this takes.
    admits: (header, inPath) => timingSafeEqual(digest((settings.pushSecretIn === 'path' ? inPath : header(settings.pushHeader)) ?? ''), expected),
    read: (body) => readPushed(body, format),
    answer: settings.pushAnswer,
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The answers in a body, without those of phones that are none; undefined: it is not what is described. */
export function readPushed(body: Uint8Array, format: PushFormat): readonly PushedReply[] | undefined {
  const records = format.type === 'form' ? [readForm(body, format.encoding)] : readJson(body, format)
  const replies: PushedReply[] = []
  for (const record of records?.slice(0, MOST_REPLIES) ?? []) {
    const [phone, text, id] = [format.phone, format.text, format.id].map((name) => (name === undefined ? undefined : textAt(record, name)))
    if (phone === undefined || text === undefined) return undefined
    if (/^\+?[0-9]{5,20}$/.test(phone.trim())) replies.push({ phone: phone.trim(), text: text.trim().slice(0, 500), id: id === undefined || id === '' ? undefined : id.slice(0, 200) })
  }
  return records === undefined || records.length === 0 ? undefined : replies
}

/** Fields of a form. Bytes are put together before they are read: in GBK a character is two of them. */
function readForm(body: Uint8Array, encoding: SmsEncoding): Readonly<Record<string, string>> {
  const fields = Buffer.from(body).toString('latin1').split('&').map((pair) => {
    const at = pair.indexOf('=')
    return at === -1 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
  })
  return Object.fromEntries(fields.map(([name = '', value = '']) => [formText(name, encoding), formText(value, encoding)]))
}

function formText(text: string, encoding: SmsEncoding): string {
  const bytes = text.replaceAll('+', ' ').replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return decodeText(Buffer.from(bytes, 'latin1'), encoding)
}

function readJson(body: Uint8Array, { encoding, list }: PushFormat): readonly unknown[] | undefined {
  let value: unknown
  try {
    value = JSON.parse(decodeText(body, encoding))
  } catch {
    // Not JSON: not what is described.
    return undefined
  }
  const found = list === undefined ? value : valueAt(value, list)
  if (Array.isArray(found)) return found.map((one: unknown) => one)
  return list === undefined ? [found] : undefined
}

function valueAt(value: unknown, path: string): unknown {
  let found = value
  for (const name of path.split('.')) found = typeof found === 'object' && found !== null && Object.hasOwn(found, name) ? Reflect.get(found, name) : undefined
  return found
}

/** A field as text; a number is written out, as some gateways send phones. */
function textAt(record: unknown, path: string): string | undefined {
  const value = valueAt(record, path)
  return typeof value === 'string' ? value : typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined
}
