/** The yearly budget of SMS: how much of it is used against how much of the contract year is over. Pure. */
import { officeTime } from '../clock.ts'

/** How far use may run ahead of the calendar before it is worth a warning: a bad week is no trend. */
const AHEAD_RATIO = 0.05
const DAY_MS = 86_400_000

/** A contract year as office days: `from` is in it, `to` is the first day of the next. */
export interface ContractYear {
  readonly from: string
  readonly to: string
}

/** The contract year that `now` lies in; `yearFrom` is its first day, `MM-DD`. */
export function contractYear(yearFrom: string, now: number): ContractYear {
  const today = officeDay(now)
  const year = Number(today.slice(0, 4))
  const begun = today.slice(5) >= yearFrom ? year : year - 1
  return { from: `${begun}-${yearFrom}`, to: `${begun + 1}-${yearFrom}` }
}

/** The day of an instant by office time, `2026-11-22`. */
export function officeDay(now: number): string {
  return officeTime(now).slice(0, 10)
}

/** Where the budget stands. `ahead`: used faster than the year passes. Ratios from 0; used may pass 1. */
export interface BudgetStanding {
  readonly kind: 'fine' | 'ahead' | 'used-up'
  readonly usedRatio: number
  readonly elapsedRatio: number
}

/** Judges `usedSegments` of a budget within the contract year of `now`. */
export function budgetStanding(usedSegments: number, yearlyBudget: number, yearFrom: string, now: number): BudgetStanding {
  const year = contractYear(yearFrom, now)
  const start = officeMidnight(year.from)
  const elapsedRatio = Math.min(1, Math.max(0, (now - start) / (officeMidnight(year.to) - start)))
  const usedRatio = usedSegments / yearlyBudget
  const kind = usedSegments >= yearlyBudget ? 'used-up' : usedRatio > elapsedRatio + AHEAD_RATIO ? 'ahead' : 'fine'
  return { kind, usedRatio, elapsedRatio }
}

/** Whether a message may still go: within the budget, or critical. */
export function mayGo(usedSegments: number, segments: number, yearlyBudget: number | undefined, severity: 'critical' | 'warning' | 'info'): boolean {
  return yearlyBudget === undefined || severity === 'critical' || usedSegments + segments <= yearlyBudget
}

/** Midnight of an office day. Office time has been UTC+8 without summer time since 1991. */
function officeMidnight(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) - (8 * DAY_MS) / 24
}
