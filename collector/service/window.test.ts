import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { total } from './intervals.ts'
import { maintenanceOf, planWindow, reachesFrozen, replayWindow, stepWindow, windowAt } from './window.ts'
import type { MaintenanceWindow, WindowEvent } from './window.ts'

const HOUR = 3_600_000
const T = Date.UTC(2026, 6, 10, 14)
const plan = (fields: Partial<Extract<WindowEvent, { type: 'planned' }>> = {}): Extract<WindowEvent, { type: 'planned' }> => ({ type: 'planned', services: ['portal'], objects: ['web-01'], from: T, to: T + 2 * HOUR, reason: '升级', by: 'onsite', afterTheFact: false, ...fields })
const approved = (at: number, name = '甲方李工'): WindowEvent => ({ type: 'approved', by: 'onsite', approval: { name, at, how: '书面' } })
const stepped = (step: ReturnType<typeof stepWindow>): MaintenanceWindow => {
  if (step.kind === 'refused') throw new Error(step.code)
  return step.value
}
const code = (step: ReturnType<typeof stepWindow>): string => (step.kind === 'refused' ? step.code : 'stepped')
const planned = stepped(planWindow('M1', plan(), T - HOUR))

describe('maintenance windows', () => {
  it('W1: count only with the approval of somebody on the client’s side', () => {
    expect(maintenanceOf([planned], 'portal')).toEqual([])
    expect(code(stepWindow(planned, approved(T, 'onsite'), T))).toBe('approver-missing')
    expect(code(stepWindow(planned, approved(T + 1), T))).toBe('approval-in-future')
    const window = stepped(stepWindow(planned, approved(T - HOUR), T))
    expect(window).toMatchObject({ afterTheFact: false, version: 2 })
    expect(maintenanceOf([window], 'portal')).toEqual([{ from: T, to: T + 2 * HOUR }])
    expect(maintenanceOf([window], 'sms')).toEqual([])
    expect(code(stepWindow(window, approved(T - HOUR), T))).toBe('approved-already')
  })

  it('W2: after the fact only with its mark, which it keeps for good', () => {
    expect(code(planWindow('M1', plan(), T + 1))).toBe('after-the-fact')
    expect(code(planWindow('M1', plan({ afterTheFact: true }), T))).toBe('not-after-the-fact')
    expect(stepped(planWindow('M1', plan({ afterTheFact: true }), T + 1)).afterTheFact).toBe(true)
    // Planned in time, but the client agreed only later.
    expect(stepped(stepWindow(planned, approved(T + 1), T + HOUR)).afterTheFact).toBe(true)
  })

  it('W3: are shortened and cancelled, never lengthened, and keep what was planned', () => {
    const window = stepped(stepWindow(planned, approved(T - HOUR), T))
    const shorter = stepped(stepWindow(window, { type: 'shortened', by: 'x', to: T + HOUR, reason: '提前完成' }, T + HOUR))
    expect(shorter).toMatchObject({ from: T, to: T + 2 * HOUR, endsAt: T + HOUR })
    for (const to of [T, T + HOUR, T + 3 * HOUR]) expect(code(stepWindow(shorter, { type: 'shortened', by: 'x', to, reason: 'r' }, T))).toBe('not-shorter')
    const inTheMiddle = stepped(stepWindow(window, { type: 'cancelled', by: 'x', effectiveAt: T + 600_000, reason: '中止' }, T + HOUR))
    expect(inTheMiddle).toMatchObject({ cancelled: true, to: T + 2 * HOUR, endsAt: T + 600_000 })
    expect(maintenanceOf([inTheMiddle], 'portal')).toEqual([{ from: T, to: T + 600_000 }])
    // Never used: takes nothing out.
    expect(maintenanceOf([stepped(stepWindow(window, { type: 'cancelled', by: 'x', effectiveAt: T - HOUR, reason: '改期' }, T + 9 * HOUR))], 'portal')).toEqual([])
    expect(code(stepWindow(window, { type: 'cancelled', by: 'x', effectiveAt: T + HOUR, reason: 'r' }, T))).toBe('in-future')
    for (const event of [approved(T), { type: 'shortened', by: 'x', to: T + 1, reason: 'r' }, { type: 'cancelled', by: 'x', effectiveAt: T, reason: 'r' }] as const) expect(code(stepWindow(inTheMiddle, event, T + HOUR))).toBe('window-cancelled')
  })

  it('refuse what is no window, and know what they cover', () => {
    expect(code(planWindow('M1', plan({ to: T }), T - 1))).toBe('times-wrong')
    expect(code(planWindow('M1', plan({ services: [], objects: [] }), T - 1))).toBe('nothing-covered')
    const window = stepped(stepWindow(planned, approved(T - HOUR), T))
    expect(windowAt([window], 'portal', '', T)?.id).toBe('M1')
    expect(windowAt([window], 'business', 'web-01', T)?.id).toBe('M1')
    expect(windowAt([window], 'business', '', T)).toBeUndefined()
    expect(windowAt([window], 'portal', '', T + 2 * HOUR)).toBeUndefined()
    expect(windowAt([planned], 'portal', '', T)).toBeUndefined()
    expect(() => replayWindow('M1', [{ at: T, event: approved(T) }])).toThrow(/not its planning/)
    expect(() => replayWindow('M1', [{ at: T - 1, event: plan() }, { at: T, event: plan() }])).toThrow(/planned twice/)
  })

  it('W4: whatever is done, nothing outside what was planned ever counts, and a replay gives the same', () => {
    const moment = fc.integer({ min: -6, max: 6 }).map((hours) => T + hours * HOUR)
    const event = fc.oneof(
      moment.map((at) => approved(at)),
      moment.map((to): WindowEvent => ({ type: 'shortened', by: 'x', to, reason: 'r' })),
      moment.map((effectiveAt): WindowEvent => ({ type: 'cancelled', by: 'x', effectiveAt, reason: 'r' })),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(event, moment), { maxLength: 8 }), (tries) => {
        let window = planned
        const log: { at: number; event: WindowEvent }[] = [{ at: T - HOUR, event: plan() }]
        for (const [one, at] of tries) {
          const step = stepWindow(window, one, at)
          if (step.kind === 'refused') continue
          expect(step.value.endsAt).toBeLessThanOrEqual(window.endsAt)
          window = step.value
          log.push({ at, event: one })
        }
        expect(total(maintenanceOf([window], 'portal'))).toBeLessThanOrEqual(2 * HOUR)
        expect([window.from, window.to, window.version]).toEqual([T, T + 2 * HOUR, log.length])
        expect(replayWindow('M1', log)).toEqual(window)
      }),
      { seed, numRuns: scaled(500, 20_000) },
    )
  })

  it('W5: leave frozen time alone', () => {
    const until = T + HOUR
    expect(reachesFrozen(undefined, plan(), until)).toBe(true)
    expect(reachesFrozen(undefined, plan({ from: until, to: until + 1 }), until)).toBe(false)
    expect(reachesFrozen(planned, approved(T), until)).toBe(true)
    expect(reachesFrozen(planned, { type: 'shortened', by: 'x', to: until, reason: 'r' }, until)).toBe(false)
    expect(reachesFrozen(planned, { type: 'shortened', by: 'x', to: until - 1, reason: 'r' }, until)).toBe(true)
    expect(reachesFrozen(planned, { type: 'cancelled', by: 'x', effectiveAt: until - 1, reason: 'r' }, until)).toBe(true)
    expect(reachesFrozen(planned, { type: 'cancelled', by: 'x', effectiveAt: until, reason: 'r' }, until)).toBe(false)
  })
})
