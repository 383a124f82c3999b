/** D-Bus method calls as bytes, little-endian (pure). Source: D-Bus Specification, "Marshaling", "Message Protocol". */

class Writer {
  private readonly parts: Buffer[] = []
  length = 0

  raw(bytes: Buffer): void {
    this.parts.push(bytes)
    this.length += bytes.length
  }

  align(alignment: number): void {
    const padding = (alignment - (this.length % alignment)) % alignment
    if (padding > 0) this.raw(Buffer.alloc(padding))
  }

  byte(value: number): void {
    this.raw(Buffer.from([value]))
  }

  uint32(value: number): void {
    this.align(4)
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(value)
    this.raw(bytes)
  }

  text(value: string): void {
    const bytes = Buffer.from(value, 'utf8')
    this.uint32(bytes.length)
    this.raw(bytes)
    this.byte(0)
  }

  signature(value: string): void {
    const bytes = Buffer.from(value, 'latin1')
    this.byte(bytes.length)
    this.raw(bytes)
    this.byte(0)
  }

  bytes(): Buffer {
    return Buffer.concat(this.parts)
  }
}

/** A method call. Arguments are strings, the only kind that reading needs. */
export interface DBusCall {
  readonly destination: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly args: readonly string[]
}

/** The bytes of a method call, serial at least 1. */
export function encodeCall(serial: number, call: DBusCall): Buffer {
  const body = new Writer()
  for (const argument of call.args) body.text(argument)
  const fields = new Writer()
  const field = (code: number, type: 'o' | 's', value: string): void => {
    fields.align(8)
    fields.byte(code)
    fields.signature(type)
    fields.text(value)
  }
  field(1, 'o', call.path)
  field(2, 's', call.interface)
  field(3, 's', call.member)
  // On systemd's private socket there is no bus and so nobody to address.
  if (call.destination !== '') field(6, 's', call.destination)
  if (call.args.length > 0) {
    fields.align(8)
    fields.byte(8)
    fields.signature('g')
    fields.signature('s'.repeat(call.args.length))
  }
  const message = new Writer()
  message.raw(Buffer.from([0x6c, 1, 0, 1]))
  message.uint32(body.length)
  message.uint32(serial)
  message.uint32(fields.length)
  message.raw(fields.bytes())
  message.align(8)
  message.raw(body.bytes())
  return message.bytes()
}
