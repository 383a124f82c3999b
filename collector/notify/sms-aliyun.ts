/**
 * SMS by Aliyun: RPC, `SendSms` version 2017-05-25, signature version 1.0. Free text is impossible: an approved template
 * is filled with variables. `Code` is OK or says what is wrong. Source: the vendor's pages on SendSms, its error codes
 * and the RPC signature.
 */
import { createHmac, randomUUID } from 'node:crypto'
import { fill } from '../sentence.ts'
import type { SettingsOf } from './channel-settings.ts'
import type { ChannelKind, Message } from './channel.ts'
import { openHttp } from './http-call.ts'
import { oneLine, reachable } from './robot.ts'
import { needSecret, withoutSecrets } from './secret.ts'
import { segmentsOf } from './segments.ts'
import { eachPhone, perPerson } from './sms.ts'
import type { PhoneOutcome } from './sms.ts'

/** Longest value of a template variable, characters. */
const VARIABLE_CHARS = 35
/** The vendor's limits count by minute, hour and day: sooner is of no use. */
const LIMIT_AFTER_MS = 300_000

const refusedCodes = new Set(['isv.MOBILE_NUMBER_ILLEGAL', 'isv.MOBILE_COUNT_OVER_LIMIT', 'isv.BLACK_KEY_CONTROL_LIMIT', 'isv.PARAM_LENGTH_LIMIT', 'isv.PARAM_NOT_SUPPORT_URL', 'isv.INVALID_PARAMETERS', 'isv.BLACK_LIST', 'isv.PHONENUMBER_BLACKLIST'])
const accountCodes = new Set([
  'isv.OUT_OF_SERVICE', 'isv.AMOUNT_NOT_ENOUGH', 'isv.PRODUCT_UN_SUBSCRIPT', 'isv.PRODUCT_UNSUBSCRIBE', 'isv.ACCOUNT_NOT_EXISTS', 'isv.ACCOUNT_ABNORMAL', 'isp.RAM_PERMISSION_DENY', 'isv.SMS_TEMPLATE_ILLEGAL',
  'isv.SMS_SIGNATURE_ILLEGAL', 'isv.SMS_SIGN_ILLEGAL', 'isv.TEMPLATE_MISSING_PARAMETERS', 'isv.TEMPLATE_PARAMS_ILLEGAL', 'isv.INVALID_JSON_PARAM', 'SignatureDoesNotMatch', 'IncompleteSignature', 'SignatureNonceUsed', 'InvalidTimeStamp.Expired', 'Forbidden.RAM',
])

/** What a `Code` of the service means; undefined: taken. */
export function aliyunVerdict(code: string): 'taken' | 'refused' | 'busy' | 'account' | 'unknown' {
  if (code === 'OK') return 'taken'
  if (refusedCodes.has(code)) return 'refused'
  if (/^(isv\.)?(BUSINESS_LIMIT|DAY_LIMIT|MONTH_LIMIT)|^Throttling/.test(code)) return 'busy'
  if (accountCodes.has(code) || /^(InvalidAccessKeyId|Forbidden|MissingAccessKeyId)/.test(code)) return 'account'
  return 'unknown'
}

/** RFC 3986 encoding as the signature wants it. */
const encoded = (text: string): string => encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/** Parameters as they are signed and sent: sorted, encoded. */
const query = (parameters: Readonly<Record<string, string>>): string =>
  Object.entries(parameters)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .join('&')

/** The signature: base64(HMAC-SHA1(secret + '&', METHOD & %2F & encoded sorted parameters)). */
export function aliyunSign(method: 'GET' | 'POST', parameters: Readonly<Record<string, string>>, secret: string): string {
  return createHmac('sha1', `${secret}&`).update(`${method}&%2F&${encoded(query(parameters))}`).digest('base64')
}

/** The template's variables for a message. */
function variablesOf(settings: SettingsOf<'sms-aliyun'>, message: Pick<Message, 'fields'>): Readonly<Record<string, string>> {
  const cut = (text: string): string => Array.from(text).slice(0, VARIABLE_CHARS).join('')
  // An empty variable is refused by the service.
  return Object.fromEntries(Object.entries(settings.variables).map(([name, template]) => [name, cut(fill(template, { ...message.fields })) || '-']))
}

/** The registry's entry. */
export const smsAliyun: ChannelKind<'sms-aliyun'> = {
  kind: 'sms-aliyun',
  open(name, settings, world, timeoutMs) {
    const key = `notify.channels.${name}`
    const secret = needSecret(`${key}.secret`, settings.secretFile, settings.secretEnv, world)
    const call = openHttp(key, settings, world, timeoutMs)
    const cleaned = (text: string): string => oneLine(withoutSecrets(text, [secret]))
    let fault: string | undefined

    function judge(status: number, text: string): PhoneOutcome {
      const { code, words } = answerOf(text)
      const why = code === '' ? `HTTP ${status}: ${cleaned(text)}` : cleaned(`${code}: ${words}`)
      switch (code === '' ? 'unknown' : aliyunVerdict(code)) {
        case 'taken':
          fault = undefined
          return { kind: 'taken', detail: why }
        case 'refused':
          return { kind: 'refused', why }
        case 'busy':
          return { kind: 'later', why, channelDown: false, unsure: false, afterMs: LIMIT_AFTER_MS }
        case 'account':
          fault = why
          return { kind: 'later', why, channelDown: true, unsure: false }
        case 'unknown':
          return { kind: 'later', why, channelDown: code === '' || status >= 500, unsure: code === '' }
      }
    }

    return {
      name,
      perMinute: settings.perMinute,
      detail: settings.detail,
      digest: perPerson(settings),
      cost: {
        segments: (message) => segmentsOf(`【${settings.signName}】${'x'.repeat(settings.templateLength)}${Object.values(variablesOf(settings, message)).join('')}`),
        yearlyBudget: settings.yearlyBudget,
        yearFrom: settings.yearFrom,
      },
      send: (message, signal) =>
        eachPhone(message, async (phone) => {
          const parameters = {
            AccessKeyId: settings.accessKeyId, Action: 'SendSms', Format: 'JSON', OutId: message.id, PhoneNumbers: phone, SignName: settings.signName, SignatureMethod: 'HMAC-SHA1',
            SignatureNonce: randomUUID(), SignatureVersion: '1.0', TemplateCode: settings.templateCode, TemplateParam: JSON.stringify(variablesOf(settings, message)),
            Timestamp: new Date().toISOString().replace(/\.\d+Z$/, 'Z'), Version: '2017-05-25',
          }
          const body = Buffer.from(`Signature=${encoded(aliyunSign('POST', parameters, secret))}&${query(parameters)}`)
          const outcome = await call({ method: 'POST', url: settings.url, headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body }, signal)
          if (outcome.kind === 'failed') return { kind: 'later', why: cleaned(outcome.why), channelDown: true, unsure: outcome.sent }
          return judge(outcome.status, outcome.body.toString('utf8'))
        }),
      // Nothing the service offers shows without sending that a key may send; an answer shows that it can be reached.
      check: async (signal) => (fault === undefined ? reachable(call, settings.url, signal) : { kind: 'down', why: fault }),
      close: () => undefined,
    }
  },
}

function answerOf(text: string): { readonly code: string; readonly words: string } {
  try {
    const value: unknown = JSON.parse(text)
    const field = (name: string): string => {
      const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
      return typeof found === 'string' ? found : ''
    }
    return { code: field('Code'), words: `${field('Message')} ${field('BizId')}`.trim() }
  } catch {
    // Not JSON: an answer of something in between.
    return { code: '', words: '' }
  }
}
