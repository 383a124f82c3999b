import { counter, type SeriesSpec } from '../../protocol/series.ts'
import { eachLine, malformed, numberOf, numbersIn, skipBlanks } from './fields.ts'
import { ok } from './source.ts'
import { attribute, settled, stepped } from './steps.ts'

const WHAT = '/proc/net/dev'
const network = (field: string): SeriesSpec => counter(`node_network_${field}_total`, `Network device statistic ${field}.`, 'device')

/** In the order of the kernel's columns. */
const COLUMNS: readonly SeriesSpec[] = [
  ...['bytes', 'packets', 'errs', 'drop', 'fifo', 'frame', 'compressed', 'multicast'].map((field) => network(`receive_${field}`)),
  ...['bytes', 'packets', 'errs', 'drop', 'fifo', 'colls', 'carrier', 'compressed'].map((field) => network(`transmit_${field}`)),
]
const nohandler = network('receive_nohandler')

export interface NetDevice {
  readonly device: string
  /** Sixteen counts: eight received, eight sent, in the kernel's order. */
  readonly counts: readonly number[]
}

/** Traffic per device. Throws on a line that is cut or has not sixteen numbers. Source: proc(5), /proc/net/dev. */
export function parseNetDev(text: string): readonly NetDevice[] {
  const devices: NetDevice[] = []
  let line = 0
  eachLine(WHAT, text, (start, end) => {
    // Two lines of heading.
    if (line++ < 2) return
    // Old kernels glue the first number to the colon, and a name may itself hold one (an alias): the last colon ends it.
    const colon = text.lastIndexOf(':', end - 1)
    if (colon < start) throw malformed(WHAT, 'no device name', text, start, end)
    const counts: number[] = []
    numbersIn(WHAT, text, colon + 1, end, counts)
    if (counts.length !== COLUMNS.length) throw malformed(WHAT, `expected ${COLUMNS.length} numbers, got ${counts.length}`, text, start, end)
    devices.push({ device: text.slice(skipBlanks(text, start, colon), colon), counts })
  })
  if (line < 2) throw new Error(`${WHAT}: the heading is missing`)
  return devices
}

/** Traffic of every device but `lo`, as Debian's node_exporter has it. `nohandler` (Linux 4.6) is in sysfs only. */
export const netdev = stepped({
  name: 'netdev',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: [...COLUMNS, nohandler],
  *steps(host, out) {
    for (const { device, counts } of parseNetDev(yield* settled(host.read(WHAT)))) {
      if (device === 'lo') continue
      for (const [index, spec] of COLUMNS.entries()) out.sample(out.series(spec, device), counts[index] ?? Number.NaN)
      const path = `/sys/class/net/${device}/statistics/rx_nohandler`
      const text = yield* attribute(host, path)
      if (text !== undefined) out.sample(out.series(nohandler, device), numberOf(path, text))
    }
    return ok
  },
})
