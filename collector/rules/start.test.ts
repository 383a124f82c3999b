import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { parse } from '../promql/parse.ts'
import type { Querier } from '../store/store.ts'
import { finish } from '../promql/work.ts'
import { askVector } from './ask.ts'
import { memorySeries } from './memory-series.ts'
import { reachOf } from './reach.ts'
import { rowKey } from './senses.ts'
import { findStarts, searchBudget } from './start.ts'

const t = 1_700_000_000_000

function starts(text: string, querier: Querier, now: number, floors = new Map<string, number>(), budget = searchBudget()): ReadonlyMap<string, number> {
  const expr = parse(text)
  const fresh = askVector(expr, querier, now).map(({ labels, value }) => ({ key: rowKey(labels), labels, result: labels, annotations: {}, value }))
  return finish(findStarts(expr, reachOf(expr), fresh, querier, now, floors, budget))
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

  it('is found for many alerts at once, each at the sample that began it (T1, T2)', () => {
    const runs = fc.array(fc.record({ offset: fc.integer({ min: 0, max: 14_999 }), since: fc.integer({ min: 0, max: 19 }), late: fc.boolean() }), { minLength: 12, maxLength: 40 })
    fc.assert(fc.property(runs, (hosts) => {
      const memory = memorySeries()
      const expected = hosts.map(({ offset, since, late }, host) => {
        const first = t + offset
        const labels = { __name__: 'x', instance: `h${host}` }
        // A condition that goes away once and comes back counts from the newest time.
        for (let sample = 0; sample < 20; sample++) memory.add(labels, first + sample * 15_000, sample >= since && !(late && sample === since + 1) ? 9 : 1)
        const began = late && since < 18 ? since + 2 : since
        return [rowKey({ instance: `h${host}` }), first + began * 15_000, late && since === 18] as const
      })
      const now = t + 15_000 + 19 * 15_000
      const found = starts('x > 5', memory, now)
      for (const [key, at, gone] of expected) {
        if (gone) expect(found.has(key)).toBe(false)
        // What began before the look-back is found at its first sample inside it.
        else if (at > now - 300_000) expect(found.get(key)).toBe(at)
      }
    }), { seed, numRuns: scaled(100, 2_000) })
  })

  it('does not lie before the end of the firing before, for many alerts either (T2)', () => {
    const memory = memorySeries()
    for (let host = 0; host < 20; host++) for (let at = t - 600_000; at <= t; at += 15_000) memory.add({ __name__: 'x', instance: `h${host}` }, at, 9)
    const key = rowKey({ instance: 'h3' })
    const found = starts('x > 5', memory, t + 1_000, new Map([[key, t - 60_000]]))
    expect(found.get(key)).toBe(t - 45_000)
    expect(found.get(rowKey({ instance: 'h4' }))).toBe(t - 285_000)
  })

  it('is the evaluation itself when the budget is used up, and a storm takes no more than it (T3)', () => {
    const memory = memorySeries()
    for (let host = 0; host < 3_000; host++) for (const at of [t - 15_000, t]) memory.add({ __name__: 'x', instance: `h${host}` }, at, at === t ? 9 : 1)
    let selects = 0
    const counted: Querier = { select: (...range) => { selects++; return memory.select(...range) } }
    const budget = { left: 1_000_000 }
    const found = starts('x > 5', counted, t + 2_500, new Map(), budget)
    // One for the rule itself, one for its twenty seconds before.
    expect(selects).toBe(2)
    expect(new Set(found.values())).toEqual(new Set([t]))
    expect(budget.left).toBeLessThan(1_000_000)
    expect(new Set(starts('x > 5', memory, t + 2_500, new Map(), { left: 1_000 }).values())).toEqual(new Set([t + 2_500]))
    expect(new Set(starts('x > 5', memory, t + 2_500, new Map(), { left: 0 }).values())).toEqual(new Set([t + 2_500]))
  })
})
