import { gauge } from '../../protocol/series.ts'
import { addSocketTable, emptySocketTable } from './socket-table.ts'
import { parseSockstat } from './sockstat.ts'
import { type Outcome, ok } from './source.ts'
import { settled, stepped, textIfThere } from './steps.ts'

const states = gauge('node_tcp_connection_states', 'Number of connection states.', 'state')

/** By the kernel's number: include/net/tcp_states.h. 12 is a request socket of syn_recv. */
const NAMES = ['', 'established', 'syn_sent', 'syn_recv', 'fin_wait1', 'fin_wait2', 'time_wait', 'close', 'close_wait', 'last_ack', 'listen', 'closing', 'syn_recv'] as const

/**
 * With more sockets than this the table is not read: the kernel takes a microsecond a socket to print 150 characters, all
 * of it on the event loop. The number of sockets and those in time_wait are in sockstat at any size.
 */
const MOST_SOCKETS = 20_000

/** TCP sockets as /proc/net/sockstat counts them: in use and in time_wait. */
export function countTcpSockets(sockstat: string): number {
  let count = 0
  parseSockstat('/proc/net/sockstat', sockstat, (key, value) => {
    if (key === 'TCP_inuse' || key === 'TCP_tw') count += value
  })
  return count
}

/** How many TCP sockets are in which state. Once a minute, for the kernel walks its whole hash table to tell. */
export const tcpStates = stepped({
  name: 'tcpstat',
  cadence: 'minute',
  timeoutMs: 5_000,
  series: [states],
  *steps(host, out): Generator<Promise<void>, Outcome<void>, void> {
    const sockets = countTcpSockets(yield* settled(host.read('/proc/net/sockstat')))
    if (sockets > MOST_SOCKETS) return { kind: 'absent', why: `${sockets} TCP sockets are too many to look at each (limit ${MOST_SOCKETS})` }
    const table = emptySocketTable()
    addSocketTable('/proc/net/tcp', yield* settled(host.read('/proc/net/tcp')), table)
    const six = yield* textIfThere(host, '/proc/net/tcp6')
    if (six !== undefined) addSocketTable('/proc/net/tcp6', six, table)
    // Every state, also with none in it, so that a rule on close_wait sees 0 and not a gap.
    const counts = new Map<string, number>()
    for (const [number, name] of NAMES.entries()) if (name !== '') counts.set(name, (counts.get(name) ?? 0) + (table.states.get(number) ?? 0))
    for (const [name, count] of counts) out.sample(out.series(states, name), count)
    out.sample(out.series(states, 'rx_queued_bytes'), table.receiveBytes)
    out.sample(out.series(states, 'tx_queued_bytes'), table.transmitBytes)
    return ok
  },
})
