import type { Expr } from '../promql/syntax.ts'
import { matcher } from '../store/matcher.ts'
import type { Querier } from '../store/store.ts'
import { askVector, lookbackMs } from './ask.ts'
import type { Observation } from './observe.ts'
import type { Reach } from './reach.ts'
import { rowKey, sampleTimes } from './senses.ts'

/** Most earlier moments tried for one alert; beyond that the start is the earliest one tried. */
const probesPerAlert = 32

/** Most evaluations of an expression over all instances in one step, since each costs as much as the rule itself. */
const wholeProbes = 8

/** Most evaluations for one step of a rule over all its new alerts (a storm must not stop the rules). */
const probesPerStep = 2_000

/**
 * Where the condition of newly active alerts began: the time of the earliest sample from which on, sample by sample, it
 * held without a break up to `now`. By observation key; epoch milliseconds, never after `now`.
 *
 * The rule is evaluated again at the times of the samples behind the row, newest first, until it does not hold. The
 * search goes past the previous evaluation, back to `floors` (default: one look-back), because samples may arrive after
 * the time they carry: `up` = 0 is written at the last heartbeat + 1 ms some seconds later, and the fault began there.
 */
export function findStarts(
  expr: Expr, reach: Reach, fresh: readonly Observation[], querier: Querier, now: number, floors: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  return reach.perInstance ? startsPerInstance(expr, reach, fresh, querier, now, floors) : startsTogether(expr, reach, fresh, querier, now, floors)
}

function timesOf(reach: Reach, observation: Observation, querier: Querier, now: number, floors: ReadonlyMap<string, number>, most: number): readonly number[] {
  const from = Math.max(floors.get(observation.key) ?? -Infinity, now - lookbackMs)
  return sampleTimes(reach, observation.result, querier, from, now, most)
}

/** Each instance by itself: cheap, the querier sees only its series. */
function startsPerInstance(
  expr: Expr, reach: Reach, fresh: readonly Observation[], querier: Querier, now: number, floors: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const starts = new Map<string, number>()
  let budget = probesPerStep
  for (const observation of fresh) {
    const instance = observation.result['instance']
    const narrowed = instance === undefined ? querier : onInstance(querier, instance)
    const key = rowKey(observation.result)
    let start = now
    for (const time of timesOf(reach, observation, querier, now, floors, probesPerAlert)) {
      if (budget-- <= 0 || !holds(expr, narrowed, time).has(key)) break
      start = time
    }
    starts.set(observation.key, start)
  }
  return starts
}

/** All at once: every moment is evaluated over everything, so there are few of them. */
function startsTogether(
  expr: Expr, reach: Reach, fresh: readonly Observation[], querier: Querier, now: number, floors: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const own = fresh.map((observation) => ({ observation, times: new Set(timesOf(reach, observation, querier, now, floors, wholeProbes)) }))
  const moments = [...new Set(own.flatMap(({ times }) => [...times]))].sort((a, b) => b - a).slice(0, wholeProbes)
  const starts = new Map(fresh.map((observation) => [observation.key, now]))
  let running = own
  for (const moment of moments) {
    if (running.length === 0) break
    const rows = holds(expr, querier, moment)
    running = running.filter(({ observation, times }) => {
      if (!times.has(moment)) return true
      if (!rows.has(rowKey(observation.result))) return false
      starts.set(observation.key, moment)
      return true
    })
  }
  return starts
}

/** Rows of the result at that time. An expression that fails there holds for none. */
function holds(expr: Expr, querier: Querier, at: number): ReadonlySet<string> {
  return new Set(askVector(expr, querier, at).map((sample) => rowKey(sample.labels)))
}

function onInstance(querier: Querier, instance: string): Querier {
  const own = matcher('instance', '=', instance)
  return { select: (matchers, fromMs, toMs) => querier.select([...matchers, own], fromMs, toMs) }
}
