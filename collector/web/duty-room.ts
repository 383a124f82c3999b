/** The duty room as the web's routes ask it. */
import type { DutyOverrideReply } from '../../protocol/api-duty.ts'
import { LONGEST_CHANGE_DAYS, outOfBounds } from '../duty/preview.ts'
import type { Consequences } from '../duty/preview.ts'
import { parseDate } from '../duty/local-time.ts'
import type { OverrideBody } from '../duty/override.ts'
import type { Duty } from '../duty/run.ts'
import { dutyMonth, dutyNow, escalationView, overrideViews } from '../duty/view.ts'
import { fill } from '../sentence.ts'
import { conflictText, gapText, overrideText } from '../duty/wording.ts'
import type { Refused } from './dependencies.ts'
import type { DutyDependencies } from './duty-dependencies.ts'

/** Longest stretch of days that one question may ask for. */
const MOST_DAYS = 62
/** Faults of one change that are told; an absence of a year has hundreds. */
const MOST_FAULTS = 30
/** Changes that are listed; older ones stay in state.db and the audit log. */
const MOST_CHANGES = 500

/** Adapts the room. `changed` hears of every change that was made or taken back. */
export function dutyRoom(duty: Duty, now: () => number, changed: () => void): DutyDependencies {
  const wording = () => duty.context().wording
  const told = ({ conflicts, gaps }: Consequences): readonly string[] => {
    const all = [...new Set([...gaps.map((gap) => gapText(wording(), duty.plan(), gap)), ...conflicts.map((one) => conflictText(wording(), duty.plan(), one))])]
    return all.length <= MOST_FAULTS ? all : [...all.slice(0, MOST_FAULTS), fill(wording().gap.more, { count: all.length - MOST_FAULTS })]
  }
  const refused = (faults: readonly string[]): Refused => ({ kind: 'refused', status: 422, code: 'no-such-change', message: faults.join('；') })
  const beyond = (body: OverrideBody): Refused | undefined => {
    const why = outOfBounds(duty.plan(), body, now())
    return why === undefined ? undefined : refused([fill(wording().override[why], { days: why === 'too-long' ? LONGEST_CHANGE_DAYS : 2 * LONGEST_CHANGE_DAYS })])
  }
  const textOf = (body: OverrideBody): string => overrideText(wording(), duty.plan(), body)
  return {
    now: (contacts) => dutyNow(duty.plan(), wording(), now(), contacts),
    month(from, to) {
      const [first, last] = [parseDate(from), parseDate(to)]
      if (first === undefined || last === undefined || last < first || last - first >= MOST_DAYS) return { kind: 'refused', status: 400, code: 'malformed', message: `from 与 to 须为日期（2026-10-01），相隔不超过 ${MOST_DAYS} 天` }
      return { kind: 'done', value: dutyMonth(duty.plan(), wording(), first, last, now()) }
    },
    overrides: async (reasons) => ({ now: now(), overrides: overrideViews(duty.plan(), wording(), (await duty.overrides()).slice(-MOST_CHANGES), reasons) }),
    async override(body, actor, reason) {
      const no = beyond(body)
      if (no !== undefined) return no
      const outcome = await duty.override(body, actor, reason)
      if (outcome.kind === 'refused') return refused(outcome.conflicts.map((one) => conflictText(wording(), duty.plan(), one)))
      changed()
      return { kind: 'done', value: { kind: 'made', text: textOf(body), id: outcome.override.id, faults: told(outcome) } }
    },
    async preview(body) {
      const no = beyond(body)
      if (no !== undefined) return no
      const outcome = await duty.preview(body)
      const reply: DutyOverrideReply =
        outcome.kind === 'refused'
          ? { kind: 'impossible', text: textOf(body), id: null, faults: outcome.conflicts.map((one) => conflictText(wording(), duty.plan(), one)) }
          : { kind: 'possible', text: textOf(body), id: null, faults: told(outcome) }
      return { kind: 'done', value: reply }
    },
    async revoke(id, actor, reason) {
      if (!(await duty.revoke(id, actor, reason))) return { kind: 'refused', status: 404, code: 'not-found', message: wording().override.unknown }
      changed()
      return { kind: 'done', value: undefined }
    },
    escalation: () => escalationView(duty.plan(), duty.policies()),
  }
}
