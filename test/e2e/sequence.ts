/**
 * Readings whose every value says where it belongs: tick number `n` counts up for as long as the journal lives, over any
 * number of restarts, and all series, events and checks of a tick follow from it. Pure.
 */
import { gauge, type SeriesSpec } from '../../protocol/series.ts'

export const tickSpec = gauge('sequence_tick', 'Number of the tick.')
export const partSpec = gauge('sequence_part', 'A value that follows from the tick and the part.', 'part')
export const nowAndThenSpec = gauge('sequence_now_and_then', 'There in seven ticks, gone in the next seven.')
export const noNumberSpec = gauge('sequence_no_number', 'The number of the tick, or NaN in every eleventh.')

export const sequenceSpecs: readonly SeriesSpec[] = [tickSpec, partSpec, nowAndThenSpec, noNumberSpec]

/** One event and one check result every so many ticks. */
export const EVENT_EVERY = 5

/** One reading: undefined means that the series is not there in this tick. */
export interface Cell {
  readonly spec: SeriesSpec
  readonly values: readonly string[]
  readonly value: number | undefined
}

/** Everything that tick `n` reads, the tick's own number first. */
export function cellsOf(n: number): readonly Cell[] {
  return [
    { spec: tickSpec, values: [], value: n },
    { spec: partSpec, values: ['甲'], value: n * 3 + 1 },
    { spec: partSpec, values: ['乙'], value: n / 8 },
    { spec: partSpec, values: ['丙'], value: -n * 4096 },
    { spec: nowAndThenSpec, values: [], value: Math.floor(n / 7) % 2 === 0 ? n : undefined },
    { spec: noNumberSpec, values: [], value: n % 11 === 0 ? Number.NaN : n },
  ]
}

/** Text of tick `n`'s event; undefined where it has none. */
export function eventOf(n: number): string | undefined {
  return n % EVENT_EVERY === 0 ? `第 ${n} 次读数` : undefined
}

/** Text of tick `n`'s check result; undefined where it has none. */
export function checkOf(n: number): string | undefined {
  return n % EVENT_EVERY === 2 ? `检查 ${n}` : undefined
}

/** Seconds since boot, as /proc/uptime has them: a clock that nobody steps. */
export function uptimeOf(text: string): number {
  return Number(text.split(' ')[0])
}

/** One line of the journal, written and synced before the spool gets the reading. */
export type JournalLine =
  /** A life began; `kept`: ticks that lie in the spool's folder, acknowledged or not. */
  | { readonly kind: 'life'; readonly life: number; readonly epoch: string; readonly kept: readonly number[] }
  /** `at`: what the agent's clock said. The counters are as of the tick before. */
  | { readonly kind: 'tick'; readonly life: number; readonly n: number; readonly at: number; readonly uptime: number; readonly dropped: number; readonly diskErrors: number; readonly late: number; readonly sent: number; readonly refused: number }

/** Parses a journal; a torn last line counts as not written. */
export function readJournal(text: string): readonly JournalLine[] {
  const lines = text.split('\n')
  lines.pop()
  return lines.map((line) => JSON.parse(line) as JournalLine)
}
