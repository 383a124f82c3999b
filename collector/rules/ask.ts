import { instantInSteps } from '../promql/evaluate.ts'
import type { EvaluateOptions } from '../promql/context.ts'
import type { Expr } from '../promql/syntax.ts'
import { finish, type Work } from '../promql/work.ts'
import type { Querier } from '../store/store.ts'
import { RuleError } from './observe.ts'
import type { QueriedSample } from './template/functions.ts'

/** Prometheus's default look-back: how old the newest sample may be for an instant selector. */
export const lookbackMs = 300_000

/**
 * A rule's result at one time: a vector, or a scalar as one row without labels (as Prometheus takes it).
 * `kept`: what outlives this evaluation. Operands that cannot change the result are not evaluated.
 * Throws EvaluationError, or RuleError for a string or a range vector.
 */
export function askVector(expr: Expr, querier: Querier, at: number, kept: Pick<EvaluateOptions, 'plans' | 'shared'> = {}): readonly QueriedSample[] {
  return finish(askInSteps(expr, querier, at, kept))
}

/** As `askVector`, part by part. */
export function* askInSteps(expr: Expr, querier: Querier, at: number, kept: Pick<EvaluateOptions, 'plans' | 'shared'>): Work<readonly QueriedSample[]> {
  const value = yield* instantInSteps(expr, querier, at, { ...kept, lookbackMs, lazy: true })
  switch (value.kind) {
    case 'vector': return value.samples
    case 'scalar': return [{ labels: {}, value: value.value }]
    case 'string':
    case 'matrix': throw new RuleError('rule result is not a vector or scalar')
  }
}
