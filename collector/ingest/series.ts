import { type SeriesSpec, gauge } from '../../protocol/series.ts'

/** What the collector writes about each agent from its link (run-presence.ts), under the agent's own `instance`. */
export const presenceSeries: readonly SeriesSpec[] = [
  gauge('up', '1 while the agent is heard, 0 from just after its last heartbeat.'),
  gauge('zhishou_agent_last_heartbeat_timestamp_seconds', 'When the agent was last heard, seconds since the epoch.'),
  gauge('zhishou_agent_clock_offset_seconds', "The agent's clock less the collector's, as of its last connection."),
]
