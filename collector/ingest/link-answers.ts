import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Refuse } from '../../protocol/messages.ts'
import type { RefusalCode } from '../../protocol/reply.ts'

/** A `refuse` frame; without `seq` it is about the whole connection. */
export function refusal(code: RefusalCode, why: string, seq?: number): Refuse {
  return { t: 'refuse', code, why, ...(seq === undefined ? {} : { seq }) }
}

/** Network address of whoever asks. */
export function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? ''
}

/** Answers an upgrade that is not taken: a status and the reason as JSON, then the end of the socket. */
export function answerUpgrade(socket: Duplex, status: 400 | 401 | 503, code: RefusalCode, why: string): void {
  if (socket.destroyed) return
  const body = JSON.stringify({ code, why })
  const phrase = { 400: 'Bad Request', 401: 'Unauthorized', 503: 'Service Unavailable' }[status]
  // Nobody else listens from here on: a reset before the answer is out would end the process.
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} ${phrase}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}
