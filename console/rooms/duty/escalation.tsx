import { Grid, Table } from 'antd'
import type { DutyEscalation } from '../../../protocol/api-duty.ts'
import { useLive } from '../../api.ts'
import { durationText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { clockWords, fill, severityWords, words } from '../../words.ts'

type Policy = DutyEscalation['policies'][number]

/** Who is told how early before a clock runs out, and who is asked when nobody is on duty. */
export function Escalation() {
  const query = useLive<DutyEscalation>('duty', '/duty/escalation')
  return (
    <Loaded query={query}>
      {(data) => (
        <>
          {data.policies.map((policy) => (
            <PolicyTable key={policy.name} policy={policy} />
          ))}
          <section className="card">
            <strong>{words.duty.chain}</strong>
            <Table
              rowKey="name"
              size="small"
              pagination={false}
              dataSource={[...data.roles]}
              columns={[
                { title: words.duty.role, dataIndex: 'title' },
                { title: words.duty.found, key: 'found', render: (_, role) => (role.rosters.length === 0 ? words.duty.allHolders : role.rosters.join('、')) },
                { title: words.duty.otherwise, key: 'next', render: (_, role) => role.next ?? words.duty.last },
              ]}
            />
          </section>
        </>
      )}
    </Loaded>
  )
}

function PolicyTable({ policy }: { readonly policy: Policy }) {
  const wide = Grid.useBreakpoint().md === true
  const repeatOf = (step: Policy['steps'][number]) => (step.repeatEveryMs === null ? words.duty.once : fill(words.duty.every, { time: durationText(step.repeatEveryMs) }))
  const whose = policy.severities.length === 0 ? words.duty.others : policy.severities.map((one) => (one === 'critical' || one === 'warning' || one === 'info' ? severityWords[one] : one)).join('、')
  const told = policy.steps.some((step) => step.channels.length > 0)
  return (
    <section className="card">
      <strong>{fill(words.duty.policyFor, { who: whose })}</strong>
      {policy.profiles.length > 0 && <div className="soft">{fill(words.duty.profiles, { profiles: policy.profiles.join('、') })}</div>}
      <Table<Policy['steps'][number]>
        rowKey={(step) => `${step.clock}-${step.used}`}
        size="small"
        pagination={false}
        dataSource={[...policy.steps]}
        columns={[
          // One clock's steps are one block.
          { title: words.duty.clock, key: 'clock', className: 'short', onCell: (step, index) => ({ rowSpan: policy.steps[(index ?? 0) - 1]?.clock === step.clock ? 0 : policy.steps.filter((one) => one.clock === step.clock).length }), render: (_, step) => <b>{clockWords[step.clock]}</b> },
          { title: words.duty.used, key: 'used', className: 'short', render: (_, step) => (step.used === 100 ? <b className="critical">{words.duty.breach}</b> : `${step.used}%`) },
          { title: words.duty.told, key: 'to', render: (_, step) => (
              <>
                {step.to.join('、')}
                {!wide && <div className="soft">{repeatOf(step)}</div>}
              </>
            ) },
          ...(wide ? [{ title: words.duty.repeat, key: 'repeat', render: (_: unknown, step: Policy['steps'][number]) => repeatOf(step) }] : []),
          ...(told ? [{ title: words.duty.ways, key: 'ways', render: (_: unknown, step: Policy['steps'][number]) => (step.channels.length === 0 ? words.duty.ownWays : step.channels.join('、')) }] : []),
        ]}
      />
    </section>
  )
}
