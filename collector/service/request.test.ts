import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { countRequests, receiveRequest, replayRequest, requestEventSchema, requestKinds, requestStates, requestTable, stepRequest } from './request.ts'
import type { RequestEvent, ServiceRequest } from './request.ts'

const T = Date.UTC(2026, 6, 10)
const HOUR = 3_600_000
const received = (fields: Partial<Extract<RequestEvent, { type: 'received' }>> = {}): Extract<RequestEvent, { type: 'received' }> => ({ type: 'received', kind: 'consulting', service: 'business', requester: '示例区01', channel: '热线', text: '如何导出', receivedAt: T, by: 'duty', ...fields })
const events = {
  started: { type: 'started', by: 'duty', person: '张工' },
  noted: { type: 'noted', by: 'duty', text: '远程协助', minutes: 20 },
  finished: { type: 'finished', by: 'duty', text: '已答复', minutes: 15 },
  refused: { type: 'refused', by: 'duty', reason: '不在服务范围' },
} as const satisfies Record<string, RequestEvent>
const fresh = (id = 'Q1', fields: Parameters<typeof received>[0] = {}): ServiceRequest => {
  const step = receiveRequest(id, received(fields), T + HOUR * 24 * 60)
  if (step.kind === 'refused') throw new Error(step.code)
  return step.value
}
const event = fc.constantFrom(...Object.values(events))

describe('service requests', () => {
  it('Q1: take the steps of the table and no other', () => {
    for (const state of requestStates) {
      for (const [type, one] of Object.entries(events)) {
        const step = stepRequest({ ...fresh(), state }, one, T)
        const next = requestTable[state][type as keyof typeof events]
        if (typeof next === 'string') expect(step).toMatchObject({ kind: 'stepped', value: { state: next, version: 2 } })
        else expect(step).toEqual({ kind: 'refused', code: next.refused })
      }
    }
    expect(receiveRequest('Q1', received({ receivedAt: T + 1 }), T)).toEqual({ kind: 'refused', code: 'in-future' })
    expect(() => stepRequest(fresh(), received(), T)).toThrow(/received twice/)
    expect(() => replayRequest('Q1', [{ at: T, event: events.started }])).toThrow(/not its receipt/)
  })

  it('Q2: book minutes when they are booked, and only while in work', () => {
    const log = [{ at: T, event: received() }, { at: T + 1, event: events.started }, { at: T + 2, event: events.noted }, { at: T + 3, event: events.finished }]
    expect(replayRequest('Q1', log)).toMatchObject({ state: 'done', person: '张工', endedAt: T + 3, work: [{ at: T + 2, minutes: 20, person: 'duty' }, { at: T + 3, minutes: 15, person: 'duty' }] })
    for (const minutes of [-1, 0.5, 1_441]) expect(requestEventSchema.safeParse({ ...events.noted, minutes }).success).toBe(false)
    expect(requestEventSchema.safeParse({ ...events.noted, text: '  ' }).success).toBe(false)
  })

  it('Q3: are counted by kind and month, zeros told too', () => {
    const span = { from: T, to: T + 10 * HOUR }
    const at = (state: ServiceRequest['state'], receivedAt: number, endedAt: number | undefined, minutes: readonly [number, number][] = []): ServiceRequest => ({ ...fresh('Q', { receivedAt }), state, endedAt, work: minutes.map(([when, much]) => ({ at: when, minutes: much, person: 'x' })) })
    const counts = countRequests([at('done', T - 1, T, [[T - 1, 10], [T, 5]]), at('refused', T, T + 10 * HOUR - 1), at('done', T, T + 10 * HOUR), at('in-work', T + 1, undefined, [[T + 10 * HOUR, 7]]), at('received', T + 10 * HOUR, undefined)], span)
    expect(counts.map((one) => one.kind)).toEqual([...requestKinds])
    expect(counts[0]).toEqual({ kind: 'consulting', received: 3, done: 1, refused: 1, pending: 2, minutes: 5 })
    expect(counts[1]).toEqual({ kind: 'training', received: 0, done: 0, refused: 0, pending: 0, minutes: 0 })
  })

  it('Q4: months add up: pending before + received − ended = pending after, and no minute is lost or counted twice', () => {
    const request = fc.tuple(fc.integer({ min: 0, max: 300 }), fc.array(fc.tuple(event, fc.integer({ min: 0, max: 200 })), { maxLength: 8 })).map(([start, steps]) => {
      let value = fresh('Q', { receivedAt: T + start })
      let at = T + start
      for (const [one, later] of steps) {
        at += later
        const step = stepRequest(value, one, at)
        if (step.kind === 'stepped') value = step.value
      }
      return value
    })
    fc.assert(
      fc.property(fc.array(request, { maxLength: 10 }), fc.integer({ min: 1, max: 400 }), (requests, cut) => {
        const [first, second, whole] = [[T, T + cut], [T + cut, T + 10_000], [T, T + 10_000]].map(([from, to]) => countRequests(requests, { from: from!, to: to! })[0]!)
        expect(first!.pending + second!.received - second!.done - second!.refused).toBe(second!.pending)
        for (const key of ['received', 'done', 'refused', 'minutes'] as const) expect(first![key] + second![key]).toBe(whole![key])
        expect(whole!.minutes).toBe(requests.flatMap((one) => one.work).reduce((sum, one) => sum + one.minutes, 0))
      }),
      { seed, numRuns: scaled(300, 10_000) },
    )
  })
})
