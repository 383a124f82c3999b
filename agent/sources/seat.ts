import type { Host } from '../host.ts'
import type { Outcome, Sink, Source } from './source.ts'
import { failure } from './steps.ts'

/** How the last read of a source went. */
export interface Report {
  readonly kind: 'ok' | 'absent' | 'failed' | 'hung'
  readonly seconds: number
  /** Why it failed; '' when it did not. */
  readonly why: string
}

/** One source at its place in the schedule, with the read that may be under way. */
export interface Seat {
  readonly source: Source
  /** CPU seconds spent in the synchronous part of the source's reads. */
  cpuSeconds(): number
  /** Of the last read that ended or ran out of time; a hung one's duration keeps growing. Undefined before the first. */
  report(): Report | undefined
  /**
   * Starts a read unless one is still out, and says when it is answered: undefined at once (it was, synchronously, or
   * nothing was started), else a promise that always resolves, at the latest after `timeoutMs`.
   */
  start(host: Host, out: Sink): Promise<void> | undefined
  /** Tells a read that is under way to stop. */
  abort(): void
}

function reportOf(outcome: Outcome<void>, seconds: number): Report {
  switch (outcome.kind) {
    case 'ok':
      return { kind: 'ok', seconds, why: '' }
    case 'absent':
      return { kind: 'absent', seconds, why: '' }
    case 'failed':
      return { kind: 'failed', seconds, why: messageOf(outcome.error) }
  }
}

function messageOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

/**
 * Says how many microseconds of CPU time the process has spent since it was last asked. One meter for all seats of a
 * tick: getrusage sums over all threads, and asking before and after each source was 5 % of the agent's CPU in a profile.
 */
export function cpuMeter(): () => number {
  let before = process.cpuUsage()
  return () => {
    const now = process.cpuUsage()
    const spent = now.user + now.system - before.user - before.system
    before = now
    return spent
  }
}

/**
 * Seats a source. Whatever it does (throws, rejects, never answers) ends as a report. A read past its time is reported as
 * hung and aborted; while it is still out, the source is not started again, and its late outcome is dropped. `spent` is a
 * CPU meter that was asked just before `start`.
 */
export function createSeat(source: Source, changed: (source: Source, before: Report | undefined, after: Report) => void, spent: () => number): Seat {
  let cpuMicroseconds = 0
  let report: Report | undefined
  let out: { readonly startedMs: number; readonly controller: AbortController } | undefined
  // Kept from read to read until it is used up: making one took 35 us on Node 16 in a profile, for each source of each tick.
  let controller = new AbortController()

  const conclude = (next: Report): void => {
    const before = report
    report = next
    changed(source, before, next)
  }

  return {
    source,
    cpuSeconds: () => cpuMicroseconds / 1e6,
    report() {
      if (report?.kind === 'hung' && out !== undefined) return { ...report, seconds: (performance.now() - out.startedMs) / 1000 }
      return report
    },
    abort: () => out?.controller.abort(),
    start(host, sink) {
      if (out !== undefined) return undefined
      if (controller.signal.aborted) controller = new AbortController()
      const read = { startedMs: performance.now(), controller }
      // Whole microseconds: a longer fraction fits no decimal unit of a packed column and costs 8 bytes and 13 tries each.
      const seconds = (): number => Math.round((performance.now() - read.startedMs) * 1000) / 1e6
      let answer: Promise<Outcome<void>> | Outcome<void>
      try {
        answer = source.read(host, sink, read.controller.signal)
      } catch (error) {
        answer = failure(error)
      }
      cpuMicroseconds += spent()
      if (!(answer instanceof Promise)) {
        conclude(reportOf(answer, seconds()))
        return undefined
      }
      out = read
      const pending = answer
      return new Promise((resolve) => {
        let inTime = true
        const timer = setTimeout(() => {
          inTime = false
          conclude({ kind: 'hung', seconds: seconds(), why: `no answer within ${source.timeoutMs} ms` })
          read.controller.abort()
          resolve()
        }, source.timeoutMs)
        const end = (outcome: Outcome<void>): void => {
          out = undefined
          if (!inTime) return
          clearTimeout(timer)
          conclude(reportOf(outcome, seconds()))
          resolve()
        }
        pending.then(end, (error: unknown) => end(failure(error)))
      })
    },
  }
}
