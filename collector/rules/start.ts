import { EvaluationError } from '../promql/errors.ts'
import type { Expr } from '../promql/syntax.ts'
import type { Work } from '../promql/work.ts'
import { matcher } from '../store/matcher.ts'
import type { Querier } from '../store/store.ts'
import { askVector, lookbackMs } from './ask.ts'
import type { Observation } from './observe.ts'
import type { Reach } from './reach.ts'
import { rowKey, sampleTimes } from './senses.ts'
import { startsOnGrid } from './start-grid.ts'
import { windowsOver } from './windows.ts'

/** Most earlier moments tried for one alert; beyond that the start is the earliest one tried. */
const probesPerAlert = 32

/** Up to how many new alerts of a rule are searched one by one; more are searched together. */
const fewAlerts = 8

/** What may still be spent on finding starts, in samples and cells looked at. */
export interface SearchBudget {
  left: number
}

/** A pass's budget: some tenths of a second when used up. Alerts that get nothing of it start when they were seen. */
export function searchBudget(): SearchBudget {
  return { left: 8_000_000 }
}

/**
 * Where the condition of newly active alerts began: the time of the earliest sample from which on, sample by sample, it
 * held without a break up to `now`. By observation key; epoch milliseconds, never after `now`.
 *
 * The search goes past the previous evaluation, back to `floors` (default: one look-back), because samples may arrive
 * after the time they carry: `up` = 0 is written at the last heartbeat + 1 ms some seconds later, and the fault began
 * there. A few alerts are searched one by one, at the very times of their samples; many at once (or rows that depend on
 * several instances) on a grid of a second, over everything the rule reads. What the budget no longer covers is left at
 * the earliest moment found so far, `now` at the latest.
 */
export function* findStarts(
  expr: Expr, reach: Reach, fresh: readonly Observation[], querier: Querier, now: number, floors: ReadonlyMap<string, number>, budget: SearchBudget = searchBudget(),
): Work<ReadonlyMap<string, number>> {
  const search = { expr, reach, fresh, querier, now, floors, budget }
  return yield* reach.perInstance && fresh.length <= fewAlerts ? startsOneByOne(search) : startsOnGrid(search)
}

/** What is searched for, and in what. */
export interface StartSearch {
  readonly expr: Expr
  readonly reach: Reach
  readonly fresh: readonly Observation[]
  readonly querier: Querier
  readonly now: number
  readonly floors: ReadonlyMap<string, number>
  readonly budget: SearchBudget
}

/** Each instance by itself: the rule is evaluated over its series at the times of its samples, newest first. */
function* startsOneByOne({ expr, reach, fresh, querier, now, floors, budget }: StartSearch): Work<ReadonlyMap<string, number>> {
  const starts = new Map<string, number>()
  for (const observation of fresh) {
    const instance = observation.result['instance']
    const windows = windowsOver(instance === undefined ? querier : onInstance(querier, instance), lookbackMs)
    const key = rowKey(observation.result)
    const from = Math.max(floors.get(observation.key) ?? -Infinity, now - lookbackMs)
    let start = now
    for (const time of sampleTimes(reach, observation.result, querier, from, now, probesPerAlert)) {
      if (budget.left <= 0 || !holds(expr, windows, time, key)) break
      start = time
      yield
    }
    budget.left -= windows.size()
    starts.set(observation.key, start)
  }
  return starts
}

/** Whether the row is in the result at that time. An expression that fails there holds for none. */
function holds(expr: Expr, querier: Querier, at: number, key: string): boolean {
  try {
    return askVector(expr, querier, at).some((sample) => rowKey(sample.labels) === key)
  } catch (error) {
    if (error instanceof EvaluationError) return false
    throw error
  }
}

function onInstance(querier: Querier, instance: string): Querier {
  const own = matcher('instance', '=', instance)
  return { select: (matchers, fromMs, toMs) => querier.select([...matchers, own], fromMs, toMs) }
}
