import { Alert, Button, Collapse, Empty, Table, Tag } from 'antd'
import { useState } from 'react'
import { Link, useParams } from 'react-router'
import type { BookEntryView, MonthView, RatesView, ServiceAvailabilityView } from '../../../protocol/api-service.ts'
import { useSession } from '../../api.ts'
import { durationText, fromOfficeInput, officeInput, timeText } from '../../format.ts'
import { FormDialog, textOf } from '../../parts/form-dialog.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { SeverityTag } from '../../parts/severity.tsx'
import { clockWords, fill, serviceWords, words } from '../../words.ts'
import { monthColours } from './months.tsx'
import { ServicePage, useAct, useService } from './service-page.tsx'
import { type Counted, isUnseen } from './tone.ts'

const w = serviceWords.months
const clocks = ['respond', 'dispose', 'recover'] as const

/** One month's page: what is frozen of it, availability, the SLA book, requests, work log, corrections. */
export function MonthRoom() {
  const { month = '' } = useParams()
  const query = useService<MonthView>(`/months/${encodeURIComponent(month)}`)
  return (
    <ServicePage>
      <Link to="/service/months">← {w.back}</Link>
      <Loaded query={query}>{(view) => <MonthPage view={view} />}</Loaded>
    </ServicePage>
  )
}

function MonthPage({ view }: { readonly view: MonthView }) {
  return (
    <>
      <section className="card">
        <div className="row spread">
          <h1 style={{ margin: 0 }}>
            {view.month} <Tag color={monthColours[view.state]}>{w.state[view.state]}</Tag>
          </h1>
          <Freeze view={view} />
        </div>
        {view.frozen !== null && (
          <div className="frozen">
            <div>
              {fill(w.frozenBy, { who: view.frozen.by })} {timeText(view.frozen.at, view.now)}
            </div>
            {view.frozen.forced !== null && <Alert type="warning" showIcon title={`${w.forcedBecause}${view.frozen.forced}`} />}
            <div className="soft">{w.hash}</div>
            <code data-hash>{view.frozen.hash}</code>
            <div className="soft">
              {w.previousHash} <code>{view.frozen.previousHash.slice(0, 16)}…</code>
            </div>
          </div>
        )}
      </section>
      <Availability view={view} />
      <Book view={view} />
      <section className="card">
        <strong>{w.requests}</strong>
        <Table size="small" pagination={false} rowKey="kind" scroll={{ x: 'max-content' }} style={{ marginTop: 8 }} dataSource={[...view.requests]} columns={[
          { title: w.kind, dataIndex: 'kind', render: (kind: MonthView['requests'][number]['kind']) => serviceWords.requests.kinds[kind] },
          { title: w.received, dataIndex: 'received' },
          { title: w.done, dataIndex: 'done' },
          { title: w.refused, dataIndex: 'refused' },
          { title: w.left, dataIndex: 'pending' },
          { title: w.minutes, dataIndex: 'minutes', render: (minutes: number) => durationText(minutes * 60_000) },
        ]} />
      </section>
      <section className="card">
        <strong>{w.workLog}</strong>
        <div className="row soft">
          {view.workLog.kinds.map((one) => (
            <span key={one.kind}>{fill(w.workKind, { kind: one.title, count: one.count, minutes: one.minutes })}</span>
          ))}
        </div>
        <Collapse ghost items={[{ key: 'lines', label: `${fill(w.workLogCount, { count: view.workLog.count, minutes: view.workLog.minutes })}${view.workLog.count > view.workLog.lines.length ? w.newest : ''}`, children: <WorkLines view={view} /> }]} />
      </section>
      {view.frozen !== null && <Annotations view={view} />}
    </>
  )
}

function Freeze({ view }: { readonly view: MonthView }) {
  const session = useSession()
  const [open, setOpen] = useState(false)
  const act = useAct(() => setOpen(false))
  if (view.state !== 'over' || !session.permissions.includes('months.freeze')) return null
  return (
    <>
      <Button type="primary" onClick={() => setOpen(true)}>
        {w.freeze}
      </Button>
      <FormDialog open={open} title={fill(w.freezeTitle, { month: view.month })} hint={w.freezeHint} pending={act.isPending} danger fields={[{ name: 'forced', label: w.forced, kind: 'long', optional: true }]} onCancel={() => setOpen(false)} onSubmit={(filled) => act.mutate({ path: `/months/${view.month}/freeze`, body: { forced: textOf(filled, 'forced') === '' ? null : textOf(filled, 'forced') } })} />
    </>
  )
}

/** Every figure twice, maintenance counted and left out, and each with blind time counted as bad beside it. */
function Availability({ view }: { readonly view: MonthView }) {
  const a = serviceWords.availability
  const [first] = view.services
  const columns = (counted: Counted) => [
    { title: a.ratio, render: (_: unknown, one: ServiceAvailabilityView) => <strong>{isUnseen(one.month[counted]) ? a.unseen : one.month[counted].text}</strong> },
    { title: a.blindBad, render: (_: unknown, one: ServiceAvailabilityView) => isUnseen(one.month[counted]) ? a.unseen : one.month[counted].textBlindBad },
    { title: a.bad, render: (_: unknown, one: ServiceAvailabilityView) => durationText(one.month[counted].badMs) },
    { title: a.blind, render: (_: unknown, one: ServiceAvailabilityView) => durationText(one.month[counted].blindMs) },
  ]
  return (
    <section className="card">
      <strong>{serviceWords.tabs.availability}</strong>
      <Table size="small" pagination={false} rowKey="service" scroll={{ x: 'max-content' }} style={{ marginTop: 8 }} dataSource={[...view.services]} columns={[
        { title: a.service, dataIndex: 'title', fixed: 'left' },
        { title: a.withMaintenance, children: columns('withMaintenance') },
        { title: a.withoutMaintenance, children: columns('withoutMaintenance') },
        { title: a.maintenance, render: (_, one) => durationText(one.month.maintenanceMs) },
        {
          title: first === undefined ? '' : fill(a.year, { number: first.year.number }),
          children: (['withMaintenance', 'withoutMaintenance'] as const).map((counted) => ({ title: a[counted], render: (_: unknown, one: ServiceAvailabilityView) => isUnseen(one.year[counted]) ? a.unseen : `${one.year[counted].text}（${a.blindShort} ${one.year[counted].textBlindBad}）` })),
        },
      ]} />
    </section>
  )
}

function Book({ view }: { readonly view: MonthView }) {
  const { overall, entries } = view.book
  return (
    <section className="card">
      <strong>{w.book}</strong>
      <div className="grid charts" style={{ marginTop: 8 }}>
        <Rates title={serviceWords.availability.withMaintenance} rates={overall.withMaintenance} />
        <Rates title={serviceWords.availability.withoutMaintenance} rates={overall.withoutMaintenance} />
      </div>
      {entries.length === 0 ? <Empty description={w.noIncidents} /> : entries.map((entry) => <Entry key={entry.number} entry={entry} title={view.services.find((one) => one.service === entry.service)?.title ?? entry.service} now={view.now} />)}
    </section>
  )
}

function Rates({ title, rates }: { readonly title: string; readonly rates: RatesView }) {
  return (
    <table className="plain">
      <thead>
        <tr>
          <th>
            {title}
            <div className="soft">
              {w.incidents} {rates.incidents}
            </div>
          </th>
          <th>{w.met}</th>
          <th>{w.breached}</th>
          <th>{w.pending}</th>
          <th>{w.rate}</th>
        </tr>
      </thead>
      <tbody>
        {clocks.map((clock) => (
          <tr key={clock}>
            <th>{clockWords[clock]}</th>
            <td>{rates[clock].met}</td>
            <td className={rates[clock].breached > 0 ? 'critical' : ''}>{rates[clock].breached}</td>
            <td>{rates[clock].pending}</td>
            <td>{rateText(rates[clock])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Cut, not rounded: one breach among thousands never reads 100%. */
const rateText = ({ met, breached }: { readonly met: number; readonly breached: number }): string => (met + breached === 0 ? words.none : `${(Math.floor((met * 1_000) / (met + breached)) / 10).toFixed(1)}%`)

function Entry({ entry, title, now }: { readonly entry: BookEntryView; readonly title: string; readonly now: number }) {
  return (
    <div className={`entry ${entry.excluded === null ? '' : 'soft'}`} data-entry={entry.number}>
      <div className="row">
        <Link to={`/incidents/${encodeURIComponent(entry.number)}`}>{entry.number}</Link>
        <SeverityTag severity={entry.severity} />
        <span>
          {title} {entry.object}
        </span>
        <span className="soft">
          {timeText(entry.from, now)} – {entry.to === null ? w.stillOpen : timeText(entry.to, now)}
        </span>
        {entry.maintenance !== null && (
          <Tag>
            {w.inMaintenance} {entry.maintenance}
          </Tag>
        )}
        {entry.excluded !== null && <Tag>{fill(w.excluded, { why: entry.excluded })}</Tag>}
        {entry.blindSeconds > 0 && <span className="soft">{fill(w.blind, { time: durationText(entry.blindSeconds * 1_000) })}</span>}
      </div>
      <div className="row">
        {entry.clocks.map((clock) => (
          <span key={clock.name} className={clock.outcome === 'breached' ? 'critical' : clock.outcome === 'met' ? 'good' : 'soft'}>
            {clockWords[clock.name]} {durationText(clock.usedSeconds * 1_000)} / {durationText(clock.limitSeconds * 1_000)} {clock.outcome === 'breached' ? fill(w.over, { time: durationText(clock.overSeconds * 1_000) }) : clock.outcome === 'met' ? w.met : w.pending}
          </span>
        ))}
      </div>
    </div>
  )
}

function WorkLines({ view }: { readonly view: MonthView }) {
  return view.workLog.lines.map((line, index) => (
    <div key={`${line.at}-${line.reference}-${index}`} className="row">
      <span className="soft">{timeText(line.at, view.now)}</span>
      <span>{line.by}</span>
      <span className="soft">{line.reference}</span>
      <span>{line.text}</span>
      {line.minutes > 0 && <span className="soft">{durationText(line.minutes * 60_000)}</span>}
    </div>
  ))
}

/** The figures of a month that are corrected in practice, by the path that leads to them. */
function correctable(view: MonthView): readonly { readonly value: string; readonly label: string }[] {
  const a = serviceWords.availability
  return [
    ...view.services.flatMap((service, index) =>
      (['withMaintenance', 'withoutMaintenance'] as const).flatMap((counted) =>
        ([['badMs', a.bad], ['blindMs', a.blind], ['goodMs', a.good]] as const).map(([key, name]) => ({ value: `services.${index}.month.${counted}.${key}`, label: `${service.title} ${name}${w.duration}（${a[counted]}）` })),
      ),
    ),
    ...(['withMaintenance', 'withoutMaintenance'] as const).flatMap((counted) => clocks.flatMap((clock) => (['met', 'breached'] as const).map((key) => ({ value: `book.overall.${counted}.${clock}.${key}`, label: `${clockWords[clock]}${w[key]}（${a[counted]}）` })))),
    ...view.requests.flatMap((one, index) => (['received', 'done', 'refused', 'pending', 'minutes'] as const).map((key) => ({ value: `requests.${index}.${key}`, label: `${serviceWords.requests.kinds[one.kind]} ${key === 'pending' ? w.left : w[key]}` }))),
  ]
}

function Annotations({ view }: { readonly view: MonthView }) {
  const session = useSession()
  const [open, setOpen] = useState(false)
  const act = useAct(() => setOpen(false))
  const figures = correctable(view)
  const shown = (path: string, value: string | number | null): string => (value === null ? words.none : path.endsWith('Ms') && typeof value === 'number' ? `${durationText(value)}（${value / 1_000} 秒）` : String(value))
  return (
    <section className="card">
      <div className="row spread">
        <strong>{w.annotations}</strong>
        {session.permissions.includes('months.freeze') && <Button onClick={() => setOpen(true)}>{w.annotate}</Button>}
      </div>
      {view.annotations.length === 0 && <div className="soft">{w.noAnnotations}</div>}
      {view.annotations.map((one) => (
        <div key={one.seq} className="entry">
          <div>
            {one.entry !== null ? fill(w.lateEntry, { at: timeText(one.entry.at, view.now) }) : (figures.find((figure) => figure.value === one.path)?.label ?? one.path)}：{w.original} {shown(one.path, one.original)} → {w.correctedTo} <strong>{shown(one.path, one.corrected)}</strong>
          </div>
          <div>{one.reason}</div>
          <div className="soft row">
            <span>
              {one.actor} {timeText(one.at, view.now)}
            </span>
            {one.approval !== null && <span>{fill(serviceWords.windows.approvedBy, { name: one.approval.name, at: timeText(one.approval.at, view.now), how: one.approval.how })}</span>}
            <code>{one.hash.slice(0, 16)}…</code>
          </div>
        </div>
      ))}
      <FormDialog
        open={open} title={fill(w.annotateTitle, { month: view.month })} hint={w.annotateHint} pending={act.isPending}
        fields={[
          { name: 'path', label: w.figure, kind: 'choice', options: figures },
          { name: 'corrected', label: w.corrected, kind: 'number', min: 0 },
          { name: 'reason', label: serviceWords.windows.reason, kind: 'long' },
          { name: 'name', label: serviceWords.windows.approver, kind: 'text' },
          { name: 'at', label: serviceWords.windows.approvedAt, kind: 'moment', initial: officeInput(view.now) },
          { name: 'how', label: serviceWords.windows.how, kind: 'text' },
        ]}
        onCancel={() => setOpen(false)}
        onSubmit={(filled) => {
          const path = textOf(filled, 'path')
          const value = Number(filled['corrected'])
          act.mutate({ path: `/months/${view.month}/annotations`, body: { path, corrected: path.endsWith('Ms') ? Math.round(value * 1_000) : value, reason: textOf(filled, 'reason'), approval: { name: textOf(filled, 'name'), at: fromOfficeInput(textOf(filled, 'at')), how: textOf(filled, 'how') } } })
        }}
      />
    </section>
  )
}
