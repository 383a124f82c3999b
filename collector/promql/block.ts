/**
 * An instant vector over every step of the query: one flat array of values for all rows, so that an instant query over
 * thousands of series costs two allocations and not thousands.
 */
import type { Row } from './rows.ts'

export interface Block {
  readonly rows: readonly Row[]
  readonly steps: number
  /** Cell `row * steps + step`; meaningless where `present` is 0. */
  readonly values: Float64Array
  readonly present: Uint8Array
  /** 1 for a row whose metric name goes at the end (delayed name removal). Every row has a present cell. */
  readonly drops: Uint8Array
}

/** One array for all empty blocks, so that what was worked out for it (plans.ts) holds for the next one too. */
const noRows: readonly Row[] = []

export function emptyBlock(steps: number): Block {
  return { rows: noRows, steps, values: new Float64Array(0), present: new Uint8Array(0), drops: new Uint8Array(0) }
}

/** A block of one step in which every row has a cell. */
export function allPresent(rows: readonly Row[], values: Float64Array, drop: boolean): Block {
  return { rows, steps: 1, values, present: new Uint8Array(values.length).fill(1), drops: new Uint8Array(values.length).fill(drop ? 1 : 0) }
}

/** Fills a block row by row; rows that end up without a cell are left out. */
export class BlockBuilder {
  readonly #steps: number
  readonly #rows: Row[] = []
  #values: Float64Array
  #present: Uint8Array
  #drops: Uint8Array
  #used = false

  /** `capacity`: rows expected; it grows when there are more. */
  constructor(steps: number, capacity: number) {
    this.#steps = steps
    this.#values = new Float64Array(capacity * steps)
    this.#present = new Uint8Array(capacity * steps)
    this.#drops = new Uint8Array(capacity)
  }

  /** Sets a cell of the row being filled. */
  set(step: number, value: number): void {
    const cell = this.#rows.length * this.#steps + step
    if (cell >= this.#present.length) this.#grow()
    this.#values[cell] = value
    this.#present[cell] = 1
    this.#used = true
  }

  /** Ends the row being filled; it is kept if a cell was set. Returns whether. */
  end(row: Row, drop: boolean): boolean {
    if (!this.#used) return false
    this.#drops[this.#rows.length] = drop ? 1 : 0
    this.#rows.push(row)
    this.#used = false
    return true
  }

  #grow(): void {
    const capacity = Math.max(4, this.#drops.length * 2)
    const values = new Float64Array(capacity * this.#steps)
    const present = new Uint8Array(capacity * this.#steps)
    const drops = new Uint8Array(capacity)
    values.set(this.#values)
    present.set(this.#present)
    drops.set(this.#drops)
    this.#values = values
    this.#present = present
    this.#drops = drops
  }

  build(): Block {
    const count = this.#rows.length
    return {
      rows: this.#rows,
      steps: this.#steps,
      values: this.#values.subarray(0, count * this.#steps),
      present: this.#present.subarray(0, count * this.#steps),
      drops: this.#drops.subarray(0, count),
    }
  }
}

/** The block without the rows that have no cell left under a new `present`. */
export function withPresent(block: Block, present: Uint8Array): Block {
  const { steps, rows } = block
  const kept: number[] = []
  for (let row = 0; row < rows.length; row++) {
    for (let cell = row * steps; cell < (row + 1) * steps; cell++) {
      if (present[cell] === 1) {
        kept.push(row)
        break
      }
    }
  }
  if (kept.length === rows.length) return { ...block, present }
  return takeRows({ ...block, present }, kept)
}

/** The rows named, in that order. */
export function takeRows(block: Block, indexes: readonly number[]): Block {
  const { steps } = block
  const rows: Row[] = []
  const values = new Float64Array(indexes.length * steps)
  const present = new Uint8Array(indexes.length * steps)
  const drops = new Uint8Array(indexes.length)
  indexes.forEach((from, to) => {
    const row = block.rows[from]
    if (row === undefined) throw new Error(`promql: block has no row ${from}`)
    rows.push(row)
    drops[to] = block.drops[from] ?? 0
    for (let step = 0; step < steps; step++) {
      values[to * steps + step] = block.values[from * steps + step] ?? NaN
      present[to * steps + step] = block.present[from * steps + step] ?? 0
    }
  })
  return { rows, steps, values, present, drops }
}

/** Every row's name to be dropped at the end. */
export function allDropped(block: Block): Uint8Array {
  return new Uint8Array(block.rows.length).fill(1)
}
