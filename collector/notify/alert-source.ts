/** The rules' alerts on their way into routing. Pure. */
import type { Alert, AlertChange } from '../rules/alert.ts'
import { fingerprintOf } from './label-set.ts'
import type { AlertReport } from './routed-alert.ts'

/** A firing (or just resolved) alert of the rules as Prometheus would report it; pending ones are no alerts yet. */
export function reportOfAlert(alert: Alert, now: number, generatorUrl: string): AlertReport | undefined {
  if (alert.state === 'pending') return undefined
  return {
    fingerprint: fingerprintOf(alert.labels),
    labels: alert.labels,
    annotations: alert.annotations,
    startsAt: alert.firedAt ?? alert.activeAt,
    // The rules say when it is over; until then it has no end, so that a slow pass of theirs ends nothing.
    endsAt: alert.state === 'resolved' ? (alert.resolvedAt ?? now) : undefined,
    updatedAt: now,
    timeout: false,
    generatorUrl,
    origin: 'rules',
  }
}

/**
 * What a change means for routing. An alert with an SLA that ended for want of data stays open here as its incident
 * does: nothing is known, and nobody must read "recovered". It ends with the second `resolved`, or by `resolve` when
 * its incident is closed. undefined: nothing to report.
 */
export function reportOfChange(change: AlertChange, now: number, generatorUrl: string): AlertReport | undefined {
  if (change.kind === 'resolved' && change.why === 'no-data' && (change.alert.labels['sla'] ?? '') !== '') return undefined
  return reportOfAlert(change.alert, now, generatorUrl)
}
