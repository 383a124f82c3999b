import type { Clock } from '../collector/clock.ts'

/** A clock that stands still until it is told to go on. Tasks run in order of their time, each awaited. */
export interface ManualClock extends Clock {
  advance(ms: number): Promise<void>
  /** Forgets every task: the process that had asked for them is gone. */
  abandon(): void
}

interface Task {
  readonly everyMs: number
  readonly run: () => void | Promise<void>
  nextAt: number
}

export function manualClock(startAt: number): ManualClock {
  let at = startAt
  let tasks: Task[] = []
  return {
    now: () => at,
    every(everyMs, _, run) {
      const task: Task = { everyMs, run, nextAt: at + everyMs }
      tasks.push(task)
      return () => {
        tasks = tasks.filter((one) => one !== task)
      }
    },
    async advance(ms) {
      const until = at + ms
      for (;;) {
        const next = tasks.filter((task) => task.nextAt <= until).sort((a, b) => a.nextAt - b.nextAt)[0]
        if (next === undefined) break
        at = Math.max(at, next.nextAt)
        next.nextAt += next.everyMs
        await next.run()
      }
      at = until
    },
    abandon() {
      tasks = []
    },
  }
}
