import type { AlertView, IncidentDetail, IncidentState, IncidentSummary } from '../../protocol/api.ts'
import type { ResponseView } from '../../protocol/api-incidents.ts'
import type { JoinedAlert } from './event.ts'
import { clockStops, isRunning } from './incident.ts'
import type { Incident } from './incident.ts'
import { possibleActs } from './possible.ts'
import { clockViews } from './sla.ts'
import { timeline } from './timeline.ts'
import type { StoredEvent } from './timeline.ts'
import { objectText } from './wording.ts'
import type { Wording } from './wording.ts'

/** One row of the list, with the clocks as of `now`. */
export function incidentSummary(incident: Incident, wording: Wording, now: number): IncidentSummary {
  return {
    number: incident.number,
    title: incident.title,
    state: viewState(incident),
    severity: incident.severity,
    service: incident.service,
    object: objectText(wording, incident.instance, incident.part),
    fault: incident.fault,
    startedAt: incident.startedAt,
    openedAt: incident.openedAt,
    recoveredAt: incident.recoveredAt,
    acknowledgedBy: incident.response?.by ?? null,
    disposedBy: incident.disposals.at(-1)?.by ?? null,
    blind: incident.state === 'blind',
    assignedTo: incident.assignee?.to ?? null,
    hiddenAlerts: incident.hides.count,
    mergedInto: incident.mergedInto?.number ?? null,
    reportedBy: incident.report?.reporter ?? null,
    judgedBy: incident.judged?.by ?? null,
    // Where the telemetry speaks by now, the claim means nothing more.
    claim: isRunning(incident) && incident.alerts.length === 0 ? incident.claim : null,
    clocks: clockViews({ startedAt: incident.startedAt, profile: incident.profile, stops: clockStops(incident) }, now),
  }
}

/** The whole incident with its timeline. */
export function incidentDetail(incident: Incident, events: readonly StoredEvent[], notifications: IncidentDetail['notifications'], wording: Wording, now: number, pendingSince?: number): IncidentDetail {
  return {
    ...incidentSummary(incident, wording, now),
    alerts: incident.alerts.map((alert) => alertView(alert, incident.number)),
    hidden: incident.hides.first,
    absorbed: incident.absorbed,
    splitFrom: incident.splitFrom,
    report: incident.report,
    rootCause: incident.rootCause,
    attachments: incident.attachments,
    workMinutes: incident.workMinutes,
    response: incident.response === null ? null : responseView(incident.response, wording),
    disposals: incident.disposals.map(({ at, by, text, condition }) => ({ at, by, text, condition, conditionText: wording.condition[condition] })),
    acts: possibleActs(incident, now, pendingSince),
    blindTimes: incident.blind,
    timeline: timeline(events, wording),
    notifications,
  }
}

function responseView({ at, by, source }: NonNullable<Incident['response']>, wording: Wording): ResponseView {
  const named = source.kind === 'other' ? source.name : (wording.source[source.kind] ?? source.kind)
  return { at, by, kind: source.kind, source: named, writtenBy: source.kind === 'phone' ? source.namedBy : null }
}

/** People see an open incident by how far its handling has come. */
function viewState(incident: Incident): IncidentState {
  if (!isRunning(incident) && incident.state !== 'open' && incident.state !== 'blind') return incident.state
  if (incident.disposals.length > 0) return 'disposed'
  return incident.response === null ? 'open' : 'acknowledged'
}

function alertView(alert: JoinedAlert, incident: string): AlertView {
  return {
    fingerprint: alert.fingerprint,
    name: alert.name,
    severity: alert.severity,
    // An alert whose data is missing has not been seen to end: the incident's `blind` says so.
    state: alert.state === 'resolved' ? 'resolved' : 'firing',
    labels: alert.labels,
    summary: alert.summary,
    description: alert.description,
    action: alert.action,
    value: alert.value,
    startedAt: alert.startedAt,
    activeAt: alert.activeAt,
    resolvedAt: alert.state === 'resolved' ? alert.changedAt : null,
    incident,
  }
}
