/**
 * Reading and writing packed bytes: little-endian numbers, LEB128 varints up to 2^53, length-prefixed UTF-8. A record
 * and functions instead of a class, so the hot loops of `column.ts` can work on `bytes` and `pos` directly.
 */
export interface Writer {
  bytes: Uint8Array<ArrayBuffer>
  view: DataView
  pos: number
}

/** A writer that grows; `written` gives what was put. */
export function createWriter(capacity: number): Writer {
  const bytes = new Uint8Array(capacity)
  return { bytes, view: new DataView(bytes.buffer), pos: 0 }
}

/** Makes room for `count` more bytes. */
export function reserve(out: Writer, count: number): void {
  const need = out.pos + count
  if (need <= out.bytes.length) return
  const bytes = new Uint8Array(Math.max(need, Math.ceil(out.bytes.length * 1.5)))
  bytes.set(out.bytes.subarray(0, out.pos))
  out.bytes = bytes
  out.view = new DataView(bytes.buffer)
}

/** What was written so far, as a view that the next write may change. */
export function written(out: Writer): Uint8Array {
  return out.bytes.subarray(0, out.pos)
}

/** Appends one byte. */
export function putByte(out: Writer, value: number): void {
  reserve(out, 1)
  out.bytes[out.pos++] = value
}

/** Appends a whole number from 0 to 2^53 - 1 in 1 to 8 bytes. */
export function putVarint(out: Writer, value: number): void {
  reserve(out, 8)
  let rest = value
  while (rest > 127) {
    out.bytes[out.pos++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  out.bytes[out.pos++] = rest
}

/** Appends an unsigned 32-bit number. */
export function putU32(out: Writer, value: number): void {
  reserve(out, 4)
  out.view.setUint32(out.pos, value, true)
  out.pos += 4
}

/** Appends a float64. Times and counts only: a NaN's payload may change on the way. */
export function putF64(out: Writer, value: number): void {
  reserve(out, 8)
  out.view.setFloat64(out.pos, value, true)
  out.pos += 8
}

/** Appends bytes as they are, without a length. */
export function putBytes(out: Writer, bytes: Uint8Array): void {
  reserve(out, bytes.length)
  out.bytes.set(bytes, out.pos)
  out.pos += bytes.length
}

/** Appends UTF-8 with its length in front. */
export function putText(out: Writer, text: string): void {
  const bytes = Buffer.from(text, 'utf8')
  putVarint(out, bytes.length)
  putBytes(out, bytes)
}

export interface Reader {
  readonly bytes: Uint8Array
  readonly view: DataView
  pos: number
}

/** Reads from the start of `bytes`. Every get below throws RangeError where the bytes end too early. */
export function createReader(bytes: Uint8Array): Reader {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), pos: 0 }
}

export function getByte(input: Reader): number {
  const value = input.bytes[input.pos++]
  if (value === undefined) throw new RangeError(`bytes end at ${input.bytes.length}`)
  return value
}

/** Reads what `putVarint` wrote; more than eight bytes are refused. */
export function getVarint(input: Reader): number {
  let value = 0
  let scale = 1
  for (let count = 0; count < 8; count++) {
    const byte = getByte(input)
    value += (byte & 127) * scale
    if (byte < 128) return value
    scale *= 128
  }
  throw new RangeError(`varint too long at byte ${input.pos}`)
}

export function getU32(input: Reader): number {
  const value = input.view.getUint32(input.pos, true)
  input.pos += 4
  return value
}

export function getF64(input: Reader): number {
  const value = input.view.getFloat64(input.pos, true)
  input.pos += 8
  return value
}

/** A view of the next `count` bytes. */
export function getBytes(input: Reader, count: number): Uint8Array {
  const end = input.pos + count
  if (end > input.bytes.length) throw new RangeError(`bytes end at ${input.bytes.length}, ${end} wanted`)
  const bytes = input.bytes.subarray(input.pos, end)
  input.pos = end
  return bytes
}

export function getText(input: Reader): string {
  const bytes = getBytes(input, getVarint(input))
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}
