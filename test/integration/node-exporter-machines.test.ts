import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostAt } from '../../agent/host-local.ts'
import { bonding } from '../../agent/sources/bonding.ts'
import { conntrack } from '../../agent/sources/conntrack.ts'
import { edac } from '../../agent/sources/edac.ts'
import { entropy } from '../../agent/sources/entropy.ts'
import { hwmon } from '../../agent/sources/hwmon.ts'
import { mdadm } from '../../agent/sources/mdadm.ts'
import { osRelease } from '../../agent/sources/os-release.ts'
import { recordingSink } from '../memory-host.ts'

/**
 * The real prometheus-node-exporter reads a recorded machine (its --path.* options), our sources read the same one, and
 * every series must be there with the same value: names, labels and units are theirs, not remembered.
 */
const PROGRAM = 'prometheus-node-exporter'
const present = spawnSync(PROGRAM, ['--version']).error === undefined
if (!present) console.log(`skipped: ${PROGRAM} is not installed, so our series cannot be compared with its own`)

const machine = join(import.meta.dirname, '../fixtures/machines/el7-raid-bond')
const sources = [bonding, conntrack, edac, entropy, hwmon, mdadm, osRelease]

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  await new Promise((resolve) => server.close(resolve))
  return address.port
}

/** Samples of a text exposition in the form of `seriesText`: empty labels left out, labels sorted. */
function parseExposition(text: string): Map<string, number> {
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const match = /^([a-z_:]\w*)(?:\{(.*)\})? (\S+)$/i.exec(line)
    if (match === null) continue
    const labels = [...(match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].filter((label) => label[2] !== '').map((label) => label[0])
    samples.set(labels.length === 0 ? match[1]! : `${match[1]}{${labels.sort().join(',')}}`, Number(match[3]))
  }
  return samples
}

describe.skipIf(!present)('a recorded machine, read by us and by node_exporter', () => {
  let exporter: ChildProcess
  let theirs: Map<string, number>

  beforeAll(async () => {
    const port = await freePort()
    exporter = spawn(PROGRAM, [
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.disable-exporter-metrics',
      '--collector.disable-defaults',
      ...sources.map((source) => `--collector.${source.name}`),
      `--path.procfs=${machine}/proc`,
      `--path.sysfs=${machine}/sys`,
      `--path.rootfs=${machine}`,
    ])
    let log = ''
    exporter.stderr?.on('data', (chunk) => (log += String(chunk)))
    for (let attempt = 0; ; attempt++) {
      try {
        theirs = parseExposition(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text())
        break
      } catch (error) {
        if (attempt === 100) throw new Error(`${PROGRAM} does not answer: ${log}`, { cause: error })
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  })
  afterAll(() => void exporter.kill('SIGKILL'))

  it.each(sources)('$name', async (source) => {
    const sink = recordingSink()
    expect(await source.read(hostAt(machine), sink, new AbortController().signal)).toEqual({ kind: 'ok', value: undefined })
    const families = new Set(source.series.map((spec) => spec.name))
    const expected = [...theirs].filter(([name]) => families.has(name.split('{')[0]!))
    expect(expected.length).toBeGreaterThan(0)
    for (const [name, value] of expected) expect([name, sink.samples[name]]).toEqual([name, expect.closeTo(value, 9)])
    // What we have beyond theirs must be declared and deliberate: the disks that a RAID array lacks (theirs since 1.6).
    const beyond = Object.keys(sink.samples).filter((name) => !theirs.has(name))
    expect(beyond.filter((name) => !/^node_md_disks\{.*state="down"/.test(name))).toEqual([])
    for (const name of Object.keys(sink.samples)) expect(families).toContain(name.split('{')[0])
  })

  it('has none of their families left over', () => {
    const families = new Set(sources.flatMap((source) => source.series.map((spec) => spec.name)))
    const left = [...theirs.keys()].map((name) => name.split('{')[0]!).filter((name) => !families.has(name))
    expect([...new Set(left)].filter((name) => !/^(node_scrape_collector|node_exporter_build_info|promhttp_)/.test(name))).toEqual([])
  })
})
