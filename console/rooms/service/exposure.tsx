import { useQuery } from '@tanstack/react-query'
import { Alert, Button, Empty, Tag } from 'antd'
import { Link } from 'react-router'
import type { ExposureView } from '../../../protocol/api-service.ts'
import { type RequestError, get, useSession } from '../../api.ts'
import { durationText, timeText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { serviceWords } from '../../words.ts'
import { ServicePage, useServiceNames } from './service-page.tsx'

const w = serviceWords.exposure

/** What late service may cost, with its arithmetic. For two roles; the menu does not show it to others, nor is it asked for. */
export function ExposureRoom() {
  const allowed = useSession().permissions.includes('exposure.read')
  return <ServicePage>{allowed ? <Shown /> : <Alert type="warning" showIcon title={w.forbidden} />}</ServicePage>
}

function Shown() {
  // Every reading is audited, so it is asked for once and again only by the button; and it does not outlive the page.
  const query = useQuery<ExposureView, RequestError, ExposureView>({ queryKey: ['exposure'], queryFn: () => get<ExposureView>('/service/exposure'), staleTime: Infinity, gcTime: 0, retry: false, refetchOnWindowFocus: false, refetchOnReconnect: false })
  const names = useServiceNames()
  return (
    <Loaded query={query}>
      {(view) => (
        <>
          <section className="card tile">
            <div className="row spread">
              <span>
                {w.total} · {timeText(view.now, view.now)}
              </span>
              <Button loading={query.isFetching} onClick={() => void query.refetch()}>
                {w.refresh}
              </Button>
            </div>
            <b data-total>
              {view.total} {w.yuan}
            </b>
            {view.totalSteps.map((step) => <div key={step}>{step}</div>)}
            {view.flags.length > 0 && (
              <div className="row">
                {w.flags} {view.flags.map((flag) => <Tag key={flag} color="red">{flag}</Tag>)}
              </div>
            )}
            <div className="soft">{w.note}</div>
          </section>
          {view.lines.length === 0 && <Empty className="card" description={w.none} />}
          {view.lines.map((line) => (
            <section key={`${line.reference}-${line.title}`} className="card">
              <div className="row spread">
                <span className="row">
                  <strong>{line.title}</strong>
                  <Link to={`/incidents/${encodeURIComponent(line.reference)}`}>{line.reference}</Link>
                  <span>{names.find((one) => one.service === line.service)?.title ?? line.service}</span>
                </span>
                <strong>
                  {line.amount} {w.yuan}
                </strong>
              </div>
              <div className="soft">
                {w.late} {durationText(line.lateMs)}；{line.origin}
              </div>
              {line.steps.map((step) => <div key={step}>{step}</div>)}
              {line.flags.map((flag) => <Tag key={flag}>{flag}</Tag>)}
            </section>
          ))}
          {view.uncovered.length > 0 && (
            <section className="card">
              <strong>{w.uncovered}</strong>
              {view.uncovered.map((one) => (
                <div key={`${one.reference ?? ''}${one.text}`}>
                  {one.reference !== null && `${one.reference} `}
                  {one.text}
                </div>
              ))}
            </section>
          )}
        </>
      )}
    </Loaded>
  )
}
