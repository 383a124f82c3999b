import { Empty, Segmented } from 'antd'
import { useState } from 'react'
import type { IncidentSummary } from '../../../protocol/api.ts'
import { useLive, useNow } from '../../api.ts'
import { IncidentCard } from '../../parts/incident-card.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { words } from '../../words.ts'

export function IncidentsRoom() {
  const [state, setState] = useState<'open' | 'all'>('open')
  const query = useLive<{ now: number; incidents: IncidentSummary[] }>('incidents', `/incidents?state=${state}&limit=200`)
  const now = useNow(query.data?.now)
  return (
    <div className="grid">
      <div className="row spread">
        <h1 style={{ margin: 0 }}>{words.rooms.incidents}</h1>
        <Segmented<'open' | 'all'>
          value={state}
          onChange={setState}
          options={[
            { value: 'open', label: words.incidents.open },
            { value: 'all', label: words.incidents.all },
          ]}
        />
      </div>
      <Loaded query={query}>
        {(data) =>
          data.incidents.length === 0 ? (
            <div className="card">
              <Empty description={words.incidents.none} />
            </div>
          ) : (
            data.incidents.map((incident) => <IncidentCard key={incident.number} incident={incident} now={now} />)
          )
        }
      </Loaded>
    </div>
  )
}
