/** The outbox over channels that cost or have rates: storms, budgets, restarts, and channels beside each other. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Severity } from '../../protocol/events.ts'
import type { Channel, Message, SendOutcome } from '../../collector/notify/channel.ts'
import { receiptView } from '../../collector/notify/outbox-book.ts'
import { createOutbox } from '../../collector/notify/outbox.ts'
import type { Outbox } from '../../collector/notify/outbox.ts'
import { openState } from '../../collector/state/open.ts'
import type { State } from '../../collector/state/open.ts'
import { scaled, seed } from '../scale.ts'
import { say, startPeer } from './http-rig.ts'
import { liveOnce } from './lives.ts'
import { channelOf, leastSettings, words } from './message-rig.ts'

let folder = ''
let state: State
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-channels-'))
  state = await openState(join(folder, 'state.db'))
})
afterEach(async () => {
  await state.close()
  rmSync(folder, { recursive: true })
})

const START = Date.UTC(2026, 5, 30, 16)
const taken = (message: Message): SendOutcome => ({ kind: 'delivered', to: message.to, detail: 'ok', refused: [], again: [] })

/** What a channel of the product would send, with the answer the test wants. */
function watched(kind: 'sms-http' | 'wecom' | 'email' | 'feishu', name: string, answer: (message: Message, index: number) => SendOutcome | Promise<SendOutcome>, changes: Record<string, unknown> = {}) {
  const sent: { readonly at: number; readonly message: Message }[] = []
  const clock = { now: START }
  const real = channelOf({ ...leastSettings('http://127.0.0.1:9')[kind], ...changes }, 400, name)
  const channel: Channel = {
    ...real,
    send: async (message) => {
      sent.push({ at: clock.now, message })
      return answer(message, sent.length - 1)
    },
    check: () => Promise.resolve({ kind: 'up' }),
  }
  return { channel, sent, clock }
}

function outboxOver(channels: readonly Channel[], clock: { now: number }, set = new Map<string, number>()): Outbox {
  return createOutbox({
    state, channels, clock: { now: () => clock.now, every: () => () => undefined }, random: () => 0.5,
    counters: { add: () => undefined, set: (name, value, labels = {}) => set.set(`${name} ${labels['channel']}`, value) },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    render: (payload) => {
      const { text, severity } = payload as { text: string; severity: Severity }
      return words(text, { severity })
    },
    renderDigest: (messages) => words(`${messages.length} 条：${messages.map((one) => one.subject).join(' ')}`, { severity: messages.some((one) => one.severity === 'critical') ? 'critical' : 'warning' }),
  })
}

async function queue(outbox: Outbox, channel: string, key: string, now: number, to: readonly string[], severity: Severity = 'warning'): Promise<void> {
  await state.db.transaction().execute((trx) => outbox.enqueue(trx, { channel, receiver: '值班', to, dedupKey: key, incidentId: undefined, payload: { text: key, severity } }, now))
}
const states = async (): Promise<Record<string, number>> => {
  const rows = await state.db.selectFrom('outbox').select((eb) => ['state', eb.fn.countAll<number>().as('count')]).groupBy('state').execute()
  return Object.fromEntries(rows.map((row) => [row.state, row.count]))
}

/** Runs the outbox by its own wish until nothing is owed or `until`. */
async function runUntil(outbox: Outbox, clock: { now: number }, until: number): Promise<void> {
  for (;;) {
    const next = await outbox.runDue()
    if (next === undefined || next > until) break
    clock.now = Math.max(clock.now, next)
  }
}

describe('a storm', () => {
  it('of 500 alerts in a minute costs each person at most three SMS, and loses none', async () => {
    const { channel, sent, clock } = watched('sms-http', 'sms', taken)
    const outbox = outboxOver([channel], clock)
    const people = ['13800000001', '13800000002', '13800000003']
    for (let index = 0; index < 500; index++) {
      clock.now = START + index * 120
      await queue(outbox, 'sms', `alert-${index}`, clock.now, people, index === 321 ? 'critical' : 'warning')
      if (index % 10 === 0) await outbox.runDue()
    }
    await runUntil(outbox, clock, START + 600_000)
    for (const person of people) {
      const theirs = sent.filter(({ message }) => message.to.includes(person))
      expect(theirs.length).toBeGreaterThan(1)
      expect(theirs.length).toBeLessThanOrEqual(3)
      // The first one went by itself, at once; all of them are in what was sent.
      expect(theirs[0]).toMatchObject({ at: START, message: { subject: 'alert-0' } })
      const said = new Set(theirs.flatMap(({ message }) => message.subject.match(/alert-\d+/g) ?? []))
      expect(said.size).toBe(500)
    }
    expect(await states()).toEqual({ sent: 1_500 })
    // Each alert's own row and receipt say with which SMS it went.
    const receipts = await state.db.selectFrom('receipt').innerJoin('outbox', 'outbox.id', 'receipt.outbox_id').select(['receipt.detail_json', 'outbox.dedup_key', 'outbox.send_id', 'outbox.person']).execute()
    expect(receipts).toHaveLength(1_500)
    expect(new Set(receipts.map((row) => row.send_id)).size).toBe(sent.length)
    const together = receipts.filter((row) => row.dedup_key === 'alert-400/13800000002')
    expect(JSON.parse(together[0]!.detail_json)).toMatchObject({ detail: 'ok', send: together[0]!.send_id, together: expect.any(Number) })
    const usage = await state.db.selectFrom('sms_usage').selectAll().execute()
    expect(usage).toEqual([{ channel: 'sms', day: '2026-07-01', segments: expect.any(Number), messages: sent.length }])
  })

  it('never exceeds a robot\'s rate, not even over a restart, and ends as few messages', async () => {
    const { channel, sent, clock } = watched('wecom', 'ops', taken)
    let outbox = outboxOver([channel], clock)
    for (let index = 0; index < 500; index++) {
      clock.now = START + index * 120
      await queue(outbox, 'ops', `alert-${index}`, clock.now, ['ops'])
      await outbox.runDue()
      // Without memory on disk each of these would begin a new allowance.
      if (index % 100 === 99) outbox = outboxOver([channel], clock)
    }
    await runUntil(outbox, clock, START + 600_000)
    expect(await states()).toEqual({ sent: 500 })
    expect(sent.length).toBeLessThanOrEqual(41)
    for (const { at } of sent) expect(sent.filter((other) => other.at <= at && other.at > at - 60_000).length).toBeLessThanOrEqual(20)
    expect(new Set(sent.flatMap(({ message }) => message.subject.match(/alert-\d+/g) ?? [])).size).toBe(500)
  })

  it('of 10 000 that waited is one message for a robot', async () => {
    const { channel, sent, clock } = watched('feishu', 'ops', taken)
    const outbox = outboxOver([channel], clock)
    await state.db.transaction().execute(async (trx) => {
      for (let index = 0; index < 10_000; index++) await outbox.enqueue(trx, { channel: 'ops', receiver: 'r', to: ['ops'], dedupKey: `k${index}`, incidentId: undefined, payload: { text: `k${index}`, severity: 'info' } }, clock.now)
    })
    await outbox.runDue()
    expect(sent).toHaveLength(1)
    expect(await states()).toEqual({ sent: 10_000 })
  })

  it('a message without words fails alone, also among others', async () => {
    const { channel, sent, clock } = watched('sms-http', 'sms', taken)
    const outbox = outboxOver([channel], clock)
    for (const [index, key] of ['a', 'b', 'c'].entries()) await queue(outbox, 'sms', key, clock.now - 3 + index, ['13800000001'])
    await state.db.updateTable('outbox').set({ message_json: 'torn' }).where('dedup_key', '=', 'b').execute()
    await outbox.runDue()
    expect(sent.map(({ message }) => message.subject)).toEqual(['2 条：a c'])
    expect(await states()).toEqual({ failed: 1, sent: 2 })
  })
})

describe('the yearly budget', () => {
  it('counts segments, warns, and lets only critical ones past its end', async () => {
    const { channel, sent, clock } = watched('sms-http', 'sms', taken, { yearlyBudget: 2, yearFrom: '07-01', perPerson: 60, gather: '5s' })
    const series = new Map<string, number>()
    const outbox = outboxOver([channel], clock, series)
    for (const [index, severity] of (['warning', 'info', 'warning', 'critical'] as const).entries()) {
      await queue(outbox, 'sms', `m${index}`, clock.now, [`1380000000${index}`], severity)
      await outbox.runDue()
    }
    expect(sent.map(({ message }) => message.subject)).toEqual(['m0', 'm1', 'm3'])
    expect(await state.db.selectFrom('outbox').select(['dedup_key', 'last_error']).where('state', '=', 'failed').execute()).toEqual([{ dedup_key: 'm2', last_error: '短信年度预算已用完，只发紧急消息，此条没有发出' }])
    // Not as if the gateway had refused it.
    const failed = await state.db.selectFrom('receipt').innerJoin('outbox', 'outbox.id', 'receipt.outbox_id').selectAll('receipt').where('dedup_key', '=', 'm2').execute()
    expect(failed.map((row) => receiptView(row, { text: true, contacts: true }))).toMatchObject([{ outcome: 'budget', detail: '短信年度预算已用完，只发紧急消息，此条没有发出' }])
    expect(await outbox.problems()).toEqual([{ kind: 'used-up', channel: 'sms', usedRatio: 1.5, elapsedRatio: 0 }])
    expect(series.get('zhishou_sms_budget_used_ratio sms')).toBe(1.5)
    expect(series.get('zhishou_sms_budget_elapsed_ratio sms')).toBe(0)
    // The next contract year begins with all of it.
    clock.now = START + 366 * 86_400_000
    await queue(outbox, 'sms', 'next', clock.now, ['13800000009'], 'info')
    await outbox.runDue()
    expect(sent.at(-1)!.message.subject).toBe('next')
    // Half of two on the second day is fast, but no longer the end.
    expect(await outbox.problems()).toMatchObject([{ kind: 'ahead', usedRatio: 0.5 }])
  })

  it('counts an SMS that may have gone, and none that cannot have', async () => {
    const answers: SendOutcome[] = [
      { kind: 'try-again', why: 'no answer', channelDown: true, unsure: true },
      { kind: 'try-again', why: 'ECONNREFUSED', channelDown: true, unsure: false },
      { kind: 'refused', why: 'number' },
    ]
    const { channel, sent, clock } = watched('sms-http', 'sms', (message) => answers.shift() ?? taken(message))
    const outbox = outboxOver([channel], clock)
    await queue(outbox, 'sms', 'a', clock.now, ['13800000001'])
    await runUntil(outbox, clock, START + 3_600_000)
    expect(sent).toHaveLength(3)
    // The first may have arrived: so the second waited as after a success.
    expect(sent[1]!.at - sent[0]!.at).toBeGreaterThanOrEqual(30_000)
    expect(await state.db.selectFrom('sms_usage').select(['segments', 'messages']).execute()).toEqual([{ segments: 1, messages: 1 }])
    expect(await state.db.selectFrom('channel_send').selectAll().execute()).toHaveLength(1)
  })
})

describe('channels beside each other', () => {
  it('do not wait for one that stalls, and one that asks for patience gets it for all its messages', async () => {
    let letGo = (): void => undefined
    const stuck = watched('email', 'mail', (message, index) => (index > 0 ? taken(message) : new Promise((resolve) => {
      letGo = () => resolve({ kind: 'try-again', why: 'stalled', channelDown: true })
    })))
    const { clock } = stuck
    const busy = watched('wecom', 'ops', (message, index) => (index > 0 ? taken(message) : { kind: 'try-again', why: 'errcode 45009', channelDown: false, afterMs: 60_000 }))
    const fine = watched('sms-http', 'sms', taken)
    const outbox = outboxOver([stuck.channel, busy.channel, fine.channel], clock)
    const until = async (done: () => boolean): Promise<void> => {
      for (let tries = 0; !done(); tries++) {
        if (tries > 1_000) throw new Error('it waits for another channel')
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    await outbox.start()
    await queue(outbox, 'mail', 'm', clock.now, ['a@example.org'])
    for (const key of ['o1', 'o2']) await queue(outbox, 'ops', key, clock.now, ['ops'])
    outbox.wake()
    await until(() => stuck.sent.length === 1 && busy.sent.length === 1)
    // What comes while one hangs goes out by the others.
    await queue(outbox, 'sms', 's', clock.now, ['13800000001'])
    outbox.wake()
    await until(() => fine.sent.length === 1)
    letGo()
    await until(() => outbox.works()['mail'] === false)
    expect(outbox.works()).toEqual({ mail: false, ops: true, sms: true })
    expect(outbox.allChannelsDown()).toBe(false)
    clock.now += 59_000
    outbox.wake()
    await until(() => stuck.sent.length === 2)
    expect(busy.sent).toHaveLength(1)
    clock.now += 2_000
    outbox.wake()
    await until(() => busy.sent.length > 1)
    await outbox.stop()
  })

  it('says when none of them works', async () => {
    const down: SendOutcome = { kind: 'try-again', why: 'ECONNREFUSED', channelDown: true }
    const one = watched('email', 'mail', () => down)
    const other = watched('wecom', 'ops', () => down)
    const outbox = outboxOver([one.channel, other.channel], one.clock)
    expect(outbox.allChannelsDown()).toBe(false)
    await queue(outbox, 'mail', 'm', START, ['a@example.org'])
    await queue(outbox, 'ops', 'o', START, ['ops'])
    await outbox.runDue()
    expect(outbox.allChannelsDown()).toBe(true)
    expect(await outbox.problems()).toEqual([{ kind: 'all-channels-down' }])
    await outbox.checkChannels()
    expect(outbox.allChannelsDown()).toBe(false)
  })
})

describe('the test button', () => {
  it('sends at once with a receipt of its own, and is not tried again', async () => {
    const { channel, sent, clock } = watched('sms-http', 'sms', (message, index) => (index === 1 ? { kind: 'try-again', why: 'LOGIN', channelDown: true } : taken(message)))
    const outbox = createOutbox({
      state, channels: [channel], clock: { now: () => clock.now, every: () => () => undefined }, random: () => 0, counters: { add: () => undefined, set: () => undefined },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined }, render: (payload) => words(JSON.stringify(payload)), renderDigest: () => words(''),
    })
    const good = await outbox.test('sms', ['13800000001'])
    const bad = await outbox.test('sms', ['13800000001'])
    expect(await outbox.test('none', [])).toBeUndefined()
    expect(good).toMatchObject({ outcome: { kind: 'delivered', detail: 'ok' } })
    expect(bad).toMatchObject({ outcome: { kind: 'try-again', why: 'LOGIN' } })
    expect(await runUntil(outbox, clock, START + 3_600_000)).toBeUndefined()
    expect(sent.map(({ message }) => message.subject)).toEqual(Array(2).fill('{"kind":"test","channel":"sms"}'))
    const rows = await state.db.selectFrom('outbox').innerJoin('receipt', 'receipt.outbox_id', 'outbox.id').select(['outbox.id', 'state', 'outcome']).orderBy('outbox.created_at').execute()
    expect(rows.toSorted((a, b) => (a.state < b.state ? 1 : -1))).toEqual([{ id: good!.id, state: 'sent', outcome: 'delivered' }, { id: bad!.id, state: 'failed', outcome: 'try-again' }])
  })
})

describe('killed by kill -9 while a gateway is slow', () => {
  it('loses nothing, sends nothing with a receipt again, and keeps to three SMS a person', async () => {
    const arrived: { readonly at: number; readonly phone: string }[] = []
    const peer = await startPeer((request, response, raw) => {
      setTimeout(() => {
        const form = new URLSearchParams(request.body.toString())
        if (request.method === 'POST') arrived.push({ at: Date.now(), phone: form.get('mobile') ?? '' })
        say(200, 'OK:1')(request, response, raw)
      }, 30)
    })
    let random = seed
    const nextRandom = (): number => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0
      return random / 2 ** 32
    }
    const queued = new Set<string>()
    const lives = scaled(4, 40)
    const live = (name: string, killAfterMs: number | undefined): Promise<void> =>
      liveOnce(fileURLToPath(new URL('./channels-child.ts', import.meta.url)), [join(folder, 'state.db'), peer.url, name], queued, killAfterMs)
    for (let life = 0; life < lives; life++) await live(`life${life}`, 20 + nextRandom() * 200)
    await live('last', undefined)
    // An attempt that a kill cut off counts as one: whoever had only such hears after the rest (5 s, channels-child.ts).
    await delay(5_500)
    await live('after', undefined)
    const rows = await state.db.selectFrom('outbox').selectAll().execute()
    const known = new Set(rows.map((row) => row.dedup_key))
    for (const key of queued) expect(known).toContain(key)
    expect(queued.size).toBeGreaterThan(20)
    let interrupted = 0
    for (const row of rows) {
      const all = await state.db.selectFrom('receipt').selectAll().where('outbox_id', '=', row.id).orderBy('attempt').execute()
      const delivered = all.filter((receipt) => receipt.outcome === 'delivered')
      interrupted += all.filter((receipt) => receipt.outcome === 'interrupted').length
      // What the window did not let out yet is still owed; what went has its one receipt, the last.
      expect(['sent', 'queued']).toContain(row.state)
      expect(delivered.length).toBe(row.state === 'sent' ? 1 : 0)
      if (row.state === 'sent') expect(all.at(-1)!.outcome).toBe('delivered')
    }
    expect(interrupted).toBeGreaterThan(0)
    const perPerson = new Map<string, number>()
    for (const { phone } of arrived) perPerson.set(phone, (perPerson.get(phone) ?? 0) + 1)
    expect(perPerson.size).toBe(20)
    for (const count of perPerson.values()) expect(count).toBeLessThanOrEqual(3)
    await peer.close()
  })
})
