/** What people must put right in the rosters, as faults that can be raised as alerts. Pure. */
import { calendarHealth } from './calendar.ts'
import { conflicts } from './conflicts.ts'
import { gaps } from './gaps.ts'
import type { Gap } from './gaps.ts'
import type { DutyPlan } from './plan.ts'
import { fill } from '../sentence.ts'
import { calendarText, conflictText, gapText } from './wording.ts'
import type { DutyWording } from './wording.ts'

/** One fault of the rosters. `key` stays the same while it lasts, so that it is one alert. */
export interface DutyFault {
  readonly key: string
  readonly kind: 'gap' | 'conflict' | 'calendar'
  /** critical: nobody is on duty now. */
  readonly severity: 'critical' | 'warning'
  readonly text: string
}

const LINES = 5

/** Gaps that run now or begin within `aheadMs`, one fault a roster or demand; conflicts in that time; the calendar. */
export function dutyFaults(plan: DutyPlan, wording: DutyWording, now: number, aheadMs: number): readonly DutyFault[] {
  const range = { from: now, to: now + aheadMs }
  const byWhom = Map.groupBy(gaps(plan, range), (gap) => `gap/${gap.of.kind}/${gap.of.name}`)
  const ofGaps = [...byWhom].map(([key, list]): DutyFault => ({ key, kind: 'gap', severity: list.some((gap) => gap.from <= now) ? 'critical' : 'warning', text: listText(plan, wording, list) }))
  const lines = [...new Set(conflicts(plan, range).map((conflict) => conflictText(wording, plan, conflict)))]
  const ofConflicts = lines.map((text): DutyFault => ({ key: `conflict/${text}`, kind: 'conflict', severity: 'warning', text }))
  const ofCalendar = calendarHealth(plan.calendar, plan.zone, now).map((fault): DutyFault => ({ key: `calendar/${fault.year}`, kind: 'calendar', severity: fault.kind === 'missing' ? 'critical' : 'warning', text: calendarText(wording, fault) }))
  return [...ofGaps, ...ofCalendar, ...ofConflicts]
}

function listText(plan: DutyPlan, wording: DutyWording, list: readonly Gap[]): string {
  const lines = list.slice(0, LINES).map((gap) => gapText(wording, plan, gap))
  return [...lines, ...(list.length > LINES ? [fill(wording.gap.more, { count: list.length - LINES })] : [])].join('；')
}
