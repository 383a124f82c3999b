import { useQuery } from '@tanstack/react-query'
import { Descriptions, Progress, Segmented, Table } from 'antd'
import { useState } from 'react'
import { Link, useParams } from 'react-router'
import type { HostDetail } from '../../../protocol/api.ts'
import { type Line, queryRange, useLive, useNow } from '../../api.ts'
import { agoText, bytesText, durationText, numberText, percentText, timeText } from '../../format.ts'
import { Chart } from '../../parts/chart.tsx'
import { Loaded } from '../../parts/loaded.tsx'
import { PresenceMark, SeverityTag } from '../../parts/severity.tsx'
import { words } from '../../words.ts'

const ranges = { '1h': 3_600_000, '6h': 21_600_000, '24h': 86_400_000, '7d': 604_800_000 } as const
type Range = keyof typeof ranges

const rateText = (value: number): string => `${bytesText(value)}/s`
const ratioText = (value: number): string => `${(value * 100).toFixed(0)}%`
const plainText = (value: number): string => numberText(value)

/** The charts of one host: `$host` is replaced by the quoted instance, `$w` by a window of at least four steps. */
const charts = [
  { title: words.hosts.charts.cpu, unit: ratioText, max: 1, queries: [{ expr: 'sum by (mode) (rate(node_cpu_seconds_total{instance=$host,mode!="idle"}[$w])) / scalar(count(node_cpu_seconds_total{instance=$host,mode="idle"}))', name: (labels: Labels) => labels['mode'] ?? '' }] },
  {
    title: words.hosts.charts.memory,
    unit: bytesText,
    queries: [
      { expr: 'node_memory_MemTotal_bytes{instance=$host} - node_memory_MemAvailable_bytes{instance=$host}', name: () => words.hosts.used },
      { expr: 'node_memory_MemTotal_bytes{instance=$host}', name: () => words.hosts.size },
    ],
  },
  {
    title: words.hosts.charts.load,
    unit: plainText,
    queries: [
      { expr: 'node_load1{instance=$host}', name: () => '1 分钟' },
      { expr: 'node_load5{instance=$host}', name: () => '5 分钟' },
      { expr: 'node_load15{instance=$host}', name: () => '15 分钟' },
    ],
  },
  { title: words.hosts.charts.filesystem, unit: ratioText, max: 1, queries: [{ expr: '1 - node_filesystem_avail_bytes{instance=$host} / node_filesystem_size_bytes{instance=$host}', name: (labels: Labels) => labels['mountpoint'] ?? '' }] },
  {
    title: words.hosts.charts.disk,
    unit: rateText,
    queries: [
      { expr: 'sum(rate(node_disk_read_bytes_total{instance=$host}[$w]))', name: () => '读' },
      { expr: 'sum(rate(node_disk_written_bytes_total{instance=$host}[$w]))', name: () => '写' },
    ],
  },
  {
    title: words.hosts.charts.network,
    unit: rateText,
    queries: [
      { expr: 'sum by (device) (rate(node_network_receive_bytes_total{instance=$host,device!="lo"}[$w]))', name: (labels: Labels) => `${labels['device'] ?? ''} 收` },
      { expr: 'sum by (device) (rate(node_network_transmit_bytes_total{instance=$host,device!="lo"}[$w]))', name: (labels: Labels) => `${labels['device'] ?? ''} 发` },
    ],
  },
] as const
type Labels = Readonly<Record<string, string>>

export function HostRoom() {
  const { instance = '' } = useParams()
  const query = useLive<HostDetail & { now: number }>('hosts', `/hosts/${encodeURIComponent(instance)}`)
  const now = useNow(query.data?.now)
  const [range, setRange] = useState<Range>('1h')
  return (
    <div className="grid">
      <Link to="/hosts">← {words.rooms.hosts}</Link>
      <Loaded query={query}>{(host) => <HostPage host={host} now={now} />}</Loaded>
      <div className="row spread">
        <strong>{words.hosts.charts.cpu.slice(0, 3)} · {words.hosts.charts.memory} · {words.hosts.charts.disk}</strong>
        <Segmented<Range> value={range} onChange={setRange} options={(Object.keys(ranges) as Range[]).map((key) => ({ value: key, label: words.hosts.range[key] }))} />
      </div>
      <div className="grid charts">
        {charts.map((chart) => (
          <HostChart key={chart.title} instance={instance} range={range} chart={chart} />
        ))}
      </div>
    </div>
  )
}

function HostChart({ instance, range, chart }: { readonly instance: string; readonly range: Range; readonly chart: (typeof charts)[number] }) {
  const query = useQuery({
    queryKey: ['chart', instance, range, chart.title],
    refetchInterval: 15_000,
    queryFn: async (): Promise<{ lines: Line[]; fromMs: number; toMs: number }> => {
      const stepSeconds = Math.max(15, Math.round(ranges[range] / 1000 / 360))
      const toMs = Math.floor(Date.now() / 1000 / stepSeconds) * stepSeconds * 1000
      const fromMs = toMs - ranges[range]
      const fill = (expr: string) => expr.replaceAll('$host', JSON.stringify(instance)).replaceAll('$w', `${Math.max(60, stepSeconds * 4)}s`)
      const lists = await Promise.all(chart.queries.map((one) => queryRange(fill(one.expr), fromMs, toMs, stepSeconds, one.name)))
      return { lines: lists.flat(), fromMs, toMs }
    },
  })
  if (query.error !== null && query.data === undefined)
    return (
      <section className="card">
        <strong>{chart.title}</strong>
        <div className="critical">{query.error.message}</div>
      </section>
    )
  return <Chart title={chart.title} lines={query.data?.lines ?? []} fromMs={query.data?.fromMs ?? 0} toMs={query.data?.toMs ?? 1} unit={chart.unit} {...('max' in chart ? { max: chart.max } : {})} />
}

function HostPage({ host, now }: { readonly host: HostDetail; readonly now: number }) {
  return (
    <>
      <div className="row">
        <h1 style={{ margin: 0 }}>{host.instance}</h1>
        <PresenceMark presence={host.presence} />
      </div>
      <section className="card">
        <Descriptions
          size="small"
          column={{ xs: 1, sm: 2, lg: 4 }}
          items={[
            { key: 'os', label: words.hosts.os, children: host.os ?? words.none },
            { key: 'kernel', label: words.hosts.kernel, children: host.kernel ?? words.none },
            { key: 'booted', label: words.hosts.booted, children: host.bootedAt === null ? words.none : durationText(now - host.bootedAt) },
            { key: 'seen', label: words.hosts.lastSeen, children: host.lastSeenAt === null ? words.none : agoText(host.lastSeenAt, now) },
            { key: 'cpu', label: words.hosts.cpu, children: percentText(host.cpuUsedRatio) },
            { key: 'memory', label: words.hosts.memory, children: percentText(host.memoryUsedRatio) },
            { key: 'load', label: words.hosts.load, children: host.load1 === null ? words.none : `${numberText(host.load1)} / ${host.cpus ?? words.none}` },
            { key: 'offset', label: words.hosts.offset, children: host.clockOffsetSeconds === null ? words.none : `${host.clockOffsetSeconds.toFixed(3)} s` },
            { key: 'agent', label: words.hosts.agent, children: host.agentVersion ?? words.none },
          ]}
        />
      </section>
      <section className="card">
        <strong>{words.hosts.filesystems}</strong>
        <Table
          rowKey="mountpoint"
          size="small"
          pagination={false}
          scroll={{ x: 480 }}
          dataSource={[...host.filesystems]}
          columns={[
            { title: '挂载点', dataIndex: 'mountpoint' },
            { title: '类型', dataIndex: 'fstype' },
            { title: words.hosts.size, dataIndex: 'sizeBytes', align: 'right', render: (bytes: number) => bytesText(bytes) },
            { title: words.hosts.available, dataIndex: 'availableBytes', align: 'right', render: (bytes: number) => bytesText(bytes) },
            {
              title: words.hosts.used,
              key: 'used',
              width: 180,
              render: (_, one) => {
                const used = one.sizeBytes > 0 ? 1 - one.availableBytes / one.sizeBytes : 0
                return <Progress percent={Number((used * 100).toFixed(1))} size="small" strokeColor={used > 0.95 ? '#c9252d' : used > 0.85 ? '#e38a1e' : '#23a267'} status="normal" />
              },
            },
          ]}
        />
      </section>
      <section className="card">
        <strong>{words.hosts.events}</strong>
        {host.events.length === 0 && <div className="soft">{words.hosts.noEvents}</div>}
        {host.events.map((event) => (
          <div key={event.id} className="row">
            <span className="soft">{timeText(event.at, now)}</span>
            <SeverityTag severity={event.severity} />
            <span>{event.text}</span>
          </div>
        ))}
      </section>
    </>
  )
}
