/** Duty and message links for the web room's tests: every act succeeds and is kept; a token is a word that says what comes. */
import type { AckAnswer, AckLinkDependencies, DutyDependencies } from '../collector/web/duty-dependencies.ts'

export const dutyBodies = {
  override: { body: { kind: 'absence', person: 'engineer-1', from: 1_000, to: 2_000 }, reason: '病假' },
  back: { reason: '不换了' },
  call: { calledBy: 'engineer-1' },
} as const

export function stubDuty(acts: unknown[][], now: number): DutyDependencies {
  return {
    now(contacts) {
      const person = { id: 'engineer-1', name: '示例工程师一', phone: contacts ? '13800000000' : null, mail: contacts ? 'one@example.org' : null }
      return { now, contacts, rosters: [], roles: [{ name: 'lead', title: '负责人', people: [person] }], gaps: [], conflicts: [], calendar: { years: [], faults: [] }, people: [person], shifts: [] }
    },
    month: (from, to) => (from <= to ? { kind: 'done', value: { now, days: [], shifts: [], gaps: [] } } : { kind: 'refused', status: 400, code: 'malformed', message: 'from' }),
    overrides: (reasons) => Promise.resolve({ now, overrides: [{ id: 1, body: dutyBodies.override.body, text: '请假', reason: reasons ? '病假' : null, by: 'wang', at: now, revoked: null }] }),
    override(...parts) {
      acts.push(['override', ...parts])
      return Promise.resolve({ kind: 'done', value: { kind: 'made', text: '请假', id: 1, faults: [] } })
    },
    preview: () => Promise.resolve({ kind: 'done', value: { kind: 'possible', text: '请假', id: null, faults: ['无人值班'] } }),
    revoke(...parts) {
      acts.push(['revoke-override', ...parts])
      return Promise.resolve({ kind: 'done', value: undefined })
    },
    escalation: () => ({ policies: [], roles: [] }),
  }
}

const kinds = ['ask', 'done', 'already', 'used', 'gone', 'wrong', 'limited'] as const

/** The token is the kind of answer; any other one is wrong. */
export function stubAckLinks(acts: unknown[][]): AckLinkDependencies {
  const answerTo = (token: string): AckAnswer => {
    const kind = kinds.find((one) => one === token) ?? 'wrong'
    return { kind, heading: `heading-${kind}`, lines: ['[紧急]主机故障 F20261122-001'], ...(kind === 'ask' ? { confirm: '确认由我响应', hint: '仅打开本页不会产生任何记录' } : {}), ...(kind === 'limited' ? { retryAfterMs: 1_500 } : {}) }
  }
  return {
    look: (token) => Promise.resolve(answerTo(token)),
    confirm(token, address) {
      acts.push(['confirm-link', token, address])
      return Promise.resolve(answerTo(token === 'ask' ? 'done' : token))
    },
    elsewhere: () => ({ kind: 'elsewhere', heading: 'heading-elsewhere', lines: [] }),
  }
}
