/**
 * What the embedded store costs by itself: HOSTS groups of SERIES columns on PERFORMANCE.md's synthetic data (4/10
 * counters, 3/10 two-decimal walks, 2/10 multiples of a page, 1/10 constant), ROUNDS rows each, 15 s apart with a
 * jitter of milliseconds. CPU is that of this process between accept and the last chunk, making the data left out.
 * Then memory, start-up and questions. Last line: JSON.
 *
 *   node --expose-gc bench/store-inprocess.ts [hosts=1000] [series=300] [rounds=256] [dir]
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Labels } from '../protocol/series.ts'
import { matcher } from '../collector/store/matcher.ts'
import { openStore } from '../collector/store/open-store.ts'
import { storeSettings } from '../collector/store/settings.ts'

const [hosts = 1_000, series = 300, rounds = 256] = process.argv.slice(2, 5).map(Number)
const root = process.argv[5] ?? tmpdir()
const STEP_MS = 15_000
const START = 1_790_000_000_000

let state = 0x2545f491
/** xorshift32, 0 ≤ x < 1. */
function random(): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) / 4_294_967_296
}

function labelsOf(host: number): Labels[] {
  const families = Math.ceil(series / 6)
  return Array.from({ length: series }, (_, column) => ({
    __name__: `node_family_${Math.floor(column / 6) % families}_${column % 10 < 4 ? 'total' : 'bytes'}`,
    instance: `host-${String(host).padStart(4, '0')}`,
    job: 'node',
    device: `dev${column % 6}`,
  }))
}

const values = new Float64Array(hosts * series)
for (let cell = 0; cell < values.length; cell++) values[cell] = Math.floor(random() * 1e6)
function advance(): void {
  for (let cell = 0; cell < values.length; cell++) {
    const kind = (cell % series) % 10
    const value = values[cell]!
    if (kind < 4) values[cell] = value + Math.floor(random() * (kind === 0 ? 1_500 : 40))
    else if (kind < 7) values[cell] = Math.round((value + (random() - 0.5)) * 100) / 100
    else if (kind < 9) values[cell] = value - (value % 4096) + 4096 * Math.floor((random() - 0.5) * 8)
  }
}

const dir = mkdtempSync(join(root, 'zhishou-store-bench-'))
const path = join(dir, 'metrics.db')
let now = START
const settings = storeSettings.parse({})
let store = openStore({ path, now: () => now, settings })
const groups = Array.from({ length: hosts }, (_, host) => {
  const group = store.group(`host-${host}`, 'tick')
  store.columns(group, labelsOf(host))
  return group
})
function gc(): void {
  globalThis.gc?.()
}
function rss(): number {
  return Math.round(process.memoryUsage.rss() / 1e5) / 10
}
gc()
console.log(`index of ${hosts * series} series: RSS ${rss()} MB`, process.memoryUsage())

const streams = groups.map((_, host) => `host-${host}`)
let cpuUs = 0
let wallMs = 0
let peak = 0
const slices: number[] = []
async function round(number: number): Promise<void> {
  advance()
  now = START + number * STEP_MS
  const cpu = process.cpuUsage()
  const started = performance.now()
  const done = groups.map((group, host) =>
    store.accept({ stream: streams[host]!, epoch: 'e', seq: number, rows: [{ group, at: now + ((host * 7 + number * 3) % 40), columns: undefined, values: values.subarray(host * series, (host + 1) * series) }], events: [], facts: [], checks: [] }),
  )
  await Promise.all(done)
  // run.ts calls every 150 ms or so: a hundred times in 15 s; a few are enough while nothing is behind.
  for (let count = 0; count < 20; count++) {
    const from = performance.now()
    store.maintain(now + count * 150)
    slices.push(performance.now() - from)
  }
  wallMs += performance.now() - started
  const used = process.cpuUsage(cpu)
  cpuUs += used.user + used.system
  peak = Math.max(peak, process.memoryUsage.rss())
}
for (let number = 1; number <= rounds; number++) await round(number)
console.log('loaded', process.memoryUsage()); gc(); console.log('after gc', process.memoryUsage())
const loadedRss = rss()
const cpuLoad = cpuUs
// An hour later everything has gone to chunks by age and the log is empty.
for (let step = 0; step < 2_000; step++) {
  now += 5_000
  const cpu = process.cpuUsage()
  store.maintain(now)
  const used = process.cpuUsage(cpu)
  cpuUs += used.user + used.system
}
const samples = hosts * series * rounds
const stats = store.stats()
gc()
const sealedRss = rss()

function timed(label: string, times: number, run: () => number): number {
  const took: number[] = []
  let found = 0
  for (let count = 0; count < times; count++) {
    const from = performance.now()
    found = run()
    took.push(performance.now() - from)
  }
  took.sort((a, b) => a - b)
  const median = took[Math.floor(times / 2)]!
  console.log(`${label}: ${median.toFixed(2)} ms (${found} samples)`)
  return median
}
const count = (from: number, to: number, ...matchers: ReturnType<typeof matcher>[]) => store.select(matchers, from, to).reduce((sum, each) => sum + each.times.length, 0)
const one = [matcher('__name__', '=', 'node_family_1_bytes'), matcher('device', '=', 'dev0')]
const end = START + rounds * STEP_MS
const stored6h = timed('1 metric of every host, whole time from chunks', 3, () => count(START, end + 100, ...one))

await store.close()
const opened = performance.now()
store = openStore({ path, now: () => now, settings })
const openMs = performance.now() - opened
now = Math.max(now, end) + STEP_MS
for (let host = 0; host < hosts; host++) store.columns(groups[host]!, labelsOf(host))
const base = Math.round((now - START) / STEP_MS)
for (let number = base + 1; number <= base + 40; number++) await round(number)
const head = timed('1 metric of every host, last 5 min from memory', 21, () => count(now - 300_000, now + 100, ...one))
const instant = timed('1 metric of every host, last 20 s from memory', 21, () => count(now - 20_000, now + 100, ...one))
const host = timed('all of one host, last 5 min from memory', 21, () => count(now - 300_000, now + 100, matcher('instance', '=', 'host-0007')))
await store.close()

const reopened = performance.now()
store = openStore({ path, now: () => now, settings })
const replayMs = performance.now() - reopened
await store.close()
const files = [path, `${path}-wal`].filter(existsSync).reduce((sum, file) => sum + statSync(file).size, 0)
slices.sort((a, b) => a - b)
const result = {
  bench: 'store-inprocess',
  hosts,
  series,
  rounds,
  cpuSecondsPerMillion: round4(cpuUs / samples),
  cpuSecondsPerMillionWhileLoading: round4(cpuLoad / samples),
  samplesPerSecond: Math.round(samples / (wallMs / 1000)),
  bytesPerSample: round4(stats.chunkBytes / samples),
  fileMegabytesAtEnd: round4(files / 1e6),
  rssMegabytesLoaded: loadedRss,
  rssMegabytesPeak: Math.round(peak / 1e5) / 10,
  rssMegabytesSealed: sealedRss,
  maintainMsP99: round4(slices[Math.floor(slices.length * 0.99)] ?? 0),
  maintainMsMax: round4(slices[slices.length - 1] ?? 0),
  openMs: Math.round(openMs),
  openWithLogMs: Math.round(replayMs),
  queryMs: { stored: round4(stored6h), fiveMinutes: round4(head), instant: round4(instant), oneHost: round4(host) },
}
function round4(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
rmSync(dir, { recursive: true, force: true })
console.log(JSON.stringify(result))
