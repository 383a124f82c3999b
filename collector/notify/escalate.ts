/** An escalation as messages that are owed: every person once by each of their ways. */
import type { Escalation } from '../duty/escalation.ts'
import type { Recipient } from '../duty/recipients.ts'
import type { Incident } from '../incidents/incident.ts'
import type { Json } from '../state/audit.ts'
import type { StateTransaction } from '../state/open.ts'
import type { ChannelKindName } from './channel-settings.ts'
import { addressOf } from './channel-settings.ts'
import { addressOn } from './deliver.ts'
import type { Way } from './deliver.ts'
import type { AckWays } from './notice.ts'
import type { OutboxItem } from './outbox-storage.ts'
import type { PlainPayload } from './payload.ts'

/** Channels that are set up, by name, with their kinds. */
export type ChannelKinds = ReadonlyMap<string, ChannelKindName>

/** Which channels a message may take. */
export interface Named {
  /** Those that are named. */
  readonly channels: readonly string[]
  /** Also each person's own ways. */
  readonly everyWay: boolean
}

/**
 * By which ways these people are told: the named channels, or each person's own (every channel where they have an
 * address). Who has no address on any that is named (no phone) is told by their own ways all the same. A robot or webhook
 * that is named is told once, whoever is meant. Pure.
 */
export function waysTo(recipients: readonly Recipient[], { channels: named, everyWay }: Named, channels: ChannelKinds): readonly Way[] {
  const personal = [...channels].filter(([name, kind]) => named.includes(name) && addressOf[kind] !== 'none').map(([, kind]) => kind)
  // Where only robots are named, nobody in person is meant.
  const cutOff = new Set(personal.length === 0 ? [] : recipients.filter(({ person }) => personal.every((kind) => addressOn(kind, person) === undefined)))
  const ways: Way[] = []
  for (const [channel, kind] of channels) {
    if (addressOf[kind] === 'none') {
      if (named.includes(channel)) ways.push({ channel, to: [channel], person: undefined })
      continue
    }
    const told = new Set<string>()
    for (const recipient of recipients) {
      const { person } = recipient
      const address = everyWay || named.includes(channel) || cutOff.has(recipient) ? addressOn(kind, person) : undefined
      if (address === undefined || told.has(address)) continue
      told.add(address)
      ways.push({ channel, to: [address], person })
    }
  }
  return ways
}

/** What queuing one needs. */
export interface EscalateDependencies {
  readonly channels: ChannelKinds
  enqueue(trx: StateTransaction, item: OutboxItem, now: number): Promise<readonly string[]>
  ack(trx: StateTransaction, incident: Incident, way: Way, now: number): Promise<AckWays | undefined>
}

/** Words of one escalation. `lines`: a sentence for each step. */
export interface EscalationWords {
  readonly what: string
  readonly lines: readonly string[]
}

/** Queues the messages of one escalation inside the transaction that records it; how many. 0: there is no way to anybody. */
export async function tellEscalation(deps: EscalateDependencies, due: Escalation, people: readonly Recipient[], words: EscalationWords, incident: Incident, trx: StateTransaction, now: number): Promise<number> {
  let queued = 0
  for (const way of waysTo(people, due, deps.channels)) {
    const ack = incident.response === null ? await deps.ack(trx, incident, way, now) : undefined
    const payload: Json & PlainPayload = { kind: 'plain', what: words.what, severity: incident.severity, service: incident.service, number: incident.number, title: incident.title, lines: [...words.lines], incident, ack: ack ?? null, about: { kind: 'escalation', steps: due.steps.map(({ step, repeat }) => ({ clock: step.clock, used: step.used, repeat })) } }
    queued += (await deps.enqueue(trx, { channel: way.channel, receiver: way.person?.name ?? way.channel, to: way.to, dedupKey: `escalation/${due.key}/${way.channel}/${way.to.join(',')}`, incidentId: incident.id, payload }, now)).length
  }
  return queued
}
