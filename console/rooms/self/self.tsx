import { Descriptions, Table } from 'antd'
import type { SelfView } from '../../../protocol/api.ts'
import { useLive, useNow } from '../../api.ts'
import { agoText, bytesText, numberText, timeText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { words } from '../../words.ts'

/** What the collector says about itself. */
export function SelfRoom() {
  const query = useLive<SelfView>('overview', '/self')
  const now = useNow(query.data?.now)
  return (
    <div className="grid">
      <h1 style={{ margin: 0 }}>{words.self.title}</h1>
      <Loaded query={query}>
        {(self) => (
          <>
            <section className="card">
              <Descriptions
                size="small"
                column={{ xs: 1, sm: 2, lg: 3 }}
                items={[
                  { key: 'version', label: words.self.version, children: self.version },
                  { key: 'started', label: words.self.started, children: timeText(self.startedAt, now) },
                  { key: 'series', label: words.self.series, children: numberText(self.series) },
                  { key: 'samples', label: words.self.samples, children: numberText(self.samples) },
                  { key: 'chunks', label: words.self.chunks, children: bytesText(self.chunkBytes) },
                  { key: 'log', label: words.self.log, children: bytesText(self.logBytes) },
                ]}
              />
            </section>
            <section className="card">
              <strong>{words.self.refused}</strong>
              {self.refused.length === 0 && <div className="soft">{words.self.noneRefused}</div>}
              {self.refused.map((one) => (
                <div key={`${one.what}-${one.code}`}>
                  {one.what} · {one.code}：{one.count}
                </div>
              ))}
            </section>
            <section className="card">
              <strong>{words.self.rules}</strong>
              <Table
                rowKey={(rule) => `${rule.group}/${rule.name}`}
                size="small"
                scroll={{ x: 640 }}
                pagination={{ pageSize: 50, hideOnSinglePage: true }}
                dataSource={[...self.rules]}
                columns={[
                  { title: '组', dataIndex: 'group' },
                  { title: '规则', dataIndex: 'name' },
                  { title: '状态', key: 'health', render: (_, rule) => (rule.health === 'ok' ? <span className="good">正常</span> : rule.error === null ? <span className="soft">{words.overview.unknown}</span> : <span className="critical">{rule.error}</span>) },
                  { title: '最近判断', key: 'last', render: (_, rule) => (rule.lastEvaluationAt === null ? words.none : agoText(rule.lastEvaluationAt, now)) },
                  { title: '耗时', key: 'seconds', align: 'right', render: (_, rule) => `${(rule.evaluationSeconds * 1000).toFixed(2)} ms` },
                ]}
              />
            </section>
          </>
        )}
      </Loaded>
    </div>
  )
}
