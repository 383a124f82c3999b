/** A group in memory: whose it is, which series its columns are, and its rows that no chunk has yet. */
import { createLane, type Lane } from './lane.ts'
import { grown, NO_SERIES } from './series-index.ts'

export interface Group {
  readonly id: number
  readonly stream: string
  readonly name: string
  /** Series by column (NO_SERIES: it left the index); only the first `columns` count. */
  series: Uint32Array
  columns: number
  /** Columns whose series left the index. */
  gone: number
  /** Last second in which a column held a sample, by packed blocks; a lower bound. */
  seenS: Uint32Array
  readonly main: Lane
  readonly late: Lane
  /** Newest time of a main row; -Infinity: none yet. */
  newest: number
  /** Whether its row is in the table, and how many of its columns. */
  stored: boolean
  storedColumns: number
  /** Newest and oldest end of its chunks on disk; ±Infinity when it has none. */
  chunkNewest: number
  chunkOldest: number
  /** Minis that make the next main chunk: fewer the first time, so that groups begun together do not seal together. */
  target: number
  /** The plan (one commit) for which the three fields below hold: state after the plan's rows so far. */
  plan: number
  planNewest: number
  planMain: number
  planLate: number
  /** Cells of the plan's newest row of each lane; undefined: it has none, and outside a commit. */
  planMainCells: Float64Array | undefined
  planLateCells: Float64Array | undefined
}

/** A group without columns whose lanes number on after those given. */
export function createGroup(id: number, stream: string, name: string, mainThrough = 0, lateThrough = 0): Group {
  return {
    id,
    stream,
    name,
    series: new Uint32Array(0),
    columns: 0,
    gone: 0,
    seenS: new Uint32Array(0),
    main: createLane(false, mainThrough),
    late: createLane(true, lateThrough),
    newest: -Infinity,
    stored: false,
    storedColumns: 0,
    chunkNewest: -Infinity,
    chunkOldest: Infinity,
    target: 4 + (id % 5),
    plan: -1,
    planNewest: -Infinity,
    planMain: 0,
    planLate: 0,
    planMainCells: undefined,
    planLateCells: undefined,
  }
}

/** Adds a column for a series; its number. */
export function addColumn(group: Group, series: number, seenS: number): number {
  if (group.columns >= group.series.length) {
    group.series = grown(group.series, group.columns + 1)
    group.seenS = grown(group.seenS, group.columns + 1)
  }
  group.series[group.columns] = series
  group.seenS[group.columns] = seenS
  if (series === NO_SERIES) group.gone++
  return group.columns++
}

/** Gives unused capacity back; called once the columns of a new group are known. */
export function trimColumns(group: Group): void {
  if (group.series.length > group.columns + 64) {
    group.series = group.series.slice(0, group.columns)
    group.seenS = group.seenS.slice(0, group.columns)
  }
}
