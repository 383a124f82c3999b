import { type SeriesSpec, counter } from '../../protocol/series.ts'
import type { Severity } from '../../protocol/events.ts'
import type { Sink } from './source.ts'

/** Counts every event by what it is. Written at 0 from the agent's start, so that the very first event shows as an increase. */
export const eventsTotal: SeriesSpec = counter('zhishou_events_total', 'Events observed since the agent started.', 'kind', 'rule', 'severity')

/** One declared class of events: labels of its counter, and the words of its events. `rule` is '' where the kind has no classes. */
export interface EventClass {
  readonly kind: string
  readonly rule: string
  readonly severity: Severity
}

/** How often each declared class has been seen. One source owns a class, so no two count the same. */
export type EventCounts = Map<EventClass, number>

/** Writes every declared class, seen or not. */
export function putCounts(out: Sink, counts: EventCounts): void {
  for (const [{ kind, rule, severity }, seen] of counts) out.sample(out.series(eventsTotal, kind, rule, severity), seen)
}
