import type { ClockView } from '../../protocol/api.ts'
import type { Severity } from '../../protocol/events.ts'
import { clockStops, isRunning } from './incident.ts'
import type { Incident } from './incident.ts'
import { clockViews } from './sla.ts'

/** The clocks of one running incident, with what a person who is called about it must know: data for the duty room. */
export interface IncidentClocks {
  readonly id: number
  readonly number: string
  readonly title: string
  readonly service: string
  readonly instance: string
  readonly fault: string
  readonly severity: Severity
  readonly profile: string
  readonly startedAt: number
  /** Who has taken it; null: nobody. */
  readonly acknowledgedBy: string | null
  readonly assignedTo: string | null
  readonly disposed: boolean
  /** True while its telemetry is missing. */
  readonly blind: boolean
  /** Which round: a fault that came back is escalated anew. */
  readonly reopenings: number
  readonly clocks: readonly ClockView[]
}

/** Clocks of all incidents whose fault is running; effects and what is over have none. Pure. */
export function clocksOf(incidents: Iterable<Incident>, now: number): readonly IncidentClocks[] {
  return [...incidents].filter(isRunning).map((incident) => ({
    id: incident.id,
    number: incident.number,
    title: incident.title,
    service: incident.service,
    instance: incident.instance,
    fault: incident.fault,
    severity: incident.severity,
    profile: incident.profile.name,
    startedAt: incident.startedAt,
    acknowledgedBy: incident.response?.by ?? null,
    assignedTo: incident.assignee?.to ?? null,
    disposed: incident.disposals.length > 0,
    blind: incident.state === 'blind',
    reopenings: incident.reopenings,
    clocks: clockViews({ startedAt: incident.startedAt, profile: incident.profile, stops: clockStops(incident) }, now),
  }))
}
