import { METRIC_NAME, gauge } from '../../protocol/series.ts'
import type { Labels, SeriesSpec } from '../../protocol/series.ts'
import { guardsAt, tightening } from './guard.ts'
import type { GuardPeriod } from './guard.ts'

/** What rules see of guard periods; alerts/rules/guard.yml makes one ratio per host of it. */
export const guardSeries: readonly SeriesSpec[] = [
  gauge('zhishou_guard_active', 'Whether a guard period is in force on the service.', 'service'),
  gauge('zhishou_guard_threshold_ratio', 'What the thresholds of rules are multiplied by on the service’s hosts (lower bounds: divided): 1 outside of guard periods, else the tightest one’s factor.', 'service'),
]

/** Samples of `guardSeries` at `now`: always both, for every service, so that rules can tell “no guard” from “not known”. */
export function guardSamples(periods: readonly GuardPeriod[], now: number, services: readonly string[]): readonly { readonly labels: Labels; readonly value: number }[] {
  return services.flatMap((service) => [
    { labels: { [METRIC_NAME]: 'zhishou_guard_active', service }, value: guardsAt(periods, now, service).length > 0 ? 1 : 0 },
    { labels: { [METRIC_NAME]: 'zhishou_guard_threshold_ratio', service }, value: tightening(periods, now, service).threshold },
  ])
}
