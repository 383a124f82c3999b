/** histogram_quantile and its kin over classic buckets (label `le`). The store holds no native histograms. */
import { METRIC_NAME } from '../../../protocol/series.ts'
import { BlockBuilder, emptyBlock, type Block } from '../block.ts'
import type { Context, Result } from '../context.ts'
import { bucketFraction, bucketQuantile, type Bucket } from '../histogram.ts'
import { formatLabelFloat } from '../numbers.ts'
import { warnQuantile } from '../rankings.ts'
import { newRow, withLabel, type Row } from '../rows.ts'
import { quote } from '../strings.ts'
import type { Call, Expr, Span } from '../syntax.ts'
import { argument, argumentText, argumentValues } from './arguments.ts'
import { whole, type FunctionTable } from './function.ts'

/** One histogram: the rows of its buckets. */
interface Histogram {
  readonly row: Row
  readonly members: { readonly index: number; readonly bound: number }[]
  readonly drop: boolean
}

const monotonicity = 'input to histogram_quantile needed to be fixed for monotonicity ' +
  '(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)'

function boundOf(text: string): number | undefined {
  const special = /^([+-]?)inf(inity)?$/i.exec(text)
  if (special !== null) return special[1] === '-' ? -Infinity : Infinity
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
}

function forName(row: Row): string {
  const name = row.labels[METRIC_NAME] ?? ''
  return name === '' ? '' : ` for metric name ${quote(name)}`
}

/** Puts buckets of one histogram together; warns of rows whose `le` is no bound. */
function histograms(block: Block, span: Span, context: Context): readonly Histogram[] {
  const found = new Map<string, Histogram>()
  block.rows.forEach((row, index) => {
    const le = row.labels['le'] ?? ''
    const bound = boundOf(le)
    if (bound === undefined) {
      context.notes.warn(`bucket label "le" is missing or has a malformed value of ${quote(le)}${forName(row)}`, span)
      return
    }
    const labels = withLabel(row.labels, 'le', '')
    const key = Object.keys(labels).sort().map((name) => `${name}\u00ff${labels[name]}`).join('\u00fe')
    const known = found.get(key)
    if (known !== undefined) known.members.push({ index, bound })
    else found.set(key, { row: newRow(labels), members: [{ index, bound }], drop: true })
  })
  return [...found.values()]
}

/** A histogram's buckets at one step. */
function bucketsAt(block: Block, { members }: Histogram, step: number): Bucket[] {
  const buckets: Bucket[] = []
  for (const { index, bound } of members) {
    const cell = index * block.steps + step
    if (block.present[cell] === 1) buckets.push({ upperBound: bound, count: block.values[cell] ?? NaN })
  }
  return buckets
}

/** Adds a row of the quantile at each step for every histogram. */
function quantileRows(
  block: Block, all: readonly Histogram[], phi: Float64Array, label: (row: Row, phi: number) => Row, span: Span, context: Context, builder: BlockBuilder,
): void {
  for (const one of all) {
    for (let step = 0; step < block.steps; step++) {
      const buckets = bucketsAt(block, one, step)
      if (buckets.length === 0) continue
      const { value, forced } = bucketQuantile(phi[step] ?? NaN, buckets)
      if (forced) context.notes.info(monotonicity + forName(one.row), span)
      builder.set(step, value)
    }
    builder.end(label(one.row, phi[0] ?? NaN), one.drop)
  }
}

function histogramQuantile(call: Call, context: Context): Result {
  const phi = warned(argument(call, 0), context)
  const { span } = argument(call, 1)
  const block = context.vector(argument(call, 1))
  const builder = new BlockBuilder(context.steps, block.rows.length)
  quantileRows(block, histograms(block, span, context), phi, (row) => row, span, context, builder)
  return { kind: 'vector', block: builder.build() }
}

function warned(arg: Expr, context: Context): Float64Array {
  const values = context.scalar(arg)
  for (const value of values) warnQuantile(value, context, arg.span)
  return values
}

function histogramQuantiles(call: Call, context: Context): Result {
  const { span } = argument(call, 0)
  const block = context.vector(argument(call, 0))
  const name = argumentText(call, 1, context)
  const all = histograms(block, span, context)
  const builder = new BlockBuilder(context.steps, block.rows.length)
  for (const arg of call.args.slice(2)) {
    const phi = warned(arg, context)
    quantileRows(block, all, phi, (row, value) => newRow(withLabel(row.labels, name, formatLabelFloat(value))), span, context, builder)
  }
  return { kind: 'vector', block: builder.build() }
}

function histogramFraction(call: Call, context: Context): Result {
  const lower = argumentValues(call, 0, context)
  const upper = argumentValues(call, 1, context)
  const block = context.vector(argument(call, 2))
  const builder = new BlockBuilder(context.steps, block.rows.length)
  for (const one of histograms(block, argument(call, 2).span, context)) {
    for (let step = 0; step < block.steps; step++) {
      const buckets = bucketsAt(block, one, step)
      if (buckets.length > 0) builder.set(step, bucketFraction(lower[step] ?? NaN, upper[step] ?? NaN, buckets))
    }
    builder.end(one.row, one.drop)
  }
  return { kind: 'vector', block: builder.build() }
}

/** Functions of native histograms leave floats out; the argument is still evaluated for its errors and notes. */
const nativeOnly = whole((call, context) => {
  context.vector(argument(call, 0))
  return { kind: 'vector', block: emptyBlock(context.steps) }
})

export const histogramFunctions: FunctionTable = {
  histogram_quantile: whole(histogramQuantile),
  histogram_quantiles: whole(histogramQuantiles),
  histogram_fraction: whole(histogramFraction),
  histogram_count: nativeOnly,
  histogram_sum: nativeOnly,
  histogram_avg: nativeOnly,
  histogram_stddev: nativeOnly,
  histogram_stdvar: nativeOnly,
}
