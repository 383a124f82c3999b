/**
 * The client's side of WebSocket framing, as far as the link needs it: whole binary messages out, binary messages in,
 * pings, pongs and the closing handshake, no extension. Pure but for the masks, whose bytes are drawn by the caller.
 *
 * ```
 * byte 0   FIN | RSV1 RSV2 RSV3 | opcode (4)          0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong
 * byte 1   MASK | length (7)                          126: 16 bits follow, 127: 64 bits follow (both big-endian)
 * client   4 bytes of mask, then the payload with byte i xor mask[i % 4]; a server's frames have no mask
 * ```
 * Source: RFC 6455 section 5.
 */

const FIN = 0x80
const MASK = 0x80
const CONTROL = 0x08
/** RFC 6455 section 5.5: what a control frame may hold. */
const CONTROL_BYTES = 125
/** Room for the longest header, so that the payload behind it lies on whole words. */
const HEAD_BYTES = 16

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** Close codes that this side sends (RFC 6455 section 7.4.1). */
export const CLOSE = { normal: 1000, protocol: 1002, unsupported: 1003, tooLarge: 1009 } as const

/** What the peer sent that it must not; `code` is what the closing frame says of it. */
export class FrameError extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(`websocket: ${message}`)
    this.name = 'FrameError'
    this.code = code
  }
}

/**
 * One unfragmented frame from a client. `mask` is four bytes, drawn anew for each frame; it is xored in by words, because
 * a batch has some thousand bytes and the agent's code is interpreted.
 */
export function clientFrame(opcode: number, payload: Uint8Array, mask: Uint8Array): Uint8Array {
  const { length } = payload
  const words = (length + 3) >> 2
  const bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + words * 4)
  bytes.set(payload, HEAD_BYTES)
  const head = length < 126 ? 6 : length < 65_536 ? 8 : 14
  const from = HEAD_BYTES - head
  bytes[from] = FIN | opcode
  if (length < 126) bytes[from + 1] = MASK | length
  else if (length < 65_536) {
    bytes[from + 1] = MASK | 126
    bytes.writeUInt16BE(length, from + 2)
  } else {
    bytes[from + 1] = MASK | 127
    bytes.writeUInt32BE(0, from + 2)
    bytes.writeUInt32BE(length, from + 6)
  }
  bytes.set(mask, HEAD_BYTES - 4)
  // Both sides of the xor are read in this machine's own byte order, so it does not matter which that is.
  const all = new Int32Array(bytes.buffer, bytes.byteOffset, HEAD_BYTES / 4 + words)
  const key = all[HEAD_BYTES / 4 - 1] ?? 0
  for (let i = HEAD_BYTES / 4; i < all.length; i++) all[i] = (all[i] ?? 0) ^ key
  return bytes.subarray(from, HEAD_BYTES + length)
}

/** Payload of a closing frame: the code, and as much of the reason as fits. */
export function closePayload(code: number, reason: string): Uint8Array {
  const payload = Buffer.allocUnsafe(CONTROL_BYTES)
  payload.writeUInt16BE(code, 0)
  // write() never cuts a character in two.
  return payload.subarray(0, 2 + payload.write(reason, 2, 'utf8'))
}

/** What the server said, a message put together from its fragments. `data` may share the memory of the chunk it came in. */
export type Incoming =
  | { readonly kind: 'message'; readonly data: Uint8Array }
  | { readonly kind: 'ping'; readonly data: Uint8Array }
  | { readonly kind: 'pong' }
  /** 1005: the frame named no code. */
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }

export interface FrameReader {
  /**
   * Takes bytes as they come and calls `visit` for everything that is now whole. Throws FrameError; nothing more may be
   * pushed after that.
   */
  push(chunk: Uint8Array, visit: (incoming: Incoming) => void): void
}

interface Head {
  readonly final: boolean
  readonly opcode: number
  readonly length: number
  /** Bytes of the header itself. */
  readonly bytes: number
}

/** The header at the beginning of `bytes`; undefined while it is not all there. */
function readHead(bytes: Buffer, maxMessageBytes: number): Head | undefined {
  const [first, second] = bytes
  if (first === undefined || second === undefined) return undefined
  if ((first & 0x70) !== 0) throw new FrameError(CLOSE.protocol, 'a reserved bit is set, and no extension was agreed on')
  if ((second & MASK) !== 0) throw new FrameError(CLOSE.protocol, 'a frame from the server is masked')
  const final = (first & FIN) !== 0
  const opcode = first & 0x0f
  const short = second & 0x7f
  if ((opcode & CONTROL) !== 0 && (!final || short > CONTROL_BYTES)) throw new FrameError(CLOSE.protocol, 'a control frame is fragmented or too long')
  const size = short < 126 ? 2 : short === 126 ? 4 : 10
  if (bytes.length < size) return undefined
  // The upper half of 64 bits counts in pieces of 4 GiB; as a float it cannot overflow, and any of it is too much.
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : bytes.readUInt32BE(2) * 2 ** 32 + bytes.readUInt32BE(6)
  if (length > maxMessageBytes) throw new FrameError(CLOSE.tooLarge, `a frame of ${length} bytes, and ${maxMessageBytes} are allowed`)
  return { final, opcode, length, bytes: size }
}

/** Codes that may stand in a closing frame (RFC 6455 section 7.4); 3000 to 4999 are the applications' own. */
function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) || (code >= 3000 && code <= 4999)
}

function readClose(payload: Buffer): Incoming {
  if (payload.length === 0) return { kind: 'close', code: 1005, reason: '' }
  const code = payload.length === 1 ? 0 : payload.readUInt16BE(0)
  if (!isCloseCode(code)) throw new FrameError(CLOSE.protocol, `a closing frame with the code ${code}`)
  return { kind: 'close', code, reason: payload.toString('utf8', 2) }
}

/** Reads a server's frames. Memory is bounded: at most a message of `maxMessageBytes` and one frame of it more is kept. */
export function createFrameReader(maxMessageBytes: number): FrameReader {
  let pending: Buffer[] = []
  let pendingBytes = 0
  /** Bytes that must be there before it is worth looking again. */
  let wanted = 2
  /** Of the message under way; undefined between messages. */
  let fragments: Buffer[] | undefined
  let fragmentBytes = 0

  const dataFrame = ({ final, opcode }: Head, payload: Buffer): Incoming | undefined => {
    if (opcode === OPCODE.text) throw new FrameError(CLOSE.unsupported, 'a text message')
    if ((opcode === OPCODE.continuation) === (fragments === undefined)) throw new FrameError(CLOSE.protocol, fragments === undefined ? 'a continuation of nothing' : 'a new message inside another')
    if (final && fragments === undefined) return { kind: 'message', data: payload }
    const parts = fragments ?? []
    fragmentBytes += payload.length
    // Without bytes a fragment costs us a list entry: as many as a peer likes, but for this.
    if (fragmentBytes > maxMessageBytes || parts.length > maxMessageBytes / 64) throw new FrameError(CLOSE.tooLarge, `a message of more than ${maxMessageBytes} bytes`)
    if (payload.length > 0) parts.push(payload)
    fragments = parts
    if (!final) return undefined
    fragments = undefined
    fragmentBytes = 0
    return { kind: 'message', data: Buffer.concat(parts) }
  }
  const frame = (head: Head, payload: Buffer): Incoming | undefined => {
    switch (head.opcode) {
      case OPCODE.continuation:
      case OPCODE.text:
      case OPCODE.binary:
        return dataFrame(head, payload)
      case OPCODE.close:
        return readClose(payload)
      case OPCODE.ping:
        return { kind: 'ping', data: payload }
      case OPCODE.pong:
        return { kind: 'pong' }
      default:
        throw new FrameError(CLOSE.protocol, `unknown opcode ${head.opcode}`)
    }
  }

  return {
    push(chunk, visit) {
      pending.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      pendingBytes += chunk.byteLength
      // A long frame in many chunks is put together once, not once a chunk.
      if (pendingBytes < wanted) return
      let bytes = pending.length === 1 && pending[0] !== undefined ? pending[0] : Buffer.concat(pending)
      wanted = 2
      while (bytes.length >= wanted) {
        const head = readHead(bytes, maxMessageBytes)
        const size = head === undefined ? bytes.length + 1 : head.bytes + head.length
        if (head === undefined || bytes.length < size) {
          wanted = size
          break
        }
        const incoming = frame(head, bytes.subarray(head.bytes, size))
        bytes = bytes.subarray(size)
        if (incoming !== undefined) visit(incoming)
      }
      pending = bytes.length === 0 ? [] : [bytes]
      pendingBytes = bytes.length
    },
  }
}
