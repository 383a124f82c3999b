import { describe, expect, it } from 'vitest'
import type { Labels } from '../protocol/series.ts'
import type { Store } from './store/store.ts'
import { ownSampleWriter } from './self-samples.ts'

describe('the collector’s own samples', () => {
  it('carry its labels, but one about a host is that host’s', async () => {
    const columns: Labels[] = []
    const values: number[] = []
    const store: Pick<Store, 'group' | 'columns' | 'accept'> = {
      group: () => 0 as ReturnType<Store['group']>,
      columns(_, labels) {
        columns.push(...labels)
        return Int32Array.from(labels.keys()) as unknown as ReturnType<Store['columns']>
      },
      accept(batch) {
        for (const row of batch.rows) values.push(...row.values)
        return Promise.resolve({ kind: 'stored' }) as unknown as ReturnType<Store['accept']>
      },
    }
    await ownSampleWriter(store)([
      { labels: { __name__: 'zhishou_service_member', service: 'portal', instance: 'web-01' }, value: 1 },
      { labels: { __name__: 'zhishou_service_member', service: 'portal', instance: 'web-02' }, value: 2 },
      { labels: { __name__: 'zhishou_guard_active', service: 'portal' }, value: 0 },
    ], 1_000)
    expect(columns).toEqual([
      { __name__: 'zhishou_service_member', service: 'portal', instance: 'web-01', job: 'zhishou-collector' },
      { __name__: 'zhishou_service_member', service: 'portal', instance: 'web-02', job: 'zhishou-collector' },
      { __name__: 'zhishou_guard_active', service: 'portal', instance: 'collector', job: 'zhishou-collector' },
    ])
    expect(values).toEqual([1, 2, 0])
  })
})
