import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_MESSAGE_BYTES } from '../../protocol/messages.ts'
import { scaled, seed } from '../../test/scale.ts'
import { readEnvelope, shapeProblem } from './envelope.ts'

const plain = { t: 'batch', seq: 7, late: false, define: [], columns: Uint8Array.of(1, 2, 3), events: [], facts: [], checks: [] }
const hello = {
  t: 'hello',
  version: 1,
  agent: { version: '0.1.0', node: 'v16.20.2', pid: 5 },
  host: { hostname: 'web-01', machineId: 'm', bootId: 'b' },
  epoch: 'e1',
  next: 1,
  delivery: { kind: 'live', periodMs: 0 },
  intervalMs: 15_000,
  at: 1_790_000_000_000,
}

/** `depth` one-element arrays around nil. */
const nested = (depth: number): Uint8Array => Uint8Array.from({ length: depth + 1 }, (_, index) => (index === depth ? 0xc0 : 0x91))

describe('well-formed frames', () => {
  test.each([
    ['a batch of samples only', plain],
    ['a batch with everything', { ...plain, late: true, define: [{ group: 'tick', columns: [{ __name__: 'up' }] }], events: [{ kind: 'log', rule: 'r', severity: 'critical', at: 1, text: '坏了', labels: { unit: 'x' } }], facts: [{ name: 'os', at: 1, json: '{}' }], checks: [{ check: 'c', at: 1, verdict: 'ok', text: '' }] }],
    ['hello', hello],
    ['bye', { t: 'bye', why: 'restart', backWithinMs: 60_000 }],
    ['renew', { t: 'renew', publicKey: 'pem', proof: Uint8Array.of(9) }],
  ])('%s', (_, frame) => {
    const read = readEnvelope(encode(frame))
    if (read.kind === 'bad') throw new Error(read.why)
    expect({ ...read.frame }).toEqual(frame)
  })
})

describe('refused, with the reason', () => {
  test.each<[string, Uint8Array, string, RegExp, number | undefined]>([
    ['nothing', new Uint8Array(0), 'malformed', /too early/, undefined],
    ['not a map', encode([1, 2]), 'malformed', /not a map/, undefined],
    ['a number', encode(5), 'malformed', /not a map/, undefined],
    ['an unknown frame', encode({ t: 'exec', command: 'x' }), 'malformed', /./, undefined],
    ['no type', encode({}), 'malformed', /./, undefined],
    ['another version, whatever else it says', encode({ ...hello, version: 2, novelty: true }), 'version', /version 1, the agent 2/, undefined],
    ['an extra field', encode({ ...plain, more: 1 }), 'malformed', /./, 7],
    ['a missing field', encode({ t: 'batch', seq: 7, late: false }), 'malformed', /./, 7],
    ['columns that are text', encode({ ...plain, columns: 'abc' }), 'malformed', /columns/, 7],
    ['a negative number', encode({ ...plain, seq: -1 }), 'malformed', /seq/, undefined],
    ['a fraction for a number', encode({ ...plain, seq: 1.5 }), 'malformed', /seq/, undefined],
    ['a time beyond all dates', encode({ ...plain, events: [{ kind: 'log', rule: '', severity: 'info', at: 9e15, text: '', labels: {} }] }), 'malformed', /events\.0\.at/, 7],
    ['a label that is a number', encode({ ...plain, define: [{ group: 'tick', columns: [{ __name__: 5 }] }] }), 'malformed', /define\.0\.columns\.0/, 7],
    ['a text beyond its limit', encode({ ...plain, events: [{ kind: 'log', rule: '', severity: 'info', at: 1, text: 'x'.repeat(20_000), labels: {} }] }), 'malformed', /text/, 7],
    ['a polluting key', encode(JSON.parse('{"t":"batch","__proto__":{"x":1}}')), 'malformed', /./, undefined],
    ['a tail', Uint8Array.from([...encode(plain), 0]), 'malformed', /1 bytes after the end/, undefined],
    ['an extension type', Uint8Array.of(0xd6, 0xff, 0, 0, 0, 0), 'malformed', /0xd6/, undefined],
    ['the byte that is never used', Uint8Array.of(0xc1), 'malformed', /0xc1/, undefined],
    ['an array of four billion', Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff), 'malformed', /beyond the end/, undefined],
    ['a map of four billion', Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff), 'malformed', /a map of/, undefined],
    ['a text of four billion', Uint8Array.of(0xdb, 0xff, 0xff, 0xff, 0xff), 'malformed', /beyond the end/, undefined],
    ['a million levels', nested(MAX_MESSAGE_BYTES - 1), 'malformed', /nested deeper/, undefined],
  ])('%s', (_, bytes, code, why, seq) => {
    const read = readEnvelope(bytes)
    expect(read).toMatchObject({ kind: 'bad', code, seq })
    expect(read.kind === 'bad' && read.why).toMatch(why)
  })

  test('nested array heads reserve no memory', () => {
    // Each claims as many elements as bytes follow: a decoder that believes them reserves gigabytes.
    const bytes = new Uint8Array(MAX_MESSAGE_BYTES)
    const view = new DataView(bytes.buffer)
    for (let at = 0; at + 5 <= bytes.length; at += 5) {
      bytes[at] = 0xdd
      view.setUint32(at + 1, Math.max(0, bytes.length - at - 5))
    }
    const before = process.memoryUsage().heapUsed
    expect(readEnvelope(bytes).kind).toBe('bad')
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(16 * 1024 * 1024)
  })
})

describe('fuzz', () => {
  const json = fc.json({ maxDepth: 4 }).map((text) => JSON.parse(text) as unknown)

  test('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['frame', 'bad']).toContain(readEnvelope(bytes).kind)
      }),
      { seed, numRuns: scaled(3_000, 100_000) },
    )
  })

  test('every truncation of a good frame is refused', () => {
    for (const frame of [plain, hello]) {
      const bytes = encode(frame)
      for (let length = 0; length < bytes.length; length++) expect(readEnvelope(bytes.subarray(0, length)).kind).toBe('bad')
    }
  })

  test('a good frame with flipped bytes is refused or still within the schema', () => {
    const good = encode({ ...plain, define: [{ group: 'tick', columns: [{ __name__: 'a', b: 'c' }] }] })
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }), (flips) => {
        const bytes = good.slice()
        for (const [at, by] of flips) bytes[at]! ^= by
        const read = readEnvelope(bytes)
        if (read.kind === 'bad') return
        expect(read.frame.t).toBe('batch')
        if (read.frame.t === 'batch') expect(Number.isSafeInteger(read.frame.seq) && read.frame.columns instanceof Uint8Array).toBe(true)
      }),
      { seed, numRuns: scaled(2_000, 50_000) },
    )
  })

  test('any value in any field is refused or fits', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(plain)), json, (field, value) => {
        const read = readEnvelope(encode({ ...plain, [field]: value }))
        if (read.kind === 'frame' && read.frame.t === 'batch') expect(Array.isArray(read.frame.events) && typeof read.frame.late === 'boolean').toBe(true)
      }),
      { seed, numRuns: scaled(2_000, 50_000) },
    )
  })

  test('the walk over the heads agrees with the library on what is one whole value', () => {
    fc.assert(
      fc.property(fc.oneof(json, fc.double(), fc.maxSafeInteger(), fc.uint8Array({ maxLength: 400 }), fc.string({ maxLength: 400 }), fc.array(fc.integer(), { maxLength: 40 })), (value) => {
        const problem = shapeProblem(encode(value))
        if (problem !== undefined) expect(problem).toMatch(/nested deeper/)
      }),
      { seed, numRuns: scaled(2_000, 50_000) },
    )
  })
})
