import { eachLine, malformed, skipBlanks, skipWord } from './fields.ts'

/** Sums over /proc/net/{tcp,udp}{,6}: how many sockets are in each state, and the bytes waiting in their queues. */
export interface SocketTable {
  /** By the kernel's number of the state (1 established … 12 new syn_recv). */
  readonly states: Map<number, number>
  transmitBytes: number
  receiveBytes: number
}

export function emptySocketTable(): SocketTable {
  return { states: new Map(), transmitBytes: 0, receiveBytes: 0 }
}

function hexAt(text: string, start: number, end: number): number | undefined {
  if (start >= end) return undefined
  let value = 0
  for (let position = start; position < end; position++) {
    const code = text.charCodeAt(position) | 0x20
    const digit = code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : -1
    if (digit < 0) return undefined
    value = value * 16 + digit
  }
  return value
}

/**
 * Adds one table to `into`. Columns: slot, local, remote, state, `tx:rx` queues, all hexadecimal; addresses are not looked
 * at. Throws on a cut or malformed line. Source: kernel Documentation/networking/proc_net_tcp.rst.
 */
export function addSocketTable(what: string, text: string, into: SocketTable): void {
  let line = 0
  eachLine(what, text, (start, end) => {
    if (line++ === 0) return
    let position = start
    for (let column = 0; column < 3; column++) position = skipWord(text, skipBlanks(text, position, end), end)
    const stateAt = skipBlanks(text, position, end)
    const stateEnd = skipWord(text, stateAt, end)
    const queueAt = skipBlanks(text, stateEnd, end)
    const queueEnd = skipWord(text, queueAt, end)
    const colon = text.indexOf(':', queueAt)
    const state = hexAt(text, stateAt, stateEnd)
    const transmit = hexAt(text, queueAt, Math.min(colon, queueEnd))
    const receive = hexAt(text, colon + 1, queueEnd)
    if (state === undefined || transmit === undefined || receive === undefined) throw malformed(what, 'expected a state and two queues', text, start, end)
    into.states.set(state, (into.states.get(state) ?? 0) + 1)
    into.transmitBytes += transmit
    into.receiveBytes += receive
  })
  if (line === 0) throw new Error(`${what}: the heading is missing`)
}
