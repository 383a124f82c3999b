import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { parse } from '../promql/parse.ts'
import type { Work } from '../promql/work.ts'
import type { Querier } from '../store/store.ts'
import { askInSteps } from './ask.ts'
import { takeTurns } from './turns.ts'

const t = 1_700_000_000_000

/** Monotonic milliseconds in the test's hand. */
let ms = 0
const nowMs = (): number => ms

/** Counts turns of the event loop, each of which takes long, until it is stopped. */
function others() {
  const seen = { turns: 0, stop: false }
  void (async () => {
    while (!seen.stop) {
      await nextTurn()
      seen.turns++
      ms += 100
    }
  })()
  return seen
}

it('lets others in between pieces of work, and counts only the work', async () => {
  const turns = takeTurns(nowMs)
  const seen = others()
  function* pieces(): Work<string> {
    for (let count = 0; count < 5; count++) {
      ms += 4
      yield
    }
    ms += 1
    return 'done'
  }
  expect(await turns.run(pieces())).toBe('done')
  expect(seen.turns).toBe(5)
  expect(turns.seconds()).toBe(0.021)
  await turns.yieldIfDue()
  expect(seen.turns).toBe(5)
  ms += 1
  await turns.yieldIfDue()
  expect(seen.turns).toBe(6)
  seen.stop = true
})

it('goes straight through what is short', async () => {
  const seen = others()
  function* short(): Work<number> {
    for (let count = 0; count < 100; count++) yield
    return 1
  }
  expect(await takeTurns(nowMs).run(short(), () => expect.fail('no pause, no hold'))).toBe(1)
  expect(seen.turns).toBe(0)
  seen.stop = true
})

it('shows a rule one state of the data over its pauses, and gives it back when the rule fails', async () => {
  // A writer who is let in during every pause and moves both series together, unless held.
  let value = 0
  let held = 0
  const seen = others()
  const querier: Querier = {
    select(matchers) {
      ms += 4
      if (held === 0) value = seen.turns
      const labels = { __name__: matchers.find(({ name }) => name === '__name__')?.value ?? '', instance: 'a' }
      return [{ labels, times: Float64Array.of(t), values: Float64Array.of(value), stale: undefined }]
    },
  }
  const hold = (): (() => void) => {
    held++
    return () => void held--
  }
  const turns = takeTurns(nowMs)
  const ask = (query: string) => turns.run(askInSteps(parse(query), querier, t, {}), hold)
  expect(await ask('x != y')).toEqual([])
  const before = seen.turns
  expect(await ask('x + y + z')).toMatchObject([{ labels: { instance: 'a' }, value: value * 3 }])
  expect(seen.turns).toBeGreaterThan(before)
  await expect(ask('x / on () (y or label_replace(y, "instance", "b", "", ""))')).rejects.toThrow('duplicate series')
  expect(held).toBe(0)
  seen.stop = true
})
