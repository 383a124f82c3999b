import type { AlertView } from '../../protocol/api.ts'
import type { Severity } from '../../protocol/events.ts'
import type { Alert } from '../rules/alert.ts'

const order: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2 }
const stateOrder: Readonly<Record<Alert['state'], number>> = { firing: 0, pending: 1, resolved: 2 }

/** Alerts as the console shows them: firing first, by severity, oldest first. */
export function alertViews(alerts: readonly Alert[], incidentOf: (fingerprint: string) => string | undefined): AlertView[] {
  return alerts
    .map((alert): AlertView => ({
      fingerprint: alert.fingerprint,
      name: alert.name,
      severity: severityOf(alert),
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
    .sort((a, b) => stateOrder[a.state] - stateOrder[b.state] || order[a.severity] - order[b.severity] || a.startedAt - b.startedAt)
}

/** The `severity` label; a rule without one of the three words is a warning. */
function severityOf(alert: Alert): Severity {
  const label = alert.labels['severity']
  return label === 'critical' || label === 'info' ? label : 'warning'
}
