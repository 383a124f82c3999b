import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MemoryQuerier } from '../../test/memory-querier.ts'
import { vectorQuery } from '../../test/promql-queries.ts'
import { scaled, seed } from '../../test/scale.ts'
import { seriesKey } from '../../protocol/series.ts'
import { EvaluationError } from './errors.ts'
import { evaluateInstant, evaluateRange } from './evaluate.ts'
import { functions } from './functions/table.ts'
import { parse } from './parse.ts'
import { signatures } from './signatures.ts'
import type { Value } from './value.ts'

/** Series of every label pair, sampled every 15 s off the minute, with gaps, stale marks and resets. */
function store(): MemoryQuerier {
  const querier = new MemoryQuerier()
  let random = 7
  const next = (): number => (random = (random * 48_271) % 2_147_483_647)
  for (const name of ['m', 'n', 'o_total']) {
    for (const a of ['x', 'y']) {
      for (const b of ['x', '', 'xz']) {
        const samples: [number, number | 'stale'][] = []
        let value = 0
        for (let at = 3_000; at < 400_000; at += 15_000) {
          const luck = next() % 10
          value = luck === 0 ? 0 : value + (next() % 7)
          if (luck === 1) samples.push([at, 'stale'])
          else if (luck > 2) samples.push([at, name === 'n' ? -value : value])
        }
        querier.add({ __name__: name, a, ...(b === '' ? {} : { b }) }, samples)
      }
    }
  }
  return querier
}

function vectorOf(value: Value): Map<string, number> {
  if (value.kind !== 'vector') throw new Error(`got a ${value.kind}`)
  return new Map(value.samples.map(({ labels, value: one }) => [seriesKey(labels), one]))
}

test('every declared function is there, and no other', () => {
  expect([...functions.keys()].sort()).toEqual([...signatures.keys()].sort())
})

describe('a range query is its instant queries', () => {
  const querier = store()

  test('at every step, for any query', () => {
    let compared = 0
    fc.assert(fc.property(vectorQuery({ stepwise: true }), (text) => {
      const expr = parse(text)
      const times = [60_000, 100_000, 140_000, 180_000, 220_000]
      let range: Value
      try {
        range = evaluateRange(expr, querier, 60_000, 220_000, 40_000)
      } catch (error) {
        if (!(error instanceof EvaluationError)) throw error
        // What fails over the range fails at one of its steps at least.
        expect(times.some((at) => fails(text, at)), text).toBe(true)
        return
      }
      if (range.kind !== 'matrix') throw new Error('no matrix')
      for (const at of times) {
        const instant = vectorOf(evaluateInstant(expr, querier, at))
        const column = new Map(range.series.flatMap((one) => {
          const index = one.times.indexOf(at)
          return index < 0 ? [] : [[seriesKey(one.labels), one.values[index]!] as const]
        }))
        expect(column, `${text} at ${at}`).toEqual(instant)
        compared += instant.size
      }
    }), { seed, numRuns: scaled(400, 20_000) })
    expect(compared).toBeGreaterThan(500)
  })

  function fails(text: string, at: number): boolean {
    try {
      evaluateInstant(parse(text), querier, at)
      return false
    } catch (error) {
      return error instanceof EvaluationError
    }
  }
})

describe('values', () => {
  const querier = new MemoryQuerier()
  querier.add({ __name__: 'm', a: '2' }, [[0, 1], [60_000, 2]])
  querier.add({ __name__: 'm', a: '1' }, [[0, 10], [60_000, 'stale']])

  test('scalar, string, vector', () => {
    expect(evaluateInstant(parse('1 + 1'), querier, 5)).toEqual({ kind: 'scalar', atMs: 5, value: 2, warnings: [], infos: [] })
    expect(evaluateInstant(parse('"a"'), querier, 5)).toEqual({ kind: 'string', atMs: 5, value: 'a', warnings: [], infos: [] })
    expect(evaluateInstant(parse('m'), querier, 60_000)).toEqual({
      kind: 'vector', atMs: 60_000, samples: [{ labels: { __name__: 'm', a: '2' }, value: 2 }], warnings: [], infos: [],
    })
  })

  test('a matrix is ordered by labels', () => {
    const value = evaluateRange(parse('m'), querier, 0, 60_000, 30_000)
    expect(value).toMatchObject({ kind: 'matrix', series: [
      { labels: { a: '1' }, times: Float64Array.of(0, 30_000), values: Float64Array.of(10, 10) },
      { labels: { a: '2' }, times: Float64Array.of(0, 30_000, 60_000), values: Float64Array.of(1, 1, 2) },
    ] })
  })

  test('a range vector gives the samples themselves', () => {
    expect(evaluateInstant(parse('m{a="2"}[1m]'), querier, 60_000)).toMatchObject({ kind: 'matrix', series: [{ times: Float64Array.of(60_000) }] })
    expect(evaluateInstant(parse('m[61]'), querier, 60_000)).toMatchObject({ kind: 'matrix', series: [{ values: Float64Array.of(10) }, { values: Float64Array.of(1, 2) }] })
    expect(evaluateInstant(parse('m[1m] offset 1m'), querier, 30_000)).toMatchObject({ kind: 'matrix', series: [] })
  })

  test('range queries refuse what cannot be drawn', () => {
    for (const [text, start, end, step] of [['m[1m]', 0, 1, 1], ['"a"', 0, 1, 1], ['m', 0, 1, 0], ['m', 2, 1, 1]] as const) {
      expect(() => evaluateRange(parse(text), querier, start, end, step)).toThrow(EvaluationError)
    }
  })

  test('notes are told once and name their place', () => {
    const value = evaluateRange(parse('1 +\n rate(m[2m])'), querier, 0, 120_000, 60_000)
    expect(value.infos).toEqual(['PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "m" (2:7)'])
  })

  test('a tree is evaluated any number of times', () => {
    const expr = parse('sum(m)')
    expect([0, 60_000, 0].map((at) => [...vectorOf(evaluateInstant(expr, querier, at)).values()])).toEqual([[11], [2], [11]])
  })
})

describe('cost', () => {
  test('a selector named twice is read once', () => {
    const querier = store()
    evaluateInstant(parse('m / m + m{a="x"}'), querier, 100_000)
    expect(querier.selects).toBe(2)
  })

  test('a range query reads each selector once', () => {
    const querier = store()
    evaluateRange(parse('rate(m[1m]) + avg_over_time(n[2m:30s])'), querier, 0, 300_000, 15_000)
    expect(querier.selects).toBe(2)
  })

  test.each([
    [{ maxSamples: 10 }, 'query processing would load too many samples into memory in query execution'],
    [{ maxSeries: 3 }, 'selector finds 6 series, more than the 3 that one query may touch'],
  ])('limits %o', (options, message) => {
    expect(() => evaluateInstant(parse('m'), store(), 100_000, options)).not.toThrow(TypeError)
    let thrown: unknown
    try {
      evaluateRange(parse('rate(m[5m])'), store(), 0, 300_000, 15_000, options)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ name: 'EvaluationError', kind: 'limit', message })
  })

  test('a check that throws stops it', () => {
    const stop = new Error('deadline')
    expect(() => evaluateInstant(parse('m'), store(), 0, { check: () => { throw stop } })).toThrow(stop)
    let calls = 0
    const check = (): void => {
      calls += 1
      if (calls === 20) throw stop
    }
    // A billion values to look at: stopped after a few million.
    expect(() => evaluateRange(parse('sum_over_time(vector(1)[1h:1s])'), store(), 0, 300_000_000, 1_000, { check })).toThrow(stop)
  })

  test('a limit is found before the memory is taken', () => {
    expect(() => evaluateInstant(parse('sum_over_time(vector(1)[200y:1ms])'), store(), 0)).toThrow(EvaluationError)
    expect(() => evaluateRange(parse('time()'), store(), 0, 2 ** 50, 1)).toThrow(EvaluationError)
  })
})

test('the look-back and the default step of a subquery can be set', () => {
  const querier = new MemoryQuerier()
  querier.add({ __name__: 'm' }, [[0, 1]])
  expect(vectorOf(evaluateInstant(parse('m'), querier, 60_000, { lookbackMs: 60_000 })).size).toBe(0)
  expect(vectorOf(evaluateInstant(parse('m'), querier, 600_000, { lookbackMs: 600_001 })).size).toBe(1)
  expect([...vectorOf(evaluateInstant(parse('count_over_time(m[1m:])'), querier, 59_000, { defaultStepMs: 10_000 })).values()]).toEqual([6])
})
