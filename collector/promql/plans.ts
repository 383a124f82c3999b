/**
 * What a query that is evaluated again and again need not work out again: which rows its selectors find, which rows meet
 * in its operators, which fall into one group. All of it follows from label sets alone, and those seldom change between
 * two evaluations of a rule, so each is kept beside its node and taken while the rows are still the same objects.
 */
import type { Labels } from '../../protocol/series.ts'
import { sameLabels, storedRow, type Row } from './rows.ts'
import type { Expr } from './syntax.ts'

/** Rows of a block that fall together. */
export interface Group {
  readonly labels: Labels
  readonly row: Row
  /** Indexes of its rows, ascending. */
  readonly members: number[]
}

/** A one-to-one match whose keys are unique on both sides: for each row of the left its partner's index (-1: none). */
export interface Join {
  readonly partners: Int32Array
  /** The row that each pair makes; undefined where there is no partner. */
  readonly results: readonly (Row | undefined)[]
}

/** How far ahead a series is looked for among those of the last time, after some have gone. */
const resyncWithin = 64

/** What follows from the rows that one node works on, kept while they are the very same arrays. */
export class Plan<T> {
  readonly #last = new WeakMap<Expr, { readonly from: readonly (readonly Row[])[]; readonly made: T }>()

  take(node: Expr, from: readonly (readonly Row[])[], make: () => T): T {
    const last = this.#last.get(node)
    if (last !== undefined && sameItems(last.from, from)) return last.made
    const made = make()
    this.#last.set(node, { from, made })
    return made
  }
}

/** The plans of one parsed query; dropped with it. */
export class Plans {
  readonly joins = new Plan<Join | undefined>()
  readonly groups = new Plan<readonly Group[]>()
  readonly sets = new Plan<Int32Array | undefined>()
  readonly #found = new WeakMap<Expr, readonly Row[]>()
  readonly #rows = new WeakMap<Expr, readonly Row[]>()

  /** The rows of a selector's series, the same objects as last time where the labels are the same. */
  selected(node: Expr, labels: readonly Labels[]): readonly Row[] {
    const last = this.#found.get(node)
    if (last === undefined) {
      const rows = labels.map(storedRow)
      this.#found.set(node, rows)
      return rows
    }
    if (last.length === labels.length && last.every((row, index) => row.labels === labels[index])) return last
    const rows = resynced(last, labels)
    if (sameItems(last, rows)) return last
    this.#found.set(node, rows)
    return rows
  }

  /** The rows, as the very array of last time if they are the same. */
  steady(node: Expr, rows: readonly Row[]): readonly Row[] {
    const last = this.#rows.get(node)
    if (last !== undefined && sameItems(last, rows)) return last
    this.#rows.set(node, rows)
    return rows
  }
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}

function resynced(last: readonly Row[], labels: readonly Labels[]): readonly Row[] {
  let at = 0
  return labels.map((one) => {
    const limit = Math.min(at + resyncWithin, last.length)
    for (let index = at; index < limit; index++) {
      const row = last[index]
      if (row === undefined || !sameLabels(row.labels, one)) continue
      at = index + 1
      return row
    }
    return storedRow(one)
  })
}
