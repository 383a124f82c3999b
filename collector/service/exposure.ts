/**
 * What the contract may cost, from its terms, the breaches and the time (pure). For project and client managers only: an
 * amount never becomes a series and is never logged.
 */
import type { FaultClock, Fault } from './fault.ts'
import { WHOLE_PPB, divideRounded, shareText, yuanText } from './money.ts'
import type { ExposureTerm, ExposureTerms, Flag } from './terms.ts'
import { fill } from '../sentence.ts'
import type { ServiceWording } from './wording.ts'

const DAY_MS = 86_400_000

/** Who may see amounts. */
export const EXPOSURE_PERMISSION = 'exposure.read'

/** A duty that was, or is, fulfilled late. Times in epoch ms. */
export interface Breach {
  /** A clock's name, or the site's own word for a duty. */
  readonly duty: string
  /** The incident's or order's number. */
  readonly reference: string
  readonly service: string
  readonly startedAt: number
  readonly dueAt: number
  /** undefined: still owed. */
  readonly doneAt: number | undefined
}

/** One breach under one term. */
export interface ExposureLine {
  readonly reference: string
  readonly service: string
  readonly term: string
  readonly title: string
  readonly origin: string
  readonly lateMs: number
  readonly amountFen: bigint
  /** The arithmetic in words, step by step; the last step has the amount. */
  readonly steps: readonly string[]
  readonly flags: readonly Flag[]
}

export interface Exposure {
  readonly lines: readonly ExposureLine[]
  readonly totalFen: bigint
  /** How the total came about. */
  readonly totalSteps: readonly string[]
  readonly flags: readonly Flag[]
  /** What no figure covers: breaches without a term, and duties that the contract names without a figure. */
  readonly uncovered: readonly { readonly reference: string | undefined; readonly text: string }[]
}

/** Breaches of the three clocks of these incidents at `now`; excluded incidents breach nothing. */
export function clockBreaches(faults: readonly Fault[], now: number): readonly Breach[] {
  const late = (clock: FaultClock): boolean => (clock.stoppedAt ?? now) > clock.dueAt
  return faults
    .filter((fault) => fault.excluded === undefined)
    .flatMap((fault) => fault.clocks.filter(late).map((clock) => ({ duty: clock.name, reference: fault.number, service: fault.service, startedAt: fault.from, dueAt: clock.dueAt, doneAt: clock.stoppedAt })))
}

/**
 * Every breach with its arithmetic. Grows with time and never shrinks while the breaches stay the same: days are only
 * ever added, a lump that was reached stays, and what was done late stands still at the moment it was done.
 */
export function exposure(terms: ExposureTerms, breaches: readonly Breach[], now: number, wording: ServiceWording): Exposure {
  const lines: ExposureLine[] = []
  const uncovered: { reference: string | undefined; text: string }[] = []
  for (const breach of breaches) {
    const lateMs = endOf(breach, now) - breach.dueAt
    if (lateMs <= 0) continue
    const term = terms.terms.find((one) => one.duty === breach.duty)
    if (term === undefined) uncovered.push({ reference: breach.reference, text: fill(wording.exposure.unpriced, { duty: wording.duty[breach.duty] ?? breach.duty, late: lateText(lateMs, wording) }) })
    else lines.push(lineOf(terms.contract.sum, term, breach, now, wording))
  }
  for (const { title, origin, text } of terms.unpriced) uncovered.push({ reference: undefined, text: fill(wording.exposure.duty, { title, origin, text }) })
  return { lines, ...totalOf(terms, lines, wording), flags: [...new Set(lines.flatMap((line) => line.flags))], uncovered }
}

/** The exposure for a caller with these permissions; without the one it takes, nothing is even reckoned. */
export function exposureFor(permissions: ReadonlySet<string>, reckon: () => Exposure): { readonly kind: 'shown'; readonly exposure: Exposure } | { readonly kind: 'forbidden' } {
  return permissions.has(EXPOSURE_PERMISSION) ? { kind: 'shown', exposure: reckon() } : { kind: 'forbidden' }
}

const endOf = (breach: Breach, now: number): number => Math.min(now, breach.doneAt ?? now)

function totalOf(terms: ExposureTerms, lines: readonly ExposureLine[], wording: ServiceWording): Pick<Exposure, 'totalFen' | 'totalSteps'> {
  const sum = lines.reduce((amount, line) => amount + line.amountFen, 0n)
  const steps = [fill(wording.exposure.total, { count: String(lines.length), amount: yuanText(sum) })]
  const { cap } = terms.contract
  if (cap === undefined) return { totalFen: sum, totalSteps: steps }
  const limit = shareOf(terms.contract.sum, cap)
  if (sum <= limit) return { totalFen: sum, totalSteps: steps }
  return { totalFen: limit, totalSteps: [...steps, fill(wording.exposure.capped, { rate: shareText(cap), amount: yuanText(limit) })] }
}

const shareOf = (sumFen: bigint, ppb: bigint): bigint => divideRounded(sumFen * ppb, WHOLE_PPB)

function lineOf(sumFen: bigint, term: ExposureTerm, breach: Breach, now: number, wording: ServiceWording): ExposureLine {
  const end = endOf(breach, now)
  const reached = term.lumps
    .map((lump) => ({ ...lump, from: (lump.since === 'due' ? breach.dueAt : breach.startedAt) + lump.afterDays * DAY_MS }))
    .filter((lump) => end > lump.from)
    .toSorted((a, b) => a.from - b.from)
  const stopsAt = reached.find((lump) => lump.perDay === 'stops')?.from ?? end
  const steps: string[] = []
  let amount = 0n
  if (term.perDay !== undefined) amount = daysAmount(sumFen, term.perDay, Math.max(0, Math.min(end, stopsAt) - breach.dueAt), steps, wording)
  for (const lump of reached) {
    const fen = shareOf(sumFen, lump.rate)
    amount = lump.with === 'added' ? amount + fen : amount > fen ? amount : fen
    const sentence = lump.with === 'added' ? wording.exposure.lumpAdded : wording.exposure.lumpGreater
    steps.push(fill(sentence, { since: wording.exposure.since[lump.since], days: String(lump.afterDays), rate: shareText(lump.rate), sum: yuanText(sumFen), lump: yuanText(fen), amount: yuanText(amount) }))
  }
  return {
    reference: breach.reference, service: breach.service, term: term.name, title: term.title, origin: term.origin,
    lateMs: end - breach.dueAt, amountFen: amount, steps,
    flags: [...new Set([...term.flags, ...reached.flatMap((lump) => lump.flags)])],
  }
}

/** What the days of one breach come to; tells its steps. */
function daysAmount(sumFen: bigint, perDay: NonNullable<ExposureTerm['perDay']>, lateMs: number, steps: string[], wording: ServiceWording): bigint {
  const countedMs = perDay.rounding === 'exact' ? lateMs : (perDay.rounding === 'begun' ? Math.ceil(lateMs / DAY_MS) : Math.floor(lateMs / DAY_MS)) * DAY_MS
  const fen = divideRounded(sumFen * perDay.rate * BigInt(countedMs), WHOLE_PPB * BigInt(DAY_MS))
  steps.push(
    fill(wording.exposure.perDay, {
      late: lateText(lateMs, wording), rounding: wording.exposure.rounding[perDay.rounding],
      days: perDay.rounding === 'exact' ? fill(wording.exposure.exactDays, { seconds: secondsText(lateMs) }) : String(countedMs / DAY_MS),
      rate: shareText(perDay.rate), sum: yuanText(sumFen), amount: yuanText(fen),
    }),
  )
  if (perDay.cap === undefined) return fen
  const limit = shareOf(sumFen, perDay.cap)
  if (fen <= limit) return fen
  steps.push(fill(wording.exposure.capped, { rate: shareText(perDay.cap), amount: yuanText(limit) }))
  return limit
}

/** Seconds with as many decimals as there are. */
function secondsText(ms: number): string {
  return `${Math.floor(ms / 1_000)}${ms % 1_000 === 0 ? '' : `.${String(ms % 1_000).padStart(3, '0')}`}`
}

/** `2 天 3 小时 4 分 5 秒`: all of it, for whoever checks the sum. */
function lateText(ms: number, wording: ServiceWording): string {
  const seconds = Math.floor(ms / 1_000)
  return fill(wording.exposure.late, {
    days: String(Math.floor(seconds / 86_400)), hours: String(Math.floor(seconds / 3_600) % 24),
    minutes: String(Math.floor(seconds / 60) % 60), seconds: String(seconds % 60),
  })
}
