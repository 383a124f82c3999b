import { Alert, Empty } from 'antd'
import { Link } from 'react-router'
import type { Overview } from '../../../protocol/api.ts'
import { useLive, useNow } from '../../api.ts'
import { IncidentCard } from '../../parts/incident-card.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { channelWords, presenceWords, severityWords, words } from '../../words.ts'

/** What is broken now and how long is left, first; then the numbers behind it. */
export function OverviewRoom() {
  const query = useLive<Overview>('overview', '/overview')
  const now = useNow(query.data?.now)
  return <Loaded query={query}>{(data) => <OverviewPage data={data} now={now} />}</Loaded>
}

function seenWell({ hosts, alerts, selfProblems }: Overview): boolean {
  return hosts.up > 0 && hosts.down + hosts.planned + hosts.never === 0 && alerts.critical + alerts.warning === 0 && selfProblems.length === 0
}

function OverviewPage({ data, now }: { readonly data: Overview; readonly now: number }) {
  const hosts = data.hosts.up + data.hosts.down + data.hosts.planned + data.hosts.never
  return (
    <div className="grid">
      <h1 style={{ margin: 0 }}>{words.rooms.overview}</h1>
      {data.selfProblems.length > 0 && (
        <Alert
          type="warning"
          showIcon
          title={words.overview.selfProblems}
          description={data.selfProblems.map((problem) => (
            <div key={problem}>{problem}</div>
          ))}
        />
      )}
      <section aria-label={words.overview.broken} className="grid">
        <strong>
          {words.overview.broken}
          {data.incidents.length > 0 && <span className="critical"> {data.incidents.length}</span>}
        </strong>
        {data.incidents.map((incident) => (
          <IncidentCard key={incident.number} incident={incident} now={now} />
        ))}
        {data.incidents.length === 0 && (
          <div className="card">
            {hosts === 0 ? (
              <Empty description={words.overview.noHosts}>{words.overview.noHostsHint}</Empty>
            ) : (
              <>
                {/* Green only where everything was seen to be well: what is unknown is not green. */}
                <strong className={seenWell(data) ? 'good' : 'soft'}>{words.overview.calm}</strong>
                {seenWell(data) && <div className="soft">{words.overview.calmHint}</div>}
              </>
            )}
          </div>
        )}
      </section>
      <section className="grid tiles">
        {(['critical', 'warning', 'info'] as const).map((severity) => (
          <Link key={severity} to="/alerts" className="card tile" style={{ textDecoration: 'none', color: 'inherit' }}>
            <b className={data.alerts[severity] > 0 ? severity : 'soft'}>{data.alerts[severity]}</b>
            <span>
              {words.overview.firing} · {severityWords[severity]}
            </span>
          </Link>
        ))}
        {(['up', 'down', 'planned', 'never'] as const)
          .filter((presence) => presence === 'up' || presence === 'down' || data.hosts[presence] > 0)
          .map((presence) => (
            <Link key={presence} to="/hosts" className="card tile" style={{ textDecoration: 'none', color: 'inherit' }}>
              <b className={presence === 'down' && data.hosts.down > 0 ? 'critical' : presence === 'up' && data.hosts.up > 0 ? 'good' : 'soft'}>{data.hosts[presence]}</b>
              <span>
                {words.overview.hosts} · {presenceWords[presence]}
              </span>
            </Link>
          ))}
      </section>
      <section className="card">
        <div className="row spread">
          <strong>{words.overview.channels}</strong>
          <Link to="/notify">{words.rooms.notify}</Link>
        </div>
        {data.channels.length === 0 && <div className="warning">{words.overview.noChannels}</div>}
        {data.channels.map((channel) => (
          <div key={channel.name} className="row">
            <span>
              <i className={`dot ${channel.up === null ? '' : channel.up ? 'on' : 'down'}`} />
              {channelWords[channel.name] ?? channel.name}
              {channel.up === null && <span className="soft">（{words.overview.unknown}）</span>}
            </span>
            {channel.queued > 0 && <span className="warning">待发 {channel.queued}</span>}
            {channel.error !== null && <span className="critical">{channel.error}</span>}
          </div>
        ))}
      </section>
    </div>
  )
}
