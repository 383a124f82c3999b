import { Button } from 'antd'
import { useState } from 'react'
import type { IncidentDetail } from '../../../protocol/api.ts'
import type { HiddenPage } from '../../../protocol/api-incidents.ts'
import { useLive } from '../../api.ts'
import { timeText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { incidentWords } from '../../words.ts'

const PAGE = 100

/** What this fault explains and nobody is told of by itself: the first of them, and all by page. */
export function HiddenAlerts({ incident, now }: { readonly incident: IncidentDetail; readonly now: number }) {
  const [pages, setPages] = useState(0)
  return (
    <section className="card">
      <strong>
        {incidentWords.hiddenTitle}（{incident.hiddenAlerts}）
      </strong>
      {pages === 0 ? (
        <>
          {incident.hidden.map((one) => (
            <div key={one.fingerprint} className="row hidden-alert">
              <span>{one.instance}</span>
              <span>{one.name}</span>
              <span className="soft">{timeText(one.startedAt, now)}</span>
            </div>
          ))}
          <Button block onClick={() => setPages(1)}>
            {incidentWords.hiddenShowAll}
          </Button>
        </>
      ) : (
        Array.from({ length: pages }, (_, index) => <Page key={index} number={incident.number} index={index} last={index === pages - 1} now={now} onMore={() => setPages(pages + 1)} />)
      )}
    </section>
  )
}

function Page({ number, index, last, now, onMore }: { readonly number: string; readonly index: number; readonly last: boolean; readonly now: number; readonly onMore: () => void }) {
  const query = useLive<HiddenPage>('incidents', `/incidents/${encodeURIComponent(number)}/hidden?offset=${index * PAGE}&limit=${PAGE}`)
  return (
    <Loaded query={query}>
      {(page) => (
        <>
          {page.hidden.map((one) => (
            <div key={one.fingerprint} className="row hidden-alert">
              <span>{one.instance}</span>
              <span className="wrap">{one.summary === '' ? one.name : one.summary}</span>
              <span className="soft">
                {incidentWords.hiddenState[one.state]} {timeText(one.endedAt ?? one.startedAt, now)}
              </span>
            </div>
          ))}
          {last && page.more && (
            <Button block onClick={onMore}>
              {incidentWords.hiddenMore.replace('{count}', String(PAGE))}
            </Button>
          )}
        </>
      )}
    </Loaded>
  )
}
