/**
 * Incidents and the work log beyond what api.ts has, at `/api/zhishou/v1/incidents*` and `/work-log`. Times are epoch
 * milliseconds. What is sent to the acts is in collector/web/routes/incident-acts.ts, incident-files.ts and work-log.ts.
 */
import type { IncidentSummary } from './api.ts'
import type { Severity } from './events.ts'

/** What people may do to an incident; each is the last part of its route's path. */
export const incidentActs = ['acknowledge', 'dispose', 'comment', 'assign', 'unassign', 'severity', 'root-cause', 'recovery', 'confirm-recovery', 'refuse-recovery', 'close', 'reopen', 'merge', 'split', 'attachments', 'work'] as const
export type IncidentAct = (typeof incidentActs)[number]

/**
 * Parts of the list. `open`: not recovered; `unanswered`, `answered` and `disposed` are how far an open one has come;
 * `blind`: open, and its telemetry is missing; `live`: open, or may still be reopened.
 */
export const incidentParts = ['open', 'unanswered', 'answered', 'disposed', 'blind', 'live', 'recovered', 'closed', 'merged', 'all'] as const
export type IncidentPart = (typeof incidentParts)[number]

/** GET /incidents?state=PART&service=&severity=&mine=yes&text=&limit=N. `more`: the limit has cut the list. */
export interface IncidentList {
  readonly now: number
  readonly incidents: readonly IncidentSummary[]
  readonly more: boolean
}

/** Who has taken it and how we know. By phone `by` has called and `writtenBy` has written it down. */
export interface ResponseView {
  readonly at: number
  readonly by: string
  /** Word for programs: console, link, sms-reply, phone … */
  readonly kind: string
  /** The same for people. */
  readonly source: string
  readonly writtenBy: string | null
}

/** One report of what was done; `condition` is what the telemetry said then. */
export interface DisposalView {
  readonly at: number
  readonly by: string
  readonly text: string
  readonly condition: 'bad' | 'good' | 'no-data' | 'reported'
  /** The same for people: 已报处置、未恢复. */
  readonly conditionText: string
}

/** One line of GET /incidents/:number/hidden?offset=&limit=, by object and name, those that have ended too. */
export interface HiddenView {
  readonly fingerprint: string
  readonly name: string
  readonly instance: string
  readonly summary: string
  readonly state: 'firing' | 'no-data' | 'ended' | 'released' | 'moved'
  readonly startedAt: number
  readonly hiddenAt: number
  readonly endedAt: number | null
}

/** GET /incidents/:number/hidden. `more`: there is a next page. */
export interface HiddenPage {
  readonly now: number
  readonly hidden: readonly HiddenView[]
  readonly more: boolean
}

/** A word for programs and its name for people. */
export interface Choice {
  readonly name: string
  readonly title: string
}

/** GET /incidents/choices: what the forms offer. */
export interface IncidentChoices {
  readonly services: readonly Choice[]
  readonly profiles: readonly (Choice & { readonly respondMs: number; readonly disposeMs: number; readonly recoverMs: number })[]
  readonly severities: readonly { readonly name: Severity; readonly title: string }[]
  readonly reportChannels: readonly Choice[]
  readonly causeCategories: readonly Choice[]
  readonly workKinds: readonly Choice[]
  /** Who may be put in charge, or named as having called or confirmed; `accounts` are theirs. */
  readonly people: readonly (Choice & { readonly accounts: readonly string[] })[]
}

/** One entry of the work log. */
export interface WorkView {
  readonly id: number
  readonly kind: string
  readonly text: string
  readonly minutes: number
  /** When the work was done. */
  readonly workedAt: number
  readonly service: string | null
  readonly incident: string | null
  readonly recordedAt: number
  readonly by: string
}

/** GET /work-log?from=&to=&kind=&by=&incident=&limit=N, newest first. `more`: the limit has cut the list. */
export interface WorkLog {
  readonly now: number
  readonly entries: readonly WorkView[]
  readonly more: boolean
}
