import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { memoryHost, recordingSink } from '../../test/memory-host.ts'
import { seed } from '../../test/scale.ts'
import { cpu, neverBackwards, parseCpuTimes } from './cpu.ts'

test('ticks of a hundredth of a second become seconds, per CPU and not for their sum', () => {
  expect(parseCpuTimes('cpu  3 0 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu12 250 0 0 100\nctxt 5\n')).toEqual([
    { cpu: '0', seconds: [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1] },
    { cpu: '12', seconds: [2.5, 0, 0, 1] },
  ])
})

test('a line of too few numbers, or no CPU, is an error', () => {
  expect(() => parseCpuTimes('cpu0 1 2 3\n')).toThrow('/proc/stat: a cpu line needs at least four numbers')
  expect(() => parseCpuTimes('ctxt 1\n')).toThrow('/proc/stat: no cpu line')
})

test('no counter goes back by a little, all do when the CPU begins anew', () => {
  expect(neverBackwards([10, 0, 5, 100, 7], [11, 0, 5, 99.5, 6.98])).toEqual([11, 0, 5, 100, 7])
  expect(neverBackwards([10, 0, 5, 100, 7], [1, 0, 0, 2, 0])).toEqual([1, 0, 0, 2, 0])
  const times = fc.array(fc.integer({ min: 0, max: 300 }).map((ticks) => ticks / 100), { minLength: 10, maxLength: 10 })
  fc.assert(
    fc.property(fc.array(times), (rows) => {
      let before: readonly number[] | undefined
      for (const row of rows) {
        const now = neverBackwards(before, row)
        now.forEach((value, mode) => expect(value).toBeGreaterThanOrEqual(before?.[mode] ?? 0))
        before = now
      }
    }),
    { seed },
  )
})

test('the counters of a sink survive an iowait that went back', async () => {
  const machine = { files: { '/proc/stat': 'cpu0 1 0 0 100 500\n' } }
  const sink = recordingSink()
  const never = new AbortController().signal
  await cpu.read(memoryHost(machine), sink, never)
  sink.samples = {}
  machine.files['/proc/stat'] = 'cpu0 2 0 0 100 499\n'
  await cpu.read(memoryHost(machine), sink, never)
  expect(sink.samples).toMatchObject({ 'node_cpu_seconds_total{cpu="0",mode="iowait"}': 5, 'node_cpu_seconds_total{cpu="0",mode="user"}': 0.02 })
})
