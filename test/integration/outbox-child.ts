/**
 * A program to be killed: queues messages at random moments and sends them by the product's own outbox and channel.
 * Arguments: state file, relay port, name of this life, how many to queue. Prints `queued KEY` once a message is committed.
 */
import { createOutbox } from '../../collector/notify/outbox.ts'
import { channelSettings } from '../../collector/notify/channel-settings.ts'
import { openChannel } from '../../collector/notify/registry.ts'
import { systemClock } from '../../collector/clock.ts'
import { openState } from '../../collector/state/open.ts'
import { words } from './message-rig.ts'

const [file = '', port = '', life = '', count = ''] = process.argv.slice(2)
const clock = systemClock((name, error) => process.stderr.write(`${name}: ${String(error)}\n`))
const state = await openState(file)
// Not through the rig: its parsers would make every life start slowly.
const mail = channelSettings.parse({ kind: 'email', host: '127.0.0.1', port: Number(port), plain: true, perMinute: 10_000, alone: 10_000, from: 'zhishou@example.org' })
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }
const outbox = createOutbox({
  state,
  clock,
  channels: [openChannel('email', mail, { readFile: () => '', env: {} }, 2_000)],
  random: Math.random,
  counters: { add: () => undefined, set: () => undefined },
  log: quiet,
  render: (payload) => words(JSON.stringify(payload)),
  renderDigest: (messages) => words(messages.map((one) => one.subject).join()),
})
await outbox.start()
for (let index = 0; index < Number(count); index++) {
  const key = `${life}-${index}`
  await state.db.transaction().execute((trx) => outbox.enqueue(trx, { channel: 'email', receiver: '值班', to: ['duty@example.org'], dedupKey: key, incidentId: undefined, payload: key }, clock.now()))
  process.stdout.write(`queued ${key}\n`)
  outbox.wake()
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 6))
}
// Lives on until it is killed, or until everything is sent when it is told to finish.
process.stdin.on('end', () => {
  void (async () => {
    for (;;) {
      const left = await state.db.selectFrom('outbox').select('id').where('state', 'in', ['queued', 'sending']).execute()
      if (left.length === 0) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await outbox.stop()
    await state.close()
    process.exit(0)
  })()
})
process.stdin.resume()
