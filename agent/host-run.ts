import { spawn } from 'node:child_process'
import type { RunOptions, RunResult } from './host.ts'

/** What a child sees: fixed, so that its output is in the C locale whatever the agent was started with. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', LANG: 'C' } as const

/** The lookup path of `run`; a test puts its own programs in front. */
export interface RunnerOptions {
  readonly path?: string
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/**
 * Makes `Host.run` for this machine: a fixed argument vector, no shell, its own process group, its own clock.
 *
 * A child that sits in uninterruptible sleep (a dead NFS mount, a hung driver) does not die of SIGKILL, and its pipes do
 * not close. So the time limit kills the group, answers `hung` at once without waiting for the end, and lets go of the
 * child; while such a one has not been reaped, the same program is not started again but answers `hung` immediately: at
 * most one of each is ever left behind.
 */
export function createRunner(runner: RunnerOptions = {}): (argv: readonly [string, ...string[]], options: RunOptions) => Promise<RunResult> {
  const unreaped = new Set<string>()
  const env = runner.path === undefined ? ENVIRONMENT : { ...ENVIRONMENT, PATH: runner.path }

  return ([program, ...rest], { timeoutMs, maxBytes }) => {
    if (unreaped.has(program)) return Promise.resolve({ kind: 'hung' })
    return new Promise((resolve) => {
      const child = spawn(program, rest, { cwd: '/', detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] })
      const chunks: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] }
      let bytes = 0
      let answered = false

      const answer = (result: RunResult): void => {
        if (answered) return
        answered = true
        clearTimeout(timer)
        resolve(result)
      }
      const giveUp = (kind: 'hung' | 'overflow'): void => {
        if (answered) return
        if (child.exitCode === null && child.signalCode === null) {
          unreaped.add(program)
          child.once('exit', () => unreaped.delete(program))
        }
        killGroup(child.pid)
        child.stdout.destroy()
        child.stderr.destroy()
        child.unref()
        answer({ kind })
      }
      const timer = setTimeout(() => giveUp('hung'), timeoutMs)
      const collect = (name: 'stdout' | 'stderr') => (chunk: Buffer): void => {
        bytes += chunk.length
        if (bytes > maxBytes) giveUp('overflow')
        else chunks[name].push(chunk)
      }
      child.stdout.on('data', collect('stdout'))
      child.stderr.on('data', collect('stderr'))
      child.on('error', (cause) => {
        if (codeOf(cause) === 'ENOENT') answer({ kind: 'missing' })
        else answer({ kind: 'failed', error: new Error(`cannot run ${program}`, { cause }) })
      })
      child.on('close', (code, signal) => {
        if (code === null) answer({ kind: 'failed', error: new Error(`${program} was ended by ${signal ?? 'a signal'}`) })
        else answer({ kind: 'exited', code, stdout: Buffer.concat(chunks.stdout).toString('utf8'), stderr: Buffer.concat(chunks.stderr).toString('utf8') })
      })
    })
  }
}

/** The child leads its group (`detached`), so its own children go with it. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // ESRCH: it ended by itself in this moment, which is what was wanted. Anything else is a fault of ours.
    if (codeOf(error) !== 'ESRCH') throw error
  }
}
