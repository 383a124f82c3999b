/** What every store promises (`collector/store/store.ts`), each promise asked of each store in the list. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CRASH_START, crashSettings } from '../../collector/store/crash-writer.fixture.ts'
import { matcher } from '../../collector/store/matcher.ts'
import { openStore, type StoreOptions } from '../../collector/store/open-store.ts'
import { storeSettings } from '../../collector/store/settings.ts'
import { StoreFull, type MetricStore, type StoreBatch } from '../../collector/store/store.ts'
import { bitsOf, setStale } from '../../protocol/stale.ts'
import { scaled, seed } from '../scale.ts'

const stores = [{ name: 'embedded', open: openStore }] as const
const START = 1_790_000_000_000
const MINUTE = 60_000

describe.each(stores)('store: $name', ({ open }) => {
  let folder = ''
  let now = START
  let store: MetricStore
  const opened = (overrides: Partial<StoreOptions> = {}) => open({ path: join(folder, 'metrics.db'), now: () => now, settings: storeSettings.parse({ commitDelayMs: 0 }), freeBytes: () => 1e12, ...overrides })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'zhishou-store-'))
    now = START
    store = opened()
  })
  afterEach(async () => {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const batch = (seq: number, rows: StoreBatch['rows'], more: Partial<StoreBatch> = {}): StoreBatch => ({ stream: 'a', epoch: 'e', seq, rows, events: [], facts: [], checks: [], ...more })
  const row = (group: number, at: number, ...values: number[]) => ({ group, at, columns: undefined, values: Float64Array.from(values) })
  const ask = (value: string, from = 0, to = 8e15) =>
    store.select([matcher('__name__', '=', value)], from, to).map((each) => ({ labels: each.labels, samples: Array.from(each.times, (at, index) => [at, each.stale?.[index] === 1 ? 'stale' : each.values[index]]) }))
  const define = (...names: string[]) => {
    const group = store.group('a', 'tick')
    store.columns(group, names.map((name) => ({ __name__: name, instance: 'a' })))
    return group
  }

  test('rows are seen once accepted, not before', async () => {
    const group = define('x', 'y')
    const accepted = store.accept(batch(1, [row(group, START, 1, 2)]))
    expect(ask('x')).toEqual([])
    expect(store.accepted('a', 'e')).toEqual([])
    expect(await accepted).toBe('stored')
    expect(ask('x')).toEqual([{ labels: { __name__: 'x', instance: 'a' }, samples: [[START, 1]] }])
    expect(store.watermark('a')).toBe(START)
  })

  test('a number accepted before is ignored: at once, while under way, and after opening again', async () => {
    const group = define('x')
    const both = [store.accept(batch(1, [row(group, START, 1)])), store.accept(batch(1, [row(group, START + 1, 2)]))]
    expect(await Promise.all(both)).toEqual(['stored', 'replayed'])
    expect(await store.accept(batch(1, [row(group, START + 2, 3)]))).toBe('replayed')
    await store.close()
    store = opened()
    expect(await store.accept(batch(1, [row(define('x'), START + 3, 4)]))).toBe('replayed')
    expect(ask('x')[0]?.samples).toEqual([[START, 1]])
    expect(await store.accept(batch(1, [row(define('x'), START + 4, 5)], { epoch: 'other' }))).toBe('stored')
    expect(store.accepted('a', 'e')).toEqual([[1, 1]])
  })

  test('accepted gives ranges with gaps, and the newest eight epochs outlive the log', async () => {
    for (const seq of [5, 1, 2, 7, 6]) await store.accept(batch(seq, []))
    expect(store.accepted('a', 'e')).toEqual([[1, 2], [5, 7]])
    for (let epoch = 0; epoch < 8; epoch++) await store.accept(batch(1, [], { epoch: `n${epoch}` }))
    for (let step = 0; step < 3; step++) store.maintain((now += 20_000))
    expect(store.stats().logBytes).toBe(0)
    await store.close()
    store = opened()
    expect(store.accepted('a', 'e')).toEqual([])
    for (let epoch = 0; epoch < 8; epoch++) expect(store.accepted('a', `n${epoch}`)).toEqual([[1, 1]])
  })

  test('a column not in a row ends its series with one stale mark; late rows fill in; the first at a time wins', async () => {
    const group = define('x', 'y')
    await store.accept(batch(1, [row(group, START, 1, 10), row(group, START + 1000, 2), row(group, START + 2000, 3)]))
    expect(ask('y')[0]?.samples).toEqual([[START, 10], [START + 1000, 'stale']])
    await store.accept(batch(2, [row(group, START + 500, 1.5, 11), row(group, START + 1000, 99, 12)]))
    expect(ask('x')[0]?.samples).toEqual([[START, 1], [START + 500, 1.5], [START + 1000, 2], [START + 2000, 3]])
    expect(ask('y')[0]?.samples).toEqual([[START, 10], [START + 500, 11], [START + 1000, 12], [START + 2000, 'stale']])
    expect(store.stats().lateRows).toBe(2)
    expect(store.watermark('a')).toBe(START + 2000)
  })

  test('named columns go where they belong and NaN is no stale mark', async () => {
    const group = define('x', 'y', 'z')
    const values = Float64Array.of(7, NaN)
    await store.accept(batch(1, [{ group, at: START, columns: Uint32Array.of(2, 0), values }]))
    expect(ask('z')[0]?.samples).toEqual([[START, 7]])
    expect(ask('x')[0]?.samples).toEqual([[START, NaN]])
    expect(ask('y')).toEqual([])
    const stale = new Float64Array(1)
    setStale(bitsOf(stale), 0)
    await store.accept(batch(2, [{ group, at: START + 1, columns: Uint32Array.of(0), values: stale }]))
    expect(ask('x')[0]?.samples).toEqual([[START, NaN], [START + 1, 'stale']])
  })

  test('rows too old or too far ahead are refused and counted; the batch counts as accepted', async () => {
    const group = define('x')
    expect(await store.accept(batch(1, [row(group, START - 32 * 86_400_000, 1), row(group, START + 2 * 3_600_000, 2), row(group, START, 3)]))).toBe('stored')
    expect(store.stats().refusedRows).toBe(2)
    expect(ask('x')[0]?.samples).toEqual([[START, 3]])
  })

  test('a batch put together wrongly is refused and takes nothing with it', async () => {
    const group = define('x')
    const wrong = [row(99, START, 1), row(group, START, 1, 2), row(group, START + 0.5, 1), { group, at: START, columns: Uint32Array.of(4), values: Float64Array.of(1) }, { group, at: START, columns: Uint32Array.of(0), values: Float64Array.of(1, 2) }]
    for (const each of wrong) await expect(store.accept(batch(1, [each]))).rejects.toThrow(RangeError)
    expect(await store.accept(batch(1, [row(group, START, 1)]))).toBe('stored')
  })

  test('one series in two groups is one series', async () => {
    const tick = define('x')
    const minute = store.group('a', 'minute')
    store.columns(minute, [{ __name__: 'x', instance: 'a' }])
    await store.accept(batch(1, [row(tick, START, 1), row(tick, START + 1000), row(minute, START + 2000, 2), row(tick, START + 3000)]))
    expect(ask('x')).toEqual([{ labels: { __name__: 'x', instance: 'a' }, samples: [[START, 1], [START + 1000, 'stale'], [START + 2000, 2]] }])
  })

  test('matchers, label names and values', async () => {
    const group = store.group('a', 'tick')
    const sets = [{ __name__: 'x', cpu: '0' }, { __name__: 'x', cpu: '1' }, { __name__: 'y', cpu: '0', mode: 'idle' }, { __name__: 'z', empty: '' }]
    store.columns(group, sets)
    await store.accept(batch(1, [row(group, START, 1, 2, 3, 4)]))
    const names = (...matchers: ReturnType<typeof matcher>[]) => store.select(matchers, START, START).map((each) => each.values[0]).sort()
    expect(names(matcher('__name__', '=', 'x'))).toEqual([1, 2])
    expect(names(matcher('cpu', '=~', '0|7'))).toEqual([1, 3])
    expect(names(matcher('cpu', '=~', '[01]'), matcher('mode', '=', ''))).toEqual([1, 2])
    expect(names(matcher('__name__', '!=', ''), matcher('cpu', '!=', '0'))).toEqual([2, 4])
    expect(names(matcher('cpu', '=', ''))).toEqual([4])
    expect(names(matcher('__name__', '!~', 'x|y'))).toEqual([4])
    expect(names(matcher('nothing', '=', 'x'))).toEqual([])
    expect(names()).toEqual([1, 2, 3, 4])
    expect(store.labelNames([])).toEqual(['__name__', 'cpu', 'mode'])
    expect(store.labelNames([matcher('__name__', '=', 'x')])).toEqual(['__name__', 'cpu'])
    expect(store.labelValues('cpu', [])).toEqual(['0', '1'])
    expect(store.labelValues('cpu', [matcher('__name__', '=', 'y')])).toEqual(['0'])
    expect(store.series([matcher('mode', '=', 'idle')])).toEqual([sets[2]])
    expect(store.stats().activeSeries).toBe(4)
  })

  test('events, facts and checks come with their batch and are found by time, stream and kind', async () => {
    const event = (text: string, at: number, kind = 'log') => ({ kind, rule: 'r', severity: 'warning' as const, at, text, labels: { unit: text } })
    await store.accept(batch(1, [], { events: [event('one', START), event('two', START + 10, 'xid')], facts: [{ name: 'os.release', at: START, json: '"8"' }], checks: [{ check: 'backup', at: START, verdict: 'ok', text: 'fine' }] }))
    await store.accept(batch(1, [], { stream: 'b', events: [event('late', START - 5)], facts: [{ name: 'os.release', at: START, json: '"9"' }] }))
    await store.accept(batch(2, [], { facts: [{ name: 'os.release', at: START - 9, json: '"7"' }, { name: 'a', at: START, json: '1' }] }))
    await store.accept(batch(3, [], { facts: [{ name: 'os.release', at: START + 99, json: '"8"' }] }))
    const texts = (query: Parameters<MetricStore['events']>[0]) => store.events(query).map((each) => each.text)
    expect(texts({ limit: 9 })).toEqual(['two', 'one', 'late'])
    expect(texts({ limit: 1 })).toEqual(['two'])
    expect(texts({ sinceMs: START, untilMs: START + 5, limit: 9 })).toEqual(['one'])
    expect(texts({ stream: 'a', kind: 'xid', limit: 9 })).toEqual(['two'])
    expect(texts({ afterId: store.events({ kind: 'xid', limit: 1 })[0]!.id, limit: 9 })).toEqual(['late'])
    expect(store.events({ limit: 1 })[0]).toMatchObject({ ...event('two', START + 10, 'xid'), stream: 'a' })
    expect(store.facts('a')).toEqual([{ stream: 'a', name: 'a', at: START, json: '1' }, { stream: 'a', name: 'os.release', at: START + 99, json: '"8"' }])
    expect(store.facts('b')).toEqual([{ stream: 'b', name: 'os.release', at: START, json: '"9"' }])
    expect(store.checks({ limit: 9 })).toEqual([{ id: 1, stream: 'a', check: 'backup', at: START, verdict: 'ok', text: 'fine' }])
  })

  test('a second process is told that the file is in use', () => {
    expect(() => opened()).toThrow(/cannot open .*another process has it open/)
  })

  /** Rows every 15 s through `until`, with maintenance as the shell calls it. */
  const fill = async (group: number, from: number, until: number, seqFrom: number) => {
    let seq = seqFrom
    for (let at = from; at <= until; at += 15_000) {
      now = at
      await store.accept(batch(seq++, [row(group, at, at, seq)]))
      if (seq % 8 === 0) store.maintain(now)
    }
    return seq
  }

  test('samples older than retention go, and series without any leave the index, also over a restart', async () => {
    const settings = storeSettings.parse({ commitDelayMs: 0, retentionMs: 120 * MINUTE, sealAgeMs: 10 * MINUTE })
    await store.close()
    store = opened({ settings })
    const group = define('x', 'y')
    const next = await fill(group, START, START + 100 * MINUTE, 1)
    const other = store.group('b', 'tick')
    store.columns(other, [{ __name__: 'z' }])
    now += 160 * MINUTE
    await store.accept(batch(next, [row(other, now, 1)]))
    for (let step = 0; step < 40; step++) store.maintain((now += 1_000))
    expect(ask('x')).toEqual([])
    expect(store.labelValues('__name__', [])).toEqual(['z'])
    expect(store.stats().activeSeries).toBe(1)
    await store.close()
    store = opened({ settings })
    expect(store.labelValues('__name__', [])).toEqual(['z'])
    expect(await store.accept(batch(next + 1, [{ group: store.group('a', 'tick'), at: now, columns: Uint32Array.of(1), values: Float64Array.of(5) }]))).toBe('stored')
    expect(ask('y').map((each) => each.samples)).toEqual([[[now, 5]]])
  })

  test('a disk that fills up: oldest samples first, then nothing is taken, and back', async () => {
    let free = 10e9
    const settings = storeSettings.parse({ commitDelayMs: 0, sealAgeMs: 10 * MINUTE, lowBytes: 2e9, floorBytes: 1e9, leastRetentionMs: 60 * MINUTE })
    await store.close()
    store = opened({ settings, freeBytes: () => free })
    const group = define('x', 'y')
    let next = await fill(group, START, START + 240 * MINUTE, 1)
    store.maintain((now += 3_000))
    expect(store.stats().degraded).toBe('no')
    const before = ask('x')[0]!.samples.length
    free = 1.5e9
    for (let step = 0; step < 30; step++) store.maintain((now += 3_000))
    expect(store.stats().degraded).toBe('shortened')
    const after = ask('x')[0]!.samples
    expect(after.length).toBeLessThan(before)
    expect(Number(after[0]![0])).toBeLessThanOrEqual(now - 60 * MINUTE)
    expect(await store.accept(batch(next, [row(group, now, 1, 1)]))).toBe('stored')
    free = 0.5e9
    store.maintain((now += 3_000))
    expect(store.stats().degraded).toBe('full')
    await expect(store.accept(batch(++next, [row(group, now, 2, 2)], { events: [{ kind: 'k', rule: '', severity: 'info', at: now, text: 't', labels: {} }] }))).rejects.toThrow(StoreFull)
    expect(store.accepted('a', 'e').at(-1)?.[1]).toBe(next - 1)
    expect(store.events({ limit: 9 })).toEqual([])
    free = 10e9
    store.maintain((now += 3_000))
    expect(await store.accept(batch(next, [row(group, now, 2, 2)]))).toBe('stored')
    expect(ask('x', now, now)[0]?.samples).toEqual([[now, 2]])
  })

  test('a damaged chunk is counted and left out; the rest is answered', async () => {
    const group = define('x', 'y')
    await fill(group, START, START + 300 * MINUTE, 1)
    const whole = ask('x')[0]!.samples.length
    await store.close()
    const db = new DatabaseSync(join(folder, 'metrics.db'))
    const victim = db.prepare('SELECT id, body FROM chunk ORDER BY id LIMIT 1').get()!
    const body = victim['body'] as Uint8Array
    body[body.length - 3]! ^= 4
    db.prepare('UPDATE chunk SET body = ? WHERE id = ?').run(body, victim['id'] as number)
    db.close()
    store = opened()
    const left = ask('x')[0]!.samples.filter(([, value]) => value !== 'stale').length
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThan(whole)
    expect(store.stats().damaged).toBe(1)
  })

  test('the log is replayed into the head and goes once chunks cover it', async () => {
    const group = define('x', 'y')
    await fill(group, START, START + 200 * MINUTE, 1)
    expect(store.stats().logBytes).toBeGreaterThan(0)
    const before = ask('x')
    await store.close()
    store = opened()
    expect(ask('x')).toEqual(before)
    for (let step = 0; step < 60; step++) store.maintain((now += 2 * MINUTE))
    expect(store.stats()).toMatchObject({ logBytes: 0, headSamples: 0, damaged: 0 })
    expect(ask('x')).toEqual(before)
  })

  test(`kill -9 at any moment: what was acknowledged is there, everything once (seed ${seed})`, { timeout: 900_000 }, async () => {
    await store.close()
    const path = join(folder, 'crash.db')
    const waits = fc.sample(fc.integer({ min: 5, max: 400 }), { numRuns: scaled(8, 200), seed })
    const writer = join(import.meta.dirname, '../../collector/store/crash-writer.fixture.ts')
    const acked = new Set<number>()
    for (const waitMs of waits) {
      const child = spawn(process.execPath, [writer, path], { stdio: ['ignore', 'pipe', 'inherit'] })
      let text = ''
      child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
      await once(child.stdout, 'data')
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      child.kill('SIGKILL')
      await once(child, 'close')
      for (const line of text.split('\n').slice(0, -1)) acked.add(Number(line))
      now = CRASH_START + Math.max(...acked) * 1_000
      const after = open({ path, now: () => now, settings: crashSettings })
      const accepted = new Set(after.accepted('host', 'e').flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index)))
      for (const each of acked) expect(accepted.has(each), `batch ${each} was acknowledged`).toBe(true)
      const [first] = after.select([matcher('n', '=', '0')], 0, 8e15)
      const expected = [...accepted].flatMap((each) => (each % 5 === 0 ? [[CRASH_START + each * 1_000 - 1_500, each - 1.5], [CRASH_START + each * 1_000, each]] : [[CRASH_START + each * 1_000, each]])).sort((a, b) => a[0]! - b[0]!)
      expect(Array.from(first!.times, (at, index) => [at, first!.values[index]])).toEqual(expected)
      expect(after.events({ afterId: 0, limit: 1e9 }).map((each) => Number(each.text))).toEqual([...accepted].sort((a, b) => a - b))
      expect(after.stats().damaged).toBe(0)
      await after.close()
    }
    expect(acked.size).toBeGreaterThan(waits.length)
    store = opened()
  })

  test('a really full disk: StoreFull, nothing lost, and on it goes when there is room', { timeout: 120_000 }, async (context) => {
    const mount = join(folder, 'disk')
    spawnSync('mkdir', [mount])
    if (process.getuid?.() !== 0 || spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', mount]).status !== 0) {
      context.skip('needs root and a tmpfs mount')
      return
    }
    const path = join(mount, 'metrics.db')
    const settings = storeSettings.parse({ commitDelayMs: 0, lowBytes: 0, floorBytes: 0, sealAgeMs: 10 * MINUTE })
    let tiny = open({ path, now: () => now, settings })
    try {
      writeFileSync(join(mount, 'filler'), new Uint8Array(8 * 1024 * 1024))
      const group = tiny.group('a', 'tick')
      tiny.columns(group, Array.from({ length: 500 }, (_, n) => ({ __name__: 'm', n: String(n) })))
      const stored: number[] = []
      let refused = 0
      for (let seq = 1; seq <= 6_000 && refused < 40; seq++) {
        now += 15_000
        const values = Float64Array.from({ length: 500 }, (_, n) => Math.sin(seq * 500 + n))
        try {
          await tiny.accept(batch(seq, [{ group, at: now, columns: undefined, values }]))
          stored.push(now)
        } catch (error) {
          expect(error).toBeInstanceOf(StoreFull)
          refused++
        }
        tiny.maintain(now)
      }
      expect(refused).toBe(40)
      expect(tiny.stats().degraded).toBe('full')
      const check = () => {
        const [one] = tiny.select([matcher('n', '=', '7')], 0, 8e15)
        expect([...one!.times]).toEqual(stored)
      }
      check()
      rmSync(join(mount, 'filler'))
      for (let seq = 10_000; seq < 10_050; seq++) {
        now += 15_000
        tiny.maintain(now)
        expect(await tiny.accept(batch(seq, [{ group, at: now, columns: undefined, values: new Float64Array(500).fill(seq) }]))).toBe('stored')
        stored.push(now)
      }
      check()
      await tiny.close()
      tiny = open({ path, now: () => now, settings })
      check()
    } finally {
      await tiny.close()
      spawnSync('umount', [mount])
      expect(existsSync(path)).toBe(false)
    }
  })
})
