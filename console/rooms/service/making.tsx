import { Empty } from 'antd'
import { Link } from 'react-router'
import type { AvailabilityMaking, AvailabilityView, FigureView, Stretch } from '../../../protocol/api-service.ts'
import { durationText, timeText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { fill, serviceWords } from '../../words.ts'
import { DayBars } from './day-bars.tsx'
import { useService } from './service-page.tsx'
import { isUnseen } from './tone.ts'

const w = serviceWords.availability

/** What made one figure: its four readings, the stretches on a line, and each with its incident, reason or approval. */
export function Making({ month, service, span, days }: { readonly month: string; readonly service: string; readonly span: string; readonly days: readonly (AvailabilityView & { readonly date: string })[] }) {
  const query = useService<AvailabilityMaking>(`/availability/${encodeURIComponent(service)}?month=${month}&span=${span}`)
  return (
    <Loaded query={query}>
      {(making) => (
        <div className="grid" data-making={span}>
          <strong>
            {making.title} · {span === 'month' ? month : span === 'year' ? `${timeText(making.from, making.now)} –` : span}
          </strong>
          <Figures figures={making.figures} />
          <div className="soft">{making.hours === null ? w.allDay : fill(w.hours, { time: durationText(making.hours.reduce((sum, one) => sum + one.to - one.from, 0)) })}</div>
          <Strip making={making} />
          {span === 'month' && <DayBars days={days} />}
          <Stretches making={making} />
        </div>
      )}
    </Loaded>
  )
}

function Figures({ figures }: { readonly figures: AvailabilityView }) {
  const rows: readonly (readonly [string, (figure: FigureView) => string])[] = [
    [w.ratio, (one) => (isUnseen(one) ? w.unseen : one.text)],
    [w.blindBad, (one) => (isUnseen(one) ? w.unseen : one.textBlindBad)],
    [w.good, (one) => durationText(one.goodMs)],
    [w.bad, (one) => durationText(one.badMs)],
    [w.blind, (one) => durationText(one.blindMs)],
  ]
  return (
    <table className="plain">
      <thead>
        <tr>
          <th />
          <th>{w.withMaintenance}</th>
          <th>{w.withoutMaintenance}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, show]) => (
          <tr key={name}>
            <th>{name}</th>
            <td>{show(figures.withMaintenance)}</td>
            <td>{show(figures.withoutMaintenance)}</td>
          </tr>
        ))}
        <tr>
          <th>{w.maintenance}</th>
          <td colSpan={2}>{durationText(figures.maintenanceMs)}</td>
        </tr>
      </tbody>
    </table>
  )
}

/** The span as a line, stretches where they lay. Very short ones stay visible. */
function Strip({ making }: { readonly making: AvailabilityMaking }) {
  const whole = making.to - making.from
  const place = ({ from, to }: Stretch) => ({ left: `${((from - making.from) / whole) * 100}%`, width: `max(3px, ${((to - from) / whole) * 100}%)` })
  return (
    <div className="strip" aria-hidden="true">
      {(making.hours ?? [making]).map((one) => <i key={`h${one.from}`} className="good" style={{ ...place(one), width: `${((one.to - one.from) / whole) * 100}%` }} />)}
      {making.maintenance.map((one) => <i key={`m${one.id}${one.from}`} className="maintenance" style={place(one)} />)}
      {making.blind.map((one) => <i key={`b${one.from}${one.object}`} className="blind" style={place(one)} />)}
      {making.bad.map((one) => <i key={`x${one.from}`} className="bad" style={place(one)} />)}
      {making.now < making.to && <i className="future" style={{ left: `${Math.max(0, (making.now - making.from) / whole) * 100}%`, right: 0 }} />}
    </div>
  )
}

function Stretches({ making }: { readonly making: AvailabilityMaking }) {
  const rows = [
    ...making.bad.map((one) => ({ ...one, kind: 'bad' as const, what: one.incidents.map((number) => <Link key={number} to={`/incidents/${encodeURIComponent(number)}`}>{number}</Link>) })),
    ...making.blind.map((one) => ({ ...one, kind: 'blind' as const, what: [<span key="w">{w.why[one.why]}{one.object === '' ? '' : `（${one.object}）`}</span>] })),
    ...making.maintenance.map((one) => ({ ...one, kind: 'maintenance' as const, what: [<span key="m">{`${one.id} ${one.reason}，${fill(w.approvedBy, { name: one.approver })}`}</span>] })),
  ].sort((a, b) => a.from - b.from)
  if (rows.length === 0) return <Empty description={w.nothing} />
  return (
    <div className="stretches">
      {rows.map((row) => (
        <div key={`${row.kind}${row.from}${row.to}`} className="row">
          <i className={`mark ${row.kind}`} />
          <span style={{ minWidth: 62 }}>{row.kind === 'bad' ? w.bad : row.kind === 'blind' ? w.blind : w.maintenance}</span>
          <span>
            {timeText(row.from, making.now)} – {timeText(row.to, making.now)}
          </span>
          <span className="soft">{durationText(row.to - row.from)}</span>
          <span className="row">{row.what}</span>
        </div>
      ))}
    </div>
  )
}
