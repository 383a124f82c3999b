import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../clock.ts'
import { verifyAudit } from '../state/audit.ts'
import { openState } from '../state/open.ts'
import type { State } from '../state/open.ts'
import { loadDuty } from './load.ts'
import { onDuty } from './recipients.ts'
import { openDuty } from './run.ts'
import type { Duty } from './run.ts'
import { recordTold } from './storage.ts'

const alerts = new URL('../../alerts/', import.meta.url).pathname
const at = (text: string): number => Date.parse(`${text.replace(' ', 'T')}:00+08:00`)

let state: State
let now = at('2026-11-22 10:00')
const clock: Clock = { now: () => now, every: () => () => undefined }
let folder = ''
beforeEach(async () => {
  now = at('2026-11-22 10:00')
  folder = mkdtempSync(join(tmpdir(), 'zhishou-duty-'))
  state = await openState(':memory:')
})
afterEach(async () => {
  await state.close()
  rmSync(folder, { recursive: true })
})
const open = (): Promise<Duty> => openDuty({ state, clock, files: loadDuty({ alerts }) })
const nightOf = (duty: Duty, when: string): string => {
  const answer = onDuty(duty.plan(), 'night', at(when))
  return answer.kind === 'people' ? answer.people.map((one) => one.person.id).join() : answer.kind
}

describe('changes to the roster', () => {
  const swap = (first: string, second: string) =>
    ({ kind: 'swap', first: { roster: 'night', shift: 'night', date: '2026-11-23', person: first }, second: { roster: 'night', shift: 'night', date: '2026-11-24', person: second } }) as const

  it('are kept, audited, undone, and the same after a restart', async () => {
    const duty = await open()
    const [monday, tuesday] = [nightOf(duty, '2026-11-23 22:00'), nightOf(duty, '2026-11-24 22:00')]
    expect(monday).not.toBe(tuesday)
    expect(await duty.override(swap(monday, tuesday), 'wang', '家中有事')).toMatchObject({ kind: 'made', override: { id: 1, by: 'wang', at: now } })
    expect([nightOf(duty, '2026-11-23 22:00'), nightOf(duty, '2026-11-24 22:00')]).toEqual([tuesday, monday])
    const again = await open()
    expect(nightOf(again, '2026-11-23 22:00')).toBe(tuesday)
    expect(await again.revoke(1, 'li', '不换了')).toBe(true)
    expect(await again.revoke(1, 'li', '不换了')).toBe(false)
    expect(nightOf(again, '2026-11-23 22:00')).toBe(monday)
    expect(await again.overrides()).toMatchObject([{ id: 1, reason: '家中有事', revoked: { by: 'li', at: now, reason: '不换了' } }])
    const audit = await state.db.selectFrom('audit').select(['actor', 'action', 'object']).execute()
    expect(audit).toEqual([{ actor: 'wang', action: 'duty.swap', object: 'duty override 1' }, { actor: 'li', action: 'duty.revoke', object: 'duty override 1' }])
    expect((await verifyAudit(state.db)).kind).toBe('intact')
  })

  it('are refused when they could have no effect, and leave nothing', async () => {
    const duty = await open()
    expect(await duty.override(swap('hotline-1', 'hotline-2'), 'wang', '换')).toMatchObject({ kind: 'refused', conflicts: [{ kind: 'not-owned' }] })
    expect(await duty.overrides()).toEqual([])
    expect(await state.db.selectFrom('audit').selectAll().execute()).toEqual([])
  })

  it('of two people who ask for the same at once, the second is judged by what the first has made', async () => {
    const [one, other] = [await open(), await open()]
    const [monday, tuesday] = [nightOf(one, '2026-11-23 22:00'), nightOf(one, '2026-11-24 22:00')]
    const outcomes = await Promise.all([one.override(swap(monday, tuesday), 'wang', '换'), other.override(swap(monday, tuesday), 'li', '换')])
    // The second would undo the first unseen: by then the places are no longer held as it says, but the other way round.
    expect(outcomes.map((outcome) => outcome.kind).sort()).toEqual(['made', 'refused'])
  })

  it('an absence shows as a fault with the reason, and goes with a stand-in', async () => {
    const duty = await open()
    const monday = nightOf(duty, '2026-11-23 22:00')
    const before = duty.faults()
    expect(before).toEqual([])
    const made = await duty.override({ kind: 'absence', person: monday, from: at('2026-11-23 12:00'), to: at('2026-11-24 12:00') }, 'wang', '病假')
    expect(made.kind).toBe('made')
    expect(duty.faults().map((fault) => [fault.severity, fault.key])).toEqual(expect.arrayContaining([['warning', 'gap/roster/night'], ['warning', 'gap/cover/engineers']]))
    expect(duty.faults().map((fault) => fault.text).join()).toMatch(/全天有工程师值班：11-23 18:00 至 11-24 08:30 无人值班（示例工程师. 请假（1 号调整） 不在岗，无人替班）/)
    await duty.override({ kind: 'substitute', roster: 'night', out: monday, in: 'engineer-1', from: at('2026-11-23 18:00'), to: at('2026-11-24 08:30') }, 'wang', '替班')
    expect(duty.faults().filter((fault) => fault.kind === 'gap')).toEqual([])
  })
})

describe('the site’s calendar folder', () => {
  it('adds years and replaces shipped ones', () => {
    mkdirSync(join(folder, 'calendar'))
    writeFileSync(join(folder, 'calendar', '2027.yml'), 'year: 2027\nsource: 测试用的通知\nholidays:\n  - { name: 元旦, from: 2027-01-01, to: 2027-01-03 }\n')
    const { calendar } = loadDuty({ alerts, calendarFolder: join(folder, 'calendar') })
    expect([...calendar.years.keys()]).toEqual([2026, 2027])
    writeFileSync(join(folder, 'calendar', '2026.yml'), 'year: 2026\nsource: 站点更正\nholidays:\n  - { name: 元旦, from: 2026-01-01, to: 2026-01-01 }\n')
    expect(loadDuty({ alerts, calendarFolder: join(folder, 'calendar') }).calendar.years.get(2026)?.source).toBe('站点更正')
    expect(() => loadDuty({ alerts, calendarFolder: join(folder, 'nowhere') })).not.toThrow()
  })
})

describe('escalation', () => {
  const incident = (startedAt: number) => ({ number: 'F20261122-001', profile: 'standard', severity: 'critical', factor: 1, clocks: [{ clock: 'respond', limitMs: 3_600_000, dueAt: startedAt + 3_600_000, stoppedAt: null }] as const })

  it('is told once over restarts, whoever asks', async () => {
    const startedAt = now - 30 * 60_000
    const ask = async (duty: Duty, keep: boolean): Promise<string | undefined> =>
      state.db.transaction().execute(async (trx) => {
        const { due } = await duty.escalation(trx, incident(startedAt))
        if (due !== undefined && keep) expect(await recordTold(trx, due, now)).toBe(true)
        return due?.key
      })
    const duty = await open()
    const key = await ask(duty, false)
    expect(key).toBe('escalation/F20261122-001/respond-50')
    // The process ended before the message was queued: nothing is on record, and the same message is due again.
    expect(await ask(await open(), true)).toBe(key)
    expect(await ask(await open(), true)).toBeUndefined()
    now += 5 * 60_000
    expect(await ask(await open(), true)).toBe('escalation/F20261122-001/respond-50r1')
    expect(duty.recipients(['on-call']).people.map((one) => one.as)).toEqual(['on-call'])
  })

  it('a step that somebody else has put on record meanwhile is not told twice', async () => {
    const duty = await open()
    const { due } = await state.db.transaction().execute((trx) => duty.escalation(trx, incident(now - 30 * 60_000)))
    expect(await state.db.transaction().execute((trx) => recordTold(trx, due!, now))).toBe(true)
    expect(await state.db.transaction().execute((trx) => recordTold(trx, due!, now))).toBe(false)
  })
})
