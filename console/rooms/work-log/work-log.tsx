import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Alert, App, Button, Empty, Select, Tag } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router'
import type { Overview } from '../../../protocol/api.ts'
import type { WorkLog, WorkView } from '../../../protocol/api-incidents.ts'
import { type RequestError, post, useLive, useNow, useSession } from '../../api.ts'
import { clockText, daysAfter, durationText, minuteText, officeDay, startOfDay } from '../../format.ts'
import { FormDialog, textOf } from '../../parts/form-dialog.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { incidentWords } from '../../words.ts'
import { workBody, workFields } from '../incidents/acts.tsx'
import { optionsOf, useChoices, usePeople } from '../incidents/choices.ts'

/** Written more than a day after the work was done. */
const LATE_MS = 86_400_000

/** The work log, a day at a time, with a form for what was done without an incident. */
export function WorkLogRoom() {
  return (
    <App className="grid">
      <Day />
    </App>
  )
}

function Day() {
  const session = useSession()
  const client = useQueryClient()
  const choices = useChoices()
  const people = usePeople()
  const overview = useLive<Overview>('overview', '/overview')
  const now = useNow(overview.data?.now)
  const { message } = App.useApp()
  const today = officeDay(now)
  const [chosen, setChosen] = useState<string>()
  const [kind, setKind] = useState<string>()
  const [by, setBy] = useState<string>()
  const [adding, setAdding] = useState(false)
  const day = chosen ?? today
  const asked = new URLSearchParams({ from: String(startOfDay(day)), to: String(startOfDay(daysAfter(day, 1))), ...(kind === undefined ? {} : { kind }), ...(by === undefined ? {} : { by }) })
  const query = useLive<WorkLog>('work-log', `/work-log?${asked.toString()}`)
  const add = useMutation<{ id: number }, RequestError, object>({
    mutationFn: (body) => post('/work-log', body, session.csrf),
    onSuccess: async () => {
      setAdding(false)
      await Promise.all(['work-log', 'incidents'].map((topic) => client.invalidateQueries({ queryKey: [topic] })))
    },
    onError: (error) => void message.error(error.message),
  })
  const words = incidentWords.work
  return (
    <>
      <div className="row spread">
        <h1 style={{ margin: 0 }}>{incidentWords.workLog}</h1>
        {session.permissions.includes('work.write') && (
          <Button type="primary" onClick={() => setAdding(true)}>
            {words.add}
          </Button>
        )}
      </div>
      <div className="row">
        <span className="row day-steps">
          <Button aria-label={words.previous} onClick={() => setChosen(daysAfter(day, -1))}>
            ‹
          </Button>
          <input type="date" aria-label={incidentWords.workLog} className="day-input" value={day} max={today} onChange={(event) => setChosen(event.target.value === '' ? undefined : event.target.value)} />
          <Button aria-label={words.following} disabled={day >= today} onClick={() => setChosen(daysAfter(day, 1))}>
            ›
          </Button>
          <Button disabled={day === today} onClick={() => setChosen(undefined)}>
            {words.today}
          </Button>
        </span>
        <Select allowClear placeholder={words.kind} aria-label={words.kind} style={{ minWidth: 120 }} value={kind} onChange={setKind} options={optionsOf(choices.workKinds)} />
        <Select allowClear placeholder={words.by} aria-label={words.by} style={{ minWidth: 120 }} value={by} onChange={setBy} options={[...new Set([...(by === undefined ? [] : [by]), session.user, ...people, ...(query.data?.entries ?? []).map((one) => one.by)])].map((value) => ({ value, label: value }))} showSearch />
      </div>
      <Loaded query={query}>
        {(data) => {
          const { entries } = data
          return (
            <>
              {data.more && <Alert type="info" showIcon title={words.more.replace('{count}', String(data.entries.length))} />}
              <section className="card">
                {entries.length === 0 ? (
                  <Empty description={words.none} />
                ) : (
                  <>
                    <div className="soft">{words.total.replace('{count}', String(entries.length)).replace('{time}', durationText(entries.reduce((sum, one) => sum + one.minutes, 0) * 60_000))}</div>
                    {entries.map((one) => (
                      <Entry key={one.id} entry={one} kind={choices.workKinds.find((known) => known.name === one.kind)?.title ?? one.kind} service={choices.services.find((known) => known.name === one.service)?.title ?? one.service} />
                    ))}
                  </>
                )}
              </section>
            </>
          )
        }}
      </Loaded>
      {adding && (
        <FormDialog
          open
          title={words.add}
          fields={workFields(choices, now, true)}
          pending={add.isPending}
          onCancel={() => setAdding(false)}
          onSubmit={(filled) => {
            const [service, incident] = [textOf(filled, 'service'), textOf(filled, 'incident')]
            add.mutate(workBody(filled, service === '' ? null : service, incident === '' ? null : incident))
          }}
        />
      )}
    </>
  )
}

function Entry({ entry, kind, service }: { readonly entry: WorkView; readonly kind: string; readonly service: string | null }) {
  return (
    <article className="work-entry" data-work={entry.id}>
      <div className="row">
        <strong>{clockText(entry.workedAt)}</strong>
        <Tag>{kind}</Tag>
        <span>{entry.by}</span>
        <span className="soft">{incidentWords.minutes.replace('{count}', String(entry.minutes))}</span>
        {entry.incident !== null && <Link to={`/incidents/${entry.incident}`}>{entry.incident}</Link>}
        {service !== null && <span className="soft">{service}</span>}
      </div>
      <div className="wrap">{entry.text}</div>
      {entry.recordedAt - entry.workedAt > LATE_MS && <div className="soft">{incidentWords.work.late.replace('{at}', minuteText(entry.recordedAt))}</div>}
    </article>
  )
}
