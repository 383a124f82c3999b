import { Alert, Button, Empty, Input, Segmented, Select } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router'
import type { IncidentSummary } from '../../../protocol/api.ts'
import type { IncidentList, IncidentPart } from '../../../protocol/api-incidents.ts'
import { useLive, useNow, useSession } from '../../api.ts'
import { IncidentCard } from '../../parts/incident-card.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { incidentWords, severityWords, words } from '../../words.ts'
import { useChoices } from './choices.ts'

const parts = ['open', 'unanswered', 'answered', 'disposed', 'blind', 'recovered', 'closed', 'merged', 'all'] as const satisfies readonly IncidentPart[]

/** All incidents. Running ones come in the order of the clock that runs out first. */
export function IncidentsRoom() {
  const session = useSession()
  const choices = useChoices()
  const [part, setPart] = useState<IncidentPart>('open')
  const [severity, setSeverity] = useState<string>()
  const [service, setService] = useState<string>()
  const [mine, setMine] = useState(false)
  const [text, setText] = useState('')
  const asked = new URLSearchParams({ state: part, limit: '200', ...(severity === undefined ? {} : { severity }), ...(service === undefined ? {} : { service }), ...(mine ? { mine: 'yes' } : {}), ...(text === '' ? {} : { text }) })
  const query = useLive<IncidentList>('incidents', `/incidents?${asked.toString()}`)
  const now = useNow(query.data?.now)
  return (
    <div className="grid">
      <div className="row spread">
        <h1 style={{ margin: 0 }}>{words.rooms.incidents}</h1>
        <span className="row">
          <Link to="/work-log">{incidentWords.workLog}</Link>
          {session.permissions.includes('incidents.act') && (
            <Link to="/incidents/new">
              <Button type="primary">{incidentWords.report}</Button>
            </Link>
          )}
        </span>
      </div>
      <div className="scroll-x">
        <Segmented<IncidentPart> value={part} onChange={setPart} options={parts.map((value) => ({ value, label: incidentWords.parts[value] }))} />
      </div>
      <div className="row incident-filter">
        <Select allowClear placeholder={incidentWords.filter.severity} aria-label={incidentWords.filter.severity} value={severity} onChange={setSeverity} options={(['critical', 'warning', 'info'] as const).map((value) => ({ value, label: severityWords[value] }))} />
        <Select allowClear placeholder={incidentWords.filter.service} aria-label={incidentWords.filter.service} value={service} onChange={setService} options={choices.services.map(({ name, title }) => ({ value: name, label: title }))} />
        <Button type={mine ? 'primary' : 'default'} aria-pressed={mine} onClick={() => setMine(!mine)}>
          {incidentWords.filter.mine}
        </Button>
        <Input.Search allowClear placeholder={incidentWords.filter.text} aria-label={incidentWords.filter.text} maxLength={128} onSearch={(value) => setText(value.trim())} />
      </div>
      <Loaded query={query}>
        {(data) => (
          <>
            {data.more && <Alert type="info" showIcon title={incidentWords.more.replace('{count}', String(data.incidents.length))} />}
            {data.incidents.length === 0 && (
              <div className="card">
                <Empty description={words.incidents.none} />
              </div>
            )}
            {byUrgency(data.incidents).map((incident) => (
              <IncidentCard key={incident.number} incident={incident} now={now} />
            ))}
          </>
        )}
      </Loaded>
    </div>
  )
}

/** Running clocks first, the one that is due soonest on top; then the newest start, as the list came. */
function byUrgency(incidents: readonly IncidentSummary[]): IncidentSummary[] {
  const due = ({ clocks }: IncidentSummary): number => Math.min(Number.POSITIVE_INFINITY, ...clocks.filter((clock) => clock.state === 'running').map((clock) => clock.dueAt))
  return [...incidents].sort((a, b) => (due(a) === due(b) ? b.startedAt - a.startedAt : due(a) - due(b)))
}
