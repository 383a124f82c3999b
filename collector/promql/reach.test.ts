import { expect, test } from 'vitest'
import { parse } from './parse.ts'
import { selectorsOf } from './reach.ts'

test.each([
  ['foo', [['foo', 'instant', 300_000, 0]]],
  ['foo offset 1m', [['foo', 'instant', 360_000, 60_000]]],
  ['foo offset -1m', [['foo', 'instant', 240_000, -60_000]]],
  ['rate(foo[2m])', [['foo', 'range', 120_000, 0]]],
  ['max_over_time(rate(foo[2m] offset 1m)[1h:1m] offset 10m)', [['foo', 'range', 4_380_000, 660_000]]],
  ['topk(scalar(k), a) / on (x) -(b > 0)', [['k', 'instant', 300_000, 0], ['a', 'instant', 300_000, 0], ['b', 'instant', 300_000, 0]]],
  ['{__name__=~"a|b"}', [[undefined, 'instant', 300_000, 0]]],
  ['{"any name"}', [['any name', 'instant', 300_000, 0]]],
  ['1 + time()', []],
])('%s', (text, expected) => {
  expect(selectorsOf(parse(text)).map(({ metric, kind, olderMs, newerMs, fixed }) => {
    expect(fixed).toBeUndefined()
    return [metric, kind, olderMs, newerMs]
  })).toEqual(expected)
})

test('an @ counts anew from its time', () => {
  expect(selectorsOf(parse('sum_over_time((foo @ 5 offset 1s)[1h:])'), 1000)).toMatchObject([{ fixed: { kind: 'time', ms: 5000 }, olderMs: 2000, newerMs: 1000 }])
  expect(selectorsOf(parse('sum_over_time(foo[1m:] @ end())'), 1000)).toMatchObject([{ fixed: { kind: 'end' }, olderMs: 61_000, newerMs: 0 }])
})
