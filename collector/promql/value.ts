import type { Labels } from '../../protocol/series.ts'

/** One series at one time. */
export interface VectorSample {
  readonly labels: Labels
  readonly value: number
}

/** One series over time. */
export interface SeriesValues {
  readonly labels: Labels
  /** Epoch milliseconds, ascending. */
  readonly times: Float64Array
  readonly values: Float64Array
}

interface Annotated {
  /** `PromQL warning: … (1:5)` and `PromQL info: … (1:5)`, each once. */
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}

/** What a query gives. Vectors keep the order that sort() and topk() made; matrices are ordered by labels. */
export type Value = Annotated & (
  | { readonly kind: 'scalar'; readonly atMs: number; readonly value: number }
  | { readonly kind: 'string'; readonly atMs: number; readonly value: string }
  | { readonly kind: 'vector'; readonly atMs: number; readonly samples: readonly VectorSample[] }
  | { readonly kind: 'matrix'; readonly series: readonly SeriesValues[] }
)
