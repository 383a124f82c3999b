import type { Duplex } from 'node:stream'
import { type DBusCall, encodeCall } from './dbus-encode.ts'
import { type DBusValue, MAX_MESSAGE_BYTES, decodeMessage, messageLength } from './dbus.ts'

/** The other side answered a call with an error. */
export class DBusCallError extends Error {
  readonly errorName: string
  constructor(call: DBusCall, errorName: string, text: string) {
    super(`dbus: ${call.interface}.${call.member} on ${call.path}: ${errorName}: ${text}`)
    this.name = 'DBusCallError'
    this.errorName = errorName
  }
}

/** Calls on one connection. They may be made at once; answers find their call by its serial. */
export interface DBusConnection {
  /** The reply's values. Rejects with DBusCallError, or with the error that ended the connection. */
  call(call: DBusCall): Promise<readonly DBusValue[]>
  close(): void
}

/** Longest line of the greeting: enough for `OK` and an id, and no more. */
const MAX_LINE_BYTES = 1024

interface Waiting {
  readonly call: DBusCall
  readonly resolve: (body: readonly DBusValue[]) => void
  readonly reject: (error: Error) => void
}

/**
 * Speaks D-Bus on a Unix socket. Authentication is EXTERNAL without naming a user: the other side takes the one that the
 * kernel says is at this end of the socket. Ended by `signal`. Rejects when the greeting is refused.
 * Source: D-Bus Specification, "Authentication Protocol".
 */
export function openDBus(socket: Duplex, signal: AbortSignal): Promise<DBusConnection> {
  return new Promise((opened, refused) => {
    const waiting = new Map<number, Waiting>()
    let serial = 0
    let greeted = false
    let received: Buffer = Buffer.alloc(0)
    let ended: Error | undefined

    const end = (error: Error): void => {
      if (ended !== undefined) return
      ended = error
      signal.removeEventListener('abort', stop)
      socket.destroy()
      refused(error)
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    }
    const stop = (): void => end(new Error('dbus: given up'))

    const connection: DBusConnection = {
      call: (call) =>
        new Promise((resolve, reject) => {
          if (ended !== undefined) {
            reject(ended)
            return
          }
          serial++
          waiting.set(serial, { call, resolve, reject })
          socket.write(encodeCall(serial, call))
        }),
      close: () => end(new Error('dbus: closed')),
    }

    /** One line of the greeting. */
    const greet = (line: string): void => {
      if (line.startsWith('DATA')) socket.write('DATA\r\n')
      else if (line.startsWith('OK ')) {
        greeted = true
        socket.write('BEGIN\r\n')
        opened(connection)
      } else throw new Error(`dbus: the greeting was refused: ${JSON.stringify(line.slice(0, 80))}`)
    }

    const answer = (bytes: Buffer): void => {
      const message = decodeMessage(bytes)
      const asked = message.replySerial === undefined ? undefined : waiting.get(message.replySerial)
      if (asked === undefined || (message.kind !== 'return' && message.kind !== 'error')) return
      waiting.delete(message.replySerial ?? 0)
      const [text] = message.body
      if (message.kind === 'return') asked.resolve(message.body)
      else asked.reject(new DBusCallError(asked.call, message.errorName ?? 'unnamed', typeof text === 'string' ? text : ''))
    }

    /** Takes whole lines, then whole messages, off the front of what has come. */
    const consume = (): void => {
      while (!greeted) {
        const newline = received.indexOf('\r\n')
        if (newline === -1) {
          if (received.length > MAX_LINE_BYTES) throw new Error('dbus: a greeting without end')
          return
        }
        const line = received.toString('latin1', 0, newline)
        received = received.subarray(newline + 2)
        greet(line)
      }
      for (let length = messageLength(received); length !== undefined && received.length >= length; length = messageLength(received)) {
        const bytes = received.subarray(0, length)
        received = received.subarray(length)
        answer(bytes)
      }
    }

    const parts: Buffer[] = []
    let partBytes = 0
    socket.on('data', (chunk: Buffer) => {
      try {
        parts.push(chunk)
        partBytes += chunk.length
        if (received.length + partBytes > MAX_MESSAGE_BYTES) throw new Error('dbus: more came than was asked for')
        // Joined only once a message is whole: a long answer comes in hundreds of chunks.
        const wanted = greeted ? (messageLength(received) ?? 0) : 0
        if (received.length + partBytes < wanted) return
        received = Buffer.concat([received, ...parts])
        parts.length = 0
        partBytes = 0
        consume()
      } catch (error) {
        end(error instanceof Error ? error : new Error(String(error)))
      }
    })
    socket.on('error', (cause) => end(new Error('dbus: the connection failed', { cause })))
    socket.on('close', () => end(new Error('dbus: the connection was closed')))
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    else socket.write('\0AUTH EXTERNAL\r\n')
  })
}
