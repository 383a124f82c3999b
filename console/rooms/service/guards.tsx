import { App, Button, Empty, Tag } from 'antd'
import { useState } from 'react'
import type { GuardView, ZeroReportView } from '../../../protocol/api-service.ts'
import { useNow, useSession } from '../../api.ts'
import { countdownText, fromOfficeInput, officeInput, timeText } from '../../format.ts'
import { FormDialog, listOf, numberOf, textOf } from '../../parts/form-dialog.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { fill, serviceWords } from '../../words.ts'
import { ServicePage, useAct, useService, useServiceNames } from './service-page.tsx'

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
  const session = useSession()
  const names = useServiceNames()
  const { message } = App.useApp()
  const [open, setOpen] = useState(false)
  const act = useAct(() => setOpen(false))
  if (!session.permissions.includes('service.write')) return null
  const start = Math.ceil(now / HOUR) * HOUR
  return (
    <>
      <Button type="primary" onClick={() => setOpen(true)}>
        {w.add}
      </Button>
      <FormDialog
        open={open} title={w.add} pending={act.isPending}
        fields={[
          { name: 'title', label: w.name, kind: 'text' },
          { name: 'from', label: w.from, kind: 'moment', initial: officeInput(start) },
          { name: 'to', label: w.to, kind: 'moment', initial: officeInput(start + 72 * HOUR) },
          { name: 'services', label: w.services, kind: 'choices', optional: true, options: names.map(({ service, title }) => ({ value: service, label: title })) },
          { name: 'threshold', label: w.threshold, kind: 'number', min: 0.01, max: 1, step: 0.1, initial: 0.8 },
          { name: 'step', label: w.step, kind: 'number', min: 0.01, max: 1, step: 0.1, initial: 0.5 },
          { name: 'times', label: w.times, kind: 'text', optional: true, initial: '08:00, 20:00' },
          { name: 'grace', label: w.grace, kind: 'number', min: 0, max: 720, initial: 30 },
          { name: 'lead', label: w.lead, kind: 'number', min: 0, max: 720, initial: 60 },
        ]}
        onCancel={() => setOpen(false)}
        onSubmit={(filled) => {
          const times = textOf(filled, 'times').split(/[,，、\s]+/).filter((one) => one !== '')
          if (times.some((one) => !/^([01]\d|2[0-3]):[0-5]\d$/.test(one))) return void message.error(w.timesWrong)
          act.mutate({ path: '/guards', body: { title: textOf(filled, 'title'), from: fromOfficeInput(textOf(filled, 'from')), to: fromOfficeInput(textOf(filled, 'to')), services: listOf(filled, 'services'), thresholdFactor: numberOf(filled, 'threshold'), stepFactor: numberOf(filled, 'step'), zeroReports: { times, graceMinutes: numberOf(filled, 'grace'), leadMinutes: numberOf(filled, 'lead') } } })
        }}
      />
    </>
  )
}

/** Where a report stands by this second's clock: the list was read up to a minute ago. */
function standingOf(report: ZeroReportView, now: number): ZeroReportView['state'] {
  return report.filed !== null ? 'filed' : now > report.lateAt ? 'late' : now >= report.opensAt ? 'due' : 'upcoming'
}

function GuardCard({ guard, now }: { readonly guard: GuardView; readonly now: number }) {
  const session = useSession()
  const names = useServiceNames()
  const [ending, setEnding] = useState(false)
  const [filing, setFiling] = useState<ZeroReportView>()
  const act = useAct(() => {
    setEnding(false)
    setFiling(undefined)
  })
  const writes = session.permissions.includes('service.write')
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
            {writes && (
              <Button type="primary" danger={late} onClick={() => setFiling(report)}>
                {w.file}
              </Button>
            )}
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
      {writes && state !== 'over' && (
        <div style={{ marginTop: 8 }}>
          <Button onClick={() => setEnding(true)}>{w.end}</Button>
        </div>
      )}
      <FormDialog open={ending} title={w.end} danger pending={act.isPending} fields={[{ name: 'reason', label: w.reason, kind: 'long' }]} onCancel={() => setEnding(false)} onSubmit={(filled) => act.mutate({ path: `/guards/${encodeURIComponent(guard.id)}/end`, body: { reason: textOf(filled, 'reason') } })} />
      {filing !== undefined && <FormDialog open title={fill(w.fileTitle, { at: timeText(filing.dueAt, now) })} pending={act.isPending} fields={[{ name: 'text', label: w.fileText, kind: 'long', initial: w.fileDefault }]} onCancel={() => setFiling(undefined)} onSubmit={(filled) => act.mutate({ path: `/guards/${encodeURIComponent(guard.id)}/zero-reports`, body: { dueAt: filing.dueAt, text: textOf(filled, 'text') } })} />}
    </article>
  )
}
