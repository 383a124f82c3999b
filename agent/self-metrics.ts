import { counter, gauge, type SeriesSpec } from '../protocol/series.ts'
import type { LinkCounts } from './link/run.ts'
import type { SpoolCounts, SpoolState } from './spool/spool.ts'
import { ok, type Source } from './sources/source.ts'

/** What the agent knows of its own spool and link at one moment. */
export interface AgentStats {
  readonly spool: SpoolState
  readonly spoolCounts: Readonly<SpoolCounts>
  readonly link: Readonly<LinkCounts>
  readonly live: boolean
  /** Seconds since a batch was last acknowledged; undefined before the first. */
  readonly ackAgeSeconds: number | undefined
  /** Facts that were too large to send. */
  readonly tooLarge: number
}

/** One value of one metric; `values` align with `spec.labels`. */
export interface SelfReading {
  readonly spec: SeriesSpec
  readonly values: readonly string[]
  readonly value: number
}

const live = gauge('zhishou_agent_link_live', 'Whether the link to a collector is up, 1 or 0.')
const ackAge = gauge('zhishou_agent_link_ack_age_seconds', 'Seconds since the collector last acknowledged a batch.')
const connects = counter('zhishou_agent_link_connects_total', 'Connections on which the agent has said hello.')
const sent = counter('zhishou_agent_link_batches_total', 'Batches sent; late ones came from the backlog.', 'kind')
const sentBytes = counter('zhishou_agent_link_sent_bytes_total', 'Bytes of messages sent, before TLS.')
const refused = counter('zhishou_agent_link_refused_total', 'Batches that the collector refused for good.', 'code')
const renewals = counter('zhishou_agent_link_renewals_total', 'Certificates renewed.')
const pending = gauge('zhishou_agent_spool_pending_batches', 'Batches not acknowledged yet.')
const inMemory = gauge('zhishou_agent_spool_memory_batches', 'Batches that only memory holds because the disk refused them.')
const bytes = gauge('zhishou_agent_spool_bytes', 'Size of the spool on disk.')
const dropped = counter('zhishou_agent_spool_dropped_total', 'Samples, other entries (events, facts, checks) and whole batches given up for lack of room or because they were too large.', 'what')
const damaged = counter('zhishou_agent_spool_damaged_total', 'Stretches of the spool that could not be read back.')
const diskErrors = counter('zhishou_agent_spool_disk_errors_total', 'Operations of the spool that the disk refused.')

/** Every metric the agent has about its own spool and link. */
export const selfSpecs: readonly SeriesSpec[] = [live, ackAge, connects, sent, sentBytes, refused, renewals, pending, inMemory, bytes, dropped, damaged, diskErrors]

/** The stats as readings. Pure. */
export function selfReadings(stats: AgentStats): readonly SelfReading[] {
  const { link, spool, spoolCounts } = stats
  const one = (spec: SeriesSpec, value: number, ...values: readonly string[]): SelfReading => ({ spec, values, value })
  return [
    one(live, stats.live ? 1 : 0),
    ...(stats.ackAgeSeconds === undefined ? [] : [one(ackAge, stats.ackAgeSeconds)]),
    one(connects, link.connects),
    one(sent, link.batchesSent - link.batchesLate, 'live'),
    one(sent, link.batchesLate, 'late'),
    one(sentBytes, link.bytesSent),
    ...[...link.refused].map(([code, count]) => one(refused, count, code)),
    one(renewals, link.renewals),
    one(pending, spool.pending),
    one(inMemory, spool.inMemory),
    one(bytes, spool.bytes),
    one(dropped, spoolCounts.droppedSamples, 'samples'),
    one(dropped, spoolCounts.droppedOthers + stats.tooLarge, 'others'),
    one(dropped, spoolCounts.droppedBatches + link.oversized, 'batches'),
    one(damaged, spoolCounts.damaged),
    one(diskErrors, spoolCounts.diskErrors),
  ]
}

/** The agent's own state as a source, so that it is stored and ruled on like everything else. */
export function statsSource(stats: () => AgentStats): Source {
  return {
    name: 'agent',
    cadence: 'tick',
    timeoutMs: 1_000,
    series: selfSpecs,
    read(_host, out) {
      for (const { spec, values, value } of selfReadings(stats())) out.sample(out.series(spec, ...values), value)
      return ok
    },
  }
}
