import { Button, Empty, Popconfirm, Tag } from 'antd'
import { useState } from 'react'
import type { OverrunView, SilenceList, SilenceView } from '../../../protocol/api-notify.ts'
import { useLive, useNow, useSession } from '../../api.ts'
import { durationText, fromOfficeInput, officeInput, timeText } from '../../format.ts'
import { type Field, FormDialog, textOf } from '../../parts/form-dialog.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { NotifyPage, useNotifyAct } from '../../parts/notify-page.tsx'
import { WhyButton } from '../../parts/why.tsx'
import { fill, notifyWords } from '../../words.ts'
import { SilenceDialog } from './silence-dialog.tsx'

const w = notifyWords.silences
const colours = { waiting: 'gold', active: 'blue', pending: 'cyan', expired: 'default', refused: 'default', lapsed: 'default' } as const satisfies Record<SilenceView['state'], string>

/** Silences: those that wait for a second person first, then what is muted now, and what has gone beyond its time. */
export function SilencesRoom() {
  const query = useLive<SilenceList>('notify', '/silences')
  const now = useNow(query.data?.now)
  return (
    <NotifyPage>
      <Loaded query={query}>{(data) => <Page data={data} now={now} />}</Loaded>
    </NotifyPage>
  )
}

function Page({ data, now }: { readonly data: SilenceList; readonly now: number }) {
  const session = useSession()
  const [open, setOpen] = useState(false)
  const over = (one: SilenceView): boolean => (one.state === 'expired' || one.state === 'refused' || one.state === 'lapsed') && one.overruns.every((overrun) => overrun.kind === 'extended')
  const current = data.silences.filter((one) => !over(one))
  const ended = data.silences.filter(over)
  return (
    <>
      <div className="row spread">
        <span className="soft">{w.hint}</span>
        {session.permissions.includes('silences.write') && (
          <Button type="primary" onClick={() => setOpen(true)}>
            {w.add}
          </Button>
        )}
      </div>
      {open && <SilenceDialog now={now} longestMs={data.longestMs} onClose={() => setOpen(false)} />}
      {current.length === 0 && <Empty className="card" description={w.none} />}
      {current.map((one) => (
        <SilenceCard key={one.id} silence={one} now={now} />
      ))}
      {ended.length > 0 && (
        <details>
          <summary className="soft">
            {w.ended7} {ended.length}
          </summary>
          <div className="grid" style={{ marginTop: 10 }}>
            {ended.map((one) => (
              <SilenceCard key={one.id} silence={one} now={now} />
            ))}
          </div>
        </details>
      )}
    </>
  )
}

function SilenceCard({ silence, now }: { readonly silence: SilenceView; readonly now: number }) {
  const red = silence.overruns.length > 0
  return (
    <article className={`card incident ${red ? 'severity-critical' : silence.state === 'waiting' ? 'severity-warning' : ''}`} data-silence={silence.id} data-state={silence.state}>
      <div className="row spread">
        <span>
          {silence.matchers.map((one, index) => (
            <span key={index} className="matcher">
              {one.name}
              {one.op}"{one.value}"
            </span>
          ))}
        </span>
        <span className="row">
          <strong>{timeLeft(silence, now)}</strong>
          <Tag color={colours[silence.state]}>{w.states[silence.state]}</Tag>
        </span>
      </div>
      <div className="wrap">{silence.reason}</div>
      {silence.overruns.map((one) => (
        <div key={one.kind} className="critical" data-overrun={one.kind}>
          {overrunText(one)}
        </div>
      ))}
      {silence.state === 'waiting' && <div className="warning">{w.waitingHint}</div>}
      <div className="soft row">
        <span>
          {w.owner} {silence.owner}
        </span>
        <span>
          {timeText(silence.startsAt, now)} → {timeText(silence.endsAt, now)}
        </span>
        {silence.changes !== null && <span>{w.changes}</span>}
        {silence.second !== null && <span>{silence.second.refusal === null ? fill(w.second, { who: silence.second.by, at: timeText(silence.second.at, now) }) : fill(w.refusedBy, { who: silence.second.by, why: silence.second.refusal })}</span>}
      </div>
      <Covers silence={silence} />
      <Acts silence={silence} now={now} />
    </article>
  )
}

function timeLeft({ state, startsAt, endsAt }: SilenceView, now: number): string {
  if (now >= endsAt) return fill(w.ended, { time: durationText(now - endsAt) })
  if (state === 'refused') return ''
  return state === 'pending' && now < startsAt ? fill(w.starts, { time: durationText(startsAt - now) }) : fill(w.left, { time: durationText(endsAt - now) })
}

function overrunText(one: OverrunView): string {
  if (one.kind === 'extended') return fill(w.extended, { time: durationText(one.byMs) })
  return `${fill(w.stillFiring, { count: one.count })}：${one.alerts.map((alert) => alert.summary).join('、')}`
}

function Covers({ silence: { covers, coversCount, state } }: { readonly silence: SilenceView }) {
  if (state === 'expired' || state === 'refused' || state === 'lapsed') return null
  if (coversCount === 0) return <div className="soft">{w.coversNone}</div>
  return (
    <details>
      <summary>{fill(state === 'active' ? w.covers.active : w.covers.other, { count: coversCount })}</summary>
      {covers.map((alert) => (
        <div key={alert.fingerprint} className={alert.severity}>
          {alert.summary} <span className="soft">{alert.instance}</span>
        </div>
      ))}
      {coversCount > covers.length && <div className="soft">{fill(notifyWords.outOf, { count: coversCount, shown: covers.length })}</div>}
    </details>
  )
}

function Acts({ silence, now }: { readonly silence: SilenceView; readonly now: number }) {
  const session = useSession()
  const [dialog, setDialog] = useState<'change' | 'refuse'>()
  const act = useNotifyAct<SilenceView>(() => setDialog(undefined))
  const path = `/silences/${encodeURIComponent(silence.id)}`
  const asks = silence.state === 'waiting' || silence.state === 'refused' || silence.state === 'lapsed'
  const live = silence.state === 'active' || silence.state === 'pending'
  const mine = silence.owner === session.user
  const reason: Field = { name: 'reason', label: w.reason, kind: 'long' }
  return (
    <div className="row" style={{ marginTop: 8 }}>
      {session.permissions.includes('silences.write') && (
        <>
          {silence.state === 'waiting' && !mine && (
            <Popconfirm title={w.confirmAsk} onConfirm={() => act.mutate({ path: `${path}/confirm`, body: {} })}>
              <Button type="primary">{w.confirm}</Button>
            </Popconfirm>
          )}
          {silence.state === 'waiting' && <Button onClick={() => setDialog('refuse')}>{mine ? w.takeBack : w.refuse}</Button>}
          {live && <Button onClick={() => setDialog('change')}>{w.change}</Button>}
          {live && (
            <Popconfirm title={w.expireAsk} onConfirm={() => act.mutate({ path: `${path}/expire`, body: {} })}>
              <Button danger>{w.expire}</Button>
            </Popconfirm>
          )}
        </>
      )}
      {!asks && <WhyButton about={{ kind: 'silence', id: silence.id }} now={now} label={w.what} />}
      <FormDialog open={dialog === 'refuse'} title={mine ? w.takeBack : w.refuse} fields={[reason]} pending={act.isPending} onCancel={() => setDialog(undefined)} onSubmit={(filled) => act.mutate({ path: `${path}/refuse`, body: { reason: textOf(filled, 'reason') } })} />
      <FormDialog
        open={dialog === 'change'} title={w.change} fields={[{ name: 'endsAt', label: w.endsAt, kind: 'moment', initial: officeInput(silence.endsAt) }, reason]} pending={act.isPending}
        onCancel={() => setDialog(undefined)}
        onSubmit={(filled) => act.mutate({ path, body: { endsAt: fromOfficeInput(textOf(filled, 'endsAt')), reason: textOf(filled, 'reason') } })}
      />
    </div>
  )
}
