/**
 * The collector's time. Rooms take a Clock and pure files take `now`, so a test owns time. The working-day calendar
 * joins here with the duty rosters.
 */
export interface Clock {
  /** Epoch milliseconds, UTC. */
  now(): number
  /** Runs `task` every `everyMs`, never twice at once; returns what stops it. A failing task is reported, not fatal. */
  every(everyMs: number, name: string, task: () => void | Promise<void>): () => void
}

/** The machine's own clock. `report` hears of tasks that threw. */
export function systemClock(report: (name: string, error: unknown) => void): Clock {
  return {
    now: () => Date.now(),
    every(everyMs, name, task) {
      let busy = false
      const timer = setInterval(() => {
        if (busy) return
        busy = true
        Promise.resolve()
          .then(task)
          .catch((error: unknown) => report(name, error))
          .finally(() => {
            busy = false
          })
      }, everyMs)
      return () => clearInterval(timer)
    },
  }
}

/** Office time: the product's users, reports and calendars live in this zone. */
export const OFFICE_ZONE = 'Asia/Shanghai'

const stamp = new Intl.DateTimeFormat('sv-SE', { timeZone: OFFICE_ZONE, dateStyle: 'short', timeStyle: 'medium' })

/** `2026-11-22 08:00:00` in office time. */
export function officeTime(at: number): string {
  return stamp.format(at)
}
