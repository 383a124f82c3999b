/**
 * From a notification to messages that are owed: which channel, which addresses there, who of the roster, and what they
 * are told. Queued in the transaction of the notification, so the message exists exactly if the notification log says so.
 */
import type { Person } from '../duty/duty-file.ts'
import type { Recipients } from '../duty/recipients.ts'
import type { Incident } from '../incidents/incident.ts'
import type { Json } from '../state/audit.ts'
import type { StateTransaction } from '../state/open.ts'
import type { ChannelKindName } from './channel-settings.ts'
import { addressOf } from './channel-settings.ts'
import type { Notification } from './flush.ts'
import type { OutboxItem } from './outbox-storage.ts'
import type { AckWays, Closing } from './notice.ts'
import { alertsPayloadOf } from './payload.ts'
import type { MessagePayload } from './payload.ts'
import type { Integration, RouteReceiver } from './receiver.ts'
import { withSecondChannel } from './second-channel.ts'
import type { Standing } from './second-channel.ts'

/** One message's way: the addresses of one channel. `person`: whose they are, where the roster says. */
export interface Way {
  readonly channel: string
  readonly to: readonly string[]
  readonly person: Person | undefined
}

/** What finding the ways needs. */
export interface WayWorld {
  /** Kind of a channel by its name; undefined: no such channel is set up. */
  channelKind(name: string): ChannelKindName | undefined
  /** Name of the channel that an Alertmanager webhook of that address was opened as. */
  hookChannel(url: string): string | undefined
  recipients(names: readonly string[]): Recipients
  person(id: string): Person | undefined
}

/** The address of a person on a channel of that kind; undefined: they have none. */
export function addressOn(kind: ChannelKindName, person: Person): string | undefined {
  const what = addressOf[kind]
  if (what === 'mailbox') return person.addresses.mail
  return what === 'phone' ? person.addresses.phone : undefined
}

/** Where one integration leads now: each person of a roster by a message of their own, given addresses together. Pure. */
export function waysOf(integration: Integration, world: WayWorld): readonly Way[] {
  if (integration.kind === 'webhook') {
    const channel = world.hookChannel(integration.url)
    return channel === undefined ? [] : [{ channel, to: [channel], person: undefined }]
  }
  const { channel, addresses, people, roster } = integration
  const kind = world.channelKind(channel)
  if (kind === undefined) return []
  // A robot or webhook is an address itself.
  if (addressOf[kind] === 'none') return [{ channel, to: [channel], person: undefined }]
  const known = new Map<string, Person>()
  for (const id of people) {
    const person = world.person(id)
    if (person !== undefined) known.set(id, person)
  }
  if (roster !== undefined) for (const { person } of world.recipients([roster]).people) known.set(person.id, person)
  const own = [...known.values()].flatMap((person): Way[] => {
    const address = addressOn(kind, person)
    return address === undefined ? [] : [{ channel, to: [address], person }]
  })
  return [...(addresses.length === 0 ? [] : [{ channel, to: addresses, person: undefined }]), ...own]
}

/** What queuing needs besides. */
export interface DeliverDependencies extends WayWorld {
  /** Every receiver of the routes, for a second way where an alert is about a channel. */
  receivers(): Iterable<RouteReceiver>
  /** The incident of that number, or the one it went into. */
  incident(trx: StateTransaction, number: string): Promise<Incident | undefined>
  enqueue(trx: StateTransaction, item: OutboxItem, now: number): Promise<readonly string[]>
  works(): Standing
  /** How this person can acknowledge from the message; undefined: not at all. */
  ack(trx: StateTransaction, incident: Incident, way: Way, now: number): Promise<AckWays | undefined>
  /** Who closed an incident by hand the last time, and why; undefined: nobody. */
  closing(trx: StateTransaction, incident: Incident): Promise<Closing | undefined>
  /** Whether there was a way to those who were to be told: where there is none, the console must show it. */
  told(receiver: string, integration: string, reached: boolean): void
}

/** Queues one notification; ids of the messages. */
export async function deliver(deps: DeliverDependencies, notification: Notification, trx: StateTransaction): Promise<readonly string[]> {
  const { integration, receiver, at } = notification
  const incident = await onlyIncident(deps, notification, trx)
  const direct = waysOf(integration, deps)
  deps.told(receiver, integration.name, direct.length > 0)
  const about = notification.alerts.map((alert) => alert.labels['channel']).find((channel) => channel !== undefined)
  const ways = about === undefined ? direct : withSecondChannel(direct, about, [...deps.receivers()].flatMap((one) => one.integrations).flatMap((one) => waysOf(one, deps)), deps.works()).targets
  const closing = incident?.state === 'closed' ? await deps.closing(trx, incident) : undefined
  const ids: string[] = []
  for (const way of ways) {
    const ack = incident === undefined || notification.status === 'resolved' ? undefined : await deps.ack(trx, incident, way, at)
    const payload: Json & MessagePayload = payloadOf(notification, incident, ack, closing)
    const dedupKey = `route/${receiver}/${integration.name}/${notification.groupKey}/${at}/${way.channel}/${way.to.join(',')}`
    ids.push(...(await deps.enqueue(trx, { channel: way.channel, receiver: way.person?.name ?? receiver, to: way.to, dedupKey, incidentId: incident?.id, payload }, at)))
  }
  return ids
}

/** The one incident a notification is about; undefined where it is about none, or several. */
async function onlyIncident(deps: Pick<DeliverDependencies, 'incident'>, notification: Notification, trx: StateTransaction): Promise<Incident | undefined> {
  const numbers = new Set(notification.alerts.map((alert) => alert.labels['incident']))
  const [number] = numbers
  return numbers.size === 1 && number !== undefined ? deps.incident(trx, number) : undefined
}

/** What is told. Of one incident: its own words, with its clocks as they stand when the message goes out. */
function payloadOf(notification: Notification, incident: Incident | undefined, ack: AckWays | undefined, closing: Closing | undefined): MessagePayload {
  if (incident === undefined) return alertsPayloadOf(notification, null)
  const what = notification.status === 'resolved' ? endOf(incident) : notification.news === 'repeat' ? 'reminded' : incident.reopenings > 0 ? 'reopened' : 'opened'
  return { kind: 'incident', what, round: incident.reopenings, incident, ack: ack ?? null, closing: what === 'closed' ? (closing ?? null) : null }
}

/** How a fault ended: by what the telemetry shows, by what two people say, or by being closed without either. */
function endOf({ state, judged, recoveredAt }: Incident): 'recovered' | 'judged' | 'closed' {
  if (state === 'closed' && recoveredAt === null) return 'closed'
  return judged === null ? 'recovered' : 'judged'
}
