import { counter } from '../../protocol/series.ts'
import { eachLine, malformed, numbersIn, skipWord } from './fields.ts'
import { procStat } from './proc-stat.ts'
import { type Sink, ok } from './source.ts'
import { stepped } from './steps.ts'

const WHAT = '/proc/stat'
/** USER_HZ: the unit of /proc/stat in every Linux ABI that Node runs on, whatever the kernel's own HZ. */
const TICKS_PER_SECOND = 100
const MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const
const IDLE = 3
const GUEST = 8
const GUEST_NICE = 9
/** A CPU whose idle time went back by more than this came back from being offline: its counters begin anew. */
const RESET_SECONDS = 3

const seconds = counter('node_cpu_seconds_total', 'Seconds the CPUs spent in each mode.', 'cpu', 'mode')
const guestSeconds = counter('node_cpu_guest_seconds_total', 'Seconds the CPUs spent in guests (VMs) for each mode.', 'cpu', 'mode')

export interface CpuTimes {
  /** Number of the CPU, as text. */
  readonly cpu: string
  /** Seconds in the kernel's order: user nice system idle iowait irq softirq steal guest guest_nice; old kernels give fewer. */
  readonly seconds: readonly number[]
}

/** Time per CPU and mode. Throws when there is no CPU line or one is cut. Source: kernel Documentation/filesystems/proc.rst, 1.7. */
export function parseCpuTimes(text: string): readonly CpuTimes[] {
  const cpus: CpuTimes[] = []
  const fields: number[] = []
  eachLine(WHAT, text, (start, end) => {
    if (!text.startsWith('cpu', start) || text.charCodeAt(start + 3) === 32) return
    const nameEnd = skipWord(text, start, end)
    numbersIn(WHAT, text, nameEnd, end, fields)
    if (fields.length < 4) throw malformed(WHAT, 'a cpu line needs at least four numbers', text, start, end)
    cpus.push({ cpu: text.slice(start + 3, nameEnd), seconds: fields.map((ticks) => ticks / TICKS_PER_SECOND) })
  })
  if (cpus.length === 0) throw new Error(`${WHAT}: no cpu line`)
  return cpus
}

/**
 * The kernel's iowait (and with nohz idle) may go back by a tick or two, which a counter must not: each mode keeps its
 * highest value until the CPU itself begins anew.
 */
export function neverBackwards(before: readonly number[] | undefined, now: readonly number[]): readonly number[] {
  if (before === undefined || (before[IDLE] ?? 0) - (now[IDLE] ?? 0) > RESET_SECONDS) return now
  return now.map((value, mode) => Math.max(value, before[mode] ?? value))
}

const highest = new WeakMap<Sink, Map<string, readonly number[]>>()

function highestOf(out: Sink): Map<string, readonly number[]> {
  let kept = highest.get(out)
  if (kept === undefined) {
    kept = new Map<string, readonly number[]>()
    highest.set(out, kept)
  }
  return kept
}

export const cpu = stepped({
  name: 'cpu',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: [seconds, guestSeconds],
  *steps(host, out) {
    const kept = highestOf(out)
    for (const times of parseCpuTimes(yield* procStat(host))) {
      const values = neverBackwards(kept.get(times.cpu), times.seconds)
      kept.set(times.cpu, values)
      for (const [index, mode] of MODES.entries()) {
        const value = values[index]
        if (value !== undefined) out.sample(out.series(seconds, times.cpu, mode), value)
      }
      const guest = values[GUEST]
      if (guest !== undefined) out.sample(out.series(guestSeconds, times.cpu, 'user'), guest)
      const guestNice = values[GUEST_NICE]
      if (guestNice !== undefined) out.sample(out.series(guestSeconds, times.cpu, 'nice'), guestNice)
    }
    return ok
  },
})
