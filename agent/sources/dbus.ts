/**
 * D-Bus messages as they are read (pure), in both byte orders. Calls are written by `dbus-encode.ts`, the socket is in
 * `dbus-call.ts`. Every length is checked against the bytes that are there and against the limits of the specification
 * before anything is taken.
 * Source: D-Bus Specification 0.43, "Type system", "Marshaling", "Message Protocol".
 */

/** A value as it comes off the wire: 64-bit integers as bigint, arrays and structs as arrays, dictionaries as arrays of pairs. */
export type DBusValue = string | number | bigint | boolean | readonly DBusValue[] | { readonly signature: string; readonly value: DBusValue }

/** The bytes are not D-Bus, or not within its limits. */
export class DBusFormatError extends Error {
  constructor(what: string) {
    super(`dbus: ${what}`)
    this.name = 'DBusFormatError'
  }
}

const MAX_ARRAY_BYTES = 1 << 26
/** The specification allows 128 MiB; nothing systemd says is near that, and the agent's memory is small. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
const MAX_DEPTH = 32

const ALIGNMENT: Readonly<Record<string, number>> = {
  y: 1, g: 1, v: 1, n: 2, q: 2, i: 4, u: 4, b: 4, s: 4, o: 4, a: 4, h: 4, x: 8, t: 8, d: 8, '(': 8, '{': 8,
}

/** End of the single complete type that begins at `at` in `signature`. */
function endOfType(signature: string, at: number, depth = 0): number {
  if (depth > MAX_DEPTH) throw new DBusFormatError('a type is nested too deep')
  const code = signature[at]
  if (code === undefined) throw new DBusFormatError(`the signature ${JSON.stringify(signature)} ends inside a type`)
  if (code === 'a') return endOfType(signature, at + 1, depth + 1)
  if (code === '(' || code === '{') {
    const close = code === '(' ? ')' : '}'
    let position = at + 1
    while (signature[position] !== close) position = endOfType(signature, position, depth + 1)
    if (position === at + 1) throw new DBusFormatError('an empty struct')
    return position + 1
  }
  if (ALIGNMENT[code] === undefined) throw new DBusFormatError(`no such type: ${JSON.stringify(code)}`)
  return at + 1
}

class Reader {
  private at = 0
  private readonly bytes: Buffer
  private readonly little: boolean

  constructor(bytes: Buffer, little: boolean) {
    this.bytes = bytes
    this.little = little
  }

  /** Moves on to a multiple of `alignment`; the bytes in between must be zero. */
  align(alignment: number): void {
    const to = Math.ceil(this.at / alignment) * alignment
    if (to > this.bytes.length) throw new DBusFormatError('padding beyond the end')
    for (; this.at < to; this.at++) if (this.bytes[this.at] !== 0) throw new DBusFormatError('padding that is not zero')
  }

  private take(length: number): number {
    const start = this.at
    if (length > this.bytes.length - start) throw new DBusFormatError(`${length} bytes wanted, ${this.bytes.length - start} left`)
    this.at = start + length
    return start
  }

  private uint32(): number {
    this.align(4)
    const at = this.take(4)
    return this.little ? this.bytes.readUInt32LE(at) : this.bytes.readUInt32BE(at)
  }

  private text(length: number): string {
    const start = this.take(length)
    const end = this.take(1)
    if (this.bytes[end] !== 0) throw new DBusFormatError('a string without its final zero')
    return this.bytes.toString('utf8', start, end)
  }

  private signature(): string {
    return this.text(this.bytes[this.take(1)] ?? 0)
  }

  private array(element: string, depth: number): readonly DBusValue[] {
    const length = this.uint32()
    if (length > MAX_ARRAY_BYTES) throw new DBusFormatError(`an array of ${length} bytes`)
    this.align(ALIGNMENT[element[0] ?? ''] ?? 1)
    const end = this.at + length
    if (end > this.bytes.length) throw new DBusFormatError('an array beyond the end')
    const values: DBusValue[] = []
    while (this.at < end) values.push(this.value(element, depth + 1))
    if (this.at !== end) throw new DBusFormatError('an array element beyond its array')
    return values
  }

  private number(type: string): DBusValue {
    const { bytes, little } = this
    switch (type) {
      case 'y':
        return bytes[this.take(1)] ?? 0
      case 'n': {
        const at = this.take(2)
        return little ? bytes.readInt16LE(at) : bytes.readInt16BE(at)
      }
      case 'q': {
        const at = this.take(2)
        return little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)
      }
      case 'i': {
        const at = this.take(4)
        return little ? bytes.readInt32LE(at) : bytes.readInt32BE(at)
      }
      case 'x': {
        const at = this.take(8)
        return little ? bytes.readBigInt64LE(at) : bytes.readBigInt64BE(at)
      }
      case 't': {
        const at = this.take(8)
        return little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at)
      }
      case 'd': {
        const at = this.take(8)
        return little ? bytes.readDoubleLE(at) : bytes.readDoubleBE(at)
      }
      default:
        throw new DBusFormatError(`no such type: ${JSON.stringify(type)}`)
    }
  }

  /** One value of one complete type. */
  value(type: string, depth = 0): DBusValue {
    if (depth > MAX_DEPTH) throw new DBusFormatError('values are nested too deep')
    const code = type[0] ?? ''
    this.align(ALIGNMENT[code] ?? 1)
    switch (code) {
      case 's':
      case 'o':
        return this.text(this.uint32())
      case 'g':
        return this.signature()
      case 'u':
      case 'h':
        return this.uint32()
      case 'b': {
        const flag = this.uint32()
        if (flag > 1) throw new DBusFormatError(`a boolean of ${flag}`)
        return flag === 1
      }
      case 'v': {
        const signature = this.signature()
        if (endOfType(signature, 0) !== signature.length) throw new DBusFormatError('a variant of more than one type')
        return { signature, value: this.value(signature, depth + 1) }
      }
      case 'a':
        return this.array(type.slice(1), depth)
      case '(':
      case '{':
        return this.values(type.slice(1, -1), depth + 1)
      default:
        return this.number(code)
    }
  }

  /** Values of a signature of any number of types. */
  values(signature: string, depth = 0): readonly DBusValue[] {
    const values: DBusValue[] = []
    for (let at = 0; at < signature.length; ) {
      const end = endOfType(signature, at)
      values.push(this.value(signature.slice(at, end), depth))
      at = end
    }
    return values
  }
}

export type MessageKind = 'call' | 'return' | 'error' | 'signal'
const KINDS: readonly (MessageKind | undefined)[] = [undefined, 'call', 'return', 'error', 'signal']

export interface DBusMessage {
  readonly kind: MessageKind
  readonly serial: number
  /** Serial of the call that this answers. */
  readonly replySerial: number | undefined
  /** Name of the error, of an `error`. */
  readonly errorName: string | undefined
  readonly body: readonly DBusValue[]
}

/** Length of the message that begins `bytes`, bytes; undefined while its first 16 have not come. Throws DBusFormatError. */
export function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length < 16) return undefined
  const little = isLittle(bytes)
  const body = little ? bytes.readUInt32LE(4) : bytes.readUInt32BE(4)
  const fields = little ? bytes.readUInt32LE(12) : bytes.readUInt32BE(12)
  const length = Math.ceil((16 + fields) / 8) * 8 + body
  if (length > MAX_MESSAGE_BYTES) throw new DBusFormatError(`a message of ${length} bytes`)
  return length
}

function isLittle(bytes: Buffer): boolean {
  if (bytes[0] === 0x6c) return true
  if (bytes[0] === 0x42) return false
  throw new DBusFormatError(`no byte order: ${bytes[0]}`)
}

/** Reads one whole message (`messageLength` bytes). Throws DBusFormatError on anything that is not one. */
export function decodeMessage(bytes: Buffer): DBusMessage {
  const length = messageLength(bytes)
  if (length !== bytes.length) throw new DBusFormatError(`a message of ${bytes.length} bytes says it has ${length}`)
  const reader = new Reader(bytes, isLittle(bytes))
  const [, type, , version, , serial, fields] = reader.values('yyyyuua(yv)')
  const kind = typeof type === 'number' ? KINDS[type] : undefined
  if (kind === undefined || version !== 1 || typeof serial !== 'number' || !Array.isArray(fields)) throw new DBusFormatError('no message of version 1')
  reader.align(8)
  const header = new Map<DBusValue, DBusValue>()
  for (const field of fields as readonly DBusValue[]) {
    const [code, variant] = Array.isArray(field) ? (field as readonly DBusValue[]) : []
    if (code !== undefined && typeof variant === 'object' && 'value' in variant) header.set(code, variant.value)
  }
  const replySerial = header.get(5)
  const errorName = header.get(4)
  const signature = header.get(8) ?? ''
  if (typeof signature !== 'string') throw new DBusFormatError('a signature that is no text')
  return {
    kind,
    serial,
    replySerial: typeof replySerial === 'number' ? replySerial : undefined,
    errorName: typeof errorName === 'string' ? errorName : undefined,
    body: reader.values(signature),
  }
}
