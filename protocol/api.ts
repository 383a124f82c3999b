/**
 * What the console and scripts read and send at `/api/zhishou/v1/*`. Times are epoch milliseconds, durations
 * milliseconds, ratios from 0 to 1; `null` means unknown, never zero.
 *
 * Reads: GET. Acts: POST with JSON, header `x-zhishou-csrf` equal to `Session.csrf` when signed in by cookie.
 * Errors: status 4xx/5xx with ApiError.
 */
import type { DisposalView, IncidentAct, ResponseView } from './api-incidents.ts'
import type { CheckResult, Severity } from './events.ts'
import type { Labels } from './series.ts'

export interface ApiError {
  /** Stable word for programs. */
  readonly code: string
  /** One Chinese sentence for people. */
  readonly message: string
}

/** GET /session (401 when not signed in); POST /session {user, password}; DELETE /session; POST /session/password {old, new}. */
export interface Session {
  readonly user: string
  readonly role: string
  readonly permissions: readonly string[]
  /** Id in the duty file of whoever uses the account; null where it is linked to nobody. */
  readonly person: string | null
  readonly mustChangePassword: boolean
  readonly csrf: string
  readonly expiresAt: number
}

/** GET /accounts/links: accounts that may be used, and the people of the duty file they can be linked to. */
export interface AccountLinks {
  readonly accounts: readonly { readonly user: string; readonly role: string; readonly person: string | null }[]
  readonly people: readonly { readonly id: string; readonly name: string }[]
}

/** How a host's link stands. `planned`: said goodbye and is expected back; `never`: enrolled but not yet seen. */
export type Presence = 'up' | 'down' | 'planned' | 'never'

/** One row of GET /hosts. */
export interface HostSummary {
  readonly instance: string
  readonly presence: Presence
  /** Since when it is so; null where unknown. */
  readonly since: number | null
  readonly lastSeenAt: number | null
  readonly os: string | null
  readonly kernel: string | null
  readonly bootedAt: number | null
  readonly cpuUsedRatio: number | null
  readonly memoryUsedRatio: number | null
  readonly load1: number | null
  readonly cpus: number | null
  readonly fullestFilesystem: { readonly mountpoint: string; readonly usedRatio: number } | null
  readonly clockOffsetSeconds: number | null
  readonly firing: { readonly critical: number; readonly warning: number; readonly info: number }
}

/** GET /hosts/:instance */
export interface HostDetail extends HostSummary {
  readonly agentVersion: string | null
  readonly filesystems: readonly { readonly mountpoint: string; readonly device: string; readonly fstype: string; readonly sizeBytes: number; readonly availableBytes: number; readonly readonly: boolean }[]
  readonly facts: readonly { readonly name: string; readonly at: number; readonly value: unknown }[]
  readonly checks: readonly CheckResult[]
  readonly events: readonly EventView[]
  readonly sources: readonly { readonly name: string; readonly ok: boolean; readonly durationSeconds: number }[]
}

export interface EventView {
  readonly id: number
  readonly instance: string
  readonly kind: string
  readonly rule: string
  readonly severity: Severity
  readonly at: number
  readonly text: string
}

/** One row of GET /alerts (pending, firing, and resolved within 15 minutes). */
export interface AlertView {
  readonly fingerprint: string
  readonly name: string
  readonly severity: Severity
  readonly state: 'pending' | 'firing' | 'resolved'
  readonly labels: Labels
  readonly summary: string
  readonly description: string
  readonly action: string
  readonly value: number | null
  readonly startedAt: number
  readonly activeAt: number
  readonly resolvedAt: number | null
  /** Number of the incident it belongs to. */
  readonly incident: string | null
  /** It was pushed by a program outside: no rule here watches it, and no incident counts its time. Left out: a rule's. */
  readonly external?: true
}

export type ClockName = 'respond' | 'dispose' | 'recover'

/** One SLA clock as of `now` of the reply. */
export interface ClockView {
  readonly clock: ClockName
  readonly limitMs: number
  readonly dueAt: number
  /** running: counting; stopped: done, in time or not; */
  readonly state: 'running' | 'stopped'
  readonly stoppedAt: number | null
  /** Time left, negative once breached; for a stopped clock what was left when it stopped. */
  readonly leftMs: number
  readonly breached: boolean
}

/**
 * `recovered` is what the telemetry showed (or two people judged, see `judgedBy`), and it may still come back; `closed` is
 * done with: it stayed recovered for its window, or a person closed it (`recoveredAt` null: without having recovered);
 * `merged` went into another incident, see `mergedInto`.
 */
export type IncidentState = 'open' | 'acknowledged' | 'disposed' | 'recovered' | 'closed' | 'merged'

/** One row of GET /incidents, see IncidentList. */
export interface IncidentSummary {
  readonly number: string
  readonly title: string
  readonly state: IncidentState
  readonly severity: Severity
  readonly service: string
  readonly object: string
  readonly fault: string
  readonly startedAt: number
  readonly openedAt: number
  readonly recoveredAt: number | null
  readonly acknowledgedBy: string | null
  readonly disposedBy: string | null
  /** True while the telemetry that would show recovery is missing (数据中断). */
  readonly blind: boolean
  readonly assignedTo: string | null
  /** How many alerts it explains now. */
  readonly hiddenAlerts: number
  /** Number of the incident it went into. */
  readonly mergedInto: string | null
  /** Who reported it, for one that was opened by hand. */
  readonly reportedBy: string | null
  /** Who judged it recovered where no telemetry could (人工认定). */
  readonly judgedBy: string | null
  /** A recovery by hand that waits for a second person (待确认): over since `at`, said `by` whom; its clocks still run. */
  readonly claim: { readonly by: string; readonly asked: string; readonly text: string; readonly at: number; readonly claimedAt: number } | null
  readonly clocks: readonly ClockView[]
}

export interface TimelineEntry {
  readonly at: number
  /** Word for programs: opened, alert-firing, acknowledged … */
  readonly kind: string
  /** Person or `system`. */
  readonly actor: string
  /** Chinese sentence. */
  readonly text: string
}

/** GET /incidents/:number; every act on it answers this too. */
export interface IncidentDetail extends IncidentSummary {
  readonly alerts: readonly AlertView[]
  /** The first of the alerts it explains; the full list is paged. */
  readonly hidden: readonly { readonly fingerprint: string; readonly name: string; readonly instance: string; readonly startedAt: number }[]
  /** How many incidents went into this one, and the first of them. */
  readonly absorbed: { readonly count: number; readonly first: readonly { readonly number: string; readonly at: number; readonly startedAt: number }[] }
  readonly splitFrom: string | null
  readonly report: { readonly reporter: string; readonly contact: string; readonly channel: string; readonly at: number; readonly by: string; readonly description: string } | null
  readonly rootCause: { readonly category: string; readonly text: string; readonly by: string; readonly at: number } | null
  readonly attachments: readonly { readonly id: number; readonly name: string; readonly type: string; readonly sizeBytes: number; readonly sha256: string }[]
  readonly workMinutes: number
  readonly response: ResponseView | null
  /** Oldest first. */
  readonly disposals: readonly DisposalView[]
  /** What its state lets people do now. */
  readonly acts: readonly IncidentAct[]
  /** Times without data, oldest first; `to` null: still. */
  readonly blindTimes: readonly { readonly from: number; readonly to: number | null }[]
  readonly timeline: readonly TimelineEntry[]
  /** Oldest first. `together`: how many messages about it went as this one. */
  readonly notifications: readonly { readonly at: number; readonly channel: string; readonly to: string; readonly state: string; readonly error: string | null; readonly together: number }[]
}

/** GET /overview */
export interface Overview {
  readonly now: number
  readonly hosts: Readonly<Record<Presence, number>>
  readonly alerts: { readonly critical: number; readonly warning: number; readonly info: number; readonly pending: number }
  readonly incidents: readonly IncidentSummary[]
  readonly channels: readonly { readonly name: string; readonly up: boolean | null; readonly queued: number; readonly error: string | null }[]
  /** What is wrong with the monitoring itself, one Chinese sentence each; empty when all is well. */
  readonly selfProblems: readonly string[]
}

/** GET /self */
export interface SelfView {
  readonly version: string
  readonly startedAt: number
  readonly now: number
  readonly series: number
  readonly samples: number
  readonly chunkBytes: number
  readonly logBytes: number
  readonly rules: readonly { readonly group: string; readonly name: string; readonly health: string; readonly error: string | null; readonly lastEvaluationAt: number | null; readonly evaluationSeconds: number }[]
  readonly refused: readonly { readonly what: string; readonly code: string; readonly count: number }[]
}

/** POST /agents/tokens {host}: shown once. GET /agents lists enrolled agents; POST /agents/:instance/revoke {reason}. */
export interface NewToken {
  readonly token: string
  readonly host: string
  readonly expiresAt: number
  /** The command to run on that host. */
  readonly command: string
}

export interface AgentView {
  readonly instance: string
  readonly createdAt: number
  readonly lastSeenAt: number | null
  readonly certificates: readonly { readonly serial: string; readonly issuedAt: number; readonly notAfter: number; readonly revokedAt: number | null }[]
}

/** GET /stream: server-sent events, each naming what should be fetched again. */
export interface StreamHint {
  readonly topics: readonly ('duty' | 'overview' | 'hosts' | 'alerts' | 'incidents' | 'notify' | 'service' | 'work-log')[]
}
