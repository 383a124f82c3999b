/**
 * Silences: who may be muted, until when, on whose word. Source of what may be changed in place and what makes a new
 * silence: alertmanager 0.25 `silence/silence.go`.
 */
import type { Labels } from '../../protocol/series.ts'
import { isLabelName } from '../rules/rule.ts'
import { MatcherError, labelMatcher, matchesAll } from './matcher.ts'
import type { LabelMatcher, MatchOp } from './matcher.ts'
import { isResolved } from './routed-alert.ts'
import type { RoutedAlert } from './routed-alert.ts'

export interface SilenceMatcher {
  readonly name: string
  readonly op: MatchOp
  readonly value: string
}

/** Times are epoch ms. */
export interface Silence {
  readonly id: string
  readonly matchers: readonly SilenceMatcher[]
  readonly startsAt: number
  /** Always there: no silence is for ever. */
  readonly endsAt: number
  /** The owner. */
  readonly createdBy: string
  /** The reason. */
  readonly comment: string
  readonly createdAt: number
  readonly updatedAt: number
  /** The end it was made with, before anybody moved it. */
  readonly firstEndsAt: number
  /** The silence that this one took the place of, because its matchers were changed. */
  readonly replaces: string | undefined
}

/** What somebody asks for; `id` names a silence to change. */
export interface SilenceRequest {
  readonly id: string | undefined
  readonly matchers: readonly SilenceMatcher[]
  readonly startsAt: number
  readonly endsAt: number
  readonly createdBy: string
  readonly comment: string
}

export type SilenceState = 'pending' | 'active' | 'expired'

/** Alertmanager lets a silence live on in the very moment of its end; here the end is the end. */
export function silenceState(silence: Pick<Silence, 'startsAt' | 'endsAt'>, now: number): SilenceState {
  if (now >= silence.endsAt) return 'expired'
  return now < silence.startsAt ? 'pending' : 'active'
}

/** What is wrong with a request, in Alertmanager's words; undefined: nothing. */
export function silenceFault(request: SilenceRequest, now: number): string | undefined {
  if (!(request.startsAt < request.endsAt)) return 'start time must be before end time'
  if (request.endsAt < now) return "end time can't be in the past"
  if (request.createdBy.trim() === '') return 'creator information missing'
  if (request.comment.trim() === '') return 'comment missing'
  if (request.matchers.length === 0) return 'at least one matcher required'
  for (const [index, one] of request.matchers.entries()) {
    if (!isLabelName(one.name)) return `invalid label matcher ${index}: invalid label name ${JSON.stringify(one.name)}`
    if (!one.value.isWellFormed()) return `invalid label matcher ${index}: invalid label value`
  }
  try {
    if (compileSilence(request.matchers).every((one) => (one.op === '=' || one.op === '=~') && one.matches(''))) return 'at least one matcher must not match the empty string'
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error
    return error.message
  }
  return undefined
}

/** The matchers ready for use. Throws MatcherError. */
export function compileSilence(matchers: readonly SilenceMatcher[]): readonly LabelMatcher[] {
  return matchers.map((one) => labelMatcher(one.name, one.op, one.value))
}

export type SetSilence =
  | { readonly kind: 'set'; readonly silence: Silence; /** The old one, ended, where a new one had to be made. */ readonly expired: Silence | undefined }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'not-found' }

/** Makes or changes a silence. `known` is the one that the request names, `newId` is used where a new one is made. */
export function setSilence(known: Silence | undefined, request: SilenceRequest, now: number, newId: string): SetSilence {
  const fault = silenceFault(request, now)
  if (fault !== undefined) return { kind: 'refused', why: fault }
  if (request.id !== undefined && known === undefined) return { kind: 'not-found' }
  const { matchers, endsAt, createdBy, comment } = request
  if (known !== undefined && canUpdate(known, request, now)) {
    return { kind: 'set', silence: { ...known, startsAt: request.startsAt, endsAt, createdBy, comment, updatedAt: now }, expired: undefined }
  }
  const live = known !== undefined && silenceState(known, now) !== 'expired'
  const silence: Silence = {
    id: newId, matchers, startsAt: Math.max(request.startsAt, now), endsAt, createdBy, comment, createdAt: now, updatedAt: now,
    firstEndsAt: live ? known.firstEndsAt : endsAt,
    replaces: live ? known.id : undefined,
  }
  return { kind: 'set', silence, expired: live ? ended(known, now) : undefined }
}

/** Whether the change leaves what has been muted so far as it was. */
function canUpdate(known: Silence, request: SilenceRequest, now: number): boolean {
  if (JSON.stringify(known.matchers.map(plain)) !== JSON.stringify(request.matchers.map(plain))) return false
  const seconds = (at: number): number => Math.floor(at / 1000)
  switch (silenceState(known, now)) {
    case 'active':
      return seconds(request.startsAt) === seconds(known.startsAt) && request.endsAt >= now
    case 'pending':
      return request.startsAt >= now
    case 'expired':
      return false
  }
}

const plain = ({ name, op, value }: SilenceMatcher): readonly string[] => [name, op, value]

function ended(silence: Silence, now: number): Silence {
  return { ...silence, startsAt: Math.min(silence.startsAt, now), endsAt: now, updatedAt: now }
}

/** Ends a silence now. undefined: it has ended already. */
export function expireSilence(silence: Silence, now: number): Silence | undefined {
  return silenceState(silence, now) === 'expired' ? undefined : ended(silence, now)
}

/** A silence that has gone beyond what was agreed when it was made. */
export type Overrun =
  | { readonly kind: 'still-firing'; readonly silence: Silence; /** Fire now as they did when it ended, and nothing else mutes them. */ readonly fingerprints: readonly string[] }
  | { readonly kind: 'extended'; readonly silence: Silence; readonly byMs: number }

/** Ended silences whose alerts still fire, and those whose end was moved out. */
export function overruns(silences: readonly Silence[], alerts: readonly RoutedAlert[], now: number): readonly Overrun[] {
  const active = silences.filter((one) => silenceState(one, now) === 'active').map((one) => compileSilence(one.matchers))
  const covered = (labels: Labels): boolean => active.some((matchers) => matchesAll(matchers, labels))
  return silences.flatMap((silence): readonly Overrun[] => {
    const found: Overrun[] = []
    if (silence.endsAt > silence.firstEndsAt) found.push({ kind: 'extended', silence, byMs: silence.endsAt - silence.firstEndsAt })
    if (silenceState(silence, now) === 'expired') {
      const matchers = compileSilence(silence.matchers)
      const firing = alerts.filter((alert) => !isResolved(alert, now) && alert.startsAt < silence.endsAt && matchesAll(matchers, alert.routing) && !covered(alert.routing))
      if (firing.length > 0) found.push({ kind: 'still-firing', silence, fingerprints: firing.map((alert) => alert.fingerprint) })
    }
    return found
  })
}

const stateOrder: Readonly<Record<SilenceState, number>> = { active: 0, pending: 1, expired: 2 }

/** The API's order: active by end, pending by start, expired by end, the newest first. */
export function compareSilences(a: Silence, b: Silence, now: number): number {
  const state = silenceState(a, now)
  const order = stateOrder[state] - stateOrder[silenceState(b, now)]
  if (order !== 0) return order
  if (state === 'pending') return a.startsAt - b.startsAt
  return state === 'active' ? a.endsAt - b.endsAt : b.endsAt - a.endsAt
}
