/** The opening handshake of a WebSocket client: the request, and whether the answer agrees. Pure. Source: RFC 6455 section 4.1. */
import { createHash } from 'node:crypto'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
/** Longest answer that is waited for, its headers included. */
const MOST_BYTES = 16 * 1024
const END = '\r\n\r\n'

/** What the server must answer to `key` (16 random bytes in base64). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}${GUID}`).digest('base64')
}

/** The request for `path` of `host` (with its port, as in the URL). */
export function upgradeRequest(host: string, path: string, key: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`
}

export type Answer =
  /** Not all of it is there. */
  | { readonly kind: 'more' }
  /** Frames begin at byte `at`. */
  | { readonly kind: 'open'; readonly at: number }
  | { readonly kind: 'refused'; readonly why: string }

function headersOf(lines: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon)).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return headers
}

/** Reads what has come so far of the answer to a request with `key`. */
export function readAnswer(bytes: Buffer, key: string): Answer {
  const end = bytes.indexOf(END, 0, 'latin1')
  if (end === -1 || end > MOST_BYTES) return bytes.length > MOST_BYTES ? { kind: 'refused', why: `no HTTP answer in ${MOST_BYTES} bytes` } : { kind: 'more' }
  const [status = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const code = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(status)?.[1]
  if (code === undefined) return { kind: 'refused', why: 'the answer is not HTTP/1.1' }
  if (code !== '101') return { kind: 'refused', why: `the server answered with ${code}` }
  const headers = headersOf(lines)
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket') return { kind: 'refused', why: 'the answer upgrades to something else' }
  const connection = (headers.get('connection') ?? '').toLowerCase().split(',').map((word) => word.trim())
  if (!connection.includes('upgrade')) return { kind: 'refused', why: 'the answer does not upgrade the connection' }
  if (headers.get('sec-websocket-accept') !== acceptOf(key)) return { kind: 'refused', why: 'the answer is to another request' }
  // We asked for neither; a server that answers with one would speak it.
  if (headers.has('sec-websocket-extensions') || headers.has('sec-websocket-protocol')) return { kind: 'refused', why: 'the answer names an extension or a protocol that was not asked for' }
  return { kind: 'open', at: end + END.length }
}
