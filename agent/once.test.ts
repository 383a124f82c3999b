import { expect, test } from 'vitest'
import { memoryHost } from '../test/memory-host.ts'
import { counter, gauge, untyped } from '../protocol/series.ts'
import { exposition, once } from './once.ts'
import { type Source, ok } from './sources/source.ts'

const load = gauge('node_load1', '1m load average.')
const info = gauge('node_info', 'A "quoted" \\ help\nof two lines.', 'a', 'b')
const pages = untyped('node_vmstat_pgpgin', 'Pages.')
const forks = counter('node_forks_total', 'Forks.')

test('blocks in the order of names, series in the order of labels, what is not there left out', () => {
  const samples = [
    { labels: { __name__: 'node_load1' }, value: 0.25 },
    { labels: { __name__: 'node_info', a: 'z' }, value: 1 },
    { labels: { __name__: 'node_info', a: 'x', b: 'line\nwith "quotes" and \\' }, value: Number.NaN },
    { labels: { __name__: 'node_vmstat_pgpgin' }, value: Number.POSITIVE_INFINITY },
  ]
  expect(exposition([load, info, pages, forks], samples)).toBe(
    [
      '# HELP node_info A "quoted" \\\\ help\\nof two lines.',
      '# TYPE node_info gauge',
      'node_info{a="x",b="line\\nwith \\"quotes\\" and \\\\"} NaN',
      'node_info{a="z"} 1',
      '# HELP node_load1 1m load average.',
      '# TYPE node_load1 gauge',
      'node_load1 0.25',
      '# HELP node_vmstat_pgpgin Pages.',
      '# TYPE node_vmstat_pgpgin untyped',
      'node_vmstat_pgpgin +Inf',
      '',
    ].join('\n'),
  )
})

function source(name: string, read: Source['read'], cadence: Source['cadence'] = 'tick'): Source {
  return { name, cadence, timeoutMs: 100, series: [load, forks], read }
}

test('every cadence is read, slow ones are waited for, and what went wrong is told', async () => {
  let text = ''
  const wrong = await once(
    memoryHost({}),
    [
      source('now', (_host, out) => {
        out.sample(out.series(load), 1.5)
        return ok
      }),
      source('later', async (_host, out) => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        out.sample(out.series(forks), 7)
        return ok
      }, 'hour'),
      source('never', () => new Promise(() => {}), 'minute'),
      source('broken', () => ({ kind: 'failed', error: new Error('/proc/x: cut') })),
    ],
    (piece) => (text += piece),
    '9.9.9',
  )
  expect(text).toContain('\nnode_load1 1.5\n')
  expect(text).toContain('\nnode_forks_total 7\n')
  expect(text).toContain('node_scrape_collector_success{collector="never"} 0')
  expect(text).toContain('version="9.9.9"')
  expect(wrong.toSorted()).toEqual(['采集源 broken 读取失败：/proc/x: cut', '采集源 never 超时未返回：no answer within 100 ms'])
})
