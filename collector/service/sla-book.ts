/**
 * The SLA book of a month (pure): every incident that began in it, its three clocks with their seconds, and the rates.
 * An incident belongs to the month of its start, whenever its clocks stop. What is frozen is made of these, so they are
 * types and not interfaces: only a type has a JSON form that the compiler believes.
 */
import { clockNames, faultTimes, severities } from './fault.ts'
import type { ClockName, Fault, FaultClock } from './fault.ts'
import { intersect, total } from './intervals.ts'
import type { Interval } from './intervals.ts'
import { windowAt } from './window.ts'
import type { MaintenanceWindow } from './window.ts'

/**
 * How one clock came out. `pending`: it runs and is not late yet. Exactly at the limit is met. A stop before the start
 * (clocks of two machines differ) took no time.
 */
export type ClockResult = {
  readonly name: ClockName
  readonly outcome: 'met' | 'breached' | 'pending'
  readonly dueAt: number
  readonly stoppedAt: number | null
  readonly limitSeconds: number
  readonly usedSeconds: number
  /** 0 unless breached. */
  readonly overSeconds: number
}

/** One incident in the book. */
export type BookEntry = {
  readonly number: string
  readonly version: number
  readonly service: string
  readonly object: string
  readonly severity: Fault['severity']
  readonly profile: string
  readonly from: number
  readonly to: number | null
  readonly clocks: readonly ClockResult[]
  readonly openSeconds: number
  /** Of those: while nothing was measured. */
  readonly blindSeconds: number
  /** The approved maintenance window it began in. */
  readonly maintenance: string | null
  /** Why it does not count at all. */
  readonly excluded: string | null
}

/** `ratio` is met ÷ (met + breached); null when there is neither. */
export type Rate = {
  readonly met: number
  readonly breached: number
  readonly pending: number
  readonly ratio: number | null
}
/** Rates of the three clocks. */
export type Rates = Readonly<Record<ClockName, Rate>> & { readonly incidents: number }

/** Rates with incidents of approved maintenance, and without. */
export type RatePair = {
  readonly withMaintenance: Rates
  readonly withoutMaintenance: Rates
}

export type SlaBook = {
  readonly entries: readonly BookEntry[]
  readonly overall: RatePair
  readonly byService: readonly (RatePair & { readonly service: string })[]
  readonly bySeverity: readonly (RatePair & { readonly severity: Fault['severity'] })[]
}

/** The book of `span` as it stands at `now`. */
export function slaBook(faults: readonly Fault[], windows: readonly MaintenanceWindow[], services: readonly string[], span: Interval, now: number): SlaBook {
  const entries = faults
    .filter((fault) => span.from <= fault.from && fault.from < span.to)
    .toSorted((a, b) => a.from - b.from || (a.number < b.number ? -1 : 1))
    .map((fault) => entryOf(fault, windows, now))
  const known = [...new Set([...services, ...entries.map((entry) => entry.service)])].sort()
  return {
    entries,
    overall: pairOf(entries),
    byService: known.map((service) => ({ service, ...pairOf(entries.filter((entry) => entry.service === service)) })),
    bySeverity: severities.map((severity) => ({ severity, ...pairOf(entries.filter((entry) => entry.severity === severity)) })),
  }
}

function entryOf(fault: Fault, windows: readonly MaintenanceWindow[], now: number): BookEntry {
  const { number, version, service, object, severity, profile, from } = fault
  const times = faultTimes(fault, now)
  return {
    number, version, service, object, severity, profile, from, to: fault.to ?? null,
    clocks: fault.clocks.map((clock) => clockResult(clock, from, now)),
    openSeconds: total(times) / 1_000,
    blindSeconds: total(intersect(times, fault.blind)) / 1_000,
    maintenance: windowAt(windows, service, object, from)?.id ?? null,
    excluded: fault.excluded ?? null,
  }
}

/** One clock at `now`. */
export function clockResult(clock: FaultClock, startedAt: number, now: number): ClockResult {
  const end = Math.max(startedAt, clock.stoppedAt ?? now)
  const late = end > clock.dueAt
  return {
    name: clock.name,
    outcome: late ? 'breached' : clock.stoppedAt === undefined ? 'pending' : 'met',
    dueAt: clock.dueAt,
    stoppedAt: clock.stoppedAt ?? null,
    limitSeconds: (clock.dueAt - startedAt) / 1_000,
    usedSeconds: (end - startedAt) / 1_000,
    overSeconds: late ? (end - clock.dueAt) / 1_000 : 0,
  }
}

function pairOf(entries: readonly BookEntry[]): RatePair {
  const counted = entries.filter((entry) => entry.excluded === null)
  return { withMaintenance: ratesOf(counted), withoutMaintenance: ratesOf(counted.filter((entry) => entry.maintenance === null)) }
}

function ratesOf(entries: readonly BookEntry[]): Rates {
  const rateOf = (name: ClockName): Rate => {
    const outcomes = entries.flatMap((entry) => entry.clocks.filter((clock) => clock.name === name).map((clock) => clock.outcome))
    const count = (outcome: ClockResult['outcome']): number => outcomes.filter((one) => one === outcome).length
    const [met, breached] = [count('met'), count('breached')]
    return { met, breached, pending: count('pending'), ratio: met + breached === 0 ? null : met / (met + breached) }
  }
  const [respond, dispose, recover] = clockNames
  return { incidents: entries.length, [respond]: rateOf(respond), [dispose]: rateOf(dispose), [recover]: rateOf(recover) }
}
