import { randomUUID } from 'node:crypto'
import type { OutboxItem } from './outbox-storage.ts'

/** The message of the console's test button. Each press is one of its own. `to`: addresses of the channel's kind; none for robots. */
export function testMessage(channel: string, to: readonly string[], now: number): OutboxItem {
  return { channel, receiver: 'test', to: to.length > 0 ? to : [channel], dedupKey: `test/${channel}/${now}/${randomUUID()}`, incidentId: undefined, payload: { kind: 'test', channel } }
}
