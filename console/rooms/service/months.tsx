import { Button, Tag, App } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router'
import type { MonthSummary, VerdictView } from '../../../protocol/api-service.ts'
import { RequestError, get } from '../../api.ts'
import { timeText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { fill, serviceWords } from '../../words.ts'
import { ServicePage, useService } from './service-page.tsx'

const w = serviceWords.months
export const monthColours = { running: 'blue', over: 'gold', frozen: 'green' } as const

/** Every month of the contract, and whether the frozen ones are still as they were frozen. */
export function MonthsRoom() {
  const query = useService<{ now: number; months: readonly MonthSummary[] }>('/months')
  return (
    <ServicePage>
      <Verify />
      <Loaded query={query}>
        {({ now, months }) =>
          months.map((one) => (
            <Link key={one.month} to={`/service/months/${one.month}`} className="card" style={{ color: 'inherit', textDecoration: 'none' }} data-month={one.month}>
              <div className="row spread">
                <strong>{one.month}</strong>
                <Tag color={monthColours[one.state]}>{w.state[one.state]}</Tag>
              </div>
              {one.hash !== null && (
                <div className="soft">
                  {fill(w.frozenBy, { who: one.frozenBy ?? '' })} {timeText(one.frozenAt ?? now, now)} · <code>{one.hash.slice(0, 16)}…</code>
                </div>
              )}
            </Link>
          ))
        }
      </Loaded>
    </ServicePage>
  )
}

function Verify() {
  const { modal, message } = App.useApp()
  const [busy, setBusy] = useState(false)
  const verify = async () => {
    setBusy(true)
    try {
      const verdict = await get<VerdictView>('/service/months/verify')
      if (verdict.kind === 'intact') modal.success({ title: fill(w.intact, verdict) })
      else modal.error({ title: fill(w.broken, verdict) })
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      void message.error(error.message)
    } finally {
      setBusy(false)
    }
  }
  return (
    <div>
      <Button loading={busy} onClick={() => void verify()}>
        {w.verify}
      </Button>
    </div>
  )
}
