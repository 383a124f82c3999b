import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Channel, Health, Message, SendOutcome } from '../../collector/notify/channel.ts'
import { createOutbox } from '../../collector/notify/outbox.ts'
import type { Outbox } from '../../collector/notify/outbox.ts'
import { claimNext } from '../../collector/notify/outbox-storage.ts'
import { GIVE_UP_MS } from '../../collector/notify/pace.ts'
import { messageId } from '../../collector/notify/smtp.ts'
import { openState } from '../../collector/state/open.ts'
import type { State } from '../../collector/state/open.ts'
import { scaled, seed } from '../scale.ts'
import { liveOnce } from './lives.ts'
import { words } from './message-rig.ts'
import { startRelay } from './smtp-rig.ts'

let folder = ''
let state: State
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-outbox-'))
  state = await openState(join(folder, 'state.db'))
})
afterEach(async () => {
  await state.close()
  rmSync(folder, { recursive: true })
})

const delivered: SendOutcome = { kind: 'delivered', to: ['a@example.org'], detail: 'ok', refused: [], again: [] }

/** An outbox over a channel whose answers the test writes, and a clock that the test moves. */
function setUp(answers: SendOutcome[], perMinute = 100) {
  const sent: Message[] = []
  const counts = new Map<string, number>()
  const world = { now: 1_000_000, health: { kind: 'up' } as Health }
  const channel: Channel = {
    name: 'email', perMinute,
    send: (message) => {
      sent.push(message)
      return Promise.resolve(answers.shift() ?? delivered)
    },
    check: () => Promise.resolve(world.health),
    close: () => undefined,
  }
  const outbox = createOutbox({
    state, channels: [channel], clock: { now: () => world.now, every: () => () => undefined }, random: () => 0.999_999,
    counters: { add: (name, labels = {}) => counts.set(`${name} ${labels['outcome']}`, (counts.get(`${name} ${labels['outcome']}`) ?? 0) + 1), set: (name, value) => counts.set(name, value) },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    render: (payload) => {
      if (payload === null) throw new Error('nothing to say')
      return words(JSON.stringify(payload))
    },
    renderDigest: (messages) => words(messages.map((one) => one.subject).join()),
  })
  return { outbox, sent, counts, world }
}

async function queue(outbox: Outbox, key: string, now: number, to: readonly string[] = ['a@example.org'], payload: string | null = key): Promise<boolean> {
  return (await state.db.transaction().execute((trx) => outbox.enqueue(trx, { channel: 'email', receiver: '值班', to, dedupKey: key, incidentId: undefined, payload }, now))).length > 0
}
const rows = (): Promise<string[]> => state.db.selectFrom('outbox').select(['dedup_key', 'state', 'attempts']).orderBy('dedup_key').execute().then((all) => all.map((row) => `${row.dedup_key} ${row.state} ${row.attempts}`))
const receipts = (): Promise<string[]> => state.db.selectFrom('receipt').select(['attempt', 'outcome']).orderBy('at').orderBy('attempt').execute().then((all) => all.map((row) => `${row.attempt} ${row.outcome}`))

describe('outbox', () => {
  it('sends once, oldest first, and takes one key once', async () => {
    const { outbox, sent, world, counts } = setUp([])
    expect(await queue(outbox, 'a', 1)).toBe(true)
    expect(await queue(outbox, 'b', 2)).toBe(true)
    expect(await queue(outbox, 'a', 3)).toBe(false)
    expect(await outbox.runDue()).toBeUndefined()
    await outbox.runDue()
    expect(sent.map((message) => `${message.subject} ${message.at}`)).toEqual(['"a" 1', '"b" 2'])
    expect(await rows()).toEqual(['a sent 1', 'b sent 1'])
    expect(counts.get('zhishou_channel_messages_total sent')).toBe(2)
    expect(await outbox.overview()).toEqual([{ name: 'email', up: true, queued: 0, error: null }])
    expect(outbox.series()).toEqual([{ labels: { __name__: 'zhishou_channel_up', channel: 'email' }, value: 1 }])
    world.now++
  })

  it('waits longer after each failure, keeps the id, and gives up after a day', async () => {
    const { outbox, sent, world, counts } = setUp(Array.from({ length: 2_000 }, () => ({ kind: 'try-again', why: '451', channelDown: false }) as const))
    await queue(outbox, 'a', world.now)
    const started = world.now
    const waits: number[] = []
    for (;;) {
      const next = await outbox.runDue()
      if (next === undefined) break
      waits.push(next - world.now)
      world.now = next
    }
    expect(waits.slice(0, 9)).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300].map((seconds) => seconds * 1_000))
    expect(world.now - started).toBeGreaterThanOrEqual(GIVE_UP_MS)
    expect(new Set(sent.map((message) => message.id)).size).toBe(1)
    expect((await rows())[0]).toMatch(/^a dead \d+$/)
    expect(counts.get('zhishou_channel_messages_total dead')).toBe(1)
    expect(await outbox.overview()).toMatchObject([{ up: true, queued: 0 }])
  })

  it('keeps a refusal and its reason, and a message without words fails alone', async () => {
    const { outbox, sent } = setUp([{ kind: 'refused', why: '550 no such mailbox' }])
    await queue(outbox, 'a', 1)
    await queue(outbox, 'b', 2, ['a@example.org'], null)
    await queue(outbox, 'c', 3)
    await state.db.updateTable('outbox').set({ message_json: 'torn' }).where('dedup_key', '=', 'c').execute()
    await queue(outbox, 'd', 4)
    await outbox.runDue()
    expect(await rows()).toEqual(['a failed 1', 'b failed 1', 'c failed 1', 'd sent 1'])
    expect(await state.db.selectFrom('outbox').select('last_error').where('dedup_key', '=', 'a').executeTakeFirst()).toEqual({ last_error: '550 no such mailbox' })
    expect(sent).toHaveLength(2)
  })

  it('tries again only the addresses that were put off', async () => {
    const { outbox, sent, world } = setUp([{ kind: 'delivered', to: ['a@example.org'], detail: '', refused: [{ address: 'b@example.org', why: '550' }], again: [{ address: 'c@example.org', why: '451' }] }])
    await queue(outbox, 'a', world.now, ['a@example.org', 'b@example.org', 'c@example.org'])
    world.now = (await outbox.runDue())!
    await outbox.runDue()
    expect(sent.map((message) => message.to)).toEqual([['a@example.org', 'b@example.org', 'c@example.org'], ['c@example.org']])
    expect(sent[0]!.id).toBe(sent[1]!.id)
    expect(await rows()).toEqual(['a sent 2'])
    expect(await receipts()).toEqual(['1 delivered', '2 delivered'])
  })

  it('pauses a channel that is down instead of trying every message, and hurries when it works again', async () => {
    const down = { kind: 'try-again', why: 'ECONNREFUSED', channelDown: true } as const
    const { outbox, sent, world } = setUp([down, down])
    for (const [index, key] of ['a', 'b', 'c'].entries()) await queue(outbox, key, world.now - 3 + index)
    world.now = (await outbox.runDue())!
    expect(sent).toHaveLength(1)
    expect(await outbox.overview()).toEqual([{ name: 'email', up: false, queued: 3, error: 'ECONNREFUSED' }])
    await outbox.runDue()
    expect(sent).toHaveLength(2)
    await outbox.checkChannels()
    expect(outbox.series()).toMatchObject([{ value: 1 }])
    expect(await outbox.runDue()).toBeUndefined()
    expect(await rows()).toEqual(['a sent 3', 'b sent 1', 'c sent 1'])
  })

  it('keeps to so many a minute', async () => {
    const { outbox, sent, world } = setUp([], 3)
    for (let index = 0; index < 7; index++) await queue(outbox, `k${index}`, world.now)
    const times: number[] = []
    for (let next: number | undefined = world.now; next !== undefined; next = await outbox.runDue()) {
      world.now = next
      while (times.length < sent.length) times.push(world.now)
    }
    expect(sent).toHaveLength(7)
    expect(world.now - 1_000_000).toBe(80_000)
  })

  it('sends again, under the same id, what a crash interrupted, and nothing that has a receipt', async () => {
    const { outbox, sent, world } = setUp([])
    await queue(outbox, 'done', world.now)
    await outbox.runDue()
    await queue(outbox, 'torn', world.now)
    const claimed = await claimNext(state, 'email', world.now)
    await state.close()
    state = await openState(join(folder, 'state.db'))
    const after = setUp([])
    await after.outbox.start()
    await after.outbox.runDue()
    await after.outbox.stop()
    expect(sent).toHaveLength(1)
    expect(after.sent.map((message) => message.id)).toEqual([claimed.kind === 'claimed' ? claimed.messages[0].id : ''])
    expect(await rows()).toEqual(['done sent 1', 'torn sent 2'])
    expect(await receipts()).toContain('1 interrupted')
  })
})

describe('outbox killed by kill -9', () => {
  it('loses no committed message and doubles none that has a receipt', async () => {
    const relay = await startRelay()
    relay.delayMs = 8
    const file = join(folder, 'state.db')
    const queued = new Set<string>()
    const lives = scaled(4, 60)
    let random = seed
    const nextRandom = (): number => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0
      return random / 2 ** 32
    }
    /** One life of the program; killed after so many ms from its first committed message, or left to finish. */
    const live = (name: string, count: number, killAfterMs: number | undefined): Promise<void> =>
      liveOnce(fileURLToPath(new URL('./outbox-child.ts', import.meta.url)), [file, String(relay.port), name, String(count)], queued, killAfterMs)
    for (let life = 0; life < lives; life++) await live(`life${life}`, 1_000, 30 + nextRandom() * 250)
    await live('last', 3, undefined)

    const stored = await state.db.selectFrom('outbox').selectAll().execute()
    expect(stored.length).toBeGreaterThanOrEqual(queued.size)
    expect(queued.size).toBeGreaterThan(lives * 3)
    const byMessageId = new Map<string, number>()
    for (const { mail } of relay.mails) byMessageId.set(mail.messageId ?? '', (byMessageId.get(mail.messageId ?? '') ?? 0) + 1)
    const known = new Set(stored.map((row) => row.dedup_key))
    for (const key of queued) expect(known).toContain(key)
    let interrupted = 0
    for (const row of stored) {
      expect(row.state).toBe('sent')
      const all = await state.db.selectFrom('receipt').selectAll().where('outbox_id', '=', row.id).orderBy('attempt').execute()
      // Exactly one attempt has a receipt of delivery, and it is the last; each mail more is one interrupted attempt.
      expect(all.filter((receipt) => receipt.outcome === 'delivered')).toHaveLength(1)
      expect(all.at(-1)!.outcome).toBe('delivered')
      const cut = all.filter((receipt) => receipt.outcome === 'interrupted').length
      interrupted += cut
      const arrived = byMessageId.get(messageId(row.id, 'zhishou@example.org')) ?? 0
      expect(arrived).toBeGreaterThanOrEqual(1)
      expect(arrived).toBeLessThanOrEqual(1 + cut)
    }
    // Otherwise no kill hit the moment that matters.
    expect(interrupted).toBeGreaterThan(0)
    expect(relay.mails.length).toBe([...byMessageId.values()].reduce((sum, one) => sum + one, 0))
    await relay.close()
  })
})
