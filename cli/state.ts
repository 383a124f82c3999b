import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openState } from '../collector/state/open.ts'
import type { State } from '../collector/state/open.ts'

/** Who acts, for the audit log: the user of this shell. */
export const shellActor = (): string => `shell:${process.getuid?.() ?? ''}`

/** Works on a home's state.db, beside a running collector: the file takes several processes. Throws where there is none yet. */
export async function withState<T>(home: string, now: number, work: (state: State) => Promise<T>): Promise<T> {
  if (!existsSync(join(home, 'state.db'))) throw new Error(`${home}: no collector has been started here`)
  const state = await openState(join(home, 'state.db'), now)
  try {
    return await work(state)
  } finally {
    await state.close()
  }
}
