import { Alert, App, Timeline } from 'antd'
import { Link, useParams } from 'react-router'
import type { AlertView, IncidentDetail } from '../../../protocol/api.ts'
import { useLive, useNow } from '../../api.ts'
import { agoText, durationText, timeText } from '../../format.ts'
import { Clocks } from '../../parts/clocks.tsx'
import { IncidentTags } from '../../parts/incident-card.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { WhyButton } from '../../parts/why.tsx'
import { channelWords, deliveryWords, fill, incidentWords, notifyWords, words } from '../../words.ts'
import { Acts } from './acts.tsx'
import { Attachments } from './attachments.tsx'
import { useChoices } from './choices.ts'
import { HiddenAlerts } from './hidden-alerts.tsx'
import { Kin } from './kin.tsx'

/** One incident: its clocks, what broke and what to try, what a person can do now, and the timeline that is the work log. */
export function IncidentRoom() {
  const { number = '' } = useParams()
  const query = useLive<IncidentDetail & { now: number }>('incidents', `/incidents/${encodeURIComponent(number)}`)
  const now = useNow(query.data?.now)
  return (
    <App className="grid incident-page">
      <Link to="/incidents">← {words.incidents.back}</Link>
      <Loaded query={query}>{(incident) => <Page incident={incident} now={now} />}</Loaded>
    </App>
  )
}

function Page({ incident, now }: { readonly incident: IncidentDetail; readonly now: number }) {
  return (
    <>
      <section className={`card incident severity-${incident.severity} ${incident.state} ${incident.blind ? 'blind' : ''}`} data-incident={incident.number}>
        <div className="row spread">
          <h1 style={{ margin: 0 }}>{incident.title}</h1>
          <IncidentTags incident={incident} />
        </div>
        {incident.mergedInto === null ? (
          <div className="large-clocks">
            <Clocks clocks={incident.clocks} now={now} />
          </div>
        ) : (
          <Link to={`/incidents/${incident.mergedInto}`}>{incidentWords.mergedInto.replace('{number}', incident.mergedInto)}</Link>
        )}
        <Blind incident={incident} now={now} />
      </section>
      <Acts incident={incident} now={now} />
      <What incident={incident} now={now} />
      <Who incident={incident} now={now} />
      {incident.hiddenAlerts > 0 && <HiddenAlerts incident={incident} now={now} />}
      {(incident.absorbed.count > 0 || incident.splitFrom !== null) && <Kin incident={incident} now={now} />}
      <section className="card">
        <strong>{incidentWords.timeline}</strong>
        {incident.workMinutes > 0 && <span className="soft"> {incidentWords.workTime.replace('{time}', durationText(incident.workMinutes * 60_000))}</span>}
        <Timeline
          style={{ marginTop: 16 }}
          items={[...incident.timeline].reverse().map((entry, index) => ({
            key: `${entry.at}-${index}`,
            color: entry.kind === 'recovered' || entry.kind === 'judged-recovered' ? 'green' : entry.kind === 'data-lost' ? 'purple' : entry.actor === 'system' ? 'gray' : 'blue',
            content: (
              <div data-kind={entry.kind} className="wrap">
                <span className="soft">{timeText(entry.at, now)}</span> {entry.text}
              </div>
            ),
          }))}
        />
      </section>
      <Attachments incident={incident} />
      <Notifications incident={incident} now={now} />
    </>
  )
}

/** Times in which nothing could be seen are said, never counted as good. */
function Blind({ incident, now }: { readonly incident: IncidentDetail; readonly now: number }) {
  const last = incident.blindTimes.at(-1)
  if (last === undefined) return null
  if (incident.blind) return <Alert style={{ marginTop: 12 }} type="warning" showIcon title={incidentWords.blind} description={incidentWords.blindSince.replace('{since}', timeText(last.from, now))} />
  const total = incident.blindTimes.reduce((sum, one) => sum + (one.to ?? now) - one.from, 0)
  return <div className="soft">{incidentWords.blindBefore.replace('{count}', String(incident.blindTimes.length)).replace('{total}', durationText(total))}</div>
}

/** What broke, since when, what to try: the alert that still fires first; for a report by hand its own words. */
function What({ incident, now }: { readonly incident: IncidentDetail; readonly now: number }) {
  const choices = useChoices()
  const title = (list: readonly { readonly name: string; readonly title: string }[], name: string): string => list.find((one) => one.name === name)?.title ?? name
  const { report } = incident
  const alerts = [...incident.alerts].sort((a, b) => (a.state === b.state ? a.startedAt - b.startedAt : a.state === 'resolved' ? 1 : -1))
  const instance = incident.alerts[0]?.labels['instance']
  return (
    <section className="card">
      <div className="soft row">
        <span>{incident.number}</span>
        <span>
          {incidentWords.service}：{incident.service.split(',').map((one) => title(choices.services, one)).join('、')}
        </span>
        {incident.object !== '' && <span>{instance === undefined ? incident.object : <Link to={`/hosts/${encodeURIComponent(instance)}`}>{incident.object}</Link>}</span>}
      </div>
      <p className="since">
        {incidentWords.since}：<strong>{timeText(incident.startedAt, now)}</strong>（{agoText(incident.startedAt, now)}）
      </p>
      {report !== null && (
        <div className="wrap">
          <div>{report.description}</div>
          <div className="soft row">
            <span>
              {incidentWords.reporter}：{report.reporter}
            </span>
            {report.contact !== '' && (
              <span>
                {incidentWords.contact}：{/^[\d+\- ]{5,}$/.test(report.contact) ? <a href={`tel:${report.contact.replaceAll(/[^\d+]/g, '')}`}>{report.contact}</a> : report.contact}
              </span>
            )}
            <span>
              {incidentWords.channel}：{title(choices.reportChannels, report.channel)}
            </span>
          </div>
          {incident.alerts.length === 0 && <div className="warning">{incidentWords.byHand}</div>}
        </div>
      )}
      {alerts.map((alert) => (
        <Broken key={alert.fingerprint} alert={alert} blind={incident.blind} now={now} />
      ))}
    </section>
  )
}

function Broken({ alert, blind, now }: { readonly alert: AlertView; readonly blind: boolean; readonly now: number }) {
  const over = alert.state === 'resolved'
  return (
    <div className={`broken wrap ${over ? 'soft' : ''}`}>
      <div className={over ? 'soft' : blind ? 'blind-text' : alert.severity}>
        <strong>{alert.summary}</strong> {over && <span>（{incidentWords.resolvedAlert}）</span>}
      </div>
      <div>{alert.description}</div>
      <div className="soft">
        {alert.name} · {timeText(alert.startedAt, now)}
      </div>
      {!over && (
        <div className="try">
          <strong>{incidentWords.tryFirst}</strong>
          <div>{alert.action === '' ? incidentWords.noAction : alert.action}</div>
        </div>
      )}
    </div>
  )
}

/** Who has it, by what we know that, what was done, and why it broke. */
function Who({ incident, now }: { readonly incident: IncidentDetail; readonly now: number }) {
  const choices = useChoices()
  const { response, rootCause } = incident
  return (
    <section className="card facts">
      <div>
        <span className="soft">{incidentWords.response}</span>
        {response === null ? (
          <span className={incident.state === 'open' ? 'critical' : 'soft'}>{incidentWords.nobody}</span>
        ) : (
          <span>
            {response.by}（{response.source}
            {response.writtenBy !== null && `，${incidentWords.writtenBy.replace('{who}', response.writtenBy)}`}）<span className="soft"> {timeText(response.at, now)}</span>
          </span>
        )}
      </div>
      <div>
        <span className="soft">{incidentWords.assignment}</span>
        <span>{incident.assignedTo ?? incidentWords.unassigned}</span>
      </div>
      {incident.disposals.map((one) => (
        <div key={`${one.at}-${one.by}`}>
          <span className="soft">{incidentWords.disposal}</span>
          <span className="wrap">
            <strong className={one.condition === 'bad' ? 'critical' : one.condition === 'good' ? 'good' : 'warning'}>{one.conditionText}</strong>　{one.text}
            <span className="soft">
              {' '}
              {one.by} {timeText(one.at, now)}
            </span>
          </span>
        </div>
      ))}
      <div>
        <span className="soft">{incidentWords.rootCause}</span>
        {rootCause === null ? (
          <span className="soft">{incidentWords.noRootCause}</span>
        ) : (
          <span className="wrap">
            {choices.causeCategories.find((one) => one.name === rootCause.category)?.title ?? rootCause.category}：{rootCause.text}
            <span className="soft"> {rootCause.by}</span>
          </span>
        )}
      </div>
    </section>
  )
}

function Notifications({ incident, now }: { readonly incident: IncidentDetail; readonly now: number }) {
  return (
    <section className="card">
      <div className="row spread">
        <strong>{words.incidents.notifications}</strong>
        <WhyButton
          now={now} size="small"
          about={{
            kind: 'incident', number: incident.number, title: incident.title, startedAt: incident.startedAt,
            alerts: [...incident.alerts.map(({ fingerprint, summary, startedAt }) => ({ fingerprint, title: summary, startedAt })), ...incident.hidden.map(({ fingerprint, name, instance, startedAt }) => ({ fingerprint, title: `${name} ${instance}`, startedAt }))],
          }}
        />
      </div>
      {incident.notifications.length === 0 && <div className="soft">{words.none}</div>}
      {incident.notifications.map((one, index) => (
        <div key={`${one.at}-${one.channel}-${one.to}-${index}`} className="row">
          <span className="soft">{timeText(one.at, now)}</span>
          <span>{channelWords[one.channel] ?? one.channel}</span>
          <span>{one.to}</span>
          <span>{deliveryWords[one.state] ?? one.state}</span>
          {one.together > 1 && <span className="soft">{fill(notifyWords.receipt.together, { count: one.together })}</span>}
          {one.error !== null && <span className="critical">{one.error}</span>}
        </div>
      ))}
    </section>
  )
}
