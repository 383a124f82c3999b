import { Duplex } from 'node:stream'
import { type DBusValue, decodeMessage, messageLength } from '../agent/sources/dbus.ts'

const ALIGNMENT: Record<string, number> = { y: 1, g: 1, v: 1, n: 2, q: 2, i: 4, u: 4, b: 4, s: 4, o: 4, a: 4, h: 4, x: 8, t: 8, d: 8, '(': 8, '{': 8 }

function split(signature: string): string[] {
  const types: string[] = []
  for (let at = 0; at < signature.length; ) {
    let end = at
    while (signature[end] === 'a') end++
    let depth = 0
    do {
      if ('({'.includes(signature[end]!)) depth++
      if (')}'.includes(signature[end]!)) depth--
      end++
    } while (depth > 0)
    types.push(signature.slice(at, end))
    at = end
  }
  return types
}

/** Marshals any value, in either byte order: what the product only reads. Written apart from it, on purpose. */
export function marshal(signature: string, values: readonly DBusValue[], little = true, offset = 0): Buffer {
  const bytes: number[] = []
  const align = (to: number): void => {
    while ((offset + bytes.length) % to !== 0) bytes.push(0)
  }
  const put = (size: number, write: (buffer: Buffer) => void): void => {
    const buffer = Buffer.alloc(size)
    write(buffer)
    bytes.push(...buffer)
  }
  const uint = (value: number): void => {
    align(4)
    put(4, (buffer) => (little ? buffer.writeUInt32LE(value) : buffer.writeUInt32BE(value)))
  }
  const one = (type: string, value: DBusValue): void => {
    align(ALIGNMENT[type[0]!]!)
    const number = value as number
    switch (type.charAt(0)) {
      case 'y':
        return void bytes.push(number)
      case 'b':
        return uint(value === true ? 1 : 0)
      case 'n':
        return put(2, (buffer) => (little ? buffer.writeInt16LE(number) : buffer.writeInt16BE(number)))
      case 'q':
        return put(2, (buffer) => (little ? buffer.writeUInt16LE(number) : buffer.writeUInt16BE(number)))
      case 'i':
        return put(4, (buffer) => (little ? buffer.writeInt32LE(number) : buffer.writeInt32BE(number)))
      case 'u':
      case 'h':
        return uint(number)
      case 'x':
        return put(8, (buffer) => (little ? buffer.writeBigInt64LE(value as bigint) : buffer.writeBigInt64BE(value as bigint)))
      case 't':
        return put(8, (buffer) => (little ? buffer.writeBigUInt64LE(value as bigint) : buffer.writeBigUInt64BE(value as bigint)))
      case 'd':
        return put(8, (buffer) => (little ? buffer.writeDoubleLE(number) : buffer.writeDoubleBE(number)))
      case 's':
      case 'o': {
        const text = Buffer.from(value as string)
        uint(text.length)
        return void bytes.push(...text, 0)
      }
      case 'g':
        return void bytes.push((value as string).length, ...Buffer.from(value as string), 0)
      case 'v': {
        const variant = value as { signature: string; value: DBusValue }
        one('g', variant.signature)
        return one(variant.signature, variant.value)
      }
      case 'a': {
        uint(0)
        const lengthAt = bytes.length - 4
        align(ALIGNMENT[type[1]!]!)
        const start = bytes.length
        for (const item of value as readonly DBusValue[]) one(type.slice(1), item)
        const length = Buffer.alloc(4)
        if (little) length.writeUInt32LE(bytes.length - start)
        else length.writeUInt32BE(bytes.length - start)
        bytes.splice(lengthAt, 4, ...length)
        return
      }
      default:
        split(type.slice(1, -1)).forEach((inner, index) => one(inner, (value as readonly DBusValue[])[index]!))
    }
  }
  split(signature).forEach((type, index) => one(type, values[index]!))
  return Buffer.from(bytes)
}

/** A whole message. `fields`: header fields by code, as variants. */
export function message(type: number, fields: readonly (readonly [number, string, DBusValue])[], signature: string, body: readonly DBusValue[], little = true): Buffer {
  const payload = marshal(signature, body, little)
  const all = signature === '' ? fields : [...fields, [8, 'g', signature] as const]
  const header = marshal(
    'yyyyuua(yv)',
    [little ? 0x6c : 0x42, type, 0, 1, payload.length, 77, all.map(([code, kind, value]) => [code, { signature: kind, value }])],
    little,
  )
  return Buffer.concat([header, Buffer.alloc((8 - (header.length % 8)) % 8), payload])
}

/** How a peer answers one call, by its method and arguments: a reply, or the name of an error. */
export type Answer = { readonly signature: string; readonly body: readonly DBusValue[] } | { readonly error: string }

/** One end of a D-Bus connection whose other end answers from `answer` (undefined: never). `chunk` cuts what it sends into small pieces. */
export function dbusPeer(answer: (member: string, args: readonly DBusValue[], path: string) => Answer | undefined, chunk = 7): Duplex {
  let greeted = false
  let received = Buffer.alloc(0)
  const send = (bytes: Buffer): void => {
    for (let at = 0; at < bytes.length; at += chunk) socket.push(bytes.subarray(at, at + chunk))
  }
  const socket: Duplex = new Duplex({
    read: () => undefined,
    write(bytes: Buffer, _encoding, done) {
      received = Buffer.concat([received, bytes])
      if (!greeted) {
        const text = received.toString('latin1')
        if (text === '\0AUTH EXTERNAL\r\n') send(Buffer.from('DATA\r\n'))
        else if (text.endsWith('DATA\r\n')) send(Buffer.from('OK 0123456789abcdef\r\n'))
        const begin = received.indexOf('BEGIN\r\n')
        if (begin === -1) return done()
        greeted = true
        received = received.subarray(begin + 7)
      }
      for (let length = messageLength(received); length !== undefined && received.length >= length; length = messageLength(received)) {
        const bytesOfCall = received.subarray(0, length)
        received = received.subarray(length)
        const call = decodeMessage(bytesOfCall)
        const text = bytesOfCall.toString('latin1')
        const path = /\/org\/freedesktop\/[\w/]*/.exec(text)![0]
        const member = ['ListUnits', 'GetAll', 'Get', 'Hello'].find((name) => text.includes(`\0${name}\0`))!
        const reply = answer(member, call.body, path)
        if (reply === undefined) continue
        if ('error' in reply) send(message(3, [[5, 'u', call.serial], [4, 's', reply.error]], 's', ['it says no']))
        else send(message(2, [[5, 'u', call.serial]], reply.signature, reply.body))
      }
      done()
    },
  })
  return socket
}
