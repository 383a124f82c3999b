import type { Severity } from '../../protocol/events.ts'
import type { Alert } from '../rules/alert.ts'
import type { AlertFacts } from './event.ts'

/** An alert as incidents keep it. */
export function alertFacts(alert: Alert): AlertFacts {
  const { fingerprint, name, labels, annotations, activeAt, startedAt } = alert
  return {
    fingerprint,
    name,
    labels,
    severity: severityOf(labels['severity']),
    summary: annotations['summary'] ?? name,
    description: annotations['description'] ?? '',
    action: annotations['action'] ?? '',
    value: Number.isFinite(alert.value) ? alert.value : null,
    activeAt,
    startedAt,
  }
}

/** Whether the alert is a fault that is promised to be handled in time. */
export const carriesSla = (alert: Pick<AlertFacts, 'labels'>): boolean => (alert.labels['sla'] ?? '') !== ''

/** A missing word is the middle one; a word nobody knows must not hide a fault from anybody. */
function severityOf(word: string | undefined): Severity {
  if (word === undefined || word === '') return 'warning'
  return word === 'info' || word === 'warning' ? word : 'critical'
}
