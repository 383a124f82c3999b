import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { ACK_TIMEOUT_MS, backOff, CLOSE_TIMEOUT_MS, deadline, initial, LAST_RETRY_MS, LONGEST_BACK_OFF_MS, type LinkEffect, type LinkEvent, type LinkState, type Live, room, step } from './session.ts'

const welcome: LinkEvent = { kind: 'welcome', heartbeatMs: 4_000, window: 4, renewInMs: 3_600_000 }

function run(events: readonly LinkEvent[], from: LinkState = initial(0), now = 0): { state: LinkState; effects: LinkEffect[] } {
  let state = from
  const effects: LinkEffect[] = []
  for (const event of events) {
    const next = step(state, event, now, 0)
    state = next.state
    effects.push(...next.effects)
  }
  return { state, effects }
}

const toLive: readonly LinkEvent[] = [{ kind: 'timeout' }, { kind: 'connected' }, welcome]
const kinds = (effects: readonly LinkEffect[]) => effects.map((effect) => effect.kind)

const event: fc.Arbitrary<LinkEvent> = fc.oneof(
  fc.constantFrom<LinkEvent>({ kind: 'connected' }, { kind: 'heard' }, { kind: 'renewed' }, { kind: 'tick' }, { kind: 'timeout' }, { kind: 'closed' }, welcome),
  fc.array(fc.nat(20), { maxLength: 4 }).map((numbers): LinkEvent => ({ kind: 'ack', accepted: numbers.sort((a, b) => a - b).map((n) => [n, n]) })),
  fc.record({ kind: fc.constant('sent' as const), seq: fc.nat(20), late: fc.boolean() }),
  fc.record({ kind: fc.constant('refuse' as const), seq: fc.option(fc.nat(20), { nil: undefined }), code: fc.constantFrom('limit' as const, 'revoked' as const), retryAfterMs: fc.option(fc.nat(5_000), { nil: undefined }) }),
)

describe('link session', () => {
  it('goes from nothing to live, and sends nothing but hello before (SPEC 1, 2)', () => {
    const { state, effects } = run(toLive)
    expect(kinds(effects)).toEqual(['open', 'hello', 'fill'])
    expect(state.kind).toBe('live')
    expect(deadline(state)).toBe(4_000)
  })

  it('keeps its invariants under any events at any times', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.nat(9_000)), { maxLength: 80 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (events, random) => {
        let state = initial(0)
        let now = 0
        let open = false
        let renewals = 0
        for (const [input, later] of events) {
          now += later
          // The shell sends only where there is room, and tells of a closed socket only where one was open.
          if (input.kind === 'sent' && !room(state, input.late, now)) continue
          if (input.kind === 'closed' && !open) continue
          const before = state
          const next = step(state, input, now, random)
          for (const effect of next.effects) {
            if (effect.kind === 'open') {
              expect([before.kind, open]).toEqual(['disconnected', false])
              open = true
              renewals = 0
            }
            if (effect.kind === 'terminate') open = false
            if (effect.kind === 'fill' || effect.kind === 'ping' || effect.kind === 'renew' || effect.kind === 'bye') expect(before.kind === 'live' || before.kind === 'greeting').toBe(true)
            if (effect.kind === 'renew') renewals++
          }
          if (input.kind === 'closed') open = false
          expect(renewals).toBeLessThanOrEqual(1)
          state = next.state
          if (state.kind === 'live') {
            expect(state.waiting.length).toBeLessThanOrEqual(state.window)
            expect(state.waiting.filter((item) => item.late).length).toBeLessThanOrEqual(Math.max(1, state.window / 2))
          }
          if (state.kind === 'disconnected') {
            expect(open).toBe(false)
            expect(state.retryAt).not.toBe(Infinity)
          }
          // Nothing ever waits for ever: every state has a deadline.
          expect(deadline(state)).toBeLessThan(Infinity)
        }
        // After a stop it is down for good within the time a close may take.
        const stopped = step(state, { kind: 'stop' }, now, random).state
        const gone = stopped.kind === 'closing' ? step(stopped, { kind: 'timeout' }, now + CLOSE_TIMEOUT_MS, random).state : stopped
        expect(gone).toMatchObject({ kind: 'disconnected', retryAt: Infinity })
        expect(step(gone, { kind: 'timeout' }, now + 1e9, random).effects).toEqual([])
      }),
      { seed, numRuns: scaled(500, 50_000) },
    )
  })

  it('a timeout at its deadline always moves the deadline on', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.nat(9_000)), { maxLength: 40 }), (events) => {
        let state = initial(0)
        let now = 0
        for (const [input, later] of events) {
          now += later
          if (input.kind === 'sent' && !room(state, input.late, now)) continue
          state = step(state, input, now, 0).state
          const due = Math.max(now, deadline(state))
          expect(deadline(step(state, { kind: 'timeout' }, due, 0).state)).toBeGreaterThan(due)
        }
      }),
      { seed, numRuns: scaled(300, 20_000) },
    )
  })

  it('keeps room for a new batch while the backlog drains (SPEC 3)', () => {
    let { state } = run(toLive)
    let late = 0
    while (room(state, true, 0)) {
      state = step(state, { kind: 'sent', seq: ++late, late: true }, 0, 0).state
    }
    expect(late).toBe(2)
    expect(room(state, false, 0)).toBe(true)
  })

  it('gives up without an answer, or without a word (SPEC 4)', () => {
    const { state } = run([...toLive, { kind: 'sent', seq: 1, late: false }])
    const heard = step(state, { kind: 'heard' }, ACK_TIMEOUT_MS - 1, 0).state
    expect(step(heard, { kind: 'timeout' }, ACK_TIMEOUT_MS - 1, 0).state.kind).toBe('live')
    expect(step(heard, { kind: 'timeout' }, ACK_TIMEOUT_MS, 0).effects).toEqual([{ kind: 'terminate', why: 'no acknowledgement within 20000 ms' }])
    expect(kinds(step(run(toLive).state, { kind: 'timeout' }, 47_999, 0).effects)).toEqual(['ping'])
    expect(kinds(step(run(toLive).state, { kind: 'timeout' }, 48_000, 0).effects)).toEqual(['terminate'])
  })

  it('backs off from one second to five, drawn below a doubling ceiling, and starts over after an ack (SPEC 5)', () => {
    expect([0, 1, 2, 5, 20].map((attempt) => backOff(attempt, 0.999999))).toEqual([2_000, 4_000, LONGEST_BACK_OFF_MS, LONGEST_BACK_OFF_MS, LONGEST_BACK_OFF_MS].map((ms) => expect.closeTo(ms, -1)))
    expect([0, 5, 20].map((attempt) => backOff(attempt, 0))).toEqual([1_000, 1_000, 1_000])
    let state = initial(0)
    for (let attempt = 1; attempt <= 3; attempt++) {
      state = run([{ kind: 'timeout' }, { kind: 'closed' }], state, deadline(state)).state
      expect(state).toMatchObject({ attempt })
    }
    const live = run(toLive, state, deadline(state)).state as Live
    expect(live.attempt).toBe(3)
    expect(step(live, { kind: 'ack', accepted: [[1, 1]] }, 0, 0).state).toMatchObject({ attempt: 0 })
  })

  it('treats the two kinds of refusal as the protocol means them (SPEC 6)', () => {
    const { state } = run([...toLive, { kind: 'sent', seq: 7, late: false }])
    const dropped = step(state, { kind: 'refuse', seq: 7, code: 'malformed', retryAfterMs: undefined }, 0, 0)
    expect(dropped.effects[0]).toEqual({ kind: 'drop', seq: 7, code: 'malformed' })
    const later = step(state, { kind: 'refuse', seq: 7, code: 'limit', retryAfterMs: 500 }, 0, 0)
    expect(later.effects).toEqual([{ kind: 'again', seq: 7 }])
    expect(room(later.state, false, 499)).toBe(false)
    expect(kinds(step(later.state, { kind: 'timeout' }, 500, 0).effects)).toEqual(['fill'])
    const out = step(state, { kind: 'refuse', seq: undefined, code: 'revoked', retryAfterMs: undefined }, 0, 0).state
    expect(step(out, { kind: 'closed' }, 10, 0).state).toMatchObject({ kind: 'disconnected', retryAt: 10 + LAST_RETRY_MS })
  })
})
