import { App, Button, Empty, Tag } from 'antd'
import { useState } from 'react'
import type { BudgetView, ChannelList, ChannelTest, ChannelView } from '../../../protocol/api-notify.ts'
import { useLive, useNow, useSession } from '../../api.ts'
import { durationText, percentText } from '../../format.ts'
import { FormDialog, textOf } from '../../parts/form-dialog.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { useNotifyAct } from '../../parts/notify-page.tsx'
import { fill, notifyWords } from '../../words.ts'
import { Receipt } from './receipt.tsx'

const w = notifyWords.channels

/** Each way to reach people: whether it works, what it owes, what it costs, and a button that tries it. */
export function Channels() {
  const query = useLive<ChannelList>('notify', '/channels')
  const now = useNow(query.data?.now)
  return (
    <section className="grid" aria-label={w.title}>
      <strong>{w.title}</strong>
      <Loaded query={query}>{({ channels }) => (channels.length === 0 ? <Empty className="card" description={w.none} /> : channels.map((one) => <ChannelCard key={one.name} channel={one} now={now} />))}</Loaded>
    </section>
  )
}

function ChannelCard({ channel, now }: { readonly channel: ChannelView; readonly now: number }) {
  return (
    <article className={`card incident ${channel.state === 'down' ? 'severity-critical' : channel.state === 'up' ? 'recovered' : ''}`} data-channel={channel.name} data-state={channel.state}>
      <div className="row spread">
        <strong>
          <i className={`dot ${channel.state}`} />
          {channel.name} <span className="soft">{w.kinds[channel.kind] ?? channel.kind}</span>
        </strong>
        <span className="row">
          <Tag color={channel.state === 'up' ? 'green' : channel.state === 'down' ? 'red' : 'default'}>{w.states[channel.state]}</Tag>
          <TestButton channel={channel} />
        </span>
      </div>
      {channel.why !== null && <div className="critical wrap">{channel.why}</div>}
      <div className="soft row">
        <span>{fill(w.sent, { count: channel.sentLastHour })}</span>
        <span className={channel.waiting > 0 ? 'warning' : undefined}>{fill(w.waiting, { count: channel.waiting })}</span>
        {channel.oldestWaitingAt !== null && <span className="warning">{fill(w.oldest, { time: durationText(Math.max(0, now - channel.oldestWaitingAt)) })}</span>}
        {channel.pausedUntil !== null && channel.pausedUntil > now && <span>{fill(w.paused, { time: durationText(channel.pausedUntil - now) })}</span>}
        <span>{fill(w.rate, { count: channel.perMinute })}</span>
        <span>{w.details[channel.detail]}</span>
        {channel.balance !== null && <span className={channel.balance.low ? 'critical' : undefined}>{fill(channel.balance.low ? w.balanceLow : w.balance, { left: channel.balance.left })}</span>}
      </div>
      {channel.budget !== null && <Budget budget={channel.budget} />}
      <details>
        <summary className="soft">
          {w.receipts} {channel.receipts.length === 0 && `· ${w.noReceipts}`}
        </summary>
        {channel.receipts.map((one, index) => (
          <Receipt key={`${one.message}-${index}`} receipt={one} now={now} />
        ))}
      </details>
    </article>
  )
}

/** What is used of the year's SMS; the mark is how much of the year is over. */
function Budget({ budget }: { readonly budget: BudgetView }) {
  const percent = (ratio: number): string => `${Math.min(1, Math.max(0, ratio)) * 100}%`
  return (
    <div data-budget={budget.kind}>
      <div className="row spread">
        <span>
          {w.budget} {fill(w.used, { used: budget.usedSegments.toLocaleString('zh-CN'), total: budget.yearlyBudget.toLocaleString('zh-CN') })}（{percentText(budget.usedRatio)}）
        </span>
        <span className={budget.kind === 'fine' ? 'soft' : 'critical'}>
          {fill(w.elapsed, { share: percentText(budget.elapsedRatio) })} {w.budgetKinds[budget.kind]}
        </span>
      </div>
      <div className="budget" role="progressbar" aria-label={w.budget} aria-valuenow={Math.round(budget.usedRatio * 100)} aria-valuemin={0} aria-valuemax={100}>
        <i className={budget.kind} style={{ width: percent(budget.usedRatio) }} />
        <b style={{ left: percent(budget.elapsedRatio) }} />
      </div>
    </div>
  )
}

function TestButton({ channel }: { readonly channel: ChannelView }) {
  const session = useSession()
  const { message } = App.useApp()
  const [open, setOpen] = useState(false)
  const act = useNotifyAct<ChannelTest>((tested) => {
    setOpen(false)
    const said = `${w.outcomes[tested.outcome]}${tested.detail === '' ? '' : `：${tested.detail}`}`
    void (tested.outcome === 'delivered' ? message.success(said) : message.error(said))
  })
  if (!session.permissions.includes('channels.test')) return null
  return (
    <>
      <Button size="small" onClick={() => setOpen(true)}>
        {w.test}
      </Button>
      <FormDialog
        open={open} title={fill(w.testTitle, { name: channel.name })} hint={channel.address === 'none' ? `${w.testNone}${w.testHint}` : w.testHint} pending={act.isPending}
        fields={channel.address === 'none' ? [] : [{ name: 'to', label: channel.address === 'phone' ? w.testPhone : w.testMailbox, kind: 'text' }]}
        onCancel={() => setOpen(false)}
        onSubmit={(filled) => act.mutate({ path: `/channels/${encodeURIComponent(channel.name)}/test`, body: channel.address === 'none' ? {} : { to: [textOf(filled, 'to')] } })}
      />
    </>
  )
}
