/**
 * What the console and scripts read at `/api/zhishou/v1/service/*`: availability, months, maintenance windows, service
 * requests, guard periods, exposure. Times are epoch milliseconds; `null` is "none" or "not known", never zero. What is
 * sent to the acts is in collector/web/routes/service.ts.
 */
import type { ClockName } from './api.ts'
import type { Severity } from './events.ts'

/** From `from` on, up to but not including `to`. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

/** Time of a span by kind, and its two ratios. The texts are cut, not rounded: less than everything never reads 100%. */
export interface FigureView {
  readonly goodMs: number
  readonly badMs: number
  readonly blindMs: number
  /** good ÷ (good + bad); null without either. */
  readonly ratio: number | null
  readonly text: string
  /** good ÷ (good + bad + blind). */
  readonly ratioBlindBad: number | null
  readonly textBlindBad: string
}

/** A day, month or contract year of a service. */
export interface AvailabilityView {
  readonly withMaintenance: FigureView
  readonly withoutMaintenance: FigureView
  readonly maintenanceMs: number
  readonly incidents: readonly { readonly number: string; readonly badMs: number }[]
}

/** One service of a month. */
export interface ServiceAvailabilityView {
  readonly service: string
  readonly title: string
  /** What the site holds itself to, 0 to 1; null: no target set. */
  readonly target: number | null
  readonly days: readonly (AvailabilityView & { readonly date: string })[]
  readonly month: AvailabilityView
  readonly year: AvailabilityView & { readonly number: number; readonly from: number; readonly to: number }
}

/** GET /service/availability?month=YYYY-MM */
export interface AvailabilityReport {
  readonly now: number
  readonly month: string
  /** The first month that may be asked for; the last is that of `now`. */
  readonly firstMonth: string
  readonly lastMonth: string
  readonly frozen: boolean
  /** Up to when time counts as passed. */
  readonly asOf: number
  readonly services: readonly ServiceAvailabilityView[]
}

/** GET /service/availability/:service?month=YYYY-MM&span=month|year|YYYY-MM-DD: what made the figure. */
export interface AvailabilityMaking extends Stretch {
  readonly now: number
  readonly service: string
  readonly title: string
  readonly figures: AvailabilityView
  readonly bad: readonly (Stretch & { readonly incidents: readonly string[] })[]
  readonly blind: readonly (Stretch & { readonly why: 'collector-down' | 'agent-silent' | 'no-data'; readonly object: string })[]
  /** Approved windows of the service. */
  readonly maintenance: readonly (Stretch & { readonly id: string; readonly reason: string; readonly approver: string })[]
  /** Promised time inside the span; null: round the clock. */
  readonly hours: readonly Stretch[] | null
}

/** One row of GET /service/months */
export interface MonthSummary {
  readonly month: string
  readonly state: 'running' | 'over' | 'frozen'
  readonly frozenAt: number | null
  readonly frozenBy: string | null
  readonly hash: string | null
}

export interface RateView {
  readonly met: number
  readonly breached: number
  readonly pending: number
  readonly ratio: number | null
}
export type RatesView = Readonly<Record<ClockName, RateView>> & { readonly incidents: number }

/** One incident in the month's SLA book. */
export interface BookEntryView {
  readonly number: string
  readonly service: string
  readonly object: string
  readonly severity: Severity
  readonly profile: string
  readonly from: number
  readonly to: number | null
  readonly clocks: readonly { readonly name: ClockName; readonly outcome: 'met' | 'breached' | 'pending'; readonly limitSeconds: number; readonly usedSeconds: number; readonly overSeconds: number }[]
  readonly openSeconds: number
  readonly blindSeconds: number
  /** The approved maintenance window it began in. */
  readonly maintenance: string | null
  /** Why it does not count. */
  readonly excluded: string | null
}

export type RequestKindView = 'consulting' | 'training' | 'base-data' | 'import-export' | 'rights'

export interface RequestCountView {
  readonly kind: RequestKindView
  readonly received: number
  readonly done: number
  readonly refused: number
  readonly pending: number
  readonly minutes: number
}

/** A correction beside a frozen figure; the original is what was frozen. */
export interface AnnotationView {
  readonly seq: number
  readonly at: number
  readonly actor: string
  readonly path: string
  readonly original: string | number | null
  readonly corrected: string | number | null
  readonly reason: string
  /** null: an entry of the work log, written down after its month was frozen. */
  readonly approval: ApprovalView | null
  readonly entry: WorkLineView | null
  readonly hash: string
}

/** Who of the client's side agreed, when and how. */
export interface ApprovalView {
  readonly name: string
  readonly at: number
  readonly how: string
}

export interface WorkLineView {
  readonly at: number
  readonly by: string
  /** Word for programs. */
  readonly kind: string
  readonly reference: string
  readonly text: string
  readonly minutes: number
}

/** GET /service/months/:month */
export interface MonthView {
  readonly now: number
  readonly month: string
  readonly state: MonthSummary['state']
  readonly frozen: { readonly at: number; readonly by: string; readonly hash: string; readonly previousHash: string; readonly forced: string | null } | null
  readonly services: readonly ServiceAvailabilityView[]
  readonly book: {
    readonly entries: readonly BookEntryView[]
    readonly overall: { readonly withMaintenance: RatesView; readonly withoutMaintenance: RatesView }
  }
  readonly requests: readonly RequestCountView[]
  readonly annotations: readonly AnnotationView[]
  /** `lines`: the newest 500. */
  readonly workLog: { readonly count: number; readonly minutes: number; readonly kinds: readonly { readonly kind: string; readonly title: string; readonly count: number; readonly minutes: number }[]; readonly lines: readonly WorkLineView[] }
}

/** GET /service/months/verify */
export type VerdictView = { readonly kind: 'intact'; readonly months: number; readonly annotations: number } | { readonly kind: 'broken'; readonly where: string; readonly why: string }

/** One row of GET /service/windows */
export interface WindowView {
  readonly id: string
  readonly services: readonly string[]
  readonly objects: readonly string[]
  /** As planned. */
  readonly from: number
  readonly to: number
  /** As it counts. */
  readonly endsAt: number
  readonly reason: string
  readonly by: string
  readonly plannedAt: number
  readonly afterTheFact: boolean
  readonly approval: ApprovalView | null
  readonly cancelled: boolean
}

/** One row of GET /service/requests?month=YYYY-MM */
export interface RequestView {
  readonly id: string
  readonly state: 'received' | 'in-work' | 'done' | 'refused'
  readonly kind: RequestKindView
  readonly service: string
  readonly requester: string
  readonly channel: string
  readonly text: string
  readonly receivedAt: number
  readonly person: string | null
  readonly minutes: number
  readonly endedAt: number | null
  /** What was written down, oldest first. */
  readonly history: readonly WorkLineView[]
}

export interface ZeroReportView {
  readonly state: 'upcoming' | 'due' | 'late' | 'filed'
  readonly dueAt: number
  readonly lateAt: number
  /** From when on it may be filed. */
  readonly opensAt: number
  readonly filed: { readonly at: number; readonly by: string; readonly text: string; readonly late: boolean } | null
}

/** One row of GET /service/guards */
export interface GuardView {
  readonly id: string
  readonly title: string
  readonly from: number
  readonly to: number
  readonly state: 'planned' | 'running' | 'over'
  /** Empty: every service. */
  readonly services: readonly string[]
  readonly thresholdFactor: number
  readonly stepFactor: number
  readonly by: string
  readonly reports: readonly ZeroReportView[]
}

/** GET /service/exposure (permission exposure.read). Amounts are texts in yuan, `1,000,000.00`; they are never numbers. */
export interface ExposureView {
  readonly now: number
  readonly total: string
  readonly totalSteps: readonly string[]
  readonly flags: readonly string[]
  readonly lines: readonly { readonly reference: string; readonly service: string; readonly title: string; readonly origin: string; readonly lateMs: number; readonly amount: string; readonly steps: readonly string[]; readonly flags: readonly string[] }[]
  /** What no figure covers, in words. */
  readonly uncovered: readonly { readonly reference: string | null; readonly text: string }[]
}

/** GET /service/services: what the forms choose from. */
export interface ServiceName {
  readonly service: string
  readonly title: string
}
