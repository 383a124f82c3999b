import type { CheckResult, Event, Fact } from './events.ts'
import type { Labels } from './series.ts'

/**
 * Samples travel and are stored as **rows of groups**. A group is the series that one agent reads together (one per
 * cadence: `tick`, `push`, `minute`, `hour`); its columns only ever grow while the agent runs. A row is one reading of the
 * group: a time and one float64 per column, the stale mark (`stale.ts`) where a series was not there. So a sample
 * carries no label, no id and no time of its own.
 */
export interface GroupColumns {
  /** `tick`, `push`, `minute`, `hour`; unique per agent. */
  readonly group: string
  /** Label sets by column, without `instance` and `job`. */
  readonly columns: readonly Labels[]
}

/** One reading of a group. `values.length` may be less than the group's columns now: later ones were not there yet. */
export interface Row {
  readonly group: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly values: Float64Array
}

/** What one tick yields and one number stands for: accepted whole or not at all. */
export interface Batch {
  /** Counts from 1 within a spool epoch, without gaps. */
  readonly seq: number
  readonly rows: readonly Row[]
  readonly events: readonly Event[]
  readonly facts: readonly Fact[]
  readonly checks: readonly CheckResult[]
}

/** Inclusive ranges of batch numbers, ascending, not touching: what has been accepted of one epoch. */
export type SeqRanges = readonly (readonly [from: number, to: number])[]
