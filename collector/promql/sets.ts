/** and, or, unless: rows of one vector by whether the other has a row of the same key at that step. */
import { withPresent, type Block } from './block.ts'
import type { Context } from './context.ts'
import { signatures, type Signatures } from './matching.ts'
import { signer, type Row } from './rows.ts'
import type { Binary, Matching, SetOperator } from './syntax.ts'

export function combineSets(op: SetOperator, node: Binary, left: Block, right: Block, context: Context): Block {
  const { matching } = node
  if (op !== 'or' && context.plans !== undefined) {
    const partners = context.plans.sets.take(node, [left.rows, right.rows], () => partnersOf(matching, left.rows, right.rows))
    if (partners !== undefined) return restrictJoined(left, right, partners, op === 'and')
  }
  const sign = signer(matching.on, matching.labels)
  const keyed = (block: Block): string[] => block.rows.map(sign)
  if (op === 'or') return join(left, restrict(right, keyed(right), left, signatures(left, sign), false))
  return restrict(left, keyed(left), right, signatures(right, sign), op === 'and')
}

/** For each row of the left the index of the only one with its key on the right (-1: none); undefined when keys repeat there. */
function partnersOf(matching: Matching, left: readonly Row[], right: readonly Row[]): Int32Array | undefined {
  const sign = signer(matching.on, matching.labels)
  const keys = new Map<string, number>()
  right.forEach((row, index) => keys.set(sign(row), index))
  return keys.size < right.length ? undefined : Int32Array.from(left, (row) => keys.get(sign(row)) ?? -1)
}

/** As `restrict`, where each row has at most one partner. */
function restrictJoined(block: Block, other: Block, partners: Int32Array, wanted: boolean): Block {
  const { steps } = block
  const kept = new Uint8Array(block.present.length)
  for (let row = 0; row < block.rows.length; row++) {
    const partner = partners[row] ?? -1
    for (let step = 0; step < steps; step++) {
      const there = partner >= 0 && other.present[partner * steps + step] === 1
      if (block.present[row * steps + step] === 1 && there === wanted) kept[row * steps + step] = 1
    }
  }
  return withPresent(block, kept)
}

/** Cells of `block` where `other` has (`wanted`) or has no row of the same key. */
function restrict(block: Block, keys: readonly string[], other: Block, others: Signatures, wanted: boolean): Block {
  const { steps } = block
  const kept = new Uint8Array(block.present.length)
  for (let row = 0; row < block.rows.length; row++) {
    const head = others.heads.get(keys[row] ?? '') ?? -1
    for (let step = 0; step < steps; step++) {
      const cell = row * steps + step
      if (block.present[cell] === 1 && presentAt(other, others, head, step) === wanted) kept[cell] = 1
    }
  }
  return withPresent(block, kept)
}

function presentAt(block: Block, { next }: Signatures, head: number, step: number): boolean {
  for (let row = head; row >= 0; row = next[row] ?? -1) if (block.present[row * block.steps + step] === 1) return true
  return false
}

function join(first: Block, second: Block): Block {
  if (first.rows.length === 0) return second
  if (second.rows.length === 0) return first
  const values = new Float64Array(first.values.length + second.values.length)
  values.set(first.values)
  values.set(second.values, first.values.length)
  const present = new Uint8Array(values.length)
  present.set(first.present)
  present.set(second.present, first.present.length)
  const drops = new Uint8Array(first.drops.length + second.drops.length)
  drops.set(first.drops)
  drops.set(second.drops, first.drops.length)
  return { rows: [...first.rows, ...second.rows], steps: first.steps, values, present, drops }
}
