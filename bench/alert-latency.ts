/**
 * From the moment a condition begins to the moment the mail about it is accepted (the SMTP server's answer to DATA): ours,
 * for a rule on an ordinary value and for one on an event (evaluated as it arrives), beside Prometheus + Alertmanager on
 * the same value at the same moments. Twice: `defaults` (theirs: scrape and evaluation 1 m, group_wait 30 s; ours: agent
 * and rules 15 s, the shipped routes' group_wait 1 s) and `equal` (all intervals 5 s, no `for`, group_wait 1 s). Flips are
 * spread evenly over whole intervals and over eight targets and rule groups, each with its own offset.
 *
 *   npm run bench -- alert-latency [--trials 48] [--spread 120] [--equal-spread 60]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { SMTPServer } from 'smtp-server'
import { METRIC_NAME } from '../protocol/series.ts'
import { collectorEnvironment, collectorFlags } from '../scripts/ensure.mjs'
import { freePort } from '../test/ports.ts'
import { fleetIdentities } from './fleet-identities.ts'
import { quantile, report, rounded } from './measure.ts'
import { type PushFleet, startPushFleet } from './push-fleet-child.ts'

const { values } = parseArgs({ options: { trials: { type: 'string', default: '48' }, spread: { type: 'string', default: '120' }, 'equal-spread': { type: 'string', default: '60' } } })
const trials = Number(values.trials)
const SLOTS = 8
const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'zhishou-latency-'))
const running: ChildProcess[] = []
const fleets: PushFleet[] = []
const slots = Array.from({ length: SLOTS }, (_, slot) => slot)
const list = Array.from({ length: trials }, (_, trial) => trial)
const slotOf = (trial: number): number => trial % SLOTS
const placeOf = (trial: number): number => Math.floor(trial / SLOTS)
const perSlot = Math.ceil(trials / SLOTS)

/** Accepted at, by address; the first mail counts. */
const accepted = new Map<string, number>()
const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  disableReverseLookup: true,
  logger: false,
  onData(stream, session, done) {
    stream.resume()
    stream.on('end', () => {
      const at = Date.now()
      for (const { address } of session.envelope.rcptTo) if (!accepted.has(address)) accepted.set(address, at)
      done()
    })
  },
})

async function up(url: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await fetch(url).then((response) => response.ok, () => false)) return
    await delay(100)
  }
  throw new Error(`${url} does not answer`)
}

function start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  running.push(spawn(command, [...args], { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env } }))
}

interface Setting {
  readonly name: 'defaults' | 'equal'
  /** Left out: Prometheus's own. */
  readonly prometheus: string
  readonly groupWait: string
  readonly agentMs: number
  readonly rules: string
  readonly spreadMs: number
}

/** Kinds of trials, and the domain that each one's mails go to. */
const kinds = ['push', 'threshold', 'prometheus'] as const
type Kind = (typeof kinds)[number]

async function startOurs({ name, agentMs, rules }: Setting, smtpPort: number): Promise<PushFleet> {
  const home = join(folder, `${name}-collector`)
  const rulesFolder = join(folder, `${name}-rules`)
  mkdirSync(rulesFolder)
  const identities = await fleetIdentities(home, slots.map((slot) => `bench-${slot}`))
  const rule = (title: string, expr: string, trial: string): string => `      - alert: ${title}\n        expr: ${expr}\n        labels: { severity: critical, sla: standard, trial: '${trial}', fault: '${trial}' }\n        annotations: { summary: '${trial}' }\n`
  writeFileSync(join(rulesFolder, 'bench.yml'), `groups:\n${slots.map((slot) => `  - name: slot-${slot}\n    rules:\n${rule('Threshold', `bench_bad{slot="${slot}"} > 0`, 'threshold-{{ $labels.trial }}')}${rule('Pushed', `zhishou_events_total{kind="bench",instance="bench-${slot}"} > 0`, 'push-{{ $labels.rule }}')}`).join('')}`)
  const receivers = list.flatMap((trial) => (['push', 'threshold'] as const).map((kind) => ({ name: `${kind}-${trial}`, address: `t${trial}@${kind}.${name}.example.org` })))
  const routes = join(folder, `${name}-routes.yml`)
  writeFileSync(routes, `route:\n  receiver: none\n  routes:\n${receivers.map((one) => `    - { matchers: ['trial="${one.name}"'], receiver: ${one.name}, group_by: [incident], group_wait: 1s, group_interval: 1m, repeat_interval: 4h }\n`).join('')}receivers:\n  - name: none\n${receivers.map((one) => `  - { name: ${one.name}, to: [{ channel: mail, addresses: [${one.address}] }] }\n`).join('')}`)
  writeFileSync(join(home, 'collector.yml'), `rules: { folders: [${rulesFolder}], interval: ${rules} }\nnotify:\n  routesFile: ${routes}\n  channels:\n    mail: { kind: email, host: 127.0.0.1, port: ${smtpPort}, plain: true, from: zhishou@example.org, perMinute: 10000 }\n`)
  const ports = { http: await freePort(), tls: await freePort() }
  start(process.execPath, [...collectorFlags, join(root, 'cli', 'main.ts'), 'collector', 'run', '--home', home, '--http', `127.0.0.1:${ports.http}`, '--tls', `127.0.0.1:${ports.tls}`], collectorEnvironment)
  await up(`http://127.0.0.1:${ports.http}/healthz`)
  const columnsOf = (slot: number) => Array.from({ length: perSlot }, (_, place) => place * SLOTS + slot).flatMap((trial) => [
    { [METRIC_NAME]: 'bench_bad', slot: String(slot), trial: String(trial) },
    { [METRIC_NAME]: 'zhishou_events_total', kind: 'bench', rule: String(trial), severity: 'critical' },
  ])
  const fleet = startPushFleet({ url: `wss://127.0.0.1:${ports.tls}/link`, pins: identities.pins, hosts: identities.hosts.map((host, slot) => ({ ...host, columns: columnsOf(slot) })) }, join(folder, `${name}-job.json`))
  fleets.push(fleet)
  await fleet.order({ do: 'connect' })
  await fleet.order({ do: 'tick', everyMs: agentMs })
  return fleet
}

async function startTheirs({ name, prometheus, groupWait }: Setting, smtpPort: number, bad: ReadonlySet<number>): Promise<void> {
  const exporter = createServer((request, response) => {
    const slot = Number(request.url?.replace('/slot', ''))
    response.end(list.filter((trial) => slotOf(trial) === slot).map((trial) => `bench_bad{slot="${slot}",trial="${trial}"} ${bad.has(trial) ? 1 : 0}\n`).join(''))
  })
  await new Promise<void>((resolve) => exporter.listen(0, '127.0.0.1', resolve))
  exporter.unref()
  const target = `127.0.0.1:${(exporter.address() as AddressInfo).port}`
  const ports = { prometheus: await freePort(), alertmanager: await freePort() }
  const file = (part: string, text: string): string => {
    const path = join(folder, `${name}-${part}`)
    writeFileSync(path, text)
    return path
  }
  const alertmanager = file('alertmanager.yml', `global: { smtp_smarthost: '127.0.0.1:${smtpPort}', smtp_from: am@example.org, smtp_require_tls: false }
route: { receiver: mail, group_by: [trial], ${groupWait} }
receivers: [{ name: mail, email_configs: [{ to: 't{{ .GroupLabels.trial }}@prometheus.${name}.example.org' }] }]
`)
  const rules = file('rules.yml', `groups:\n${slots.map((slot) => `  - name: slot-${slot}\n    rules: [{ alert: Threshold, expr: 'bench_bad{slot="${slot}"} > 0', labels: { severity: critical } }]\n`).join('')}`)
  const config = file('prometheus.yml', `global: { ${prometheus} }
rule_files: [${rules}]
alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:${ports.alertmanager}'] }] }] }
scrape_configs:
  - job_name: bench
    static_configs:
${slots.map((slot) => `      - { targets: ['${target}'], labels: { __metrics_path__: /slot${slot}, host: bench-${slot} } }\n`).join('')}`)
  start('prometheus-alertmanager', [`--config.file=${alertmanager}`, `--storage.path=${join(folder, `${name}-am`)}`, `--web.listen-address=127.0.0.1:${ports.alertmanager}`, '--cluster.listen-address=', '--log.level=error'])
  await up(`http://127.0.0.1:${ports.alertmanager}/-/ready`)
  start('prometheus', [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, `${name}-tsdb`)}`, `--web.listen-address=127.0.0.1:${ports.prometheus}`, '--log.level=error'])
  await up(`http://127.0.0.1:${ports.prometheus}/-/ready`)
}

interface Figures {
  readonly p50: number
  readonly p95: number
  readonly max: number
}

async function measure(setting: Setting): Promise<Readonly<Record<Kind, Figures>>> {
  const { name, spreadMs } = setting
  const smtpPort = (smtp.server.address() as AddressInfo).port
  const bad = new Set<number>()
  const fleet = await startOurs(setting, smtpPort)
  await startTheirs(setting, smtpPort, bad)
  // Every agent has read once, so that an event counts up from a zero that was seen.
  await delay(setting.agentMs + 1_000)
  const address = (trial: number, kind: Kind): string => `t${trial}@${kind}.${name}.example.org`
  const begunAt = new Map<string, number>()
  const begun = Date.now()
  for (const trial of list) {
    await delay(Math.max(0, begun + (trial * spreadMs) / trials - Date.now()))
    const host = slotOf(trial)
    bad.add(trial)
    const { firstAt } = await fleet.order({ do: 'set', host, column: placeOf(trial) * 2, value: 1 })
    for (const kind of ['prometheus', 'threshold'] as const) begunAt.set(address(trial, kind), firstAt)
    // Half a step later, so that the two do not share a pass of the rules.
    await delay(spreadMs / trials / 2)
    begunAt.set(address(trial, 'push'), (await fleet.order({ do: 'push', host, column: placeOf(trial) * 2 + 1, value: 1 })).firstAt)
  }
  const deadline = Date.now() + 200_000
  while ([...begunAt.keys()].some((one) => !accepted.has(one)) && Date.now() < deadline) await delay(200)
  for (const program of running.splice(0)) program.kill('SIGKILL')
  for (const one of fleets.splice(0)) one.end()
  const figures = (kind: Kind): Figures => {
    const seconds = list.map((trial) => ((accepted.get(address(trial, kind)) ?? Number.POSITIVE_INFINITY) - (begunAt.get(address(trial, kind)) ?? 0)) / 1000)
    const result = { p50: rounded(quantile(seconds, 0.5), 2), p95: rounded(quantile(seconds, 0.95), 2), max: rounded(Math.max(...seconds), 2) }
    console.log(`${name}, ${kind}: p50 ${result.p50} s, p95 ${result.p95} s, longest ${result.max} s`)
    return result
  }
  return { push: figures('push'), threshold: figures('threshold'), prometheus: figures('prometheus') }
}

try {
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', () => resolve()))
  const defaults = await measure({ name: 'defaults', prometheus: '', groupWait: 'group_wait: 30s', agentMs: 15_000, rules: '15s', spreadMs: Number(values.spread) * 1000 })
  const equal = await measure({ name: 'equal', prometheus: 'scrape_interval: 5s, evaluation_interval: 5s', groupWait: 'group_wait: 1s', agentMs: 5_000, rules: '5s', spreadMs: Number(values['equal-spread']) * 1000 })
  const ratios = (of: Readonly<Record<Kind, Figures>>, kind: Kind) => ({ p50: rounded(of[kind].p50 / of.prometheus.p50, 3), p95: rounded(of[kind].p95 / of.prometheus.p95, 3) })
  for (const [name, one] of Object.entries({ defaults, equal })) {
    for (const kind of ['push', 'threshold'] as const) console.log(`${name}: ${kind} / prometheus: p50 ${ratios(one, kind).p50}, p95 ${ratios(one, kind).p95}`)
  }
  report({ bench: 'alert-latency', trials, defaults: { ...defaults, pushRatio: ratios(defaults, 'push'), thresholdRatio: ratios(defaults, 'threshold') }, equal: { ...equal, pushRatio: ratios(equal, 'push'), thresholdRatio: ratios(equal, 'threshold') } })
} finally {
  for (const child of running) child.kill('SIGKILL')
  for (const fleet of fleets) fleet.end()
  await new Promise<void>((resolve) => smtp.close(() => resolve()))
  rmSync(folder, { recursive: true, force: true })
}
