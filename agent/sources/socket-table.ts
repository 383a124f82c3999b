import { eachLine, malformed } from './fields.ts'

const SPACE = 32

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

/** Queues of nearly every socket. */
const EMPTY_QUEUES = ' 00000000:00000000 '
/** Characters between the slot's colon and the blank before the state: a blank, address and port, a blank, address and port. */
const ADDRESSES = { four: 1 + 13 + 1 + 13, six: 1 + 37 + 1 + 37 } as const

/**
 * Adds one table to `into`. Columns: slot, local, remote, state, `tx:rx` queues, all hexadecimal; addresses are not looked
 * at. Throws on a cut or malformed line. Source: kernel Documentation/networking/proc_net_tcp.rst.
 *
 * A machine may have thousands of sockets, each a line of 150 characters: the columns behind the slot have fixed places,
 * so a line is a few look-ups and not a walk through its characters.
 */
export function addSocketTable(what: string, text: string, into: SocketTable): void {
  let line = 0
  let fixed: number | undefined
  eachLine(what, text, (start, end) => {
    if (line++ === 0) return
    const colon = text.indexOf(':', start)
    if (colon === -1 || colon >= end) throw malformed(what, 'no slot', text, start, end)
    fixed ??= text.charCodeAt(colon + ADDRESSES.four + 1) === SPACE ? ADDRESSES.four : ADDRESSES.six
    const stateAt = colon + fixed + 2
    const state = text.charCodeAt(stateAt - 1) === SPACE && text.charCodeAt(stateAt + 2) === SPACE ? hexAt(text, stateAt, stateAt + 2) : undefined
    if (state === undefined || stateAt + 2 >= end) throw malformed(what, 'expected a state and two queues', text, start, end)
    into.states.set(state, (into.states.get(state) ?? 0) + 1)
    if (text.startsWith(EMPTY_QUEUES, stateAt + 2)) return
    const queueAt = stateAt + 3
    const transmit = hexAt(text, queueAt, queueAt + 8)
    const receive = hexAt(text, queueAt + 9, queueAt + 17)
    if (transmit === undefined || receive === undefined || text.charAt(queueAt + 8) !== ':' || queueAt + 17 > end) throw malformed(what, 'expected two queues', text, start, end)
    into.transmitBytes += transmit
    into.receiveBytes += receive
  })
  if (line === 0) throw new Error(`${what}: the heading is missing`)
}
