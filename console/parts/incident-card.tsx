import { Tag } from 'antd'
import { Link } from 'react-router'
import type { IncidentSummary } from '../../protocol/api.ts'
import { agoText, timeText } from '../format.ts'
import { incidentStateWords, incidentWords, words } from '../words.ts'
import { Clocks } from './clocks.tsx'
import { SeverityTag } from './severity.tsx'

/** One incident as the duty engineer needs it: what is left on each clock, what, where, since when, who has it. */
export function IncidentCard({ incident, now }: { readonly incident: IncidentSummary; readonly now: number }) {
  return (
    <article className={`card incident severity-${incident.severity} ${incident.state} ${incident.blind ? 'blind' : ''}`} data-incident={incident.number}>
      <div className="row spread">
        <h3>
          <Link to={`/incidents/${incident.number}`}>{incident.title}</Link>
        </h3>
        <IncidentTags incident={incident} />
      </div>
      {incident.mergedInto === null && <Clocks clocks={incident.clocks} now={now} />}
      <div className="soft row incident-facts">
        <span>{incident.number}</span>
        {incident.object !== '' && <span>{incident.object}</span>}
        <span title={timeText(incident.startedAt, now)}>
          {timeText(incident.startedAt, now)}（{agoText(incident.startedAt, now)}）
        </span>
        {incident.acknowledgedBy !== null && <span>{words.incidents.acknowledged.replace('{who}', incident.acknowledgedBy)}</span>}
        {incident.assignedTo !== null && <span>{incidentWords.assigned.replace('{who}', incident.assignedTo)}</span>}
        {incident.reportedBy !== null && <span>{incidentWords.reported.replace('{who}', incident.reportedBy)}</span>}
        {incident.judgedBy !== null && <span>{incidentWords.judged.replace('{who}', incident.judgedBy)}</span>}
        {incident.claim !== null && <span className="warning">{incidentWords.claimed.replace('{who}', incident.claim.by).replace('{at}', timeText(incident.claim.at, now))}</span>}
        {incident.hiddenAlerts > 0 && <span className="warning">{incidentWords.hidden.replace('{count}', String(incident.hiddenAlerts))}</span>}
        {incident.mergedInto !== null && <Link to={`/incidents/${incident.mergedInto}`}>{incidentWords.mergedInto.replace('{number}', incident.mergedInto)}</Link>}
      </div>
    </article>
  )
}

/** Severity, how far it has come, and whether anything can be seen of it at all. */
export function IncidentTags({ incident }: { readonly incident: IncidentSummary }) {
  return (
    <span className="row tags">
      <SeverityTag severity={incident.severity} />
      <Tag color={incident.state === 'recovered' ? 'green' : incident.state === 'open' ? 'red' : incident.state === 'closed' || incident.state === 'merged' ? 'default' : 'blue'}>{incidentStateWords[incident.state]}{incident.state === 'closed' && incident.recoveredAt === null ? incidentWords.unseenRecovery : ''}</Tag>
      {incident.claim !== null && <Tag color="orange">{incidentWords.claimWaits}</Tag>}
      {incident.blind && <Tag color="purple">{incidentWords.blind}</Tag>}
    </span>
  )
}
