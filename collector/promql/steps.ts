/**
 * A query part by part. A part is evaluated when the parts below it lie ready in the context, so that between any two
 * of them others may be let in; what is evaluated, and in which order, is what the evaluator itself would do.
 */
import { operandOrder, isEmpty } from './binary.ts'
import type { Context, Result } from './context.ts'
import { bare, children, type Call, type Expr } from './syntax.ts'
import type { Work } from './work.ts'

/** The whole query's result. Throws EvaluationError. */
export function* evaluateInSteps(expr: Expr, context: Context): Work<Result> {
  yield* readyBelow(expr, context)
  return context.evaluate(expr)
}

/** Evaluates a part, after those below it, and keeps the result for the part above. */
function* ready(enclosed: Expr, context: Context): Work<void> {
  const expr = bare(enclosed)
  if (expr.kind === 'number' || expr.kind === 'string' || context.shared?.get(expr) !== undefined) return
  yield* readyBelow(expr, context)
  context.evaluateAhead(expr)
  yield
}

function* readyBelow(expr: Expr, context: Context): Work<void> {
  switch (expr.kind) {
    case 'binary': {
      const { first, second, skips } = operandOrder(expr, context)
      yield* ready(first, context)
      if (skips && isEmpty(context.evaluate(first))) return
      yield* ready(second, context)
      return
    }
    case 'call':
      if (!readsSelector(expr)) for (const arg of expr.args) yield* ready(arg, context)
      return
    case 'aggregate':
    case 'paren':
    case 'unary':
      for (const child of children(expr)) yield* ready(child, context)
      return
    // A selector is read at once; a subquery is asked on another grid than this context's.
    case 'number':
    case 'string':
    case 'vector':
    case 'matrix':
    case 'subquery':
  }
}

/** timestamp() reads a selector's times itself; its values are not asked for. */
function readsSelector({ name, args: [first] }: Call): boolean {
  return name === 'timestamp' && first !== undefined && bare(first).kind === 'vector'
}
