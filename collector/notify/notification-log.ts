/**
 * What each integration was last told about each group, and whether there is news for it.
 * Source: alertmanager 0.25 `notify/notify.go` (DedupStage, RetryStage, SetNotifiesStage), `nflog/nflog.go`.
 */
import type { Integration } from './receiver.ts'
import { isResolved } from './routed-alert.ts'
import type { RoutedAlert } from './routed-alert.ts'

export interface LogEntry {
  readonly groupKey: string
  readonly receiver: string
  readonly integration: string
  /** When it was told. */
  readonly at: number
  /** Fingerprints of the alerts it was told of. */
  readonly firing: readonly string[]
  readonly resolved: readonly string[]
  readonly expiresAt: number
}

/** Key of an entry. */
export function logKey(groupKey: string, receiver: string, integration: string): string {
  return JSON.stringify([groupKey, receiver, integration])
}

/** Longest time an entry is kept, Alertmanager's default retention. */
export const LOG_RETENTION_MS = 120 * 3_600_000

/** Why an integration is told. */
export type News = 'first' | 'new-firing' | 'all-resolved' | 'new-resolved' | 'repeat'

/** Fingerprints of those that fire and those that are over at that time. */
export function sides(alerts: readonly RoutedAlert[], now: number): { readonly firing: readonly string[]; readonly resolved: readonly string[] } {
  return {
    firing: alerts.filter((alert) => !isResolved(alert, now)).map((alert) => alert.fingerprint),
    resolved: alerts.filter((alert) => isResolved(alert, now)).map((alert) => alert.fingerprint),
  }
}

/** DedupStage.needsUpdate: why the integration must be told; undefined: it knows all this. */
export function newsFor(entry: LogEntry | undefined, firing: readonly string[], resolved: readonly string[], sendResolved: boolean, repeatIntervalMs: number, now: number): News | undefined {
  if (entry === undefined) return firing.length > 0 ? 'first' : undefined
  if (!isSubset(firing, entry.firing)) return 'new-firing'
  // Told whatever send_resolved says: the log must forget them, or their return would be no news.
  if (firing.length === 0) return entry.firing.length > 0 ? 'all-resolved' : undefined
  if (sendResolved && !isSubset(resolved, entry.resolved)) return 'new-resolved'
  return entry.at < now - repeatIntervalMs ? 'repeat' : undefined
}

function isSubset(some: readonly string[], all: readonly string[]): boolean {
  const set = new Set(all)
  return some.every((one) => set.has(one))
}

/** What the message holds: without send_resolved only what fires; empty where only the log is to be brought up to date. */
export function toldAlerts(alerts: readonly RoutedAlert[], integration: Pick<Integration, 'sendResolved'>, now: number): readonly RoutedAlert[] {
  return integration.sendResolved ? alerts : alerts.filter((alert) => !isResolved(alert, now))
}

/** The entry that a told notification leaves. */
export function entryAfter(place: Pick<LogEntry, 'groupKey' | 'receiver' | 'integration'>, firing: readonly string[], resolved: readonly string[], repeatIntervalMs: number, now: number): LogEntry {
  return { groupKey: place.groupKey, receiver: place.receiver, integration: place.integration, at: now, firing, resolved, expiresAt: now + Math.min(2 * repeatIntervalMs, LOG_RETENTION_MS) }
}
