import { useQuery } from '@tanstack/react-query'
import { Button, Empty, Modal, Segmented, Tag } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router'
import type { OutboxDetail, OutboxList, OutboxView } from '../../../protocol/api-notify.ts'
import { type RequestError, get, useLive, useNow, useSession } from '../../api.ts'
import { durationText, timeText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { WhyButton } from '../../parts/why.tsx'
import { deliveryWords, fill, notifyWords } from '../../words.ts'
import { Receipt } from './receipt.tsx'

const w = notifyWords.outbox
const filters = ['all', 'owed', 'failed', 'sent'] as const
const colours = { queued: 'gold', sending: 'blue', sent: 'green', failed: 'red', dead: 'red', superseded: 'default' } as const satisfies Record<OutboxView['state'], string>

/** What is owed, what went and what failed, newest first. */
export function Outbox() {
  const [state, setState] = useState<(typeof filters)[number]>('all')
  const [before, setBefore] = useState<number>()
  const query = useLive<OutboxList>('notify', `/outbox?state=${state}&limit=50${before === undefined ? '' : `&before=${before}`}`)
  const now = useNow(query.data?.now)
  const counts = query.data?.counts
  return (
    <section className="card" aria-label={w.title}>
      <div className="row spread">
        <strong>{w.title}</strong>
        <Segmented
          value={state}
          onChange={(value) => {
            setState(value)
            setBefore(undefined)
          }}
          options={filters.map((value) => ({ value, label: `${w.filters[value]}${value === 'all' || counts === undefined ? '' : ` ${counts[value]}`}` }))}
        />
      </div>
      <Loaded query={query}>
        {({ messages, older }) => (
          <>
            {messages.length === 0 && <Empty description={w.none} />}
            {messages.map((one) => (
              <Message key={one.id} message={one} now={now} />
            ))}
            <div className="row">
              {before !== undefined && <Button onClick={() => setBefore(undefined)}>{w.newest}</Button>}
              {older !== null && <Button onClick={() => setBefore(older)}>{w.older}</Button>}
            </div>
          </>
        )}
      </Loaded>
    </section>
  )
}

function Message({ message, now }: { readonly message: OutboxView; readonly now: number }) {
  const session = useSession()
  const [open, setOpen] = useState(false)
  const reads = session.permissions.includes('alerts.read')
  return (
    <article className="message" data-message={message.id} data-state={message.state}>
      <div className="row spread">
        <span className="row">
          <span className="soft">{timeText(message.at, now)}</span>
          <strong className="wrap">{message.subject ?? w.kinds[message.kind]}</strong>
        </span>
        <Tag color={colours[message.state]}>{deliveryWords[message.state]}</Tag>
      </div>
      <div className="soft row">
        <span>
          {message.channel} → {message.receiver}
        </span>
        <span className="wrap">
          {w.to} {message.to.join('、')}
        </span>
        {message.incident !== null && <Link to={`/incidents/${message.incident}`}>{message.incident}</Link>}
        {message.attempts > 1 && <span>{fill(w.attempts, { count: message.attempts })}</span>}
        {message.state === 'queued' && message.heldUntil !== null && message.heldUntil > now && <span>{fill(w.held, { time: durationText(message.heldUntil - now) })}</span>}
        {message.state === 'queued' && message.dueAt > now && <span>{fill(w.nextTry, { time: durationText(message.dueAt - now) })}</span>}
      </div>
      {message.state !== 'sent' && message.state !== 'superseded' && message.error !== null && <div className="critical wrap">{message.error}</div>}
      {message.receipts.map((one) => (
        <Receipt key={one.attempt} receipt={one} now={now} />
      ))}
      {reads && (
        <div className="row" style={{ marginTop: 6 }}>
          <Button size="small" onClick={() => setOpen(true)}>
            {w.text}
          </Button>
          <WhyButton about={{ kind: 'notification', id: message.id }} now={now} label={w.why} size="small" />
        </div>
      )}
      {open && (
        <Modal open footer={null} title={message.subject ?? w.title} onCancel={() => setOpen(false)}>
          <Text id={message.id} />
        </Modal>
      )}
    </article>
  )
}

function Text({ id }: { readonly id: string }) {
  const query = useQuery<OutboxDetail, RequestError>({ queryKey: ['notify', 'outbox', id], queryFn: () => get(`/outbox/${encodeURIComponent(id)}`), retry: false })
  return <Loaded query={query}>{(found) => <div className="wrap">{found.text ?? w.noText}</div>}</Loaded>
}
