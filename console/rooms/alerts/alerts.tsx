import { Checkbox, Empty, Tag } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router'
import type { AlertView } from '../../../protocol/api.ts'
import { useLive, useNow } from '../../api.ts'
import { agoText, numberText, timeText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { SeverityTag } from '../../parts/severity.tsx'
import { alertStateWords, words } from '../../words.ts'

/** Alerts as rules see them, firing first; an incident collects those that are one fault. */
export function AlertsRoom() {
  const [pending, setPending] = useState(false)
  const query = useLive<{ now: number; alerts: AlertView[] }>('alerts', '/alerts')
  const now = useNow(query.data?.now)
  return (
    <div className="grid">
      <div className="row spread">
        <h1 style={{ margin: 0 }}>{words.rooms.alerts}</h1>
        <Checkbox checked={pending} onChange={(event) => setPending(event.target.checked)}>
          {words.alerts.showPending}
        </Checkbox>
      </div>
      <Loaded query={query}>
        {(data) => {
          const shown = data.alerts.filter((alert) => pending || alert.state !== 'pending')
          if (shown.length === 0) return <Empty className="card" description={words.alerts.none} />
          return shown.map((alert) => <AlertCard key={alert.fingerprint} alert={alert} now={now} />)
        }}
      </Loaded>
    </div>
  )
}

function AlertCard({ alert, now }: { readonly alert: AlertView; readonly now: number }) {
  const instance = alert.labels['instance']
  return (
    <article className={`card incident severity-${alert.state === 'firing' ? alert.severity : 'none'}`} data-alert={alert.name}>
      <div className="row spread">
        <strong>{alert.summary || alert.name}</strong>
        <span className="row">
          <SeverityTag severity={alert.severity} />
          <Tag color={alert.state === 'firing' ? 'red' : alert.state === 'pending' ? 'gold' : 'green'}>{alertStateWords[alert.state]}</Tag>
        </span>
      </div>
      <div>{alert.description}</div>
      {alert.action !== '' && (
        <div>
          <strong>{words.alerts.action}：</strong>
          {alert.action}
        </div>
      )}
      <div className="soft row">
        <span>{alert.name}</span>
        {instance !== undefined && <Link to={`/hosts/${encodeURIComponent(instance)}`}>{instance}</Link>}
        <span>
          {words.alerts.since} {timeText(alert.startedAt, now)}（{agoText(alert.startedAt, now)}）
        </span>
        <span>
          {words.alerts.value} {numberText(alert.value)}
        </span>
        {alert.incident !== null && (
          <Link to={`/incidents/${alert.incident}`}>
            {words.alerts.incident} {alert.incident}
          </Link>
        )}
      </div>
    </article>
  )
}
