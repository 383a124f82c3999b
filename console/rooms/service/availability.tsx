import { Drawer, Grid, Segmented } from 'antd'
import { useState } from 'react'
import type { AvailabilityReport, AvailabilityView } from '../../../protocol/api-service.ts'
import { officeInput, timeText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { MonthSteps } from '../../parts/month-steps.tsx'
import { fill, serviceWords, words } from '../../words.ts'
import { Making } from './making.tsx'
import { ServicePage, useService } from './service-page.tsx'
import { type Counted, isUnseen, tone } from './tone.ts'

const w = serviceWords.availability

/** Availability of every service by day, month and contract year. A cell opens what made it. */
export function AvailabilityRoom() {
  const [month, setMonth] = useState<string>()
  const [counted, setCounted] = useState<Counted>('withMaintenance')
  const [open, setOpen] = useState<{ readonly service: string; readonly span: string }>()
  const wide = Grid.useBreakpoint().md === true
  const query = useService<AvailabilityReport>(`/availability${month === undefined ? '' : `?month=${month}`}`)
  return (
    <ServicePage>
      <Loaded query={query}>
        {(report) => (
          <>
            <div className="row spread">
              <MonthSteps month={report.month} first={report.firstMonth} last={report.lastMonth} onPick={setMonth} />
              <Segmented<Counted> value={counted} onChange={setCounted} options={[{ value: 'withMaintenance', label: w.withMaintenance }, { value: 'withoutMaintenance', label: w.withoutMaintenance }]} />
            </div>
            <section className="card">
              <div className="soft row spread">
                <span>{w.clickHint}</span>
                <span>{report.frozen ? w.frozen : `${w.running} ${timeText(report.asOf, report.now)}`}</span>
              </div>
              <AvailabilityTable report={report} counted={counted} onOpen={(service, span) => setOpen({ service, span })} />
              <Legend />
            </section>
            <Drawer open={open !== undefined} onClose={() => setOpen(undefined)} title={w.making} placement={wide ? 'right' : 'bottom'} size={wide ? 560 : '82%'} destroyOnHidden>
              {open !== undefined && <Making month={report.month} service={open.service} span={open.span} days={report.services.find((one) => one.service === open.service)?.days ?? []} />}
            </Drawer>
          </>
        )}
      </Loaded>
    </ServicePage>
  )
}

function AvailabilityTable({ report, counted, onOpen }: { readonly report: AvailabilityReport; readonly counted: Counted; readonly onOpen: (service: string, span: string) => void }) {
  const [first] = report.services
  // The newest day first, and none that has not begun: what people ask for stands beside the totals, the past is scrolled to.
  const today = officeInput(report.asOf).slice(0, 10)
  const past = <T extends { readonly date: string }>(days: readonly T[]): readonly T[] => days.filter((day) => day.date <= today).toReversed()
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={w.days}>
      <table className="availability">
        <thead>
          <tr>
            <th>{w.service}</th>
            <th>{w.wholeMonth}</th>
            <th>{first === undefined ? '' : fill(w.year, { number: first.year.number })}</th>
            {past(first?.days ?? []).map((day) => <th key={day.date}>{Number(day.date.slice(8))}</th>)}
          </tr>
        </thead>
        <tbody>
          {report.services.map((service) => (
            <tr key={service.service} data-service={service.service}>
              <th>
                {service.title}
                <div className="soft">{service.target === null ? w.noTarget : `${w.target} ${targetText(service.target)}`}</div>
              </th>
              <Cell view={service.month} counted={counted} target={service.target} label={`${service.title} ${report.month}`} large onOpen={() => onOpen(service.service, 'month')} />
              <Cell view={service.year} counted={counted} target={service.target} label={`${service.title} ${fill(w.year, { number: service.year.number })}`} large onOpen={() => onOpen(service.service, 'year')} />
              {past(service.days).map((day) => (
                <Cell key={day.date} view={day} counted={counted} target={service.target} label={`${service.title} ${day.date}`} onOpen={() => onOpen(service.service, day.date)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** `99.9%`, as it was set. */
const targetText = (target: number): string => `${Number((target * 100).toFixed(6))}%`

function Cell({ view, counted, target, label, large = false, onOpen }: { readonly view: AvailabilityView; readonly counted: Counted; readonly target: number | null; readonly label: string; readonly large?: boolean; readonly onOpen: () => void }) {
  const figure = view[counted]
  const kind = tone(figure, target)
  const told = kind === 'none' ? w.none : isUnseen(figure) ? w.unseenLong : `${figure.text}，${w.blindBad} ${figure.textBlindBad}`
  return (
    <td>
      <button type="button" className={`cell ${kind}${large ? ' large' : ''}`} title={`${label}：${told}`} aria-label={`${label}：${told}`} onClick={onOpen}>
        {kind === 'none' ? words.none : isUnseen(figure) ? (large ? w.unseen : w.unseenShort) : large ? figure.text : shortText(figure.text)}
        {large && figure.blindMs > 0 && !isUnseen(figure) && <small>{`${w.blindShort} ${figure.textBlindBad}`}</small>}
      </button>
    </td>
  )
}

/** `100`, `99.9`: what fits a day's cell; cut like the whole text, never rounded up. */
const shortText = (text: string): string => (text.startsWith('100') ? '100' : text === words.none ? text : text.slice(0, 4).replace(/\.$/, ''))

function Legend() {
  return (
    <div className="row soft legend">
      {(['good', 'fair', 'bad', 'blind', 'none'] as const).map((kind) => (
        <span key={kind}>
          <i className={`cell ${kind}`} /> {w.legend[kind]}
        </span>
      ))}
    </div>
  )
}
