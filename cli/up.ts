/**
 * `npm run up`: a collector in this process and an agent for this machine as its child, enrolled with a one-time token
 * like any other. Ctrl-C stops both; a second start finds everything.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { errorText } from '../collector/log.ts'
import { type Collector, startCollector } from '../collector/main.ts'
import { SettingsError } from '../protocol/settings.ts'
import { askedToStop } from './stop.ts'
import { UsageError, homeFolder, readListen, readOptions } from './options.ts'

/** Heap flags of the agent, as in its systemd unit (measured in docs/decisions/agent-cost.md; a test compares the two). */
export const agentFlags = ['--lite-mode', '--max-lazy', '--max-semi-space-size=1', '--single-threaded', '--v8-pool-size=0', '--no-warnings']

/** What glibc's malloc is told, as in the unit; agent/main.ts says what it saves. */
export const agentEnvironment = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '32768' } as const

const bundle = join(import.meta.dirname, '..', 'dist', 'agent.cjs')

export async function up(argv: readonly string[]): Promise<number> {
  let collector: Collector
  let home: string
  // Heard from the first moment on: a start that is under way ends as cleanly as a running one.
  const asked = askedToStop()
  try {
    const { values, positionals } = readOptions(argv, ['home', 'http', 'tls'])
    if (positionals.length > 0) throw new UsageError(`unexpected ${positionals.join(' ')}`)
    home = homeFolder(values['home'])
    const http = readListen(values['http'], 'http')
    const tls = readListen(values['tls'], 'tls')
    collector = await startCollector({ home, ...(http === undefined ? {} : { http }), ...(tls === undefined ? {} : { tls }) })
  } catch (error) {
    process.stderr.write(`zhishou up: ${errorText(error)}\n`)
    return error instanceof UsageError ? 2 : error instanceof SettingsError ? 1 : 1
  }
  const say = (text: string): void => void process.stderr.write(text)
  say(`\n  值守已启动\n  控制台    ${collector.addresses.console}\n  本机接口  ${collector.addresses.http}\n`)
  const first = collector.firstRun
  if (first !== undefined) say(`  首次登录  账号 ${first.admin.user}  一次性密码 ${first.admin.password}\n            （也在 ${join(home, 'first-run.json')}，首次登录后作废）\n`)
  say('  按 Ctrl-C 停止\n\n')

  const stopping = new AbortController()
  const agent = keepAgent(collector, join(home, 'agent'), stopping.signal)
  await asked
  say('正在停止…\n')
  stopping.abort()
  await agent
  await collector.close()
  say('已停止，数据保存在 ' + home + '\n')
  return 0
}

/** Enrols this machine if it is not, then keeps its agent running until `stop`. */
async function keepAgent(collector: Collector, agentHome: string, stop: AbortSignal): Promise<void> {
  const name = instanceName()
  if (!existsSync(join(agentHome, 'agent.crt'))) {
    const { token } = await collector.createToken(name, 'up')
    const code = await ended(startAgent(['enrol', '--home', agentHome, '--token', token]), stop)
    if (code !== 0) {
      process.stderr.write(`zhishou up: enrolling this machine's agent failed with exit code ${code}; see the lines above\n`)
      return
    }
  }
  let waitMs = 1_000
  while (!stop.aborted) {
    const startedAt = Date.now()
    const code = await ended(startAgent(['run', '--home', agentHome]), stop)
    if (stop.aborted) return
    process.stderr.write(`zhishou up: the agent ended with exit code ${code}, starting it again\n`)
    waitMs = Date.now() - startedAt > 60_000 ? 1_000 : Math.min(waitMs * 2, 30_000)
    await delay(waitMs, undefined, { signal: stop }).catch(() => undefined)
  }
}

function startAgent(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [...agentFlags, bundle, ...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: { ...process.env, ...agentEnvironment } })
}

/** Exit code of a child; on `stop` it is asked to end and, if it does not within 5 s, made to. */
function ended(child: ChildProcess, stop: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      child.kill('SIGTERM')
      setTimeout(() => child.kill('SIGKILL'), 5_000).unref()
    }
    if (stop.aborted) end()
    else stop.addEventListener('abort', end, { once: true })
    child.once('error', reject)
    child.once('exit', (code) => {
      stop.removeEventListener('abort', end)
      resolve(code ?? 1)
    })
  })
}

/** This machine's name as an instance label. */
export function instanceName(): string {
  const name = hostname().replaceAll(/[^\p{L}\p{N}._-]/gu, '-').replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '')
  return name === '' ? 'localhost' : name.slice(0, 120)
}
