import { type SeriesSpec, gauge } from '../../protocol/series.ts'
import { numberOf } from './fields.ts'
import { ok } from './source.ts'
import { settled, stepped, textIfThere } from './steps.ts'

const entries = gauge('node_nf_conntrack_entries', 'Number of currently allocated flow entries for connection tracking.')
const limit = gauge('node_nf_conntrack_entries_limit', 'Maximum size of connection tracking table.')

/** Columns of /proc/net/stat/nf_conntrack that node_exporter sums over the CPUs; gauges there too, though they count up. */
const columns: readonly (readonly [column: string, spec: SeriesSpec])[] = [
  ['found', gauge('node_nf_conntrack_stat_found', 'Number of searched entries which were successful.')],
  ['invalid', gauge('node_nf_conntrack_stat_invalid', 'Number of packets seen which can not be tracked.')],
  ['ignore', gauge('node_nf_conntrack_stat_ignore', 'Number of packets seen which are already connected to a conntrack entry.')],
  ['insert', gauge('node_nf_conntrack_stat_insert', 'Number of entries inserted into the list.')],
  ['insert_failed', gauge('node_nf_conntrack_stat_insert_failed', 'Number of entries for which list insertion was attempted but failed.')],
  ['drop', gauge('node_nf_conntrack_stat_drop', 'Number of packets dropped due to conntrack failure.')],
  [
    'early_drop',
    gauge('node_nf_conntrack_stat_early_drop', 'Number of dropped conntrack entries to make room for new ones, if maximum table size was reached.'),
  ],
  [
    'search_restart',
    gauge('node_nf_conntrack_stat_search_restart', 'Number of conntrack table lookups which had to be restarted due to hashtable resizes.'),
  ],
]

/**
 * Sums each column over its rows, one row per CPU, hexadecimal. Columns are found by their heading, which newer kernels
 * change (`searched` became `clashres`); a heading that is not there is not in the result.
 * Source: kernel net/netfilter/nf_conntrack_standalone.c, `ct_cpu_seq_show`.
 */
export function parseConntrackStat(text: string): ReadonlyMap<string, number> {
  const [heading = '', ...rows] = text.trim().split('\n')
  const names = heading.trim().split(/\s+/)
  const sums = new Map(names.map((name) => [name, 0]))
  for (const row of rows) {
    const cells = row.trim().split(/\s+/)
    for (const [index, name] of names.entries()) sums.set(name, (sums.get(name) ?? 0) + (Number.parseInt(cells[index] ?? '', 16) || 0))
  }
  return sums
}

const FOLDER = '/proc/sys/net/netfilter'

/** Connection tracking table: entries, its limit, and what went wrong. Absent where the module is not loaded. */
export const conntrack = stepped({
  name: 'conntrack',
  cadence: 'tick',
  timeoutMs: 2_000,
  series: [entries, limit, ...columns.map(([, spec]) => spec)],
  *steps(host, out) {
    const count = yield* textIfThere(host, `${FOLDER}/nf_conntrack_count`)
    if (count === undefined) return { kind: 'absent', why: 'connection tracking is not loaded' }
    const most = yield* settled(host.read(`${FOLDER}/nf_conntrack_max`))
    out.sample(out.series(entries), numberOf('nf_conntrack_count', count))
    out.sample(out.series(limit), numberOf('nf_conntrack_max', most))
    // Not there without CONFIG_NF_CONNTRACK_PROCFS; the two figures above are the ones that matter.
    const text = yield* textIfThere(host, '/proc/net/stat/nf_conntrack')
    const sums = parseConntrackStat(text ?? '')
    for (const [column, spec] of columns) {
      const sum = sums.get(column)
      if (sum !== undefined) out.sample(out.series(spec), sum)
    }
    return ok
  },
})
