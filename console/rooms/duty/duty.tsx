import { Alert, App, Segmented } from 'antd'
import { useState } from 'react'
import type { DutyNow } from '../../../protocol/api-duty.ts'
import { useLive, useNow } from '../../api.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { fill, words } from '../../words.ts'
import { Accounts } from './accounts.tsx'
import { Calendar } from './calendar.tsx'
import { Change } from './change.tsx'
import { Changes } from './changes.tsx'
import { Escalation } from './escalation.tsx'
import { Today } from './today.tsx'

type Tab = keyof typeof words.duty.tabs

/** Who is on duty, who will be, what people changed in it, and who is told how early. */
export function DutyRoom() {
  const [tab, setTab] = useState<Tab>('now')
  const query = useLive<DutyNow>('duty', '/duty')
  const now = useNow(query.data?.now)
  return (
    <App className="grid">
      <div className="row spread">
        <h1 style={{ margin: 0 }}>{words.rooms.duty}</h1>
        <span className="row">
          <Segmented<Tab>
            value={tab}
            onChange={setTab}
            options={[
              { value: 'now', label: words.duty.tabs.now },
              { value: 'changes', label: words.duty.tabs.changes },
              { value: 'escalation', label: words.duty.tabs.escalation },
            ]}
          />
          {query.data !== undefined && <Change duty={query.data} />}
        </span>
      </div>
      <Loaded query={query}>
        {(duty) => {
          if (tab === 'changes') return <Changes now={now} />
          if (tab === 'escalation') return <Escalation />
          return (
            <>
              <Today duty={duty} />
              <Faults duty={duty} />
              <Calendar duty={duty} />
              <Accounts />
              <section className="card soft">
                <strong>{words.duty.calendar}</strong>
                {duty.calendar.years.map((one) => (
                  <div key={one.year}>{fill(words.duty.calendarOf, one)}</div>
                ))}
              </section>
            </>
          )
        }}
      </Loaded>
    </App>
  )
}

/** What people must put right, the worst first; or that there is nothing. */
function Faults({ duty }: { readonly duty: DutyNow }) {
  const { gaps, conflicts, calendar } = duty
  if (gaps.length + conflicts.length + calendar.faults.length === 0) return <Alert type="success" showIcon title={words.duty.calm} />
  const list = (lines: readonly string[]) => (
    <ul style={{ margin: 0, paddingInlineStart: 20 }}>
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  )
  return (
    <>
      {gaps.length > 0 && <Alert type="error" showIcon title={words.duty.gaps} description={list(gaps.map((gap) => gap.text))} />}
      {calendar.faults.length > 0 && <Alert type="warning" showIcon title={words.duty.calendar} description={list(calendar.faults)} />}
      {conflicts.length > 0 && <Alert type="warning" showIcon title={words.duty.conflicts} description={list(conflicts)} />}
    </>
  )
}
