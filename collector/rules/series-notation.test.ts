import { describe, expect, it } from 'vitest'
import { parseSeriesName, parseValues } from './series-notation.ts'

describe('promtool series notation', () => {
  it.each([
    ['1 2 3', [1, 2, 3]],
    ['1+2x3 -4', [1, 3, 5, 7, -4]],
    ['5-1x2', [5, 4, 3]],
    ['-2+4x3', [-2, 2, 6, 10]],
    ['_ 1 _x2 stale', ['none', 1, 'none', 'none', 'stale']],
    ['7x2 0x0 0x2', [7, 7, 7, 0, 0, 0, 0]],
    ['NaN Inf -Inf +1.5e3', [NaN, Infinity, -Infinity, 1500]],
    ['', []],
  ])('%s', (text, places) => {
    expect(parseValues(text)).toEqual(places)
  })

  it.each(['abc', '1+2', '1xx', '1 2,3', 'x3', '1x99999999999'])('refuses %s', (text) => {
    expect(() => parseValues(text)).toThrow()
  })

  it('reads label sets', () => {
    expect(parseSeriesName('up{job="a",instance=""}')).toEqual({ __name__: 'up', job: 'a' })
    expect(parseSeriesName('{a="b"}')).toEqual({ a: 'b' })
    expect(parseSeriesName('{}')).toEqual({})
    expect(() => parseSeriesName('up{a=~"b"}')).toThrow()
    expect(() => parseSeriesName('sum(x)')).toThrow()
  })
})
