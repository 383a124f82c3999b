/**
 * An alert as routing sees it, wherever it came from, and how two reports of one alert become one.
 * Source of the merging: alertmanager 0.25 `types/types.go` (Alert.Merge) and `provider/mem/mem.go` (Put).
 */
import { z } from 'zod'
import type { Labels } from '../../protocol/series.ts'
import { byCodePoint, compareLabelSets } from './label-set.ts'

/** Times are epoch ms. */
export interface RoutedAlert {
  /** Alertmanager's own hash of `labels`. */
  readonly fingerprint: string
  readonly labels: Labels
  /** `labels`, and `incident` where the alert belongs to one: what routes, inhibition and silences look at. */
  readonly routing: Labels
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAt: number
  /** undefined: until somebody says so. In the future: it ends by itself then. */
  readonly endsAt: number | undefined
  readonly updatedAt: number
  /** `endsAt` is only resolve_timeout's guess, which a later report may shorten. */
  readonly timeout: boolean
  readonly generatorUrl: string
  readonly origin: 'rules' | 'api'
}

/** An alert as somebody reports it, before routing has looked at it. */
export type AlertReport = Omit<RoutedAlert, 'routing'>

const texts = z.record(z.string(), z.string())

/** The stored form, without `routing`, which is found anew. */
export const storedAlert = z.strictObject({
  fingerprint: z.string(),
  labels: texts,
  annotations: texts,
  startsAt: z.number(),
  endsAt: z.number().nullable(),
  updatedAt: z.number(),
  timeout: z.boolean(),
  generatorUrl: z.string(),
  origin: z.enum(['rules', 'api']),
})

/** JSON text for the table `routed_alert`. */
export function alertJson(alert: RoutedAlert): string {
  const { routing: _, endsAt, ...rest } = alert
  return JSON.stringify({ ...rest, endsAt: endsAt ?? null })
}

/** Reads a stored alert back; throws where the row is none. */
export function parseAlertJson(text: string): RoutedAlert {
  const { endsAt, ...rest } = storedAlert.parse(JSON.parse(text))
  return { ...rest, endsAt: endsAt ?? undefined, routing: rest.labels }
}

/** Whether it is over at that time. */
export function isResolved(alert: Pick<RoutedAlert, 'endsAt'>, now: number): boolean {
  return alert.endsAt !== undefined && alert.endsAt <= now
}

const end = (alert: RoutedAlert): number => alert.endsAt ?? Infinity

/** What is known of an alert after a new report: reports whose times overlap are one alert, else the new one replaces. */
export function mergeReport(known: RoutedAlert | undefined, report: RoutedAlert, now: number): RoutedAlert {
  // The rules know their own alerts' whole course.
  if (known === undefined || report.origin === 'rules') return report
  const overlap = (end(report) > known.startsAt && end(report) < end(known)) || (report.startsAt > known.startsAt && report.startsAt < end(known))
  if (!overlap) return report
  const merged = report.updatedAt < known.updatedAt ? mergeInOrder(report, known, now) : mergeInOrder(known, report, now)
  // What the rules hold open, only the rules end.
  return known.origin === 'rules' && known.endsAt === undefined ? { ...merged, origin: 'rules', endsAt: undefined, timeout: false } : merged
}

function mergeInOrder(older: RoutedAlert, newer: RoutedAlert, now: number): RoutedAlert {
  const startsAt = Math.min(older.startsAt, newer.startsAt)
  const laterEnd = end(older) > end(newer)
  // Both over: the latest end wins. Else a given end that is later wins over what was only guessed.
  const keepEnd = laterEnd && (isResolved(newer, now) ? isResolved(older, now) : !older.timeout)
  return keepEnd ? { ...newer, startsAt, endsAt: older.endsAt } : { ...newer, startsAt }
}

/**
 * The order of alerts in a notification: `job`, then `instance` (alerts without them last), then the label sets.
 * Source: prometheus/common model.Alert and alertmanager `types.AlertSlice`.
 */
export function compareAlerts(a: RoutedAlert, b: RoutedAlert): number {
  for (const name of ['job', 'instance']) {
    const one = a.labels[name]
    const other = b.labels[name]
    if (one === undefined && other === undefined) continue
    if (one === undefined) return 1
    if (other === undefined) return -1
    const order = byCodePoint(one, other)
    if (order !== 0) return order
  }
  return compareLabelSets(a.labels, b.labels)
}
