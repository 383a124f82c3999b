import { gauge } from '../../protocol/series.ts'
import type { Host, RunResult } from '../host.ts'
import { type Outcome, type Sink, type Source, ok } from './source.ts'
import { failure } from './steps.ts'

const status = gauge('node_timex_sync_status', 'Is clock synchronized to a reliable server (1 = yes, 0 = no).')
const offset = gauge('node_timex_offset_seconds', 'Time offset in between local system and reference clock.')
const maxError = gauge('node_timex_maxerror_seconds', 'Maximum error in seconds.')

/** What a time daemon says. A figure that it does not give is undefined, never 0. */
export interface ClockState {
  readonly synchronized: boolean
  /** Reference minus local clock, seconds: positive when this machine is behind. */
  readonly offsetSeconds: number | undefined
  /** Bound of the clock's error, seconds. */
  readonly maxErrorSeconds: number | undefined
}

function finite(text: string | undefined): number | undefined {
  const value = Number(text)
  return text === undefined || text === '' || !Number.isFinite(value) ? undefined : value
}

/**
 * `chronyc -c tracking`: one line of comma-separated fields: reference id, name, stratum, reference time, system time
 * (positive: slow of NTP time), last offset, RMS offset, frequency, residual, skew, root delay, root dispersion, update
 * interval, leap status. Undefined when it is something else (`506 Cannot talk to daemon`).
 * Source: chrony client.c, `process_cmd_tracking`; the bound is that of chronyc(1), "Root dispersion".
 */
export function parseChrony(text: string): ClockState | undefined {
  const fields = text.trim().split(',')
  if (fields.length !== 14) return undefined
  const stratum = finite(fields[2])
  const delay = finite(fields[10])
  const dispersion = finite(fields[11])
  if (stratum === undefined || delay === undefined || dispersion === undefined) return undefined
  const synchronized = stratum > 0 && stratum < 16 && fields[13] !== 'Not synchronised'
  const seconds = finite(fields[4])
  if (!synchronized) return { synchronized, offsetSeconds: undefined, maxErrorSeconds: undefined }
  return { synchronized, offsetSeconds: seconds, maxErrorSeconds: seconds === undefined ? undefined : Math.abs(seconds) + dispersion + delay / 2 }
}

/**
 * `ntpq -pn`: a table of peers. `*` marks the peer the clock follows, `o` one that a PPS signal refines; offset and jitter
 * are milliseconds, the offset is peer minus local. Undefined without the table. Source: ntpq(8), "peers".
 */
export function parseNtpq(text: string): ClockState | undefined {
  const lines = text.split('\n')
  const heading = lines.findIndex((line) => /^\s*remote\s+refid\b.*\boffset\b/.test(line))
  if (heading === -1) return undefined
  const followed = lines.slice(heading + 1).find((line) => /^[*o]/.test(line))
  if (followed === undefined) return { synchronized: false, offsetSeconds: undefined, maxErrorSeconds: undefined }
  const milliseconds = finite(followed.trim().split(/\s+/).at(-2))
  return { synchronized: true, offsetSeconds: milliseconds === undefined ? undefined : milliseconds / 1000, maxErrorSeconds: undefined }
}

/** `timedatectl`: the kernel's own flag. `NTP synchronized` up to systemd 238, `System clock synchronized` since. */
export function parseTimedatectl(text: string): ClockState | undefined {
  const match = /^\s*(?:NTP synchronized|System clock synchronized|NTPSynchronized)\s*[:=]\s*(yes|no)\s*$/m.exec(text)
  return match === null ? undefined : { synchronized: match[1] === 'yes', offsetSeconds: undefined, maxErrorSeconds: undefined }
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86_400 }

/** The `Offset:` line of `timedatectl timesync-status` (systemd-timesyncd, since 239), `-1.345ms` or `+1min 2.5s`, in seconds. */
export function parseTimesyncOffset(text: string): number | undefined {
  const match = /^\s*Offset: ([+-]?)(.+)$/m.exec(text)
  if (match === null) return undefined
  let seconds = 0
  for (const part of (match[2] ?? '').trim().split(/\s+/)) {
    const [, amount, unit = ''] = /^([\d.]+)([a-z]+)$/.exec(part) ?? []
    const factor = UNIT_SECONDS[unit]
    const value = finite(amount)
    if (factor === undefined || value === undefined) return part === '0' ? 0 : undefined
    seconds += value * factor
  }
  return match[1] === '-' ? -seconds : seconds
}

const RUN = { timeoutMs: 5_000, maxBytes: 64 * 1024 } as const

function outputOf(result: RunResult): string {
  return result.kind === 'exited' && result.code === 0 ? result.stdout : ''
}

/** One way to ask; undefined when nobody answered. */
type Way = readonly [name: string, ask: (host: Host) => Promise<{ readonly state: ClockState | undefined; readonly missing: boolean }>]

function byCommand(argv: readonly [string, ...string[]], parse: (text: string) => ClockState | undefined): Way[1] {
  return async (host) => {
    const result = await host.run(argv, RUN)
    return { state: parse(outputOf(result)), missing: result.kind === 'missing' }
  }
}

/** Best answer first: chronyd and ntpd know the offset, timedatectl mostly only whether the kernel thinks it is in step. */
const ways: readonly Way[] = [
  ['chronyc', byCommand(['chronyc', '-c', 'tracking'], parseChrony)],
  ['ntpq', byCommand(['ntpq', '-pn'], parseNtpq)],
  [
    'timedatectl',
    async (host) => {
      const result = await host.run(['timedatectl'], RUN)
      const state = parseTimedatectl(outputOf(result))
      // Fails at once where timesyncd does not run or systemd is too old to know the word.
      const offsetSeconds = state?.synchronized === true ? parseTimesyncOffset(outputOf(await host.run(['timedatectl', 'timesync-status'], RUN))) : undefined
      return { state: state === undefined ? undefined : { ...state, offsetSeconds }, missing: result.kind === 'missing' }
    },
  ],
]

/** A program that is not installed is looked for again after an hour, not every minute. */
const MISSING_FOR_MS = 3_600_000
/**
 * A program that is there but has had no answer this many times in a row (no daemon, no bus) is asked every ten minutes:
 * a `timedatectl` that finds no systemd costs 9 ms a run without what starting it costs, about as much as a whole tick.
 */
const SILENT_TIMES = 3
const SILENT_FOR_MS = 600_000

interface Rest {
  /** Runs without an answer, in a row. */
  readonly silent: number
  /** When it was last run, and for how long it is let alone from then. */
  readonly since: number
  readonly forMs: number
}
const restsByHost = new WeakMap<Host, Map<string, Rest>>()

async function readAll(host: Host, out: Sink): Promise<Outcome<void>> {
  const rests = restsByHost.get(host) ?? new Map<string, Rest>()
  restsByHost.set(host, rests)
  const now = host.now()
  for (const [name, ask] of ways) {
    const rest = rests.get(name)
    if (rest !== undefined && Math.abs(now - rest.since) < rest.forMs) continue
    const answer = await ask(host)
    if (answer.state === undefined) {
      const silent = (rest?.silent ?? 0) + 1
      rests.set(name, { silent, since: now, forMs: answer.missing ? MISSING_FOR_MS : silent >= SILENT_TIMES ? SILENT_FOR_MS : 0 })
      continue
    }
    rests.delete(name)
    out.sample(out.series(status), answer.state.synchronized ? 1 : 0)
    if (answer.state.offsetSeconds !== undefined) out.sample(out.series(offset), answer.state.offsetSeconds)
    if (answer.state.maxErrorSeconds !== undefined) out.sample(out.series(maxError), answer.state.maxErrorSeconds)
    return ok
  }
  return { kind: 'absent', why: `no time daemon could be asked (tried ${ways.map(([name]) => name).join(', ')})` }
}

/**
 * Clock synchronisation under node_exporter's timex names. It asks the kernel by adjtimex(2), which no JavaScript reaches,
 * so the time daemon is asked by its own program once a minute.
 */
export const timesync: Source = {
  name: 'timex',
  cadence: 'minute',
  timeoutMs: 20_000,
  series: [status, offset, maxError],
  read: (host, out) => readAll(host, out).catch(failure),
}
