import { gauge } from '../../protocol/series.ts'
import { ok } from './source.ts'
import { settled, stepped } from './steps.ts'

const WHAT = '/proc/loadavg'
const loads = [gauge('node_load1', '1m load average.'), gauge('node_load5', '5m load average.'), gauge('node_load15', '15m load average.')] as const

/** Load averages over 1, 5 and 15 minutes. Throws when one is missing. Source: proc(5), /proc/loadavg. */
export function parseLoadavg(text: string): readonly [number, number, number] {
  const match = /^(\d+\.\d+) (\d+\.\d+) (\d+\.\d+) .*\n/.exec(text)
  if (match === null) throw new Error(`${WHAT}: expected three load averages, got ${JSON.stringify(text.slice(0, 80))}`)
  return [Number(match[1]), Number(match[2]), Number(match[3])]
}

export const loadavg = stepped({
  name: 'loadavg',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: loads,
  *steps(host, out) {
    const values = parseLoadavg(yield* settled(host.read(WHAT)))
    for (const [index, spec] of loads.entries()) out.sample(out.series(spec), values[index] ?? Number.NaN)
    return ok
  },
})
