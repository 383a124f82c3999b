import fc from 'fast-check'
import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { dbusPeer, marshal, message } from '../../test/dbus-peer.ts'
import { scaled, seed } from '../../test/scale.ts'
import { encodeCall } from './dbus-encode.ts'
import { DBusFormatError, type DBusValue, decodeMessage, messageLength } from './dbus.ts'
import { openDBus } from './dbus-call.ts'

const text = fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', '').toWellFormed())

/** A type and a value of it. */
const { typed } = fc.letrec<{ typed: { signature: string; value: DBusValue } }>((tie) => ({
  typed: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.integer({ min: 0, max: 255 }).map((value) => ({ signature: 'y', value })),
    fc.boolean().map((value) => ({ signature: 'b', value })),
    fc.integer({ min: -32768, max: 32767 }).map((value) => ({ signature: 'n', value })),
    fc.integer({ min: 0, max: 65535 }).map((value) => ({ signature: 'q', value })),
    fc.integer().map((value) => ({ signature: 'i', value })),
    fc.nat().map((value) => ({ signature: 'u', value })),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ signature: 'x', value })),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({ signature: 't', value })),
    fc.double({ noNaN: true }).map((value) => ({ signature: 'd', value })),
    text.map((value) => ({ signature: 's', value })),
    tie('typed').map((value) => ({ signature: 'v', value })),
    fc.array(tie('typed'), { minLength: 1, maxLength: 4 }).map((fields) => ({
      signature: `(${fields.map((field) => field.signature).join('')})`,
      value: fields.map((field) => field.value),
    })),
    fc.tuple(tie('typed'), fc.nat({ max: 4 })).map(([item, times]) => ({ signature: `a${item.signature}`, value: Array.from({ length: times }, () => item.value) })),
  ),
}))

const some = message(2, [[5, 'u', 9]], 'a(ssssssouso)', [
  ['a.service', 'b.timer', 'c.socket'].map((name) => [name, 'd', 'loaded', 'active', 'running', '', '/org/freedesktop/systemd1/unit/x', 0, '', '/']),
])

describe('messages', () => {
  it('decode undoes marshalling, in both byte orders', () => {
    fc.assert(
      fc.property(fc.array(typed, { maxLength: 4 }), fc.boolean(), (values, little) => {
        const signature = values.map((value) => value.signature).join('')
        fc.pre(signature.length < 256)
        const body = values.map((value) => value.value)
        expect(decodeMessage(message(2, [[5, 'u', 3]], signature, body, little))).toEqual({ kind: 'return', serial: 77, replySerial: 3, errorName: undefined, body })
      }),
      { seed, numRuns: scaled(500, 20_000) },
    )
  })

  it('what is written is read back', () => {
    const bytes = encodeCall(5, { destination: 'org.x', path: '/org/x', interface: 'org.x.Y', member: 'Get', args: ['名', ''] })
    expect(messageLength(bytes)).toBe(bytes.length)
    expect(decodeMessage(bytes)).toMatchObject({ kind: 'call', serial: 5, body: ['名', ''] })
  })

  it('any broken bytes are refused by DBusFormatError or read, never by another error, a hang or a large allocation', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: some.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 }), fc.nat({ max: some.length }), (changes, cut) => {
        const bytes = Buffer.from(some)
        for (const [at, value] of changes) bytes[at] = value
        for (const given of [bytes, bytes.subarray(0, cut), Buffer.concat([bytes, bytes.subarray(0, cut)])]) {
          try {
            messageLength(given)
            decodeMessage(given)
          } catch (error) {
            expect(error).toBeInstanceOf(DBusFormatError)
          }
        }
      }),
      { seed, numRuns: scaled(5_000, 200_000) },
    )
  })

  it('random bytes and random signatures too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: fc.constantFrom(...Array.from('ybnqiuxtdsogvah(){}Z')), maxLength: 80 }), (noise, signature) => {
        const header = message(2, [[5, 'u', 1], [8, 'g', signature]], '', [])
        header.writeUInt32LE(noise.length, 4)
        for (const bytes of [Buffer.concat([header, noise]), Buffer.from(noise)]) {
          try {
            decodeMessage(bytes)
          } catch (error) {
            expect(error).toBeInstanceOf(DBusFormatError)
          }
        }
      }),
      { seed, numRuns: scaled(5_000, 200_000) },
    )
  })

  it.each([
    ['an array that says it is longer than the message', () => rewritten('u', [1_000_000], 'as')],
    ['an array that ends inside its element', () => rewritten('uu', [3, 7], 'au')],
    ['a boolean of 2', () => rewritten('u', [2], 'b')],
    ['a type nested 40 deep', () => rewritten('y', [1], `${'a'.repeat(40)}y`)],
    ['an empty struct', () => rewritten('y', [1], '()')],
    ['a message of 512 MiB', () => { const bytes = Buffer.from(some); bytes.writeUInt32LE(1 << 29, 4); return bytes }],
  ] as [string, () => Buffer][])('refuses %s', (_, make) => {
    expect(() => decodeMessage(make())).toThrow(DBusFormatError)
  })
})

/** A message whose body was marshalled by one signature and says that it has another. */
function rewritten(as: string, body: DBusValue[], says: string): Buffer {
  const payload = marshal(as, body)
  const header = message(2, [[8, 'g', says]], '', [])
  header.writeUInt32LE(payload.length, 4)
  return Buffer.concat([header, payload])
}

const call = { destination: '', path: '/org/freedesktop/x', interface: 'i', member: 'Get', args: [] }
const live = (): AbortSignal => new AbortController().signal

describe('connection', () => {
  it('greets, matches answers to calls and tells errors by their name', async () => {
    const bus = await openDBus(dbusPeer((member) => (member === 'Get' ? { signature: 's', body: ['yes'] } : { error: 'org.x.No' })), live())
    expect(await Promise.all([bus.call(call), bus.call(call)])).toEqual([['yes'], ['yes']])
    await expect(bus.call({ ...call, member: 'Hello' })).rejects.toThrow('dbus: i.Hello on /org/freedesktop/x: org.x.No: it says no')
    bus.close()
    await expect(bus.call(call)).rejects.toThrow('dbus: closed')
  })

  it('puts a large answer together from its pieces', async () => {
    const names = Array.from({ length: 5_000 }, (_, index) => `unit-${index}.service`)
    const bus = await openDBus(dbusPeer(() => ({ signature: 'as', body: [names] }), 1_000), live())
    expect(await bus.call(call)).toEqual([names])
    bus.close()
  })

  it.each([
    ['a refusal', 'REJECTED KERBEROS\r\n', /greeting was refused/],
    ['an endless greeting', 'x'.repeat(2_000), /greeting without end/],
    ['no D-Bus at all', 'OK 1\r\nHTTP/1.1 400 Bad Request', /no byte order/],
  ])('ends on %s', async (_, sent, why) => {
    const socket = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() })
    const opening = openDBus(socket, live()).then((bus) => bus.call(call))
    socket.push(Buffer.from(sent))
    await expect(opening).rejects.toThrow(why)
    expect(socket.destroyed).toBe(true)
  })

  it('ends every open call when it is given up or cut', async () => {
    const stop = new AbortController()
    const silent = (): Duplex => dbusPeer(() => undefined)
    const socket = silent()
    const bus = await openDBus(socket, stop.signal)
    const open = bus.call({ ...call, member: 'Hello' })
    stop.abort()
    await expect(open).rejects.toThrow('given up')
    const other = silent()
    const second = await openDBus(other, live())
    const cut = second.call(call)
    other.destroy()
    await expect(cut).rejects.toThrow(/closed/)
  })
})
