/** Functions about time. Dates are UTC. */
import { BlockBuilder, type Block } from '../block.ts'
import type { Context, Result } from '../context.ts'
import { emptyRow } from '../rows.ts'
import { instantVector } from '../selectors.ts'
import { bare, type Call } from '../syntax.ts'
import { argument } from './arguments.ts'
import { whole, type FunctionBody, type FunctionTable } from './function.ts'

/** Values of a scalar at each step of the grid. */
function perStep(context: Context, value: (timeMs: number) => number): Result {
  return { kind: 'scalar', values: Float64Array.from({ length: context.steps }, (_, step) => value(context.time(step))) }
}

/** A date function: of its argument's values in seconds, or of the evaluation time without one. */
function date(part: (at: Date) => number): FunctionBody {
  return whole((call, context) => {
    const of = (seconds: number): number => (Number.isFinite(seconds) ? part(new Date(Math.trunc(seconds) * 1000)) : NaN)
    if (call.args.length === 0) return { kind: 'vector', block: vectorOf(context, (time) => of(time / 1000)) }
    const block = context.vector(argument(call, 0))
    return { kind: 'vector', block: { ...block, values: block.values.map(of), drops: new Uint8Array(block.rows.length).fill(1) } }
  })
}

function vectorOf(context: Context, value: (timeMs: number) => number): Block {
  const builder = new BlockBuilder(context.steps, 1)
  for (let step = 0; step < context.steps; step++) builder.set(step, value(context.time(step)))
  builder.end(emptyRow(), false)
  return builder.build()
}

/** timestamp(): a selector's own sample times; the evaluation time for anything computed. */
function timestamp(call: Call, context: Context): Result {
  const inner = bare(argument(call, 0))
  if (inner.kind === 'vector') return { kind: 'vector', block: instantVector(inner, context, 'time') }
  const block = context.vector(inner)
  const values = block.values.map((_, cell) => context.time(cell % block.steps) / 1000)
  return { kind: 'vector', block: { ...block, values, drops: new Uint8Array(block.rows.length).fill(1) } }
}

const dayMs = 86_400_000

export const timeFunctions: FunctionTable = {
  time: whole((_, context) => perStep(context, (time) => time / 1000)),
  timestamp: whole(timestamp),
  start: whole((_, context) => perStep(context, () => context.query.startMs / 1000)),
  end: whole((_, context) => perStep(context, () => context.query.endMs / 1000)),
  step: whole((_, context) => perStep(context, () => context.query.stepMs / 1000)),
  range: whole((_, context) => perStep(context, () => (context.query.endMs - context.query.startMs) / 1000)),
  minute: date((at) => at.getUTCMinutes()),
  hour: date((at) => at.getUTCHours()),
  day_of_week: date((at) => at.getUTCDay()),
  day_of_month: date((at) => at.getUTCDate()),
  day_of_year: date((at) => Math.floor((at.getTime() - Date.UTC(at.getUTCFullYear(), 0, 1)) / dayMs) + 1),
  days_in_month: date((at) => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate()),
  month: date((at) => at.getUTCMonth() + 1),
  year: date((at) => at.getUTCFullYear()),
}
