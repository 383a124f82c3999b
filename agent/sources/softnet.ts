import { counter } from '../../protocol/series.ts'
import { eachLine, malformed } from './fields.ts'
import { ok } from './source.ts'
import { settled, stepped } from './steps.ts'

const WHAT = '/proc/net/softnet_stat'
const processed = counter('node_softnet_processed_total', 'Number of processed packets.', 'cpu')
const dropped = counter('node_softnet_dropped_total', 'Number of dropped packets.', 'cpu')
const squeezed = counter('node_softnet_times_squeezed_total', 'Number of times processing packets ran out of quota.', 'cpu')

export interface Softnet {
  readonly cpu: string
  readonly processed: number
  readonly dropped: number
  readonly squeezed: number
}

/**
 * Packet work per CPU: one line of hexadecimal numbers each. Since Linux 5.14 the 13th says which CPU it is; before, it is
 * the line's place. Throws on a cut or malformed line. Source: kernel net/core/net-procfs.c, softnet_seq_show.
 */
export function parseSoftnet(text: string): readonly Softnet[] {
  const cpus: Softnet[] = []
  eachLine(WHAT, text, (start, end) => {
    const words = text.slice(start, end).trim().split(' ')
    const [first = '', second = '', third = ''] = words
    const id = words.length >= 13 ? words[12] : undefined
    for (const word of [first, second, third, id ?? '0']) {
      if (!/^[0-9a-f]{1,16}$/.test(word)) throw malformed(WHAT, 'expected hexadecimal numbers', text, start, end)
    }
    const cpu = id === undefined ? cpus.length : Number.parseInt(id, 16)
    cpus.push({ cpu: String(cpu), processed: Number.parseInt(first, 16), dropped: Number.parseInt(second, 16), squeezed: Number.parseInt(third, 16) })
  })
  if (cpus.length === 0) throw new Error(`${WHAT}: no cpu`)
  return cpus
}

export const softnet = stepped({
  name: 'softnet',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: [processed, dropped, squeezed],
  *steps(host, out) {
    for (const row of parseSoftnet(yield* settled(host.read(WHAT)))) {
      out.sample(out.series(processed, row.cpu), row.processed)
      out.sample(out.series(dropped, row.cpu), row.dropped)
      out.sample(out.series(squeezed, row.cpu), row.squeezed)
    }
    return ok
  },
})
