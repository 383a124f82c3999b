import type { Labels } from '../../protocol/series.ts'
import type { Work } from '../promql/work.ts'
import type { AlertChange } from './alert.ts'
import type { Observation } from './observe.ts'
import { alertOf } from './state.ts'
import type { AlertState, Phase, Resolution, Unproven } from './state.ts'
import { RuleError } from './observe.ts'
import type { AlertingRule } from './rule.ts'

/** How long a resolved alert stays listed (Prometheus's resolvedRetention). */
export const resolvedRetentionMs = 15 * 60_000

/** How long an alert that ended for lack of data waits for them before it is forgotten. */
export const noDataRetentionMs = 30 * 86_400_000

/** What the state machine must ask of the data, beyond the rule's result. */
export interface Senses {
  /** Where the condition of each newly active alert began (epoch ms, not after now), by key; absent: now. */
  starts(fresh: readonly Observation[]): Work<ReadonlyMap<string, number>>
  /** Selectors that had data for these labels at that time. */
  needed(result: Labels, at: number): readonly string[]
  /** Whether, now, one of the needed selectors has no data for these labels or their target is down. */
  missing(result: Labels, needed: readonly string[]): boolean
}

export interface Step {
  readonly states: ReadonlyMap<string, AlertState>
  readonly changes: readonly AlertChange[]
  /** Set when the rule's limit was exceeded: every alert of the rule was cleared. */
  readonly error: RuleError | undefined
}

interface Situation {
  readonly rule: AlertingRule
  readonly group: string
  readonly now: number
  readonly senses: Senses
  readonly changes: AlertChange[]
}

/**
 * One evaluation of one alerting rule: previous states and the rows at `now` give the next states and what to tell.
 * Pure but for what `senses` reads. States, observations and invariants: SPEC.md.
 */
export function* stepAlerts(
  rule: AlertingRule, group: string, limit: number, previous: ReadonlyMap<string, AlertState>,
  seen: ReadonlyMap<string, Observation>, now: number, senses: Senses,
): Work<Step> {
  const situation: Situation = { rule, group, now, senses, changes: [] }
  const fresh = [...seen.values()].filter((observation) => !isActive(previous.get(observation.key)))
  const starts = fresh.length === 0 ? new Map<string, number>() : yield* senses.starts(fresh)
  const states = new Map<string, AlertState>()
  for (const observation of seen.values()) {
    states.set(observation.key, hold(situation, previous.get(observation.key), observation, starts.get(observation.key) ?? now))
    yield
  }
  for (const [key, state] of previous) {
    if (seen.has(key)) continue
    const next = release(situation, state)
    if (next !== undefined) states.set(key, next)
    yield
  }
  const active = [...states.values()].filter(isActive).length
  if (limit > 0 && active > limit) return clearAll(situation, previous, new RuleError(`exceeded limit of ${limit} with ${active} alerts`))
  return { states, changes: situation.changes, error: undefined }
}

function isActive(state: AlertState | undefined): boolean {
  return state !== undefined && state.phase.state !== 'resolved'
}

/** The condition holds. */
function hold(situation: Situation, before: AlertState | undefined, observation: Observation, startedAt: number): AlertState {
  const { rule, now } = situation
  const continues = before !== undefined && before.phase.state !== 'resolved'
  const activeAt = continues ? before.activeAt : now
  const base = {
    // The same objects for as long as the alert is known (the phase: while it lasts): what is made from them is kept beside them.
    labels: before?.labels ?? observation.labels, result: before?.result ?? observation.result, annotations: observation.annotations, value: observation.value,
    activeAt, startedAt: Math.min(continues ? before.startedAt : startedAt, activeAt), heldAt: now, graceUntil: undefined,
  }
  const phase = before?.phase
  if (phase?.state === 'firing') {
    const state: AlertState = { ...base, phase: phase.clearedAt === undefined ? phase : { ...phase, clearedAt: undefined } }
    if (!sameTexts(before?.annotations ?? {}, state.annotations)) tell(situation, 'updated', state)
    return state
  }
  if (now - activeAt >= rule.forMs) {
    const state: AlertState = { ...base, phase: { state: 'firing', firedAt: now, clearedAt: undefined } }
    tell(situation, 'firing', state)
    return state
  }
  return { ...base, phase: phase?.state === 'pending' ? phase : { state: 'pending', unproven: unprovenOf(before) } }
}

function unprovenOf(before: AlertState | undefined): Unproven | undefined {
  if (before?.phase.state !== 'resolved' || before.phase.why !== 'no-data') return undefined
  const { firedAt, resolvedAt, why, needed } = before.phase
  return { firedAt, resolvedAt, why, needed, activeAt: before.activeAt, startedAt: before.startedAt }
}

/** Back from pending to the unproven end of the firing before it. */
function returned(state: AlertState, { activeAt, startedAt, ...resolution }: Unproven): AlertState {
  return { ...state, activeAt, startedAt, graceUntil: undefined, phase: { state: 'resolved', ...resolution } }
}

/** The condition does not hold (or nothing is known). undefined: the alert is gone. */
function release(situation: Situation, state: AlertState): AlertState | undefined {
  const { phase } = state
  switch (phase.state) {
    case 'pending': return releasePending(situation, state, phase)
    case 'firing': return releaseFiring(situation, state, phase)
    case 'resolved': return releaseResolved(situation, state, phase)
  }
}

function releasePending(situation: Situation, state: AlertState, phase: Extract<Phase, { state: 'pending' }>): AlertState | undefined {
  if (inGrace(situation, state) && isMissing(situation, state)) return state
  if (phase.unproven === undefined) return undefined
  const earlier = returned(state, phase.unproven)
  if (isMissing(situation, state)) return earlier
  return resolve(situation, earlier, { firedAt: phase.unproven.firedAt, resolvedAt: situation.now, why: 'condition-false', needed: [] })
}

function releaseFiring(situation: Situation, state: AlertState, phase: Extract<Phase, { state: 'firing' }>): AlertState {
  const { now, rule } = situation
  if (inGrace(situation, state) && isMissing(situation, state)) return state
  const clearedAt = phase.clearedAt ?? now
  if (rule.keepFiringForMs > 0 && now - clearedAt < rule.keepFiringForMs) return { ...state, phase: { ...phase, clearedAt } }
  const needed = situation.senses.needed(state.result, state.heldAt)
  const why = situation.senses.missing(state.result, needed) ? 'no-data' : 'condition-false'
  return resolve(situation, state, { firedAt: phase.firedAt, resolvedAt: now, why, needed: why === 'no-data' ? needed : [] })
}

function releaseResolved(situation: Situation, state: AlertState, phase: Extract<Phase, { state: 'resolved' }>): AlertState | undefined {
  const age = situation.now - phase.resolvedAt
  if (phase.why === 'condition-false') return age > resolvedRetentionMs ? undefined : state
  if (!situation.senses.missing(state.result, phase.needed)) {
    return resolve(situation, state, { firedAt: phase.firedAt, resolvedAt: situation.now, why: 'condition-false', needed: [] })
  }
  return age > noDataRetentionMs ? undefined : state
}

function inGrace(situation: Situation, state: AlertState): boolean {
  return state.graceUntil !== undefined && situation.now < state.graceUntil
}

function isMissing(situation: Situation, state: AlertState): boolean {
  return situation.senses.missing(state.result, situation.senses.needed(state.result, state.heldAt))
}

function resolve(situation: Situation, state: AlertState, resolution: Resolution): AlertState {
  const next: AlertState = { ...state, graceUntil: undefined, phase: { state: 'resolved', ...resolution } }
  situation.changes.push({ kind: 'resolved', alert: alertOf(situation.group, situation.rule.name, next), why: resolution.why })
  return next
}

function tell(situation: Situation, kind: 'firing' | 'updated', state: AlertState): void {
  situation.changes.push({ kind, alert: alertOf(situation.group, situation.rule.name, state) })
}

/** Too many alerts at once: none is believed. Those that had been told end as `no-data`, for nothing says they recovered. */
function clearAll(situation: Situation, previous: ReadonlyMap<string, AlertState>, error: RuleError): Step {
  situation.changes.length = 0
  const states = new Map<string, AlertState>()
  for (const [key, state] of previous) {
    const ended = abandon(situation.group, situation.rule.name, state, situation.now, situation.senses.needed)
    if (ended === undefined) continue
    states.set(key, ended.state)
    if (ended.change !== undefined) situation.changes.push(ended.change)
  }
  return { states, changes: situation.changes, error }
}

/**
 * Ends an alert about which nothing can be said any more (its rule is gone, over its limit, or was down too long):
 * what had fired becomes resolved with `no-data`; what was only pending is dropped (undefined).
 */
export function abandon(
  group: string, name: string, state: AlertState, now: number, needed: Senses['needed'],
): { readonly state: AlertState; readonly change: AlertChange | undefined } | undefined {
  const { phase } = state
  switch (phase.state) {
    case 'pending':
      return phase.unproven === undefined
        ? undefined
        : { state: returned(state, phase.unproven), change: undefined }
    case 'firing': {
      const resolution: Resolution = { firedAt: phase.firedAt, resolvedAt: now, why: 'no-data', needed: needed(state.result, state.heldAt) }
      const next: AlertState = { ...state, graceUntil: undefined, phase: { state: 'resolved', ...resolution } }
      return { state: next, change: { kind: 'resolved', alert: alertOf(group, name, next), why: 'no-data' } }
    }
    case 'resolved': return { state, change: undefined }
  }
}

function sameTexts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}
