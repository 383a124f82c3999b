import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ClockName } from '../../protocol/api.ts'
import { scaled, seed } from '../../test/scale.ts'
import { parseEscalationFile } from './escalation-file.ts'
import type { EscalationPolicy, EscalationStep } from './escalation-file.ts'
import { escalations, tellings } from './escalation.ts'
import type { EscalationClock, EscalationIncident, Told } from './escalation.ts'
import { parseDutyWording, stepText } from './wording.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const alerts = new URL('../../alerts/', import.meta.url)
const [critical] = parseEscalationFile(readFileSync(new URL('escalation.yml', alerts), 'utf8'), 'escalation.yml')
const wording = parseDutyWording(readFileSync(new URL('templates/duty-zh-CN.yml', alerts), 'utf8'), 'duty-zh-CN.yml')

const T0 = Date.parse('2026-11-22T02:00:00Z')
const limits: readonly (readonly [ClockName, number])[] = [['respond', HOUR], ['dispose', 2 * HOUR], ['recover', 24 * HOUR]]

/** The three clocks of a fault that began at `startedAt`. */
function incidentAt(startedAt: number, stops: Partial<Record<ClockName, number>> = {}, factor = 1): EscalationIncident {
  return { number: 'F20261122-001', factor, clocks: limits.map(([clock, limitMs]) => ({ clock, limitMs, dueAt: startedAt + limitMs, stoppedAt: stops[clock] ?? null })) }
}

/** Asks at every given minute after T0 and keeps what is told: `minute: key → roles`. */
function told(incident: (minute: number) => EscalationIncident, minutes: readonly number[], policy: EscalationPolicy = critical!): readonly string[] {
  const record: Told[] = []
  return minutes.flatMap((minute) => {
    const now = T0 + minute * MINUTE
    const { due } = escalations(incident(minute), policy, record, now)
    if (due === undefined) return []
    record.push(...tellings(due, now))
    return [`${minute}: ${due.key.split('/')[2]} → ${due.to.join(' ')}`]
  })
}
const upTo = (last: number): number[] => Array.from({ length: last + 1 }, (_, index) => index)

describe('the shipped policy for a critical fault', () => {
  it('goes up the chain at 50, 75, 90 % and the breach, repeating in between, until somebody acknowledges', () => {
    expect(told((minute) => incidentAt(T0, minute >= 72 ? { respond: T0 + 72 * MINUTE } : {}), upTo(95))).toEqual([
      '30: respond-50 → on-call',
      '35: respond-50r1 → on-call',
      '40: respond-50r2 → on-call',
      '45: respond-75 → on-call second',
      '50: respond-75r1 → on-call second',
      '54: respond-90 → on-call second on-site-lead',
      '57: respond-90r1 → on-call second on-site-lead',
      '60: respond-100+dispose-50 → on-call second on-site-lead project-manager',
      '70: respond-100r1 → on-call second on-site-lead project-manager',
      '90: dispose-75 → on-call second on-site-lead',
    ])
  })

  it('one message when a start that moves earlier passes four steps at once, and none of them again', () => {
    // After 10 minutes a sample shows that the fault began 100 minutes before.
    const lines = told((minute) => incidentAt(minute >= 10 ? T0 - 100 * MINUTE : T0), upTo(20))
    expect(lines).toEqual(['10: respond-50+respond-75+respond-90+respond-100+dispose-50+dispose-75+dispose-90 → on-call second on-site-lead project-manager', '20: respond-100r1+dispose-90r1+dispose-100 → on-call second on-site-lead project-manager'].map((line) => line.replace('dispose-90r1+', '')))
  })

  it('what is due together goes by every way where one of its steps does', () => {
    const [step] = critical!.steps
    const policy: EscalationPolicy = { ...critical!, steps: [{ ...step!, used: 50, to: ['on-call'], channels: ['sms'] }, { ...step!, used: 75, to: ['second'], channels: [] }] }
    expect(escalations(incidentAt(T0), policy, [], T0 + 45 * MINUTE).due).toMatchObject({ channels: ['sms'], everyWay: true, to: ['on-call', 'second'] })
    expect(escalations(incidentAt(T0), policy, [], T0 + 30 * MINUTE).due).toMatchObject({ channels: ['sms'], everyWay: false })
  })

  it('a guard period brings steps and repeats sooner, never the breach', () => {
    const lines = told(() => incidentAt(T0, {}, 0.5), upTo(60)).map((line) => line.split(' →')[0])
    expect(lines[0]).toBe('15: respond-50')
    expect(lines).toContain('18: respond-50r1')
    expect(lines.find((line) => line!.includes('respond-100'))).toBe('60: respond-100')
  })

  it('an incident that is reopened goes on where it was', () => {
    // Recovered from minute 31 to 50: nothing is told; then the steps that passed meanwhile come as one message.
    const stopped = { respond: T0 + 31 * MINUTE, dispose: T0 + 31 * MINUTE, recover: T0 + 31 * MINUTE }
    const lines = told((minute) => incidentAt(T0, minute >= 31 && minute < 50 ? stopped : {}), upTo(51))
    expect(lines).toEqual(['30: respond-50 → on-call', '50: respond-75 → on-call second'])
  })

  it('says in words how much is left', () => {
    const { due } = escalations(incidentAt(T0), critical!, [], T0 + 45 * MINUTE)
    expect(due!.steps.map((step) => stepText(wording, step))).toEqual(['响应时限已用 50%，还剩 15 分钟', '响应时限已用 75%，还剩 15 分钟'])
    const late = escalations(incidentAt(T0), critical!, [{ clock: 'respond', used: 100, repeat: 0, at: T0 + HOUR }, { clock: 'dispose', used: 50, repeat: 0, at: T0 + HOUR }], T0 + 71 * MINUTE)
    expect(late.due!.steps.map((step) => stepText(wording, step))).toEqual(['响应已超时 11 分钟（第 1 次催办）'])
  })
})

describe('escalations', () => {
  const clock = fc.constantFrom<ClockName>('respond', 'dispose', 'recover')
  const steps = fc.uniqueArray(
    fc.record({ clock, used: fc.constantFrom(10, 25, 33, 50, 75, 90, 99.5, 100), to: fc.subarray(['on-call', 'second', 'lead'], { minLength: 1 }), channels: fc.subarray(['sms', 'mail']), repeatEveryMs: fc.option(fc.integer({ min: 1, max: 30 }).map((n) => n * MINUTE), { nil: undefined }) }),
    { selector: (step) => `${step.clock} ${step.used}`, maxLength: 12 },
  )
  const policies = steps.map((list): EscalationPolicy => ({ name: 'p', profiles: [], severities: [], steps: [...list].sort((a, b) => (a.clock === b.clock ? a.used - b.used : a.clock < b.clock ? -1 : 1)) }))
  /** What happens as time passes: the start moves, clocks stop and start again, a guard period begins, the process restarts. */
  const happening = fc.oneof(
    fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 0, max: 90 }) }),
    fc.record({ kind: fc.constant('earlier' as const), minutes: fc.integer({ min: 1, max: 120 }) }),
    fc.record({ kind: fc.constant('stop' as const), clock }),
    fc.record({ kind: fc.constant('reopen' as const), clock }),
    fc.record({ kind: fc.constant('guard' as const), factor: fc.constantFrom(0.25, 0.5, 1) }),
  )

  it('whatever happens: each step at most once, one message at a time, nothing late and nothing early', () => {
    fc.assert(
      fc.property(policies, fc.array(happening, { maxLength: 20 }), (policy, happenings) => {
        const record: Told[] = []
        const keys: string[] = []
        let now = T0
        let startedAt = T0
        let factor = 1
        const stops: Partial<Record<ClockName, number>> = {}
        for (const one of happenings) {
          if (one.kind === 'wait') now += one.minutes * MINUTE
          if (one.kind === 'earlier') startedAt -= one.minutes * MINUTE
          if (one.kind === 'stop') stops[one.clock] = now
          if (one.kind === 'reopen') delete stops[one.clock]
          if (one.kind === 'guard') factor = one.factor
          const incident = incidentAt(startedAt, stops, factor)
          const answer = escalations(incident, policy, record, now)
          // A restart in between: asked again over the same record the message is the same, to the letter.
          expect(escalations(incident, policy, [...record].reverse(), now)).toEqual(answer)
          const owed = policy.steps.filter((step) => stops[step.clock] === undefined && reached(step, incident.clocks, factor) <= now && !record.some((telling) => telling.clock === step.clock && telling.used >= step.used))
          expect((answer.due?.steps ?? []).filter((step) => step.repeat === 0).map((step) => step.step)).toEqual(expect.arrayContaining(owed))
          if (answer.due !== undefined) {
            for (const { step, repeat, reachedAt } of answer.due.steps) {
              expect(stops[step.clock]).toBeUndefined()
              expect(reachedAt).toBeLessThanOrEqual(now)
              expect(record.some((telling) => telling.clock === step.clock && telling.used === step.used && telling.repeat === repeat)).toBe(false)
              if (repeat === 0) expect(owed).toContain(step)
            }
            expect(answer.due.everyWay).toBe(answer.due.steps.some(({ step }) => step.channels.length === 0))
            expect(new Set(answer.due.to)).toEqual(new Set(answer.due.steps.flatMap(({ step }) => step.to)))
            keys.push(answer.due.key)
            record.push(...tellings(answer.due, now))
          }
          const after = escalations(incident, policy, record, now)
          // What was told is told: at the same moment nothing more, and until the next moment nothing.
          expect(after.due).toBeUndefined()
          if (after.nextDueAt === undefined) expect(escalations(incident, policy, record, now + 400 * 24 * HOUR).due).toBeUndefined()
          else {
            expect(after.nextDueAt).toBeGreaterThan(now)
            expect(escalations(incident, policy, record, after.nextDueAt - 1).due).toBeUndefined()
            expect(escalations(incident, policy, record, after.nextDueAt).due).toBeDefined()
          }
        }
        expect(new Set(keys).size).toBe(keys.length)
      }),
      { seed, numRuns: scaled(300, 20_000) },
    )
  })

  function reached(step: EscalationStep, clocks: readonly EscalationClock[], factor: number): number {
    const { limitMs, dueAt } = clocks.find((one) => one.clock === step.clock)!
    return dueAt - limitMs + Math.ceil((limitMs * step.used * (step.used === 100 ? 1 : factor)) / 100)
  }
})
