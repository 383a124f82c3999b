import type { AlertBrief } from '../../protocol/api-notify.ts'
import type { RoutedAlert } from './routed-alert.ts'

/** An alert in short, for lists. A severity that is none of ours counts as a warning. */
export function alertBrief(alert: RoutedAlert): AlertBrief {
  const severity = alert.labels['severity']
  const name = alert.labels['alertname'] ?? ''
  return {
    fingerprint: alert.fingerprint, name, instance: alert.labels['instance'] ?? '',
    severity: severity === 'critical' || severity === 'info' ? severity : 'warning',
    summary: alert.annotations['summary'] ?? name,
  }
}

/** The same in a sentence: `web-01 失联（HostDown）`. */
export function alertTitle(alert: RoutedAlert): string {
  const { name, summary, instance } = alertBrief(alert)
  if (summary !== name && summary !== '') return `${summary}（${name}）`
  return [name, instance].filter((part) => part !== '').join(' ') || alert.fingerprint
}
