import type { ClockName, ClockView } from '../../protocol/api.ts'
import type { SlaProfile } from './profile.ts'

/** The three clocks, in the order in which they end. */
export const clockNames = ['respond', 'dispose', 'recover'] as const satisfies readonly ClockName[]

/**
 * Where one clock stands. `running`: not stopped and not late. `stopped`: stopped in time. `breached`: its limit passed
 * at `at`, and it was stopped after that (`stoppedAt`) or still is not (undefined). Times in epoch ms.
 */
export type ClockState =
  | { readonly kind: 'running'; readonly leftMs: number }
  | { readonly kind: 'stopped'; readonly at: number; readonly usedMs: number }
  | { readonly kind: 'breached'; readonly at: number; readonly overMs: number; readonly stoppedAt: number | undefined }

/** What the clocks need to know of an incident. Every stop is the earliest that holds now; undefined: not stopped. */
export interface ClockInput {
  readonly startedAt: number
  readonly profile: SlaProfile
  readonly stops: Readonly<Record<ClockName, number | undefined>>
}

/**
 * One clock, from its start, its limit and its stop alone: nothing is accumulated, so a start that moves earlier, a
 * restart or a replay cannot make it drift, and time zones and midnights do not enter. A stop before the start (two
 * machines' clocks differ) counts as a stop at the start. Exactly at the limit is in time.
 */
export function clockState(startedAt: number, limitMs: number, stoppedAt: number | undefined, now: number): ClockState {
  const dueAt = startedAt + limitMs
  const end = Math.max(startedAt, stoppedAt ?? now)
  if (end > dueAt) return { kind: 'breached', at: dueAt, overMs: end - dueAt, stoppedAt }
  if (stoppedAt === undefined) return { kind: 'running', leftMs: dueAt - end }
  return { kind: 'stopped', at: end, usedMs: end - startedAt }
}

/** How long that clock's promise is. */
export function clockLimitMs(profile: SlaProfile, clock: ClockName): number {
  switch (clock) {
    case 'respond':
      return profile.respondMs
    case 'dispose':
      return profile.disposeMs
    case 'recover':
      return profile.recoverMs
  }
}

/** All three clocks at `now`, in the shape that people and programs are given. */
export function clockViews(input: ClockInput, now: number): readonly ClockView[] {
  return clockNames.map((clock) => {
    const limitMs = clockLimitMs(input.profile, clock)
    const state = clockState(input.startedAt, limitMs, input.stops[clock], now)
    const common = { clock, limitMs, dueAt: input.startedAt + limitMs }
    switch (state.kind) {
      case 'running':
        return { ...common, state: 'running', stoppedAt: null, leftMs: state.leftMs, breached: false }
      case 'stopped':
        return { ...common, state: 'stopped', stoppedAt: state.at, leftMs: limitMs - state.usedMs, breached: false }
      case 'breached':
        return { ...common, state: state.stoppedAt === undefined ? 'running' : 'stopped', stoppedAt: state.stoppedAt ?? null, leftMs: -state.overMs, breached: true }
    }
  })
}
