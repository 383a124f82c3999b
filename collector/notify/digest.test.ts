import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { digest as step, memoryMs } from './digest.ts'
import type { DigestPolicy, PastSend } from './digest.ts'

const mild = (sends: readonly number[]): readonly PastSend[] => sends.map((at) => ({ at, urgent: false }))
const digest = (waiting: number, sends: readonly number[], policy: DigestPolicy, now: number) => step(waiting, mild(sends), policy, now)

const person: DigestPolicy = { by: 'person', windows: [{ max: 3, ms: 600_000 }], gatherMs: 30_000, aloneUpTo: 1 }
const robot: DigestPolicy = { by: 'channel', windows: [{ max: 20, ms: 63_000 }, { max: 5, ms: 1_100 }], gatherMs: 0, aloneUpTo: 3 }
const mail: DigestPolicy = { by: 'person', windows: [{ max: 63, ms: 600_000 }], gatherMs: 10_000, freeSends: 3, gatherMostMs: 60_000, aloneUpTo: 3 }

describe('digest', () => {
  it('tells a person the first at once, then gathers longer and longer, then waits for the window', () => {
    expect(digest(1, [], person, 0)).toEqual({ kind: 'one' })
    expect(digest(5, [], person, 0)).toEqual({ kind: 'together' })
    expect(digest(499, [0], person, 1_000)).toEqual({ kind: 'wait', until: 30_000 })
    expect(digest(499, [0], person, 30_000)).toEqual({ kind: 'together' })
    expect(digest(9, [0, 30_000], person, 31_000)).toEqual({ kind: 'wait', until: 90_000 })
    expect(digest(9, [0, 30_000, 90_000], person, 91_000)).toEqual({ kind: 'wait', until: 600_000 })
    expect(digest(1, [0, 30_000, 90_000], person, 700_000)).toEqual({ kind: 'one' })
  })

  it('lets robots say few things one by one and many as one', () => {
    expect(digest(3, [], robot, 0)).toEqual({ kind: 'one' })
    expect(digest(4, [], robot, 0)).toEqual({ kind: 'together' })
    expect(digest(3, Array.from({ length: 18 }, () => -5_000), robot, 0)).toEqual({ kind: 'together' })
    expect(digest(1, [-900, -800, -700, -600, -500], robot, 0)).toEqual({ kind: 'wait', until: 200 })
  })

  it('mails few things one by one and a storm ever more rarely, once a minute at least', () => {
    expect(digest(3, [], mail, 0)).toEqual({ kind: 'one' })
    expect(digest(400, [0], mail, 1)).toEqual({ kind: 'together' })
    expect(digest(1, [0, 1, 2], mail, 3)).toEqual({ kind: 'wait', until: 10_002 })
    expect(digest(1, [0, 1, 2, 10_002], mail, 10_003)).toEqual({ kind: 'wait', until: 30_002 })
    expect(digest(1, [0, 1, 2, 3, 4, 5, 6, 7], mail, 8)).toEqual({ kind: 'wait', until: 60_007 })
    expect(digest(4, [0, 1, 2, 3, 4, 5, 6, 7], mail, 60_007)).toEqual({ kind: 'together' })
  })

  it('is not silenced by a clock that was set back', () => {
    expect(digest(1, [10_000_000, 10_000_001, 10_000_002], person, 0)).toEqual({ kind: 'one' })
  })

  it('keeps the last send of a window for what is urgent, which no reminder makes wait', () => {
    const kept: DigestPolicy = { ...person, reserved: 1 }
    const reminders = mild([0, 30_000])
    // Two reminders went; the third waits for the window, an opening goes at once.
    expect(step(1, reminders, kept, 31_000)).toEqual({ kind: 'wait', until: 600_000 })
    expect(step(1, reminders, kept, 31_000, true)).toEqual({ kind: 'one' })
    expect(step(4, reminders, kept, 31_000, true)).toEqual({ kind: 'together' })
    // The promise holds: the window is full for everybody.
    expect(step(1, [...reminders, { at: 31_000, urgent: true }], kept, 32_000, true)).toEqual({ kind: 'wait', until: 600_000 })
    // Openings gather among themselves, so that a storm of them does not use the window up at once.
    expect(step(9, [{ at: 0, urgent: true }], kept, 1_000, true)).toEqual({ kind: 'wait', until: 30_000 })
    // Where there is only one, nothing is kept back.
    expect(step(1, [], { ...kept, windows: [{ max: 1, ms: 600_000 }] }, 0)).toEqual({ kind: 'one' })
  })

  it('never exceeds a window and never waits for nothing, whatever comes when', () => {
    const arrivals = fc.array(fc.record({ after: fc.integer({ min: 0, max: 90_000 }), count: fc.integer({ min: 1, max: 300 }) }), { maxLength: 60 })
    fc.assert(fc.property(fc.constantFrom(person, robot, mail), arrivals, (policy, list) => {
      let now = 0
      let waiting = 0
      let told = 0
      const sends: number[] = []
      const pump = (until: number): void => {
        while (waiting > 0) {
          const step = digest(waiting, sends, policy, now)
          if (step.kind === 'wait') {
            expect(step.until).toBeGreaterThan(now)
            if (step.until > until) return
            now = step.until
            continue
          }
          sends.push(now)
          const went = step.kind === 'one' ? 1 : waiting
          told += went
          waiting -= went
        }
      }
      let total = 0
      for (const { after, count } of list) {
        const next = now + after
        pump(next)
        now = Math.max(now, next)
        waiting += count
        total += count
      }
      pump(Infinity)
      expect(told).toBe(total)
      for (const { max, ms } of policy.windows) for (const at of sends) expect(sends.filter((other) => other <= at && other > at - ms).length).toBeLessThanOrEqual(max)
      expect(memoryMs(policy)).toBe(policy === robot ? 63_000 : 600_000)
    }), { seed })
  })

  it('takes all that came meanwhile along after a rest, also when that is few', () => {
    const policy = { by: 'person', aloneUpTo: 3, freeSends: 3, gatherMs: 10_000, gatherMostMs: 60_000, windows: [{ max: 100, ms: 600_000 }] } as const
    expect(digest(2, [0, 1, 2], policy, 3)).toEqual({ kind: 'wait', until: 10_002 })
    expect(digest(2, [0, 1, 2], policy, 10_002)).toEqual({ kind: 'together' })
    expect(digest(2, [0], policy, 3)).toEqual({ kind: 'one' })
  })
})
