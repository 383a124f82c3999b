import { counter } from '../../protocol/series.ts'
import { eachLine, malformed, numbersIn, skipWord } from './fields.ts'
import { type Outcome, ok } from './source.ts'
import { stepped, textIfThere } from './steps.ts'

const WHAT = '/proc/schedstat'
const running = counter('node_schedstat_running_seconds_total', 'Number of seconds CPU spent running a process.', 'cpu')
const waiting = counter('node_schedstat_waiting_seconds_total', 'Number of seconds spent by processing waiting for this CPU.', 'cpu')
const slices = counter('node_schedstat_timeslices_total', 'Number of timeslices executed by CPU.', 'cpu')

export interface CpuSchedule {
  readonly cpu: string
  readonly runningSeconds: number
  readonly waitingSeconds: number
  readonly timeslices: number
}

/** Run queue times per CPU: the last three of a cpu line's nine numbers, nanoseconds turned into seconds. Throws on a cut or malformed line. Source: kernel Documentation/scheduler/sched-stats.rst. */
export function parseSchedstat(text: string): readonly CpuSchedule[] {
  const cpus: CpuSchedule[] = []
  const numbers: number[] = []
  eachLine(WHAT, text, (start, end) => {
    if (!text.startsWith('cpu', start)) return
    const nameEnd = skipWord(text, start, end)
    numbersIn(WHAT, text, nameEnd, end, numbers)
    const [runningNs, waitingNs, timeslices] = numbers.slice(6, 9)
    if (runningNs === undefined || waitingNs === undefined || timeslices === undefined) throw malformed(WHAT, 'expected nine numbers', text, start, end)
    cpus.push({ cpu: text.slice(start + 3, nameEnd), runningSeconds: runningNs / 1e9, waitingSeconds: waitingNs / 1e9, timeslices })
  })
  return cpus
}

const absent: Outcome<void> = { kind: 'absent', why: `no ${WHAT}: a kernel without CONFIG_SCHEDSTATS` }

export const schedstat = stepped({
  name: 'schedstat',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: [running, waiting, slices],
  *steps(host, out) {
    const text = yield* textIfThere(host, WHAT)
    if (text === undefined) return absent
    for (const row of parseSchedstat(text)) {
      out.sample(out.series(running, row.cpu), row.runningSeconds)
      out.sample(out.series(waiting, row.cpu), row.waitingSeconds)
      out.sample(out.series(slices, row.cpu), row.timeslices)
    }
    return ok
  },
})
