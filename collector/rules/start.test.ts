import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { parse } from '../promql/parse.ts'
import type { Querier } from '../store/store.ts'
import { askVector } from './ask.ts'
import { memorySeries } from './memory-series.ts'
import { reachOf } from './reach.ts'
import { rowKey } from './senses.ts'
import { findStarts } from './start.ts'

const t = 1_700_000_000_000

function starts(text: string, querier: Querier, now: number, floors = new Map<string, number>()): ReadonlyMap<string, number> {
  const expr = parse(text)
  const fresh = askVector(expr, querier, now).map(({ labels, value }) => ({ key: rowKey(labels), labels, result: labels, annotations: {}, value }))
  return findStarts(expr, reachOf(expr), fresh, querier, now, floors)
}

describe('where a fault began', () => {
  it('is the last heartbeat + 1 ms for up = 0, although that lies before an evaluation that saw nothing (T2)', () => {
    const memory = memorySeries()
    const up = { __name__: 'up', job: 'node', instance: 'h1' }
    for (let at = t - 60_000; at <= t; at += 5_000) memory.add(up, at, 1)
    memory.add(up, t + 1, 0)
    // Written 9 s later; an evaluation at t + 4 s still saw up = 1.
    expect([...starts('up == 0', memory, t + 9_000).values()]).toEqual([t + 1])
  })

  it('is the earliest sample of the newest unbroken run, one instance apart from the other (T1)', () => {
    const memory = memorySeries()
    ;[1, 9, 1, 9, 9, 9].forEach((value, index) => memory.add({ __name__: 'x', instance: 'h1' }, t + index * 10_000, value))
    ;[9, 9, 9, 9, 1, 9].forEach((value, index) => memory.add({ __name__: 'x', instance: 'h2' }, t + 3_000 + index * 10_000, value))
    expect([...starts('x > 5', memory, t + 55_000).values()]).toEqual([t + 30_000, t + 53_000])
  })

  it('is found for rules over several instances too', () => {
    const memory = memorySeries()
    ;[1, 1, 9, 9, 9].forEach((value, index) => memory.add({ __name__: 'x', instance: 'h1' }, t + index * 10_000, value))
    memory.add({ __name__: 'x', instance: 'h2' }, t, 1)
    expect([...starts('sum(x) > 5', memory, t + 45_000).values()]).toEqual([t + 20_000])
  })

  it('is not before the end of the firing before (T2), nor before the look-back', () => {
    const memory = memorySeries()
    for (let at = t - 600_000; at <= t; at += 15_000) memory.add({ __name__: 'x', instance: 'h1' }, at, 9)
    const key = rowKey({ instance: 'h1' })
    expect(starts('x > 5', memory, t + 1_000, new Map([[key, t - 60_000]])).get(key)).toBe(t - 45_000)
    expect(starts('x > 5', memory, t + 1_000).get(key)).toBe(t - 285_000)
  })

  it('never lies after the evaluation, and the condition holds at every sample from it on (T1, T3)', () => {
    const values = fc.array(fc.tuple(fc.integer({ min: 1, max: 20_000 }), fc.boolean()), { minLength: 1, maxLength: 25 })
    fc.assert(fc.property(values, (steps) => {
      const memory = memorySeries()
      let at = t
      const samples = steps.map(([after, holds]) => {
        at += after
        memory.add({ __name__: 'x', instance: 'h1' }, at, holds ? 1 : 0)
        return { at, holds }
      })
      if (samples[samples.length - 1]?.holds !== true) return
      // The truth, by walking back over the samples themselves.
      let expected = at
      for (const sample of samples.toReversed()) {
        if (!sample.holds || sample.at <= at - 300_000) break
        expected = sample.at
      }
      expect([...starts('x == 1', memory, at).values()]).toEqual([expected])
    }), { seed, numRuns: scaled(200, 5_000) })
  })
})
