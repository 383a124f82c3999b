import { App, Button, Checkbox, Empty, Tag } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router'
import type { AlertView } from '../../../protocol/api.ts'
import { useLive, useNow, useSession } from '../../api.ts'
import { agoText, numberText, timeText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { SeverityTag } from '../../parts/severity.tsx'
import { WhyButton } from '../../parts/why.tsx'
import { alertStateWords, notifyWords, words } from '../../words.ts'
import { SilenceDialog } from '../silences/silence-dialog.tsx'

/** Alerts as rules see them, firing first; an incident collects those that are one fault. */
export function AlertsRoom() {
  const [pending, setPending] = useState(false)
  const query = useLive<{ now: number; alerts: AlertView[] }>('alerts', '/alerts')
  const now = useNow(query.data?.now)
  return (
    <App className="grid">
      <div className="row spread">
        <h1 style={{ margin: 0 }}>{words.rooms.alerts}</h1>
        <Link to="/silences">{notifyWords.tabs.silences}</Link>
        <Link to="/notify">{notifyWords.tabs.notify}</Link>
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
    </App>
  )
}

/** Longest silence where the list of silences has not been asked; the collector checks it again. */
const LONGEST_MS = 30 * 86_400_000

/** Mutes exactly this alert, and asks why it rang or did not. */
function AlertActs({ alert, now }: { readonly alert: AlertView; readonly now: number }) {
  const session = useSession()
  const [open, setOpen] = useState(false)
  return (
    <div className="row" style={{ marginTop: 8 }}>
      <WhyButton about={{ kind: 'alert', alert: { fingerprint: alert.fingerprint, title: alert.summary || alert.name, startedAt: alert.startedAt } }} now={now} size="small" />
      {session.permissions.includes('silences.write') && alert.state !== 'resolved' && (
        <Button size="small" onClick={() => setOpen(true)}>
          {notifyWords.silences.fromAlert}
        </Button>
      )}
      {open && <SilenceDialog initial={Object.entries(alert.labels).map(([name, value]) => ({ name, op: '=', value }))} now={now} longestMs={LONGEST_MS} onClose={() => setOpen(false)} />}
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
          {alert.external === true && <Tag title={words.alerts.externalHint}>{words.alerts.external}</Tag>}
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
      <AlertActs alert={alert} now={now} />
    </article>
  )
}
