/** An incident, and the work on it, as the service books count them. */
import { clockStops, isRunning } from '../incidents/incident.ts'
import type { Incident } from '../incidents/incident.ts'
import { clockViews } from '../incidents/sla.ts'
import type { WorkLogged } from '../incidents/work-log.ts'
import type { Fault } from '../service/fault.ts'
import type { WorkLine } from '../service/work-log.ts'

/** A stored event, as far as it is needed here. */
export interface MarkedEvent {
  readonly at: number
  readonly kind: string
}

/** The times in which a fault was over before it came back. Pure. */
export function pausesOf(events: readonly MarkedEvent[]): readonly { readonly from: number; readonly to: number }[] {
  const pauses: { from: number; to: number }[] = []
  let over: number | undefined
  for (const { at, kind } of events) {
    if (kind === 'recovered' || kind === 'judged-recovered') over = at
    if (kind !== 'reopened' || over === undefined) continue
    if (at > over) pauses.push({ from: over, to: at })
    over = undefined
  }
  return pauses
}

/** Maps one. `events`: its stored events, needed only where it was reopened. Pure. */
export function faultOf(incident: Incident, events: readonly MarkedEvent[], now: number): Fault {
  const ended = isRunning(incident) ? undefined : (incident.recoveredAt ?? incident.closedAt ?? incident.mergedInto?.at)
  const clocks = clockViews({ startedAt: incident.startedAt, profile: incident.profile, stops: clockStops(incident) }, now)
  return {
    number: incident.number,
    version: incident.version,
    service: incident.service,
    object: incident.instance,
    severity: incident.severity,
    profile: incident.profile.name,
    from: incident.startedAt,
    ...(ended === undefined ? {} : { to: Math.max(ended, incident.startedAt) }),
    pauses: pausesOf(events),
    closed: incident.state === 'closed' || incident.state === 'merged',
    blind: incident.blind.map(({ from, to }) => ({ from, to: to ?? ended ?? now })),
    clocks: clocks.map(({ clock, dueAt, stoppedAt }) => ({ name: clock, dueAt, ...(stoppedAt === null ? {} : { stoppedAt }) })),
    ...(incident.mergedInto === null ? {} : { excluded: incident.mergedInto.number }),
  }
}

/** An entry of the work log as the service books list it. Pure. */
export function workLineOf({ workedAt, by, kind, incident, text, minutes }: WorkLogged): WorkLine {
  return { at: workedAt, by, kind, reference: incident ?? '', text, minutes }
}
