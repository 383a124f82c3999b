import type { TimelineEntry } from '../../protocol/api.ts'
import { officeTime } from '../clock.ts'
import type { IncidentEvent } from './event.ts'
import { open, step } from './incident.ts'
import type { Incident, Mark } from './incident.ts'
import { durationText, fill } from './wording.ts'
import type { Wording } from './wording.ts'

/** The event as it was stored. */
export interface StoredEvent {
  readonly seq: number
  readonly at: number
  readonly event: IncidentEvent
}

/** The work log of an incident: one sentence for each stored event, oldest first. */
export function timeline(events: readonly StoredEvent[], wording: Wording): readonly TimelineEntry[] {
  const entries: TimelineEntry[] = []
  let before: Incident | undefined
  for (const { seq, at, event } of events) {
    const outcome = event.type === 'open' ? open(event, at) : before === undefined ? undefined : step(before, event, at)
    if (outcome?.kind !== 'stepped') throw new Error(`incidents: stored event ${seq} (${event.type}) does not follow from those before it`)
    entries.push({ at, kind: outcome.mark, actor: 'by' in event ? event.by : 'system', text: sentence(outcome.mark, event, outcome.incident, wording) })
    before = outcome.incident
  }
  return entries
}

function sentence(mark: Mark, event: IncidentEvent, after: Incident, wording: Wording): string {
  const texts = wording.timeline
  const window = durationText(wording, after.profile.reopenWithinMs)
  switch (event.type) {
    case 'open':
    case 'alert-firing':
      return fill(mark === 'opened' || mark === 'alert-joined' || mark === 'reopened' ? texts[mark] : texts['alert-updated'], {
        summary: event.alert.summary,
        alert: event.alert.name,
        startedAt: officeTime(event.alert.startedAt),
        window,
      })
    case 'alert-resolved':
      return fill(mark === 'recovered' || mark === 'data-lost' ? texts[mark] : texts['alert-resolved'], {
        alert: after.alerts.find((one) => one.fingerprint === event.fingerprint)?.name ?? event.fingerprint,
        recoveredAt: officeTime(after.recoveredAt ?? event.at),
      })
    case 'acknowledge':
      return fill(texts.acknowledged, { by: event.by, source: wording.source[event.source] ?? event.source })
    case 'dispose':
      return fill(texts.disposed, { by: event.by, text: event.text.trim(), condition: wording.condition[after.disposals.at(-1)?.condition ?? 'no-data'] })
    case 'comment':
      return fill(texts.commented, { by: event.by, text: event.text.trim() })
    case 'close':
      return fill(texts.closed, { by: event.by, text: event.text.trim() })
    case 'settle':
      return fill(texts.settled, { window })
  }
}
