import type { Context } from '../context.ts'
import type { Call, Expr } from '../syntax.ts'

/** An argument that check.ts has made sure of. */
export function argument(call: Call, index: number): Expr {
  const arg = call.args[index]
  if (arg === undefined) throw new Error(`promql: ${call.name} has no argument ${index}`)
  return arg
}

/** A scalar argument's value at each step. */
export function argumentValues(call: Call, index: number, context: Context): Float64Array {
  return context.scalar(argument(call, index))
}

/** A string argument. */
export function argumentText(call: Call, index: number, context: Context): string {
  return context.string(argument(call, index))
}
