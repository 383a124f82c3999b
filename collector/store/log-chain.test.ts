/** Rows come back from the log as they went in, though most of them lie there only as differences from the row before. */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BLOCK_ROWS } from './lane.ts'
import { matcher } from './matcher.ts'
import { openStore } from './open-store.ts'
import { storeSettings } from './settings.ts'
import type { MetricStore, StoreRow } from './store.ts'

const START = 1_790_000_000_000
const COLUMNS = 40
const settings = storeSettings.parse({ commitDelayMs: 0, lowBytes: 0, floorBytes: 0 })
let folder = ''
let now = START
let seq = 0
let store: MetricStore
const open = (name = 'metrics.db') => openStore({ path: join(folder, name), now: () => now, settings })

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-log-'))
  now = START
  seq = 0
  store = open()
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

function define(columns = COLUMNS): number {
  const group = store.group('a', 'tick')
  store.columns(group, Array.from({ length: columns }, (_, n) => ({ __name__: 'm', n: String(n).padStart(3, '0') })))
  return group
}
function full(group: number, columns = COLUMNS): StoreRow {
  now += 1_000
  return { group, at: now, columns: undefined, values: Float64Array.from({ length: columns }, (_, n) => (n % 3 === 0 ? seq * 7 : n % 3 === 1 ? Math.round(seq * 13.7) / 100 : Math.sqrt(seq + n))) }
}
const send = async (...rows: StoreRow[]) => expect(await store.accept({ stream: 'a', epoch: 'e', seq: ++seq, rows, events: [], facts: [], checks: [] })).toBe('stored')
const answer = (from: MetricStore) => from.select([matcher('__name__', '=', 'm')], 0, 8e15).map((each) => [each.labels['n'], Array.from(each.times), Array.from(each.values, String), each.stale])
/** What another process finds after this one was cut off. */
async function afterCrash(change: (db: DatabaseSync) => void = () => undefined): Promise<{ readonly answer: unknown; readonly damaged: number | undefined; readonly logBytes: number }> {
  for (const end of ['', '-wal']) if (existsSync(join(folder, `metrics.db${end}`))) copyFileSync(join(folder, `metrics.db${end}`), join(folder, `copy.db${end}`))
  const db = new DatabaseSync(join(folder, 'copy.db'))
  change(db)
  db.close()
  const copy = open('copy.db')
  const found = { answer: answer(copy), damaged: copy.stats().damaged, logBytes: copy.stats().logBytes }
  await copy.close()
  return found
}

test('many rows in one commit, few in many, sparse and named ones between, a column more in mid-block', async () => {
  const group = define()
  await send(full(group), full(group), full(group))
  for (let count = 0; count < BLOCK_ROWS + 3; count++) await send(full(group))
  const sparse = (): StoreRow => ({ group, at: (now += 1_000), columns: Uint32Array.of(3, 1), values: Float64Array.of(-0, seq) })
  await send(sparse(), full(group), sparse(), full(group, 2), sparse(), full(group), full(group))
  await send(full(group))
  const order = Uint32Array.from({ length: COLUMNS - 4 }, (_, n) => COLUMNS - 1 - n)
  await send({ ...full(group, order.length), columns: order }, full(group), { ...full(group, order.length), columns: order })
  define(COLUMNS + 9)
  await send(full(group), full(group, COLUMNS + 9), full(group, COLUMNS + 9), full(group, 2), full(group, COLUMNS + 9))
  for (let count = 0; count < BLOCK_ROWS * 2; count++) await send(full(group, COLUMNS + 9))
  const late = { ...full(group), at: START + 500 }
  await send(late, { ...late, at: START + 501 }, full(group))
  const expected = answer(store)
  expect((await afterCrash()).answer).toEqual(expected)
  await store.close()
  store = open()
  await send(full(group, COLUMNS + 9), full(group))
  const later = answer(store)
  expect(await afterCrash()).toMatchObject({ answer: later, damaged: 0 })
})

test('the log takes about a fifth of the raw values', async () => {
  const group = define()
  for (let count = 0; count < 100; count++) await send({ group, at: (now += 1_000), columns: undefined, values: Float64Array.from({ length: COLUMNS }, (_, n) => (n % 2 === 0 ? count * 9 + n : Math.round(count * 13.7) / 100)) })
  expect(store.stats().logBytes / (100 * COLUMNS * 8)).toBeLessThan(0.4)
})

test('blocks that were cut short before chunks took them keep their borders over restarts and trimming', async () => {
  const group = define()
  for (let life = 0; life < 6; life++) {
    for (let count = 0; count < 5 + life * 3; count++) await send(full(group))
    // A clock that jumps ahead: what waits is old and goes to a chunk as it is.
    if (life % 2 === 1) for (let slice = 0; slice < 300; slice++) store.maintain(now + 7_200_000 + slice * 20_000)
    const expected = answer(store)
    expect(await afterCrash()).toMatchObject({ answer: expected, damaged: 0 })
    await store.close()
    store = open()
    expect(answer(store)).toEqual(expected)
  }
})

test('a damaged record loses the rest of its block at most, and is counted', async () => {
  const group = define()
  for (let count = 0; count < BLOCK_ROWS * 3; count++) await send(full(group))
  const found = await afterCrash((db) => db.exec(`UPDATE log SET body = zeroblob(length(body)) WHERE id = ${BLOCK_ROWS + 4}`))
  const times = (found.answer as [string, number[]][])[0]?.[1]
  const kept = Array.from({ length: BLOCK_ROWS * 3 }, (_, row) => START + (row + 1) * 1_000).filter((_, row) => row < BLOCK_ROWS + 3 || row >= BLOCK_ROWS * 2)
  expect(times).toEqual(kept)
  // The record itself, and those whose rows build on it.
  expect(found.damaged).toBe(BLOCK_ROWS - 3)
})
