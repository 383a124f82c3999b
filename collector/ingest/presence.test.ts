import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Hello } from '../../protocol/messages.ts'
import { memoryStore } from '../../test/memory-store.ts'
import { scaled, seed } from '../../test/scale.ts'
import type { Agent, AgentSeen } from '../access/identities.ts'
import { type Presence, startPresence } from './run-presence.ts'

const START = Date.UTC(2026, 10, 22)
const SECOND = 1_000

const hello: Hello = {
  t: 'hello',
  version: 1,
  agent: { version: '0.1.0', node: 'v16.20.2', pid: 5 },
  host: { hostname: 'web-01', machineId: 'm', bootId: 'b' },
  epoch: 'e1',
  next: 1,
  delivery: { kind: 'live', periodMs: 0 },
  intervalMs: 15_000,
  at: START,
}

/** A collector whose time is turned by hand, a quarter second a look; it can be restarted over the same store. */
function house(agents: Agent[] = []) {
  const store = memoryStore()
  const saved = new Map<string, AgentSeen>()
  const changes: string[] = []
  const failures: string[] = []
  let now = START
  let presence: Presence | undefined
  const start = async (): Promise<void> => {
    presence = await startPresence({
      store,
      identities: {
        agents: async () => agents.map((agent) => ({ ...agent, lastSeenAt: saved.get(agent.instance)?.lastSeenAt ?? agent.lastSeenAt, info: saved.get(agent.instance)?.info ?? agent.info })),
        touch: async (seen) => {
          for (const one of seen) saved.set(one.instance, { ...one, info: one.info ?? saved.get(one.instance)?.info })
        },
      },
      clock: { now: () => now, every: () => () => undefined },
      settings: { silenceMs: 9 * SECOND, firstContactMs: 60 * SECOND },
      onChange: (instance, up, at) => changes.push(`${instance}=${up}@${(at - START) / SECOND}`),
      onFailure: (what) => failures.push(what),
    })
  }
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }
  return {
    store,
    saved,
    changes,
    failures,
    start,
    settle,
    get presence() {
      return presence!
    },
    /** Lets `ms` pass with `each` called every quarter second before the look. */
    async pass(ms: number, each: (at: number) => void = () => undefined) {
      for (const end = now + ms; now < end; ) {
        now += 250
        each(now)
        presence!.tick()
        await settle()
      }
    },
    /** Time passes with this process stopped, or its clock is set. */
    jump: (ms: number) => {
      now += ms
    },
    /** `up` of an instance as written: [seconds since start, value]. */
    up: (instance = 'web-01') =>
      store
        .select([{ name: '__name__', op: '=', value: 'up', matches: (value) => value === 'up' }, { name: 'instance', op: '=', value: instance, matches: (value) => value === instance }], 0, Number.MAX_SAFE_INTEGER)
        .flatMap(({ times, values }) => [...times].map((at, index): [number, number] => [(at - START) / SECOND, values[index]!])),
  }
}

/** Pings as an agent does: every four seconds. */
const pings = (presence: () => Presence, instance = 'web-01') => {
  let next = 0
  return (at: number): void => {
    if (at < next) return
    next = at + 4 * SECOND
    presence().heard(instance)
  }
}

describe('an agent that is there', () => {
  test('up = 1 at once on connecting, then about every 15 s, never stamped later than its last heartbeat', async () => {
    const one = house()
    await one.start()
    let lastPing = 0
    one.presence.opened('web-01', hello, 40)
    await one.settle()
    expect(one.up()).toEqual([[0, 1]])
    const ping = pings(() => one.presence)
    await one.pass(120 * SECOND, (at) => {
      const before = one.presence.view()[0]!.lastSeenAt
      ping(at)
      if (one.presence.view()[0]!.lastSeenAt !== before) lastPing = at
      for (const [seconds] of one.up()) expect(START + seconds * SECOND).toBeLessThanOrEqual(Math.max(lastPing, START))
    })
    expect(one.up().length).toBeGreaterThanOrEqual(8)
    expect(one.up().length).toBeLessThanOrEqual(10)
    expect(one.up().every(([, value]) => value === 1)).toBe(true)
    expect(one.changes).toEqual(['web-01=1@0'])
    expect(one.presence.view()[0]).toMatchObject({ presence: 'up', clockOffsetSeconds: 0.04, agentVersion: '0.1.0' })
    const last = one.store.batches.at(-1)!
    expect(one.store.value(last, 'zhishou_agent_clock_offset_seconds', { instance: 'web-01', job: 'node' })).toBe(0.04)
    expect(one.store.value(last, 'zhishou_agent_last_heartbeat_timestamp_seconds')).toBe(last.rows[0]!.at / SECOND)
    // Remembered at most once a minute.
    expect(one.saved.get('web-01')!.lastSeenAt).toBeGreaterThan(START + 59 * SECOND)
  })
})

describe('an agent that falls silent', () => {
  test('is down within 10 s of its last heartbeat, stamped just after it, and again every 15 s', async () => {
    const one = house()
    await one.start()
    one.presence.opened('web-01', hello, 0)
    await one.pass(20 * SECOND, pings(() => one.presence))
    one.presence.heard('web-01')
    const silentAt = 20
    await one.pass(9 * SECOND)
    expect(one.changes).toEqual(['web-01=1@0'])
    await one.pass(500)
    expect(one.changes).toEqual(['web-01=1@0', `web-01=0@${silentAt + 0.001}`])
    await one.pass(60 * SECOND)
    const zeros = one.up().filter(([, value]) => value === 0)
    expect(zeros[0]).toEqual([silentAt + 0.001, 0])
    expect(zeros.length).toBe(5)
    expect(one.presence.view()[0]).toMatchObject({ presence: 'down', since: START + silentAt * SECOND })
    one.presence.heard('web-01')
    await one.settle()
    expect(one.changes.at(-1)).toBe('web-01=1@89.5')
  })

  test('a closed socket changes nothing by itself: back within 9 s raises nothing', async () => {
    const one = house()
    await one.start()
    one.presence.opened('web-01', hello, 0)
    one.presence.closed('web-01')
    await one.pass(8.75 * SECOND)
    one.presence.opened('web-01', hello, 0)
    await one.pass(8 * SECOND)
    expect(one.changes).toEqual(['web-01=1@0'])
  })

  test('bye holds for as long as it says, then the silence counts from the last heartbeat', async () => {
    const one = house()
    await one.start()
    one.presence.opened('web-01', hello, 0)
    one.presence.bye('web-01', 60 * SECOND)
    one.presence.heard('web-01')
    one.presence.closed('web-01')
    await one.pass(59.75 * SECOND)
    expect(one.changes).toEqual(['web-01=1@0'])
    expect(one.presence.view()[0]).toMatchObject({ presence: 'planned' })
    await one.pass(SECOND)
    expect(one.changes).toEqual(['web-01=1@0', 'web-01=0@0.001'])
  })

  test('bye for good is silent for good, also across restarts of the collector', async () => {
    const agents = [{ instance: 'web-01', createdAt: START, removedAt: undefined, lastSeenAt: undefined, info: undefined }]
    const one = house(agents)
    await one.start()
    one.presence.opened('web-01', hello, 0)
    one.presence.bye('web-01', 0)
    await one.pass(3_600 * SECOND)
    await one.presence.stop()
    await one.start()
    await one.pass(120 * SECOND)
    expect(one.changes).toEqual(['web-01=1@0'])
    one.presence.opened('web-01', hello, 0)
    await one.pass(20 * SECOND)
    expect(one.changes).toEqual(['web-01=1@0', 'web-01=0@3720.001'])
  })
})

describe('when the collector itself was away', () => {
  test('a stop of this process, or a clock set ahead, makes nobody down', async () => {
    const one = house()
    await one.start()
    one.presence.opened('web-01', hello, 0)
    await one.pass(4 * SECOND)
    one.jump(3_600 * SECOND)
    await one.pass(2 * SECOND)
    one.presence.heard('web-01')
    await one.pass(8 * SECOND)
    expect(one.changes).toEqual(['web-01=1@0'])
    await one.pass(2 * SECOND)
    expect(one.changes).toHaveLength(2)
  })

  test('a clock set back: silence is still noticed, rows go on', async () => {
    const one = house()
    await one.start()
    one.presence.opened('web-01', hello, 0)
    one.jump(-3_600 * SECOND)
    await one.pass(40 * SECOND, pings(() => one.presence))
    expect(one.up().filter(([at]) => at < 0).length).toBeGreaterThanOrEqual(1)
    await one.pass(14 * SECOND)
    expect(one.changes).toHaveLength(2)
  })

  test('while we do not read from an agent its silence means nothing', async () => {
    const one = house()
    await one.start()
    one.presence.opened('web-01', hello, 0)
    one.presence.reading('web-01', false)
    await one.pass(60 * SECOND)
    expect(one.changes).toEqual(['web-01=1@0'])
    one.presence.reading('web-01', true)
    await one.pass(10 * SECOND)
    expect(one.changes).toHaveLength(2)
  })

  test('after a restart everybody known gets 9 s, then up = 0 from the last known heartbeat', async () => {
    const agents = ['web-01', 'web-02'].map((instance) => ({ instance, createdAt: START, removedAt: undefined, lastSeenAt: undefined, info: undefined }))
    const one = house(agents)
    await one.start()
    one.presence.opened('web-01', hello, 0)
    one.presence.opened('web-02', hello, 0)
    const both = [pings(() => one.presence), pings(() => one.presence, 'web-02')]
    await one.pass(30 * SECOND, (at) => both.forEach((ping) => ping(at)))
    one.presence.heard('web-01')
    // Killed: nothing is written on the way out. state.db knows only the connecting, the store a little more.
    one.jump(300 * SECOND)
    const before = one.up('web-01').at(-1)![0]
    expect(one.saved.get('web-01')!.lastSeenAt).toBe(START)
    await one.start()
    await one.pass(8 * SECOND)
    one.presence.opened('web-02', hello, 0)
    expect(one.changes).toHaveLength(2)
    await one.pass(2 * SECOND)
    expect(one.changes.slice(2)).toEqual([`web-01=0@${before + 0.001}`])
    expect(one.presence.view()[0]).toMatchObject({ presence: 'down', since: START + before * SECOND })
    expect(one.up('web-02').every(([, value]) => value === 1)).toBe(true)
  })

  test('one that was down before stays down, without a second beginning', async () => {
    const one = house([{ instance: 'web-01', createdAt: START, removedAt: undefined, lastSeenAt: undefined, info: undefined }])
    await one.start()
    one.presence.opened('web-01', hello, 0)
    await one.pass(60 * SECOND)
    await one.presence.stop()
    one.jump(60 * SECOND)
    const zeros = one.up().filter(([, value]) => value === 0).length
    await one.start()
    await one.pass(SECOND)
    expect(one.presence.view()[0]!.presence).toBe('down')
    expect(one.changes).toHaveLength(2)
    expect(one.up().filter(([, value]) => value === 0).length).toBe(zeros + 1)
    expect(new Set(one.store.batches.map((batch) => batch.epoch)).size).toBe(2)
  })

  test('a stop remembers every last heartbeat', async () => {
    const one = house()
    await one.start()
    one.presence.opened('web-01', hello, 0)
    await one.pass(12 * SECOND, pings(() => one.presence))
    const seenAt = one.presence.view()[0]!.lastSeenAt!
    await one.presence.stop()
    expect(one.saved.get('web-01')!.lastSeenAt).toBe(seenAt)
    expect(one.up().at(-1)).toEqual([(seenAt - START) / SECOND, 1])
  })
})

describe('joining and leaving', () => {
  test('an enrolled agent that never connects is shown as never seen, and nobody is called for it', async () => {
    const one = house()
    await one.start()
    one.presence.enrolled('web-01')
    await one.pass(59 * SECOND)
    expect(one.changes).toEqual([])
    await one.pass(120 * SECOND)
    expect(one.changes).toEqual([])
    expect(one.presence.view()[0]).toMatchObject({ presence: 'never', lastSeenAt: undefined })
  })

  test('a removed one is not written about any more, and its series end', async () => {
    const one = house()
    await one.start()
    one.presence.opened('web-01', hello, 0)
    await one.pass(SECOND)
    one.presence.forget('web-01')
    await one.pass(60 * SECOND)
    expect(one.store.batches.at(-1)!.rows).toMatchObject([{ at: START + SECOND, values: new Float64Array(0) }])
    expect(one.presence.view()).toEqual([])
  })
})

describe('a store that takes nothing', () => {
  test('nothing is lost or doubled, and rules hear of a change once it is stored', async () => {
    const one = house()
    await one.start()
    one.presence.opened('web-01', hello, 0)
    await one.settle()
    one.store.full = true
    await one.pass(120 * SECOND)
    expect(one.changes).toHaveLength(1)
    expect(one.failures.length).toBeGreaterThan(10)
    expect(one.failures.length).toBeLessThan(100)
    one.store.full = false
    await one.pass(5 * SECOND)
    expect(one.changes).toEqual(['web-01=1@0', 'web-01=0@0.001'])
    expect(one.store.batches.map((batch) => batch.seq)).toEqual(one.store.batches.map((_, index) => index + 1))
  })
})

test('under any course of events rows ascend, and the last row tells the truth', async () => {
  const event = fc.oneof(
    fc.constant({ kind: 'open' as const }),
    fc.constant({ kind: 'hear' as const }),
    fc.record({ kind: fc.constant('bye' as const), ms: fc.constantFrom(0, 5_000, 60_000) }),
    fc.constant({ kind: 'close' as const }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 40 }).map((n) => n * 500) }),
    fc.record({ kind: fc.constant('jump' as const), ms: fc.constantFrom(30_000, 600_000) }),
    fc.constant({ kind: 'restart' as const }),
    fc.record({ kind: fc.constant('full' as const), is: fc.boolean() }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
      const one = house([{ instance: 'web-01', createdAt: START, removedAt: undefined, lastSeenAt: undefined, info: undefined }])
      await one.start()
      for (const step of events) {
        if (step.kind === 'open') one.presence.opened('web-01', hello, 0)
        else if (step.kind === 'hear') one.presence.heard('web-01')
        else if (step.kind === 'bye') one.presence.bye('web-01', step.ms)
        else if (step.kind === 'close') one.presence.closed('web-01')
        else if (step.kind === 'pass') await one.pass(step.ms)
        else if (step.kind === 'jump') one.jump(step.ms)
        else if (step.kind === 'full') one.store.full = step.is
        else {
          await one.presence.stop()
          await one.start()
        }
        await one.settle()
      }
      one.store.full = false
      await one.pass(3_000)
      const written = one.store.batches.flatMap((batch) => batch.rows.map((row) => row.at))
      expect(written).toEqual([...new Set(written)].sort((a, b) => a - b))
      // A change is told each time the written value changes, and at no other time.
      const values = one.up().map(([, value]) => value)
      const turns = values.filter((value, index) => value !== values[index - 1]).length
      expect(one.changes.length).toBe(turns)
      const shown = one.presence.view()[0]!.presence
      if (shown === 'up') expect(values.at(-1)).toBe(1)
      if (shown === 'down') expect(values.at(-1)).toBe(0)
    }),
    { seed, numRuns: scaled(100, 3_000) },
  )
})
