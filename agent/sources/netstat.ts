import { untyped, type SeriesSpec } from '../../protocol/series.ts'
import { malformed, skipBlanks, skipWord, wholeNumber, eachLine } from './fields.ts'
import { ok } from './source.ts'
import { settled, stepped, textIfThere } from './steps.ts'

/** What node_exporter's default filter lets through, written out: what is not in this list is not even parsed. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  Ip: ['Forwarding'],
  IpExt: ['InOctets', 'OutOctets'],
  Ip6: ['InOctets', 'OutOctets'],
  Icmp: ['InErrors', 'InMsgs', 'OutMsgs'],
  Icmp6: ['InErrors', 'InMsgs', 'OutMsgs'],
  TcpExt: ['ListenDrops', 'ListenOverflows', 'SyncookiesFailed', 'SyncookiesRecv', 'SyncookiesSent', 'TCPSynRetrans', 'TCPTimeouts'],
  Tcp: ['ActiveOpens', 'CurrEstab', 'InErrs', 'InSegs', 'OutRsts', 'OutSegs', 'PassiveOpens', 'RetransSegs'],
  Udp: ['InDatagrams', 'InErrors', 'NoPorts', 'OutDatagrams', 'RcvbufErrors', 'SndbufErrors'],
  Udp6: ['InDatagrams', 'InErrors', 'NoPorts', 'OutDatagrams', 'RcvbufErrors', 'SndbufErrors'],
  UdpLite: ['InErrors'],
  UdpLite6: ['InErrors'],
}
const specs: ReadonlyMap<string, SeriesSpec> = new Map(
  Object.entries(FIELDS).flatMap(([protocol, fields]) =>
    fields.map((field): [string, SeriesSpec] => [`${protocol}_${field}`, untyped(`node_netstat_${protocol}_${field}`, `Statistic ${protocol}${field}.`)]),
  ),
)

/** Where the wanted columns of one protocol's pair of lines are; the heading changes only with the kernel. */
interface Layout {
  readonly heading: string
  readonly width: number
  readonly wanted: readonly (readonly [column: number, key: string])[]
}

const layouts = new Map<string, Layout>()

function layoutOf(protocol: string, heading: string): Layout {
  const kept = layouts.get(protocol)
  if (kept !== undefined && kept.heading === heading) return kept
  const names = heading.trim().split(/\s+/)
  const wanted = names.flatMap((name, column): [number, string][] => (specs.has(`${protocol}_${name}`) ? [[column, `${protocol}_${name}`]] : []))
  const layout = { heading, width: names.length, wanted }
  // Only protocols of the list are kept, so the map is as small as the list.
  if (protocol in FIELDS) layouts.set(protocol, layout)
  return layout
}

/**
 * Visits the wanted counters of /proc/net/netstat or /proc/net/snmp: pairs of lines, names then values, each begun by its
 * protocol. Throws when a pair does not fit together or is cut. Source: kernel net/ipv4/proc.c.
 */
export function parseNetstat(what: string, text: string, visit: (key: string, value: number) => void): void {
  let start = 0
  while (start < text.length) {
    const middle = text.indexOf('\n', start)
    const end = middle === -1 ? -1 : text.indexOf('\n', middle + 1)
    if (end === -1) throw malformed(what, 'a pair of lines is cut', text, start, text.length)
    const colon = text.indexOf(':', start)
    if (colon === -1 || colon > middle) throw malformed(what, 'no protocol', text, start, middle)
    const protocol = text.slice(start, colon)
    if (!text.startsWith(`${protocol}:`, middle + 1)) throw malformed(what, `the line after ${protocol}'s names is not its values`, text, middle + 1, end)
    const layout = layoutOf(protocol, text.slice(colon + 1, middle))
    if (layout.wanted.length > 0) {
      // The kernel puts one blank before each value. Of TcpExt's 120 only seven are wanted, so the others are not read.
      const values = text.slice(middle + protocol.length + 2, end).split(' ')
      if (values.length - 1 !== layout.width) throw malformed(what, `${protocol} has ${layout.width} names and ${values.length - 1} values`, text, middle + 1, end)
      for (const [column, key] of layout.wanted) {
        const word = values[column + 1] ?? ''
        const value = wholeNumber(word, 0, word.length)
        if (value === undefined) throw malformed(what, `${key} is not a whole number`, text, middle + 1, end)
        visit(key, value)
      }
    }
    start = end + 1
  }
}

/** Visits the wanted counters of /proc/net/snmp6, one `Ip6InOctets 128` a line. Source: kernel net/ipv6/proc.c. */
export function parseSnmp6(text: string, visit: (key: string, value: number) => void): void {
  const what = '/proc/net/snmp6'
  eachLine(what, text, (start, end) => {
    const nameEnd = skipWord(text, start, end)
    const six = text.indexOf('6', start)
    if (six === -1 || six >= nameEnd) return
    const key = `${text.slice(start, six + 1)}_${text.slice(six + 1, nameEnd)}`
    if (!specs.has(key)) return
    const value = wholeNumber(text, skipBlanks(text, nameEnd, end), end)
    if (value === undefined) throw malformed(what, 'not a whole number', text, start, end)
    visit(key, value)
  })
}

/** IP, ICMP, TCP and UDP counters. /proc/net/snmp6 is missing where IPv6 is switched off. */
export const netstat = stepped({
  name: 'netstat',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: [...specs.values()],
  *steps(host, out) {
    const put = (key: string, value: number): void => {
      const spec = specs.get(key)
      if (spec !== undefined) out.sample(out.series(spec), value)
    }
    for (const what of ['/proc/net/netstat', '/proc/net/snmp']) parseNetstat(what, yield* settled(host.read(what)), put)
    parseSnmp6((yield* textIfThere(host, '/proc/net/snmp6')) ?? '', put)
    return ok
  },
})
