import { useMutation } from '@tanstack/react-query'
import { App, Button, Grid, Input, Modal, Table } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router'
import type { HostSummary, NewToken } from '../../../protocol/api.ts'
import { type RequestError, post, useLive, useNow, useSession } from '../../api.ts'
import { agoText, durationText, numberText, percentText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { PresenceMark } from '../../parts/severity.tsx'
import { words } from '../../words.ts'

/** Every enrolled host, the broken ones first. */
export function HostsRoom() {
  const wide = Grid.useBreakpoint().md === true
  const session = useSession()
  const [filter, setFilter] = useState('')
  const query = useLive<{ now: number; hosts: HostSummary[] }>('hosts', '/hosts')
  const now = useNow(query.data?.now)
  const matches = (host: HostSummary) => `${host.instance} ${host.os ?? ''}`.toLowerCase().includes(filter.trim().toLowerCase())
  return (
    <App className="grid">
      <div className="row spread">
        <h1 style={{ margin: 0 }}>{words.rooms.hosts}</h1>
        <span className="row">
          <Input.Search allowClear placeholder={words.hosts.search} onChange={(event) => setFilter(event.target.value)} style={{ width: 220 }} />
          {session.permissions.includes('agents.manage') && <AddHost />}
        </span>
      </div>
      <Loaded query={query}>
        {(data) => {
          const hosts = data.hosts.filter(matches)
          return wide ? <HostTable hosts={hosts} now={now} /> : <HostCards hosts={hosts} now={now} />
        }}
      </Loaded>
    </App>
  )
}

function firing(host: HostSummary) {
  const { critical, warning } = host.firing
  if (critical + warning === 0) return <span className="soft">0</span>
  return (
    <>
      {critical > 0 && <b className="critical">{critical}</b>}
      {critical > 0 && warning > 0 && ' / '}
      {warning > 0 && <b className="warning">{warning}</b>}
    </>
  )
}

function HostTable({ hosts, now }: { readonly hosts: readonly HostSummary[]; readonly now: number }) {
  return (
    <Table<HostSummary>
      rowKey="instance"
      size="middle"
      dataSource={[...hosts]}
      pagination={{ pageSize: 50, hideOnSinglePage: true }}
      scroll={{ x: 900 }}
      columns={[
        { title: words.hosts.name, dataIndex: 'instance', sorter: (a, b) => a.instance.localeCompare(b.instance), render: (name: string) => <Link to={`/hosts/${encodeURIComponent(name)}`}>{name}</Link> },
        { title: words.hosts.state, dataIndex: 'presence', sorter: (a, b) => a.presence.localeCompare(b.presence), render: (_, host) => <PresenceMark presence={host.presence} /> },
        { title: words.hosts.alerts, key: 'firing', sorter: (a, b) => a.firing.critical - b.firing.critical || a.firing.warning - b.firing.warning, render: (_, host) => firing(host) },
        { title: words.hosts.cpu, key: 'cpu', align: 'right', sorter: (a, b) => (a.cpuUsedRatio ?? -1) - (b.cpuUsedRatio ?? -1), render: (_, host) => percentText(host.cpuUsedRatio) },
        { title: words.hosts.memory, key: 'memory', align: 'right', sorter: (a, b) => (a.memoryUsedRatio ?? -1) - (b.memoryUsedRatio ?? -1), render: (_, host) => percentText(host.memoryUsedRatio) },
        {
          title: words.hosts.disk,
          key: 'disk',
          sorter: (a, b) => (a.fullestFilesystem?.usedRatio ?? -1) - (b.fullestFilesystem?.usedRatio ?? -1),
          render: (_, host) => (host.fullestFilesystem === null ? words.none : `${percentText(host.fullestFilesystem.usedRatio)}  ${host.fullestFilesystem.mountpoint}`),
        },
        { title: words.hosts.load, key: 'load', align: 'right', render: (_, host) => (host.load1 === null ? words.none : `${numberText(host.load1)} / ${host.cpus ?? words.none}`) },
        { title: words.hosts.booted, key: 'booted', render: (_, host) => (host.bootedAt === null ? words.none : durationText(now - host.bootedAt)) },
        { title: words.hosts.lastSeen, key: 'seen', render: (_, host) => (host.lastSeenAt === null ? words.none : agoText(host.lastSeenAt, now)) },
        { title: words.hosts.os, dataIndex: 'os', render: (os: string | null) => os ?? words.none },
      ]}
    />
  )
}

function HostCards({ hosts, now }: { readonly hosts: readonly HostSummary[]; readonly now: number }) {
  return hosts.map((host) => (
    <Link key={host.instance} to={`/hosts/${encodeURIComponent(host.instance)}`} className="card" style={{ color: 'inherit', textDecoration: 'none' }}>
      <div className="row spread">
        <strong>{host.instance}</strong>
        <PresenceMark presence={host.presence} />
      </div>
      <div className="row soft">
        <span>
          {words.hosts.cpu} {percentText(host.cpuUsedRatio)}
        </span>
        <span>
          {words.hosts.memory} {percentText(host.memoryUsedRatio)}
        </span>
        {host.fullestFilesystem !== null && (
          <span>
            {host.fullestFilesystem.mountpoint} {percentText(host.fullestFilesystem.usedRatio)}
          </span>
        )}
        <span>
          {words.hosts.alerts} {firing(host)}
        </span>
        <span>
          {words.hosts.lastSeen} {host.lastSeenAt === null ? words.none : agoText(host.lastSeenAt, now)}
        </span>
      </div>
    </Link>
  ))
}

function AddHost() {
  const session = useSession()
  const { message } = App.useApp()
  const [open, setOpen] = useState(false)
  const [host, setHost] = useState('')
  const make = useMutation<NewToken, RequestError, string>({ mutationFn: (name) => post<NewToken>('/agents/tokens', { host: name }, session.csrf), onError: (error) => void message.error(error.message) })
  const close = () => {
    setOpen(false)
    setHost('')
    make.reset()
  }
  return (
    <>
      <Button type="primary" onClick={() => setOpen(true)}>
        {words.hosts.add}
      </Button>
      <Modal open={open} title={words.hosts.addTitle} onCancel={close} footer={null} destroyOnHidden>
        {make.data === undefined ? (
          <form
            onSubmit={(event) => {
              event.preventDefault()
              make.mutate(host.trim())
            }}
          >
            <label>
              {words.hosts.addHost}
              <Input value={host} onChange={(event) => setHost(event.target.value)} autoFocus maxLength={200} />
            </label>
            <Button type="primary" htmlType="submit" disabled={host.trim() === ''} loading={make.isPending} style={{ marginTop: 12 }}>
              {words.hosts.addMake}
            </Button>
          </form>
        ) : (
          <>
            <p>{words.hosts.addHint}</p>
            <pre className="command">{make.data.command}</pre>
            <Button onClick={() => void navigator.clipboard.writeText(make.data.command).then(() => message.success(words.copied))}>{words.copy}</Button>
          </>
        )}
      </Modal>
    </>
  )
}
