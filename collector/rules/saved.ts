import type { Labels } from '../../protocol/series.ts'
import { abandon } from './evaluate.ts'
import type { Senses } from './evaluate.ts'
import type { AlertChange } from './alert.ts'
import type { AlertState } from './state.ts'

/** One alert's exact state as it lies in state.db. */
export interface SavedAlert {
  /** `file;group`. */
  readonly group: string
  readonly ruleKey: string
  readonly state: AlertState
  /** Evaluation time as of which it was saved; the down-time of the collector is counted from the newest of these. */
  readonly savedAt: number
}

/** What one pass changed. */
export type SavedChange =
  | { readonly kind: 'put'; readonly alert: SavedAlert }
  | { readonly kind: 'drop'; readonly group: string; readonly ruleKey: string; readonly labels: Labels }

/** Where the state machine's states outlive the process. Changes of one call are saved together or not at all. */
export interface RuleStateStore {
  load(): Promise<readonly SavedAlert[]>
  save(changes: readonly SavedChange[]): Promise<void>
}

/** Longest down-time of the collector that does not count as a break of the condition (Prometheus's for-outage-tolerance). */
export const outageToleranceMs = 3_600_000

/** How long after a restart missing data change nothing: agents need time to come back. */
export const restoreGraceMs = 300_000

/** States are written again at least this often while an alert is active, so that a restart knows how long it was down. */
export const heartbeatMs = 60_000

/**
 * A saved state as the rules take it up again at `now` (SPEC R1 to R4): after a short down-time as it was, with a grace
 * for missing data; after a long one nothing is believed: pending is dropped, firing ends as `no-data`.
 */
export function restore(
  saved: SavedAlert, name: string, now: number, needed: Senses['needed'],
): { readonly state: AlertState; readonly change: AlertChange | undefined } | undefined {
  if (now - saved.savedAt <= outageToleranceMs) return { state: { ...saved.state, graceUntil: now + restoreGraceMs }, change: undefined }
  return abandon(saved.group, name, saved.state, now, needed)
}
