/** Guard periods (重保): tighter figures, a second person for silences, scheduled zero reports (pure). */
import { z } from 'zod'
import { datesBetween, addDays, dateAt, minutesOfDay, momentOf } from './zone-time.ts'
import type { RefusalCode } from './wording.ts'

const text = z.string().trim().min(1).max(4_000)
const person = z.string().trim().min(1).max(128)
/** Times of day at which "nothing happened" has to be told. */
const timeOfDay = z.string().refine((time) => (minutesOfDay(time) ?? 1_440) < 1_440, 'expected a time of day such as 08:00')

const declaredSchema = z.strictObject({
  type: z.literal('declared'),
  title: z.string().trim().min(1).max(120),
  from: z.int(),
  to: z.int(),
  /** Empty: every service. */
  services: z.array(z.string().min(1).max(64)).max(64).readonly(),
  /** Thresholds are multiplied by it, and SLA steps by the other: over 0, at most 1. */
  thresholdFactor: z.number(),
  stepFactor: z.number(),
  zeroReports: z.strictObject({ times: z.array(timeOfDay).max(24).readonly(), graceMinutes: z.int().min(0).max(720), leadMinutes: z.int().min(0).max(720) }),
  by: person,
})

/** What can happen to a guard period, as it is stored. */
export const guardEventSchema = z.discriminatedUnion('type', [
  declaredSchema,
  z.strictObject({ type: z.literal('ended'), by: person, reason: text }),
  /** The report that was due at `dueAt`. */
  z.strictObject({ type: z.literal('zero-report'), by: person, dueAt: z.int(), text }),
])
export type GuardEvent = Readonly<z.infer<typeof guardEventSchema>>
type Declared = Extract<GuardEvent, { type: 'declared' }>

/** A zero report that was filed. */
export interface Filing {
  readonly dueAt: number
  readonly filedAt: number
  readonly by: string
  readonly text: string
}

/** A guard period after its events. */
export interface GuardPeriod {
  readonly id: string
  readonly version: number
  readonly title: string
  readonly from: number
  /** Its planned end, or when it was ended before that. */
  readonly to: number
  readonly services: readonly string[]
  readonly thresholdFactor: number
  readonly stepFactor: number
  readonly zeroReports: { readonly times: readonly string[]; readonly graceMinutes: number; readonly leadMinutes: number }
  readonly by: string
  readonly filed: readonly Filing[]
}

export type GuardStep = { readonly kind: 'stepped'; readonly value: GuardPeriod } | { readonly kind: 'refused'; readonly code: RefusalCode }

const isFactor = (factor: number): boolean => factor > 0 && factor <= 1

/** The first event, at `now`. A period may begin at once; one that is over already guards nothing. */
export function declareGuard(id: string, event: Declared, now: number): GuardStep {
  if (event.to <= event.from) return { kind: 'refused', code: 'times-wrong' }
  if (event.to <= now) return { kind: 'refused', code: 'guard-over' }
  if (!isFactor(event.thresholdFactor) || !isFactor(event.stepFactor)) return { kind: 'refused', code: 'factor-wrong' }
  const { title, from, to, services, thresholdFactor, stepFactor, zeroReports, by } = event
  return { kind: 'stepped', value: { id, version: 1, title, from, to, services, thresholdFactor, stepFactor, zeroReports: { ...zeroReports, times: [...new Set(zeroReports.times)].sort() }, by, filed: [] } }
}

/** A later event, at `now`. A report may still be filed after the period is over: late is better than never. */
export function stepGuard(period: GuardPeriod, event: GuardEvent, now: number, zone: string): GuardStep {
  const version = period.version + 1
  switch (event.type) {
    case 'declared':
      throw new Error(`guard period ${period.id}: declared twice`)
    case 'ended':
      if (now >= period.to) return { kind: 'refused', code: 'guard-over' }
      return { kind: 'stepped', value: { ...period, version, to: Math.max(period.from, now) } }
    case 'zero-report': {
      if (period.filed.some((one) => one.dueAt === event.dueAt)) return { kind: 'refused', code: 'filed-already' }
      if (!zeroReportTimes(period, zone).includes(event.dueAt)) return { kind: 'refused', code: 'no-such-report' }
      if (now < event.dueAt - period.zeroReports.leadMinutes * 60_000) return { kind: 'refused', code: 'too-early' }
      return { kind: 'stepped', value: { ...period, version, filed: [...period.filed, { dueAt: event.dueAt, filedAt: now, by: event.by, text: event.text }] } }
    }
  }
}

/** A guard period from its stored events. Throws when they are not a period's. */
export function replayGuard(id: string, events: readonly { readonly at: number; readonly event: GuardEvent }[], zone: string): GuardPeriod {
  const [first, ...later] = events
  if (first?.event.type !== 'declared') throw new Error(`guard period ${id}: its first event is not its declaration`)
  let step = declareGuard(id, first.event, first.at)
  for (const { at, event } of later) if (step.kind === 'stepped') step = stepGuard(step.value, event, at, zone)
  if (step.kind === 'refused') throw new Error(`guard period ${id}: a stored event is refused (${step.code})`)
  return step.value
}

/** The guard periods in force on a service at a moment. */
export function guardsAt(periods: readonly GuardPeriod[], at: number, service: string): readonly GuardPeriod[] {
  return periods.filter((one) => one.from <= at && at < one.to && (one.services.length === 0 || one.services.includes(service)))
}

/** Whether a new silence on that service needs a second person. A silence on no service in particular touches every one. */
export function silenceNeedsSecond(periods: readonly GuardPeriod[], at: number, service: string | undefined): boolean {
  return service === undefined ? periods.some((one) => one.from <= at && at < one.to) : guardsAt(periods, at, service).length > 0
}

/** How much tighter a service is watched: the tightest of the periods in force, 1 without any. */
export function tightening(periods: readonly GuardPeriod[], at: number, service: string): { readonly threshold: number; readonly step: number } {
  const inForce = guardsAt(periods, at, service)
  return { threshold: Math.min(1, ...inForce.map((one) => one.thresholdFactor)), step: Math.min(1, ...inForce.map((one) => one.stepFactor)) }
}

/** Where one zero report stands. `upcoming` before its lead time, `due` until its grace is over, then `late`. */
export type ZeroReport =
  | { readonly kind: 'upcoming' | 'due' | 'late'; readonly dueAt: number; readonly lateAt: number }
  | { readonly kind: 'filed'; readonly dueAt: number; readonly lateAt: number; readonly late: boolean; readonly filing: Filing }

/** When reports are due inside the period, by the office's clock. */
export function zeroReportTimes(period: Pick<GuardPeriod, 'from' | 'to' | 'zeroReports'>, zone: string): readonly number[] {
  const moments = datesBetween(dateAt(period.from, zone), addDays(dateAt(period.to, zone), 1)).flatMap((date) => period.zeroReports.times.map((time) => momentOf(date, time, zone)))
  // Where a zone's clock jumps, two times of day may fall on one moment.
  return [...new Set(moments)].filter((at) => period.from <= at && at < period.to).sort((a, b) => a - b)
}

/** Every zero report of a period. One that was due before its filing's grace was over is filed, else filed late. */
export function zeroReports(period: GuardPeriod, filed: readonly Filing[], now: number, zone: string): readonly ZeroReport[] {
  const { graceMinutes, leadMinutes } = period.zeroReports
  return zeroReportTimes(period, zone).map((dueAt) => {
    const lateAt = dueAt + graceMinutes * 60_000
    const filing = filed.find((one) => one.dueAt === dueAt)
    if (filing !== undefined) return { kind: 'filed', dueAt, lateAt, late: filing.filedAt > lateAt, filing }
    return { kind: now > lateAt ? 'late' : now >= dueAt - leadMinutes * 60_000 ? 'due' : 'upcoming', dueAt, lateAt }
  })
}

/** A reminder to send. `key` is the same for the same report, so that an outbox sends it once. */
export interface ZeroReminder {
  readonly key: string
  readonly period: string
  readonly title: string
  readonly dueAt: number
}

/** Reports that are late at `now`. */
export function zeroReminders(periods: readonly GuardPeriod[], now: number, zone: string): readonly ZeroReminder[] {
  return periods.flatMap((period) =>
    zeroReports(period, period.filed, now, zone)
      .filter((one) => one.kind === 'late')
      .map(({ dueAt }) => ({ key: `zero-report:${period.id}:${dueAt}`, period: period.id, title: period.title, dueAt })),
  )
}
