import { App, Empty, Tag } from 'antd'
import type { GuardView, ZeroReportView } from '../../../protocol/api-service.ts'
import { useNow } from '../../api.ts'
import { countdownText, fromOfficeInput, officeInput, timeText } from '../../format.ts'
import { listOf, numberOf, textOf } from '../../parts/form-dialog.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { fill, serviceWords } from '../../words.ts'
import { ActButtons } from './act-buttons.tsx'
import type { ServiceAct } from './act-buttons.tsx'
import { ServicePage, useService, useServiceNames } from './service-page.tsx'

const w = serviceWords.guards
const HOUR = 3_600_000
const colours = { planned: 'gold', running: 'red', over: 'default' } as const satisfies Record<GuardView['state'], string>

/** Guard periods, each with its next zero report and the time left for it. */
export function GuardsRoom() {
  const query = useService<{ now: number; guards: readonly GuardView[] }>('/guards')
  const now = useNow(query.data?.now)
  return (
    <ServicePage>
      <div className="row spread">
        <span className="soft">{w.silences}</span>
        <Declare now={now} />
      </div>
      <Loaded query={query}>{({ guards }) => (guards.length === 0 ? <Empty className="card" description={w.none} /> : guards.map((one) => <GuardCard key={one.id} guard={one} now={now} />))}</Loaded>
    </ServicePage>
  )
}

function Declare({ now }: { readonly now: number }) {
  const names = useServiceNames()
  const { message } = App.useApp()
  const start = Math.ceil(now / HOUR) * HOUR
  const declare: ServiceAct = {
    title: w.add, path: '/guards', look: 'primary',
    fields: [
      { name: 'title', label: w.name, kind: 'text' },
      { name: 'from', label: w.from, kind: 'moment', initial: officeInput(start) },
      { name: 'to', label: w.to, kind: 'moment', initial: officeInput(start + 72 * HOUR) },
      { name: 'services', label: w.services, kind: 'choices', optional: true, options: names.map(({ service, title }) => ({ value: service, label: title })) },
      { name: 'threshold', label: w.threshold, kind: 'number', min: 0.01, max: 1, step: 0.1, initial: 0.8 },
      { name: 'step', label: w.step, kind: 'number', min: 0.01, max: 1, step: 0.1, initial: 0.5 },
      { name: 'times', label: w.times, kind: 'text', optional: true, initial: '08:00, 20:00' },
      { name: 'grace', label: w.grace, kind: 'number', min: 0, max: 720, initial: 30 },
      { name: 'lead', label: w.lead, kind: 'number', min: 0, max: 720, initial: 60 },
    ],
    body(filled) {
      const times = textOf(filled, 'times').split(/[,，、\s]+/).filter((one) => one !== '')
      if (times.some((one) => !/^([01]\d|2[0-3]):[0-5]\d$/.test(one))) return void message.error(w.timesWrong)
      return {
        title: textOf(filled, 'title'), from: fromOfficeInput(textOf(filled, 'from')), to: fromOfficeInput(textOf(filled, 'to')), services: listOf(filled, 'services'),
        thresholdFactor: numberOf(filled, 'threshold'), stepFactor: numberOf(filled, 'step'), zeroReports: { times, graceMinutes: numberOf(filled, 'grace'), leadMinutes: numberOf(filled, 'lead') },
      }
    },
  }
  return <ActButtons acts={[declare]} />
}

/** Where a report stands by this second's clock: the list was read up to a minute ago. */
function standingOf(report: ZeroReportView, now: number): ZeroReportView['state'] {
  return report.filed !== null ? 'filed' : now > report.lateAt ? 'late' : now >= report.opensAt ? 'due' : 'upcoming'
}

function GuardCard({ guard, now }: { readonly guard: GuardView; readonly now: number }) {
  const names = useServiceNames()
  const path = `/guards/${encodeURIComponent(guard.id)}`
  const file = (report: ZeroReportView): ServiceAct => ({
    title: w.file, heading: fill(w.fileTitle, { at: timeText(report.dueAt, now) }), path: `${path}/zero-reports`, look: standingOf(report, now) === 'late' ? 'urgent' : 'primary',
    fields: [{ name: 'text', label: w.fileText, kind: 'long', initial: w.fileDefault }],
    body: (filled) => ({ dueAt: report.dueAt, text: textOf(filled, 'text') }),
  })
  const end: ServiceAct = { title: w.end, path: `${path}/end`, look: 'danger', fields: [{ name: 'reason', label: w.reason, kind: 'long' }], body: (filled) => ({ reason: textOf(filled, 'reason') }) }
  const state = now >= guard.to ? 'over' : now >= guard.from ? 'running' : 'planned'
  const owed = guard.reports.filter((one) => ['due', 'late'].includes(standingOf(one, now)))
  const next = guard.reports.find((one) => standingOf(one, now) === 'upcoming')
  return (
    <article className={`card incident ${owed.some((one) => standingOf(one, now) === 'late') ? 'severity-critical' : owed.length > 0 ? 'severity-warning' : ''}`} data-guard={guard.id}>
      <div className="row spread">
        <strong>{guard.title}</strong>
        <Tag color={colours[state]}>{w.states[state]}</Tag>
      </div>
      <div>
        {timeText(guard.from, now)} – {timeText(guard.to, now)}
      </div>
      <div className="soft row">
        <span>{guard.services.length === 0 ? w.all : guard.services.map((id) => names.find((one) => one.service === id)?.title ?? id).join('、')}</span>
        <span>{fill(w.factors, { threshold: guard.thresholdFactor, step: guard.stepFactor })}</span>
        <span>{guard.id}</span>
      </div>
      {owed.map((report) => {
        const late = standingOf(report, now) === 'late'
        return (
          <div key={report.dueAt} className="row owed" data-report={standingOf(report, now)}>
            <strong className={late ? 'critical' : 'warning'}>
              {w.reports} {timeText(report.dueAt, now)}：{late ? `${w.overdue} ${countdownText(now - report.lateAt)}` : `${w.untilLate} ${countdownText(report.lateAt - now)}`}
            </strong>
            <ActButtons acts={[file(report)]} />
          </div>
        )
      })}
      {next !== undefined && state !== 'over' && (
        <div className="soft">
          {w.next} {timeText(next.dueAt, now)}，{w.opensIn} {countdownText(next.opensAt - now)}
        </div>
      )}
      <details>
        <summary className="soft">
          {w.reports} {guard.reports.filter((one) => one.filed !== null).length} / {guard.reports.length}
        </summary>
        {guard.reports.length === 0 && <div className="soft">{w.noReports}</div>}
        {guard.reports.map((report) => {
          const standing = standingOf(report, now)
          return (
            <div key={report.dueAt} className="row">
              <span>{timeText(report.dueAt, now)}</span>
              <span className={standing === 'late' ? 'critical' : standing === 'filed' ? (report.filed?.late === true ? 'warning' : 'good') : 'soft'}>{report.filed?.late === true ? w.filedLate : w.report[standing]}</span>
              {report.filed !== null && (
                <span className="soft">
                  {report.filed.by} {timeText(report.filed.at, now)} {report.filed.text}
                </span>
              )}
            </div>
          )
        })}
      </details>
      {state !== 'over' && (
        <div style={{ marginTop: 8 }}>
          <ActButtons acts={[end]} />
        </div>
      )}
    </article>
  )
}
