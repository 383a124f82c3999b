import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { App, Button, Drawer } from 'antd'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import type { IncidentDetail } from '../../../protocol/api.ts'
import type { IncidentChoices, IncidentList } from '../../../protocol/api-incidents.ts'
import { type RequestError, get, post, useSession } from '../../api.ts'
import { fromOfficeInput, officeInput } from '../../format.ts'
import { type Field, type Filled, FormDialog, listOf, numberOf, textOf } from '../../parts/form-dialog.tsx'
import { incidentWords, severityWords } from '../../words.ts'
import { optionsOf, useChoices } from './choices.ts'

type Act = keyof typeof incidentWords.acts

/** In the order of the drawer; an act is offered where the collector says that it may be done. */
const further = ['phone', 'comment', 'work', 'assign', 'unassign', 'root-cause', 'severity', 'recovery', 'confirm-recovery', 'refuse-recovery', 'close', 'reopen', 'merge', 'split'] as const satisfies readonly Act[]

/** The two large buttons of the night, everything else behind one more; on a phone they stay under the thumb. */
export function Acts({ incident, now }: { readonly incident: IncidentDetail; readonly now: number }) {
  const session = useSession()
  const client = useQueryClient()
  const navigate = useNavigate()
  const choices = useChoices()
  const { message } = App.useApp()
  const [chosen, setChosen] = useState<Act>()
  const [more, setMore] = useState(false)
  const open = useQuery({ queryKey: ['incidents', 'to-merge'], queryFn: () => get<IncidentList>('/incidents?state=open&limit=200'), enabled: chosen === 'merge' })
  const act = useMutation<Partial<IncidentDetail>, RequestError, { readonly path: string; readonly body: object }>({
    mutationFn: ({ path, body }) => post(path, body, session.csrf),
    onSuccess: async (answer) => {
      setChosen(undefined)
      await Promise.all(['incidents', 'overview', 'work-log'].map((topic) => client.invalidateQueries({ queryKey: [topic] })))
      // A split is looked at where it went to.
      if (answer.number !== undefined && answer.number !== incident.number) await navigate(`/incidents/${answer.number}`)
    },
    onError: (error) => void message.error(error.message),
  })
  const may = (name: Act): boolean => {
    // Whoever claims it cannot confirm it; the collector refuses that, too.
    if (name === 'confirm-recovery' && incident.claim?.by === session.user) return false
    if (name === 'work') return session.permissions.includes('work.write') && incident.acts.includes('work')
    return session.permissions.includes('incidents.act') && incident.acts.includes(name === 'phone' ? 'acknowledge' : name)
  }
  const offered = further.filter(may)
  if (offered.length === 0 && !may('acknowledge') && !may('dispose')) return null
  const choose = (name: Act): void => {
    setMore(false)
    setChosen(name)
  }
  const fields = chosen === undefined ? [] : fieldsOf(chosen, { incident, choices, now, user: session.user, open: open.data?.incidents ?? [] })
  return (
    <>
      <div className="act-bar">
        {may('acknowledge') && (
          <Button type="primary" danger size="large" onClick={() => choose('acknowledge')}>
            {incidentWords.acts.acknowledge.button}
          </Button>
        )}
        {may('dispose') && (
          <Button type="primary" size="large" onClick={() => choose('dispose')}>
            {incidentWords.acts.dispose.button}
          </Button>
        )}
        <Button size="large" onClick={() => setMore(true)}>
          {incidentWords.moreActs}
        </Button>
      </div>
      <Drawer open={more} placement="bottom" title={incidentWords.moreActs} size="auto" onClose={() => setMore(false)} className="act-drawer">
        <div className="act-list">
          {offered.map((name) => (
            <Button key={name} size="large" block onClick={() => choose(name)}>
              {incidentWords.acts[name].button}
            </Button>
          ))}
        </div>
      </Drawer>
      {chosen !== undefined && (
        <FormDialog
          key={chosen}
          open
          title={incidentWords.acts[chosen].title}
          hint={incidentWords.acts[chosen].hint}
          fields={fields}
          pending={act.isPending}
          danger={chosen === 'acknowledge'}
          {...(chosen === 'acknowledge' ? { okText: incidentWords.mine } : {})}
          onCancel={() => setChosen(undefined)}
          onSubmit={(filled) => act.mutate(requestOf(chosen, incident, filled))}
        />
      )}
    </>
  )
}

interface Around {
  readonly incident: IncidentDetail
  readonly choices: IncidentChoices
  readonly now: number
  readonly user: string
  readonly open: IncidentList['incidents']
}

function fieldsOf(act: Act, { incident, choices, now, user, open }: Around): readonly Field[] {
  const words = incidentWords.fields
  const mine = choices.people.find((one) => one.accounts.includes(user))
  const others = optionsOf(choices.people.filter((one) => one !== mine))
  switch (act) {
    case 'acknowledge':
    case 'unassign':
    case 'confirm-recovery':
      return []
    case 'phone':
      return [{ name: 'calledBy', label: words.calledBy, kind: 'choice', options: others }, { name: 'at', label: words.calledAt, kind: 'moment', initial: officeInput(now) }]
    case 'dispose':
      return [{ name: 'text', label: words.done, kind: 'long' }]
    case 'comment':
    case 'reopen':
    case 'refuse-recovery':
      return [{ name: 'text', label: words.text, kind: 'long' }]
    case 'close':
      return [{ name: 'text', label: words.text, kind: 'long', optional: incident.state === 'recovered' }]
    case 'assign':
      return [{ name: 'to', label: words.to, kind: 'choice', options: [...optionsOf(mine === undefined ? [] : [mine]), ...others] }]
    case 'severity':
      return [
        { name: 'severity', label: words.severity, kind: 'choice', initial: incident.severity, options: (['critical', 'warning', 'info'] as const).map((value) => ({ value, label: severityWords[value] })) },
        { name: 'reason', label: words.reason, kind: 'long' },
      ]
    case 'root-cause':
      return [{ name: 'category', label: words.category, kind: 'choice', options: optionsOf(choices.causeCategories) }, { name: 'text', label: words.text, kind: 'long' }]
    case 'recovery':
      return [
        { name: 'text', label: words.text, kind: 'long' },
        { name: 'confirmedBy', label: words.confirmedBy, kind: 'choice', options: others },
        { name: 'at', label: words.recoveredAt, kind: 'moment', initial: officeInput(now) },
      ]
    case 'merge':
      return [{ name: 'into', label: words.into, kind: 'suggest', options: open.filter((one) => one.number !== incident.number).map((one) => ({ value: one.number, label: `${one.number} ${one.title}` })) }, { name: 'reason', label: words.reason, kind: 'long' }]
    case 'split':
      return [{ name: 'fingerprints', label: words.alerts, kind: 'choices', options: incident.alerts.map((one) => ({ value: one.fingerprint, label: one.summary })) }, { name: 'reason', label: words.reason, kind: 'long' }]
    case 'work':
      return workFields(choices, now, false)
  }
}

/** The fields of an entry of the work log; `alone` where it is not written on an incident. */
export function workFields(choices: IncidentChoices, now: number, alone: boolean): readonly Field[] {
  const words = incidentWords.fields
  return [
    { name: 'kind', label: words.kind, kind: 'choice', initial: alone ? 'inspection' : 'fault', options: optionsOf(choices.workKinds) },
    { name: 'text', label: words.done, kind: 'long' },
    { name: 'minutes', label: words.minutes, kind: 'number', initial: 30, min: 0, max: 1_440, step: 5 },
    { name: 'workedAt', label: words.workedAt, kind: 'moment', initial: officeInput(now) },
    ...(alone
      ? ([
          { name: 'service', label: words.service, kind: 'choice', initial: '', optional: true, options: [{ value: '', label: incidentWords.work.anyService }, ...optionsOf(choices.services)] },
          { name: 'incident', label: words.incident, kind: 'text', optional: true },
        ] as const)
      : []),
  ]
}

/** What an entry of the work log is sent as. */
export function workBody(filled: Filled, service: string | null, incident: string | null): object {
  return { kind: textOf(filled, 'kind'), text: textOf(filled, 'text'), minutes: numberOf(filled, 'minutes'), workedAt: momentOf(filled, 'workedAt'), service, incident }
}

/** The minute is all that the field holds: the current one must not become a time that is still to come, so it is cut off. */
const momentOf = (filled: Filled, name: string): number => fromOfficeInput(textOf(filled, name))

/** The minute in which the fault began is not before it. */
const withinMinute = (at: number, startedAt: number): number => (at < startedAt && startedAt - at < 60_000 ? startedAt : at)

function requestOf(act: Act, incident: IncidentDetail, filled: Filled): { readonly path: string; readonly body: object } {
  const at = (name: string, body: object) => ({ path: `/incidents/${encodeURIComponent(incident.number)}/${name}`, body })
  const [text, reason] = [textOf(filled, 'text'), textOf(filled, 'reason')]
  switch (act) {
    case 'acknowledge':
    case 'unassign':
    case 'confirm-recovery':
      return at(act, {})
    case 'phone':
      return at('acknowledge-by-phone', { calledBy: textOf(filled, 'calledBy'), at: withinMinute(momentOf(filled, 'at'), incident.startedAt) })
    case 'dispose':
    case 'comment':
    case 'reopen':
    case 'close':
    case 'refuse-recovery':
      return at(act, { text })
    case 'assign':
      return at(act, { to: textOf(filled, 'to') })
    case 'severity':
      return at(act, { severity: textOf(filled, 'severity'), reason })
    case 'root-cause':
      return at(act, { category: textOf(filled, 'category'), text })
    case 'recovery':
      return at(act, { text, confirmedBy: textOf(filled, 'confirmedBy'), at: withinMinute(momentOf(filled, 'at'), incident.startedAt) })
    case 'merge':
      return at(act, { into: textOf(filled, 'into'), reason })
    case 'split':
      return at(act, { fingerprints: listOf(filled, 'fingerprints'), reason })
    case 'work':
      return { path: '/work-log', body: workBody(filled, incident.service === '' ? null : incident.service, incident.number) }
  }
}
