import { gauge } from '../../protocol/series.ts'
import { eachLine, malformed } from './fields.ts'
import { ok } from './source.ts'
import { settled, stepped } from './steps.ts'

const WHAT = '/proc/net/arp'
const entries = gauge('node_arp_entries', 'ARP entries by device', 'device')

/** Entries per device, the last column. Throws without the heading or on a cut line. Source: proc(5), /proc/net/arp. */
export function parseArp(text: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  let line = 0
  eachLine(WHAT, text, (start, end) => {
    if (line++ === 0) return
    let last = end
    while (last > start && text.charCodeAt(last - 1) === 32) last--
    const first = text.lastIndexOf(' ', last - 1) + 1
    if (first <= start || first >= last) throw malformed(WHAT, 'expected six columns', text, start, end)
    const device = text.slice(first, last)
    counts.set(device, (counts.get(device) ?? 0) + 1)
  })
  if (line === 0) throw new Error(`${WHAT}: the heading is missing`)
  return counts
}

export const arp = stepped({
  name: 'arp',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: [entries],
  *steps(host, out) {
    for (const [device, count] of parseArp(yield* settled(host.read(WHAT)))) out.sample(out.series(entries, device), count)
    return ok
  },
})
