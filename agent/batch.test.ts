import { encode } from '@msgpack/msgpack'
import { describe, expect, it } from 'vitest'
import { batch, MAX_MESSAGE_BYTES } from '../protocol/messages.ts'
import type { Labels } from '../protocol/series.ts'
import { createBatcher, type ReadingBody } from './batch.ts'
import { createFramer } from './link/frame.ts'

const empty: ReadingBody = { rows: [], events: [], facts: [], checks: [] }

/** Every message the bodies of a reading become, each as the first of a connection: the largest it can be. */
function messages(reading: ReadingBody, columns: readonly Labels[]) {
  const batcher = createBatcher(() => columns)
  const { bodies, tooLarge } = batcher.split(reading)
  const framed = bodies.map((body, i) => createFramer().frame({ batch: { seq: i + 1, ...body }, columns: batcher.columns }, false))
  return { bodies, tooLarge, framed, batcher }
}

describe('batches', () => {
  it('are one for an ordinary reading, and none for an empty one', () => {
    const columns = [{ __name__: 'a' }, { __name__: 'b' }]
    const { bodies } = messages({ ...empty, rows: [{ group: 'tick', at: 1, values: Float64Array.of(1, 2) }] }, columns)
    expect(bodies).toEqual([{ ...empty, rows: [{ group: 'tick', at: 1, values: Float64Array.of(1, 2) }] }])
    expect(messages(empty, columns).bodies).toEqual([])
  })

  it('fit a message each, however wide the machine', () => {
    const columns = Array.from({ length: 30_000 }, (_, i) => ({ __name__: 'node_network_receive_bytes_total', device: `veth${i}`, unit: 'x'.repeat(40) }))
    const values = Float64Array.from(columns, () => Math.random())
    const { framed, bodies, batcher } = messages({ ...empty, rows: [{ group: 'tick', at: 1, values }] }, columns)
    expect(framed.length).toBeGreaterThan(1)
    for (const bytes of framed) expect(bytes.length).toBeLessThanOrEqual(MAX_MESSAGE_BYTES)
    const seen = bodies.flatMap((body) => body.rows.flatMap((row) => [...row.values].map((value, i) => [batcher.columns(row.group)[i]!['device'], value])))
    expect(seen).toEqual(columns.map((labels, i) => [labels.device, values[i]]))
    // A column keeps its place when others come.
    const again = batcher.split({ ...empty, rows: [{ group: 'tick', at: 2, values: values.subarray(0, 100) }] })
    expect(again.bodies[0]!.rows.map((row) => [row.group, row.values.length])).toEqual([['tick', 100]])
  })

  it('fit the collector’s schema, whatever the sources say', () => {
    const long = '长'.repeat(40_000)
    const { framed, tooLarge, bodies } = messages(
      {
        rows: [],
        events: Array.from({ length: 100 }, () => ({ kind: '', rule: long, severity: 'info' as const, at: Number.NaN, text: long, labels: { [long]: long } })),
        facts: [
          { name: 'big', at: 1, json: 'x'.repeat(600_000) },
          { name: 'good', at: -5, json: 'x'.repeat(500_000) },
        ],
        checks: [{ check: '', at: 1.5, verdict: 'ok', text: long }],
      },
      [],
    )
    expect(tooLarge).toBe(1)
    for (const [i, bytes] of framed.entries()) {
      expect(bytes.length).toBeLessThanOrEqual(MAX_MESSAGE_BYTES)
      const { rows: _rows, ...rest } = bodies[i]!
      expect(batch.safeParse({ t: 'batch', seq: 1, late: false, define: [], columns: new Uint8Array(0), ...rest }).error).toBeUndefined()
    }
    expect(bodies.flatMap((body) => body.events)).toHaveLength(100)
    expect(encode(bodies[0]).length).toBeGreaterThan(0)
  })
})
