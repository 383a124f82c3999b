import { moreUrgent } from '../incidents/incident.ts'
import type { Notice } from '../incidents/notice.ts'
import type { StateTransaction } from '../state/open.ts'
import type { OutboxItem } from './outbox-storage.ts'
import { withSecondChannel } from './second-channel.ts'
import type { Standing } from './second-channel.ts'
import type { Receiver } from './settings.ts'

/**
 * Who is told of a notice, and under which key it is told once. A notice about a channel (label `channel`) also goes by
 * another one, to whoever is reached by that, whatever severity they ask for. Pure.
 */
export function addressees(notice: Notice, receivers: readonly Receiver[], works: Standing = {}): readonly OutboxItem[] {
  const chosen = receivers
    .filter((receiver) => !moreUrgent(receiver.minSeverity, notice.incident.severity))
    // Who is not told that a fault is over need not be told that it is not.
    .filter((receiver) => notice.what === 'opened' || receiver.sendResolved)
  const about = notice.incident.alerts.map((alert) => alert.labels['channel']).find((channel) => channel !== undefined)
  return withSecondChannel(chosen, about, receivers, works).targets.map((receiver) => ({
    channel: receiver.channel,
    receiver: receiver.name,
    // A robot or webhook is an address itself.
    to: receiver.addresses.length > 0 ? receiver.addresses : [receiver.channel],
    dedupKey: `incident/${notice.incident.id}/${notice.what}/${notice.round}/${receiver.channel}/${receiver.name}`,
    incidentId: notice.incident.id,
    payload: notice,
  }))
}

/** What the incidents room calls inside its transaction: the messages exist exactly if the event does. */
export function createAnnouncer(receivers: readonly Receiver[], enqueue: (trx: StateTransaction, item: OutboxItem, now: number) => Promise<boolean>, works: () => Standing = () => ({})) {
  return async (trx: StateTransaction, notice: Notice, now: number): Promise<void> => {
    for (const item of addressees(notice, receivers, works())) await enqueue(trx, item, now)
  }
}
