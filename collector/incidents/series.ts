import { METRIC_NAME, gauge } from '../../protocol/series.ts'
import type { Labels, SeriesSpec } from '../../protocol/series.ts'
import { clockStops, isRunning } from './incident.ts'
import type { Incident } from './incident.ts'
import { clockViews } from './sla.ts'

/** What the incidents room says about itself as samples. */
export const incidentSeries: readonly SeriesSpec[] = [
  gauge('zhishou_incident_open', 'Incidents that are not recovered.'),
  gauge('zhishou_sla_remaining_seconds', 'Time left on a running SLA clock of an open incident; negative once breached. Stopped clocks have no sample.', 'incident', 'clock'),
]

/** One sample to be written by the collector. */
export interface SeriesValue {
  readonly labels: Labels
  readonly value: number
}

/** Samples for these incidents at `now`. Closed and recovered ones add nothing, so a clock's series ends with it. */
export function incidentSamples(incidents: Iterable<Incident>, now: number): readonly SeriesValue[] {
  const samples: SeriesValue[] = []
  let count = 0
  for (const incident of incidents) {
    if (!isRunning(incident)) continue
    count++
    for (const clock of clockViews({ startedAt: incident.startedAt, profile: incident.profile, stops: clockStops(incident) }, now)) {
      if (clock.state === 'stopped') continue
      samples.push({ labels: { [METRIC_NAME]: 'zhishou_sla_remaining_seconds', incident: incident.number, clock: clock.clock }, value: clock.leftMs / 1_000 })
    }
  }
  return [{ labels: { [METRIC_NAME]: 'zhishou_incident_open' }, value: count }, ...samples]
}
