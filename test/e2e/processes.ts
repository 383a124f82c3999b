/** Real programs for the end-to-end tests: started on loopback ports, watched, and ended by their own handles. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { errorText } from '../../collector/log.ts'
import { collectorFlags } from '../../scripts/ensure.mjs'
import { freePort } from '../ports.ts'

export const root = join(import.meta.dirname, '..', '..')
export const node24 = process.execPath
export const node16 = join(root, 'node_modules', 'node16', 'bin', 'node')
const bundle = join(root, 'dist', 'agent.cjs')

export interface Program {
  readonly child: ChildProcess
  /** Everything it has printed so far. */
  output(): string
  /** Sends a signal and waits for the end; resolves with the exit code (null: killed by the signal). */
  end(signal: NodeJS.Signals): Promise<number | null>
  readonly ended: Promise<number | null>
}

/** Starts a program with its output kept. */
export function start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  const child = spawn(command, [...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  const keep = (chunk: Buffer): void => {
    text = (text + chunk.toString('utf8')).slice(-400_000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code))
    child.once('error', () => resolve(null))
  })
  return {
    child,
    output: () => text,
    ended,
    async end(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return ended
    },
  }
}

/** Polls until `check` gives a value; fails with `what` and the last error after `timeoutMs`. */
export async function eventually<T>(what: string, timeoutMs: number, check: () => Promise<T | undefined> | T | undefined, everyMs = 100): Promise<T> {
  const deadline = Date.now() + timeoutMs
  let last: unknown
  while (Date.now() < deadline) {
    try {
      const value = await check()
      if (value !== undefined && value !== (false as T)) return value
    } catch (error) {
      last = error
    }
    await delay(everyMs)
  }
  throw new Error(`not within ${timeoutMs} ms: ${what} (last: ${errorText(last)})`)
}

export interface FirstRun {
  readonly console: string
  readonly http: string
  readonly admin: { readonly user: string; readonly password: string }
  readonly readToken: string
}

export interface RunningCollector {
  readonly home: string
  readonly http: string
  readonly tls: string
  readonly ports: { readonly http: number; readonly tls: number }
  first(): FirstRun
  program(): Program
  /** Starts it (again) on the same home and ports; resolves when /healthz answers. */
  start(): Promise<void>
  /** Instant query by the read token; values by canonical label text. */
  query(expr: string, atMs?: number): Promise<{ labels: Record<string, string>; value: number; at: number }[]>
  get<T>(path: string): Promise<T>
}

/** A collector in `home` with `settings` as its collector.yml (mail, intervals …). */
export async function collectorAt(home: string, settings: string | ((tls: string) => string)): Promise<RunningCollector> {
  mkdirSync(home, { recursive: true })
  const ports = { http: await freePort(), tls: await freePort() }
  writeFileSync(join(home, 'collector.yml'), typeof settings === 'string' ? settings : settings(`https://127.0.0.1:${ports.tls}`))
  const http = `http://127.0.0.1:${ports.http}`
  let program: Program | undefined
  const first = (): FirstRun => JSON.parse(readFileSync(join(home, 'first-run.json'), 'utf8')) as FirstRun
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${http}${path}`, { headers: { authorization: `Bearer ${first().readToken}` }, signal: AbortSignal.timeout(10_000) })
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
  return {
    home,
    http,
    tls: `https://127.0.0.1:${ports.tls}`,
    ports,
    first,
    get,
    program() {
      if (program === undefined) throw new Error('the collector was not started')
      return program
    },
    async start() {
      const mine = start(node24, [...collectorFlags, join(root, 'cli', 'main.ts'), 'collector', 'run', '--home', home, '--http', `127.0.0.1:${ports.http}`, '--tls', `127.0.0.1:${ports.tls}`])
      program = mine
      await eventually('collector answers /healthz', 30_000, async () => {
        if (mine.child.exitCode !== null) throw new Error(`collector ended with ${mine.child.exitCode}: ${mine.output().slice(-2_000)}`)
        return (await fetch(`${http}/healthz`, { signal: AbortSignal.timeout(2_000) })).ok
      })
    },
    async query(expr, atMs) {
      const parameters = new URLSearchParams({ query: expr, ...(atMs === undefined ? {} : { time: String(atMs / 1000) }) })
      const reply = await get<{ data: { result: { metric: Record<string, string>; value: [number, string] }[] } }>(`/api/v1/query?${parameters.toString()}`)
      return reply.data.result.map((one) => ({ labels: one.metric, value: Number(one.value[1]), at: one.value[0] * 1000 }))
    },
  }
}

/** A one-time token from the collector's own command line. */
export function token(collector: RunningCollector, host: string): string {
  const run = spawnSync(node24, [join(root, 'cli', 'main.ts'), 'collector', 'token', '--host', host, '--home', collector.home, '--address', collector.tls], { encoding: 'utf8' })
  const text = /zs1\.[A-Za-z0-9_-]+/.exec(run.stdout)?.[0]
  if (text === undefined) throw new Error(`no token: ${run.stdout} ${run.stderr}`)
  return text
}

export interface AgentOptions {
  /** The agent's runtime; Node 24 by default. */
  readonly node?: string
  /** agent.yml */
  readonly settings?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Enrols an agent in `home` under `name` and starts it. */
export async function agentAt(home: string, name: string, collector: RunningCollector, options: AgentOptions = {}): Promise<Program> {
  const node = options.node ?? node24
  if (!existsSync(join(home, 'agent.crt'))) {
    const enrol = start(node, [bundle, 'enrol', '--home', home, '--token', token(collector, name)])
    const code = await enrol.ended
    if (code !== 0) throw new Error(`enrolling ${name} ended with ${code}: ${enrol.output()}`)
  }
  if (options.settings !== undefined) writeFileSync(join(home, 'agent.yml'), options.settings)
  return start(node, [bundle, 'run', '--home', home], options.env)
}

/** A folder for one test, removed by `clean`. */
export function workFolder(): { readonly path: string; clean(): void } {
  const path = mkdtempSync(join(tmpdir(), 'zhishou-e2e-'))
  return { path, clean: () => rmSync(path, { recursive: true, force: true }) }
}

/** Mounts a tmpfs of `size` at `path` (root only); returns what unmounts it. */
export function sizedTmpfs(path: string, size: string): () => void {
  mkdirSync(path, { recursive: true })
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'zhishou-test', path], { encoding: 'utf8' })
  if (mount.status !== 0) throw new Error(`mount tmpfs at ${path}: ${mount.stderr}`)
  return () => void spawnSync('umount', ['-l', path])
}

/** Whether this process may mount file systems and make network namespaces. */
export const privileged = process.getuid?.() === 0
