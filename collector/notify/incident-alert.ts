/**
 * An incident on its way into routing: one alert that speaks for all alerts of the fault, so that one fault is one
 * message, however many alerts join it, whether the topology hides them behind it, and also where a person reported it.
 */
import type { Labels } from '../../protocol/series.ts'
import { isRunning } from '../incidents/incident.ts'
import type { Incident } from '../incidents/incident.ts'
import { fingerprintOf } from './label-set.ts'
import type { AlertReport } from './routed-alert.ts'

/** The name under which routing and amtool see an incident that a person reported and no alert has joined. */
export const REPORTED = 'ReportedFault'

/**
 * The alert of an incident: the labels of its first alert, with `incident`, `severity`, `sla` and `system` as the
 * incident has them. Firing while the fault runs; ended when it recovered, was closed, or went into another one. One that
 * a person reported keeps the labels it began with when alerts join it: other labels would be another alert, told anew.
 */
export function reportOfIncident(incident: Incident, now: number, consoleUrl: string | undefined): AlertReport {
  const first = incident.alerts[0]
  const labels: Labels = {
    ...(first === undefined || incident.report !== null ? { alertname: REPORTED, instance: incident.instance, fault: incident.fault } : first.labels),
    incident: incident.number,
    severity: incident.severity,
    sla: incident.profile.name,
    system: incident.service,
  }
  const told = Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''))
  return {
    fingerprint: fingerprintOf(told),
    labels: told,
    annotations: { summary: incident.title, ...(first === undefined ? {} : { description: first.description, action: first.action }) },
    startsAt: incident.startedAt,
    endsAt: isRunning(incident) ? undefined : (incident.recoveredAt ?? incident.closedAt ?? now),
    updatedAt: now,
    timeout: false,
    generatorUrl: consoleUrl === undefined ? '' : `${consoleUrl.replace(/\/+$/, '')}/incidents/${encodeURIComponent(incident.number)}`,
    origin: 'rules',
  }
}

/** Which alert speaks for which: by the number of its incident, following the incidents that went into another one. */
export interface Speakers {
  /** Notes the incident as it stands and returns its alert. */
  note(incident: Incident, now: number): AlertReport
  /** The same for an incident that has changed: its alert, and the end of the one it was under other labels (a severity). */
  change(incident: Incident, now: number): readonly AlertReport[]
  /** The incident that speaks under this number: itself, or the one it went into. */
  spokesman(number: string): string
  /** Fingerprint of the alert that speaks for an alert of this incident; undefined: that is this one, or there is none. */
  speakerFor(fingerprint: string, number: string | undefined): string | undefined
}

/** An empty register. */
export function createSpeakers(consoleUrl: string | undefined): Speakers {
  const alerts = new Map<string, AlertReport>()
  const into = new Map<string, string>()
  function spokesman(number: string): string {
    let current = number
    // Incidents only ever go into ones that are there, so this ends; the bound guards against a damaged file.
    for (let steps = 0; steps < 100; steps++) {
      const next = into.get(current)
      if (next === undefined) break
      current = next
    }
    return current
  }
  function note(incident: Incident, now: number): AlertReport {
    const report = reportOfIncident(incident, now, consoleUrl)
    alerts.set(incident.number, report)
    if (incident.mergedInto === null) into.delete(incident.number)
    else into.set(incident.number, incident.mergedInto.number)
    return report
  }
  return {
    note,
    change(incident, now) {
      const former = alerts.get(incident.number)
      const report = note(incident, now)
      return former === undefined || former.fingerprint === report.fingerprint ? [report] : [{ ...former, endsAt: former.endsAt ?? now, updatedAt: now }, report]
    },
    spokesman,
    speakerFor(fingerprint, number) {
      if (number === undefined) return undefined
      const speaker = alerts.get(spokesman(number))?.fingerprint
      return speaker === fingerprint ? undefined : speaker
    },
  }
}
