import { gauge } from '../../protocol/series.ts'
import { numberOf, wholeNumber } from './fields.ts'
import { ok } from './source.ts'
import { attribute, settled, stepped } from './steps.ts'

const threads = gauge('node_processes_threads', 'Allocated threads in system.')
const maxThreads = gauge('node_processes_max_threads', 'Limit of threads in the system.')
const state = gauge('node_processes_state', 'Number of processes in each state.', 'state')
const pids = gauge('node_processes_pids', 'Number of PIDs.')
const maxPids = gauge('node_processes_max_processes', 'Number of max PIDs limit.')

/** States that are told also when no process is in them, so that a rule on D or Z sees 0 and not a gap. */
const USUAL_STATES = ['R', 'S', 'D', 'Z', 'T', 'I'] as const

export interface ProcessStat {
  /** One letter: R running, S sleeping, D uninterruptible, Z zombie, T stopped, I idle, … */
  readonly state: string
  readonly threads: number
}

/**
 * State and number of threads of one process; undefined when the text is no such line. The command's name is in
 * parentheses and may hold parentheses and blanks itself, so fields are counted from the last `)`. Source: proc(5), /proc/PID/stat.
 */
export function parseProcessStat(text: string): ProcessStat | undefined {
  let position = text.lastIndexOf(')') + 1
  if (position === 0 || text.charCodeAt(position) !== 32) return undefined
  // `| 0x20` makes a letter small.
  const small = text.charCodeAt(position + 1) | 0x20
  if (!(small >= 97 && small <= 122) || text.charCodeAt(position + 2) !== 32) return undefined
  const letter = text.charAt(position + 1)
  // State is field 3, threads field 20: seventeen blanks on.
  for (let field = 3; field < 20; field++) {
    position = text.indexOf(' ', position + 1)
    if (position === -1) return undefined
  }
  const end = text.indexOf(' ', position + 1)
  const count = end === -1 ? undefined : wholeNumber(text, position + 1, end)
  return count === undefined ? undefined : { state: letter, threads: count }
}

function isPid(name: string): boolean {
  const code = name.charCodeAt(0)
  return code >= 49 && code <= 57
}

/** Processes by state. The dearest source (one file a process), so once a minute. */
export const processes = stepped({
  name: 'processes',
  cadence: 'minute',
  timeoutMs: 10_000,
  series: [threads, maxThreads, state, pids, maxPids],
  *steps(host, out) {
    const counts = new Map<string, number>(USUAL_STATES.map((letter) => [letter, 0]))
    let processCount = 0
    let threadCount = 0
    for (const name of yield* settled(host.list('/proc'))) {
      if (!isPid(name)) continue
      // Undefined: it ended since the listing, or belongs to somebody else under hidepid.
      const text = yield* attribute(host, `/proc/${name}/stat`)
      if (text === undefined) continue
      const process = parseProcessStat(text)
      if (process === undefined) throw new Error(`/proc/${name}/stat: not a process line: ${JSON.stringify(text.slice(0, 80))}`)
      processCount++
      threadCount += process.threads
      counts.set(process.state, (counts.get(process.state) ?? 0) + 1)
    }
    for (const [letter, count] of counts) out.sample(out.series(state, letter), count)
    out.sample(out.series(pids), processCount)
    out.sample(out.series(threads), threadCount)
    for (const [path, spec] of [['/proc/sys/kernel/threads-max', maxThreads], ['/proc/sys/kernel/pid_max', maxPids]] as const) {
      out.sample(out.series(spec), numberOf(path, yield* settled(host.read(path))))
    }
    return ok
  },
})
