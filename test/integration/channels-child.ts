/**
 * A program to be killed: queues SMS for twenty people and sends them by the product's own outbox and channel.
 * Arguments: state file, gateway, name of this life. Prints `queued KEY` once a message is committed.
 */
import { systemClock } from '../../collector/clock.ts'
import { createOutbox } from '../../collector/notify/outbox.ts'
import { openState } from '../../collector/state/open.ts'
import { channelOf, leastSettings, words } from './message-rig.ts'

const [file = '', url = '', life = ''] = process.argv.slice(2)
const clock = systemClock((name, error) => process.stderr.write(`${name}: ${String(error)}\n`))
const state = await openState(file)
const outbox = createOutbox({
  state, clock,
  channels: [channelOf({ ...leastSettings(url)['sms-http'], perMinute: 6_000, gather: '5s' }, 5_000, 'sms')],
  random: Math.random,
  counters: { add: () => undefined, set: () => undefined },
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  render: (payload) => words(JSON.stringify(payload)),
  renderDigest: (messages) => words(`${messages.length}`),
})
await outbox.start()
for (let index = 0; index < 60; index++) {
  const key = `${life}-${index}`
  const to = [`138000000${String(10 + (index % 20))}`]
  await state.db.transaction().execute((trx) => outbox.enqueue(trx, { channel: 'sms', receiver: '值班', to, dedupKey: key, incidentId: undefined, payload: key }, clock.now()))
  process.stdout.write(`queued ${key}\n`)
  outbox.wake()
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 6))
}
// Lives on until it is killed, or ends when it is told to: what a window holds back stays owed.
process.stdin.on('end', () => {
  setTimeout(() => {
    void (async () => {
      await outbox.stop()
      await state.close()
      process.exit(0)
    })()
  }, 2_000)
})
process.stdin.resume()
