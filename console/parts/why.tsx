import { useQuery } from '@tanstack/react-query'
import { Alert, Button, Modal, Select } from 'antd'
import { useState } from 'react'
import type { Explanation, WhyLine, WhyReason, WhyRoute } from '../../protocol/api-notify.ts'
import { type RequestError, get } from '../api.ts'
import { fromOfficeInput, officeInput, timeText } from '../format.ts'
import { fill, notifyWords } from '../words.ts'
import { Loaded } from './loaded.tsx'

const w = notifyWords.why

interface AskedAlert {
  readonly fingerprint: string
  readonly title: string
  readonly startedAt: number
}

/** What is asked about: an alert; an incident, or one of its alerts; a message; a silence. */
export type WhyAbout =
  | { readonly kind: 'alert'; readonly alert: AskedAlert }
  | { readonly kind: 'incident'; readonly number: string; readonly title: string; readonly startedAt: number; readonly alerts: readonly AskedAlert[] }
  | { readonly kind: 'notification' | 'silence'; readonly id: string }

/** The button 为什么响／没响 and its answer. */
export function WhyButton({ about, now, label = w.button, size = 'middle' }: { readonly about: WhyAbout; readonly now: number; readonly label?: string; readonly size?: 'small' | 'middle' | 'large' }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button size={size} onClick={() => setOpen(true)}>
        {label}
      </Button>
      {open && (
        <Modal open footer={null} width={760} title={label === w.button ? w.title : label} onCancel={() => setOpen(false)}>
          <Why about={about} now={now} />
        </Modal>
      )}
    </>
  )
}

function Why({ about, now }: { readonly about: WhyAbout; readonly now: number }) {
  const choices = choicesOf(about)
  const [chosen, setChosen] = useState(0)
  // undefined: now, by the collector's clock; this one may be a second behind what has just happened.
  const [moment, setMoment] = useState<number>()
  const choice = choices[chosen]
  const subject = choice?.subject ?? ''
  const query = useQuery<Explanation, RequestError>({ queryKey: ['notify', 'explain', subject, moment], queryFn: () => get(`/explain?${subject}${moment === undefined ? '' : `&at=${Math.round(moment)}`}`), retry: false })
  const pick = (text: string): void => {
    const minute = fromOfficeInput(text)
    // A minute is meant whole: what happened in its last second belongs to it.
    if (!Number.isNaN(minute)) setMoment(Math.min(minute + 59_999, Math.max(now, minute)))
  }
  return (
    <div className="grid">
      {choices.length > 1 && <Select aria-label={w.alert} value={chosen} onChange={setChosen} options={choices.map(({ title }, index) => ({ value: index, label: title }))} style={{ width: '100%' }} />}
      {about.kind !== 'notification' && (
        <div className="row">
          <label className="row">
            {w.at}
            <input type="datetime-local" className="day-input" aria-label={w.at} value={officeInput(moment ?? now)} onChange={(event) => pick(event.target.value)} />
          </label>
          <Button size="small" onClick={() => setMoment(undefined)}>
            {w.now}
          </Button>
          {choice?.startedAt !== undefined && (
            <Button size="small" onClick={() => setMoment(Math.min(now, (choice.startedAt ?? now) + 60_000))}>
              {w.started}
            </Button>
          )}
        </div>
      )}
      <Loaded query={query}>{(found) => <Answer found={found} now={now} />}</Loaded>
    </div>
  )
}

interface Choice {
  readonly subject: string
  readonly title: string
  readonly startedAt: number | undefined
}

function choicesOf(about: WhyAbout): readonly Choice[] {
  const ofAlert = ({ fingerprint, title, startedAt }: AskedAlert): Choice => ({ subject: `alert=${encodeURIComponent(fingerprint)}`, title: `${w.alert} ${title}`, startedAt })
  switch (about.kind) {
    case 'alert':
      return [ofAlert(about.alert)]
    case 'incident':
      return [{ subject: `incident=${encodeURIComponent(about.number)}`, title: `${w.incident} ${about.title}`, startedAt: about.startedAt }, ...about.alerts.map(ofAlert)]
    case 'notification':
    case 'silence':
      return [{ subject: `${about.kind}=${encodeURIComponent(about.id)}`, title: '', startedAt: undefined }]
  }
}

const tones: Readonly<Partial<Record<WhyReason, 'success' | 'error' | 'info'>>> = { told: 'success', 'channel-failed': 'error', 'queue-failed': 'error', 'no-receiver': 'error', 'spoken-for': 'info', hidden: 'info', over: 'info', 'not-yet': 'info', sending: 'info' }

function Answer({ found, now }: { readonly found: Explanation; readonly now: number }) {
  return (
    <div data-reason={found.reason}>
      <div className="soft">
        {found.about.title} · {fill(w.seen, { at: timeText(found.at, now) })}
      </div>
      <Alert style={{ margin: '8px 0' }} showIcon type={tones[found.reason] ?? 'warning'} title={found.answer} />
      <Lines lines={found.lines} />
      <Routes routes={found.routes} />
      {found.spokesman !== null && (
        <section className="try">
          <strong>
            {w.spokesman} {found.spokesman.incident ?? ''}
          </strong>
          <div>{found.spokesman.answer}</div>
          <Routes routes={found.spokesman.routes} />
        </section>
      )}
    </div>
  )
}

function Routes({ routes }: { readonly routes: readonly WhyRoute[] }) {
  return routes.map((route, index) => (
    <section key={`${route.receiver}-${index}`} className="route">
      <strong>{fill(w.routes, { name: route.receiver })}</strong>
      <Lines lines={route.lines} />
    </section>
  ))
}

function Lines({ lines }: { readonly lines: readonly WhyLine[] }) {
  return lines.map((line, index) => (
    <div key={`${line.step}-${index}`} className="why-line" data-step={line.step}>
      <span className="soft">{w.steps[line.step]}</span>
      <span className={line.step === 'suppressor' ? 'warning' : undefined}>{line.text}</span>
    </div>
  ))
}
