/**
 * The program that the contract's crash test kills: writes numbered batches into the store named by its argument and
 * prints each number once it is durable. Batch n holds one row of group `tick` at START + n s with value n in column 0,
 * every fifth one also a late row, and one event; chunks, trimming and age are made frequent by the settings.
 */
import { openStore } from './open-store.ts'
import { storeSettings } from './settings.ts'

/** Time of batch 0. */
export const CRASH_START = 1_790_000_000_000

/** Settings under which everything the store does happens within a second. */
export const crashSettings = storeSettings.parse({ commitDelayMs: 1, sealAgeMs: 60_000, sealCells: 2_000, lowBytes: 0, floorBytes: 0 })

/** Writes until killed. */
export async function writeUntilKilled(path: string): Promise<void> {
  let now = CRASH_START
  const store = openStore({ path, now: () => now, settings: crashSettings })
  const group = store.group('host', 'tick')
  store.columns(group, [0, 1, 2].map((n) => ({ __name__: 'metric', n: String(n) })))
  let seq = store.accepted('host', 'e').at(-1)?.[1] ?? 0
  for (;;) {
    const batches = Array.from({ length: 1 + (seq % 7) }, () => {
      const number = ++seq
      now = CRASH_START + number * 1_000
      const rows = [{ group, at: now, columns: undefined, values: Float64Array.of(number, number / 4, -number) }]
      if (number % 5 === 0) rows.push({ group, at: now - 1_500, columns: undefined, values: Float64Array.of(number - 1.5) })
      const event = { kind: 'written', rule: '', severity: 'info', at: now, text: String(number), labels: {} } as const
      return store.accept({ stream: 'host', epoch: 'e', seq: number, rows, events: [event], facts: [], checks: [] }).then(() => process.stdout.write(`${number}\n`))
    })
    await Promise.all(batches)
    store.maintain(now)
  }
}

const path = process.argv[2]
if (import.meta.main && path !== undefined) await writeUntilKilled(path)
