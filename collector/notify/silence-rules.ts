/** What people may silence, and when a second one has to agree. Pure; the sentences are for people. */
import type { Silence, SilenceMatcher, SilenceRequest } from './silence.ts'
import { silenceFault, silenceState } from './silence.ts'

/** Longest time from the start of a silence to its end: 30 days. */
export const LONGEST_MS = 30 * 86_400_000

/** How far apart the moments are at which a silence is held against guard periods; those are days long. */
const STEP_MS = 3_600_000

/** What somebody wants muted. `known`: the silence that is to be changed. */
export interface WantedSilence {
  readonly known: Silence | undefined
  readonly matchers: readonly SilenceMatcher[]
  readonly startsAt: number
  readonly endsAt: number
  readonly reason: string
}

/** The request as routing takes it. */
export function requestOf(wanted: WantedSilence, owner: string): SilenceRequest {
  return { id: wanted.known?.id, matchers: wanted.matchers, startsAt: wanted.startsAt, endsAt: wanted.endsAt, createdBy: owner, comment: wanted.reason }
}

/** Why it is refused; undefined: it is not. `chainStart`: when the first of the silences began that it takes the place of. */
export function wantedFault(wanted: WantedSilence, chainStart: number, now: number, longestMs: number): string | undefined {
  if (wanted.reason.trim() === '') return '请写明静默原因'
  if (wanted.matchers.length === 0) return '请至少写一个匹配条件'
  if (wanted.endsAt <= now) return '结束时间已过'
  if (wanted.startsAt >= wanted.endsAt) return '开始时间须早于结束时间'
  const begin = Math.min(wanted.startsAt, chainStart)
  if (wanted.endsAt - begin > longestMs) return `一次静默连同延长最长 ${longestMs / 86_400_000} 天`
  if (wanted.startsAt > now + longestMs) return `开始时间最晚为 ${longestMs / 86_400_000} 天之后`
  const fault = silenceFault(requestOf(wanted, '-'), now)
  if (fault === undefined) return undefined
  return fault === 'at least one matcher must not match the empty string' ? '匹配条件过宽：至少要有一个条件不能匹配空值' : `匹配条件有误：${fault}`
}

/** The one service that these matchers keep to; undefined: they may reach any. */
export function serviceOf(matchers: readonly SilenceMatcher[]): string | undefined {
  return matchers.find((one) => one.name === 'system' && one.op === '=' && one.value !== '')?.value
}

/**
 * Whether a second person has to agree: in a guard period, and for a silence that reaches into one, or the day before
 * it would be the way around the rule. What only mutes less needs nobody.
 */
export function needsSecond(wanted: WantedSilence, now: number, inGuard: (at: number, service: string | undefined) => boolean): boolean {
  if (wanted.known !== undefined && mutesNoMore(wanted.known, wanted, now)) return false
  const service = serviceOf(wanted.matchers)
  if (inGuard(now, service)) return true
  for (let at = Math.max(now, wanted.startsAt); at < wanted.endsAt; at += STEP_MS) if (inGuard(at, service)) return true
  return inGuard(wanted.endsAt - 1, service)
}

function mutesNoMore(known: Silence, wanted: WantedSilence, now: number): boolean {
  const same = JSON.stringify(known.matchers.map(({ name, op, value }) => [name, op, value])) === JSON.stringify(wanted.matchers.map(({ name, op, value }) => [name, op, value]))
  const state = silenceState(known, now)
  return state !== 'expired' && same && wanted.endsAt <= known.endsAt && (state === 'active' || wanted.startsAt >= known.startsAt)
}

/** When the first of the silences began that this one takes the place of. */
export function chainStart(silence: Silence | undefined, get: (id: string) => Silence | undefined): number {
  let start = Infinity
  const seen = new Set<string>()
  for (let current = silence; current !== undefined && !seen.has(current.id); current = current.replaces === undefined ? undefined : get(current.replaces)) {
    seen.add(current.id)
    start = Math.min(start, current.startsAt)
  }
  return start
}
