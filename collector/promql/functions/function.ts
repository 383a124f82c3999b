import type { Context, Result } from '../context.ts'
import type { Call } from '../syntax.ts'
import type { WindowFunction } from '../window.ts'

/**
 * How a function is computed.
 * `map`: each value of its first argument becomes one value, with its scalar arguments at that step.
 * `window`: each series' window of its range vector argument becomes one value; the other arguments are scalars.
 * `whole`: anything else.
 */
export type FunctionBody =
  | { readonly kind: 'map'; readonly apply: (value: number, params: readonly number[]) => number }
  | { readonly kind: 'window'; readonly keepsName: boolean; readonly apply: WindowFunction }
  | { readonly kind: 'whole'; readonly evaluate: (call: Call, context: Context) => Result }

export type FunctionTable = Readonly<Record<string, FunctionBody>>

export function map(apply: (value: number, params: readonly number[]) => number): FunctionBody {
  return { kind: 'map', apply }
}

export function window(apply: WindowFunction, keepsName = false): FunctionBody {
  return { kind: 'window', keepsName, apply }
}

export function whole(evaluate: (call: Call, context: Context) => Result): FunctionBody {
  return { kind: 'whole', evaluate }
}
