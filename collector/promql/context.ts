import type { Labels } from '../../protocol/series.ts'
import type { LatestSamples, Querier, SeriesSamples } from '../store/store.ts'
import type { Block } from './block.ts'
import { EvaluationError, Notes } from './errors.ts'
import type { Plans } from './plans.ts'
import { printMatcher } from './print.ts'
import { storedRow, type Row } from './rows.ts'
import { bare, children, type At, type Expr, type VectorSelector } from './syntax.ts'

export interface EvaluateOptions {
  /** How old the newest sample may be for an instant selector. Default 5 minutes. */
  readonly lookbackMs?: number
  /** Step of a subquery that names none. Default 1 minute. */
  readonly defaultStepMs?: number
  /** Most samples one query may read and compute, summed over all its parts. Default 50 million. */
  readonly maxSamples?: number
  /** Most series one selector may find. Default: no limit. */
  readonly maxSeries?: number
  /** What earlier evaluations of the same tree have worked out about label sets; for trees that are evaluated again and again. */
  readonly plans?: Plans
  /** Results of parts that several queries of one time share; only instant evaluations look there. */
  readonly shared?: SharedResults
  /**
   * Whether an operand that cannot change the result is left out: `and`, arithmetic and comparisons are empty when one
   * side is. A mistake that only the data of that operand show (many-to-many matches) is then not seen.
   */
  readonly lazy?: boolean
  /** Called now and then; throws to stop the evaluation (deadline, client gone). */
  readonly check?: () => void
}

/** Results that outlive one query. The owner sees to it that all of them are of one time and of the same data. */
export interface SharedResults {
  get(node: Expr): Result | undefined
  set(node: Expr, result: Result): void
}

/** One series' samples for a range function, stale marks already taken out. */
export interface MatrixSeries {
  readonly row: Row
  readonly drop: boolean
  readonly times: Float64Array
  readonly values: Float64Array
}

/** A range vector at every step: the window of step i is `(ends[i] - rangeMs, ends[i]]`. */
export interface Matrix {
  readonly series: readonly MatrixSeries[]
  readonly ends: Float64Array
  readonly rangeMs: number
}

export type Result =
  | { readonly kind: 'scalar'; readonly values: Float64Array }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'vector'; readonly block: Block }

/** The functions that evaluate a node; handed down so that no file needs evaluate.ts back. */
export interface Evaluator {
  evaluate(expr: Expr, context: Context): Result
  matrix(expr: Expr, context: Context): Matrix
}

/** What one query shares over all its parts. */
interface Shared {
  readonly querier: Querier
  readonly evaluator: Evaluator
  readonly startMs: number
  readonly endMs: number
  readonly stepMs: number
  readonly options: EvaluateOptions
  readonly notes: Notes
  readonly selected: Map<string, readonly SeriesSamples[]>
  samples: number
  /** Work done since `check` was called last. */
  work: number
}

/** The grid of times at which a node is evaluated, and everything it needs for that. */
export class Context {
  readonly #shared: Shared
  readonly startMs: number
  readonly stepMs: number
  readonly steps: number
  /** Results of parts that were evaluated before the part above them asks. */
  readonly #ahead = new Map<Expr, Result>()
  readonly #matricesAhead = new Map<Expr, Matrix>()

  private constructor(shared: Shared, startMs: number, stepMs: number, steps: number) {
    this.#shared = shared
    this.startMs = startMs
    this.stepMs = stepMs
    this.steps = steps
  }

  /** The context of a whole query. */
  static root(
    querier: Querier, evaluator: Evaluator, window: { startMs: number; endMs: number; stepMs: number }, options: EvaluateOptions,
  ): Context {
    const { startMs, endMs, stepMs } = window
    const steps = stepMs === 0 ? 1 : Math.floor((endMs - startMs) / stepMs) + 1
    options.check?.()
    const shared = { querier, evaluator, startMs, endMs, stepMs, options, notes: new Notes(), selected: new Map(), samples: 0, work: 0 }
    return new Context(shared, startMs, stepMs, steps)
  }

  /** The same query on another grid (a subquery's). */
  on(startMs: number, stepMs: number, steps: number): Context {
    return new Context(this.#shared, startMs, stepMs, steps)
  }

  time(step: number): number {
    return this.startMs + step * this.stepMs
  }

  get notes(): Notes {
    return this.#shared.notes
  }

  get lookbackMs(): number {
    return this.#shared.options.lookbackMs ?? 300_000
  }

  get defaultStepMs(): number {
    return this.#shared.options.defaultStepMs ?? 60_000
  }

  /** The whole query's window, whatever grid this is. stepMs is 0 for an instant query. */
  get query(): { readonly startMs: number; readonly endMs: number; readonly stepMs: number } {
    return this.#shared
  }

  /** The time an `@` names; undefined without one. */
  atMs(at: At | undefined): number | undefined {
    if (at === undefined) return undefined
    return at.kind === 'time' ? at.ms : at.kind === 'start' ? this.#shared.startMs : this.#shared.endMs
  }

  /** Counts samples against the query's limit; called before memory for them is taken. */
  spend(samples: number): void {
    const shared = this.#shared
    shared.samples += samples
    if (shared.samples > (shared.options.maxSamples ?? 50_000_000)) {
      throw new EvaluationError('limit', 'query processing would load too many samples into memory in query execution')
    }
    this.tick(samples)
  }

  /** Counts values looked at and calls the caller's check from time to time: some milliseconds apart at most. */
  tick(values: number): void {
    const shared = this.#shared
    shared.work += values
    if (shared.work < 100_000) return
    shared.work = 0
    shared.options.check?.()
  }

  get lazy(): boolean {
    return this.#shared.options.lazy === true
  }

  get plans(): Plans | undefined {
    return this.#shared.options.plans
  }

  /** Where results are shared with other queries; undefined on any other grid than an instant query's own. */
  get shared(): SharedResults | undefined {
    return this.#shared.stepMs === 0 && this.stepMs === 0 ? this.#shared.options.shared : undefined
  }

  /** The rows of a selector's series. */
  rows(node: Expr, labels: readonly Labels[]): readonly Row[] {
    return this.plans === undefined ? labels.map(storedRow) : this.plans.selected(node, labels)
  }

  /** The node's block, its rows in the array of the last evaluation where they are the same. */
  steady(node: Expr, block: Block): Block {
    const rows = this.plans?.steady(node, block.rows) ?? block.rows
    return rows === block.rows ? block : { ...block, rows }
  }

  /** The newest sample of each series at one time, for an instant selector; undefined where the querier cannot tell. */
  latest(selector: VectorSelector, atMs: number): LatestSamples | undefined {
    const { querier, options } = this.#shared
    const found = querier.selectLatest?.(selector.matchers, atMs, this.lookbackMs)
    if (found === undefined) return undefined
    if (options.maxSeries !== undefined && found.labels.length > options.maxSeries) throw tooManySeries(found.labels.length, options.maxSeries)
    this.spend(found.labels.length)
    return found
  }

  /** A selector's series between two times, both included; fetched once even when the query names it twice. */
  select(selector: VectorSelector, fromMs: number, toMs: number): readonly SeriesSamples[] {
    const shared = this.#shared
    const key = `${selector.matchers.map(printMatcher).join()} ${fromMs} ${toMs}`
    const known = shared.selected.get(key)
    if (known !== undefined) return known
    const series = shared.querier.select(selector.matchers, fromMs, toMs)
    const limit = shared.options.maxSeries
    if (limit !== undefined && series.length > limit) {
      throw tooManySeries(series.length, limit)
    }
    let samples = 0
    for (const one of series) samples += one.times.length
    this.spend(samples)
    shared.selected.set(key, series)
    return series
  }

  evaluate(expr: Expr): Result {
    return this.#ahead.get(expr) ?? this.#shared.evaluator.evaluate(expr, this)
  }

  /** Evaluates a part (also a range vector; none in parentheses) and keeps it, in the place of what was kept for it. */
  evaluateAhead(expr: Expr): void {
    if (expr.kind === 'matrix' || expr.kind === 'subquery') this.#matricesAhead.set(expr, this.matrix(expr))
    else this.#ahead.set(expr, this.evaluate(expr))
    for (const child of children(expr).map(bare)) {
      this.#ahead.delete(child)
      this.#matricesAhead.delete(child)
    }
  }

  vector(expr: Expr): Block {
    const result = this.evaluate(expr)
    if (result.kind === 'vector') return result.block
    throw new Error(`promql: expected an instant vector, got ${result.kind}`)
  }

  scalar(expr: Expr): Float64Array {
    const result = this.evaluate(expr)
    if (result.kind === 'scalar') return result.values
    throw new Error(`promql: expected a scalar, got ${result.kind}`)
  }

  string(expr: Expr): string {
    const result = this.evaluate(expr)
    if (result.kind === 'string') return result.value
    throw new Error(`promql: expected a string, got ${result.kind}`)
  }

  matrix(expr: Expr): Matrix {
    return this.#matricesAhead.get(bare(expr)) ?? this.#shared.evaluator.matrix(expr, this)
  }
}

function tooManySeries(found: number, limit: number): EvaluationError {
  return new EvaluationError('limit', `selector finds ${found} series, more than the ${limit} that one query may touch`)
}
