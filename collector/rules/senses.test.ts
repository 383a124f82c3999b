import { describe, expect, it } from 'vitest'
import { parse } from '../promql/parse.ts'
import type { Labels } from '../../protocol/series.ts'
import { memorySeries } from './memory-series.ts'
import type { MemorySeries } from './memory-series.ts'
import { reachOf } from './reach.ts'
import { dataMissing, selectorsWithData } from './senses.ts'

const t = 1_700_000_000_000
const minute = 60_000

function series(memory: MemorySeries, labels: Labels, fromMs: number, toMs: number, value = 1, stale = false): void {
  for (let at = fromMs; at <= toMs; at += 15_000) memory.add(labels, at, value)
  if (stale) memory.add(labels, toMs + 1, NaN, true)
}

/** Whether an alert with that row, last held at `heldAt`, has its data missing at `now`. */
function missing(expr: string, result: Labels, memory: MemorySeries, heldAt: number, now: number): boolean {
  const reach = reachOf(parse(expr))
  return dataMissing(reach, result, selectorsWithData(reach, result, memory, heldAt), memory, now)
}

const disk = (instance: string, mountpoint: string, name = 'avail'): Labels => ({ __name__: name, job: 'node', instance, mountpoint })

describe('missing data', () => {
  it('is a series that ended or went stale, for this row and no other (D1)', () => {
    const memory = memorySeries()
    series(memory, disk('h1', '/'), t - 10 * minute, t + 10 * minute)
    series(memory, disk('h1', '/data'), t - 10 * minute, t, 1, true)
    series(memory, disk('h2', '/'), t - 10 * minute, t)
    const row = (instance: string, mountpoint: string): Labels => ({ job: 'node', instance, mountpoint })
    expect(missing('avail < 1', row('h1', '/'), memory, t, t + minute)).toBe(false)
    expect(missing('avail < 1', row('h1', '/data'), memory, t, t + minute)).toBe(true)
    expect(missing('avail < 1', row('h2', '/'), memory, t, t + 4 * minute)).toBe(false)
    expect(missing('avail < 1', row('h2', '/'), memory, t, t + 6 * minute)).toBe(true)
  })

  it('is not hidden by a selector that still has data (D4)', () => {
    const memory = memorySeries()
    series(memory, disk('h1', '/data'), t - 5 * minute, t, 1, true)
    series(memory, { __name__: 'uname', job: 'node', instance: 'h1' }, t - 5 * minute, t + 5 * minute)
    expect(missing('avail < 1 and on(instance) uname', { job: 'node', instance: 'h1', mountpoint: '/data' }, memory, t, t + minute)).toBe(true)
  })

  it('is not a selector that had no data while the condition held', () => {
    const memory = memorySeries()
    series(memory, disk('h1', '/'), t - 5 * minute, t + 5 * minute)
    expect(missing('avail < 1 unless maintenance', { job: 'node', instance: 'h1', mountpoint: '/' }, memory, t, t + minute)).toBe(false)
    expect(missing('absent(gone)', {}, memory, t, t + minute)).toBe(true)
    series(memory, { __name__: 'gone', job: 'x' }, t + minute, t + 2 * minute)
    expect(missing('absent(gone)', {}, memory, t, t + 2 * minute)).toBe(false)
    expect(missing('vector(1) > 2', {}, memory, t, t)).toBe(false)
  })

  it('is a window that drains after its target died (D2, D3)', () => {
    const memory = memorySeries()
    const counter = { __name__: 'errors', job: 'node', instance: 'h1' }
    series(memory, counter, t - 30 * minute, t)
    series(memory, { __name__: 'up', job: 'node', instance: 'h1' }, t - 30 * minute, t)
    const row = { job: 'node', instance: 'h1' }
    expect(missing('increase(errors[1h]) > 0', row, memory, t, t + 2 * minute)).toBe(false)
    memory.add({ __name__: 'up', job: 'node', instance: 'h1' }, t + 1, 0)
    expect(missing('increase(errors[1h]) > 0', row, memory, t, t + 2 * minute)).toBe(true)
    expect(missing('increase(errors[1h]) > 0', row, memory, t, t + 30 * minute)).toBe(true)
    // A rule about up itself has its data.
    expect(missing('up == 0', row, memory, t, t + 2 * minute)).toBe(false)
  })

  it('follows offsets, and ignores labels the expression writes', () => {
    const memory = memorySeries()
    series(memory, { __name__: 'x', instance: 'h1:9100' }, t - 30 * minute, t - 10 * minute)
    expect(missing('x offset 10m > 0', { instance: 'h1:9100' }, memory, t - 5 * minute, t)).toBe(false)
    expect(missing('x offset 10m > 0', { instance: 'h1:9100' }, memory, t - 5 * minute, t + 6 * minute)).toBe(true)
    const replaced = 'label_replace(x, "instance", "$1", "instance", "(.*):.*") > 0'
    expect(missing(replaced, { instance: 'h1' }, memory, t - 12 * minute, t - 10 * minute)).toBe(false)
    expect(missing(replaced, { instance: 'h1' }, memory, t - 12 * minute, t)).toBe(true)
  })
})

describe('reachOf', () => {
  it.each([
    ['up == 0', true],
    ['avail / size < 0.1', true],
    ['avail / on(instance, mountpoint) size < 0.1', true],
    ['sum by (instance) (rate(x[5m])) > 1', true],
    ['sum without (cpu) (x) > 1', true],
    ['a * on(instance) group_left(nodename) uname > 1', true],
    ['sum(x) > 1', false],
    ['count by (job) (up == 0) > 1', false],
    ['x > on() group_left() avg(x)', false],
    ['x > scalar(y)', false],
    ['absent(x)', false],
    ['label_replace(x, "instance", "$1", "host", "(.*)") > 1', false],
    ['x / ignoring(instance) y', false],
  ])('%s: instances apart %s', (expr, apart) => {
    expect(reachOf(parse(expr)).perInstance).toBe(apart)
  })
})
