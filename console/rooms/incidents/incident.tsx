import { useMutation, useQueryClient } from '@tanstack/react-query'
import { App, Button, Input, Modal, Popconfirm, Timeline } from 'antd'
import { useState } from 'react'
import { Link, useParams } from 'react-router'
import type { IncidentDetail } from '../../../protocol/api.ts'
import { type RequestError, post, useLive, useNow, useSession } from '../../api.ts'
import { timeText } from '../../format.ts'
import { IncidentCard } from '../../parts/incident-card.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { alertStateWords, channelWords, deliveryWords, words } from '../../words.ts'

/** One incident: its clocks, what a person can do now, and the timeline that is the work log. */
export function IncidentRoom() {
  const { number = '' } = useParams()
  const query = useLive<IncidentDetail & { now: number }>('incidents', `/incidents/${encodeURIComponent(number)}`)
  const now = useNow(query.data?.now)
  return (
    <App className="grid">
      <Link to="/incidents">← {words.incidents.back}</Link>
      <Loaded query={query}>
        {(incident) => (
          <>
            <IncidentCard incident={incident} now={now} />
            <Acts incident={incident} />
            <section className="card">
              <strong>{words.incidents.alerts}</strong>
              {incident.alerts.map((alert) => (
                <div key={alert.fingerprint} style={{ marginTop: 8 }}>
                  <span className={alert.state === 'firing' ? alert.severity : 'soft'}>
                    [{alertStateWords[alert.state]}] {alert.summary}
                  </span>
                  <div>{alert.description}</div>
                  {alert.action !== '' && (
                    <div>
                      <strong>{words.alerts.action}：</strong>
                      {alert.action}
                    </div>
                  )}
                </div>
              ))}
            </section>
            <section className="card">
              <strong>{words.incidents.timeline}</strong>
              <Timeline
                style={{ marginTop: 16 }}
                items={incident.timeline.map((entry, index) => ({
                  key: `${entry.at}-${index}`,
                  color: entry.kind === 'recovered' ? 'green' : entry.actor === 'system' ? 'gray' : 'blue',
                  content: (
                    <div data-kind={entry.kind}>
                      <span className="soft">{timeText(entry.at, now)}</span> {entry.text}
                    </div>
                  ),
                }))}
              />
            </section>
            <section className="card">
              <strong>{words.incidents.notifications}</strong>
              {incident.notifications.length === 0 && <div className="soft">{words.none}</div>}
              {incident.notifications.map((one) => (
                <div key={`${one.at}-${one.channel}-${one.to}`} className="row">
                  <span className="soft">{timeText(one.at, now)}</span>
                  <span>{channelWords[one.channel] ?? one.channel}</span>
                  <span>{one.to}</span>
                  <span>{deliveryWords[one.state] ?? one.state}</span>
                  {one.error !== null && <span className="critical">{one.error}</span>}
                </div>
              ))}
            </section>
          </>
        )}
      </Loaded>
    </App>
  )
}

function Acts({ incident }: { readonly incident: IncidentDetail }) {
  const session = useSession()
  const client = useQueryClient()
  const { message } = App.useApp()
  const [dialog, setDialog] = useState<'dispose' | 'comment'>()
  const [text, setText] = useState('')
  const act = useMutation<IncidentDetail, RequestError, { act: 'acknowledge' | 'dispose' | 'comment'; body: object }>({
    mutationFn: ({ act: name, body }) => post<IncidentDetail>(`/incidents/${encodeURIComponent(incident.number)}/${name}`, body, session.csrf),
    onSuccess: async () => {
      setDialog(undefined)
      setText('')
      await Promise.all([client.invalidateQueries({ queryKey: ['incidents'] }), client.invalidateQueries({ queryKey: ['overview'] })])
    },
    onError: (error) => message.error(error.message),
  })
  if (!session.permissions.includes('incidents.act')) return null
  const canDispose = incident.state === 'open' || incident.state === 'acknowledged'
  return (
    <div className="row">
      {incident.state === 'open' && (
        <Popconfirm title={words.incidents.confirmAcknowledge} okText={words.ok} cancelText={words.cancel} onConfirm={() => act.mutate({ act: 'acknowledge', body: {} })}>
          <Button type="primary" size="large" danger>
            {words.incidents.acknowledge}
          </Button>
        </Popconfirm>
      )}
      {canDispose && (
        <Button type="primary" size="large" onClick={() => setDialog('dispose')}>
          {words.incidents.dispose}
        </Button>
      )}
      <Button size="large" onClick={() => setDialog('comment')}>
        {words.incidents.comment}
      </Button>
      <Modal
        open={dialog !== undefined}
        title={dialog === 'dispose' ? words.incidents.disposeTitle : words.incidents.comment}
        okText={words.ok}
        cancelText={words.cancel}
        confirmLoading={act.isPending}
        okButtonProps={{ disabled: text.trim() === '' }}
        onCancel={() => setDialog(undefined)}
        onOk={() => dialog !== undefined && act.mutate({ act: dialog, body: { text } })}
      >
        <p className="soft">{dialog === 'dispose' ? words.incidents.disposeHint : words.incidents.commentHint}</p>
        <Input.TextArea rows={5} value={text} onChange={(event) => setText(event.target.value)} aria-label={dialog === 'dispose' ? words.incidents.disposeText : words.incidents.comment} placeholder={dialog === 'dispose' ? words.incidents.disposeText : words.incidents.comment} maxLength={4000} showCount />
      </Modal>
    </div>
  )
}
