import { Empty, Tag } from 'antd'
import type { WindowView } from '../../../protocol/api-service.ts'
import { useNow } from '../../api.ts'
import { fromOfficeInput, officeInput, timeText } from '../../format.ts'
import { type Field, checkOf, listOf, textOf } from '../../parts/form-dialog.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { fill, serviceWords } from '../../words.ts'
import { ActButtons } from './act-buttons.tsx'
import type { ServiceAct } from './act-buttons.tsx'
import { ServicePage, useService, useServiceNames } from './service-page.tsx'

const w = serviceWords.windows
const HOUR = 3_600_000
type Standing = 'cancelled' | 'over' | 'running' | 'approved' | 'planned'
const colours = { cancelled: 'default', over: 'default', running: 'blue', approved: 'green', planned: 'gold' } as const satisfies Record<Standing, string>

const standingOf = (one: WindowView, now: number): Standing => (one.cancelled ? 'cancelled' : one.approval === null ? 'planned' : now >= one.endsAt ? 'over' : now >= one.from ? 'running' : 'approved')

/** Maintenance windows: entered, approved by the client, ended early, cancelled. Nothing is ever deleted. */
export function WindowsRoom() {
  const query = useService<{ now: number; windows: readonly WindowView[] }>('/windows')
  const now = useNow(query.data?.now)
  return (
    <ServicePage>
      <div className="row spread">
        <span className="soft">{w.unapproved}</span>
        <Plan now={now} />
      </div>
      <Loaded query={query}>{({ windows }) => (windows.length === 0 ? <Empty className="card" description={w.none} /> : windows.map((one) => <WindowCard key={one.id} window={one} now={now} />))}</Loaded>
    </ServicePage>
  )
}

function Plan({ now }: { readonly now: number }) {
  const names = useServiceNames()
  const start = Math.ceil(now / HOUR) * HOUR
  const plan: ServiceAct = {
    title: w.add, path: '/windows', look: 'primary',
    fields: [
      { name: 'services', label: w.services, kind: 'choices', optional: true, options: names.map(({ service, title }) => ({ value: service, label: title })) },
      { name: 'objects', label: w.objects, kind: 'text', optional: true },
      { name: 'from', label: w.from, kind: 'moment', initial: officeInput(start) },
      { name: 'to', label: w.to, kind: 'moment', initial: officeInput(start + 2 * HOUR) },
      { name: 'reason', label: w.reason, kind: 'long' },
      { name: 'afterTheFact', label: w.afterTheFact, kind: 'check', hint: w.afterTheFactHint },
    ],
    body: (filled) => ({ services: listOf(filled, 'services'), objects: textOf(filled, 'objects').split(/[,，、\s]+/).filter((one) => one !== ''), from: fromOfficeInput(textOf(filled, 'from')), to: fromOfficeInput(textOf(filled, 'to')), reason: textOf(filled, 'reason'), afterTheFact: checkOf(filled, 'afterTheFact') }),
  }
  return <ActButtons acts={[plan]} />
}

function WindowCard({ window, now }: { readonly window: WindowView; readonly now: number }) {
  const names = useServiceNames()
  const path = `/windows/${encodeURIComponent(window.id)}`
  const standing = standingOf(window, now)
  const reason: Field = { name: 'reason', label: w.reason, kind: 'long' }
  const approve: ServiceAct = {
    title: w.approve, path: `${path}/approve`, look: 'primary',
    fields: [{ name: 'name', label: w.approver, kind: 'text' }, { name: 'at', label: w.approvedAt, kind: 'moment', initial: officeInput(now) }, { name: 'how', label: w.how, kind: 'text' }],
    body: (filled) => ({ name: textOf(filled, 'name'), at: fromOfficeInput(textOf(filled, 'at')), how: textOf(filled, 'how') }),
  }
  const shorten: ServiceAct = {
    title: w.shorten, path: `${path}/shorten`,
    fields: [{ name: 'to', label: w.shortenTo, kind: 'moment', initial: officeInput(Math.min(now, window.endsAt - 60_000)) }, reason],
    body: (filled) => ({ to: fromOfficeInput(textOf(filled, 'to')), reason: textOf(filled, 'reason') }),
  }
  const cancel: ServiceAct = { title: w.cancel, hint: w.cancelHint, path: `${path}/cancel`, look: 'danger', fields: [reason], body: (filled) => ({ reason: textOf(filled, 'reason') }) }
  const acts = window.cancelled ? [] : [...(window.approval === null ? [approve] : []), ...(now < window.endsAt ? [...(now > window.from ? [shorten] : []), cancel] : [])]
  return (
    <article className="card" data-window={window.id}>
      <div className="row spread">
        <strong>
          {[...window.services.map((id) => names.find((one) => one.service === id)?.title ?? id), ...window.objects].join('、')}
        </strong>
        <span>
          {window.afterTheFact && <Tag color="orange">{w.afterTheFact}</Tag>}
          <Tag color={colours[standing]}>{w[standing]}</Tag>
        </span>
      </div>
      <div>
        {timeText(window.from, now)} – {timeText(window.endsAt, now)}
        {window.endsAt !== window.to && <span className="soft">（{w.plannedUntil} {timeText(window.to, now)}）</span>}
      </div>
      <div>{window.reason}</div>
      <div className="soft row">
        <span>{window.id}</span>
        <span>
          {w.by} {window.by}
        </span>
        {window.approval !== null && <span>{fill(w.approvedBy, { name: window.approval.name, at: timeText(window.approval.at, now), how: window.approval.how })}</span>}
      </div>
      <div className="row" style={{ marginTop: 8 }}>
        <ActButtons acts={acts} />
      </div>
    </article>
  )
}
