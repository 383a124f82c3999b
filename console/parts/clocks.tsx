import type { ClockView } from '../../protocol/api.ts'
import { countdownText, durationText, hoursText } from '../format.ts'
import { clockWords } from '../words.ts'

/** The three SLA clocks of an incident. A running clock ticks by `now`; a stopped one shows what it took. */
export function Clocks({ clocks, now }: { readonly clocks: readonly ClockView[]; readonly now: number }) {
  return (
    <div className="clocks">
      {clocks.map((clock) => (
        <Clock key={clock.clock} clock={clock} now={now} />
      ))}
    </div>
  )
}

function Clock({ clock, now }: { readonly clock: ClockView; readonly now: number }) {
  const left = clock.state === 'running' ? clock.dueAt - now : clock.leftMs
  const used = Math.min(1, Math.max(0, 1 - left / clock.limitMs))
  // What was done in time is well, however close it came.
  const tone = left < 0 ? 'critical' : clock.state === 'running' && used >= 0.75 ? 'warning' : 'good'
  const name = clockWords[clock.clock]
  return (
    <div className="clock" data-clock={clock.clock} data-state={clock.state}>
      <div className="soft clock-name">
        {name}（{hoursText(clock.limitMs)}）
      </div>
      <div className={`left ${tone}`}>{clock.state === 'running' ? countdownText(left) : left < 0 ? '已超时' : '按时'}</div>
      <div className="bar" role="progressbar" aria-label={`${name}已用时间`} aria-valuenow={Math.round(used * 100)} aria-valuemin={0} aria-valuemax={100}>
        <i className={tone} style={{ width: `${used * 100}%` }} />
      </div>
      <div className="soft">{clock.state === 'running' ? (left < 0 ? '已超时' : '剩余') : `用时 ${durationText(clock.limitMs - left)}`}</div>
    </div>
  )
}
