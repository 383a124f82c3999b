/** What an agent observes besides samples. All three travel in batches, numbered and acknowledged with them. */

/** From 1 (most urgent) down; the words the alerts and the console use. */
export type Severity = 'critical' | 'warning' | 'info'

/** Something that happened once. Never thinned; outlives samples in the spool. */
export interface Event {
  /** Kind of thing, a stable word: `oom-kill`, `unit-failed`, `log`, `xid`, `trap`, `source-failed`. */
  readonly kind: string
  /** The rule or class inside the kind that matched it; '' where the kind has none. */
  readonly rule: string
  readonly severity: Severity
  /** When it happened, epoch milliseconds. */
  readonly at: number
  /** One line for people; masked before it gets here. */
  readonly text: string
  /** What else is known, e.g. unit, device, process. */
  readonly labels: Readonly<Record<string, string>>
}

/** One observed property of a machine, sent when it changes and again daily. */
export interface Fact {
  /** Dotted name: `os.release`, `hardware.identity`. */
  readonly name: string
  readonly at: number
  /** JSON text of the typed value; the hash that decides whether it changed is taken over this text. */
  readonly json: string
}

/** A probe's, plugin's or backup check's verdict. */
export interface CheckResult {
  readonly check: string
  readonly at: number
  readonly verdict: 'ok' | 'warning' | 'critical' | 'unknown'
  readonly text: string
}
