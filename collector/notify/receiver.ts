/** Receivers of alerts/routes.yml: where a notification goes. Ours by `to`, Alertmanager's by `webhook_configs`. */
import { complain, readList, readMap, readText } from '../rules/strict-yaml.ts'
import type { Spot } from '../rules/strict-yaml.ts'

/** One place a receiver sends to: Alertmanager's "integration", with a notification log of its own. */
export type Integration =
  | {
      readonly kind: 'channel'
      /** `mail/0`: unique within the receiver, the key of its notification log. */
      readonly name: string
      readonly sendResolved: boolean
      /** A name under `notify.channels` of collector.yml. */
      readonly channel: string
      readonly addresses: readonly string[]
      /** A roster of duty.yml: whoever is on duty. */
      readonly roster: string | undefined
      /** People of duty.yml by name. */
      readonly people: readonly string[]
    }
  | {
      readonly kind: 'webhook'
      readonly name: string
      readonly sendResolved: boolean
      readonly url: string
      /** 0: all of them. */
      readonly maxAlerts: number
    }

export interface RouteReceiver {
  readonly name: string
  readonly integrations: readonly Integration[]
}

/** Keys of an entry of `to`. */
export const targetKeys = ['channel', 'addresses', 'roster', 'people', 'send_resolved']
/** Keys of an entry of `webhook_configs`. */
export const webhookKeys = ['url', 'send_resolved', 'max_alerts']
/** What Alertmanager knows and we do not do. */
const unhonoured = ['http_config']
const otherConfigs = ['discord_configs', 'email_configs', 'msteams_configs', 'opsgenie_configs', 'pagerduty_configs', 'pushover_configs', 'slack_configs', 'sns_configs', 'telegram_configs', 'victorops_configs', 'webex_configs', 'wechat_configs']

/** One item of `receivers`. */
export function readReceiver(spot: Spot): RouteReceiver {
  const fields = readMap(spot, ['name', 'to', 'webhook_configs', ...otherConfigs])
  const nameAt = fields.get('name')
  const name = nameAt === undefined ? '' : (readText(nameAt) ?? '')
  if (name === '') complain(nameAt ?? spot, 'missing name in receiver')
  for (const key of otherConfigs) {
    const at = fields.get(key)
    if (at !== undefined) complain({ ...at, node: undefined }, `${key} is not carried out here; name a channel of collector.yml under "to", or use webhook_configs`)
  }
  const toAt = fields.get('to')
  const hooksAt = fields.get('webhook_configs')
  return {
    name,
    integrations: [
      ...(toAt === undefined ? [] : readList(toAt).map(readTarget)),
      ...(hooksAt === undefined ? [] : readList(hooksAt).map(readWebhook)),
    ],
  }
}

function readTarget(spot: Spot, index: number): Integration {
  const fields = readMap(spot, targetKeys)
  const channelAt = fields.get('channel')
  const channel = channelAt === undefined ? '' : (readText(channelAt) ?? '')
  if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(channel)) complain(channelAt ?? spot, 'channel must name one of the channels of collector.yml (lower-case letters, digits, hyphens)')
  const rosterAt = fields.get('roster')
  const roster = rosterAt === undefined ? '' : (readText(rosterAt) ?? '')
  const texts = (name: string): readonly string[] => {
    const at = fields.get(name)
    return at === undefined ? [] : readList(at).flatMap((item) => readText(item) || [])
  }
  return {
    kind: 'channel', name: `${channel}/${index}`, channel, addresses: texts('addresses'), people: texts('people'),
    roster: roster === '' ? undefined : roster, sendResolved: readFlag(fields.get('send_resolved'), true),
  }
}

function readWebhook(spot: Spot, index: number): Integration {
  const fields = readMap(spot, [...webhookKeys, ...unhonoured])
  for (const key of unhonoured) {
    const at = fields.get(key)
    if (at !== undefined) complain({ ...at, node: undefined }, `${key} is not carried out here; a proxy, TLS and credentials belong to a webhook channel of collector.yml`)
  }
  const urlAt = fields.get('url')
  const url = urlAt === undefined ? '' : (readText(urlAt) ?? '')
  if (!isWebAddress(url)) complain(urlAt ?? spot, url === '' ? 'missing URL in webhook_config' : 'expected an http or https URL with a host')
  return { kind: 'webhook', name: `webhook/${index}`, url, sendResolved: readFlag(fields.get('send_resolved'), true), maxAlerts: readCount(fields.get('max_alerts')) }
}

function isWebAddress(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.hostname !== ''
}

/** A boolean as YAML 1.1 and Go write it. */
export function readFlag(spot: Spot | undefined, fallback: boolean): boolean {
  const text = spot === undefined ? '' : (readText(spot) ?? '')
  if (spot === undefined || text === '') return fallback
  if (/^(true|yes|on|y)$/i.test(text)) return true
  if (!/^(false|no|off|n)$/i.test(text)) complain(spot, `expected true or false, got ${JSON.stringify(text)}`)
  return false
}

function readCount(spot: Spot | undefined): number {
  const text = spot === undefined ? '' : (readText(spot) ?? '')
  if (spot === undefined || text === '') return 0
  if (/^\d{1,9}$/.test(text)) return Number(text)
  complain(spot, `expected a whole number, got ${JSON.stringify(text)}`)
  return 0
}

/** What `to` names and the other files do not have, one sentence each: to be refused together with those files' mistakes. */
export function missingTargets(receivers: Iterable<RouteReceiver>, known: { readonly channels: ReadonlySet<string>; readonly rosters: ReadonlySet<string>; readonly people: ReadonlySet<string> }): readonly string[] {
  return [...receivers].flatMap(({ name, integrations }) =>
    integrations.flatMap((one) => {
      if (one.kind !== 'channel') return []
      const missing = (what: string, word: string): string => `receiver ${JSON.stringify(name)}: ${what} ${JSON.stringify(word)} is not defined`
      return [
        ...(known.channels.has(one.channel) ? [] : [missing('channel', one.channel)]),
        ...(one.roster === undefined || known.rosters.has(one.roster) ? [] : [missing('roster', one.roster)]),
        ...one.people.filter((person) => !known.people.has(person)).map((person) => missing('person', person)),
      ]
    }),
  )
}
