/** Samples that the collector writes about itself, every quarter of a minute, into its own stream of the store. */
import { randomUUID } from 'node:crypto'
import type { Labels } from '../protocol/series.ts'
import type { Store } from './store/store.ts'

export interface OwnSample {
  readonly labels: Labels
  readonly value: number
}

/** Labels of every series of the collector that says nothing else: one about a host carries that host's `instance`. */
export const ownLabels = { instance: 'collector', job: 'zhishou-collector' } as const

/** Returns what stores one set of samples at `now`; a series that is left out is stale from then on. */
export function ownSampleWriter(store: Pick<Store, 'group' | 'columns' | 'accept'>): (samples: readonly OwnSample[], now: number) => Promise<void> {
  const epoch = `self-${randomUUID()}`
  let seq = 0
  return async (samples, now) => {
    const group = store.group('collector', 'self')
    const columns = store.columns(group, samples.map(({ labels }) => ({ ...ownLabels, ...labels })))
    seq++
    await store.accept({ stream: 'collector', epoch, seq, rows: [{ group, at: now, columns, values: Float64Array.from(samples, ({ value }) => value) }], events: [], facts: [], checks: [] })
  }
}
