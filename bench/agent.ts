/**
 * Cost of the agent beside node_exporter on this machine (PERFORMANCE §1–2): both run at once with their default
 * collectors, ours on Node 24 and on 16.20.2 connected to a real collector, node_exporter scraped with gzip every 15 s as
 * Prometheus does. CPU by schedstat over windows of a minute, children included; medians and ratios. After the windows:
 * what each source cost, by the agents' own counters, and which programs the agents start in two minutes, by strace
 * (left out where it is missing; apart from the windows, because tracing costs CPU).
 *
 *   npm run bench -- agent [--windows 5] [--seconds 60]
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { agentEnvironment, agentFlags } from '../cli/up.ts'
import { startCollector } from '../collector/main.ts'
import { freePort } from '../test/ports.ts'
import { childCpuSeconds, cpuSeconds, median, memory, report, rounded, spread } from './measure.ts'

const { values } = parseArgs({ options: { windows: { type: 'string', default: '5' }, seconds: { type: 'string', default: '60' } } })
const windows = Number(values.windows)
const seconds = Number(values.seconds)
const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'zhishou-bench-'))
const children: ChildProcess[] = []

function start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = spawn(command, [...args], { stdio: 'ignore', env: { ...process.env, ...env } })
  children.push(child)
  return child
}

function scrape(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent: false, path: '/metrics', headers: { 'accept-encoding': 'gzip' } }, (response) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => (bytes += chunk.length))
      response.on('end', () => resolve(bytes))
    }).on('error', reject)
  })
}

async function startAgent(node: string, name: string, collector: Awaited<ReturnType<typeof startCollector>>): Promise<ChildProcess> {
  const home = join(folder, name)
  const { token } = await collector.createToken(name, 'bench')
  const enrol = spawn(node, [join(root, 'dist', 'agent.cjs'), 'enrol', '--home', home, '--token', token], { stdio: 'inherit' })
  await new Promise((resolve) => enrol.once('exit', resolve))
  return start(node, [...agentFlags, join(root, 'dist', 'agent.cjs'), 'run', '--home', home], agentEnvironment)
}

interface SourceCpu {
  readonly metric: { readonly instance: string; readonly source: string }
  readonly value: readonly [number, string]
}

/** CPU milliseconds by instance and source since the agents started. */
async function sourceCpu(address: string, token: string): Promise<Map<string, Map<string, number>>> {
  const response = await fetch(`${address}/api/v1/query?query=zhishou_source_cpu_seconds_total`, { headers: { authorization: `Bearer ${token}` } })
  const answer = (await response.json()) as { readonly data: { readonly result: readonly SourceCpu[] } }
  const by = new Map<string, Map<string, number>>()
  for (const { metric, value } of answer.data.result) {
    const own = by.get(metric.instance) ?? new Map<string, number>()
    by.set(metric.instance, own.set(metric.source, Number(value[1]) * 1000))
  }
  return by
}

/** Programs that a process and its children start within `ms`, with their counts; undefined without strace. */
async function programsStarted(pid: number, name: string, ms: number): Promise<Record<string, number> | undefined> {
  if (!existsSync('/usr/bin/strace')) return undefined
  const file = join(folder, `${name}.strace`)
  const tracer = start('/usr/bin/strace', ['-f', '-qq', '-z', '-e', 'trace=execve', '-o', file, '-p', String(pid)])
  await delay(ms)
  const ended = new Promise((resolve) => tracer.once('exit', resolve))
  tracer.kill('SIGINT')
  await ended
  const counts: Record<string, number> = {}
  for (const [, program = ''] of readFileSync(file, 'utf8').matchAll(/execve\("[^"]*?([^"/]+)"/g)) counts[program] = (counts[program] ?? 0) + 1
  return counts
}

const collector = await startCollector({ home: join(folder, 'collector'), http: { host: '127.0.0.1', port: 0 }, tls: { host: '127.0.0.1', port: 0 }, quiet: true })
try {
  const port = await freePort()
  const exporter = start('/usr/bin/prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${port}`])
  const programs = [
    { name: 'node_exporter', child: exporter },
    { name: 'agent24', child: await startAgent(process.execPath, 'agent24', collector) },
    { name: 'agent16', child: await startAgent(join(root, 'node_modules', 'node16', 'bin', 'node'), 'agent16', collector) },
  ]
  await delay(20_000)
  let wireBytes = await scrape(port)
  const scraper = setInterval(() => void scrape(port).then((bytes) => (wireBytes = bytes), (error: unknown) => console.log('a scrape failed', error)), 15_000)
  await delay(15_000)
  const cpu = new Map<string, number[]>(programs.map((one) => [one.name, []]))
  const read = (one: (typeof programs)[number]): number => {
    const pid = one.child.pid
    if (pid === undefined || one.child.exitCode !== null) throw new Error(`${one.name} is not running`)
    return cpuSeconds(pid) + childCpuSeconds(pid)
  }
  for (let window = 0; window < windows; window++) {
    const before = programs.map(read)
    await delay(seconds * 1000)
    programs.forEach((one, index) => cpu.get(one.name)?.push(((read(one) - (before[index] ?? 0)) * 3600) / seconds))
    console.log(`window ${window + 1}: ${programs.map((one) => `${one.name} ${cpu.get(one.name)?.at(-1)?.toFixed(2)} s/h`).join(', ')}`)
  }
  const { firstRun } = collector
  const sourcesMs = 120_000
  const before = firstRun === undefined ? undefined : await sourceCpu(collector.addresses.http, firstRun.readToken)
  await delay(sourcesMs)
  const after = firstRun === undefined ? undefined : await sourceCpu(collector.addresses.http, firstRun.readToken)
  clearInterval(scraper)
  const result: Record<string, unknown> = { bench: 'agent', windows, seconds, scrapeGzipBytes: wireBytes }
  const base = cpu.get('node_exporter') ?? []
  for (const one of programs) {
    const own = cpu.get(one.name) ?? []
    const used = memory(one.child.pid ?? 0)
    console.log(`${one.name}: CPU ${spread(own)} s/h, RSS ${used.rssMb.toFixed(1)} MB, private dirty ${used.privateDirtyMb.toFixed(1)} MB, anonymous ${used.anonymousMb.toFixed(1)} MB`)
    const sources = [...(after?.get(one.name) ?? [])]
      .map(([source, ms]) => [source, rounded(ms - (before?.get(one.name)?.get(source) ?? 0), 1)] as const)
      .sort((a, b) => b[1] - a[1])
    if (sources.length > 0) console.log(`  CPU ms in ${sourcesMs / 1000} s by source: ${sources.map(([source, ms]) => `${source} ${ms}`).join(', ')}`)
    result[one.name] = { cpuSecondsPerHour: rounded(median(own)), rssMb: rounded(used.rssMb, 1), privateDirtyMb: rounded(used.privateDirtyMb, 1), anonymousMb: rounded(used.anonymousMb, 1) }
    if (one.name !== 'node_exporter') result[`${one.name}CpuRatio`] = rounded(median(own.map((value, index) => value / (base[index] ?? Number.NaN))))
  }
  const agents = programs.filter((one) => one.name !== 'node_exporter')
  const started = await Promise.all(agents.map((one) => programsStarted(one.child.pid ?? 0, one.name, 120_000)))
  agents.forEach((one, index) => {
    console.log(`${one.name}: programs started in 2 minutes: ${JSON.stringify(started[index] ?? 'not counted, no strace')}`)
    if (started[index] !== undefined) result[`${one.name}Programs`] = started[index]
  })
  report(result)
} finally {
  for (const child of children) child.kill('SIGKILL')
  await collector.close()
  rmSync(folder, { recursive: true, force: true })
}
