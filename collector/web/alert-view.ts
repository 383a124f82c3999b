import type { AlertView } from '../../protocol/api.ts'
import type { Severity } from '../../protocol/events.ts'
import type { Labels } from '../../protocol/series.ts'
import type { RoutedAlert } from '../notify/routed-alert.ts'
import type { Alert } from '../rules/alert.ts'

const order: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2 }
const stateOrder: Readonly<Record<Alert['state'], number>> = { firing: 0, pending: 1, resolved: 2 }

/** Alerts that programs outside have pushed, of all that routing knows. Pure. */
export function externalAlertViews(known: readonly RoutedAlert[], now: number): AlertView[] {
  return known
    .filter((alert) => alert.origin === 'api')
    .map(({ fingerprint, labels, annotations, startsAt, endsAt, routing }): AlertView => {
      const over = endsAt !== undefined && endsAt <= now
      return {
        fingerprint,
        name: labels['alertname'] ?? '',
        severity: severityOf(labels),
        state: over ? 'resolved' : 'firing',
        labels,
        summary: annotations['summary'] ?? labels['alertname'] ?? '',
        description: annotations['description'] ?? '',
        action: annotations['action'] ?? '',
        value: null,
        startedAt: startsAt,
        activeAt: startsAt,
        resolvedAt: over ? endsAt : null,
        incident: routing['incident'] ?? null,
        external: true,
      }
    })
}

/** The order in which the console shows them: firing first, by severity, oldest first. */
export const byUrgency = (a: AlertView, b: AlertView): number => stateOrder[a.state] - stateOrder[b.state] || order[a.severity] - order[b.severity] || a.startedAt - b.startedAt

/** Alerts of the rules as the console shows them, in that order. */
export function alertViews(alerts: readonly Alert[], incidentOf: (fingerprint: string) => string | undefined): AlertView[] {
  return alerts
    .map((alert): AlertView => ({
      fingerprint: alert.fingerprint,
      name: alert.name,
      severity: severityOf(alert.labels),
      state: alert.state,
      labels: alert.labels,
      summary: alert.annotations['summary'] ?? alert.name,
      description: alert.annotations['description'] ?? '',
      action: alert.annotations['action'] ?? '',
      value: Number.isFinite(alert.value) ? alert.value : null,
      startedAt: alert.startedAt,
      activeAt: alert.activeAt,
      resolvedAt: alert.resolvedAt ?? null,
      incident: incidentOf(alert.fingerprint) ?? null,
    }))
    .sort(byUrgency)
}

/** The `severity` label; a rule without one of the three words is a warning. */
function severityOf(labels: Labels): Severity {
  const label = labels['severity']
  return label === 'critical' || label === 'info' ? label : 'warning'
}
