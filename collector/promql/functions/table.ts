import type { Context, Result } from '../context.ts'
import { warnQuantile } from '../rankings.ts'
import { quantile } from '../quantile.ts'
import type { Call } from '../syntax.ts'
import { overWindows } from '../window.ts'
import { argument } from './arguments.ts'
import { whole, type FunctionBody } from './function.ts'
import { histogramFunctions } from './histograms.ts'
import { labelFunctions } from './labels.ts'
import { mathFunctions } from './math.ts'
import { overTimeFunctions } from './over-time.ts'
import { presenceFunctions } from './presence.ts'
import { rateFunctions } from './rates.ts'
import { timeFunctions } from './time.ts'

/** quantile_over_time(φ, v): warns of a φ outside 0…1 where there is something to take it of. */
const quantileOverTime = whole((call, context) => {
  const { span } = argument(call, 0)
  const phi = context.scalar(argument(call, 0))
  const block = overWindows(call, context.matrix(argument(call, 1)), [phi], context, false, (w, [value = NaN]) => {
    warnQuantile(value, context, span)
    return quantile(value, Array.from(w.values.subarray(w.first, w.last + 1)))
  })
  return { kind: 'vector', block }
})

/** Every function by name; signatures.ts says what each takes. */
export const functions: ReadonlyMap<string, FunctionBody> = new Map(Object.entries({
  ...mathFunctions,
  ...overTimeFunctions,
  ...rateFunctions,
  ...timeFunctions,
  ...presenceFunctions,
  ...labelFunctions,
  ...histogramFunctions,
  quantile_over_time: quantileOverTime,
}))

export function evaluateCall(call: Call, context: Context): Result {
  const body = functions.get(call.name)
  if (body === undefined) throw new Error(`promql: function ${call.name} is declared but not there`)
  switch (body.kind) {
    case 'whole':
      return body.evaluate(call, context)
    case 'window': {
      const [first, ...rest] = call.args
      if (first === undefined) throw new Error(`promql: ${call.name} has no argument`)
      const scalars = rest.map((arg) => context.scalar(arg))
      return { kind: 'vector', block: overWindows(call, context.matrix(first), scalars, context, body.keepsName, body.apply) }
    }
    case 'map':
      return mapValues(call, context, body.apply)
  }
}

function mapValues(call: Call, context: Context, apply: (value: number, params: readonly number[]) => number): Result {
  const block = context.vector(argument(call, 0))
  const scalars = call.args.slice(1).map((arg) => context.scalar(arg))
  const values = new Float64Array(block.values.length)
  const params: number[] = []
  for (let cell = 0; cell < values.length; cell++) {
    for (let index = 0; index < scalars.length; index++) params[index] = scalars[index]?.[cell % block.steps] ?? NaN
    values[cell] = apply(block.values[cell] ?? NaN, params)
  }
  return { kind: 'vector', block: { ...block, values, drops: new Uint8Array(block.rows.length).fill(1) } }
}
