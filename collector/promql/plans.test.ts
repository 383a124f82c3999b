import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryQuerier } from '../../test/memory-querier.ts'
import { scaled, seed } from '../../test/scale.ts'
import type { Labels } from '../../protocol/series.ts'
import type { LatestSamples, Querier } from '../store/store.ts'
import { EvaluationError } from './errors.ts'
import { evaluateInstant, trailingRuns } from './evaluate.ts'
import { finish } from './work.ts'
import { parse } from './parse.ts'
import { Plans } from './plans.ts'
import type { Expr } from './syntax.ts'

const t = 1_700_000_000_000

const queries = [
  'a / b', 'a - on (instance) b', 'a > b', 'a == bool b', 'a and b', 'a unless on (instance) b', 'a or b', 'a * on (instance) group_left () c',
  'sum without (device) (a)', 'avg by (instance) (a) / c', 'rate(a[1m]) / rate(b[1m]) > 0.1 and rate(a[1m]) > 0', 'topk(2, a)', 'a > 3 and b < 3',
  '1 - avg without (device) (rate(a[1m])) > 0.5', 'count by (__name__) ({__name__=~"a|b"})', 'min_over_time(a[1m]) > 0 and a + b == 0',
  'label_replace(a, "x", "$1", "device", "(.+)") and b', 'quantile by (instance) (0.5, a)', 'timestamp(a) - timestamp(b)', '-a < 0', 'rate(a[10m]) >= 0 unless b > 100', 'rate(a[10m]) >= 0 or b',
] as const

/** A querier that hands out new label objects every time and knows the newest samples, as the store does. */
function fresh(under: Querier): Querier {
  const copy = (labels: Labels): Labels => ({ ...labels })
  return {
    select: (matchers, fromMs, toMs) => under.select(matchers, fromMs, toMs).map((series) => ({ ...series, labels: copy(series.labels) })),
    selectLatest(matchers, atMs, lookbackMs): LatestSamples {
      const found = under.select(matchers, atMs - lookbackMs + 1, atMs).filter(({ stale, times }) => stale?.[times.length - 1] !== 1)
      return {
        labels: found.map(({ labels }) => copy(labels)), times: Float64Array.from(found, ({ times }) => times[times.length - 1]!),
        values: Float64Array.from(found, ({ values }) => values[values.length - 1]!),
      }
    },
  }
}

function answer(expr: Expr, querier: Querier, at: number, options: Parameters<typeof evaluateInstant>[3]): unknown {
  try {
    const value = evaluateInstant(expr, querier, at, options)
    return value.kind === 'vector' ? value.samples : value
  } catch (error) {
    if (error instanceof EvaluationError) return error.message
    throw error
  }
}

/** Some series, each with a value or not at each of six times. */
const history = fc.array(fc.record({
  name: fc.constantFrom('a', 'b', 'c'), instance: fc.constantFrom('h1', 'h2', 'h3'), device: fc.constantFrom('x', 'y'),
  cells: fc.array(fc.option(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant('stale' as const)), { nil: undefined }), { minLength: 6, maxLength: 6 }),
}), { maxLength: 14 })

function filled(rows: (typeof history) extends fc.Arbitrary<infer T> ? T : never): MemoryQuerier {
  const memory = new MemoryQuerier()
  for (const { name, instance, device, cells } of rows) {
    memory.add({ __name__: name, instance, ...(name === 'c' ? {} : { device }) }, cells.flatMap((cell, index) => (cell === undefined ? [] : [[t + index * 20_000, cell] as const])))
  }
  return memory
}

describe('plans', () => {
  it('change no answer, whatever series come and go between two evaluations', () => {
    fc.assert(fc.property(history, fc.constantFrom(...queries), (rows, text) => {
      const memory = filled(rows)
      const expr = parse(text)
      const plans = new Plans()
      for (let step = 0; step < 8; step++) {
        const at = t + step * 20_000
        expect(answer(expr, fresh(memory), at, { plans, lookbackMs: 45_000 })).toEqual(answer(expr, memory, at, { lookbackMs: 45_000 }))
      }
    }), { seed, numRuns: scaled(400, 10_000) })
  })

  it('keep rows and results in place while the series stay', () => {
    const memory = new MemoryQuerier()
    for (const name of ['a', 'b']) for (const instance of ['h1', 'h2']) memory.add({ __name__: name, instance, device: 'x' }, [[t, 4]])
    const expr = parse('a / b')
    const plans = new Plans()
    const once = evaluateInstant(expr, fresh(memory), t, { plans })
    const again = evaluateInstant(expr, fresh(memory), t + 1, { plans })
    if (once.kind !== 'vector' || again.kind !== 'vector') throw new Error('not a vector')
    expect(again.samples.map(({ labels }) => labels)).toHaveLength(2)
    again.samples.forEach(({ labels }, index) => expect(labels).toBe(once.samples[index]!.labels))
  })
})

describe('lazy evaluation', () => {
  it('gives the full answer wherever that is not an error', () => {
    fc.assert(fc.property(history, fc.constantFrom(...queries), fc.integer({ min: 0, max: 7 }), (rows, text, step) => {
      const memory = filled(rows)
      const full = answer(parse(text), memory, t + step * 20_000, {})
      fc.pre(typeof full !== 'string')
      expect(answer(parse(text), memory, t + step * 20_000, { lazy: true })).toEqual(full)
    }), { seed, numRuns: scaled(400, 10_000) })
  })

  it('does not read the dearer side when the cheaper one is empty', () => {
    const memory = new MemoryQuerier()
    memory.add({ __name__: 'a', instance: 'h1' }, [[t, 1]])
    evaluateInstant(parse('rate(a[10m]) > 0 and a > 5'), memory, t, { lazy: true })
    expect(memory.selects).toBe(1)
    evaluateInstant(parse('rate(a[10m]) > 0 and a > 5'), memory, t)
    expect(memory.selects).toBe(3)
  })
})

describe('trailing runs', () => {
  it('are as long as instant queries say, one second after the other', () => {
    fc.assert(fc.property(history, fc.constantFrom('a > 2', 'a / b', 'sum(a) > 4', 'rate(a[1m]) >= 0'), (rows, text) => {
      const memory = filled(rows)
      const expr = parse(text)
      const at = (step: number): unknown => answer(expr, memory, t + step * 5_000, {})
      const answers = Array.from({ length: 20 }, (_, step) => at(step))
      fc.pre(answers.every((one) => Array.isArray(one)))
      const has = (step: number, labels: Labels): boolean => (answers[step] as { labels: Labels }[]).some((one) => JSON.stringify(one.labels) === JSON.stringify(labels))
      const runs = finish(trailingRuns(expr, memory, t + 95_000, 5_000, 20))
      expect(runs).toHaveLength((answers[19] as unknown[]).length)
      for (const { labels, steps } of runs) {
        let expected = 0
        while (expected < 20 && has(19 - expected, labels)) expected++
        expect(steps).toBe(expected)
      }
    }), { seed, numRuns: scaled(200, 4_000) })
  })
})
