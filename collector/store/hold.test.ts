import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { METRIC_NAME } from '../../protocol/series.ts'
import { matcher } from './matcher.ts'
import { openStore } from './open-store.ts'
import { storeSettings } from './settings.ts'

const now = 1_700_000_000_000
let folder: string
let store: ReturnType<typeof openStore>

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-hold-'))
  store = openStore({ path: join(folder, 'metrics.db'), now: () => now, settings: storeSettings.parse({ commitDelayMs: 1 }) })
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

function accept(seq: number): Promise<string> {
  const group = store.group('a', 'tick')
  store.columns(group, [{ [METRIC_NAME]: 'x', instance: 'a', job: 'node' }])
  return store.accept({ stream: 'a', epoch: 'e', seq, rows: [{ group, at: now + seq, columns: undefined, values: Float64Array.of(seq) }], events: [], facts: [], checks: [] })
}

const read = (): readonly number[] => [...(store.select([matcher(METRIC_NAME, '=', 'x')], now, now + 10)[0]?.values ?? [])]

it('keeps accepted batches waiting until every holder has let go', async () => {
  await accept(1)
  const waited = accept(2)
  const first = store.hold?.()
  const second = store.hold?.()
  const later = accept(3)
  await delay(20)
  expect(read()).toEqual([1])
  first?.()
  await delay(20)
  expect(read()).toEqual([1])
  second?.()
  expect(await Promise.all([waited, later])).toEqual(['stored', 'stored'])
  expect(read()).toEqual([1, 2, 3])
})

it('closes with what waits, hold or not', async () => {
  const release = store.hold?.()
  const waited = accept(1)
  await store.close()
  expect(await waited).toBe('stored')
  release?.()
})
