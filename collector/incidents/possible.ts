/** What people may do to an incident now, asked of the table itself, so that a page offers no button that is refused. */
import { incidentActs } from '../../protocol/api-incidents.ts'
import type { IncidentAct } from '../../protocol/api-incidents.ts'
import type { LiveEvent } from './event.ts'
import type { Incident } from './incident.ts'
import { step } from './step.ts'

const by = 'somebody'
const text = 'text'

/** The act as a well-formed event; undefined: its parts do not even exist. */
function sample(act: IncidentAct, incident: Incident, now: number, pendingSince: number | undefined): LiveEvent | undefined {
  switch (act) {
    case 'acknowledge':
      return { type: 'acknowledge', by, source: { kind: 'console' } }
    case 'dispose':
      return { type: 'dispose', by, text, snapshot: null }
    case 'comment':
      return { type: 'comment', by, text }
    case 'assign':
      return { type: 'assign', by, to: by }
    case 'unassign':
      return incident.assignee === null ? undefined : { type: 'unassign', by }
    case 'severity':
      return { type: 'set-severity', by, severity: 'critical', reason: text }
    case 'root-cause':
      return { type: 'root-cause', by, category: 'unknown', text }
    case 'recovery':
      return { type: 'claim-recovery', by, text, confirmedBy: 'another', at: now }
    case 'confirm-recovery':
      return { type: 'confirm-recovery', by, source: 'console' }
    case 'refuse-recovery':
      return { type: 'refuse-recovery', by, text }
    case 'close':
      return { type: 'close', by, text, ...(pendingSince === undefined ? {} : { pendingSince }) }
    case 'reopen':
      return { type: 'reopen', by, text }
    case 'merge':
      return { type: 'merged', by, reason: text, into: 0, number: '' }
    case 'split': {
      const [first, second] = incident.alerts
      return first === undefined || second === undefined ? undefined : { type: 'split-off', by, reason: text, fingerprints: [first.fingerprint], number: '' }
    }
    case 'attachments':
      return { type: 'attach', by, attachment: { id: 0, name: 'a.txt', type: 'text/plain', sizeBytes: 1, sha256: '0'.repeat(64) } }
    case 'work':
      return { type: 'work', by, id: 0, kind: 'other', text, minutes: 0, workedAt: now }
  }
}

/** The acts that the incident's state does not refuse. `pendingSince`: see the event `close`. Pure. */
export function possibleActs(incident: Incident, now: number, pendingSince?: number): readonly IncidentAct[] {
  return incidentActs.filter((act) => {
    const event = sample(act, incident, now, pendingSince)
    return event !== undefined && step(incident, event, now).kind !== 'refused'
  })
}
