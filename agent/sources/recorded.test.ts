import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { recordingSink } from '../../test/memory-host.ts'
import { hostAt } from '../host-local.ts'
import { once } from '../once.ts'
import { sources } from './registry.ts'
import type { SeriesRef, Sink, Source } from './source.ts'

/** Sources of the recorded trees below; others have trees of their own. */
const NAMES = `cpu stat loadavg meminfo vmstat pressure schedstat diskstats netdev netclass netstat sockstat softnet arp filefd time processes
  tcpstat udp_queues netclass-info disk-info cpu-throttles cpufreq thermal_zone rapl time-zone uname selinux dmi`.split(/\s+/)
const machines = ['debian-12', 'el7-3.10']
const folder = (machine: string): string => new URL(`../../test/fixtures/machines/${machine}`, import.meta.url).pathname
const chosen: readonly Source[] = sources.filter((source) => NAMES.includes(source.name))

/** What differs from run to run: the agent's own cost. */
const VOLATILE = /^(?:# (?:HELP|TYPE) )?(?:node_scrape_collector_duration_seconds|zhishou_source_cpu_seconds_total|process_\w+|zhishou_agent_info)\b/

describe.each(machines)('%s', (machine) => {
  test('gives the readings of the golden file', async () => {
    let text = ''
    const wrong = await once(hostAt(folder(machine)), chosen, (piece) => (text += piece))
    expect(wrong).toEqual([])
    const lines = text.split('\n').filter((line) => !VOLATILE.test(line))
    // The recorded path is the only thing in a label that depends on where the tree lies: none may.
    expect(text).not.toContain(folder(machine))
    const golden = `${folder(machine)}/expected.prom`
    if (process.env['ZHISHOU_GOLDEN'] === 'write') writeFileSync(golden, lines.join('\n'))
    expect(lines).toEqual(readFileSync(golden, 'utf8').split('\n'))
  })

  test.each(chosen.map((source) => [source.name, source] as const))('%s emits only what it declares', async (_, source) => {
    const sink = recordingSink()
    const declared = new Set(source.series)
    const checked: Sink = {
      ...sink,
      series(spec, ...values): SeriesRef {
        expect(declared, `${spec.name} is not declared`).toContain(spec)
        return sink.series(spec, ...values)
      },
    }
    const outcome = await source.read(hostAt(folder(machine)), checked, new AbortController().signal)
    expect(outcome.kind).not.toBe('failed')
  })
})

test('every name of the list is a source, and every source has a name of its own', () => {
  expect(chosen.map((source) => source.name).sort()).toEqual([...NAMES].sort())
  expect(new Set(sources.map((source) => source.name)).size).toBe(sources.length)
})

test('no two sources declare one metric', () => {
  const owners = new Map<string, string>()
  for (const source of sources as readonly Source[]) {
    for (const { name } of source.series) {
      // Every source that has events counts those of its own kind.
      if (name === 'zhishou_events_total') continue
      // Shared on purpose: a source owns the kinds of event it counts there, not the metric.
      if (name === 'zhishou_events_total') continue
      expect(owners.get(name) ?? source.name, `${name} is declared by two sources`).toBe(source.name)
      owners.set(name, source.name)
    }
  }
})

test('a kernel of 3.10 says nothing of what it does not know', async () => {
  let text = ''
  await once(hostAt(folder('el7-3.10')), chosen, (piece) => (text += piece))
  for (const name of ['node_pressure_', 'node_vmstat_oom_kill', 'node_memory_MemAvailable_bytes', 'node_disk_discards', 'node_netstat_Ip6']) {
    expect(text).not.toContain(name)
  }
})
