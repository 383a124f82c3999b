import { expect, test } from 'vitest'
import { counter, gauge } from '../../protocol/series.ts'
import { bitsOf, isStale } from '../../protocol/stale.ts'
import { createSeriesTable } from './table.ts'

const load = gauge('node_load1', 'Load.')
const cpu = counter('node_cpu_seconds_total', 'CPU.', 'cpu', 'mode')

function cells(values: Float64Array): (number | 'stale')[] {
  const bits = bitsOf(values)
  return [...values].map((value, index) => (isStale(bits, index) ? 'stale' : value))
}

test('the same labels are the same column, whoever asks', () => {
  const out = createSeriesTable(100).sink('tick')
  expect(out.series(cpu, '0', 'user')).toBe(out.series(cpu, '0', 'user'))
  expect(out.series(cpu, '0', 'user')).not.toBe(out.series(cpu, '0', 'idle'))
  expect(out.series({ ...load })).toBe(out.series(load))
})

test('label values cannot run into each other', () => {
  const out = createSeriesTable(100).sink('tick')
  expect(out.series(cpu, 'a', 'b,c')).not.toBe(out.series(cpu, 'a,b', 'c'))
  expect(out.series(cpu, '', 'a')).not.toBe(out.series(cpu, 'a', ''))
})

test('a row has what was written since the last one; the rest is stale, NaN is not', () => {
  const table = createSeriesTable(100)
  const out = table.sink('tick')
  out.sample(out.series(load), 1)
  out.sample(out.series(cpu, '0', 'user'), Number.NaN)
  const first = table.row('tick', 1_000)
  expect(first).toMatchObject({ group: 'tick', at: 1_000 })
  expect(cells(first!.values)).toEqual([1, Number.NaN])
  out.sample(out.series(load), 2)
  out.sample(out.series(cpu, '1', 'user'), 3)
  expect(cells(table.row('tick', 2_000)!.values)).toEqual([2, 'stale', 3])
  expect(cells(table.row('tick', 3_000)!.values)).toEqual(['stale', 'stale', 'stale'])
  expect(cells(first!.values)).toEqual([1, Number.NaN])
})

test('columns only grow, past the first block too, and keep their stale marks', () => {
  const table = createSeriesTable(10_000)
  const out = table.sink('minute')
  for (let index = 0; index < 1_000; index++) {
    const ref = out.series(cpu, String(index), 'user')
    if (index % 2 === 0) out.sample(ref, index)
  }
  expect(table.columns('minute')).toHaveLength(1_000)
  expect(table.columns('minute')[999]).toEqual({ __name__: 'node_cpu_seconds_total', cpu: '999', mode: 'user' })
  const row = cells(table.row('minute', 0)!.values)
  expect(row).toHaveLength(1_000)
  expect(row[998]).toBe(998)
  expect(row[999]).toBe('stale')
  expect(row.filter((cell) => cell === 'stale')).toHaveLength(500)
})

test('an empty value is no label, and a long one is cut to what the protocol takes', () => {
  const table = createSeriesTable(100)
  const out = table.sink('tick')
  out.series(cpu, '', 'x'.repeat(5_000))
  expect(table.columns('tick')).toEqual([{ __name__: 'node_cpu_seconds_total', mode: 'x'.repeat(1_000) }])
})

test('beyond the limit new series are refused and counted; the known ones go on', () => {
  const table = createSeriesTable(2)
  const tick = table.sink('tick')
  const minute = table.sink('minute')
  tick.sample(tick.series(load), 1)
  minute.sample(minute.series(cpu, '0', 'user'), 1)
  for (let repeat = 0; repeat < 3; repeat++) minute.sample(minute.series(cpu, '1', 'user'), 9)
  expect(table.refused()).toBe(3)
  expect(table.columns('minute')).toHaveLength(1)
  expect(cells(table.row('minute', 0)!.values)).toEqual([1])
  tick.sample(tick.series(load), 2)
  expect(cells(table.row('tick', 0)!.values)).toEqual([2])
})

test('a group without columns has no row', () => {
  expect(createSeriesTable(10).row('hour', 0)).toBeUndefined()
  expect(createSeriesTable(10).columns('fortnight')).toEqual([])
})

test('a metric in two groups, or with the wrong number of values, is a mistake that is told', () => {
  const table = createSeriesTable(100)
  table.sink('tick').series(load)
  expect(() => table.sink('minute').series(load)).toThrow('node_load1 is read with every tick already')
  expect(() => table.sink('tick').series(cpu, '0')).toThrow('has 2 labels, got 1')
})

test('events, facts and checks are handed out once', () => {
  const table = createSeriesTable(10)
  table.sink('tick').event({ kind: 'log', rule: '', severity: 'info', at: 1, text: 'a', labels: {} })
  table.sink('hour').fact({ name: 'os', at: 1, json: '{}' })
  table.sink('minute').check({ check: 'c', at: 1, verdict: 'ok', text: '' })
  const all = table.gathered()
  expect([all.events.length, all.facts.length, all.checks.length]).toEqual([1, 1, 1])
  expect(table.gathered()).toEqual({ events: [], facts: [], checks: [] })
})
