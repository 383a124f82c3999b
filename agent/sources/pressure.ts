import { counter } from '../../protocol/series.ts'
import { eachLine, malformed, wholeNumber } from './fields.ts'
import { type Outcome, ok } from './source.ts'
import { settled, stepped } from './steps.ts'

const FOLDER = '/proc/pressure'

/** Which lines of which file are exported; `irq` came with Linux 6.1 and has only `full`. A CPU's own `full` is always 0 system-wide. */
const RESOURCES = [
  ['cpu', 'some', counter('node_pressure_cpu_waiting_seconds_total', 'Total time in seconds that processes have waited for CPU time.')],
  ['io', 'some', counter('node_pressure_io_waiting_seconds_total', 'Total time in seconds that processes have waited due to IO congestion.')],
  ['io', 'full', counter('node_pressure_io_stalled_seconds_total', 'Total time in seconds no process could make progress due to IO congestion.')],
  ['memory', 'some', counter('node_pressure_memory_waiting_seconds_total', 'Total time in seconds that processes have waited for memory.')],
  ['memory', 'full', counter('node_pressure_memory_stalled_seconds_total', 'Total time in seconds no process could make progress due to memory congestion.')],
  ['irq', 'full', counter('node_pressure_irq_stalled_seconds_total', 'Total time in seconds no process could make progress due to IRQ congestion.')],
] as const

export interface Pressure {
  /** Some tasks waited; undefined where the kernel does not say. */
  readonly some: number | undefined
  /** All tasks that were not idle waited at once. */
  readonly full: number | undefined
}

/**
 * Seconds tasks have stalled since boot, for one resource. The kernel counts microseconds; these are seconds. Throws when
 * neither line is there. Absent before Linux 4.20 and when booted with psi=0. Source: kernel Documentation/accounting/psi.rst
 */
export function parsePressure(what: string, text: string): Pressure {
  let some: number | undefined
  let full: number | undefined
  eachLine(what, text, (start, end) => {
    const at = text.lastIndexOf(' total=', end)
    const microseconds = at < start ? undefined : wholeNumber(text, at + 7, end)
    if (microseconds === undefined) throw malformed(what, 'no total', text, start, end)
    if (text.startsWith('some ', start)) some = microseconds / 1e6
    else if (text.startsWith('full ', start)) full = microseconds / 1e6
  })
  const pressure = { some, full }
  if (pressure.some === undefined && pressure.full === undefined) throw malformed(what, 'neither some nor full', text, 0, text.length)
  return pressure
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

const absent: Outcome<void> = { kind: 'absent', why: `no ${FOLDER}: a kernel before 4.20, or psi=0` }

export const pressure = stepped({
  name: 'pressure',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: RESOURCES.map(([, , spec]) => spec),
  *steps(host, out) {
    const read = new Map<string, Pressure>()
    for (const [resource, line, spec] of RESOURCES) {
      let both = read.get(resource)
      if (both === undefined) {
        const path = `${FOLDER}/${resource}`
        // Asked first, since a thrown ENOENT with its stack costs more than all the rest of this source.
        if (!(yield* settled(host.exists(path)))) {
          if (resource === 'cpu') return absent
          continue
        }
        try {
          both = parsePressure(path, yield* settled(host.read(path)))
        } catch (error) {
          // Built in but switched off (psi=0): the file is there and opening or reading it says EOPNOTSUPP.
          const code = codeOf(error)
          if (code === 'EOPNOTSUPP' || code === 'ENOTSUP') return absent
          throw error
        }
        read.set(resource, both)
      }
      const seconds = both[line]
      if (seconds !== undefined) out.sample(out.series(spec), seconds)
    }
    return ok
  },
})
