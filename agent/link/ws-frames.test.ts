import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { type Incoming, FrameError, OPCODE, clientFrame, closePayload, createFrameReader } from './ws-frames.ts'

const runs = { seed, numRuns: scaled(200, 5_000) }
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const mask = hex('37fa213d')

/** Everything that a reader makes of some chunks. */
function readAll(chunks: readonly Uint8Array[], most = 1 << 20): Incoming[] {
  const reader = createFrameReader(most)
  const seen: Incoming[] = []
  // A copy, since what is given out shares the chunk's memory.
  for (const chunk of chunks) reader.push(chunk, (incoming) => seen.push('data' in incoming ? { ...incoming, data: Buffer.from(incoming.data) } : incoming))
  return seen
}
const codeOf = (act: () => unknown): number | undefined => {
  try {
    act()
    return undefined
  } catch (error) {
    if (error instanceof FrameError) return error.code
    throw error
  }
}
/** A server's frame. */
function frame(first: number, payload: Uint8Array): Buffer {
  const { length } = payload
  const head = length < 126 ? Buffer.of(first, length) : length < 65_536 ? Buffer.of(first, 126, length >> 8, length & 255) : Buffer.from([first, 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255])
  return Buffer.concat([head, payload])
}

describe('the examples of RFC 6455 section 5.7', () => {
  const hello = Buffer.from('Hello')
  test('a masked text message and a masked pong', () => {
    expect(clientFrame(OPCODE.text, hello, mask)).toEqual(hex('81 85 37fa213d 7f9f4d5158'))
    expect(clientFrame(OPCODE.pong, hello, mask)).toEqual(hex('8a 85 37fa213d 7f9f4d5158'))
  })
  test('a fragmented unmasked message (binary here), a ping', () => {
    expect(readAll([hex('02 03 48656c'), hex('80 02 6c6f')])).toEqual([{ kind: 'message', data: hello }])
    expect(readAll([hex('89 05 48656c6c6f')])).toEqual([{ kind: 'ping', data: hello }])
  })
  test('256 bytes, 64 KiB', () => {
    expect(readAll([Buffer.concat([hex('82 7e 0100'), Buffer.alloc(256, 7)])])).toEqual([{ kind: 'message', data: Buffer.alloc(256, 7) }])
    expect(readAll([Buffer.concat([hex('82 7f 0000000000010000'), Buffer.alloc(65_536, 7)])])).toEqual([{ kind: 'message', data: Buffer.alloc(65_536, 7) }])
  })
})

test('a client frame of any length is masked byte by byte, with the shortest header', () => {
  for (const length of [0, 1, 2, 3, 4, 5, 125, 126, 127, 65_535, 65_536, 70_001]) {
    const payload = Buffer.from(Array.from({ length }, (_, i) => i & 255))
    const bytes = clientFrame(OPCODE.binary, payload, mask)
    const head = length < 126 ? hex('82').length + 1 : length < 65_536 ? 4 : 10
    expect(bytes.length).toBe(head + 4 + length)
    expect(bytes[0]).toBe(0x82)
    expect((bytes[1] ?? 0) & 0x7f).toBe(length < 126 ? length : length < 65_536 ? 126 : 127)
    expect(Buffer.from(bytes.subarray(head, head + 4))).toEqual(mask)
    expect(Buffer.from(bytes.subarray(head + 4).map((byte, i) => byte ^ (mask[i & 3] ?? 0))).equals(payload)).toBe(true)
  }
})

test('however frames are cut into chunks, the same comes out', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((data) => ({ bytes: frame(0x82, data), gives: [{ kind: 'message', data: Buffer.from(data) }] })),
    fc.uint8Array({ maxLength: 125 }).map((data) => ({ bytes: frame(0x89, data), gives: [{ kind: 'ping', data: Buffer.from(data) }] })),
    fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 2, maxLength: 4 }).map((parts) => ({
      // A pong between the fragments, as a peer may.
      bytes: Buffer.concat(parts.flatMap((part, i) => [frame((i === 0 ? 2 : 0) | (i === parts.length - 1 ? 0x80 : 0), part), ...(i === 0 ? [frame(0x8a, new Uint8Array(0))] : [])])),
      gives: [{ kind: 'pong' }, { kind: 'message', data: Buffer.concat(parts) }],
    })),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.array(fc.nat(2_000), { maxLength: 20 }), (pieces, cuts) => {
      const all = Buffer.concat(pieces.map((one) => one.bytes))
      const places = [...new Set([0, ...cuts.filter((cut) => cut < all.length), all.length])].sort((a, b) => a - b)
      expect(readAll(places.slice(1).map((to, i) => all.subarray(places[i], to)))).toEqual(pieces.flatMap((one) => one.gives))
    }),
    runs,
  )
})

test('garbage ends as a FrameError or waits for more, never otherwise', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 5 }), (chunks) => {
      const code = codeOf(() => readAll(chunks, 1_000))
      expect([undefined, 1002, 1003, 1009]).toContain(code)
    }),
    runs,
  )
})

test.each([
  ['a masked frame', '82 80 00000000', 1002],
  ['a reserved bit', 'c2 00', 1002],
  ['an unknown opcode', '83 00', 1002],
  ['an unknown control opcode', '8b 00', 1002],
  ['a fragmented ping', '09 00', 1002],
  ['a ping of 126 bytes', '89 7e 007e', 1002],
  ['a continuation of nothing', '80 00', 1002],
  ['a message inside another', '02 00 82 00', 1002],
  ['text', '81 00', 1003],
  ['more than is allowed, by its header alone', '82 7e 03e9', 1009],
  ['more than any memory', '82 7f ffffffffffffffff', 1009],
  ['a closing frame of one byte', '88 01 03', 1002],
  ['a closing code that must not be sent', '88 02 03ed', 1002],
])('%s is refused', (_what, bytes, code) => {
  expect(codeOf(() => readAll([hex(bytes)], 1_000))).toBe(code)
})

test('fragments count together, and empty ones are not endless', () => {
  expect(codeOf(() => readAll([frame(0x02, Buffer.alloc(600)), frame(0x80, Buffer.alloc(401))], 1_000))).toBe(1009)
  expect(readAll([frame(0x02, Buffer.alloc(600)), frame(0x80, Buffer.alloc(400))], 1_000)).toHaveLength(1)
})

test('a closing frame says its code and reason, cut at a whole character', () => {
  expect(readAll([frame(0x88, closePayload(1000, '再见'))])).toEqual([{ kind: 'close', code: 1000, reason: '再见' }])
  expect(readAll([hex('88 00')])).toEqual([{ kind: 'close', code: 1005, reason: '' }])
  const long = closePayload(4000, '值'.repeat(60))
  expect(long.length).toBe(125)
  expect(Buffer.from(long.subarray(2)).toString()).toBe('值'.repeat(41))
})
