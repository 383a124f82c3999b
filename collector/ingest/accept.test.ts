import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type IndexedRow, createEncoder } from '../../protocol/columns.ts'
import type { BatchFrame } from '../../protocol/messages.ts'
import type { Labels } from '../../protocol/series.ts'
import { fillStale } from '../../protocol/stale.ts'
import { memoryStore } from '../../test/memory-store.ts'
import { scaled, seed } from '../../test/scale.ts'
import { createAcceptor } from './accept.ts'
import { toRanges } from './acks.ts'
import { readEnvelope } from './envelope.ts'

const NOW = Date.UTC(2026, 10, 22)
const metric = (name: string, labels: Labels = {}): Labels => ({ __name__: name, ...labels })

function connection(seriesPerAgent = 1_000, store = memoryStore(), instance = 'web-01') {
  const acceptor = createAcceptor(store, instance, { epoch: 'e', next: 1, intervalMs: 15_000, at: NOW }, NOW, { seriesPerAgent })
  const encoder = createEncoder()
  let seq = 0
  const frame = (rows: readonly IndexedRow[], define: BatchFrame['define'] = [], rest: Partial<BatchFrame> = {}): BatchFrame => ({ t: 'batch', seq: ++seq, late: false, define, columns: encoder.encode(rows), events: [], facts: [], checks: [], ...rest })
  const take = (input: BatchFrame, now = NOW) => {
    const result = acceptor.accept(input, now)
    if (result.kind === 'refused') throw new Error(`${result.code}: ${result.why}`)
    return result
  }
  return { store, acceptor, frame, take }
}

const row = (group: number, at: number, ...values: number[]): IndexedRow => ({ group, at, values: Float64Array.from(values) })

describe('accepting', () => {
  test('instance and job are added; an identity mapping names no columns; values, events and facts go through', () => {
    const { store, frame, take } = connection()
    const event = { kind: 'log', rule: '', severity: 'info' as const, at: NOW, text: 'x', labels: {} }
    const result = take(frame([row(0, NOW, 1, 2.5)], [{ group: 'tick', columns: [metric('a'), metric('b', { cpu: '0' })] }], { events: [event] }))
    expect(result).toMatchObject({ samples: 2, restampedRows: 0, refusedSeries: [], offsetMs: 0 })
    expect(result.batch).toMatchObject({ stream: 'web-01', epoch: 'e', seq: 1, events: [event] })
    expect(result.batch.rows[0]).toMatchObject({ at: NOW, columns: undefined })
    expect(store.value(result.batch, 'a', { instance: 'web-01', job: 'node' })).toBe(1)
    expect(store.value(result.batch, 'b', { cpu: '0' })).toBe(2.5)
  })

  test('a later connection with its columns in another order maps to the same store columns', () => {
    const first = connection()
    first.take(first.frame([row(0, NOW, 1, 2, 3)], [{ group: 'tick', columns: [metric('a'), metric('b'), metric('c')] }]))
    const second = connection(1_000, first.store)
    const result = second.take(second.frame([row(0, NOW + 15_000, 30, 10)], [{ group: 'tick', columns: [metric('c'), metric('a'), metric('d')] }]))
    expect([...result.batch.rows[0]!.columns!]).toEqual([2, 0])
    expect(second.store.value(result.batch, 'c')).toBe(30)
    expect(second.store.value(result.batch, 'a')).toBe(10)
  })

  test('columns added later, and rows narrower than the group', () => {
    const { store, frame, take } = connection()
    take(frame([row(0, NOW, 1)], [{ group: 'tick', columns: [metric('a')] }]))
    const wide = take(frame([row(0, NOW + 1, 1, 2), row(1, NOW + 1, 7)], [{ group: 'tick', columns: [metric('b')] }, { group: 'minute', columns: [metric('m')] }]))
    expect(store.value(wide.batch, 'b')).toBe(2)
    expect(store.value(wide.batch, 'm')).toBe(7)
    expect(take(frame([row(0, NOW + 2, 5)])).batch.rows[0]!.values).toHaveLength(1)
  })

  test('an agent speaks only for itself: its own instance and job become exported ones', () => {
    const { store, frame, take } = connection()
    const { batch } = take(frame([row(0, NOW, 1)], [{ group: 'tick', columns: [metric('a', { instance: 'other', job: 'theirs', empty: '' })] }]))
    expect(store.value(batch, 'a', { instance: 'web-01', job: 'node', exported_instance: 'other', exported_job: 'theirs' })).toBe(1)
  })

  test.each<[string, Labels]>([
    ['no name', { a: 'b' }],
    ['a bad name', metric('1up')],
    ['a bad label', metric('a', { 'b-c': 'd' })],
    ['a reserved label', metric('a', { __b: 'c' })],
    ['half a surrogate', metric('a', { b: '\ud800' })],
    ['too many labels', metric('a', Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`l${n}`, 'x'])))],
    ['a repeated series', metric('good')],
  ])('%s costs that series and nothing else', (_, bad) => {
    const { store, frame, take } = connection()
    const columns = [metric('good'), bad, metric('fine')]
    const result = take(frame([row(0, NOW, 1, 2, 3)], [{ group: 'tick', columns }]))
    expect(result.refusedSeries).toHaveLength(1)
    expect(store.value(result.batch, 'good')).toBe(1)
    expect(store.value(result.batch, 'fine')).toBe(3)
    expect(result.samples).toBe(2)
  })

  test('stale marks survive being moved around refused series', () => {
    const { store, frame, take } = connection()
    const values = Float64Array.of(1, 2, 3)
    fillStale(values, 2)
    const result = take(frame([{ group: 0, at: NOW, values }], [{ group: 'tick', columns: [metric('a'), metric('2'), metric('c')] }]))
    expect(store.value(result.batch, 'c')).toBe('stale')
  })

  test('series beyond the limit are left out and counted, the rest is stored', () => {
    const { frame, take } = connection(10)
    const result = take(frame([row(0, NOW, ...Array.from({ length: 15 }, (_, n) => n))], [{ group: 'tick', columns: Array.from({ length: 15 }, (_, n) => metric(`m${n}`)) }]))
    expect(result.samples).toBe(10)
    expect(result.refusedSeries.map((one) => one.code)).toEqual(Array.from({ length: 5 }, () => 'limit'))
  })

  test('a clock a day ahead loses nothing: rows, events, facts and checks move to now', () => {
    const { frame, take } = connection()
    const ahead = NOW + 86_400_000
    const result = take(frame([row(0, ahead - 1_000, 1), row(0, ahead, 2)], [{ group: 'tick', columns: [metric('a')] }], { events: [{ kind: 'log', rule: '', severity: 'info', at: ahead, text: '', labels: {} }], checks: [{ check: 'c', at: ahead - 5, verdict: 'ok', text: '' }] }))
    expect(result.restampedRows).toBe(2)
    expect(result.offsetMs).toBe(86_400_000)
    expect(result.batch.rows.map((one) => one.at)).toEqual([NOW - 1_000, NOW])
    expect(result.batch.events[0]!.at).toBe(NOW)
    expect(result.batch.checks[0]!.at).toBe(NOW - 5)
  })
})

describe('refusing', () => {
  test('number 0', () => {
    const { acceptor, frame } = connection()
    expect(acceptor.accept({ ...frame([]), seq: 0 }, NOW)).toMatchObject({ kind: 'refused', code: 'malformed' })
  })

  test('rows of an undefined group, and everything after', () => {
    const { acceptor, frame } = connection()
    expect(acceptor.accept(frame([row(0, NOW, 1)]), NOW)).toMatchObject({ kind: 'refused', code: 'malformed' })
    expect(acceptor.accept(frame([]), NOW)).toMatchObject({ kind: 'refused' })
  })

  test('more groups than a connection may have', () => {
    const { acceptor, frame } = connection()
    const define = Array.from({ length: 64 }, (_, n) => ({ group: `g${n}`, columns: [] }))
    expect(acceptor.accept(frame([], define), NOW).kind).toBe('store')
    expect(acceptor.accept(frame([], [{ group: 'one more', columns: [] }]), NOW)).toMatchObject({ kind: 'refused', code: 'limit' })
  })

  test('random columns are refused or stored, never thrown', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (columns) => {
        const { acceptor, frame } = connection()
        const result = acceptor.accept({ ...frame([], [{ group: 'tick', columns: [metric('a'), metric('b')] }]), columns }, NOW)
        if (result.kind === 'refused') expect(result.code).toBe('malformed')
        else for (const one of result.batch.rows) expect(one.values.length).toBeLessThanOrEqual(2)
      }),
      { seed, numRuns: scaled(2_000, 100_000) },
    )
  })
})

test('what an agent packs is what the store gets, over any growth of groups and any order of series', () => {
  const series = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 8 })
  fc.assert(
    fc.property(fc.array(series, { minLength: 1, maxLength: 5 }), fc.array(fc.double({ noNaN: true }), { minLength: 40, maxLength: 40 }), (growth, numbers) => {
      const store = memoryStore()
      store.columns(store.group('web-01', 'tick'), [5, 3, 9].map((n) => ({ __name__: `m${n}`, instance: 'web-01', job: 'node' })))
      const { frame, take } = connection(1_000, store)
      const known: number[] = []
      for (const [step, wanted] of growth.entries()) {
        const added = wanted.filter((n) => !known.includes(n))
        known.push(...added)
        const values = Float64Array.from(known, (n) => numbers[n]!)
        const define = added.length === 0 && step > 0 ? [] : [{ group: 'tick', columns: added.map((n) => metric(`m${n}`)) }]
        const sent = readEnvelope(encode(frame([{ group: 0, at: NOW + step, values }], define)))
        if (sent.kind !== 'frame' || sent.frame.t !== 'batch') throw new Error('not a batch')
        const { batch } = take(sent.frame)
        for (const n of known) expect(Object.is(store.value(batch, `m${n}`), numbers[n])).toBe(true)
      }
    }),
    { seed, numRuns: scaled(300, 10_000) },
  )
})

test('ranges hold exactly the numbers they were made of, ascending and apart', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 })), (numbers) => {
      const ranges = toRanges([...numbers])
      const back = ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, n) => from + n))
      expect(back).toEqual([...new Set(numbers)].sort((a, b) => a - b))
      for (let n = 1; n < ranges.length; n++) expect(ranges[n]![0]).toBeGreaterThan(ranges[n - 1]![1] + 1)
    }),
    { seed },
  )
})
