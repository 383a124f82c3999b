/**
 * One WebSocket message of an agent, from bytes to a checked frame.
 *
 * Three steps, each safe for what the one before let through: `shapeProblem` walks the MessagePack heads without
 * allocating anything (a library decoder reserves an array as soon as it reads its length, so 1 MiB of nested
 * `array32` heads would reserve gigabytes); the library decodes; the schema judges. A batch of samples only, which is
 * nearly every message, has seven scalar or empty fields: those are looked at by hand, which costs a tenth of the schema.
 */
import { Decoder } from '@msgpack/msgpack'
import { type BatchFrame, type FromAgent, PROTOCOL_VERSION, fromAgent } from '../../protocol/messages.ts'

export type Envelope =
  | { readonly kind: 'frame'; readonly frame: FromAgent }
  | { readonly kind: 'bad'; readonly code: 'malformed' | 'version'; readonly why: string; /** The batch it was, where that much was readable. */ readonly seq: number | undefined }

/** batch → define → entry → columns → label set; everything else lies shallower. */
const DEPTH = 6
const MAP_ENTRIES = 128

const decoder = new Decoder()

/** Reads one message. Never throws; the frame may share memory with `bytes`. */
export function readEnvelope(bytes: Uint8Array): Envelope {
  const problem = shapeProblem(bytes)
  if (problem !== undefined) return bad(problem, undefined)
  let value: unknown
  try {
    value = decoder.decode(bytes)
  } catch (error) {
    return bad(error instanceof Error ? error.message : String(error), undefined)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return bad('the message is not a map', undefined)
  if (isPlainBatch(value)) return { kind: 'frame', frame: value }

  const version: unknown = Reflect.get(value, 'version')
  // Before the schema, which knows only the fields of this version.
  if (Reflect.get(value, 't') === 'hello' && typeof version === 'number' && version !== PROTOCOL_VERSION) {
    return { kind: 'bad', code: 'version', why: `this collector speaks version ${PROTOCOL_VERSION}, the agent ${version}`, seq: undefined }
  }
  const parsed = fromAgent.safeParse(value)
  if (parsed.success) return { kind: 'frame', frame: parsed.data }
  const seq: unknown = Reflect.get(value, 'seq')
  const why = parsed.error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.map(String).join('.') || 'message'}: ${issue.message}`)
    .join('; ')
  return bad(why, typeof seq === 'number' && Number.isSafeInteger(seq) && seq >= 0 ? seq : undefined)
}

function bad(why: string, seq: number | undefined): Envelope {
  return { kind: 'bad', code: 'malformed', why: why.slice(0, 500), seq }
}

/** A batch that holds nothing but packed samples: exactly the fields of `batch`, the lists empty. */
function isPlainBatch(value: object): value is BatchFrame {
  const frame = value as Readonly<Record<string, unknown>>
  const seq = frame['seq']
  return (
    frame['t'] === 'batch' &&
    typeof seq === 'number' &&
    Number.isSafeInteger(seq) &&
    seq >= 0 &&
    typeof frame['late'] === 'boolean' &&
    frame['columns'] instanceof Uint8Array &&
    isEmptyList(frame['define']) &&
    isEmptyList(frame['events']) &&
    isEmptyList(frame['facts']) &&
    isEmptyList(frame['checks']) &&
    Object.keys(value).length === 8
  )
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

/**
 * Why these bytes are not one MessagePack value that is safe to decode; undefined when they are. Every length must fit
 * in what follows it, nesting and map sizes are bounded, extension types (none is used) are refused.
 * Format: github.com/msgpack/msgpack/blob/master/spec.md
 */
export function shapeProblem(bytes: Uint8Array): string | undefined {
  const size = bytes.length
  const view = new DataView(bytes.buffer, bytes.byteOffset, size)
  /** Values still to come at each depth. */
  const left = new Float64Array(DEPTH + 1)
  left[0] = 1
  let depth = 0
  let at = 0
  for (;;) {
    while ((left[depth] ?? 0) === 0) {
      if (depth === 0) return at === size ? undefined : `${size - at} bytes after the end of the message`
      depth--
    }
    left[depth] = (left[depth] ?? 0) - 1
    if (at >= size) return 'the message ends too early'
    const head = bytes[at++] ?? 0
    let skip = 0
    let values = 0
    if (head <= 0x7f || head >= 0xe0) skip = 0
    else if (head <= 0x8f) values = (head & 15) * 2
    else if (head <= 0x9f) values = head & 15
    else if (head <= 0xbf) skip = head & 31
    else {
      const lengthBytes = LENGTH_BYTES[head - 0xc0] ?? -1
      if (lengthBytes < 0) return `unknown or unused type 0x${head.toString(16)} at byte ${at - 1}`
      if (at + lengthBytes > size) return 'the message ends too early'
      const length = lengthBytes === 0 ? 0 : lengthBytes === 1 ? view.getUint8(at) : lengthBytes === 2 ? view.getUint16(at) : view.getUint32(at)
      at += lengthBytes
      if (head >= 0xde && length > MAP_ENTRIES) return `a map of ${length} entries`
      if (head >= 0xde) values = length * 2
      else if (head >= 0xdc) values = length
      else skip = FIXED_BYTES[head - 0xc0] ?? length
    }
    if (skip > size - at || values > size - at) return 'a length goes beyond the end of the message'
    at += skip
    if (values > 0) {
      if (depth === DEPTH) return `nested deeper than ${DEPTH}`
      left[++depth] = values
    }
  }
}

/** For heads 0xc0 … 0xdf: bytes of the length that follows, -1 where the type is not used on the link. */
const LENGTH_BYTES = [0, -1, 0, 0, 1, 2, 4, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, 1, 2, 4, 2, 4, 2, 4]
/** Payload bytes where the head alone says so: nil, booleans, floats and integers. */
const FIXED_BYTES: readonly (number | undefined)[] = [0, undefined, 0, 0, undefined, undefined, undefined, undefined, undefined, undefined, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8]
