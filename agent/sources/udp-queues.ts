import { gauge } from '../../protocol/series.ts'
import { addSocketTable, emptySocketTable } from './socket-table.ts'
import { ok } from './source.ts'
import { stepped, textIfThere } from './steps.ts'

const queues = gauge('node_udp_queues', 'Number of allocated memory in the kernel for UDP datagrams in bytes.', 'queue', 'ip')

/** Bytes waiting in UDP sockets. Once a minute: the kernel walks its whole hash table to tell. */
export const udpQueues = stepped({
  name: 'udp_queues',
  cadence: 'minute',
  timeoutMs: 5_000,
  series: [queues],
  *steps(host, out) {
    for (const [path, ip] of [['/proc/net/udp', 'v4'], ['/proc/net/udp6', 'v6']] as const) {
      const text = yield* textIfThere(host, path)
      if (text === undefined) continue
      const table = emptySocketTable()
      addSocketTable(path, text, table)
      out.sample(out.series(queues, 'tx', ip), table.transmitBytes)
      out.sample(out.series(queues, 'rx', ip), table.receiveBytes)
    }
    return ok
  },
})
