import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startFakeCollector, testCa, testIdentity, until } from '../test/fake-collector.ts'
import { memoryHost } from '../test/memory-host.ts'
import { eventsTotal } from './sources/event-counts.ts'
import { type Source, ok } from './sources/source.ts'
import { startAgent } from './run.ts'

const MINUTE = 60_000

it('what a source notices between two ticks goes out with the next heartbeat, each event once, and not with every heartbeat', async () => {
  let told = 0
  let waiting = 0
  const log: Source = {
    name: 'log', cadence: 'push', timeoutMs: 1_000, series: [eventsTotal],
    waits: () => waiting > 0,
    read(host, out) {
      for (; waiting > 0; waiting--) out.event({ kind: 'oom-kill', rule: '', severity: 'critical', at: host.now(), text: `fault ${++told}`, labels: {} })
      out.sample(out.series(eventsTotal, 'oom-kill', '', 'critical'), told)
      return ok
    },
  }
  const home = mkdtempSync(join(tmpdir(), 'zhishou-agent-'))
  const ca = await testCa()
  const fake = await startFakeCollector({ ca, heartbeatMs: 1_000 })
  const identity = await testIdentity(ca, fake.url)
  // The tick is a minute away: nothing here is told by it.
  const settings = { home: undefined, collectors: undefined, intervalMs: MINUTE, disabled: [], spoolBytes: 8 * 1024 ** 2, metrics: undefined, log: 'error' as const }
  const agent = await startAgent({ home, settings, identity, host: memoryHost({ now: () => Date.now() }), sources: [log], version: '0', log: () => undefined })
  try {
    await until('the first tick arrives', () => fake.arrivals.length === 1)
    waiting = 2
    await until('the fault arrives', () => fake.arrivals.length === 2)
    const [first, pushed] = fake.arrivals
    const counter = 'zhishou_events_total{kind="oom-kill",severity="critical"}'
    const names = (arrival: (typeof fake.arrivals)[number] | undefined): readonly string[] => [...(arrival?.samples.keys() ?? [])].map((key) => key.slice(0, key.lastIndexOf('@')))
    expect(names(first)).toContain('zhishou_source_cpu_seconds_total{source="self"}')
    // Nothing but its own group: what was not read is not said to be gone.
    expect(names(pushed)).toContain(counter)
    expect(names(pushed)).not.toContain('zhishou_source_cpu_seconds_total{source="self"}')
    expect([...(pushed?.samples ?? [])].find(([key]) => key.startsWith(counter))?.[1]).toBe(2)
    expect(pushed?.events).toEqual(['fault 1', 'fault 2'])
    waiting = 1
    await until('the next fault arrives', () => fake.arrivals.length === 3)
    expect(fake.arrivals[2]?.events).toEqual(['fault 3'])
    // Heartbeats with nothing to tell send nothing.
    const beats = fake.pings.count
    await until('two heartbeats', () => fake.pings.count >= beats + 2)
    expect(fake.arrivals).toHaveLength(3)
  } finally {
    await agent.stop()
    await fake.close()
    rmSync(home, { recursive: true, force: true })
  }
})
