/** Binary operators: scalars with scalars, vectors with scalars; vectors with vectors are in matching.ts and sets.ts. */
import { arithmetic, comparison } from './arithmetic.ts'
import { allDropped, emptyBlock, withPresent, type Block } from './block.ts'
import type { Context, Result } from './context.ts'
import { matchVectors } from './matching.ts'
import { combineSets } from './sets.ts'
import { children, isComparison, isSetOperator, type Binary, type Expr } from './syntax.ts'

export function evaluateBinary(node: Binary, context: Context): Result {
  const operands = evaluateOperands(node, context)
  if (operands === undefined) return { kind: 'vector', block: emptyBlock(context.steps) }
  const { left, right } = operands
  if (left.kind === 'scalar' && right.kind === 'scalar') return { kind: 'scalar', values: scalars(node, left.values, right.values) }
  if (left.kind === 'vector' && right.kind === 'scalar') return { kind: 'vector', block: withScalar(node, left.block, right.values, false) }
  if (left.kind === 'scalar' && right.kind === 'vector') return { kind: 'vector', block: withScalar(node, right.block, left.values, true) }
  if (left.kind !== 'vector' || right.kind !== 'vector') throw new Error(`promql: ${node.op} between ${left.kind} and ${right.kind}`)
  context.spend(left.block.present.length + right.block.present.length)
  const { op } = node
  if (isSetOperator(op)) return { kind: 'vector', block: combineSets(op, node, left.block, right.block, context) }
  return { kind: 'vector', block: matchVectors(node, left.block, right.block, context) }
}

/** The operands in the order of evaluation. `skips`: where the first is empty the result is, and the second is left out. */
export function operandOrder(node: Binary, context: Context): { readonly first: Expr; readonly second: Expr; readonly skips: boolean } {
  const skips = context.lazy && node.op !== 'or'
  // The cheaper side goes first.
  const swaps = skips && node.op !== 'unless' && effort(node.right) < effort(node.left)
  return swaps ? { first: node.right, second: node.left, skips } : { first: node.left, second: node.right, skips }
}

/** Both sides; undefined where, lazily, one of them shows that the result is empty. */
function evaluateOperands(node: Binary, context: Context): { readonly left: Result; readonly right: Result } | undefined {
  const { first, second, skips } = operandOrder(node, context)
  const one = context.evaluate(first)
  if (skips && isEmpty(one)) return undefined
  const other = context.evaluate(second)
  if (skips && node.op !== 'unless' && isEmpty(other)) return undefined
  return first === node.left ? { left: one, right: other } : { left: other, right: one }
}

/** Whether a vector has no row. */
export function isEmpty(result: Result): boolean {
  return result.kind === 'vector' && result.block.rows.length === 0
}

const efforts = new WeakMap<Expr, number>()

/** Roughly what a part costs in units of one instant selector: five minutes of a range count as four, a number as nothing. */
function effort(expr: Expr): number {
  const known = efforts.get(expr)
  if (known !== undefined) return known
  const own = expr.kind === 'vector' ? 1 : expr.kind === 'matrix' || expr.kind === 'subquery' ? Math.max(1, expr.rangeMs / 75_000) : 0
  const sum = children(expr).reduce((total, child) => total + effort(child), own)
  efforts.set(expr, sum)
  return sum
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
    let count = 0
    for (let cell = 0; cell < present.length; cell++) {
      if (present[cell] !== 1) continue
      const value = values[cell] ?? NaN
      const other = scalar[cell % steps] ?? NaN
      if (swapped ? compare(other, value) : compare(value, other)) {
        kept[cell] = 1
        count++
      }
    }
    return count === 0 ? emptyBlock(steps) : withPresent(block, kept)
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
