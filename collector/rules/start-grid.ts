import { EvaluationError } from '../promql/errors.ts'
import { trailingRuns } from '../promql/evaluate.ts'
import type { Work } from '../promql/work.ts'
import type { SeriesSamples } from '../store/store.ts'
import { lookbackMs } from './ask.ts'
import { indexByInstance } from './by-instance.ts'
import { belongs } from './reach.ts'
import type { Reading } from './reach.ts'
import { rowKey } from './senses.ts'
import type { StartSearch } from './start.ts'
import { countBefore, windowsOver, type Windows } from './windows.ts'

/** Distance of the grid's points: how exact a start is before it is moved to its sample. */
const stepMs = 1_000

/** Points of the first stretch looked at: a little more than one interval of evaluation and sampling. */
const firstStretch = 20

/** Most series looked through for the sample behind one row; beyond that the grid's point stands. */
const seriesPerRow = 2_000

/** One alert on its way back in time. */
interface Trail {
  readonly key: string
  readonly result: StartSearch['fresh'][number]['result']
  readonly floor: number
  /** Earliest grid point found so far. */
  at: number
}

/**
 * The starts of many alerts at once: the rule is evaluated over a stretch of grid points before `now`, then over the one
 * before that, twice as long, for those that held all through, until none is left, one look-back is covered or the budget
 * is used up. A start found is then moved to a sample behind its row: the newest one between its grid point and the one
 * before, since nothing else turns most conditions.
 */
export function* startsOnGrid(search: StartSearch): Work<ReadonlyMap<string, number>> {
  const { fresh, now, floors, querier, reach } = search
  const trails = fresh.map(({ key, result }): Trail => ({ key, result, floor: Math.max(floors.get(key) ?? -Infinity, now - lookbackMs), at: now }))
  const windows = windowsOver(querier, 0)
  let running = new Map(trails.map((trail) => [rowKey(trail.result), trail]))
  for (let end = now, steps = firstStretch; running.size > 0 && end > now - lookbackMs; end -= steps * stepMs, steps *= 2) {
    const most = Math.min(steps, Math.ceil((end - (now - lookbackMs)) / stepMs))
    const next = yield* walkStretch(search, windows, running, end, most)
    if (next === undefined) break
    running = next
  }
  const nearest = reach.selectors.filter(({ selector }) => selector.fixed === undefined).map((reading) => samplesOf(reading, windows, now))
  const starts = new Map<string, number>()
  for (const trail of trails) {
    starts.set(trail.key, atSample(trail, nearest, reach.written, now))
    yield
  }
  return starts
}

/** Moves the trails back over one stretch; gives those that held all through it, undefined when nothing could be evaluated. */
function* walkStretch({ expr, budget }: StartSearch, windows: Windows, running: ReadonlyMap<string, Trail>, end: number, steps: number): Work<Map<string, Trail> | undefined> {
  if (budget.left <= 0) return undefined
  const before = windows.size()
  const next = new Map<string, Trail>()
  try {
    for (const run of yield* trailingRuns(expr, windows, end, stepMs, steps, { lookbackMs, lazy: true, maxSamples: budget.left })) {
      const key = rowKey(run.labels)
      const trail = running.get(key)
      if (trail === undefined) continue
      const held = Math.min(run.steps, Math.ceil((end - trail.floor) / stepMs))
      if (held < 1) continue
      trail.at = end - (held - 1) * stepMs
      if (held === steps) next.set(key, trail)
    }
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
    // Too much for the budget, or a match that is ambiguous somewhere on the way: what is known so far stands.
    if (error.kind === 'limit') budget.left = 0
    return undefined
  }
  budget.left -= windows.size() - before + windows.series() * steps
  return next
}

/** A selector's series by instance, and how much later than their samples an evaluation sees them. */
interface Behind {
  readonly shiftMs: number
  readonly series: ReadonlyMap<string, readonly SeriesSamples[]>
}

function samplesOf({ selector }: Reading, windows: Windows, now: number): Behind {
  const shiftMs = selector.newerMs
  return { shiftMs, series: indexByInstance(windows.read(selector.matchers) ?? windows.select(selector.matchers, now - shiftMs - lookbackMs, now - shiftMs)) }
}

/** The newest sample of the second that ends with the trail, else (time alone turned the condition) the first one after it. */
function atSample({ at, result, floor }: Trail, nearest: readonly Behind[], written: ReadonlySet<string>, now: number): number {
  const instance = written.has('instance') ? undefined : result['instance']
  let newest = -Infinity
  let next = now
  for (const { shiftMs, series } of nearest) {
    const among = instance === undefined ? [...series.values()].flat() : [...(series.get(instance) ?? []), ...(series.get('') ?? [])]
    if (among.length > seriesPerRow) return at
    for (const one of among) {
      const count = countBefore(one.times, at - shiftMs + 1)
      const before = (one.times[count - 1] ?? -Infinity) + shiftMs
      const after = (one.times[count] ?? Infinity) + shiftMs
      if ((before <= newest && after >= next) || !belongs(one.labels, result, written)) continue
      newest = Math.max(newest, before)
      next = Math.min(next, after)
    }
  }
  return newest > at - stepMs && newest > floor ? newest : next
}
