/**
 * A fleet of simulated hosts with the series that this machine's own agent reads: real names and labels, values that
 * start at the real reading and move as such values move (counters grow, gauges walk around where they were by pages or
 * hundredths, constants stay), deterministic by seed. The same data goes to us and to a peer.
 */
import { localHost } from '../agent/host-local.ts'
import { sources } from '../agent/sources/registry.ts'
import { createCollector } from '../agent/sources/schedule.ts'
import { METRIC_NAME, type Labels } from '../protocol/series.ts'
import { random } from './synthetic.ts'

export interface FleetTemplate {
  readonly columns: readonly Labels[]
  readonly base: Float64Array
  /** 0 constant, 1 whole counter, 2 pages, 3 hundredths or small whole numbers, 4 seconds of work, 5 seconds of idling */
  readonly kinds: Uint8Array
}

/** Reads this machine once and keeps `count` of its series. Serialisable as JSON but for the typed arrays. */
export async function fleetTemplate(count: number): Promise<FleetTemplate> {
  const collector = createCollector({ host: localHost(), sources, intervalMs: 15_000, disabled: [], seriesLimit: 50_000 })
  const at = Math.floor(Date.now() / 3_600_000) * 3_600_000
  const reading = await collector.tick(at, new AbortController().signal)
  const columns: Labels[] = []
  const values: number[] = []
  for (const row of reading.rows) {
    collector.columns(row.group).forEach((labels, index) => {
      const value = row.values[index] ?? Number.NaN
      if (columns.length < count && Number.isFinite(value)) {
        columns.push(labels)
        values.push(value)
      }
    })
  }
  // A small machine has fewer: further processors fill the host up, as larger hosts have them.
  const modes = ['idle', 'iowait', 'irq', 'nice', 'softirq', 'steal', 'system', 'user']
  for (let cpu = 1_000; columns.length < count; cpu++) {
    for (const mode of modes) {
      if (columns.length < count) {
        columns.push({ [METRIC_NAME]: 'node_cpu_seconds_total', cpu: String(cpu), mode })
        values.push(cpu * 7.25)
      }
    }
  }
  return { columns, base: Float64Array.from(values), kinds: Uint8Array.from(columns, (labels, index) => kindOf(labels[METRIC_NAME] ?? '', labels, values[index] ?? 0)) }
}

/** A healthy host: errors and losses do not grow, seconds grow less than the time does, gauges stay near where they are. */
function kindOf(name: string, labels: Labels, value: number): number {
  if (/err|drop|fail|oom|fifo|frame|colls|retrans|reset|throttl|overflow|timeouts|squeezed/i.test(name)) return 0
  if (name.endsWith('_seconds_total')) return labels['mode'] === 'idle' ? 5 : 4
  if (name.endsWith('_total')) return 1
  if (/(_size_bytes|_files|_info|_readonly|_up|MemTotal_bytes|SwapTotal_bytes|_boot_time_seconds|_success|_max|_maximum|_limit|_error|pgmajfault|pswpin|pswpout)$/.test(name) || value === 0) return 0
  return name.endsWith('_bytes') ? 2 : 3
}

/**
 * The host that the series were read from may have troubles of its own, and counters of troubles rest on a sound host: a
 * fleet of such hosts would be one standing storm. This gives the template of a sound host that was started ten days ago.
 */
export function calm(read: FleetTemplate, nowMs: number): FleetTemplate {
  const base = read.base.slice()
  const kinds = read.kinds.slice()
  const set = (index: number, value: number): void => {
    base[index] = value
    kinds[index] = 0
  }
  read.columns.forEach((labels, index) => {
    const name = labels[METRIC_NAME] ?? ''
    if (name === 'node_scrape_collector_success' || name === 'node_timex_sync_status' || name === 'node_network_up') set(index, 1)
    if (name === 'node_timex_offset_seconds' || name === 'node_filesystem_device_error' || name === 'node_filesystem_readonly') set(index, 0)
    if (name === 'node_systemd_unit_state' && labels['state'] === 'failed') set(index, 0)
    if (name === 'node_filesystem_avail_bytes') base[index] = sizeOf(read, labels) * 0.6
    if (name === 'node_filesystem_avail_bytes' && sizeOf(read, labels) < 2 ** 30) kinds[index] = 0
    if (name === 'node_load5') set(index, 0.5)
    if (name === 'node_boot_time_seconds') set(index, nowMs / 1000 - 900_000)
    if (/event|err|drop|oom|carrier|edac|refused|damaged|stalled|_time_seconds|Retrans|Overflow|pswp/.test(name)) kinds[index] = 0
    if (labels['mode'] === 'steal' || labels['mode'] === 'iowait') kinds[index] = 0
  })
  return { ...read, base, kinds }
}

function sizeOf(read: FleetTemplate, labels: Labels): number {
  const at = read.columns.findIndex((other) => other[METRIC_NAME] === 'node_filesystem_size_bytes' && other['mountpoint'] === labels['mountpoint'] && other['device'] === labels['device'])
  return read.base[at] ?? Number.NaN
}

/** One host's values, moved in place. */
export function fleetHost(template: FleetTemplate, seed: number): { readonly values: Float64Array; step(): void } {
  const draw = random(seed)
  const values = Float64Array.from(template.base)
  const { base, kinds } = template
  return {
    values,
    step() {
      for (let index = 0; index < values.length; index++) {
        const value = values[index] ?? 0
        const start = base[index] ?? 0
        switch (kinds[index] ?? 0) {
          case 1:
            // A quarter of a host's counters rest in any interval.
            if (draw() < 0.75) values[index] = Math.round(value) + Math.floor(draw() * 200)
            break
          case 4:
            if (draw() < 0.75) values[index] = Math.round((value + draw() * 0.5) * 100) / 100
            break
          case 5:
            values[index] = Math.round((value + 13 + draw() * 2) * 100) / 100
            break
          case 2:
            values[index] = Math.max(0, start + Math.round((draw() - 0.5) * 64) * 4096)
            break
          case 3:
            values[index] = Number.isInteger(start) ? Math.max(0, start + Math.round((draw() - 0.5) * 4)) : Math.max(0, Math.round((start + (draw() - 0.5) * 0.4) * 100) / 100)
            break
          default:
        }
      }
    },
  }
}
