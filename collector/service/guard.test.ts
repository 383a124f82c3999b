import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { declareGuard, guardEventSchema, replayGuard, silenceNeedsSecond, stepGuard, tightening, zeroReminders, zeroReportTimes, zeroReports } from './guard.ts'
import type { GuardEvent, GuardPeriod } from './guard.ts'

const zone = 'Asia/Shanghai'
const MINUTE = 60_000
const at = (text: string): number => Date.parse(`${text}+08:00`)
const FROM = at('2026-09-30T18:00:00')
const TO = at('2026-10-03T09:00:00')
const declared = (fields: Partial<Extract<GuardEvent, { type: 'declared' }>> = {}): Extract<GuardEvent, { type: 'declared' }> => ({
  type: 'declared', title: '国庆重保', from: FROM, to: TO, services: ['portal'], thresholdFactor: 0.8, stepFactor: 0.5,
  zeroReports: { times: ['20:00', '08:00'], graceMinutes: 30, leadMinutes: 60 }, by: 'pm', ...fields,
})
const periodOf = (fields: Parameters<typeof declared>[0] = {}): GuardPeriod => {
  const step = declareGuard('G1', declared(fields), FROM - 1)
  if (step.kind === 'refused') throw new Error(step.code)
  return step.value
}
const file = (dueAt: number): GuardEvent => ({ type: 'zero-report', by: 'duty', dueAt, text: '无异常' })

describe('guard periods', () => {
  it('G1: make a silence need a second person, on the services they guard, while they last', () => {
    const periods = [periodOf()]
    expect([FROM - 1, FROM, TO - 1, TO].map((when) => silenceNeedsSecond(periods, when, 'portal'))).toEqual([false, true, true, false])
    expect(silenceNeedsSecond(periods, FROM, 'sms')).toBe(false)
    // No service in particular: it may mute any of them.
    expect(silenceNeedsSecond(periods, FROM, undefined)).toBe(true)
    expect(silenceNeedsSecond([periodOf({ services: [] })], FROM, 'sms')).toBe(true)
  })

  it('G2: tighten by the tightest in force', () => {
    const periods = [periodOf(), periodOf({ services: [], thresholdFactor: 0.9, stepFactor: 0.4 })]
    expect(tightening(periods, FROM, 'portal')).toEqual({ threshold: 0.8, step: 0.4 })
    expect(tightening(periods, FROM, 'sms')).toEqual({ threshold: 0.9, step: 0.4 })
    expect(tightening(periods, TO, 'portal')).toEqual({ threshold: 1, step: 1 })
    for (const factor of [0, 1.01, -1, Number.NaN]) expect(declareGuard('G1', declared({ stepFactor: factor }), FROM)).toEqual({ kind: 'refused', code: 'factor-wrong' })
    expect(declareGuard('G1', declared({ to: FROM }), FROM)).toEqual({ kind: 'refused', code: 'times-wrong' })
    expect(declareGuard('G1', declared(), TO)).toEqual({ kind: 'refused', code: 'guard-over' })
    for (const time of ['24:00', '8:00', 'noon']) expect(guardEventSchema.safeParse(declared({ zeroReports: { times: [time], graceMinutes: 0, leadMinutes: 0 } })).success).toBe(false)
  })

  it('G3: say which zero reports are due, late and filed, by the office’s clock', () => {
    const period = periodOf()
    const due = zeroReportTimes(period, zone)
    // 18:00 on the 30th to 09:00 on the 3rd.
    expect(due).toEqual(['2026-09-30T20:00:00', '2026-10-01T08:00:00', '2026-10-01T20:00:00', '2026-10-02T08:00:00', '2026-10-02T20:00:00', '2026-10-03T08:00:00'].map(at))
    const kinds = (now: number, value = period): readonly string[] => zeroReports(value, value.filed, now, zone).map((one) => one.kind)
    expect(kinds(due[0]! - 61 * MINUTE)[0]).toBe('upcoming')
    expect(kinds(due[0]! - 60 * MINUTE).slice(0, 2)).toEqual(['due', 'upcoming'])
    expect(kinds(due[0]! + 30 * MINUTE)[0]).toBe('due')
    expect(kinds(due[0]! + 30 * MINUTE + 1)[0]).toBe('late')
    expect(zeroReminders([period], due[0]! + 30 * MINUTE, zone)).toEqual([])
    const reminder = { key: `zero-report:G1:${due[0]}`, period: 'G1', title: '国庆重保', dueAt: due[0] }
    expect(zeroReminders([period], due[0]! + 31 * MINUTE, zone)).toEqual([reminder])
    expect(zeroReminders([period], due[0]! + 5 * 60 * MINUTE, zone)).toEqual([reminder])

    const filedLate = stepGuard(period, file(due[0]!), due[0]! + 31 * MINUTE, zone)
    if (filedLate.kind === 'refused') throw new Error(filedLate.code)
    expect(zeroReports(filedLate.value, filedLate.value.filed, due[0]! + 40 * MINUTE, zone)[0]).toMatchObject({ kind: 'filed', late: true, filing: { by: 'duty', text: '无异常' } })
    expect(zeroReminders([filedLate.value], due[0]! + 40 * MINUTE, zone)).toEqual([])
    expect(stepGuard(filedLate.value, file(due[0]!), due[0]! + 41 * MINUTE, zone)).toEqual({ kind: 'refused', code: 'filed-already' })
    expect(stepGuard(period, file(due[1]!), due[1]! - 61 * MINUTE, zone)).toEqual({ kind: 'refused', code: 'too-early' })
    expect(stepGuard(period, file(due[1]! + 1), due[1]!, zone)).toEqual({ kind: 'refused', code: 'no-such-report' })
  })

  it('G4: end early, and not twice; a replay gives the same', () => {
    const log: { at: number; event: GuardEvent }[] = [{ at: FROM - 1, event: declared() }, { at: at('2026-09-30T20:10:00'), event: file(at('2026-09-30T20:00:00')) }, { at: at('2026-10-01T07:00:00'), event: { type: 'ended', by: 'pm', reason: '上级通知结束' } }]
    const period = replayGuard('G1', log, zone)
    expect(period).toMatchObject({ version: 3, to: at('2026-10-01T07:00:00'), filed: [{ by: 'duty' }] })
    expect(zeroReportTimes(period, zone)).toEqual([at('2026-09-30T20:00:00')])
    expect(stepGuard(period, { type: 'ended', by: 'pm', reason: 'r' }, TO, zone)).toEqual({ kind: 'refused', code: 'guard-over' })
    expect(() => replayGuard('G1', log.slice(1), zone)).toThrow(/not its declaration/)
  })

  it('G5: in any zone every day has its reports, each exactly one state, and late stays late until it is filed', () => {
    fc.assert(
      fc.property(fc.constantFrom('Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'), fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2026, 11, 1) }), fc.integer({ min: 1, max: 20 * 24 * 60 }), fc.integer({ min: 0, max: 22 * 24 * 60 }), (where, from, minutes, later) => {
        const period = { ...periodOf(), from, to: from + minutes * MINUTE }
        const due = zeroReportTimes(period, where)
        expect(due).toEqual([...new Set(due)].sort((a, b) => a - b))
        // Two a day; the clocks of a zone may move one of them by an hour.
        expect(Math.abs(due.length - (minutes / 1_440) * 2)).toBeLessThanOrEqual(2)
        const now = from + later * MINUTE
        for (const one of zeroReports(period, [], now, where)) {
          expect(one.kind).toBe(now > one.lateAt ? 'late' : now >= one.dueAt - 60 * MINUTE ? 'due' : 'upcoming')
          expect(one.kind !== 'late' || zeroReports(period, [], now + 1, where).some((other) => other.dueAt === one.dueAt && other.kind === 'late')).toBe(true)
        }
      }),
      { seed, numRuns: scaled(100, 2_000) },
    )
  })
})
