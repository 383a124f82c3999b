/** Which live incidents an alert is about to bring back: its condition holds again, only its rule's `for` is not over. */
import { incidentSubject } from '../correlate/key.ts'
import type { Topology } from '../correlate/topology.ts'
import type { Alert } from '../rules/alert.ts'
import { carriesSla } from './alert-facts.ts'
import type { BoardView } from './board.ts'

/** What the rules say of an alert that is pending, or of any other, which is passed over. */
export type PendingAlert = Pick<Alert, 'fingerprint' | 'labels' | 'startedAt' | 'state'>

/**
 * Earliest start of the pending alerts by the id of the incident that they would join when they fire: the one they were
 * in, else that of their key. Pure; SPEC.md invariant 25.
 */
export function pendingByIncident(alerts: Iterable<PendingAlert>, board: Pick<BoardView, 'byFingerprint' | 'byKey'>, topology: Pick<Topology, 'objectOf'>): ReadonlyMap<number, number> {
  const since = new Map<number, number>()
  for (const { fingerprint, labels, startedAt, state } of alerts) {
    if (state !== 'pending') continue
    const incident = board.byFingerprint(fingerprint) ?? (carriesSla({ labels }) ? board.byKey(incidentSubject(labels, topology.objectOf(labels)).key) : undefined)
    if (incident !== undefined) since.set(incident.id, Math.min(startedAt, since.get(incident.id) ?? Infinity))
  }
  return since
}
