import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once as event } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { localHost } from '../../agent/host-local.ts'
import { once } from '../../agent/once.ts'
import { sources } from '../../agent/sources/registry.ts'
import type { Source } from '../../agent/sources/source.ts'

/**
 * Our readings beside those of the real node_exporter on this machine, in one second: its scrape, ours, its scrape again.
 */
const PROGRAM = 'prometheus-node-exporter'
const missing = spawnSync(PROGRAM, ['--version']).error !== undefined
if (missing) console.warn(`skipped: ${PROGRAM} is not installed (Debian package prometheus-node-exporter)`)

/** Metrics that are not readings of the families: the exporter's own, and what it takes from files of others. */
const NOT_HOST = /^(?:go_|process_|promhttp_|node_exporter_|node_textfile_|node_scrape_collector_)/
/** Clock synchronisation goes by a program and not by adjtimex(2), which JavaScript cannot reach: of it these two must be there. */
const TIMEX = /^node_timex_(?!sync_status$|offset_seconds$)/
/** Families whose source is registered by somebody else: left out of the comparison as long as it is not. */
const OWN_SOURCE: Readonly<Record<string, RegExp>> = {
  filesystem: /^node_filesystem_/,
  timex: /^node_timex_/,
  hwmon: /^node_hwmon_/,
  edac: /^node_edac_/,
  mdadm: /^node_md_/,
  bonding: /^node_bonding_/,
  conntrack: /^node_nf_conntrack_/,
  entropy: /^node_entropy_/,
  os: /^node_os_/,
  systemd: /^node_systemd_/,
}
const registered = new Set((sources as readonly Source[]).map((source) => source.name))
const pending = Object.entries(OWN_SOURCE).filter(([name]) => !registered.has(name))

function isCompared(name: string): boolean {
  return !NOT_HOST.test(name) && !TIMEX.test(name) && !pending.some(([, family]) => family.test(name))
}

interface Metric {
  readonly type: string
  /** Value by label set: `a="b",c="d"` in the order of names, empty values left out. */
  readonly series: Map<string, number>
}

/** Reads a text exposition; sorts labels and leaves out empty ones, which are no labels. */
function parse(text: string): Map<string, Metric> {
  const metrics = new Map<string, Metric>()
  const types = new Map<string, string>()
  for (const line of text.split('\n')) {
    const declared = /^# TYPE (\S+) (\S+)$/.exec(line)
    if (declared !== null) types.set(declared[1]!, declared[2]!)
    const sample = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (line.startsWith('#') || sample === null) continue
    const [, name = '', labels = '', value] = sample
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].filter((pair) => pair[2] !== '').map((pair) => pair[0])
    let metric = metrics.get(name)
    if (metric === undefined) metrics.set(name, (metric = { type: types.get(name) ?? '', series: new Map() }))
    metric.series.set(pairs.sort().join(','), Number(value!.replace('Inf', 'Infinity')))
  }
  return metrics
}

/**
 * How far beside the bracket of the two scrapes a reading may lie; everything else must lie inside it, so what stands
 * still must be equal.
 */
const SLACK: readonly (readonly [name: RegExp, allowed: (value: number) => number, why: string])[] = [
  [/^node_cpu_seconds_total$/, () => 0.02, 'iowait and idle may step back by a tick of 10 ms, and each side keeps its own highest value'],
  [/^node_memory_/, () => 64 * 1024 * 1024, 'memory goes both ways within the second, and both readers allocate themselves'],
  [/^node_sockstat_|^node_tcp_|^node_netstat_Tcp_CurrEstab$/, () => 20, 'sockets of the scrapes themselves, and of other programs, come and go between the three readings'],
  [/^node_sockstat_.*_bytes$/, () => 1024 * 1024, 'the same in bytes'],
  [/^node_udp_queues$/, () => 1024 * 1024, 'datagrams wait and are fetched in between'],
  [/^node_filefd_allocated$/, () => 200, 'other programs open and close files'],
  [/^node_procs_/, () => 50, 'a momentary count: what runs in this very moment'],
  [/^node_load/, () => 0.5, 'is made anew every five seconds, perhaps in between'],
  [/^node_disk_io_now$/, () => 100, 'a momentary count'],
  [/^node_arp_entries$|^node_nf_conntrack_entries$/, () => 20, 'entries expire and come'],
  [/^node_entropy_available_bits$/, () => 256, 'used by every process that starts'],
  [/^node_filesystem_(?:free|avail)_bytes$/, () => 64 * 1024 * 1024, 'files are written and removed meanwhile, by other tests too'],
  [/^node_filesystem_files_free$/, () => 2_000, 'the same in inodes'],
  [/^node_(?:hwmon|thermal_zone|cooling_device|cpu_frequency|cpu_scaling_frequency)/, (value) => Math.abs(value) * 0.5, 'sensors move, and each read is a measurement of its own'],
  [/^node_timex_offset_seconds$/, () => 0.1, 'asked of the time service and not of the kernel, and it drifts'],
]

/**
 * Metrics of which the label values are not the same on purpose. `node_tcp_connection_states` and `node_processes_state`
 * are not default in node_exporter; of these two it leaves out what is 0.
 */
const FREE_VALUES = /^node_(?:tcp_connection_states|processes_state|filesystem_)/

describe.skipIf(missing)(`beside ${PROGRAM}`, () => {
  let exporter: ChildProcess
  let before: Map<string, Metric>
  let ours: Map<string, Metric>
  let after: Map<string, Metric>
  let specs: Map<string, readonly string[]>

  beforeAll(async () => {
    exporter = spawn(PROGRAM, ['--web.listen-address=127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] })
    let address = ''
    for await (const line of createInterface(exporter.stderr!)) {
      address = /address=(127\.0\.0\.1:\d+)/.exec(line)?.[1] ?? ''
      if (address !== '') break
    }
    exporter.stderr!.resume()
    const scrape = async (): Promise<string> => (await fetch(`http://${address}/metrics`)).text()
    const read = async (): Promise<string> => {
      let text = ''
      await once(localHost(), sources, (piece) => (text += piece))
      return text
    }
    // Once each unmeasured: the first scrape and the first read are slow and open files and sockets.
    await scrape()
    await read()
    const first = await scrape()
    const own = await read()
    const second = await scrape()
    before = parse(first)
    ours = parse(own)
    after = parse(second)
    specs = new Map((sources as readonly Source[]).flatMap((source) => source.series).map((spec) => [spec.name, spec.labels]))
  })
  afterAll(async () => {
    const ended = event(exporter, 'exit')
    exporter.kill('SIGKILL')
    await ended
  })

  test('covers at least 95 % of its metrics of the families', () => {
    const theirs = [...before.keys()].filter(isCompared)
    const lacking = theirs.filter((name) => !ours.has(name))
    const covered = theirs.length - lacking.length
    console.log(`node_exporter: ${theirs.length} metrics compared, ${covered} covered; missing: ${lacking.join(' ') || 'none'}; not registered here yet: ${pending.map(([name]) => name).join(' ') || 'none'}`)
    // Not a comparison of nothing with nothing.
    expect(theirs.length).toBeGreaterThan(150)
    expect(covered / theirs.length).toBeGreaterThanOrEqual(0.95)
  })

  test('says of every metric it has what kind it is, as node_exporter does', () => {
    const wrong = [...before].filter(([name, theirs]) => isCompared(name) && (ours.get(name)?.type ?? theirs.type) !== theirs.type)
    expect(wrong.map(([name]) => name)).toEqual([])
  })

  test('gives every metric the label names, and the label values, that node_exporter gives it', () => {
    const namesOf = (series: Iterable<string>): Set<string> => new Set([...series].flatMap((text) => [...text.matchAll(/(\w+)="/g)].map((match) => match[1]!)))
    for (const [name, theirs] of before) {
      const own = ours.get(name)
      if (own === undefined || !isCompared(name)) continue
      for (const label of namesOf(theirs.series.keys())) expect(specs.get(name), `${name} declares no label ${label}`).toContain(label)
      if (FREE_VALUES.test(name)) continue
      expect([...own.series.keys()].sort(), name).toEqual([...theirs.series.keys()].sort())
    }
  })

  test('counters and gauges of the same second agree', () => {
    const wrong: string[] = []
    let compared = 0
    for (const [name, { series }] of before) {
      if (!isCompared(name)) continue
      for (const [labels, first] of series) {
        const own = ours.get(name)?.series.get(labels)
        const second = after.get(name)?.series.get(labels)
        if (own === undefined || second === undefined) continue
        const slack = SLACK.findLast(([pattern]) => pattern.test(name))?.[1](first) ?? 0
        // node_exporter scales by multiplying with 0.001 and the like: the last digits may differ.
        const rounding = Math.abs(own) * 1e-12
        compared++
        if (own < Math.min(first, second) - slack - rounding || own > Math.max(first, second) + slack + rounding) {
          wrong.push(`${name}{${labels}}: ${own} is not within ${first} … ${second}`)
        }
      }
    }
    expect(wrong).toEqual([])
    expect(compared).toBeGreaterThan(250)
  })

  test.skipIf(!registered.has('timex'))('has the two readings of clock synchronisation that rules need, where a time service answers', () => {
    const declared = (sources as readonly Source[]).flatMap((source) => source.series.map((spec) => spec.name))
    expect(declared).toContain('node_timex_sync_status')
    expect(declared).toContain('node_timex_offset_seconds')
  })
})
