/** The parent's end of push-fleet.ts. */
import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PushAnswer, PushJob, PushOrder } from './push-fleet.ts'

export interface PushFleet {
  /** One order at a time. Rejects with what the child could not do. */
  order(order: PushOrder): Promise<PushAnswer>
  end(): void
}

/** Starts the child; the job goes through `file`. */
export function startPushFleet(job: PushJob, file: string): PushFleet {
  writeFileSync(file, JSON.stringify(job), { mode: 0o600 })
  const child = fork(join(import.meta.dirname, 'push-fleet.ts'), [file], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  return {
    order: (order) =>
      new Promise((resolve, reject) => {
        const ended = (code: number | null): void => reject(new Error(`push-fleet ended with ${code}`))
        child.once('exit', ended)
        child.once('message', (answer: PushAnswer) => {
          child.off('exit', ended)
          if (answer.error === undefined) resolve(answer)
          else reject(new Error(answer.error))
        })
        child.send(order)
      }),
    end() {
      child.kill('SIGKILL')
    },
  }
}
