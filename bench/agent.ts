/**
 * Cost of the agent beside node_exporter on this machine (PERFORMANCE §1–2): both run at once with their default
 * collectors, ours on Node 24 and on 16.20.2 connected to a real collector, node_exporter scraped with gzip every 15 s as
 * Prometheus does. CPU by schedstat over windows of a minute, children included; medians and ratios.
 *
 *   npm run bench -- agent [--windows 5] [--seconds 60]
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { agentFlags } from '../cli/up.ts'
import { startCollector } from '../collector/main.ts'
import { freePort } from '../test/ports.ts'
import { childCpuSeconds, cpuSeconds, median, memory, report, rounded, spread } from './measure.ts'

const { values } = parseArgs({ options: { windows: { type: 'string', default: '5' }, seconds: { type: 'string', default: '60' } } })
const windows = Number(values.windows)
const seconds = Number(values.seconds)
const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'zhishou-bench-'))
const children: ChildProcess[] = []

function start(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, [...args], { stdio: 'ignore' })
  children.push(child)
  return child
}

function scrape(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/metrics', headers: { 'accept-encoding': 'gzip' } }, (response) => {
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
  return start(node, [...agentFlags, join(root, 'dist', 'agent.cjs'), 'run', '--home', home])
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
  const scraper = setInterval(() => void scrape(port).then((bytes) => (wireBytes = bytes)), 15_000)
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
  clearInterval(scraper)
  const result: Record<string, unknown> = { bench: 'agent', windows, seconds, scrapeGzipBytes: wireBytes }
  const base = cpu.get('node_exporter') ?? []
  for (const one of programs) {
    const own = cpu.get(one.name) ?? []
    const used = memory(one.child.pid ?? 0)
    console.log(`${one.name}: CPU ${spread(own)} s/h, RSS ${used.rssMb.toFixed(1)} MB, private dirty ${used.privateDirtyMb.toFixed(1)} MB, anonymous ${used.anonymousMb.toFixed(1)} MB`)
    result[one.name] = { cpuSecondsPerHour: rounded(median(own)), rssMb: rounded(used.rssMb, 1), privateDirtyMb: rounded(used.privateDirtyMb, 1), anonymousMb: rounded(used.anonymousMb, 1) }
    if (one.name !== 'node_exporter') result[`${one.name}CpuRatio`] = rounded(median(own.map((value, index) => value / (base[index] ?? Number.NaN))))
  }
  report(result)
} finally {
  for (const child of children) child.kill('SIGKILL')
  await collector.close()
  rmSync(folder, { recursive: true, force: true })
}
