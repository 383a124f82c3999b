import { Tag } from 'antd'
import { Link } from 'react-router'
import type { IncidentSummary } from '../../protocol/api.ts'
import { agoText, timeText } from '../format.ts'
import { incidentStateWords, words } from '../words.ts'
import { Clocks } from './clocks.tsx'
import { SeverityTag } from './severity.tsx'

/** One incident as the duty engineer needs it: what, where, since when, what is left on each clock. */
export function IncidentCard({ incident, now }: { readonly incident: IncidentSummary; readonly now: number }) {
  return (
    <article className={`card incident severity-${incident.severity} ${incident.state}`} data-incident={incident.number}>
      <div className="row spread">
        <h3>
          <Link to={`/incidents/${incident.number}`}>{incident.title}</Link>
        </h3>
        <span className="row">
          <SeverityTag severity={incident.severity} />
          <Tag color={incident.state === 'recovered' ? 'green' : incident.state === 'open' ? 'red' : 'blue'}>{incidentStateWords[incident.state]}</Tag>
          {incident.blind && <Tag color="purple">{words.incidents.blind}</Tag>}
        </span>
      </div>
      <div className="soft row">
        <span>{incident.number}</span>
        <span>{incident.object}</span>
        <span title={timeText(incident.startedAt, now)}>
          {timeText(incident.startedAt, now)}（{agoText(incident.startedAt, now)}）
        </span>
        {incident.acknowledgedBy !== null && <span>{words.incidents.acknowledged.replace('{who}', incident.acknowledgedBy)}</span>}
      </div>
      <Clocks clocks={incident.clocks} now={now} />
    </article>
  )
}
