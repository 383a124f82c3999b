/**
 * The store against a model that keeps every row in a list: random commands, with crashes (the files are copied while
 * open and opened elsewhere), replays, late rows, packing, retention; after each query both must answer alike.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bitsOf, setStale } from '../../protocol/stale.ts'
import { seriesKey, type Labels } from '../../protocol/series.ts'
import { scaled, seed } from '../../test/scale.ts'
import { matcher } from './matcher.ts'
import { openStore } from './open-store.ts'
import { storeSettings } from './settings.ts'
import type { Matcher, MetricStore, StoreBatch } from './store.ts'

const RETENTION_MS = 3 * 3_600_000
const LATE_MS = 2 * 3_600_000
const FUTURE_MS = 60_000
const settings = storeSettings.parse({ retentionMs: RETENTION_MS, lateWindowMs: LATE_MS, futureMs: FUTURE_MS, sealAgeMs: 1_200_000, commitDelayMs: 0, lowBytes: 0, floorBytes: 0, sealCells: 400 })
const START = 1_790_000_000_000
const GROUPS = [
  { stream: 'a', name: 'tick' },
  { stream: 'a', name: 'hour' },
  { stream: 'b', name: 'tick' },
] as const

/** A cell by its bits, or undefined where the row says nothing of the column. */
type Cell = 'stale' | number

interface ModelRow {
  readonly at: number
  readonly late: boolean
  readonly cells: ReadonlyMap<string, Cell>
}

interface Model {
  now: number
  readonly labels: Labels[][]
  readonly rows: ModelRow[][]
  readonly newest: number[]
  readonly sent: { readonly seq: number; readonly rows: readonly SentRow[] }[]
  refused: number
}

interface SentRow {
  readonly group: number
  readonly at: number
  /** By position in the group's label list; a position left out is not named. */
  readonly cells: readonly (readonly [position: number, cell: Cell])[]
}

const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -1000, max: 1_000_000 }) },
  { weight: 3, arbitrary: fc.integer({ min: -1000, max: 1000 }).map((each) => each / 100) },
  { weight: 1, arbitrary: fc.constantFrom<Cell>(NaN, -0, Infinity, 0.1 + 0.2, 2 ** 53) },
  { weight: 2, arbitrary: fc.constant<Cell>('stale') },
)

const command = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('define' as const), group: fc.nat(2), count: fc.integer({ min: 1, max: 3 }), shared: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('ticks' as const), group: fc.nat(2), count: fc.integer({ min: 1, max: 45 }), stepMs: fc.constantFrom(3_000, 15_000, 60_000), values: fc.array(value, { minLength: 1, maxLength: 9 }), gap: fc.nat(4), named: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('late' as const), group: fc.nat(2), agoMs: fc.integer({ min: -2 * FUTURE_MS, max: LATE_MS + 1_200_000 }), count: fc.integer({ min: 1, max: 30 }), stepMs: fc.constantFrom(-3_000, 0, 3_000, 15_000), values: fc.array(value, { minLength: 1, maxLength: 5 }), gap: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('replay' as const), which: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('maintain' as const), times: fc.integer({ min: 1, max: 12 }), waitMs: fc.constantFrom(100, 20_000, 900_000, 5_000_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('query' as const), fromMs: fc.nat(RETENTION_MS), lengthMs: fc.nat(RETENTION_MS), name: fc.constantFrom('', 'm0', 'm1', 'shared') }) },
)
type Command = typeof command extends fc.Arbitrary<infer Each> ? Each : never

function modelAnswer(model: Model, matchers: readonly Matcher[], fromMs: number, toMs: number): Map<string, string[]> {
  const answer = new Map<string, string[]>()
  const parts = new Map<string, [number, Cell][]>()
  model.labels.forEach((list, group) => {
    const rows = model.rows[group]!.filter((row) => row.at >= fromMs && row.at <= toMs)
    const ordered = [...rows.filter((row) => !row.late), ...rows.filter((row) => row.late)]
    for (const labels of list) {
      const key = seriesKey(labels)
      if (!matchers.every((each) => each.matches(labels[each.name] ?? ''))) continue
      const byTime = new Map<number, Cell>()
      for (const row of ordered) {
        const cell = row.cells.get(key) ?? 'stale'
        const known = byTime.get(row.at)
        if (known === undefined || (known === 'stale' && cell !== 'stale')) byTime.set(row.at, cell)
      }
      const kept: [number, Cell][] = []
      let before: Cell = 'stale'
      for (const [at, cell] of [...byTime].sort((a, b) => a[0] - b[0])) {
        if (cell !== 'stale' || before !== 'stale') kept.push([at, cell])
        before = cell
      }
      parts.set(key, [...(parts.get(key) ?? []), ...kept])
    }
  })
  for (const [key, cells] of parts) {
    if (cells.length > 0) answer.set(key, cells.sort((a, b) => a[0] - b[0]).map(([at, cell]) => `${at} ${Object.is(cell, -0) ? '-0' : cell}`))
  }
  return answer
}

function storeAnswer(store: MetricStore, matchers: readonly Matcher[], fromMs: number, toMs: number): Map<string, string[]> {
  return new Map(
    store.select(matchers, fromMs, toMs).map((series) => [
      seriesKey(series.labels),
      Array.from(series.times, (at, index) => `${at} ${series.stale?.[index] === 1 ? 'stale' : Object.is(series.values[index], -0) ? '-0' : series.values[index]}`),
    ]),
  )
}

/** The newest of each series in (at - lookback, at], if it is a sample. */
function modelLatest(model: Model, matchers: readonly Matcher[], atMs: number, lookbackMs: number): Map<string, string> {
  const answer = new Map<string, string>()
  for (const [key, samples] of modelAnswer(model, matchers, atMs - lookbackMs + 1, atMs)) {
    const last = samples[samples.length - 1] ?? ''
    if (!last.endsWith(' stale')) answer.set(key, last)
  }
  return answer
}

function storeLatest(store: MetricStore, matchers: readonly Matcher[], atMs: number, lookbackMs: number): Map<string, string> {
  const { labels, times, values } = store.selectLatest?.(matchers, atMs, lookbackMs) ?? { labels: [], times: new Float64Array(0), values: new Float64Array(0) }
  expect([times.length, values.length]).toEqual([labels.length, labels.length])
  return new Map(labels.map((each, index) => [seriesKey(each), `${times[index]} ${Object.is(values[index], -0) ? '-0' : values[index]}`]))
}

async function play(commands: readonly Command[]): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'zhishou-store-model-'))
  let folder = mkdtempSync(join(root, 'run-'))
  const model: Model = { now: START, labels: [[], [], []], rows: [[], [], []], newest: [-Infinity, -Infinity, -Infinity], sent: [], refused: 0 }
  const open = () => openStore({ path: join(folder, 'metrics.db'), now: () => model.now, settings, freeBytes: () => Infinity })
  let store = open()
  let seq = 0

  const toBatch = (number: number, rows: readonly SentRow[], named: boolean): StoreBatch => ({
    stream: 'a',
    epoch: 'e1',
    seq: number,
    events: [{ kind: 'k', rule: '', severity: 'info', at: model.now, text: `${number}`, labels: {} }],
    facts: [],
    checks: [],
    rows: rows.map((row) => {
      const where = GROUPS[row.group]!
      const group = store.group(where.stream, where.name)
      const columns = store.columns(group, model.labels[row.group]!)
      const wide = named ? row.cells.length : Math.max(0, ...row.cells.map(([position]) => columns[position]! + 1))
      const values = new Float64Array(wide)
      const bits = bitsOf(values)
      if (!named) for (let column = 0; column < wide; column++) setStale(bits, column)
      row.cells.forEach(([position, cell], index) => {
        const at = named ? index : columns[position]!
        if (cell === 'stale') setStale(bits, at)
        else values[at] = cell
      })
      return { group, at: row.at, columns: named ? Uint32Array.from(row.cells, ([position]) => columns[position]!) : undefined, values }
    }),
  })
  const send = async (rows: readonly SentRow[], named: boolean) => {
    const number = ++seq
    model.sent.push({ seq: number, rows })
    expect(await store.accept(toBatch(number, rows, named))).toBe('stored')
    for (const row of rows) {
      if (row.at < model.now - LATE_MS || row.at > model.now + FUTURE_MS) {
        model.refused++
        continue
      }
      const late = row.at <= model.newest[row.group]!
      if (!late) model.newest[row.group] = row.at
      const labels = model.labels[row.group]!
      model.rows[row.group]!.push({ at: row.at, late, cells: new Map(row.cells.map(([position, cell]) => [seriesKey(labels[position]!), cell])) })
    }
  }
  const cellsOf = (group: number, values: readonly Cell[], gap: number, row: number): SentRow['cells'] =>
    model.labels[group]!.flatMap((_, position) => (gap > 0 && (position + row) % (gap + 2) === 0 ? [] : [[position, values[(position * 7 + row) % values.length]!] as const]))
  /** Times of different groups never fall together, so that which group wins at equal times is not asked here. */
  const timeFor = (group: number, at: number) => Math.floor(at / 3) * 3 + group

  try {
    for (const each of commands) {
      switch (each.do) {
        case 'define': {
          const list = model.labels[each.group]!
          for (let index = 0; index < each.count; index++) list.push({ __name__: `m${list.length % 3}`, instance: GROUPS[each.group]!.stream, job: 'node', g: String(each.group), n: String(list.length) })
          if (each.shared && !list.some((labels) => labels['__name__'] === 'shared')) list.push({ __name__: 'shared', job: 'node' })
          break
        }
        case 'ticks': {
          const rows: SentRow[] = []
          for (let row = 0; row < each.count; row++) {
            model.now += each.stepMs
            rows.push({ group: each.group, at: timeFor(each.group, model.now), cells: cellsOf(each.group, each.values, each.gap, row) })
            if (rows.length === 7) await send(rows.splice(0), each.named)
          }
          if (rows.length > 0) await send(rows, each.named)
          break
        }
        case 'late': {
          const from = model.now - each.agoMs
          await send(
            Array.from({ length: each.count }, (_, row) => ({ group: each.group, at: timeFor(each.group, from + row * each.stepMs), cells: cellsOf(each.group, each.values, each.gap, row) })),
            true,
          )
          break
        }
        case 'replay': {
          const batch = model.sent[each.which % Math.max(1, model.sent.length)]
          if (batch !== undefined) expect(await store.accept(toBatch(batch.seq, batch.rows, true))).toBe('replayed')
          break
        }
        case 'maintain':
          for (let count = 0; count < each.times; count++) {
            model.now += Math.floor(each.waitMs / each.times)
            store.maintain(model.now)
            // What was asked before the packing is remembered: it must not outlive what it was read from.
            const from = model.now - each.waitMs - 1_800_000
            if (count % 4 === 0) expect(storeAnswer(store, [matcher('job', '=', 'node')], from, model.now)).toEqual(modelAnswer(model, [matcher('job', '=', 'node')], from, model.now))
          }
          break
        case 'crash': {
          const fresh = mkdtempSync(join(root, 'run-'))
          for (const file of ['metrics.db', 'metrics.db-wal']) if (existsSync(join(folder, file))) copyFileSync(join(folder, file), join(fresh, file))
          await store.close()
          folder = fresh
          store = open()
          break
        }
        case 'reopen':
          await store.close()
          store = open()
          break
        case 'query': {
          const from = Math.max(model.now - each.fromMs, model.now - RETENTION_MS)
          const matchers = [matcher('job', '=', 'node'), ...(each.name === '' ? [] : [matcher('__name__', '=', each.name)])]
          expect(storeAnswer(store, matchers, from, from + each.lengthMs)).toEqual(modelAnswer(model, matchers, from, from + each.lengthMs))
          // The newest rows, which rules read, and any others.
          for (const at of [from + each.lengthMs, model.now - (each.fromMs % 100_000), model.now]) {
            if (at - each.lengthMs < model.now - RETENTION_MS) continue
            for (const lookbackMs of [each.lengthMs, 1 + (each.lengthMs % 100_000)]) expect(storeLatest(store, matchers, at, lookbackMs)).toEqual(modelLatest(model, matchers, at, lookbackMs))
          }
          break
        }
      }
    }
    const from = model.now - RETENTION_MS
    const all = [matcher('__name__', '!=', '')]
    expect(storeAnswer(store, all, from, model.now + FUTURE_MS)).toEqual(modelAnswer(model, all, from, model.now + FUTURE_MS))
    expect(store.accepted('a', 'e1')).toEqual(seq === 0 ? [] : [[1, seq]])
    const events = store.events({ limit: 100_000, afterId: 0 }).map((event) => event.text)
    expect(events).toEqual(model.sent.map((batch) => String(batch.seq)))
    expect(store.stats().damaged).toBe(0)
  } finally {
    await store.close()
    rmSync(root, { recursive: true, force: true })
  }
}

test(`the store answers as a list of rows would, whatever happens to it (seed ${seed})`, { timeout: 1_200_000 }, async () => {
  await fc.assert(fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40, size: 'max' }), play), { seed, numRuns: scaled(40, 1_500), endOnFailure: false, interruptAfterTimeLimit: scaled(20_000, 600_000), markInterruptAsFailure: false })
})
