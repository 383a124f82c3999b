/** Finding incidents as people look for them: by how far they have come, by whose they are, by a word. */
import type { IncidentPart } from '../../protocol/api-incidents.ts'
import type { Severity } from '../../protocol/events.ts'
import { isRunning } from './incident.ts'
import type { Incident } from './incident.ts'
import { listIncidents } from './storage.ts'
import type { Reader } from './storage.ts'

/** What to look for. Newest start first. */
export interface IncidentSearch {
  readonly part: IncidentPart
  readonly service?: string
  readonly severity?: Severity
  /** Assigned to this person, or answered by them while nobody is assigned. */
  readonly person?: string
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
      return incident.recoveredAt !== null && (incident.state === 'recovered' || incident.state === 'closed')
    case 'closed':
      return incident.state === 'closed' && incident.recoveredAt === null
    case 'merged':
      return incident.state === 'merged'
    case 'all':
      return true
  }
}

/** Whether an incident is what is looked for. Pure. */
export function isFound(incident: Incident, { part, service, severity, person, text }: IncidentSearch): boolean {
  if (!isOfPart(incident, part)) return false
  if (service !== undefined && incident.service !== service) return false
  if (severity !== undefined && incident.severity !== severity) return false
  if (person !== undefined && (incident.assignee?.to ?? incident.response?.by) !== person) return false
  if (text === undefined) return true
  const wanted = text.toLowerCase()
  const { number, title, instance, part: object, fault, report, alerts } = incident
  return [number, title, incident.service, instance, object, fault, report?.reporter ?? '', ...alerts.flatMap((one) => [one.name, one.summary])].some((word) => word.toLowerCase().includes(wanted))
}

/** Looks page by page until `limit` are found or there are no more. */
export async function searchIncidents(db: Reader, search: IncidentSearch): Promise<readonly Incident[]> {
  const { part, service, severity, limit } = search
  const state = part === 'all' ? 'all' : part === 'live' ? 'live' : part === 'recovered' || part === 'closed' || part === 'merged' ? 'ended' : 'open'
  const found: Incident[] = []
  for (let offset = 0; ; offset += PAGE) {
    const page = await listIncidents(db, { state, limit: PAGE, offset, ...(service === undefined ? {} : { service }), ...(severity === undefined ? {} : { severity }) })
    for (const incident of page) {
      if (isFound(incident, search)) found.push(incident)
      if (found.length >= limit) return found
    }
    if (page.length < PAGE) return found
  }
}
