import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { canonicalJson } from '../state/audit.ts'
import { incidentEventSchema } from './event.ts'
import type { AlertFacts, EventOf, IncidentEvent, LiveEvent, OpenEvent } from './event.ts'
import { clockStops, incidentSchema } from './incident.ts'
import type { Incident } from './incident.ts'
import type { Outcome } from './outcome.ts'
import { open, replay, step } from './step.ts'
import { clockState } from './sla.ts'

const MINUTE = 60_000
const profile = { name: 'standard', title: '标准', origin: '测试', respondMs: 60 * MINUTE, disposeMs: 120 * MINUTE, recoverMs: 1_440 * MINUTE, reopenWithinMs: 30 * MINUTE }

function alert(fingerprint: string, startedAt: number, severity: AlertFacts['severity'] = 'warning'): AlertFacts {
  return { fingerprint, name: `Rule${fingerprint}`, labels: { instance: 'web-01' }, severity, summary: `故障 ${fingerprint}`, description: '', action: '', value: 1, activeAt: startedAt, startedAt }
}
function opening(first: AlertFacts): OpenEvent {
  return { type: 'open', id: 1, number: 'F20261122-001', key: 'k', service: 'host', instance: 'web-01', part: '', fault: 'f', profile, alert: first }
}
const firing = (fingerprint: string, startedAt: number, severity?: AlertFacts['severity']): EventOf<'alert-firing'> => ({ type: 'alert-firing', alert: alert(fingerprint, startedAt, severity) })
const resolved = (fingerprint: string, at: number, why: 'condition-false' | 'no-data' = 'condition-false'): EventOf<'alert-resolved'> => ({ type: 'alert-resolved', fingerprint, why, at })
const acknowledge = (by = '甲'): EventOf<'acknowledge'> => ({ type: 'acknowledge', by, source: { kind: 'console' } })
const dispose = (text = '已重启', by = '乙'): EventOf<'dispose'> => ({ type: 'dispose', by, text, snapshot: { value: 97 } })

/** Applies events, each one minute after the other, and expects each to step. */
function after(incident: Incident, now: number, ...events: LiveEvent[]): Incident {
  return events.reduce((before, event, index) => {
    const outcome = step(before, event, now + index * MINUTE)
    if (outcome.kind !== 'stepped') throw new Error(`${event.type} gave ${JSON.stringify(outcome)}`)
    return outcome.incident
  }, incident)
}
const opened = (): Incident => open(opening(alert('a', 0)), 5 * MINUTE).incident

describe('step', () => {
  it('[1] takes the earliest start, never a later one, never one after opening', () => {
    expect(open(opening(alert('a', 9 * MINUTE)), 5 * MINUTE).incident.startedAt).toBe(5 * MINUTE)
    expect(after(opened(), MINUTE * 6, firing('b', -MINUTE)).startedAt).toBe(-MINUTE)
    expect(after(opened(), MINUTE * 6, firing('b', 6 * MINUTE)).startedAt).toBe(0)
    expect(after(opened(), MINUTE * 6, firing('a', -2 * MINUTE))).toMatchObject({ startedAt: -2 * MINUTE, alerts: [{ fingerprint: 'a' }] })
    expect(step(opened(), firing('a', 3 * MINUTE), 6 * MINUTE)).toEqual({ kind: 'unchanged' })
  })

  it('[3] recovers by telemetry only, when every alert has resolved', () => {
    const two = after(opened(), 6 * MINUTE, firing('b', 6 * MINUTE))
    const one = after(two, 10 * MINUTE, resolved('a', 10 * MINUTE))
    expect(one.state).toBe('open')
    expect(step(one, { type: 'close', by: '甲', text: '好了' }, 11 * MINUTE)).toEqual({ kind: 'refused', refusal: { code: 'still-bad' } })
    expect(step(one, resolved('b', 12 * MINUTE), 12 * MINUTE)).toMatchObject({ kind: 'stepped', mark: 'recovered', incident: { state: 'recovered' } })
  })

  it('[3] takes no-data for no recovery, and recovers when the data come back well', () => {
    const blind = after(opened(), 6 * MINUTE, resolved('a', 6 * MINUTE, 'no-data'))
    expect(blind).toMatchObject({ state: 'blind', alerts: [{ state: 'no-data' }], blind: [{ from: 6 * MINUTE, to: null }] })
    expect(after(blind, 8 * MINUTE, firing('a', 0))).toMatchObject({ state: 'open', blind: [{ from: 6 * MINUTE, to: 8 * MINUTE }] })
    expect(clockStops(blind).recover).toBeUndefined()
    expect(step(blind, resolved('a', 7 * MINUTE, 'no-data'), 7 * MINUTE)).toEqual({ kind: 'unchanged' })
    expect(after(blind, 8 * MINUTE, resolved('a', 8 * MINUTE)).state).toBe('recovered')
    expect(after(blind, 8 * MINUTE, firing('a', 0)).alerts[0]!.state).toBe('firing')
    expect(after(blind, 8 * MINUTE, { type: 'close', by: '甲', text: '主机已下线' })).toMatchObject({ state: 'closed', closedAt: 8 * MINUTE, recoveredAt: null })
    expect(step(blind, { type: 'close', by: '甲', text: ' ' }, 8 * MINUTE)).toEqual({ kind: 'refused', refusal: { code: 'text-missing' } })
  })

  it('[4] recovers at the last evaluation, not at a click and not in the future', () => {
    const two = after(opened(), 6 * MINUTE, firing('b', 6 * MINUTE))
    expect(after(two, 10 * MINUTE, resolved('b', 9 * MINUTE), resolved('a', 8 * MINUTE)).recoveredAt).toBe(9 * MINUTE)
    expect(after(opened(), 10 * MINUTE, resolved('a', 99 * MINUTE)).recoveredAt).toBe(10 * MINUTE)
  })

  it('[5] keeps the first acknowledgement and tells the second who was first', () => {
    const taken = after(opened(), 6 * MINUTE, acknowledge('甲'))
    expect(taken.response).toEqual({ at: 6 * MINUTE, by: '甲', source: { kind: 'console' } })
    expect(step(taken, acknowledge('乙'), 7 * MINUTE)).toEqual({ kind: 'refused', refusal: { code: 'acknowledged-already', by: '甲', at: 6 * MINUTE, source: { kind: 'console' } } })
    expect(after(opened(), 6 * MINUTE, dispose()).response).toEqual({ at: 6 * MINUTE, by: '乙', source: { kind: 'disposal' } })
  })

  it('[6] keeps each disposal with the condition of its moment; the first stops the clock', () => {
    const bad = after(opened(), 6 * MINUTE, dispose('先扩容'), dispose('再清理'))
    expect(bad.disposals).toMatchObject([{ at: 6 * MINUTE, condition: 'bad', snapshot: { value: 97 } }, { at: 7 * MINUTE, text: '再清理' }])
    expect(clockStops(bad)).toEqual({ respond: 6 * MINUTE, dispose: 6 * MINUTE, recover: undefined })
    expect(after(opened(), 6 * MINUTE, resolved('a', 6 * MINUTE, 'no-data'), dispose()).disposals[0]!.condition).toBe('no-data')
    expect(after(opened(), 6 * MINUTE, resolved('a', 6 * MINUTE), dispose()).disposals[0]!.condition).toBe('good')
    expect(step(opened(), dispose('  \n'), 6 * MINUTE)).toEqual({ kind: 'refused', refusal: { code: 'text-missing' } })
  })

  it('[7, 8] stops what runs at recovery, and runs on from the old start when the fault returns', () => {
    const over = after(opened(), 20 * MINUTE, acknowledge(), resolved('a', 21 * MINUTE))
    expect(clockStops(over)).toEqual({ respond: 20 * MINUTE, dispose: 21 * MINUTE, recover: 21 * MINUTE })
    const again = step(over, firing('a', 50 * MINUTE), 55 * MINUTE)
    expect(again).toMatchObject({ kind: 'stepped', mark: 'reopened', incident: { reopenings: 1 } })
    if (again.kind !== 'stepped') throw new Error('not reopened')
    expect(clockStops(again.incident)).toEqual({ respond: 20 * MINUTE, dispose: undefined, recover: undefined })
    expect(clockState(again.incident.startedAt, profile.disposeMs, clockStops(again.incident).dispose, 55 * MINUTE)).toEqual({ kind: 'running', leftMs: 65 * MINUTE })
  })

  it('[9] never lowers the severity, and takes the title of the worst', () => {
    const worse = step(opened(), firing('b', MINUTE, 'critical'), 6 * MINUTE)
    expect(worse).toMatchObject({ incident: { severity: 'critical', title: '故障 b' } })
    if (worse.kind !== 'stepped') throw new Error('not joined')
    expect(step(worse.incident, firing('c', MINUTE, 'info'), 7 * MINUTE)).toMatchObject({ incident: { severity: 'critical', title: '故障 b' } })
  })

  it('[13] reopens within the window, also when it was closed in between, and not after it', () => {
    const over = after(opened(), 10 * MINUTE, resolved('a', 10 * MINUTE))
    const closed = after(over, 11 * MINUTE, { type: 'close', by: '甲', text: '' })
    expect(step(closed, firing('a', 40 * MINUTE), 41 * MINUTE)).toMatchObject({ mark: 'reopened', incident: { state: 'open', closedAt: null, reopenings: 1 } })
    expect(step(closed, firing('a', 40 * MINUTE + 1), 41 * MINUTE)).toEqual({ kind: 'refused', refusal: { code: 'reopen-window-over' } })
    expect(step(over, { type: 'settle' }, 40 * MINUTE)).toEqual({ kind: 'unchanged' })
    expect(step(over, { type: 'settle' }, 40 * MINUTE + 1)).toMatchObject({ mark: 'closed', incident: { state: 'closed' } })
    for (const event of [acknowledge(), dispose(), { type: 'close', by: '甲', text: 'x' } as const]) expect(step(closed, event, 12 * MINUTE)).toEqual({ kind: 'refused', refusal: { code: 'closed' } })
    expect(step(closed, { type: 'comment', by: '甲', text: '事后补记' }, 12 * MINUTE)).toMatchObject({ mark: 'commented' })
  })
})

/** What a reader of SPEC.md would keep on paper: far less than the incident, and enough to say what must come out. */
interface Model {
  state: 'open' | 'blind' | 'recovered' | 'closed'
  alerts: Map<string, 'firing' | 'no-data' | 'resolved'>
  start: number
  response: number | undefined
  disposal: number | undefined
  severity: number
  stored: number
}

const ranks = ['info', 'warning', 'critical'] as const
const eventArbitrary = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('firing' as const), name: fc.constantFrom('a', 'b', 'c'), before: fc.integer({ min: 0, max: 90 }), severity: fc.constantFrom(...ranks) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('resolved' as const), name: fc.constantFrom('a', 'b', 'c'), before: fc.integer({ min: 0, max: 2 }), why: fc.constantFrom('condition-false' as const, 'condition-false' as const, 'no-data' as const) }) },
  fc.record({ kind: fc.constant('acknowledge' as const) }),
  fc.record({ kind: fc.constant('dispose' as const), text: fc.constantFrom('已处理', '') }),
  fc.record({ kind: fc.constant('comment' as const), text: fc.constantFrom('电话已通知', '  ') }),
  fc.record({ kind: fc.constant('close' as const), text: fc.constantFrom('下线', '') }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
)

describe('model', () => {
  it('[1, 3, 5, 6, 7, 9, 10, 12] random events agree with the specification, and a replay of what was stored gives the same at every version', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), eventArbitrary), { maxLength: 40 }), (steps) => {
        const first = opening(alert('a', -3 * MINUTE))
        let now = 0
        let incident = open(first, now).incident
        const log: { at: number; event: IncidentEvent }[] = [{ at: now, event: first }]
        const model: Model = { state: 'open', alerts: new Map([['a', 'firing']]), start: -3 * MINUTE, response: undefined, disposal: undefined, severity: 1, stored: 1 }
        for (const [minutes, what] of steps) {
          now += minutes * MINUTE
          const event = liveEvent(what, now)
          const before = incident
          const outcome = step(before, event, now)
          seen.add(`${before.state} × ${event.type} → ${outcome.kind === 'stepped' ? outcome.mark : outcome.kind}`)
          if (outcome.kind === 'stepped') {
            incident = outcome.incident
            log.push({ at: now, event })
          }
          expectModel(model, before, event, outcome, now)
          expect(incident.startedAt).toBe(model.start)
          expect(incident.startedAt).toBeLessThanOrEqual(incident.openedAt)
          expect(incident.version).toBe(model.stored)
          expect(ranks[model.severity]).toBe(incident.severity)
          expect(incident.state).toBe(model.state)
          if (incident.state === 'recovered') expect(incident.alerts.every((one) => one.state === 'resolved')).toBe(true)
          expect(incident.response?.at).toBe(model.response)
          expect(incident.disposals[0]?.at).toBe(model.disposal)
          expect(clockStops(incident).recover === undefined).toBe(incident.state === 'open' || incident.state === 'blind')
          // [14] Blind times follow each other, and the last one is open exactly while it is blind.
          for (const [index, { from, to }] of incident.blind.entries()) expect(to === null ? index === incident.blind.length - 1 && incident.state === 'blind' : to >= from).toBe(true)
          expect(incident.blind.some((one) => one.to === null)).toBe(incident.state === 'blind')
        }
        for (let version = 1; version <= log.length; version += Math.max(1, Math.floor(log.length / 4))) {
          const part = log.slice(0, version).map((one) => ({ at: one.at, event: incidentEventSchema.parse(JSON.parse(canonicalJson(one.event))) }))
          expect(replay(part).version).toBe(version)
        }
        const stored = canonicalJson(incident)
        expect(canonicalJson(replay(log))).toBe(stored)
        expect(canonicalJson(incidentSchema.parse(JSON.parse(stored)))).toBe(stored)
      }),
      { seed, numRuns: scaled(400, 20_000) },
    )
    // A model test that never reaches a cell proves nothing about it.
    for (const cell of ['open × alert-resolved → recovered', 'open × alert-resolved → data-lost', 'recovered × alert-firing → reopened', 'closed × alert-firing → reopened', 'closed × alert-firing → refused', 'recovered × settle → closed', 'blind × close → closed', 'blind × alert-firing → alert-updated', 'blind × alert-resolved → recovered', 'open × close → refused', 'closed × dispose → refused']) {
      expect([...seen]).toContain(cell)
    }
  })
})

/** The events of this model; step.test.ts has all of them. */
type ModelEvent = EventOf<'alert-firing' | 'alert-resolved' | 'acknowledge' | 'dispose' | 'comment' | 'close' | 'settle'>

function liveEvent(what: (typeof eventArbitrary extends fc.Arbitrary<infer T> ? T : never), now: number): ModelEvent {
  switch (what.kind) {
    case 'firing':
      return firing(what.name, now - what.before * MINUTE, what.severity)
    case 'resolved':
      return resolved(what.name, now - what.before * MINUTE, what.why)
    case 'acknowledge':
      return acknowledge()
    case 'dispose':
      return dispose(what.text)
    case 'comment':
      return { type: 'comment', by: '甲', text: what.text }
    case 'close':
      return { type: 'close', by: '甲', text: what.text }
    case 'settle':
      return { type: 'settle' }
  }
}

/** Updates the model by the table of SPEC.md and checks that the outcome is the one it names. */
function expectModel(model: Model, before: Incident, event: ModelEvent, outcome: Outcome, now: number): void {
  const endedAt = before.recoveredAt ?? before.closedAt
  const expectKind = (kind: Outcome['kind']): boolean => {
    expect(outcome.kind).toBe(kind)
    if (kind === 'stepped') model.stored++
    return kind === 'stepped'
  }
  switch (event.type) {
    case 'alert-firing': {
      const { fingerprint, startedAt, severity } = event.alert
      const running = model.state === 'open' || model.state === 'blind'
      if (!running && startedAt - endedAt! > profile.reopenWithinMs) return void expectKind('refused')
      const known = before.alerts.find((one) => one.fingerprint === fingerprint)
      if (running && known?.state === 'firing' && startedAt >= known.startedAt) return void expectKind('unchanged')
      expectKind('stepped')
      model.state = 'open'
      model.alerts.set(fingerprint, 'firing')
      model.start = Math.min(model.start, startedAt)
      model.severity = Math.max(model.severity, ranks.indexOf(severity))
      return
    }
    case 'alert-resolved': {
      const known = model.alerts.get(event.fingerprint)
      const next = event.why === 'no-data' ? 'no-data' : 'resolved'
      if ((model.state !== 'open' && model.state !== 'blind') || known === undefined || known === 'resolved' || known === next) return void expectKind('unchanged')
      expectKind('stepped')
      model.alerts.set(event.fingerprint, next)
      const states = [...model.alerts.values()]
      model.state = states.includes('firing') ? 'open' : states.includes('no-data') ? 'blind' : 'recovered'
      return
    }
    case 'acknowledge':
      if (!expectKind(model.state === 'closed' || model.response !== undefined ? 'refused' : 'stepped')) return
      model.response = now
      return
    case 'dispose':
      if (!expectKind(model.state === 'closed' || event.text === '' ? 'refused' : 'stepped')) return
      model.response ??= now
      model.disposal ??= now
      return
    case 'comment':
      return void expectKind(event.text.trim() === '' ? 'refused' : 'stepped')
    case 'close': {
      if (expectKind(model.state === 'recovered' || (model.state === 'blind' && event.text !== '') ? 'stepped' : 'refused')) model.state = 'closed'
      return
    }
    case 'settle':
      if (expectKind(model.state === 'recovered' && now - endedAt! > profile.reopenWithinMs ? 'stepped' : 'unchanged')) model.state = 'closed'
  }
}
