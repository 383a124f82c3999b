import { Empty, Tag } from 'antd'
import { useState } from 'react'
import type { RequestView } from '../../../protocol/api-service.ts'
import { useNow, useSession } from '../../api.ts'
import { fromOfficeInput, officeInput, officeMonth, timeText } from '../../format.ts'
import { type Field, type Filled, numberOf, textOf } from '../../parts/form-dialog.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { MonthSteps } from '../../parts/month-steps.tsx'
import { fill, serviceWords } from '../../words.ts'
import { ActButtons } from './act-buttons.tsx'
import type { ServiceAct } from './act-buttons.tsx'
import { ServicePage, useService, useServiceNames } from './service-page.tsx'

const w = serviceWords.requests
const colours = { received: 'gold', 'in-work': 'blue', done: 'green', refused: 'default' } as const satisfies Record<RequestView['state'], string>

/** Service requests of a month: those that came in or were open in it. */
export function RequestsRoom() {
  const [month, setMonth] = useState<string>()
  const query = useService<{ now: number; month: string; firstMonth: string; requests: readonly RequestView[] }>(`/requests${month === undefined ? '' : `?month=${month}`}`)
  const now = useNow(query.data?.now)
  return (
    <ServicePage>
      <div className="row spread">
        {query.data !== undefined && <MonthSteps month={query.data.month} first={query.data.firstMonth} last={officeMonth(now)} onPick={setMonth} />}
        <Receive now={now} />
      </div>
      <Loaded query={query}>{({ requests }) => (requests.length === 0 ? <Empty className="card" description={w.none} /> : requests.map((one) => <RequestCard key={one.id} request={one} now={now} />))}</Loaded>
    </ServicePage>
  )
}

function Receive({ now }: { readonly now: number }) {
  const names = useServiceNames()
  const receive: ServiceAct = {
    title: w.add, path: '/requests', look: 'primary',
    fields: [
      { name: 'kind', label: w.kind, kind: 'choice', options: Object.entries(w.kinds).map(([value, label]) => ({ value, label })) },
      { name: 'service', label: w.service, kind: 'choice', optional: true, initial: '', options: [{ value: '', label: w.noService }, ...names.map(({ service, title }) => ({ value: service, label: title }))] },
      { name: 'requester', label: w.requester, kind: 'text' },
      { name: 'channel', label: w.channel, kind: 'text' },
      { name: 'text', label: w.text, kind: 'long' },
      { name: 'receivedAt', label: w.receivedAt, kind: 'moment', initial: officeInput(now) },
    ],
    body: (filled) => ({ kind: textOf(filled, 'kind'), service: textOf(filled, 'service'), requester: textOf(filled, 'requester'), channel: textOf(filled, 'channel'), text: textOf(filled, 'text'), receivedAt: fromOfficeInput(textOf(filled, 'receivedAt')) }),
  }
  return <ActButtons acts={[receive]} />
}

const worked: readonly Field[] = [
  { name: 'text', label: w.done, kind: 'long' },
  { name: 'minutes', label: w.minutes, kind: 'number', min: 0, max: 1_440, initial: 0 },
]
const workedBody = (filled: Filled): object => ({ text: textOf(filled, 'text'), minutes: Math.round(numberOf(filled, 'minutes')) })

function RequestCard({ request, now }: { readonly request: RequestView; readonly now: number }) {
  const session = useSession()
  const names = useServiceNames()
  const path = `/requests/${encodeURIComponent(request.id)}`
  const start: ServiceAct = { title: w.start, path: `${path}/start`, look: 'primary', fields: [{ name: 'person', label: w.person, kind: 'text', initial: session.user }], body: (filled) => ({ person: textOf(filled, 'person') }) }
  const note: ServiceAct = { title: w.note, path: `${path}/note`, fields: worked, body: workedBody }
  const finish: ServiceAct = { title: w.finish, path: `${path}/finish`, look: 'primary', fields: worked, body: workedBody }
  const refuse: ServiceAct = { title: w.refuse, path: `${path}/refuse`, fields: [{ name: 'reason', label: w.reason, kind: 'long' }], body: (filled) => ({ reason: textOf(filled, 'reason') }) }
  const acts = request.state === 'received' ? [start, refuse] : request.state === 'in-work' ? [finish, note, refuse] : []
  return (
    <article className="card" data-request={request.id}>
      <div className="row spread">
        <strong>
          {w.kinds[request.kind]}
          {request.service !== '' && ` · ${names.find((one) => one.service === request.service)?.title ?? request.service}`}
        </strong>
        <Tag color={colours[request.state]}>{w.states[request.state]}</Tag>
      </div>
      <div style={{ whiteSpace: 'pre-wrap' }}>{request.text}</div>
      <div className="soft row">
        <span>{request.id}</span>
        <span>
          {request.requester}（{request.channel}） {timeText(request.receivedAt, now)}
        </span>
        {request.person !== null && (
          <span>
            {w.person} {request.person}
          </span>
        )}
        {request.minutes > 0 && <span>{fill(w.used, { minutes: request.minutes })}</span>}
      </div>
      {request.history.length > 0 && (
        <details>
          <summary className="soft">
            {w.history} {request.history.length}
          </summary>
          {request.history.map((line, index) => (
            <div key={`${line.at}-${index}`} className="row">
              <span className="soft">{timeText(line.at, now)}</span>
              <span>{line.by}</span>
              <span>{line.text}</span>
            </div>
          ))}
        </details>
      )}
      <div className="row" style={{ marginTop: 8 }}>
        <ActButtons acts={acts} />
      </div>
    </article>
  )
}
