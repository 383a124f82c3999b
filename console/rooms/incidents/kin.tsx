import { Button } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router'
import type { IncidentDetail } from '../../../protocol/api.ts'
import type { IncidentList } from '../../../protocol/api-incidents.ts'
import { useLive } from '../../api.ts'
import { timeText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { incidentWords } from '../../words.ts'

/** Incidents that went into this one, and the one it was split from. */
export function Kin({ incident, now }: { readonly incident: IncidentDetail; readonly now: number }) {
  const { absorbed, splitFrom } = incident
  const [all, setAll] = useState(false)
  return (
    <section className="card">
      {splitFrom !== null && <Link to={`/incidents/${splitFrom}`}>{incidentWords.splitFrom.replace('{number}', splitFrom)}</Link>}
      {absorbed.count > 0 && (
        <>
          <strong>{incidentWords.absorbed.replace('{count}', String(absorbed.count))}</strong>
          {all ? (
            <All number={incident.number} now={now} />
          ) : (
            <div className="row">
              {absorbed.first.map((one) => (
                <Link key={one.number} to={`/incidents/${one.number}`}>
                  {one.number}
                </Link>
              ))}
            </div>
          )}
          {!all && (
            <Button block style={{ marginTop: 8 }} onClick={() => setAll(true)}>
              {incidentWords.hiddenShowAll}
            </Button>
          )}
        </>
      )}
    </section>
  )
}

function All({ number, now }: { readonly number: string; readonly now: number }) {
  const query = useLive<IncidentList>('incidents', `/incidents/${encodeURIComponent(number)}/merged?limit=1000`)
  return (
    <Loaded query={query}>
      {(data) =>
        data.incidents.map((one) => (
          <div key={one.number} className="row hidden-alert">
            <Link to={`/incidents/${one.number}`}>{one.number}</Link>
            <span className="wrap">{one.title}</span>
            <span className="soft">{timeText(one.startedAt, now)}</span>
          </div>
        ))
      }
    </Loaded>
  )
}
