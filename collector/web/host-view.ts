/** Hosts as the console shows them, made from PromQL answers: unknown stays null. Pure but for the queries it is given. */
import type { AlertView, HostDetail, HostSummary } from '../../protocol/api.ts'
import type { Labels } from '../../protocol/series.ts'
import type { CheckResult } from '../../protocol/events.ts'
import type { StoredEvent, StoredFact } from '../store/store.ts'
import type { PresenceView } from './../ingest/run-presence.ts'

/** One element of an instant vector. */
export interface Reading {
  readonly labels: Labels
  readonly value: number
}

export type Instant = (expr: string) => readonly Reading[]

/** Each figure of a host's row is one question, asked for all hosts at once. */
const figures = {
  bootedAt: 'node_boot_time_seconds',
  cpuUsedRatio: '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[2m]))',
  memoryUsedRatio: '1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes',
  load1: 'node_load1',
  cpus: 'count by (instance) (node_cpu_seconds_total{mode="idle"})',
} as const

const filesystemUsed = 'max by (instance, mountpoint) (1 - node_filesystem_avail_bytes / (node_filesystem_size_bytes > 0))'

/** `{instance="…"}` put into every selector of the figures, for one host's page. */
function narrowed(expr: string, instance: string | undefined): string {
  if (instance === undefined) return expr
  const matcher = `instance=${JSON.stringify(instance)}`
  return expr.replaceAll(/\b(node_[A-Za-z0-9_]+)(\{)?/g, (_, name: string, brace: string | undefined) => (brace === undefined ? `${name}{${matcher}}` : `${name}{${matcher},`))
}

function byInstance(readings: readonly Reading[]): Map<string, Reading> {
  return new Map(readings.flatMap((reading) => (reading.labels['instance'] === undefined ? [] : [[reading.labels['instance'], reading]])))
}

/** Rows for `hosts`, worst first: down, then by firing alerts, then by name. */
export function hostSummaries(presences: readonly PresenceView[], alerts: readonly AlertView[], instant: Instant, only?: string): HostSummary[] {
  const ask = (expr: string): Map<string, Reading> => byInstance(instant(narrowed(expr, only)))
  const answers = Object.fromEntries(Object.entries(figures).map(([name, expr]) => [name, ask(expr)]))
  const os = ask('node_os_info')
  const kernel = ask('node_uname_info')
  const fullest = fullestFilesystems(instant(narrowed(filesystemUsed, only)))
  const figure = (name: keyof typeof figures, instance: string): number | null => finite(answers[name]?.get(instance)?.value)
  const rows = presences
    .filter((one) => only === undefined || one.instance === only)
    .map((one): HostSummary => {
      const booted = figure('bootedAt', one.instance)
      return {
        instance: one.instance,
        presence: one.presence,
        since: one.since ?? null,
        lastSeenAt: one.lastSeenAt ?? null,
        os: os.get(one.instance)?.labels['pretty_name'] ?? null,
        kernel: kernel.get(one.instance)?.labels['release'] ?? null,
        bootedAt: booted === null ? null : booted * 1000,
        cpuUsedRatio: figure('cpuUsedRatio', one.instance),
        memoryUsedRatio: figure('memoryUsedRatio', one.instance),
        load1: figure('load1', one.instance),
        cpus: figure('cpus', one.instance),
        fullestFilesystem: fullest.get(one.instance) ?? null,
        clockOffsetSeconds: one.clockOffsetSeconds ?? null,
        firing: firingOf(alerts, one.instance),
      }
    })
  return rows.sort((a, b) => Number(b.presence === 'down') - Number(a.presence === 'down') || b.firing.critical - a.firing.critical || b.firing.warning - a.firing.warning || (a.instance < b.instance ? -1 : 1))
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null
}

function fullestFilesystems(readings: readonly Reading[]): Map<string, { mountpoint: string; usedRatio: number }> {
  const fullest = new Map<string, { mountpoint: string; usedRatio: number }>()
  for (const { labels, value } of readings) {
    const instance = labels['instance']
    if (instance === undefined || !Number.isFinite(value)) continue
    const best = fullest.get(instance)
    if (best === undefined || value > best.usedRatio) fullest.set(instance, { mountpoint: labels['mountpoint'] ?? '', usedRatio: value })
  }
  return fullest
}

function firingOf(alerts: readonly AlertView[], instance: string): HostSummary['firing'] {
  const counts = { critical: 0, warning: 0, info: 0 }
  for (const alert of alerts) if (alert.state === 'firing' && alert.labels['instance'] === instance) counts[alert.severity]++
  return counts
}

export interface HostParts {
  readonly facts: readonly StoredFact[]
  readonly events: readonly StoredEvent[]
  readonly checks: readonly CheckResult[]
}

/** The page of one host; undefined when no such host is enrolled. */
export function hostDetail(instance: string, presences: readonly PresenceView[], alerts: readonly AlertView[], instant: Instant, parts: HostParts): HostDetail | undefined {
  const summary = hostSummaries(presences, alerts, instant, instance)[0]
  if (summary === undefined) return undefined
  const ask = (expr: string): readonly Reading[] => instant(narrowed(expr, instance))
  const available = new Map(ask('node_filesystem_avail_bytes').map((one) => [filesystemKey(one.labels), one.value]))
  const readonly = new Map(ask('node_filesystem_readonly').map((one) => [filesystemKey(one.labels), one.value]))
  const durations = new Map(ask('node_scrape_collector_duration_seconds').map((one) => [one.labels['collector'], one.value]))
  return {
    ...summary,
    agentVersion: presences.find((one) => one.instance === instance)?.agentVersion ?? null,
    filesystems: ask('node_filesystem_size_bytes')
      .filter((one) => available.has(filesystemKey(one.labels)))
      .map((one) => ({
        mountpoint: one.labels['mountpoint'] ?? '',
        device: one.labels['device'] ?? '',
        fstype: one.labels['fstype'] ?? '',
        sizeBytes: one.value,
        availableBytes: available.get(filesystemKey(one.labels)) ?? 0,
        readonly: readonly.get(filesystemKey(one.labels)) === 1,
      })),
    facts: parts.facts.map((fact) => ({ name: fact.name, at: fact.at, value: parsed(fact.json) })),
    checks: parts.checks,
    events: parts.events.map((event) => ({ id: event.id, instance: event.stream, kind: event.kind, rule: event.rule, severity: event.severity, at: event.at, text: event.text })),
    sources: ask('node_scrape_collector_success').map((one) => ({ name: one.labels['collector'] ?? '', ok: one.value === 1, durationSeconds: durations.get(one.labels['collector']) ?? 0 })),
  }
}

function filesystemKey(labels: Labels): string {
  return `${labels['device'] ?? ''} ${labels['mountpoint'] ?? ''}`
}

/** Facts were checked when they were accepted; text that is no JSON is shown as it is. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return json
  }
}
