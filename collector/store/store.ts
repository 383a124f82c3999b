import type { CheckResult, Event, Fact } from '../../protocol/events.ts'
import type { SeqRanges } from '../../protocol/batch.ts'
import type { Labels } from '../../protocol/series.ts'

/** `=`, `!=`, `=~`, `!~`. A missing label matches as ''. Regular expressions are anchored (RE2). */
export interface Matcher {
  readonly name: string
  readonly op: '=' | '!=' | '=~' | '!~'
  readonly value: string
  /** Compiled test; for the regular operators it already includes anchoring and negation. */
  matches(value: string): boolean
  /** Every text it matches, where those are written out in it (`=`, `=~"a|b"`): looked up instead of searched for. */
  readonly literals?: readonly string[]
}

/** One series' samples in a range, ascending by time, equal times already removed. */
export interface SeriesSamples {
  readonly labels: Labels
  /** Epoch milliseconds. */
  readonly times: Float64Array
  readonly values: Float64Array
  /** 1 where the cell is a stale mark (the value there is a NaN without meaning); undefined when there is none. */
  readonly stale: Uint8Array | undefined
}

/** The newest sample of each of some series at one time: three lists of one length. */
export interface LatestSamples {
  readonly labels: readonly Labels[]
  /** Epoch milliseconds. */
  readonly times: Float64Array
  readonly values: Float64Array
}

/** What the evaluator reads. Ranges are inclusive at both ends; callers apply left-open semantics themselves. */
export interface Querier {
  select(matchers: readonly Matcher[], fromMs: number, toMs: number): readonly SeriesSamples[]
  /** Of each series the newest sample in (atMs - lookbackMs, atMs]; left out where that is a stale mark. Optional. */
  selectLatest?(matchers: readonly Matcher[], atMs: number, lookbackMs: number): LatestSamples
}

/** What the Prometheus API needs besides samples. */
export interface Index {
  labelNames(matchers: readonly Matcher[]): readonly string[]
  labelValues(name: string, matchers: readonly Matcher[]): readonly string[]
  series(matchers: readonly Matcher[]): readonly Labels[]
}

/** Number of a group in this process. */
export type GroupId = number

/** One row to store: `columns[i]` is the group's column of `values[i]`; columns not named are stale in this row. */
export interface StoreRow {
  readonly group: GroupId
  readonly at: number
  /** undefined: values are in column order 0 … values.length - 1. */
  readonly columns: Uint32Array | undefined
  readonly values: Float64Array
}

/** What must become durable together. */
export interface StoreBatch {
  /** Who sent it: the agent's instance name; `collector` for what the collector itself writes. */
  readonly stream: string
  readonly epoch: string
  readonly seq: number
  readonly rows: readonly StoreRow[]
  readonly events: readonly Event[]
  readonly facts: readonly Fact[]
  readonly checks: readonly CheckResult[]
}

export interface StoredEvent extends Event {
  readonly id: number
  readonly stream: string
}

export interface StoredFact extends Fact {
  readonly stream: string
}

/**
 * The store: recent samples in memory, a log in front of them, chunks on disk.
 *
 * Promises: `accept` resolves only after the batch is on disk (one group commit may cover many); a batch whose
 * (stream, epoch, seq) was accepted before is ignored and resolves at once as `replayed`; after a crash every accepted
 * batch is there exactly once. Rejects with StoreFull when the disk has no room (nothing of the batch was taken).
 */
export interface Store extends Querier, Index {
  /** The group of that name, made if new. Groups are durable once a batch with rows in them is. */
  group(stream: string, name: string): GroupId
  /** Column numbers for these label sets (complete, with `instance` and `job`), added to the group where new. */
  columns(group: GroupId, labels: readonly Labels[]): Uint32Array
  accept(batch: StoreBatch): Promise<'stored' | 'replayed'>
  /**
   * Until the function it gives is called, accepted batches wait before they become durable and readable, so that what is
   * read in several turns is of one state. Optional; for fractions of a second only.
   */
  hold?(): () => void
  /** What of that epoch is durable. */
  accepted(stream: string, epoch: string): SeqRanges
  /** Newest first; with `afterId`, those stored after that one in the order they came (late ones too). */
  events(query: { readonly sinceMs?: number; readonly untilMs?: number; readonly stream?: string; readonly kind?: string; readonly afterId?: number; readonly limit: number }): readonly StoredEvent[]
  /** The newest value of each fact of a stream. */
  facts(stream: string): readonly StoredFact[]
  /** Newest sample time of a stream's in-order rows: rules on that stream are judged up to here. undefined: none yet. */
  watermark(stream: string): number | undefined
  stats(): StoreStats
  /** Seals, compacts, enforces retention; called on a timer by `run.ts`, bounded work per call. */
  maintain(now: number): void
  close(): Promise<void>
}

export interface StoreStats {
  readonly activeSeries: number
  readonly headSamples: number
  readonly acceptedSamples: number
  readonly acceptedBatches: number
  readonly replayedBatches: number
  readonly lateRows: number
  readonly refusedRows: number
  readonly logBytes: number
  readonly chunkBytes: number
  readonly commits: number
  /**
   * What the disk has forced: `shortened` = metrics are kept for less than the settings say, oldest go first; `full` =
   * nothing is accepted (StoreFull). Events, facts and checks are never shortened by it.
   */
  readonly degraded?: 'no' | 'shortened' | 'full'
  /** Chunks or log rows that failed their checksum and were left out of an answer. */
  readonly damaged?: number
  /** Oldest time that retention (shortened or not) keeps at the last `maintain`, epoch ms. */
  readonly keptSinceMs?: number
}

/** A stored check result. */
export interface StoredCheck extends CheckResult {
  readonly id: number
  readonly stream: string
}

/** The store with what only its owner in this process needs; `openStore` gives this. */
export interface MetricStore extends Store {
  /** Newest first. */
  checks(query: { readonly sinceMs?: number; readonly stream?: string; readonly check?: string; readonly limit: number }): readonly StoredCheck[]
}

/** No room on disk; nothing was taken; try again later. */
export class StoreFull extends Error {
  override readonly name = 'StoreFull'
}
