import type { QueryDependencies } from './dependencies.ts'
import type { Instant } from './host-view.ts'

/** Instant queries at one time as plain readings; a scalar or string answer is a mistake of the asking code. */
export function instantOf(query: Pick<QueryDependencies, 'instant'>, atMs: number): Instant {
  return (expr) => {
    const value = query.instant(expr, atMs)
    if (value.kind !== 'vector') throw new Error(`web: ${expr} gives a ${value.kind}, expected a vector`)
    return value.samples
  }
}
