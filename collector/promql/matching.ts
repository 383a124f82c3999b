/**
 * Arithmetic and comparison between two vectors: rows meet by the labels of on() / ignoring(), one to one, or many to one
 * with group_left / group_right. Whether a match is unique is judged at every step by the rows present there.
 * Source of the rules and texts: prometheus promql/engine.go, VectorBinop.
 */
import { METRIC_NAME, type Labels } from '../../protocol/series.ts'
import { arithmetic, comparison } from './arithmetic.ts'
import { BlockBuilder, type Block } from './block.ts'
import type { Context } from './context.ts'
import { EvaluationError } from './errors.ts'
import type { Join } from './plans.ts'
import { labelsText, newRow, omit, pick, rowKey, signer, type Row } from './rows.ts'
import { isComparison, isSetOperator, type Binary, type Matching } from './syntax.ts'

/** Rows of a block by their matching key: the first row of each key, and for each row the next of the same key (-1: none). */
export interface Signatures {
  readonly heads: ReadonlyMap<string, number>
  readonly next: Int32Array
}

export function signatures(block: Block, sign: (row: Row) => string): Signatures {
  const heads = new Map<string, number>()
  const next = new Int32Array(block.rows.length).fill(-1)
  for (let index = block.rows.length - 1; index >= 0; index--) {
    const row = block.rows[index]
    if (row === undefined) continue
    const key = sign(row)
    const head = heads.get(key)
    if (head !== undefined) next[index] = head
    heads.set(key, index)
  }
  return { heads, next }
}

/** The operator as one function; undefined where a comparison drops the row. Sides are those of the query's text. */
function operation({ op, bool }: Binary): (left: number, right: number) => number | undefined {
  if (isSetOperator(op)) throw new Error(`promql: ${op} is no arithmetic`)
  if (!isComparison(op)) return arithmetic(op)
  const compare = comparison(op)
  if (bool) return (left, right) => (compare(left, right) ? 1 : 0)
  return (left, right) => (compare(left, right) ? left : undefined)
}

/** The partners of a one-to-one match; undefined when a key repeats on a side, so that the cells must judge step by step. */
function joinRows({ matching, op, bool }: Binary, left: readonly Row[], right: readonly Row[]): Join | undefined {
  const sign = signer(matching.on, matching.labels)
  const ones = new Map<string, number>()
  right.forEach((row, index) => ones.set(sign(row), index))
  if (ones.size < right.length) return undefined
  const drop = !isComparison(op) || bool
  const partners = new Int32Array(left.length).fill(-1)
  const results: (Row | undefined)[] = []
  const seen = new Set<string>()
  left.forEach((row, index) => {
    const key = sign(row)
    seen.add(key)
    const other = ones.get(key)
    const partner = other === undefined ? undefined : right[other]
    if (other === undefined || partner === undefined) {
      results.push(undefined)
      return
    }
    partners[index] = other
    results.push(resultRow(row, partner, matching, drop))
  })
  return seen.size < left.length ? undefined : { partners, results }
}

/** A match whose partners are known: nothing but numbers. */
function matchJoined(node: Binary, context: Context, { partners, results }: Join, left: Block, right: Block): Block {
  const { steps } = left
  const apply = operation(node)
  const drop = !isComparison(node.op) || node.bool
  const builder = new BlockBuilder(steps, left.rows.length)
  for (let row = 0; row < left.rows.length; row++) {
    const result = results[row]
    if (result === undefined) continue
    const other = partners[row] ?? -1
    for (let step = 0; step < steps; step++) {
      const cell = row * steps + step
      const otherCell = other * steps + step
      if (left.present[cell] !== 1 || right.present[otherCell] !== 1) continue
      const value = apply(left.values[cell] ?? NaN, right.values[otherCell] ?? NaN)
      if (value !== undefined) builder.set(step, value)
    }
    builder.end(result, drop || left.drops[row] === 1)
  }
  return context.steady(node, builder.build())
}

export function matchVectors(node: Binary, left: Block, right: Block, context: Context): Block {
  const { matching } = node
  if (matching.card === 'one-to-one' && context.plans !== undefined) {
    const join = context.plans.joins.take(node, [left.rows, right.rows], () => joinRows(node, left.rows, right.rows))
    if (join !== undefined) return matchJoined(node, context, join, left, right)
  }
  const swapped = matching.card === 'one-to-many'
  const many = swapped ? right : left
  const one = swapped ? left : right
  const sign = signer(matching.on, matching.labels)
  const ones = signatures(one, sign)
  refuseDuplicates(many, one, ones, matching, swapped ? 'left' : 'right')
  if (matching.card === 'one-to-one') refuseMany(many, one, signatures(many, sign), ones)
  const apply = operation(node)
  const drop = !isComparison(node.op) || node.bool
  const builder = new BlockBuilder(many.steps, many.rows.length)
  const unique = matching.card === 'one-to-one' ? undefined : new UniqueRows(many.steps, drop)
  many.rows.forEach((row, index) => {
    for (let other = ones.heads.get(sign(row)) ?? -1; other >= 0; other = ones.next[other] ?? -1) {
      const partner = one.rows[other]
      if (partner === undefined) continue
      const result = resultRow(row, partner, matching, drop)
      unique?.add(result, many, index, one, other)
      for (let step = 0; step < many.steps; step++) {
        const cell = index * many.steps + step
        const otherCell = other * one.steps + step
        if (many.present[cell] !== 1 || one.present[otherCell] !== 1) continue
        const a = many.values[cell] ?? NaN
        const b = one.values[otherCell] ?? NaN
        const value = swapped ? apply(b, a) : apply(a, b)
        if (value !== undefined) builder.set(step, value)
      }
      builder.end(result, drop || many.drops[index] === 1)
    }
  })
  return builder.build()
}

function resultRow(row: Row, partner: Row, matching: Matching, drop: boolean): Row {
  if (matching.card === 'one-to-one') {
    if (matching.on) return newRow(pick(row.labels, matching.labels))
    if (!matching.labels.some((name) => row.labels[name] !== undefined)) return row
    return newRow(keepName(row.labels, omit(row.labels, matching.labels), drop))
  }
  if (matching.include.length === 0) return row
  const labels: Record<string, string> = { ...row.labels }
  for (const name of matching.include) {
    const value = partner.labels[name] ?? ''
    if (value === '') delete labels[name]
    else labels[name] = value
  }
  return newRow(labels)
}

function keepName(from: Labels, rest: Labels, drop: boolean): Labels {
  const name = from[METRIC_NAME]
  return drop || name === undefined ? rest : { [METRIC_NAME]: name, ...rest }
}

/** 1 for each step at which any row of the block has a cell. */
function occupied({ present, steps }: Block): Uint8Array {
  const out = new Uint8Array(steps)
  for (let cell = 0; cell < present.length; cell++) if (present[cell] === 1) out[cell % steps] = 1
  return out
}

/** Throws when two rows of the "one" side with the same key are present at a step at which the other side has anything. */
function refuseDuplicates(many: Block, one: Block, ones: Signatures, matching: Matching, side: string): void {
  if (many.rows.length === 0) return
  let busy: Uint8Array | undefined
  for (const head of ones.heads.values()) {
    if ((ones.next[head] ?? -1) < 0) continue
    busy ??= occupied(many)
    const holder = new Int32Array(one.steps).fill(-1)
    for (let row = head; row >= 0; row = ones.next[row] ?? -1) {
      for (let step = 0; step < one.steps; step++) {
        if (one.present[row * one.steps + step] !== 1 || busy[step] !== 1) continue
        const other = holder[step] ?? -1
        if (other >= 0) throw duplicates(one.rows[other]?.labels ?? {}, one.rows[row]?.labels ?? {}, matching, side)
        holder[step] = row
      }
    }
  }
}

function duplicates(first: Labels, second: Labels, matching: Matching, side: string): EvaluationError {
  const group = matching.on ? pick(first, matching.labels) : omit(first, matching.labels)
  return new EvaluationError('execution',
    `found duplicate series for the match group ${labelsText(group)} on the ${side} hand-side of the operation: ` +
    `[${[first, second].map(labelsText).sort().join(', ')}];many-to-many matching not allowed: matching labels must be unique on one side`)
}

/** Throws when two rows of the left side match the same row of the right at the same step, without group_left saying so. */
function refuseMany(left: Block, right: Block, lefts: Signatures, rights: Signatures): void {
  for (const [key, head] of lefts.heads) {
    if ((lefts.next[head] ?? -1) < 0) continue
    for (let other = rights.heads.get(key) ?? -1; other >= 0; other = rights.next[other] ?? -1) {
      for (let step = 0; step < left.steps; step++) {
        if (right.present[other * right.steps + step] !== 1) continue
        let count = 0
        for (let row = head; row >= 0; row = lefts.next[row] ?? -1) count += left.present[row * left.steps + step] ?? 0
        if (count > 1) {
          throw new EvaluationError('execution', 'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)')
        }
      }
    }
  }
}

/** Refuses two results of the same labels at the same step under group_left / group_right. */
class UniqueRows {
  readonly #steps: number
  readonly #drop: boolean
  readonly #seen = new Map<string, Uint8Array>()

  constructor(steps: number, drop: boolean) {
    this.#steps = steps
    this.#drop = drop
  }

  add(result: Row, many: Block, row: number, one: Block, other: number): void {
    const key = rowKey(result, this.#drop || many.drops[row] === 1)
    let cells = this.#seen.get(key)
    if (cells === undefined) {
      cells = new Uint8Array(this.#steps)
      this.#seen.set(key, cells)
    }
    for (let step = 0; step < this.#steps; step++) {
      if (many.present[row * this.#steps + step] !== 1 || one.present[other * this.#steps + step] !== 1) continue
      if (cells[step] === 1) {
        throw new EvaluationError('execution', 'multiple matches for labels: grouping labels must ensure unique matches')
      }
      cells[step] = 1
    }
  }
}
