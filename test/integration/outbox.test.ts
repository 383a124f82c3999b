import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Channel, Health, Message, SendOutcome } from '../../collector/notify/channel.ts'
import { createOutboxBook } from '../../collector/notify/outbox-book.ts'
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
    // Each try while it is down is another message's.
    expect(await rows()).toEqual(['a sent 2', 'b sent 2', 'c sent 1'])
  })

  it('after an outage of the channel one success makes what waits for everybody go, in its order', async () => {
    const down = { kind: 'try-again', why: 'ETIMEDOUT', channelDown: true } as const
    const { outbox, sent, world } = setUp(Array.from({ length: 40 }, () => down))
    const people = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}@example.org`)
    for (const [index, person] of people.entries()) await queue(outbox, person, world.now - 10 + index, [person])
    for (let tries = 0; tries < 40; tries++) world.now = (await outbox.runDue())!
    expect(sent).toHaveLength(40)
    // The same moment serves all of them: nobody has a wait of their own left.
    expect(await outbox.runDue()).toBeUndefined()
    expect(sent.slice(41).map((message) => message.subject)).toEqual(people.map((person) => JSON.stringify(person)).filter((subject) => subject !== sent[40]!.subject))
    expect(sent).toHaveLength(45)
  })

  it('lets those rest whose address fails, all that waits for them, and nobody else; reached once, all of it goes', async () => {
    const { outbox, sent, world } = setUp([{ kind: 'try-again', why: '450 mailbox busy', channelDown: false }])
    for (const [index, key] of ['bad-1', 'bad-2', 'bad-3'].entries()) await queue(outbox, key, world.now - 9 + index, ['bad@example.org'])
    await queue(outbox, 'good', world.now - 1, ['good@example.org'])
    const next = (await outbox.runDue())!
    expect(sent.map((message) => message.subject)).toEqual(['"bad-1"', '"good"'])
    expect(next - world.now).toBe(5_000)
    // That the channel is found to work, or serves others, is nothing to them.
    await outbox.checkChannels()
    await outbox.runDue()
    expect(sent).toHaveLength(2)
    await state.db.updateTable('outbox').set({ due_at: next + 250_000 }).where('dedup_key', '=', 'bad-3').execute()
    world.now = next
    expect(await outbox.runDue()).toBeUndefined()
    expect(sent.slice(2).map((message) => message.subject)).toEqual(['"bad-1"', '"bad-2"', '"bad-3"'])
  })

  it('a message that brings a working channel down again and again holds up no other', async () => {
    const { outbox, sent, world } = setUp([])
    const channel: Channel = { name: 'email', perMinute: 1_000, send: (message) => (sent.push(message), Promise.resolve(message.subject === '"poison"' ? { kind: 'try-again', why: 'HTTP 500', channelDown: true } : delivered)), check: () => Promise.resolve({ kind: 'up' }), close: () => undefined }
    const other = createOutbox({ state, channels: [channel], clock: { now: () => world.now, every: () => () => undefined }, random: () => 0.5, counters: { add: () => undefined, set: () => undefined }, log: { info: () => undefined, warn: () => undefined, error: () => undefined }, render: (payload) => words(JSON.stringify(payload)), renderDigest: () => words('') })
    await queue(outbox, 'poison', world.now - 100)
    for (let index = 0; index < 20; index++) await queue(outbox, `fine-${index}`, world.now - 50 + index, [`p${index}@example.org`])
    const until = world.now + 60_000
    while (world.now < until) world.now = Math.max(world.now + 1, (await other.runDue())!)
    expect(new Set(sent.map((message) => message.subject)).size).toBe(21)
    expect((await rows()).filter((row) => row.includes(' sent '))).toHaveLength(20)
    expect((await rows()).at(-1)).toMatch(/^poison queued [3-7]$/)
  })

  it('sends the opening of a critical incident at once, whatever reminders went before, and says how long a limit holds the rest', async () => {
    const sent: string[] = []
    const world = { now: 1_000_000 }
    const digest = { by: 'person', windows: [{ max: 3, ms: 600_000 }], gatherMs: 30_000, aloneUpTo: 1, reserved: 1 } as const
    const channel: Channel = {
      name: 'email', perMinute: 100, digest, check: () => Promise.resolve({ kind: 'up' }), close: () => undefined,
      send: (message) => {
        sent.push(message.subject)
        return Promise.resolve({ kind: 'delivered', to: message.to, detail: 'ok', refused: [], again: [] })
      },
    }
    const text = (payload: unknown): string => (typeof payload === 'string' ? payload : 'opening')
    const outbox = createOutbox({
      state, channels: [channel], clock: { now: () => world.now, every: () => () => undefined }, random: () => 0.5,
      counters: { add: () => undefined, set: () => undefined }, log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      render: (payload) => words(text(payload)), renderDigest: (messages) => words(messages.map((one) => one.subject).join()),
    })
    const book = createOutboxBook({ db: state.db, now: () => world.now, render: (payload) => words(text(payload)), detailOf: () => 'full', digestOf: () => digest })
    const held = async (): Promise<(number | null)[]> => (await book.list({ state: 'owed', channel: undefined, before: undefined, limit: 10 }, { text: true, contacts: true })).messages.map((one) => one.heldUntil)
    for (const key of ['r1', 'r2', 'r3']) {
      await queue(outbox, key, world.now)
      await outbox.runDue()
      world.now += 40_000
    }
    // Two reminders are all that go in a window; the third waits for its end.
    expect(sent).toEqual(['r1', 'r2'])
    expect(await held()).toEqual([1_600_000])
    const opening = (number: string, severity: string) => ({ kind: 'incident', what: 'opened', incident: { number, severity } })
    const queueOpening = (number: string, severity: string) => state.db.transaction().execute((trx) => outbox.enqueue(trx, { channel: 'email', receiver: '值班', to: ['a@example.org'], dedupKey: number, incidentId: undefined, payload: opening(number, severity) }, world.now))
    await queueOpening('mild', 'warning')
    await outbox.runDue()
    expect(sent).toHaveLength(2)
    await queueOpening('bad', 'critical')
    await outbox.runDue()
    expect(sent).toEqual(['r1', 'r2', 'r3,opening,opening'])
    // The promise holds for openings too.
    await queueOpening('worse', 'critical')
    await outbox.runDue()
    expect(sent).toHaveLength(3)
    expect(await held()).toEqual([1_600_000])
  })

  it('asks right before it sends what a message is to say, and ends what no longer holds with a receipt of its own', async () => {
    const sent: string[] = []
    const world = { now: 1_000_000, broken: false }
    const counts: string[] = []
    const channel: Channel = {
      name: 'email', perMinute: 100, digest: { by: 'person', windows: [{ max: 10, ms: 600_000 }], gatherMs: 0, aloneUpTo: 1 },
      send: (message) => {
        sent.push(message.subject)
        return Promise.resolve({ kind: 'delivered', to: message.to, detail: 'ok', refused: [], again: [] })
      },
      check: () => Promise.resolve({ kind: 'up' }), close: () => undefined,
    }
    const outbox = createOutbox({
      state, channels: [channel], clock: { now: () => world.now, every: () => () => undefined }, random: () => 0.5,
      counters: { add: (name, labels = {}, by = 1) => void counts.push(`${name} ${labels['outcome'] ?? ''} ${by}`), set: () => undefined },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      render: (payload) => words(JSON.stringify(payload)), renderDigest: (messages) => words(messages.map((one) => one.subject).join()),
      subject(payload, now) {
        if (world.broken) return Promise.reject(new Error('state.db is busy'))
        const text = typeof payload === 'string' ? payload : ''
        return Promise.resolve(text.startsWith('late') ? { kind: 'superseded', why: '故障已恢复' } : { kind: 'stands', payload: `${text} at ${now}` })
      },
    })
    await queue(outbox, 'late-1', 1)
    expect(await outbox.runDue()).toBeUndefined()
    // Nobody was told anything: it counts in no window.
    expect(await state.db.selectFrom('channel_send').selectAll().execute()).toEqual([])
    await queue(outbox, 'opened', 2)
    await queue(outbox, 'late-2', 3)
    await queue(outbox, 'recovered', 4)
    await outbox.runDue()
    expect(sent).toEqual(['"opened at 1000000","recovered at 1000000"'])
    expect(await rows()).toEqual(['late-1 superseded 1', 'late-2 superseded 1', 'opened sent 1', 'recovered sent 1'])
    const receipt = await state.db.selectFrom('receipt').innerJoin('outbox', 'outbox.id', 'receipt.outbox_id').select(['outcome', 'detail_json']).where('dedup_key', '=', 'late-2').execute()
    expect(receipt).toEqual([{ outcome: 'superseded', detail_json: '{"why":"故障已恢复"}' }])
    expect(counts.filter((one) => one.includes('superseded'))).toEqual(['zhishou_channel_messages_total superseded 1', 'zhishou_channel_messages_total superseded 1'])
    // What cannot be asked is said as it was queued: nothing is lost by it.
    world.broken = true
    await queue(outbox, 'late-3', 5)
    await outbox.runDue()
    expect(sent.at(-1)).toBe('"late-3"')
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
