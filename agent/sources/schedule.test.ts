import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryHost } from '../../test/memory-host.ts'
import { type SeriesSpec, gauge, seriesText } from '../../protocol/series.ts'
import { bitsOf, isStale } from '../../protocol/stale.ts'
import { type Collector, type Reading, createCollector } from './schedule.ts'
import { type Cadence, type Source, ok } from './source.ts'

const start = Date.UTC(2026, 10, 22, 12)
const never = new AbortController().signal

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], now: start }))
afterEach(() => void vi.useRealTimers())

interface Made extends Source {
  starts: number
  signals: AbortSignal[]
}

/** A source that writes `node_NAME 1` after `body` let it. */
function source(name: string, body: (signal: AbortSignal) => Promise<void> | void, options: Partial<Pick<Source, 'cadence' | 'timeoutMs'>> = {}): Made {
  const spec: SeriesSpec = gauge(`node_${name}`, name)
  const made: Made = {
    name,
    cadence: 'tick',
    timeoutMs: 5_000,
    ...options,
    series: [spec],
    starts: 0,
    signals: [],
    read(_host, out, signal) {
      made.starts++
      made.signals.push(signal)
      const write = (): typeof ok => {
        out.sample(out.series(spec), 1)
        return ok
      }
      const answer = body(signal)
      return answer === undefined ? write() : answer.then(write)
    },
  }
  return made
}
const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))
const good = (cadence: Cadence = 'tick', name = 'good'): Made => source(name, () => {}, { cadence })

function collector(sources: readonly Source[], options: { disabled?: string[]; seriesLimit?: number } = {}): Collector {
  return createCollector({ host: memoryHost({ now: () => Date.now() }), sources, intervalMs: 15_000, disabled: [], seriesLimit: 1_000, version: '1.2.3', ...options })
}

/** Ticks at the clock's time while the clock goes on, then lets it run to the next tick. */
async function tick(of: Collector, signal = never): Promise<Reading & { tookMs: number; values: Record<string, number> }> {
  const at = Date.now()
  let done: { reading: Reading; tookMs: number } | undefined
  void of.tick(at, signal).then((reading) => (done = { reading, tookMs: Date.now() - at }))
  await vi.advanceTimersByTimeAsync(15_000)
  if (done === undefined) throw new Error('the tick did not end before the next one')
  return { ...done.reading, tookMs: done.tookMs, values: valuesOf(of, done.reading) }
}

function valuesOf(of: Collector, reading: Reading): Record<string, number> {
  const values: Record<string, number> = {}
  for (const row of reading.rows) {
    const bits = bitsOf(row.values)
    of.columns(row.group).forEach((labels, column) => {
      if (column < row.values.length && !isStale(bits, column)) values[seriesText(labels)] = row.values[column]!
    })
  }
  return values
}
const success = (name: string): string => `node_scrape_collector_success{collector="${name}"}`
const duration = (name: string): string => `node_scrape_collector_duration_seconds{collector="${name}"}`

describe('a source that', () => {
  test('never answers is reported, delays the tick by no more than the grace, and is not started again', async () => {
    const stuck = source('stuck', () => new Promise(() => {}))
    const fine = good()
    const of = collector([stuck, fine])
    const first = await tick(of)
    expect(first.tookMs).toBe(1_000)
    expect(first.values).toMatchObject({ node_good: 1, [success('good')]: 1 })
    // Still inside its five seconds then: nothing is known of it yet.
    expect(first.values).not.toHaveProperty(success('stuck'))
    for (let repeat = 1; repeat <= 3; repeat++) {
      const next = await tick(of)
      expect(next.tookMs).toBe(0)
      expect(next.values).toMatchObject({ node_good: 1, [success('good')]: 1, [success('stuck')]: 0, [duration('stuck')]: repeat * 15 })
    }
    expect(stuck.starts).toBe(1)
    expect(fine.starts).toBe(4)
    expect(stuck.signals[0]!.aborted).toBe(true)
  })

  test('comes back after it hung is started with the next tick and is good again', async () => {
    const slow = source('slow', () => (slow.starts === 1 ? sleep(40_000) : undefined))
    const of = collector([slow])
    const seen: (number | undefined)[] = []
    for (let count = 0; count < 4; count++) seen.push((await tick(of)).values[success('slow')])
    expect(seen).toEqual([undefined, 0, 0, 1])
    expect(slow.starts).toBe(2)
  })

  test('throws at once is reported and breaks no other', async () => {
    const broken = source('broken', () => {
      throw new TypeError('no')
    })
    const of = collector([broken, good()])
    const { values, tookMs } = await tick(of)
    expect(tookMs).toBe(0)
    expect(values).toMatchObject({ node_good: 1, [success('good')]: 1, [success('broken')]: 0, [duration('broken')]: 0 })
    await tick(of)
    expect(broken.starts).toBe(2)
  })

  test('rejects is reported with how long it took, and breaks no other', async () => {
    const broken = source('broken', () => sleep(200).then(() => Promise.reject(new Error('gone'))))
    const { values, tookMs } = await tick(collector([broken, good()]))
    expect(tookMs).toBe(200)
    expect(values).toMatchObject({ node_good: 1, [success('good')]: 1, [success('broken')]: 0, [duration('broken')]: 0.2 })
  })

  test('is slow but in time has its reading in the next row of its group', async () => {
    const slow = source('slow', () => sleep(3_000))
    const of = collector([slow, good()])
    const first = await tick(of)
    expect(first.tookMs).toBe(1_000)
    expect(first.values).toHaveProperty('node_good')
    expect(first.values).not.toHaveProperty('node_slow')
    const second = await tick(of)
    expect(second.values).toMatchObject({ node_slow: 1, [success('slow')]: 1, [duration('slow')]: 3 })
    expect(slow.starts).toBe(2)
  })

  test('fails says why in one event, and again only after it was good', async () => {
    const flaky = source('flaky', () => {
      if (flaky.starts !== 3) throw new Error('/proc/x: cut', { cause: new Error('inner') })
    })
    const of = collector([flaky])
    const texts: string[][] = []
    for (let count = 0; count < 4; count++) texts.push((await tick(of)).events.map((event) => event.text))
    const text = '采集源 flaky 读取失败：/proc/x: cut: inner'
    expect(texts).toEqual([[text], [], [], [text]])
  })

  test('finds nothing to read succeeds', async () => {
    const none: Source = { name: 'none', cadence: 'tick', timeoutMs: 1, series: [], read: () => ({ kind: 'absent', why: 'no such thing' }) }
    const { values, events } = await tick(collector([none]))
    expect(values[success('none')]).toBe(1)
    expect(events).toEqual([])
  })
})

describe('groups', () => {
  test('each cadence has rows of its own: all with the first tick, then as the wall clock says', async () => {
    const of = collector([good('tick', 'a'), good('minute', 'b'), good('hour', 'c')])
    const groups: string[][] = []
    for (let count = 0; count < 6; count++) groups.push((await tick(of)).rows.map((row) => row.group))
    expect(groups).toEqual([['tick', 'minute', 'hour'], ['tick'], ['tick'], ['tick'], ['tick', 'minute'], ['tick']])
    expect(of.columns('minute').map(seriesText)).toContain('node_b')
    expect(of.columns('tick').map(seriesText)).not.toContain('node_b')
  })

  test('a minute row waits for its slow source until the next tick, under its own time', async () => {
    const of = collector([source('slow', () => sleep(3_000), { cadence: 'minute' }), good('minute')])
    const first = await tick(of)
    expect(first.rows.map((row) => row.group)).toEqual(['tick'])
    const second = await tick(of)
    expect(second.rows.map((row) => [row.group, row.at])).toEqual([['minute', start], ['tick', start + 15_000]])
    expect(second.values).toMatchObject({ node_slow: 1, node_good: 1, [success('slow')]: 1, [duration('slow')]: 3 })
  })

  test('a minute source that never answers costs the others of its minute one tick at most', async () => {
    const of = collector([source('stuck', () => new Promise(() => {}), { cadence: 'minute', timeoutMs: 50_000 }), good('minute')])
    const groups: string[][] = []
    for (let count = 0; count < 5; count++) groups.push((await tick(of)).rows.map((row) => row.group))
    expect(groups).toEqual([['tick'], ['minute', 'tick'], ['tick'], ['tick'], ['tick', 'minute']])
  })

  test('what a source no longer writes is stale, and its column stays', async () => {
    const once = source('once', () => {})
    const { read } = once
    once.read = (host, out, signal) => (once.starts === 0 ? read(host, out, signal) : ok)
    const of = collector([once])
    expect((await tick(of)).values).toHaveProperty('node_once')
    const columns = of.columns('tick').length
    expect((await tick(of)).values).not.toHaveProperty('node_once')
    expect(of.columns('tick')).toHaveLength(columns)
  })
})

describe('between two ticks', () => {
  const pushed = (name: string, waits: () => boolean, body: () => Promise<void> | void = () => {}): Made => Object.assign(source(name, body, { cadence: 'push' }), { waits })
  const between = async (of: Collector): Promise<Reading | undefined> => {
    let done: { reading: Reading | undefined } | undefined
    void of.between(Date.now(), never).then((reading) => (done = { reading }))
    await vi.advanceTimersByTimeAsync(1_500)
    if (done === undefined) throw new Error('it did not end')
    return done.reading
  }

  test('a source that has something to tell is read at once, under that time, with its neighbours of the group and nobody else', async () => {
    let waiting = true
    const log = pushed('log', () => waiting)
    const other = pushed('other', () => false)
    const calm = good()
    const of = collector([log, other, calm])
    // Before the first tick there is nothing to compare with.
    expect(await between(of)).toBeUndefined()
    const first = await tick(of)
    expect(first.rows.map((row) => row.group)).toEqual(['tick', 'push'])
    const at = Date.now()
    const reading = await between(of)
    expect(reading?.rows.map((row) => [row.group, row.at])).toEqual([['push', at]])
    expect(valuesOf(of, reading!)).toMatchObject({ node_log: 1, node_other: 1, [success('log')]: 1 })
    expect([log.starts, other.starts, calm.starts]).toEqual([2, 2, 1])
    waiting = false
    expect(await between(of)).toBeUndefined()
    expect(log.starts).toBe(2)
  })

  test('what answers too late for that comes with the tick, and no row says it is gone', async () => {
    let slow = false
    const log = pushed('log', () => true, () => (slow ? sleep(3_000) : undefined))
    const of = collector([log])
    await tick(of)
    slow = true
    expect(await between(of)).toBeUndefined()
    // It is still out: asked again, it is not started again, and nothing is said for it.
    expect(await between(of)).toBeUndefined()
    expect(log.starts).toBe(2)
    await vi.advanceTimersByTimeAsync(5_000)
    slow = false
    expect((await tick(of)).values).toMatchObject({ node_log: 1 })
  })

  test('an agent without such sources need not look', () => {
    expect([collector([good()]).pushes, collector([pushed('log', () => false)]).pushes, collector([pushed('log', () => true)], { disabled: ['log'] }).pushes]).toEqual([false, true, false])
  })
})

test('the agent tells of itself, and what each source costs', async () => {
  const busy = source('busy', () => {
    const until = process.cpuUsage()
    while (process.cpuUsage(until).user < 5_000);
  })
  const { values } = await tick(collector([busy, good()]))
  expect(values[`zhishou_agent_info{node="${process.versions.node}",version="1.2.3"}`]).toBe(1)
  expect(values['zhishou_source_cpu_seconds_total{source="busy"}']).toBeGreaterThanOrEqual(0.005)
  expect(values['zhishou_source_cpu_seconds_total{source="good"}']).toBeLessThan(0.005)
  expect(values['process_cpu_seconds_total']).toBeGreaterThan(0.005)
  expect(values['process_resident_memory_bytes']).toBeGreaterThan(1e6)
  expect(values['process_start_time_seconds']).toBeGreaterThan(1.6e9)
  expect(values['zhishou_agent_series_refused_total']).toBe(0)
})

test('beyond the limit of series readings are refused and counted', async () => {
  // Five of the agent's own and one of each source; the three reports on each of the three sources find no room.
  const of = collector([good(), good('tick', 'other')], { seriesLimit: 7 })
  expect((await tick(of)).values['zhishou_agent_series_refused_total']).toBe(0)
  const second = await tick(of)
  expect(second.values).toMatchObject({ node_good: 1, node_other: 1, zhishou_agent_series_refused_total: 9 })
  expect(of.columns('tick')).toHaveLength(7)
})

test('a source that is switched off is not read and not declared', async () => {
  const off = good('tick', 'off')
  const of = collector([off, good()], { disabled: ['off'] })
  expect((await tick(of)).values).not.toHaveProperty(success('off'))
  expect(off.starts).toBe(0)
  expect(of.specs.map((spec) => spec.name)).not.toContain('node_off')
  expect(of.specs.map((spec) => spec.name)).toContain('node_scrape_collector_success')
})

test('stopping ends the wait and tells the reads to stop', async () => {
  const stuck = source('stuck', () => new Promise(() => {}))
  const of = collector([stuck, good()])
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 100)
  const { tookMs, values } = await tick(of, stop.signal)
  expect(tookMs).toBe(100)
  expect(values).toHaveProperty('node_good')
  expect(stuck.signals[0]!.aborted).toBe(true)
})
