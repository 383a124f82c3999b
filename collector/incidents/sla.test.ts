import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { parseSlaProfiles, profileFor } from './profile.ts'
import { clockState, clockViews } from './sla.ts'

const HOUR = 3_600_000
const at = fc.integer({ min: 0, max: 4_102_444_800_000 })
const span = fc.integer({ min: 0, max: 40 * 86_400_000 })
const limit = fc.integer({ min: 1, max: 30 * 86_400_000 })
const check = { seed, numRuns: scaled(300, 20_000) }

describe('clockState', () => {
  it.each([
    ['running at its start', 0, HOUR, undefined, 0, { kind: 'running', leftMs: HOUR }],
    ['running to the last millisecond', 0, HOUR, undefined, HOUR, { kind: 'running', leftMs: 0 }],
    ['breached one later', 0, HOUR, undefined, HOUR + 1, { kind: 'breached', at: HOUR, overMs: 1, stoppedAt: undefined }],
    ['stopped in time', 0, HOUR, HOUR, 5 * HOUR, { kind: 'stopped', at: HOUR, usedMs: HOUR }],
    ['stopped late', 0, HOUR, 3 * HOUR, 5 * HOUR, { kind: 'breached', at: HOUR, overMs: 2 * HOUR, stoppedAt: 3 * HOUR }],
    ['stopped before it started', 1_000, HOUR, 500, 5 * HOUR, { kind: 'stopped', at: 1_000, usedMs: 0 }],
  ] as const)('is %s', (_, start, limitMs, stop, now, state) => {
    expect(clockState(start, limitMs, stop, now)).toEqual(state)
  })

  it('used and left make the limit; once stopped, later looks see the same', () => {
    fc.assert(fc.property(at, limit, span, span, (start, limitMs, used, later) => {
      const stop = start + used
      const state = clockState(start, limitMs, stop, stop)
      expect(clockState(start, limitMs, stop, stop + later)).toEqual(state)
      const running = clockState(start, limitMs, undefined, stop)
      if (state.kind === 'stopped') expect(running).toEqual({ kind: 'running', leftMs: limitMs - state.usedMs })
      else expect(running).toMatchObject({ kind: 'breached', at: start + limitMs, overMs: used - limitMs })
    }), check)
  })

  it('an earlier start never gives more time', () => {
    fc.assert(fc.property(at, span, limit, fc.option(span, { nil: undefined }), span, (start, earlier, limitMs, used, later) => {
      const stop = used === undefined ? undefined : start + used
      const left = (from: number): number => {
        const state = clockState(from, limitMs, stop, start + later)
        return state.kind === 'running' ? state.leftMs : state.kind === 'stopped' ? limitMs - state.usedMs : -state.overMs
      }
      expect(left(start - earlier)).toBe(left(start) - earlier)
    }), check)
  })

  it('moves with time as a whole: days, months and time zones do not enter', () => {
    fc.assert(fc.property(at, fc.integer({ min: -400 * 86_400_000, max: 400 * 86_400_000 }), limit, fc.option(span, { nil: undefined }), span, (start, shift, limitMs, used, later) => {
      const numbers = (from: number): unknown => {
        const state = clockState(from, limitMs, used === undefined ? undefined : from + used, from + later)
        return state.kind === 'running' ? [state.leftMs] : state.kind === 'stopped' ? [state.usedMs] : [state.overMs]
      }
      expect(numbers(start + shift)).toEqual(numbers(start))
    }), check)
  })
})

describe('alerts/sla.yml', () => {
  const text = readFileSync(new URL('../../alerts/sla.yml', import.meta.url), 'utf8')

  it('promises 1 h, 2 h, 24 h, says where from, and clocks are built from it', () => {
    const profile = parseSlaProfiles(text, 'alerts/sla.yml').byName.get('standard')!
    expect(profile).toMatchObject({ respondMs: HOUR, disposeMs: 2 * HOUR, recoverMs: 24 * HOUR, reopenWithinMs: HOUR / 2 })
    expect(profile.origin.length).toBeGreaterThan(10)
    const views = clockViews({ startedAt: 0, profile, stops: { respond: 1_000, dispose: undefined, recover: undefined } }, 3 * HOUR)
    expect(views).toEqual([
      { clock: 'respond', limitMs: HOUR, dueAt: HOUR, state: 'stopped', stoppedAt: 1_000, leftMs: HOUR - 1_000, breached: false },
      { clock: 'dispose', limitMs: 2 * HOUR, dueAt: 2 * HOUR, state: 'running', stoppedAt: null, leftMs: -HOUR, breached: true },
      { clock: 'recover', limitMs: 24 * HOUR, dueAt: 24 * HOUR, state: 'running', stoppedAt: null, leftMs: 21 * HOUR, breached: false },
    ])
  })

  it.each([
    ['an unknown key', text.replace('respond: 1h', 'respnd: 1h'), /profiles\.0\.respnd: unknown key, did you mean respond\?/],
    ['a duration without unit', text.replace('respond: 1h', 'respond: 60'), /profiles\.0\.respond: expected a text/],
    ['a missing origin', text.replace(/ {4}origin: .*\n/, ''), /profiles\.0\.origin/],
    ['limits out of order', text.replace('dispose: 2h', 'dispose: 30m'), /dispose: expected no less than respond/],
    ['two of one name', `${text}  - { name: standard, title: 二, origin: 另一份合同, respond: 1h, dispose: 2h, recover: 3h, reopenWithin: 1m }\n`, /profiles\.1\.name: expected a name of its own/],
    ['broken YAML', 'profiles: [', /sla\.yml: /],
    ['a rule for nothing', `${text}assign: [{ profile: standard }]\n`, /assign\.0: expected at least one of service, severity, fault/],
    ['a rule for an unknown profile', `${text}assign: [{ profile: gold, fault: [x] }]\n`, /assign\.0\.profile: expected the name of a profile of this file, got "gold"/],
    ['an unknown word in a rule', `${text}assign: [{ profile: standard, severty: [critical] }]\n`, /assign\.0\.severty: unknown key, did you mean severity\?/],
  ])('refuses %s', (_, broken, message) => {
    expect(() => parseSlaProfiles(broken, 'sla.yml')).toThrow(message)
  })

  it('[22] the first rule that fits decides, then the name that the alert carries', () => {
    const other = '  - { name: urgent, title: 加急, origin: 另一份合同, respond: 15m, dispose: 30m, recover: 4h, reopenWithin: 1h }'
    const profiles = parseSlaProfiles(`${text}${other}\nassign:\n  - { profile: urgent, service: [portal], severity: [critical] }\n  - { profile: standard, service: [portal] }\n  - { profile: urgent, fault: [host-down] }\n`, 'sla.yml')
    const chosen = (services: string[], severity: 'critical' | 'warning', fault: string, named: string): string | undefined => profileFor(profiles, { services, severity, fault, named })?.name
    expect([
      chosen(['host', 'portal'], 'critical', 'x', 'standard'), chosen(['portal'], 'warning', 'host-down', 'urgent'), chosen(['host'], 'warning', 'host-down', 'standard'),
      chosen(['host'], 'critical', 'x', 'urgent'), chosen(['host'], 'critical', 'x', 'gold'), chosen(['host'], 'critical', 'x', ''),
    ]).toEqual(['urgent', 'standard', 'urgent', 'urgent', undefined, undefined])
  })
})
