/** Aggregations: rows are put into groups once, then every step is folded. Ranking ones (topk, …) are in rankings.ts. */
import { METRIC_NAME, type Labels } from '../../protocol/series.ts'
import { BlockBuilder, type Block } from './block.ts'
import type { Context } from './context.ts'
import { Mean, Sum } from './kahan.ts'
import { countValues, limitRows, quantileRows, rankRows } from './rankings.ts'
import type { Group } from './plans.ts'
import { newRow, omit, pick, signer, type Row } from './rows.ts'
import type { Aggregate } from './syntax.ts'

export function groupRows(block: Block, grouping: readonly string[], without: boolean): readonly Group[] {
  if (!without && grouping.length === 0) {
    return block.rows.length === 0 ? [] : [{ labels: {}, row: newRow({}), members: block.rows.map((_, index) => index) }]
  }
  const sign = signer(!without, grouping)
  const groups = new Map<string, Group>()
  block.rows.forEach((row, index) => {
    const key = sign(row)
    const known = groups.get(key)
    if (known !== undefined) known.members.push(index)
    else {
      const labels = groupLabels(row, grouping, without)
      groups.set(key, { labels, row: newRow(labels), members: [index] })
    }
  })
  return [...groups.values()]
}

function groupLabels(row: Row, grouping: readonly string[], without: boolean): Labels {
  return without ? omit(row.labels, grouping) : pick(row.labels, grouping)
}

/** Folds the values of one group at one step. */
interface Fold {
  add(value: number): void
  value(): number
}

export function evaluateAggregate(node: Aggregate, context: Context): Block {
  const block = context.vector(node.expr)
  const make = (): readonly Group[] => groupRows(block, node.grouping, node.without)
  const groups = (): readonly Group[] => context.plans?.groups.take(node, [block.rows], make) ?? make()
  context.spend(block.present.length)
  switch (node.op) {
    case 'sum':
      return fold(node, context, block, groups(), () => new Sum())
    case 'avg':
      return fold(node, context, block, groups(), () => new Mean())
    case 'min':
      return fold(node, context, block, groups(), () => new Extreme((value, best) => value < best))
    case 'max':
      return fold(node, context, block, groups(), () => new Extreme((value, best) => value > best))
    case 'count':
      return fold(node, context, block, groups(), () => new Count())
    case 'group':
      return fold(node, context, block, groups(), () => new One())
    case 'stddev':
      return fold(node, context, block, groups(), () => new Variance(Math.sqrt))
    case 'stdvar':
      return fold(node, context, block, groups(), () => new Variance((value) => value))
    case 'quantile':
      return quantileRows(block, groups(), parameter(node, context), node, context)
    case 'topk':
    case 'bottomk':
      return rankRows(block, groups(), parameter(node, context), node.op === 'topk')
    case 'limitk':
      return limitRows(block, groups(), parameter(node, context))
    case 'count_values':
      return countValues(block, node, node.param === undefined ? '' : context.string(node.param))
  }
}

function parameter(node: Aggregate, context: Context): Float64Array {
  return node.param === undefined ? new Float64Array(context.steps) : context.scalar(node.param)
}

function fold(node: Aggregate, context: Context, block: Block, groups: readonly Group[], start: () => Fold): Block {
  const { steps, values, present } = block
  const builder = new BlockBuilder(steps, groups.length)
  for (const { labels, row: result, members } of groups) {
    for (let step = 0; step < steps; step++) {
      let state: Fold | undefined
      for (const row of members) {
        const cell = row * steps + step
        if (present[cell] !== 1) continue
        state ??= start()
        state.add(values[cell] ?? NaN)
      }
      if (state !== undefined) builder.set(step, state.value())
    }
    // The name (only `by (__name__)` keeps it) goes at the end if it goes from the group's first row.
    builder.end(result, labels[METRIC_NAME] !== undefined && block.drops[members[0] ?? 0] === 1)
  }
  return context.steady(node, builder.build())
}

class Extreme implements Fold {
  readonly #better: (value: number, best: number) => boolean
  #best = NaN

  constructor(better: (value: number, best: number) => boolean) {
    this.#better = better
  }

  add(value: number): void {
    if (Number.isNaN(this.#best) || this.#better(value, this.#best)) this.#best = value
  }

  value(): number {
    return this.#best
  }
}

class Count implements Fold {
  #count = 0

  add(): void {
    this.#count += 1
  }

  value(): number {
    return this.#count
  }
}

class One implements Fold {
  add(): void {
    // The value of `group` is 1 whatever is in it.
  }

  value(): number {
    return 1
  }
}

/** Welford's population variance. */
class Variance implements Fold {
  readonly #finish: (variance: number) => number
  #count = 0
  #mean = 0
  #squares = 0

  constructor(finish: (variance: number) => number) {
    this.#finish = finish
  }

  add(value: number): void {
    this.#count += 1
    const delta = value - this.#mean
    this.#mean += delta / this.#count
    this.#squares += delta * (value - this.#mean)
  }

  value(): number {
    return this.#finish(this.#squares / this.#count)
  }
}
