import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { seriesKey } from '../../protocol/series.ts'
import type { AlertChange } from './alert.ts'
import { finish, type Work } from '../promql/work.ts'
import { noDataRetentionMs, resolvedRetentionMs, stepAlerts } from './evaluate.ts'
import type { Senses } from './evaluate.ts'
import type { Observation } from './observe.ts'
import { parseRuleFile } from './rule-file.ts'
import type { AlertingRule } from './rule.ts'
import { alertOf } from './state.ts'
import type { AlertState } from './state.ts'

type Situation = 'holds' | 'clear' | 'missing'

interface Moment {
  readonly situation: Situation
  readonly afterMs: number
}

function alertingRule(forMs: number, keepFiringForMs: number): AlertingRule {
  const { groups, mistakes } = parseRuleFile('t.yml', `
groups:
- name: g
  rules:
  - alert: A
    expr: x > 0
    for: ${forMs}ms
    keep_firing_for: ${keepFiringForMs}ms
`)
  const rule = groups[0]?.rules[0]
  if (rule?.kind !== 'alerting') throw new Error(JSON.stringify(mistakes))
  return rule
}

const labels = { alertname: 'A', instance: 'h1' }
const key = seriesKey(labels)

function row(value: number, text = 'text'): ReadonlyMap<string, Observation> {
  return new Map([[key, { key, labels, result: { instance: 'h1' }, annotations: { text }, value }]])
}

// oxlint-disable-next-line require-yield -- what is known at once
function* done<T>(value: T): Work<T> {
  return value
}

function senses(situation: Situation, start: number): Senses {
  return { starts: (fresh) => done(new Map(fresh.map((one) => [one.key, start]))), needed: () => ['x'], missing: () => situation === 'missing' }
}

/** Prometheus's own state machine for one alert (rules/alerting.go, Eval), transcribed by hand: the reference. */
function prometheus(forMs: number, keepMs: number): (holds: boolean, now: number) => 'inactive' | 'pending' | 'firing' {
  let alert: { state: 'inactive' | 'pending' | 'firing'; activeAt: number; resolvedAt: number; keepSince: number } | undefined
  return (holds, now) => {
    if (holds && (alert === undefined || alert.state === 'inactive')) alert = { state: 'pending', activeAt: now, resolvedAt: 0, keepSince: 0 }
    if (alert === undefined) return 'inactive'
    if (!holds) {
      let keep = false
      if (alert.state === 'firing' && keepMs > 0) {
        if (alert.keepSince === 0) alert.keepSince = now
        keep = now - alert.keepSince < keepMs
      }
      if (alert.state === 'pending') {
        alert = undefined
        return 'inactive'
      }
      if (alert.state !== 'inactive' && !keep) alert.state = 'inactive'
      if (!keep) return 'inactive'
    } else alert.keepSince = 0
    if (alert.state === 'pending' && now - alert.activeAt >= forMs) alert.state = 'firing'
    return alert.state
  }
}

const moments = fc.array(
  fc.record({
    situation: fc.constantFrom<Situation>('holds', 'holds', 'clear', 'missing'),
    afterMs: fc.oneof({ weight: 20, arbitrary: fc.integer({ min: 1, max: 90_000 }) }, { weight: 1, arbitrary: fc.constantFrom(resolvedRetentionMs + 1, noDataRetentionMs + 1) }),
  }),
  { minLength: 1, maxLength: 60 },
)

const durations = fc.constantFrom(0, 60_000, 150_000)

interface Played {
  readonly now: number
  readonly situation: Situation
  readonly state: AlertState | undefined
  readonly changes: readonly AlertChange[]
}

function play(rule: AlertingRule, script: readonly Moment[], group = 't.yml;g'): readonly Played[] {
  let states: ReadonlyMap<string, AlertState> = new Map()
  let now = 1_700_000_000_000
  return script.map(({ situation, afterMs }) => {
    now += afterMs
    const seen = situation === 'holds' ? row(1) : new Map<string, Observation>()
    const step = finish(stepAlerts(rule, group, 0, states, seen, now, senses(situation, now - 500)))
    states = step.states
    return { now, situation, state: states.get(key), changes: step.changes }
  })
}

describe('the state machine of SPEC.md', () => {
  it('goes through the states Prometheus goes through, whatever happens (S3, S7)', () => {
    fc.assert(fc.property(moments, durations, durations, (script, forMs, keepMs) => {
      const reference = prometheus(forMs, keepMs)
      for (const { now, situation, state } of play(alertingRule(forMs, keepMs), script)) {
        const ours = state === undefined || state.phase.state === 'resolved' ? 'inactive' : state.phase.state
        expect(ours).toBe(reference(situation === 'holds', now))
      }
    }), { seed, numRuns: scaled(300, 10_000) })
  })

  it('tells each firing once and each end with its reason (S1, S2, S4, S5, S6)', () => {
    fc.assert(fc.property(moments, durations, durations, (script, forMs, keepMs) => {
      let told: 'none' | 'firing' | 'no-data' | 'recovered' = 'none'
      let owedSince = 0
      for (const { now, situation, state, changes } of play(alertingRule(forMs, keepMs), script)) {
        for (const change of changes) {
          const { activeAt, startedAt, firedAt, resolvedAt } = change.alert
          expect(startedAt).toBeLessThanOrEqual(activeAt)
          expect(activeAt).toBeLessThanOrEqual(firedAt ?? -1)
          if (change.kind === 'firing') {
            expect(told).not.toBe('firing')
            expect(situation).toBe('holds')
            expect(now - activeAt).toBeGreaterThanOrEqual(forMs)
            told = 'firing'
          }
          if (change.kind === 'resolved') {
            expect(told === 'firing' || (told === 'no-data' && change.why === 'condition-false')).toBe(true)
            expect(situation).toBe(change.why === 'no-data' ? 'missing' : 'clear')
            expect(resolvedAt).toBe(now)
            told = change.why === 'no-data' ? 'no-data' : 'recovered'
            owedSince = now
          }
        }
        // S5: a recovery that is owed is told at the first evaluation with data and without the condition.
        if (told === 'no-data' && situation === 'clear') expect(now - owedSince).toBeGreaterThan(noDataRetentionMs)
        if (state?.phase.state === 'firing') expect(told).toBe('firing')
      }
    }), { seed, numRuns: scaled(300, 10_000) })
  })

  it('never changes when it began: activeAt and firedAt of one firing stay (S1)', () => {
    fc.assert(fc.property(moments, durations, (script, forMs) => {
      let firing: AlertState | undefined
      for (const { state } of play(alertingRule(forMs, 0), script)) {
        if (firing !== undefined && state?.phase.state === 'firing' && state.phase.firedAt === (firing.phase.state === 'firing' ? firing.phase.firedAt : 0)) {
          expect(state.activeAt).toBe(firing.activeAt)
          expect(state.startedAt).toBe(firing.startedAt)
        }
        firing = state?.phase.state === 'firing' ? state : undefined
      }
    }), { seed, numRuns: scaled(100, 3_000) })
  })

  it('tells new texts of a firing alert, and keeps its newest value', () => {
    const rule = alertingRule(0, 0)
    const first = finish(stepAlerts(rule, 'g', 0, new Map(), row(1, 'one'), 1000, senses('holds', 900)))
    expect(first.changes.map((change) => change.kind)).toEqual(['firing'])
    expect(first.changes[0]?.alert.startedAt).toBe(900)
    const second = finish(stepAlerts(rule, 'g', 0, first.states, row(2, 'one'), 2000, senses('holds', 1900)))
    expect(second.changes).toEqual([])
    expect(second.states.get(key)?.value).toBe(2)
    const third = finish(stepAlerts(rule, 'g', 0, second.states, row(3, 'two'), 3000, senses('holds', 2900)))
    expect(third.changes.map((change) => [change.kind, change.alert.annotations['text'], change.alert.startedAt])).toEqual([['updated', 'two', 900]])
  })

  it('believes none of the alerts above the limit, and says so', () => {
    const rule = alertingRule(0, 0)
    const first = finish(stepAlerts(rule, 'g', 1, new Map(), row(1), 1000, senses('holds', 1000)))
    const other = { alertname: 'A', instance: 'h2' }
    const two = new Map([...row(1), [seriesKey(other), { key: seriesKey(other), labels: other, result: { instance: 'h2' }, annotations: {}, value: 1 }]])
    const second = finish(stepAlerts(rule, 'g', 1, first.states, two, 2000, senses('holds', 2000)))
    expect(second.error?.message).toBe('exceeded limit of 1 with 2 alerts')
    expect(second.changes.map((change) => change.kind === 'resolved' && [change.alert.labels['instance'], change.why])).toEqual([['h1', 'no-data']])
  })

  it('gives equal labels equal fingerprints, in any order', () => {
    const state = play(alertingRule(0, 0), [{ situation: 'holds', afterMs: 1 }])[0]?.state
    if (state === undefined) throw new Error('no state')
    const turned = { ...state, labels: { instance: 'h1', alertname: 'A' } }
    expect(alertOf('g', 'A', turned).fingerprint).toBe(alertOf('g', 'A', state).fingerprint)
    expect(alertOf('g', 'A', state).fingerprint).toMatch(/^[0-9a-f]{16}$/)
  })
})
