/**
 * The collector beside victoria-metrics on the same data (PERFORMANCE §4, §5): a fleet of `--hosts` with `--series` each,
 * loaded flat out in alternating passes A B A B, ours over TLS with client certificates, durable, with the shipped host
 * rules on; theirs by POST /write, ten hosts a request. Then a paced phase at one tick in 15 s. CPU by schedstat.
 *
 *   npm run bench -- collector [--hosts 1000] [--series 300] [--pairs 5] [--ticks 48] [--paced 90] [--profile DIR] [--alone]
 */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { collectorEnvironment, collectorFlags } from '../scripts/ensure.mjs'
import { freePort } from '../test/ports.ts'
import { fleetIdentities } from './fleet-identities.ts'
import { calm, fleetTemplate } from './fleet.ts'
import { cpuSeconds, median, memory, report, rounded, spread } from './measure.ts'

const { values } = parseArgs({ options: { hosts: { type: 'string', default: '1000' }, series: { type: 'string', default: '300' }, pairs: { type: 'string', default: '5' }, ticks: { type: 'string', default: '48' }, paced: { type: 'string', default: '90' }, profile: { type: 'string' }, alone: { type: 'boolean', default: false } } })
const hosts = Number(values.hosts)
const series = Number(values.series)
const pairs = Number(values.pairs)
const ticks = Number(values.ticks)
const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'zhishou-bench-'))
const home = join(folder, 'collector')
const running: ChildProcess[] = []

interface Answer {
  readonly ok: boolean
  readonly error?: string
  readonly samples: number
  readonly frames: number
  readonly seconds: number
  readonly bytes: number
}

function sizeOf(path: string): number {
  const info = statSync(path)
  return info.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0) : info.size
}

function ask(child: ChildProcess, message: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    child.once('message', (answer: Answer) => (answer.ok ? resolve(answer) : reject(new Error(answer.error))))
    child.send(message)
  })
}

try {
  const ports = { http: await freePort(), tls: await freePort(), victoria: await freePort() }
  const identities = await fleetIdentities(home, Array.from({ length: hosts }, (_, index) => `bench-${String(index).padStart(4, '0')}`))
  // Sound hosts: this machine's own troubles a thousand times over would be one standing storm of alerts.
  const template = calm(await fleetTemplate(series), Date.now())
  const jobFile = join(folder, 'job.json')
  const startMs = Date.now() - (pairs * ticks + 2) * 15_000
  writeFileSync(jobFile, JSON.stringify({ ...identities, url: `wss://127.0.0.1:${ports.tls}/link`, influxPort: ports.victoria, startMs, template: { columns: template.columns, base: [...template.base], kinds: [...template.kinds] } }))
  const ours = spawn(process.execPath, [...(values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', values.profile]), ...collectorFlags, join(root, 'cli', 'main.ts'), 'collector', 'run', '--home', home, '--http', `127.0.0.1:${ports.http}`, '--tls', `127.0.0.1:${ports.tls}`], { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...collectorEnvironment } })
  const victoria = spawn('/usr/bin/victoria-metrics', [`-storageDataPath=${join(folder, 'victoria')}`, '-retentionPeriod=100y', `-httpListenAddr=127.0.0.1:${ports.victoria}`, '-influxSkipSingleField', '-loggerLevel=ERROR'], { stdio: 'ignore' })
  const loader = fork(join(root, 'bench', 'fleet-loader.ts'), [jobFile], { stdio: 'inherit' })
  const peer = fork(join(root, 'bench', 'fleet-loader.ts'), [jobFile], { stdio: 'inherit' })
  running.push(ours, victoria, loader, peer)
  const up = async (url: string): Promise<void> => {
    for (let tries = 0; tries < 200; tries++) {
      const good = await fetch(url).then((response) => response.ok, () => false)
      if (good) return
      await delay(100)
    }
    throw new Error(`${url} does not answer`)
  }
  await up(`http://127.0.0.1:${ports.http}/healthz`)
  await up(`http://127.0.0.1:${ports.victoria}/health`)
  await ask(loader, { do: 'connect' })
  // First tick: new series on both sides, not measured (PERFORMANCE gives it a row of its own).
  const first = await ask(loader, { do: 'pass', ticks: 1 })
  if (!values.alone) await ask(peer, { do: 'influx', ticks: 1 })
  await delay(2_000)
  const measured = async (pid: number, work: () => Promise<Answer>): Promise<{ cpuPerMillion: number; rate: number; answer: Answer }> => {
    const before = cpuSeconds(pid)
    const answer = await work()
    await delay(1_500)
    return { cpuPerMillion: ((cpuSeconds(pid) - before) / answer.samples) * 1e6, rate: answer.samples / answer.seconds, answer }
  }
  const a: number[] = []
  const b: number[] = []
  const rates: number[] = []
  const peerRates: number[] = []
  const ratios: number[] = []
  let wire = { bytes: 0, samples: 0 }
  for (let pair = 0; pair < pairs; pair++) {
    const mine = await measured(ours.pid ?? 0, () => ask(loader, { do: 'pass', ticks }))
    const theirs = values.alone ? mine : await measured(victoria.pid ?? 0, () => ask(peer, { do: 'influx', ticks }))
    a.push(mine.cpuPerMillion)
    b.push(theirs.cpuPerMillion)
    ratios.push(mine.cpuPerMillion / theirs.cpuPerMillion)
    rates.push(mine.rate)
    peerRates.push(theirs.rate)
    // TLS adds 22 bytes to a record and each frame is one.
    wire = { bytes: wire.bytes + mine.answer.bytes + mine.answer.frames * 22, samples: wire.samples + mine.answer.samples }
    console.log(`pair ${pair + 1}: ours ${mine.cpuPerMillion.toFixed(3)} CPU s/M at ${(mine.rate / 1e6).toFixed(2)} M/s; victoria-metrics ${theirs.cpuPerMillion.toFixed(3)} at ${(theirs.rate / 1e6).toFixed(2)} M/s`)
  }
  const rss = { ours: memory(ours.pid ?? 0).rssMb, victoria: memory(victoria.pid ?? 0).rssMb }
  console.log(`RSS at ${hosts * series} active series: ours ${rss.ours.toFixed(0)} MB, victoria-metrics ${rss.victoria.toFixed(0)} MB`)

  // Paced: what a real fleet does. The event-loop delay is the collector's own reading, scraped before and after.
  const token = (JSON.parse(await (await import('node:fs/promises')).readFile(join(home, 'first-run.json'), 'utf8')) as { readToken: string }).readToken
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${ports.http}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text()
    return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN)
  }
  await ask(loader, { do: 'pass', ticks: 1, everyMs: 15_000 })
  await metric('zhishou_event_loop_delay_p99_seconds')
  const pacedTicks = Math.max(1, Math.round(Number(values.paced) / 15))
  const before = cpuSeconds(ours.pid ?? 0)
  const paced = await ask(loader, { do: 'pass', ticks: pacedTicks, everyMs: 15_000 })
  const pacedCpu = cpuSeconds(ours.pid ?? 0) - before
  const delayP99 = await metric('zhishou_event_loop_delay_p99_seconds')
  const pacedRss = memory(ours.pid ?? 0).rssMb
  console.log(`paced: ${((pacedCpu / paced.seconds) * 100).toFixed(2)} % of a core with rules, event-loop delay p99 ${(delayP99 * 1000).toFixed(1)} ms, RSS ${pacedRss.toFixed(0)} MB`)

  // On disk, both merged. Ours counts everything in metrics.db after a clean stop; theirs its data folder.
  const oursSamples = wire.samples + first.samples + paced.samples + hosts * series
  const ended = new Promise((resolve) => ours.once('exit', resolve))
  ours.kill('SIGTERM')
  await ended
  const compact = spawnSync(process.execPath, [join(root, 'bench', 'store-size.ts'), home], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  const sizes = JSON.parse(compact.stdout.trim().split('\n').at(-1) ?? '{}') as { chunkBytes: number; fileBytes: number; sealedSamples: number }
  await fetch(`http://127.0.0.1:${ports.victoria}/internal/force_merge`)
  if (!values.alone) await delay(15_000)
  const victoriaSamples = wire.samples + first.samples
  const victoriaBytes = sizeOf(join(folder, 'victoria', 'data')) + sizeOf(join(folder, 'victoria', 'indexdb').replace('/indexdb', '/indexdb'))
  console.log(`disk: ours ${sizes.fileBytes} bytes for ${oursSamples} samples, victoria-metrics ${victoriaBytes} for ${victoriaSamples}`)
  const perSample = { ours: sizes.fileBytes / oursSamples, victoria: victoriaBytes / victoriaSamples }
  console.log(`CPU s/M: ours ${spread(a, 3)}, victoria-metrics ${spread(b, 3)}, ratio ${spread(ratios, 3)}`)
  report({
    bench: 'collector', hosts, series, pairs, ticks,
    cpuPerMillion: rounded(median(a), 4), victoriaCpuPerMillion: rounded(median(b), 3), cpuRatio: rounded(median(ratios), 3),
    samplesPerSecond: Math.round(median(rates)), rateRatio: rounded(median(rates) / median(peerRates), 2),
    rssMb: rounded(rss.ours, 0), victoriaRssMb: rounded(rss.victoria, 0), rssRatio: rounded(rss.ours / rss.victoria, 2), pacedRssMb: rounded(pacedRss, 0),
    bytesPerSample: rounded(perSample.ours, 3), victoriaBytesPerSample: rounded(perSample.victoria, 3), bytesRatio: rounded(perSample.ours / perSample.victoria, 2),
    wireBytesPerSample: rounded(wire.bytes / wire.samples, 3),
    pacedCoreRatio: rounded(pacedCpu / paced.seconds, 4), eventLoopDelayP99Ms: rounded(delayP99 * 1000, 1),
  })
} finally {
  for (const child of running) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}
