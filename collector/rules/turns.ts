import { setImmediate } from 'node:timers/promises'
import type { Work } from '../promql/work.ts'

/** How long work may hold the thread before others are let in; a single step of it may take longer. */
const longestTurnMs = 2

/**
 * Lets others in (agents and people are served by the same thread) whenever this much work was done on end. One of these
 * for everything that follows one another: short pieces add up to a turn.
 */
export interface Turns {
  /**
   * Does the work; where it yields others may be let in. `hold` is taken over the pauses, so that the work sees no change
   * between them, and given back at its end, with a turn for those who had to wait.
   */
  run<T>(work: Work<T>, hold?: () => (() => void) | undefined): Promise<T>
  /** Lets others in if it is time to. */
  yieldIfDue(): Promise<void>
  /** Seconds of work so far, the others' left out. Monotonic. */
  seconds(): number
}

/** The first turn begins now. `nowMs`: monotonic milliseconds. */
export function takeTurns(nowMs: () => number = () => performance.now()): Turns {
  let resumedAt = nowMs()
  let workedMs = 0
  const isDue = (): boolean => nowMs() - resumedAt >= longestTurnMs
  const letOthersIn = async (): Promise<void> => {
    workedMs += nowMs() - resumedAt
    await setImmediate()
    resumedAt = nowMs()
  }
  return {
    async run(work, hold) {
      let release: (() => void) | undefined
      try {
        for (;;) {
          const step = work.next()
          if (step.done === true) return step.value
          if (!isDue()) continue
          release ??= hold?.()
          await letOthersIn()
        }
      } finally {
        if (release !== undefined) {
          release()
          await letOthersIn()
        }
      }
    },
    async yieldIfDue() {
      if (isDue()) await letOthersIn()
    },
    seconds: () => (workedMs + nowMs() - resumedAt) / 1000,
  }
}
