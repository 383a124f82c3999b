/** The room's values as the console reads them (pure): what protocol/api-service.ts declares, and nothing decided anew. */
import { z } from 'zod'
import type { AnnotationView, AvailabilityMaking, AvailabilityView, ExposureView, FigureView, GuardView, MonthSummary, MonthView, RequestView, ServiceAvailabilityView, VerdictView, WindowView, ZeroReportView } from '../../protocol/api-service.ts'
import { fill } from '../sentence.ts'
import { percentText } from './availability.ts'
import type { Exposure } from './exposure.ts'
import { clockNames, momentsOf, severities } from './fault.ts'
import type { Annotation, FrozenMonth, MonthVerdict } from './frozen-month.ts'
import { inputsOf } from './frozen-month.ts'
import type { GuardPeriod, ZeroReport } from './guard.ts'
import { intersect, subtract } from './intervals.ts'
import type { Interval } from './intervals.ts'
import { yuanText } from './money.ts'
import type { MonthInputs } from './month.ts'
import { requestCountSchema } from './request.ts'
import type { ServiceRequest } from './request.ts'
import type { MonthReport } from './run.ts'
import { approvalSchema } from './window.ts'
import type { MaintenanceWindow } from './window.ts'
import { countWork, workLineSchema } from './work-log.ts'
import type { WorkLine } from './work-log.ts'
import type { ServiceWording } from './wording.ts'
import { addMonths, dayOf, monthAt, monthOf } from './zone-time.ts'

/** A service as people call it, and what the site holds itself to (0 to 1). */
export interface NamedService {
  readonly service: string
  readonly title: string
  readonly target: number | undefined
}

const count = z.number()
const figure = z.object({ goodMs: count, badMs: count, blindMs: count, ratio: count.nullable(), ratioBlindBad: count.nullable() })
const availability = z.object({ withMaintenance: figure, withoutMaintenance: figure, maintenanceMs: count, incidents: z.array(z.object({ number: z.string(), badMs: count })) })
const rate = z.object({ met: count, breached: count, pending: count, ratio: count.nullable() })
const rates = z.object({ incidents: count, respond: rate, dispose: rate, recover: rate })
const entry = z.object({
  number: z.string(), service: z.string(), object: z.string(), severity: z.enum(severities), profile: z.string(), from: count, to: count.nullable(),
  clocks: z.array(z.object({ name: z.enum(clockNames), outcome: z.enum(['met', 'breached', 'pending']), limitSeconds: count, usedSeconds: count, overSeconds: count })),
  openSeconds: count, blindSeconds: count, maintenance: z.string().nullable(), excluded: z.string().nullable(),
})
/** Figures as any version of the arithmetic froze them: what is shown of them must be there, what else is there may be. */
const figuresSchema = z.object({
  services: z.array(z.object({
    service: z.string(), days: z.array(availability.extend({ date: z.string() })), month: availability,
    year: availability.extend({ number: count, from: count, to: count }),
  })),
  book: z.object({ entries: z.array(entry), overall: z.object({ withMaintenance: rates, withoutMaintenance: rates }) }),
  requests: z.array(requestCountSchema),
})
type Figures = z.infer<typeof figuresSchema>

/** The figures and inputs of a month, frozen or running. Throws where a frozen month has no figures in it. */
export function contentOf(report: MonthReport): { readonly figures: Figures; readonly inputs: MonthInputs } {
  return { figures: figuresSchema.parse(report.figures), inputs: report.kind === 'frozen' ? inputsOf(report.month) : report.inputs }
}

/** Availability of every service in a month, in the order the site lists them. */
export function servicesView(figures: Figures, names: readonly NamedService[]): readonly ServiceAvailabilityView[] {
  return figures.services.map(({ service, days, month, year }) => {
    const named = names.find((one) => one.service === service)
    return {
      service, title: named?.title ?? service, target: named?.target ?? null,
      days: days.map((day) => ({ date: day.date, ...availabilityView(day) })),
      month: availabilityView(month),
      year: { number: year.number, from: year.from, to: year.to, ...availabilityView(year) },
    }
  })
}

function availabilityView(one: z.infer<typeof availability>): AvailabilityView {
  return { withMaintenance: figureView(one.withMaintenance), withoutMaintenance: figureView(one.withoutMaintenance), maintenanceMs: one.maintenanceMs, incidents: one.incidents }
}

function figureView({ goodMs, badMs, blindMs, ratio, ratioBlindBad }: z.infer<typeof figure>): FigureView {
  return { goodMs, badMs, blindMs, ratio, ratioBlindBad, text: percentText(goodMs, goodMs + badMs), textBlindBad: percentText(goodMs, goodMs + badMs + blindMs) }
}

/** Which part of the report: the whole month, the contract year up to it, or one date of it. */
export type Part = 'month' | 'year' | (string & {})

/** What made a figure; undefined: the month has no such service or date. `now` is when it is asked. */
export function makingView(report: MonthReport, service: string, part: Part, names: readonly NamedService[], now: number): AvailabilityMaking | undefined {
  const { figures, inputs } = contentOf(report)
  const shown = servicesView(figures, names).find((one) => one.service === service)
  const known = inputs.services.find((one) => one.service === service)
  if (shown === undefined || known === undefined) return undefined
  const found = part === 'month' ? { figures: shown.month, span: monthOf(inputs.month, inputs.zone) }
    : part === 'year' ? { figures: shown.year, span: { from: shown.year.from, to: shown.year.to } }
    : dayFound(shown, part, inputs.zone)
  if (found === undefined) return undefined
  const { from, to } = found.span
  // The time that counted, so that what is listed adds up to the figures.
  const passed = [{ from, to: Math.min(to, inputs.asOf) }]
  const counted = known.hours === null ? passed : intersect(passed, known.hours)
  const bad = momentsOf(known.bad)
  const within = <T extends Interval>(list: readonly T[], less: readonly Interval[] = []): readonly T[] => list.flatMap((one) => subtract(intersect([one], counted), less).map((part) => ({ ...one, ...part })))
  return {
    now, service, title: shown.title, from, to,
    figures: { withMaintenance: found.figures.withMaintenance, withoutMaintenance: found.figures.withoutMaintenance, maintenanceMs: found.figures.maintenanceMs, incidents: found.figures.incidents },
    bad: within(known.bad).map((one) => ({ from: one.from, to: one.to, incidents: one.incidents })),
    blind: within(inputs.blind.filter((one) => one.service === '' || one.service === service).map((one) => ({ ...one, to: one.to ?? inputs.asOf })), bad).map((one) => ({ from: one.from, to: one.to, why: one.why, object: one.object })),
    maintenance: inputs.windows.flatMap((window) => {
      const { approval } = window
      if (approval === undefined || !window.services.includes(service)) return []
      return within([{ from: window.from, to: window.endsAt }]).map((one) => ({ ...one, id: window.id, reason: window.reason, approver: approval.name }))
    }),
    hours: known.hours === null ? null : intersect(known.hours, [{ from, to }]),
  }
}

function dayFound(shown: ServiceAvailabilityView, date: string, zone: string): { readonly figures: AvailabilityView; readonly span: Interval } | undefined {
  const day = shown.days.find((one) => one.date === date)
  return day === undefined ? undefined : { figures: day, span: dayOf(date, zone) }
}

/** Whether a month is kept here at all: from the contract's first month to the running one. */
export function isKept(month: string, contractStart: string, now: number, zone: string): boolean {
  return contractStart.slice(0, 7) <= month && month <= monthAt(now, zone)
}

/** Every month from the contract's first to the running one, newest first. */
export function monthList(frozen: readonly Pick<FrozenMonth, 'month' | 'frozenAt' | 'actor' | 'hash'>[], contractStart: string, now: number, zone: string): readonly MonthSummary[] {
  const running = monthAt(now, zone)
  const list: MonthSummary[] = []
  for (let month = contractStart.slice(0, 7); month <= running; month = addMonths(month, 1)) {
    const own = frozen.find((one) => one.month === month)
    list.push({ month, state: own !== undefined ? 'frozen' : month === running ? 'running' : 'over', frozenAt: own?.frozenAt ?? null, frozenBy: own?.actor ?? null, hash: own?.hash ?? null })
  }
  return list.reverse()
}

const annotationSchema = z.object({ approval: approvalSchema.nullable(), corrected: z.union([z.string(), z.number(), z.null()]), original: z.union([z.string(), z.number(), z.null()]), path: z.string(), reason: z.string(), entry: workLineSchema.optional() })

/** A correction, or an entry of the work log that came late, as it is read. Throws where its content is neither. */
export function annotationView({ seq, at, actor, body, hash }: Annotation): AnnotationView {
  const content: unknown = JSON.parse(body)
  const { approval, corrected, original, path, reason, entry: line } = annotationSchema.parse(content)
  return { seq, at, actor, path, original, corrected, reason, approval, entry: line ?? null, hash }
}

/** Most lines of the work log in one answer. */
const LINES = 500

/** The work log of a month: all of it counted, by kind as well, the newest lines shown. A frozen month has its own. */
export function workLogView(lines: readonly WorkLine[], titles: Readonly<Record<string, string>>): MonthView['workLog'] {
  const { count, minutes, kinds } = countWork(lines)
  return { count, minutes, kinds: kinds.map((one) => ({ ...one, title: titles[one.kind] ?? one.kind })), lines: lines.toSorted((a, b) => b.at - a.at).slice(0, LINES) }
}

/** A window as it is read. */
export function windowView({ id, services, objects, from, to, endsAt, reason, by, plannedAt, afterTheFact, approval, cancelled }: MaintenanceWindow): WindowView {
  return { id, services, objects, from, to, endsAt, reason, by, plannedAt, afterTheFact, approval: approval ?? null, cancelled }
}

/** A request with what was written down about it; `lines` may hold those of others. */
export function requestView(request: ServiceRequest, lines: readonly WorkLine[]): RequestView {
  const { id, state, kind, service, requester, channel, text, receivedAt, person, work, endedAt } = request
  return {
    id, state, kind, service, requester, channel, text, receivedAt, person: person ?? null, endedAt: endedAt ?? null,
    minutes: work.reduce((sum, one) => sum + one.minutes, 0),
    history: lines.filter((line) => line.reference === id).toSorted((a, b) => a.at - b.at),
  }
}

/** A guard period with its zero reports at `now`. */
export function guardView(period: GuardPeriod & { readonly reports: readonly ZeroReport[] }, now: number): GuardView {
  const { id, title, from, to, services, thresholdFactor, stepFactor, by } = period
  const leadMs = period.zeroReports.leadMinutes * 60_000
  return { id, title, from, to, state: now < from && from < to ? 'planned' : now < to ? 'running' : 'over', services, thresholdFactor, stepFactor, by, reports: period.reports.map((one) => reportView(one, leadMs)) }
}

function reportView(report: ZeroReport, leadMs: number): ZeroReportView {
  const { dueAt, lateAt } = report
  const filed = report.kind === 'filed' ? { at: report.filing.filedAt, by: report.filing.by, text: report.filing.text, late: report.late } : null
  return { state: report.kind, dueAt, lateAt, opensAt: dueAt - leadMs, filed }
}

/** Exposure in texts: an amount leaves the room as words of a person's page and nothing else. */
export function exposureView(exposure: Exposure, wording: Pick<ServiceWording, 'flag'>, now: number): ExposureView {
  return {
    now, total: yuanText(exposure.totalFen), totalSteps: exposure.totalSteps, flags: exposure.flags.map((flag) => wording.flag[flag]),
    lines: exposure.lines.map((line) => ({
      reference: line.reference, service: line.service, title: line.title, origin: line.origin, lateMs: line.lateMs,
      amount: yuanText(line.amountFen), steps: line.steps, flags: line.flags.map((flag) => wording.flag[flag]),
    })),
    uncovered: exposure.uncovered.map(({ reference, text }) => ({ reference: reference ?? null, text })),
  }
}

/** Whether the frozen months are whole, in words. */
export function verdictView(verdict: MonthVerdict, { verdict: words }: Pick<ServiceWording, 'verdict'>): VerdictView {
  if (verdict.kind === 'intact') return verdict
  const seq = /^annotation (\d+)$/.exec(verdict.where)?.[1]
  return { kind: 'broken', where: seq === undefined ? verdict.where : fill(words.annotation, { seq }), why: words.why[verdict.why] }
}
