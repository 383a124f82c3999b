/**
 * What the shipped rules cost at fleet size: `--hosts` with `--series` of this machine's own series each in the embedded
 * store, `--minutes` of them at 15 s, then rounds of 15 s in which every rule is evaluated by `startRules` as in the
 * collector, on a clock of our own. CPU is that of this process inside the rules' ticks; taking samples is left out. After
 * the steady rounds come two storms: `up` of every host turns 0, and every host's file systems fill up.
 * From `--minutes 36` on rows also lie in chunks, as in a collector that has run for a while.
 *
 *   npm run bench -- rules [--hosts 1000] [--series 300] [--minutes 10] [--rounds 9] [--top 12]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { loadRules, ruleFolders } from '../collector/rules/load.ts'
import { type Rules, startRules } from '../collector/rules/run.ts'
import { openStore } from '../collector/store/open-store.ts'
import { storeSettings } from '../collector/store/settings.ts'
import type { Store } from '../collector/store/store.ts'
import { METRIC_NAME } from '../protocol/series.ts'
import { calm, fleetHost, fleetTemplate } from './fleet.ts'
import { median, report, rounded, spread } from './measure.ts'

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1000' }, series: { type: 'string', default: '300' }, minutes: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '9' }, top: { type: 'string', default: '12' },
  },
})
const hosts = Number(values.hosts)
const intervalMs = 15_000
const tickMs = 200

const folder = mkdtempSync(join(tmpdir(), 'zhishou-rules-bench-'))
let now = Math.floor(Date.now() / intervalMs) * intervalMs - Number(values.minutes) * 60_000
const store = openStore({ path: join(folder, 'metrics.db'), now: () => now, settings: storeSettings.parse({ commitDelayMs: 0 }) })
const template = calm(await fleetTemplate(Number(values.series)), now)

const timeColumn = template.columns.findIndex((labels) => labels[METRIC_NAME] === 'node_time_seconds')
const fleet = Array.from({ length: hosts }, (_, index) => {
  const instance = `bench-${String(index).padStart(4, '0')}`
  const group = store.group(instance, 'tick')
  store.columns(group, template.columns.map((labels) => ({ ...labels, instance, job: 'node' })))
  const presence = store.group('collector', `up:${instance}`)
  store.columns(presence, [{ [METRIC_NAME]: 'up', instance, job: 'node' }])
  return { instance, group, presence, host: fleetHost(template, 1_000 + index) }
})
let seq = 0

/** One sample of everything from every host, spread over the interval that ends now. */
async function takeSamples(change?: (values: Float64Array) => void, up = 1): Promise<void> {
  seq++
  const from = now - intervalMs
  await Promise.all(fleet.flatMap(({ instance, group, presence, host }, index) => {
    const at = from + Math.floor(((index + 0.5) * intervalMs) / hosts)
    host.step()
    if (timeColumn >= 0) host.values[timeColumn] = at / 1000
    change?.(host.values)
    return [
      store.accept({ stream: instance, epoch: 'e', seq, rows: [{ group, at, columns: undefined, values: host.values }], events: [], facts: [], checks: [] }),
      store.accept({ stream: 'collector', epoch: 'up', seq: seq * hosts + index, rows: [{ group: presence, at: at + 1, columns: undefined, values: Float64Array.of(up) }], events: [], facts: [], checks: [] }),
    ]
  }))
  for (let count = 0; count < 20; count++) store.maintain(now)
}

/** What the rules asked the store, and how long it took to answer. */
const asked = { ms: 0, selects: 0, series: 0 }
function timedSelects(): Store {
  const timed = <T>(ask: () => T, seriesOf: (found: T) => number): T => {
    const from = performance.now()
    const found = ask()
    asked.ms += performance.now() - from
    asked.selects++
    asked.series += seriesOf(found)
    return found
  }
  const { selectLatest } = store
  return {
    ...store,
    select: (matchers, fromMs, toMs) => timed(() => store.select(matchers, fromMs, toMs), (found) => found.length),
    ...(selectLatest === undefined ? {} : { selectLatest: (matchers, atMs, lookbackMs) => timed(() => selectLatest(matchers, atMs, lookbackMs), ({ labels }) => labels.length) }),
  }
}

let tick: () => void | Promise<void> = () => undefined
let told = 0
async function start(): Promise<Rules> {
  return await startRules({
    store: timedSelects(), groups: await loadRules(ruleFolders({ shipped: true, folders: [] })), defaultIntervalMs: intervalMs, externalLabels: {}, externalUrl: '',
    states: { load: () => Promise.resolve([]), save: () => Promise.resolve() },
    clock: { now: () => now, every: (_, __, task) => { tick = task; return () => undefined } },
    counters: { add: () => undefined, set: () => undefined },
    log: { info: () => undefined, warn: (message, fields) => console.error(message, fields), error: (message, fields) => console.error(message, fields) },
    onChanges(changes) { told += changes.length; return Promise.resolve() },
  })
}

interface Round {
  readonly cpuMs: number
  /** Wall time inside the rules' evaluations, and of that inside the store's selects. */
  readonly rulesMs: number
  readonly selectMs: number
  readonly selects: number
  readonly series: number
  readonly longestMs: number
  readonly turnP99Ms: number
  readonly rules: ReadonlyMap<string, number>
}

/** New samples (not counted), then the fifteen seconds of the rules' clock after them. */
async function round(rules: Rules, change?: (values: Float64Array) => void, up = 1): Promise<Round> {
  await takeSamples(change, up)
  const until = now + intervalMs
  let cpuUs = 0
  Object.assign(asked, { ms: 0, selects: 0, series: 0 })
  // Turns of the event loop while a tick runs: what an agent or a page may have to wait. Short ones read as 1 ms.
  const delay = monitorEventLoopDelay({ resolution: 1 })
  for (; now < until; now += tickMs) {
    const before = process.cpuUsage()
    delay.enable()
    await tick()
    delay.disable()
    const { user, system } = process.cpuUsage(before)
    cpuUs += user + system
  }
  const took = new Map(rules.status().flatMap((group) => group.rules.map((rule, index) => [`${group.file} ${index + 1} ${rule.name}`, rule.evaluationSeconds * 1000] as const)))
  const rulesMs = [...took.values()].reduce((sum, ms) => sum + ms, 0)
  return { cpuMs: cpuUs / 1000, rulesMs, selectMs: asked.ms, selects: asked.selects, series: asked.series, longestMs: delay.max / 1e6, turnP99Ms: delay.percentile(99) / 1e6, rules: took }
}

function printTop(title: string, took: ReadonlyMap<string, number>): void {
  console.log(title)
  for (const [name, ms] of [...took].sort((a, b) => b[1] - a[1]).slice(0, Number(values.top))) console.log(`  ${ms.toFixed(2).padStart(8)} ms  ${name}`)
}

function active(rules: Rules): string {
  const counts = new Map<string, number>()
  for (const alert of rules.alerts()) if (alert.state !== 'resolved') counts.set(alert.name, (counts.get(alert.name) ?? 0) + 1)
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ')
}

try {
  const loadedAt = performance.now()
  for (let count = 0; count < (Number(values.minutes) * 60_000) / intervalMs; count++) {
    await takeSamples()
    now += intervalMs
  }
  console.log(`${hosts} hosts × ${template.columns.length} series, ${values.minutes} min loaded in ${((performance.now() - loadedAt) / 1000).toFixed(1)} s`)
  const rules = await start()
  // Two rounds to warm up: compiled code, and recording rules that later ones read.
  for (let count = 0; count < 2; count++) await round(rules)
  console.log(`active: ${active(rules)}`)
  const steady: Round[] = []
  for (let count = 0; count < Number(values.rounds); count++) steady.push(await round(rules))
  const names = [...(steady[0]?.rules.keys() ?? [])]
  printTop('steady, median of each rule:', new Map(names.map((name) => [name, median(steady.map((one) => one.rules.get(name) ?? 0))])))
  const of = (pick: (one: Round) => number): number => median(steady.map(pick))
  console.log(`steady: evaluation ${of((one) => one.rulesMs).toFixed(0)} ms, of it ${of((one) => one.selectMs).toFixed(0)} ms in ${of((one) => one.selects)} selects of ${of((one) => one.series)} series`)
  console.log(`steady: ${spread(steady.map((one) => one.cpuMs), 1)} ms CPU a round, longest turn ${spread(steady.map((one) => one.longestMs), 1)} ms, p99 ${spread(steady.map((one) => one.turnP99Ms), 1)} ms, active: ${active(rules)}`)

  told = 0
  const down = await round(rules, undefined, 0)
  printTop(`storm of ${told} changes, every host down: ${down.cpuMs.toFixed(0)} ms CPU, longest turn ${down.longestMs.toFixed(1)} ms`, down.rules)
  await round(rules)
  const avail = template.columns.flatMap((labels, index) => (labels[METRIC_NAME] === 'node_filesystem_avail_bytes' ? [index] : []))
  const fill = (cells: Float64Array): void => { for (const index of avail) cells[index] = 4096 }
  const full = await round(rules, fill)
  printTop(`storm, file systems of every host full: ${full.cpuMs.toFixed(0)} ms CPU, longest turn ${full.longestMs.toFixed(1)} ms, active: ${active(rules)}`, full.rules)
  const after = await round(rules, fill)
  console.log(`round after it: ${after.cpuMs.toFixed(0)} ms CPU, longest turn ${after.longestMs.toFixed(1)} ms`)
  await rules.stop()
  report({
    bench: 'rules', hosts, series: template.columns.length, rules: names.length,
    steadyCpuMs: rounded(median(steady.map((one) => one.cpuMs)), 1), evaluationMs: rounded(of((one) => one.rulesMs), 1), selectMs: rounded(of((one) => one.selectMs), 1), selects: of((one) => one.selects), selectedSeries: of((one) => one.series), longestTurnMs: rounded(median(steady.map((one) => one.longestMs)), 1), turnP99Ms: rounded(median(steady.map((one) => one.turnP99Ms)), 1),
    stormDownCpuMs: rounded(down.cpuMs, 0), stormDownLongestMs: rounded(down.longestMs, 0),
    stormFullCpuMs: rounded(full.cpuMs, 0), stormFullLongestMs: rounded(full.longestMs, 0), activeCpuMs: rounded(after.cpuMs, 0),
  })
} finally {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
}
