import { moreUrgent } from '../incidents/incident.ts'
import type { Notice } from '../incidents/notice.ts'
import type { StateTransaction } from '../state/open.ts'
import type { OutboxItem } from './outbox-storage.ts'
import type { Receiver } from './settings.ts'

/** Who is told of a notice, and under which key it is told once. Pure. */
export function addressees(notice: Notice, receivers: readonly Receiver[]): readonly OutboxItem[] {
  return receivers
    .filter((receiver) => !moreUrgent(receiver.minSeverity, notice.incident.severity))
    // Who is not told that a fault is over need not be told that it is not.
    .filter((receiver) => notice.what === 'opened' || receiver.sendResolved)
    .map((receiver) => ({
      channel: 'email',
      receiver: receiver.name,
      to: receiver.email,
      dedupKey: `incident/${notice.incident.id}/${notice.what}/${notice.round}/email/${receiver.name}`,
      incidentId: notice.incident.id,
      payload: notice,
    }))
}

/** What the incidents room calls inside its transaction: the messages exist exactly if the event does. */
export function createAnnouncer(receivers: readonly Receiver[], enqueue: (trx: StateTransaction, item: OutboxItem, now: number) => Promise<boolean>) {
  return async (trx: StateTransaction, notice: Notice, now: number): Promise<void> => {
    for (const item of addressees(notice, receivers)) await enqueue(trx, item, now)
  }
}
