/** Aggregations that look at values by rank or by text: quantile, topk, bottomk, limitk, count_values. */
import { METRIC_NAME } from '../../protocol/series.ts'
import { groupRows } from './aggregations.ts'
import type { Group } from './plans.ts'
import { BlockBuilder, takeRows, withPresent, type Block } from './block.ts'
import type { Context } from './context.ts'
import { EvaluationError } from './errors.ts'
import { formatFloat, formatGeneral } from './numbers.ts'
import { quantile } from './quantile.ts'
import { newRow, withLabel } from './rows.ts'
import { quote } from './strings.ts'
import type { Aggregate } from './syntax.ts'

/** Tells once per value that a φ lies outside 0…1. */
export function warnQuantile(phi: number, context: Context, span: Aggregate['span']): void {
  if (phi >= 0 && phi <= 1) return
  context.notes.warn(`quantile value should be between 0 and 1, got ${formatGeneral(phi)}`, span)
}

export function quantileRows(block: Block, groups: readonly Group[], phi: Float64Array, node: Aggregate, context: Context): Block {
  for (const value of phi) warnQuantile(value, context, node.param?.span ?? node.span)
  const { steps, values, present } = block
  const builder = new BlockBuilder(steps, groups.length)
  for (const { labels, row: result, members } of groups) {
    for (let step = 0; step < steps; step++) {
      const found: number[] = []
      for (const row of members) if (present[row * steps + step] === 1) found.push(values[row * steps + step] ?? NaN)
      if (found.length > 0) builder.set(step, quantile(phi[step] ?? NaN, found))
    }
    builder.end(result, labels[METRIC_NAME] !== undefined && block.drops[members[0] ?? 0] === 1)
  }
  return builder.build()
}

/** How many rows to keep; throws for what is no 64-bit count. */
function keepCount(value: number): number {
  if (Number.isNaN(value)) throw new EvaluationError('execution', 'Parameter value is NaN')
  if (Math.abs(value) >= 2 ** 63) throw new EvaluationError('execution', `Scalar value ${formatGeneral(value)} overflows int64`)
  return Math.trunc(value)
}

/** Best first, NaN last; equal values keep their order. */
function ranked(block: Block, members: readonly number[], step: number, largest: boolean): number[] {
  const { steps, values, present } = block
  const rows = members.filter((row) => present[row * steps + step] === 1)
  const value = (row: number): number => values[row * steps + step] ?? NaN
  return rows.sort((a, b) => {
    const x = value(a)
    const y = value(b)
    if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1
    if (Number.isNaN(y)) return -1
    return largest ? y - x || 0 : x - y || 0
  })
}

/** topk (`largest`) and bottomk. At a single step the rows come out best first, group by group. */
export function rankRows(block: Block, groups: readonly Group[], counts: Float64Array, largest: boolean): Block {
  const { steps } = block
  const kept = new Uint8Array(block.present.length)
  const order: number[] = []
  for (let step = 0; step < steps; step++) {
    const count = keepCount(counts[step] ?? NaN)
    if (count < 1) continue
    for (const { members } of groups) {
      for (const row of ranked(block, members, step, largest).slice(0, count)) {
        kept[row * steps + step] = 1
        if (steps === 1) order.push(row)
      }
    }
  }
  return steps === 1 ? takeRows(block, order) : withPresent(block, kept)
}

/** The first k rows of each group. */
export function limitRows(block: Block, groups: readonly Group[], counts: Float64Array): Block {
  const { steps } = block
  const kept = new Uint8Array(block.present.length)
  for (let step = 0; step < steps; step++) {
    const count = keepCount(counts[step] ?? NaN)
    for (const { members } of groups) {
      let left = count
      for (const row of members) {
        if (left < 1) break
        if (block.present[row * steps + step] !== 1) continue
        kept[row * steps + step] = 1
        left -= 1
      }
    }
  }
  return withPresent(block, kept)
}

export function countValues(block: Block, node: Aggregate, label: string): Block {
  if (label === '' || !label.isWellFormed()) throw new EvaluationError('execution', `invalid label name ${quote(label)}`)
  const { steps, values, present } = block
  // As in Prometheus, `by` is widened by the label itself and `without` leaves out what stood under it.
  const builder = new BlockBuilder(steps, block.rows.length)
  for (const { labels, members } of groupRows(block, node.without ? [...node.grouping, label] : node.grouping, node.without)) {
    const counts = new Map<string, Float64Array>()
    for (const row of members) {
      for (let step = 0; step < steps; step++) {
        if (present[row * steps + step] !== 1) continue
        const text = formatFloat(values[row * steps + step] ?? NaN)
        let cells = counts.get(text)
        if (cells === undefined) {
          cells = new Float64Array(steps)
          counts.set(text, cells)
        }
        cells[step] = (cells[step] ?? 0) + 1
      }
    }
    for (const [text, cells] of counts) {
      cells.forEach((count, step) => {
        if (count > 0) builder.set(step, count)
      })
      builder.end(newRow(withLabel(labels, label, text)), false)
    }
  }
  return builder.build()
}
