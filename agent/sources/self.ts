import { performance } from 'node:perf_hooks'
import { counter, gauge } from '../../protocol/series.ts'
import { type Source, ok } from './source.ts'

const cpuSeconds = counter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.')
const residentBytes = gauge('process_resident_memory_bytes', 'Resident memory size in bytes.')
const startTime = gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.')
const info = gauge('zhishou_agent_info', 'Version of the agent and of the Node it runs on; always 1.', 'version', 'node')
const refusedTotal = counter('zhishou_agent_series_refused_total', 'Readings of new series refused because the limit of series was reached.')

/** What the agent process says about itself. Read from the runtime, not through a host: it is never another machine's. */
export function selfSource(version: string, refused: () => number): Source {
  return {
    name: 'self',
    cadence: 'tick',
    timeoutMs: 1_000,
    series: [cpuSeconds, residentBytes, startTime, info, refusedTotal],
    read(_host, out) {
      const { user, system } = process.cpuUsage()
      out.sample(out.series(cpuSeconds), (user + system) / 1e6)
      // `rss()` alone: the whole memoryUsage() walks the heap's spaces.
      out.sample(out.series(residentBytes), process.memoryUsage.rss())
      out.sample(out.series(startTime), performance.timeOrigin / 1000)
      out.sample(out.series(info, version, process.versions.node), 1)
      out.sample(out.series(refusedTotal), refused())
      return ok
    },
  }
}
