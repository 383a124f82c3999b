import type { CheckResult, Event, Fact } from '../../protocol/events.ts'
import type { SeriesSpec } from '../../protocol/series.ts'
import type { Host } from '../host.ts'

/** What a source found. `absent` is normal (no GPU here); `failed` means it should have been readable. */
export type Outcome<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'absent'; readonly why: string }
  | { readonly kind: 'failed'; readonly error: Error }

export const ok: Outcome<void> = { kind: 'ok', value: undefined }

/**
 * How often a source is read: with every tick (15 s by default), once a minute, or once an hour. `push`: with every tick,
 * and between two of them when something waits to be told; its rows are a group of their own, since they come more often.
 */
export type Cadence = 'tick' | 'push' | 'minute' | 'hour'

export interface Source {
  /** Config key, `collector` label of `node_scrape_collector_*`, and docs heading. node_exporter's name where it has one. */
  readonly name: string
  readonly cadence: Cadence
  /** Longest one read may take before it is reported as hung, milliseconds. A hung read is never started twice. */
  readonly timeoutMs: number
  /** Every metric this source may emit: name, kind, help, label names. Docs, rules and dashboards are checked against these. */
  readonly series: readonly SeriesSpec[]
  read(host: Host, out: Sink, signal: AbortSignal): Promise<Outcome<void>> | Outcome<void>
  /**
   * Of a `push` source: whether something has come since the last read that people should not wait for until the tick.
   * Asked with every heartbeat of the link, so it is cheap, never waits, and never throws: what fails here is told by the read.
   */
  waits?(host: Host): boolean
}

/** A resolved series: an index into the agent's table. Opaque; valid for the agent's lifetime. */
export type SeriesRef = number & { readonly seriesRef: unique symbol }

/** Where a source puts what it read. */
export interface Sink {
  /**
   * Resolves one series; memoised, so calling it each tick with the same label values allocates nothing lasting.
   * `values` align with `spec.labels`; an empty value means the label is absent.
   */
  series(spec: SeriesSpec, ...values: readonly string[]): SeriesRef
  /** One reading. NaN is a legal value. A series not written in a tick is stale from that tick on. */
  sample(series: SeriesRef, value: number): void
  event(event: Event): void
  fact(fact: Fact): void
  check(check: CheckResult): void
}
