import type { Row } from '../../protocol/batch.ts'
import type { CheckResult, Event, Fact } from '../../protocol/events.ts'
import { type Labels, type SeriesSpec, counter, gauge } from '../../protocol/series.ts'
import type { Host } from '../host.ts'
import { dueCadences } from './cadence.ts'
import { type Report, type Seat, cpuMeter, createSeat } from './seat.ts'
import { selfSource } from './self.ts'
import type { Cadence, SeriesRef, Source } from './source.ts'
import { createSeriesTable } from './table.ts'

const success = gauge('node_scrape_collector_success', 'Whether a collector succeeded; one that has nothing to read here succeeds.', 'collector')
const duration = gauge('node_scrape_collector_duration_seconds', 'Duration of a collector scrape.', 'collector')
const cpuSeconds = counter('zhishou_source_cpu_seconds_total', 'CPU time of the agent spent in the synchronous part of a source.', 'source')

/** What one tick gives to the batch. */
export interface Reading {
  /** Time of the tick, epoch milliseconds; its `tick` row has it too. A `minute` or `hour` row may be one tick older. */
  readonly at: number
  readonly rows: Row[]
  readonly events: readonly Event[]
  readonly facts: readonly Fact[]
  readonly checks: readonly CheckResult[]
}

export interface CollectorOptions {
  readonly host: Host
  readonly sources: readonly Source[]
  readonly intervalMs: number
  /** Names of sources that are switched off. */
  readonly disabled: Iterable<string>
  /** Most series over all groups; readings of new ones beyond it are refused and counted. */
  readonly seriesLimit: number
  /** The agent's version, for `zhishou_agent_info`. */
  readonly version?: string
  /** Longest a tick waits for sources that answer later; a second, or a quarter of a shorter interval, where not given. */
  readonly graceMs?: number
}

export interface Collector {
  /**
   * Reads what is due. Resolves after the grace time at the latest, whatever the sources do; never rejects. An aborted
   * signal ends the waiting and tells every read that is under way to stop. One call at a time.
   */
  tick(now: number, signal: AbortSignal): Promise<Reading>
  /** Whether there are sources that may have something to tell between two ticks. */
  readonly pushes: boolean
  /**
   * Reads the `push` sources if one of them has something that should not wait for the tick; undefined: none has, or an
   * answer is late and comes with the tick. Not before the first tick, and never together with one.
   */
  between(now: number, signal: AbortSignal): Promise<Reading | undefined>
  /** Columns of a group, only ever growing. */
  columns(group: string): readonly Labels[]
  /** Every metric that may come, each name once. */
  readonly specs: readonly SeriesSpec[]
}

function isGood(report: Report | undefined): boolean {
  return report === undefined || report.kind === 'ok' || report.kind === 'absent'
}

function later(ms: number, signal: AbortSignal, answered: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    void answered.then(done)
  })
}

/**
 * Who runs when. Every source that is due is started; those that answer at once (nearly all) are done then, for the
 * others the tick waits a grace time together. What comes later than that is in the next row of its group, and a source
 * that is still out is not started a second time.
 *
 * The `tick` and `push` rows are closed with their tick. A `minute` or `hour` row whose sources are not all back is left
 * open until the next tick, under its own time, so that a slow program does not make its reading a minute or an hour late.
 */
export function createCollector(options: CollectorOptions): Collector {
  const { host } = options
  const graceMs = options.graceMs ?? Math.min(1_000, options.intervalMs / 4)
  const disabled = new Set(options.disabled)
  const table = createSeriesTable(options.seriesLimit)
  // The agent's own come first: their series must be there when the limit is reached.
  const enabled = [selfSource(options.version ?? 'unknown', table.refused), ...options.sources.filter((source) => !disabled.has(source.name))]
  let last: number | undefined
  const open = new Map<Cadence, number>()

  const spent = cpuMeter()
  const seats: readonly Seat[] = enabled.map((source) => createSeat(source, tellChange, spent))

  // A row is of the whole group: when one of them has something to tell, all are read.
  const pushing = seats.filter((seat) => seat.source.cadence === 'push')
  /** Reads of them that are under way: a row without their answers would say that their series are gone. */
  let pushingOut = 0

  const reportRefs = new Map<Seat, { readonly cpu: SeriesRef; readonly success: SeriesRef; readonly duration: SeriesRef }>()

  /** One event when a source begins to fail, none while it stays so: the series tell how long. */
  function tellChange(source: Source, before: Report | undefined, after: Report): void {
    if (isGood(after) || !isGood(before)) return
    const text = after.kind === 'hung' ? `采集源 ${source.name} 超时未返回：${after.why}` : `采集源 ${source.name} 读取失败：${after.why}`
    table.sink(source.cadence).event({
      kind: 'source-failed',
      rule: source.name,
      severity: 'warning',
      at: host.now(),
      text: text.slice(0, 1_000),
      labels: { collector: source.name },
    })
  }

  function writeReports(cadence: Cadence): void {
    const out = table.sink(cadence)
    for (const seat of seats) {
      if (seat.source.cadence !== cadence) continue
      const { name } = seat.source
      // A hundred look-ups a tick otherwise. Refused ones are asked for again, so that they are counted.
      let refs = reportRefs.get(seat)
      if (refs === undefined) {
        refs = { cpu: out.series(cpuSeconds, name), success: out.series(success, name), duration: out.series(duration, name) }
        if (refs.cpu >= 0 && refs.success >= 0 && refs.duration >= 0) reportRefs.set(seat, refs)
      }
      out.sample(refs.cpu, seat.cpuSeconds())
      const report = seat.report()
      if (report === undefined) continue
      out.sample(refs.success, isGood(report) ? 1 : 0)
      out.sample(refs.duration, report.seconds)
    }
  }

  function close(cadence: Cadence, at: number, rows: Row[]): void {
    open.delete(cadence)
    writeReports(cadence)
    const row = table.row(cadence, at)
    if (row !== undefined) rows.push(row)
  }

  return {
    columns: table.columns,
    specs: [...new Map([...enabled.flatMap((source) => source.series), success, duration, cpuSeconds].map((spec) => [spec.name, spec])).values()],
    async tick(now, signal) {
      const rows: Row[] = []
      for (const [cadence, at] of open) close(cadence, at, rows)
      const due: readonly Cadence[] = [...dueCadences(now, last), 'push']
      last = now

      const waiting = new Map<Cadence, number>()
      const answers: Promise<void>[] = []
      // What was spent since the last tick is no source's.
      spent()
      for (const seat of seats) {
        const { cadence } = seat.source
        if (!due.includes(cadence)) continue
        const answer = seat.start(host, table.sink(cadence))
        if (answer === undefined) continue
        waiting.set(cadence, (waiting.get(cadence) ?? 0) + 1)
        if (cadence === 'push') pushingOut++
        answers.push(answer.then(() => {
          waiting.set(cadence, (waiting.get(cadence) ?? 1) - 1)
          if (cadence === 'push') pushingOut--
        }))
      }
      if (answers.length > 0 && !signal.aborted) await later(graceMs, signal, Promise.all(answers))
      if (signal.aborted) for (const seat of seats) seat.abort()

      for (const cadence of due) {
        if (cadence !== 'tick' && cadence !== 'push' && (waiting.get(cadence) ?? 0) > 0) open.set(cadence, now)
        else close(cadence, now, rows)
      }
      return { at: now, rows, ...table.gathered() }
    },
    pushes: pushing.length > 0,
    async between(now, signal) {
      if (last === undefined || pushingOut > 0 || !pushing.some((seat) => seat.source.waits?.(host) === true)) return undefined
      spent()
      const answers: Promise<void>[] = []
      for (const seat of pushing) {
        const answer = seat.start(host, table.sink('push'))
        if (answer === undefined) continue
        pushingOut++
        answers.push(answer.then(() => void pushingOut--))
      }
      if (answers.length > 0 && !signal.aborted) await later(graceMs, signal, Promise.all(answers))
      if (pushingOut > 0) return undefined
      const rows: Row[] = []
      close('push', now, rows)
      return { at: now, rows, ...table.gathered() }
    },
  }
}
