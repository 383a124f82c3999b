/** A month's figures from their inputs (pure). What is frozen is exactly these two, so either can be checked by the other. */
import { z } from 'zod'
import { availability } from './availability.ts'
import type { Availability } from './availability.ts'
import { blindSchema, blindTimes } from './blind.ts'
import type { Blind } from './blind.ts'
import { badTimeSchema, badTimes, faultSchema, faultTimes, intervalSchema } from './fault.ts'
import type { Decide, Fault } from './fault.ts'
import { intersect } from './intervals.ts'
import type { Interval } from './intervals.ts'
import { countRequests, requestCountSchema } from './request.ts'
import type { RequestCount, ServiceRequest } from './request.ts'
import { serviceHours } from './service-hours.ts'
import type { OpeningTime, WorkingDay } from './service-hours.ts'
import { slaBook } from './sla-book.ts'
import type { SlaBook } from './sla-book.ts'
import { maintenanceOf, windowSchema } from './window.ts'
import type { MaintenanceWindow } from './window.ts'
import { countWork, workLineSchema } from './work-log.ts'
import type { WorkCount, WorkLine } from './work-log.ts'
import { contractYearAt, datesOf, dayOf, monthOf } from './zone-time.ts'

/** Raised whenever the same inputs would give other figures; a frozen month names the version it was reckoned by. */
export const ARITHMETIC = 2

/** Everything a month's figures are made from. Times in epoch ms. */
export const monthInputsSchema = z
  .strictObject({
    arithmetic: z.number(),
    month: z.string(),
    zone: z.string(),
    contractStart: z.string(),
    /** Up to when time counts as passed: clocks that run, incidents that are open. */
    asOf: z.number(),
    services: z
      .array(
        z.strictObject({
          service: z.string(),
          /** null: promised round the clock. */
          hours: z.array(intervalSchema).readonly().nullable(),
          bad: z.array(badTimeSchema).readonly(),
        }).readonly(),
      )
      .readonly(),
    /** Incidents of the month, whole, and by number and version those that only the contract year needs. */
    faults: z.array(faultSchema).readonly(),
    earlier: z.array(z.strictObject({ number: z.string(), version: z.number() }).readonly()).readonly(),
    windows: z.array(windowSchema).readonly(),
    blind: z.array(blindSchema).readonly(),
    requests: z.array(requestCountSchema).readonly(),
    /** The month's work log, oldest first; months of the first arithmetic were frozen without. */
    work: z.array(workLineSchema).readonly().default([]),
  })
  .readonly()
export type MonthInputs = z.infer<typeof monthInputsSchema>

/** All figures of a month. */
export type MonthFigures = {
  readonly month: string
  readonly services: readonly {
    readonly service: string
    readonly days: readonly (Availability & { readonly date: string })[]
    readonly month: Availability
    /** The contract year that the month's last moment lies in, from its beginning to that moment. */
    readonly year: Availability & { readonly number: number; readonly from: number; readonly to: number }
  }[]
  readonly book: SlaBook
  readonly requests: readonly RequestCount[]
  readonly work: WorkCount
}

/** A service as it was promised. `opening` undefined: round the clock. */
export interface PromisedService {
  readonly service: string
  readonly opening: readonly OpeningTime[] | undefined
}

/** What the collector knows, before it is cut to a month. */
export interface MonthSources {
  readonly zone: string
  /** First day of the contract, `2026-03-01`. */
  readonly contractStart: string
  readonly services: readonly PromisedService[]
  readonly workingDay: WorkingDay
  readonly decide: Decide
  readonly faults: readonly Fault[]
  readonly windows: readonly MaintenanceWindow[]
  readonly blind: readonly Blind[]
  readonly requests: readonly ServiceRequest[]
  /** The month's work log. */
  readonly work: readonly WorkLine[]
}

/** The stretch a month's figures need: the month, and before it the contract year that its last moment lies in. */
export function spanOfMonth(month: string, contractStart: string, zone: string): Interval {
  const own = monthOf(month, zone)
  return { from: Math.min(own.from, contractYearAt(own.to - 1, contractStart, zone).from), to: own.to }
}

/** An incident belongs to the month if it began in it or was open in it. */
export function touches(fault: Fault, span: Interval, until: number): boolean {
  return (span.from <= fault.from && fault.from < span.to) || intersect(faultTimes(fault, until), [span]).length > 0
}

/** Cuts the month's inputs out of what is known at `asOf`; refused when the calendar does not know a day it needs. */
export function monthInputs(sources: MonthSources, month: string, asOf: number): { readonly kind: 'known'; readonly inputs: MonthInputs } | { readonly kind: 'calendar-missing'; readonly date: string } {
  const { zone, contractStart, workingDay, decide } = sources
  const own = monthOf(month, zone)
  const span = spanOfMonth(month, contractStart, zone)
  const services: MonthInputs['services'][number][] = []
  for (const { service, opening } of sources.services) {
    const hours = opening === undefined ? undefined : serviceHours(span, opening, workingDay, zone)
    if (hours?.kind === 'calendar-missing') return hours
    services.push({ service, hours: hours?.hours ?? null, bad: badTimes(service, sources.faults, decide, span, asOf) })
  }
  const counted = sources.faults.filter((fault) => touches(fault, span, asOf))
  const faults = counted.filter((fault) => touches(fault, own, asOf))
  return {
    kind: 'known',
    inputs: {
      arithmetic: ARITHMETIC, month, zone, contractStart, asOf, services, faults,
      earlier: counted.filter((fault) => !faults.includes(fault)).map(({ number, version }) => ({ number, version })),
      windows: sources.windows.filter((one) => one.to > span.from && one.from < span.to),
      blind: sources.blind.filter((one) => (one.to ?? asOf) > span.from && one.from < span.to),
      requests: countRequests(sources.requests, own),
      work: sources.work.filter((line) => own.from <= line.at && line.at < own.to).toSorted((a, b) => a.at - b.at),
    },
  }
}

/** The figures of a month from nothing but its inputs. */
export function monthFigures(inputs: MonthInputs): MonthFigures {
  const { month, zone, asOf } = inputs
  const own = monthOf(month, zone)
  const year = contractYearAt(own.to - 1, inputs.contractStart, zone)
  const span = { from: year.from, to: own.to }
  return {
    month,
    services: inputs.services.map(({ service, hours, bad }) => {
      const time = { bad, blind: blindTimes(inputs.blind, service, asOf), maintenance: maintenanceOf(inputs.windows, service), hours: hours ?? undefined }
      return {
        service,
        days: datesOf(month).map((date) => ({ date, ...availability(time, dayOf(date, zone), asOf) })),
        month: availability(time, own, asOf),
        year: { number: year.number, ...span, ...availability(time, span, asOf) },
      }
    }),
    book: slaBook(inputs.faults, inputs.windows, inputs.services.map((one) => one.service), own, asOf),
    requests: inputs.requests,
    work: countWork(inputs.work),
  }
}
