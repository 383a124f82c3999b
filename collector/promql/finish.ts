/** The end of an evaluation: names that had to go are dropped, rows that thereby became one are joined. */
import type { Labels } from '../../protocol/series.ts'
import type { Block } from './block.ts'
import { EvaluationError } from './errors.ts'
import { nameless, rowKey } from './rows.ts'

const duplicate = 'vector cannot contain metrics with the same labelset'

/** One result series with its labels as they are shown. */
export interface FinishedRow {
  readonly labels: Labels
  /** Rows of the block that make it up; at no step more than one of them is present. */
  readonly rows: number[]
}

/** Throws when two rows of the same labels are present at the same step. */
export function refuseDuplicateRows(block: Block): void {
  finishRows(block)
}

/** Puts rows of equal final labels together. Throws when two of them are present at the same step. */
export function finishRows(block: Block): readonly FinishedRow[] {
  const { rows, drops } = block
  const byKey = new Map<string, FinishedRow>()
  const out: FinishedRow[] = []
  rows.forEach((row, index) => {
    const drop = drops[index] === 1
    const finished = { labels: drop ? nameless(row) : row.labels, rows: [index] }
    if (rows.length > 1) {
      const key = rowKey(row, drop)
      const known = byKey.get(key)
      if (known !== undefined) {
        for (const other of known.rows) refuseOverlap(block, index, other)
        known.rows.push(index)
        return
      }
      byKey.set(key, finished)
    }
    out.push(finished)
  })
  return out
}

function refuseOverlap({ present, steps }: Block, a: number, b: number): void {
  for (let step = 0; step < steps; step++) {
    if (present[a * steps + step] === 1 && present[b * steps + step] === 1) throw new EvaluationError('execution', duplicate)
  }
}
