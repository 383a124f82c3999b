/**
 * Every series of the collector's own, declared once: counters and gauges at `/metrics`, stored every 15 s too so that
 * rules and dashboards see them. Rooms declare theirs beside the code that counts; this is the list.
 */
import { type SeriesSpec, counter, gauge } from '../protocol/series.ts'
import { topologySeries } from './correlate/topology.ts'
import { incidentSeries } from './incidents/series.ts'
import { presenceSeries } from './ingest/series.ts'
import { notifySeries } from './notify/series.ts'
import { ruleSeries } from './rules/series.ts'
import { guardSeries } from './service/guard-series.ts'
import { serviceSeries } from './service/series.ts'

const collectorSeries: readonly SeriesSpec[] = [
  counter('zhishou_refused_total', 'Frames, batches, requests and series that were refused, by what it was and why.', 'what', 'code'),
  gauge('zhishou_config_last_reload_successful', 'Whether a file of alerting was right when it was last read; 0: the former content stays in use.', 'file'),
  gauge('zhishou_config_last_reload_success_timestamp_seconds', 'When the present content of a file of alerting was taken into use.', 'file'),
  counter('zhishou_task_failures_total', 'Scheduled tasks that failed and are tried again.', 'task'),
  gauge('zhishou_event_loop_delay_p99_seconds', 'Delay of the event loop beyond its timer, 99th percentile of the last 15 s.'),
  gauge('zhishou_link_connections', 'Agents connected now.'),
  gauge('zhishou_store_active_series', 'Series in memory.'),
  gauge('zhishou_store_chunk_bytes', 'Compressed samples on disk.'),
  gauge('zhishou_store_log_bytes', 'Log in front of the chunks.'),
  counter('zhishou_store_samples_total', 'Samples stored since the start.'),
  counter('zhishou_store_replayed_batches_total', 'Batches that were stored already and ignored.'),
  counter('zhishou_store_late_rows_total', 'Rows older than their group, stored behind fresher ones.'),
  counter('zhishou_store_refused_rows_total', 'Rows outside the out-of-order window: acknowledged, not stored.'),
  counter('zhishou_link_restamped_rows_total', 'Rows whose time was corrected because the agent clock was wrong.'),
]

/** What `/metrics` shows. */
export const selfSeries: readonly SeriesSpec[] = [...collectorSeries, ...ruleSeries, ...notifySeries]

/** What is only stored: it has labels of things that come and go. */
export const storedSeries: readonly SeriesSpec[] = [...incidentSeries, ...topologySeries, ...presenceSeries, ...serviceSeries, ...guardSeries]
