import { counter, gauge, type SeriesSpec } from '../../protocol/series.ts'
import { malformed, wholeNumber } from './fields.ts'
import { procStat } from './proc-stat.ts'
import { ok } from './source.ts'
import { stepped } from './steps.ts'

const WHAT = '/proc/stat'

/** First word of the line → what it is. */
const LINES: readonly (readonly [word: string, spec: SeriesSpec])[] = [
  ['intr', counter('node_intr_total', 'Total number of interrupts serviced.')],
  ['ctxt', counter('node_context_switches_total', 'Total number of context switches.')],
  ['btime', gauge('node_boot_time_seconds', 'Node boot time, in unixtime.')],
  ['processes', counter('node_forks_total', 'Total number of forks.')],
  ['procs_running', gauge('node_procs_running', 'Number of processes in runnable state.')],
  ['procs_blocked', gauge('node_procs_blocked', 'Number of processes blocked waiting for I/O to complete.')],
]

/**
 * The lines of /proc/stat that hold one number (of `intr` its first, the sum), by their first word. A word that is not
 * there is left out; none of them at all, or a value that is cut, is an error. The lines are searched for and not
 * walked: `intr` alone is tens of kilobytes on a server. Source: kernel Documentation/filesystems/proc.rst, 1.7.
 */
export function parseStat(text: string): ReadonlyMap<string, number> {
  if (!text.endsWith('\n')) throw malformed(WHAT, 'the last line is cut', text, text.lastIndexOf('\n') + 1, text.length)
  const values = new Map<string, number>()
  for (const [word] of LINES) {
    const at = text.indexOf(`\n${word} `)
    if (at === -1) continue
    const start = at + word.length + 2
    let end = start
    while (text.charCodeAt(end) > 32) end++
    const value = wholeNumber(text, start, end)
    if (value === undefined) throw malformed(WHAT, `${word} is not a whole number`, text, start, end)
    values.set(word, value)
  }
  if (values.size === 0) throw new Error(`${WHAT}: none of ${LINES.map(([word]) => word).join(', ')} is there`)
  return values
}

export const stat = stepped({
  name: 'stat',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: LINES.map(([, spec]) => spec),
  *steps(host, out) {
    const values = parseStat(yield* procStat(host))
    for (const [word, spec] of LINES) {
      const value = values.get(word)
      if (value !== undefined) out.sample(out.series(spec), value)
    }
    return ok
  },
})
