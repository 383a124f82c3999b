/** Functions about what is there: absent, scalar, vector, and the constants. */
import { METRIC_NAME, type Labels } from '../../../protocol/series.ts'
import { BlockBuilder, type Block } from '../block.ts'
import type { Context, Result } from '../context.ts'
import { emptyRow, newRow } from '../rows.ts'
import { bare, type Call, type Expr } from '../syntax.ts'
import { overWindows } from '../window.ts'
import { argument, argumentValues } from './arguments.ts'
import { whole, type FunctionTable } from './function.ts'

/**
 * The labels that a selector's equality matchers promise; none for anything but a selector. A label named in two
 * matchers is left out.
 */
function promisedLabels(expr: Expr): Labels {
  const inner = bare(expr)
  const selector = inner.kind === 'matrix' ? inner.selector : inner
  if (selector.kind !== 'vector') return {}
  const labels: Record<string, string> = {}
  const seen = new Set<string>()
  for (const { name, op, value } of selector.matchers) {
    if (name === METRIC_NAME) continue
    if (op === '=' && !seen.has(name)) {
      if (value !== '') labels[name] = value
      seen.add(name)
    } else delete labels[name]
  }
  return labels
}

/** One row of 1 where the block has none. */
function whereEmpty(block: Block, labels: Labels): Block {
  const builder = new BlockBuilder(block.steps, 1)
  const filled = new Uint8Array(block.steps)
  block.present.forEach((cell, index) => {
    if (cell === 1) filled[index % block.steps] = 1
  })
  filled.forEach((cell, step) => {
    if (cell === 0) builder.set(step, 1)
  })
  builder.end(newRow(labels), false)
  return builder.build()
}

function absent(call: Call, context: Context): Result {
  const arg = argument(call, 0)
  return { kind: 'vector', block: whereEmpty(context.vector(arg), promisedLabels(arg)) }
}

function absentOverTime(call: Call, context: Context): Result {
  const arg = argument(call, 0)
  const found = overWindows(call, context.matrix(arg), [], context, false, () => 1)
  return { kind: 'vector', block: whereEmpty(found, promisedLabels(arg)) }
}

/** The value of the only row; NaN where there is none or more than one. */
function scalar(call: Call, context: Context): Result {
  const { rows, steps, values, present } = context.vector(argument(call, 0))
  const out = new Float64Array(context.steps).fill(NaN)
  const counts = new Uint32Array(context.steps)
  for (let cell = 0; cell < rows.length * steps; cell++) {
    if (present[cell] !== 1) continue
    const step = cell % steps
    counts[step] = (counts[step] ?? 0) + 1
    out[step] = counts[step] === 1 ? (values[cell] ?? NaN) : NaN
  }
  return { kind: 'scalar', values: out }
}

function vector(call: Call, context: Context): Result {
  const values = argumentValues(call, 0, context)
  const builder = new BlockBuilder(context.steps, 1)
  values.forEach((value, step) => builder.set(step, value))
  builder.end(emptyRow(), false)
  return { kind: 'vector', block: builder.build() }
}

function pairwise(call: Call, context: Context, choose: (a: number, b: number) => number): Result {
  const right = argumentValues(call, 1, context)
  return { kind: 'scalar', values: argumentValues(call, 0, context).map((value, step) => choose(value, right[step] ?? NaN)) }
}

export const presenceFunctions: FunctionTable = {
  absent: whole(absent),
  absent_over_time: whole(absentOverTime),
  scalar: whole(scalar),
  vector: whole(vector),
  pi: whole((_, context) => ({ kind: 'scalar', values: new Float64Array(context.steps).fill(Math.PI) })),
  min_of: whole((call, context) => pairwise(call, context, Math.min)),
  max_of: whole((call, context) => pairwise(call, context, Math.max)),
}
