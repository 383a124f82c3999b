/**
 * What to do with rows whose agent has a wrong clock. Pure.
 *
 * Refusing them would lose data (for good) or hold the agent's fresh data back (for later, which its link does by
 * waiting). Storing a row in the future as it is would poison the stream: its watermark would lie ahead of every true
 * sample, so rules would judge that moment and nothing else until real time catches up. So such rows are **moved**, whole
 * batch by one amount, and counted (`restampedRows`); nothing is refused for its time. The amount is the first of these
 * that puts the batch's newest row between 2020 and ten minutes from now:
 *
 * 1. nothing, when the clock agrees with ours within ten minutes;
 * 2. the clock's offset as the hello showed it: a wrong time zone or a dead battery, the same for rows of the backlog;
 * 3. what the last fresh batch of this connection was moved by: the clock was stepped while connected, and rows that
 *    come in one burst, or late, keep their distances. (Each by its own arrival, they would get one time, and an answer
 *    shows only one sample of a time.)
 * 4. for fresh rows, what puts the newest at the time it arrived: the first after such a step;
 * 5. for the backlog, a guess by number: batch `seq` was read about `(next − seq) × interval` before the hello, or that
 *    long after it. It keeps order and pace, and never reaches into the future. For rows of a clock that has since been
 *    set right, their true time is known to nobody.
 */

/** Rows may lie this far ahead of our clock, and a fresh row this far behind it, before the clock is called wrong. */
export const TOLERANCE_MS = 600_000
/** 2020-01-01: nothing this product collected can be older. */
export const EARLIEST_MS = 1_577_836_800_000

/** What the hello said about time, and when it came by our clock. */
export interface ClockView {
  readonly helloAt: number
  readonly receivedAt: number
  /** Number of the first batch made after the hello. */
  readonly next: number
  readonly intervalMs: number
  /** What the last fresh batch of the connection that had to be moved was moved by; undefined: none had. */
  readonly movedMs?: number | undefined
}

/** Milliseconds to take off every time in a batch whose newest row says `newestAt`. */
export function clockShift(view: ClockView, batch: { readonly seq: number; readonly late: boolean; readonly newestAt: number }, now: number): number {
  const { newestAt, late, seq } = batch
  const plausible = (at: number): boolean => at >= EARLIEST_MS && at <= now + TOLERANCE_MS
  const offset = view.helloAt - view.receivedAt
  const wrong = Math.abs(offset) > TOLERANCE_MS
  const near = Math.abs(newestAt - now) <= TOLERANCE_MS
  if (near) return 0
  if (wrong && plausible(newestAt - offset) && (late || Math.abs(newestAt - offset - now) <= TOLERANCE_MS)) return offset
  if (plausible(newestAt)) return 0
  const { movedMs } = view
  if (movedMs !== undefined && plausible(newestAt - movedMs) && (late || Math.abs(newestAt - movedMs - now) <= TOLERANCE_MS)) return movedMs
  if (!late) return newestAt - now
  const guess = Math.min(now, view.receivedAt - (view.next - seq) * view.intervalMs)
  return newestAt - Math.max(EARLIEST_MS, guess)
}
