import { expect, test } from 'vitest'
import { MemoryQuerier } from '../../test/memory-querier.ts'
import type { Querier } from '../store/store.ts'
import { evaluateRange, instantInSteps } from './evaluate.ts'
import { parse } from './parse.ts'
import { finish } from './work.ts'

const at = 300_000

/** Counts what is read. */
function counting(): { readonly querier: Querier; read(): number } {
  const memory = new MemoryQuerier()
  for (const a of ['1', '2', '3']) {
    for (const [name, by] of [['x', 3], ['y', 5]] as const) {
      memory.add({ __name__: name, a }, Array.from({ length: 20 }, (_, index): [number, number] => [index * 15_000, index * by + Number(a)]))
    }
  }
  let reads = 0
  return {
    querier: {
      select(matchers, fromMs, toMs) {
        reads++
        return memory.select(matchers, fromMs, toMs)
      },
    },
    read: () => reads,
  }
}

test.each([
  ['x', 1], ['((x))', 1], ['-(x + y)', 2], ['rate(x[2m])', 1], ['rate(((x[2m])))', 1], ['-(-rate((x[2m])) / y)', 2],
  ['max_over_time((rate(x[1m])[2m:30s])) > bool 1', 1], ['timestamp(x) - timestamp((y))', 2], ['quantile_over_time(scalar(y{a="1"}) / 100, (x[2m]))', 2],
  ['topk(scalar(count(x)) - 1, y)', 2], ['sum by (a) (x or y) unless on (a) (y > 97)', 2], ['label_replace(x, "b", "$1", "a", "(.)") * on (a) y', 2],
])('%s gives in steps what it gives at once, from as many reads', (text, reads) => {
  const expr = parse(text)
  const once = counting()
  const range = evaluateRange(expr, once.querier, at, at, 1_000)
  const inSteps = counting()
  const value = finish(instantInSteps(expr, inSteps.querier, at, {}))
  if (range.kind !== 'matrix' || value.kind !== 'vector') throw new Error(`${range.kind}, ${value.kind}`)
  const line = (labels: object, one: number | undefined): string => `${JSON.stringify(labels)} ${one}`
  expect(value.samples.map(({ labels, value: one }) => line(labels, one)).sort()).toEqual(range.series.map(({ labels, values }) => line(labels, values[0])).sort())
  expect(value.samples.length).toBeGreaterThan(0)
  expect([once.read(), inSteps.read()]).toEqual([reads, reads])
})

test('lazily, what cannot change the result is not read', () => {
  for (const text of ['x > 1000 and y', 'y and x > 1000', 'rate(y[5m]) / (x > 1000)', '(x > 1000) unless y']) {
    const { querier, read } = counting()
    expect(finish(instantInSteps(parse(text), querier, at, { lazy: true }))).toMatchObject({ samples: [] })
    expect(read(), text).toBe(text.startsWith('y and') ? 2 : 1)
  }
})
