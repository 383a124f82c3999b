/** Finding incidents as people look for them: by how far they have come, by whose they are, by a word. */
import { servicesNamed } from '../correlate/key.ts'
import { isMe } from '../access/known-people.ts'
import type { LinkedAccount } from '../access/known-people.ts'
import type { IncidentPart } from '../../protocol/api-incidents.ts'
import type { Severity } from '../../protocol/events.ts'
import { clockStops, isRunning, moreUrgent } from './incident.ts'
import type { Incident } from './incident.ts'
import { clockViews } from './sla.ts'
import { listIncidents } from './storage.ts'
import type { Reader } from './storage.ts'

/** What to look for. */
export interface IncidentSearch {
  readonly part: IncidentPart
  readonly service?: string
  readonly severity?: Severity
  /** Assigned to whoever is signed in with this account, or answered by them while nobody is assigned. */
  readonly mine?: Pick<LinkedAccount, 'user' | 'person'>
  /** Somewhere in number, title, service, object, fault class, reporter or an alert's name, whatever the case. */
  readonly text?: string
  readonly limit: number
}

/** How many rows are looked at in one query. */
const PAGE = 200

/** Whether an incident is of that part of the list. */
export function isOfPart(incident: Incident, part: IncidentPart): boolean {
  const answered = incident.response !== null
  const disposed = incident.disposals.length > 0
  switch (part) {
    case 'open':
      return isRunning(incident)
    case 'unanswered':
      return isRunning(incident) && !answered && !disposed
    case 'answered':
      return isRunning(incident) && answered && !disposed
    case 'disposed':
      return isRunning(incident) && disposed
    case 'blind':
      return incident.state === 'blind'
    case 'live':
      return isRunning(incident) || incident.state === 'recovered'
    case 'recovered':
      return incident.state === 'recovered'
    case 'closed':
      return incident.state === 'closed'
    case 'merged':
      return incident.state === 'merged'
    case 'all':
      return true
  }
}

/** Whether an incident is what is looked for. Pure. */
export function isFound(incident: Incident, { part, service, severity, mine, text }: IncidentSearch): boolean {
  if (!isOfPart(incident, part)) return false
  if (service !== undefined && !servicesNamed(incident.service).includes(service)) return false
  if (severity !== undefined && incident.severity !== severity) return false
  if (mine !== undefined && !isMine(incident, mine)) return false
  if (text === undefined) return true
  const wanted = text.toLowerCase()
  const { number, title, instance, part: object, fault, report, alerts } = incident
  return [number, title, incident.service, instance, object, fault, report?.reporter ?? '', ...alerts.flatMap((one) => [one.name, one.summary])].some((word) => word.toLowerCase().includes(wanted))
}

/** By the link between account and person; what was stored before it was kept has only the account's name. */
function isMine({ assignee, response }: Incident, me: Pick<LinkedAccount, 'user' | 'person'>): boolean {
  const held = assignee !== null ? { by: assignee.to, who: assignee.who } : response !== null ? { by: response.by, who: response.source.kind === 'other' ? undefined : response.source.who } : undefined
  if (held === undefined) return false
  return held.who === undefined ? held.by === me.user : isMe(held.who, me)
}

/**
 * The order in which people must look at faults: the least time left on the nearest clock that runs first (late ones
 * have less than none), then the more urgent, then the newest start. What no clock runs for comes last. Pure.
 */
export function byUrgency(incidents: readonly Incident[], now: number): readonly Incident[] {
  const left = new Map(incidents.map((one) => [one.id, nearestLeftMs(one, now)]))
  const leftOf = ({ id }: Incident): number => left.get(id) ?? Infinity
  return incidents.toSorted((a, b) => compare(leftOf(a), leftOf(b)) || Number(moreUrgent(b.severity, a.severity)) - Number(moreUrgent(a.severity, b.severity)) || b.startedAt - a.startedAt || b.id - a.id)
}

/** Least time left on a clock of the incident that runs, negative where it is late; Infinity where none does. */
function nearestLeftMs(incident: Incident, now: number): number {
  const running = clockViews({ startedAt: incident.startedAt, profile: incident.profile, stops: clockStops(incident) }, now).filter((clock) => clock.stoppedAt === null)
  return Math.min(...running.map((clock) => clock.leftMs))
}

/** Not by their difference, which Infinity has none of. */
const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * Running ones whole and in the order of their clocks; then what is over, page by page, until `limit` are found. `live`
 * is what the board has: in a storm thousands run, and to read them from disk for every look at the list takes too long.
 */
export async function searchIncidents(db: Reader, live: Iterable<Incident>, search: IncidentSearch, now: number): Promise<readonly Incident[]> {
  const { part, service, severity, limit } = search
  const filter = { ...(service === undefined ? {} : { service }), ...(severity === undefined ? {} : { severity }) }
  // A limit would cut by start, and the oldest is the one that is late.
  const running = [...live].filter((incident) => isRunning(incident) && isFound(incident, search))
  const found = byUrgency(running, now).slice(0, limit)
  const over = overOf(part)
  for (let offset = 0; over !== undefined && found.length < limit; offset += PAGE) {
    const page = await listIncidents(db, { state: over, limit: PAGE, offset, ...filter })
    found.push(...page.filter((incident) => isFound(incident, search)).slice(0, limit - found.length))
    if (page.length < PAGE) break
  }
  return found
}

/** Where the part's incidents that do not run are found; undefined: it has none. */
function overOf(part: IncidentPart): 'recovered' | 'ended' | undefined {
  switch (part) {
    case 'open':
    case 'unanswered':
    case 'answered':
    case 'disposed':
    case 'blind':
      return undefined
    case 'live':
    case 'recovered':
      return 'recovered'
    case 'closed':
    case 'merged':
    case 'all':
      return 'ended'
  }
}
