import { counter, type SeriesSpec } from '../../protocol/series.ts'
import { numberOf } from './fields.ts'
import { type Outcome, ok } from './source.ts'
import { attribute, namesIfThere, slowAttribute, stepped } from './steps.ts'

const FOLDER = '/sys/class/powercap'
/** Zones that exist: kernel drivers/powercap/intel_rapl_common.c, rapl_domain_names. */
const specs: ReadonlyMap<string, SeriesSpec> = new Map(
  ['package', 'core', 'uncore', 'dram', 'psys'].map((zone) => [zone, counter(`node_rapl_${zone}_joules_total`, `Current RAPL ${zone} value in joules`, 'index', 'path')]),
)

/** `package-1` is zone package, index 1; a name without a number counts up by name. Multi-die packages are called `package-0-die-1`. */
export function parseZoneName(text: string): { readonly zone: string; readonly index: string | undefined } {
  const match = /^([a-z]+)(?:-(\d+(?:-die-\d+)?))?$/.exec(text)
  return { zone: match?.[1] ?? text, index: match?.[2] }
}

const absent: Outcome<void> = { kind: 'absent', why: `no energy counter under ${FOLDER} that this user may read` }

/**
 * Energy by Intel's and AMD's counters. Only root may read them since Linux 5.10. They go through the thread pool (a read
 * asks another CPU's register). A wrap every 262 kJ (three quarters of an hour at 100 W) looks like a reset of the counter.
 */
export const rapl = stepped({
  name: 'rapl',
  cadence: 'minute',
  timeoutMs: 5_000,
  series: [...specs.values()],
  *steps(host, out, signal) {
    const zones = ((yield* namesIfThere(host, FOLDER)) ?? []).filter((name) => /^intel-rapl(?::\d+)+$/.test(name)).sort()
    const counts = new Map<string, number>()
    let read = 0
    for (const name of zones) {
      const path = `${FOLDER}/${name}`
      const text = yield* attribute(host, `${path}/name`)
      if (text === undefined) continue
      const { zone, index } = parseZoneName(text)
      const place = counts.get(zone) ?? 0
      counts.set(zone, place + 1)
      const spec = specs.get(zone)
      const energy = spec === undefined ? undefined : yield* slowAttribute(host, `${path}/energy_uj`, signal)
      if (spec === undefined || energy === undefined) continue
      read++
      out.sample(out.series(spec, index ?? String(place), path), numberOf(`${path}/energy_uj`, energy) / 1e6)
    }
    return read === 0 ? absent : ok
  },
})
