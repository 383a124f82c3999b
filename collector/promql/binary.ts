/** Binary operators: scalars with scalars, vectors with scalars; vectors with vectors are in matching.ts and sets.ts. */
import { arithmetic, comparison } from './arithmetic.ts'
import { allDropped, withPresent, type Block } from './block.ts'
import type { Context, Result } from './context.ts'
import { matchVectors } from './matching.ts'
import { combineSets } from './sets.ts'
import { isComparison, isSetOperator, type Binary } from './syntax.ts'

export function evaluateBinary(node: Binary, context: Context): Result {
  const left = context.evaluate(node.left)
  const right = context.evaluate(node.right)
  if (left.kind === 'scalar' && right.kind === 'scalar') return { kind: 'scalar', values: scalars(node, left.values, right.values) }
  if (left.kind === 'vector' && right.kind === 'scalar') return { kind: 'vector', block: withScalar(node, left.block, right.values, false) }
  if (left.kind === 'scalar' && right.kind === 'vector') return { kind: 'vector', block: withScalar(node, right.block, left.values, true) }
  if (left.kind !== 'vector' || right.kind !== 'vector') throw new Error(`promql: ${node.op} between ${left.kind} and ${right.kind}`)
  context.spend(left.block.present.length + right.block.present.length)
  if (isSetOperator(node.op)) return { kind: 'vector', block: combineSets(node.op, node.matching, left.block, right.block) }
  return { kind: 'vector', block: matchVectors(node, left.block, right.block) }
}

function scalars({ op }: Binary, left: Float64Array, right: Float64Array): Float64Array {
  if (isSetOperator(op)) throw new Error(`promql: ${op} between scalars`)
  const apply = isComparison(op) ? numeric(comparison(op)) : arithmetic(op)
  return left.map((value, step) => apply(value, right[step] ?? NaN))
}

function numeric(compare: (a: number, b: number) => boolean): (a: number, b: number) => number {
  return (a, b) => (compare(a, b) ? 1 : 0)
}

/** `swapped`: the scalar stands on the left. A comparison keeps the vector's values whichever side it is on. */
function withScalar({ op, bool }: Binary, block: Block, scalar: Float64Array, swapped: boolean): Block {
  if (isSetOperator(op)) throw new Error(`promql: ${op} with a scalar`)
  const { steps, values, present } = block
  if (isComparison(op) && !bool) {
    const compare = comparison(op)
    const kept = new Uint8Array(present.length)
    for (let cell = 0; cell < present.length; cell++) {
      if (present[cell] !== 1) continue
      const value = values[cell] ?? NaN
      const other = scalar[cell % steps] ?? NaN
      if (swapped ? compare(other, value) : compare(value, other)) kept[cell] = 1
    }
    return withPresent(block, kept)
  }
  const apply = isComparison(op) ? numeric(comparison(op)) : arithmetic(op)
  const out = new Float64Array(values.length)
  for (let cell = 0; cell < out.length; cell++) {
    const value = values[cell] ?? NaN
    const other = scalar[cell % steps] ?? NaN
    out[cell] = swapped ? apply(other, value) : apply(value, other)
  }
  return { ...block, values: out, drops: allDropped(block) }
}
