import type { TimelineEntry } from '../../protocol/api.ts'
import { officeTime } from '../clock.ts'
import type { IncidentEvent } from './event.ts'
import type { Incident } from './incident.ts'
import type { Mark } from './outcome.ts'
import { isOpening, open, step } from './step.ts'
import { durationText, fill } from '../sentence.ts'
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
    const outcome = isOpening(event) ? open(event, at) : before === undefined ? undefined : step(before, event, at)
    if (outcome?.kind !== 'stepped') throw new Error(`incidents: stored event ${seq} (${event.type}) does not follow from those before it`)
    entries.push({ at, kind: outcome.mark, actor: 'by' in event ? event.by : 'system', text: sentence(outcome.mark, event, outcome.incident, wording) })
    before = outcome.incident
  }
  return entries
}

function sentence(mark: Mark, event: IncidentEvent, after: Incident, wording: Wording): string {
  const texts = wording.timeline
  const window = durationText(wording.duration, after.profile.reopenWithinMs)
  switch (event.type) {
    case 'open':
    case 'alert-firing': {
      const fields = { summary: event.alert.summary, alert: event.alert.name, startedAt: officeTime(event.alert.startedAt), window }
      if (event.type === 'open' && event.released !== undefined) return fill(texts.released, { ...fields, number: event.released.from })
      return fill(mark === 'opened' || mark === 'alert-joined' || mark === 'reopened' ? texts[mark] : texts['alert-updated'], fields)
    }
    case 'open-by-hand':
      return fill(texts.reported, { reporter: event.report.reporter, channel: wording.reportChannel[event.report.channel], reportedAt: officeTime(event.report.at), title: event.title, by: event.by })
    case 'open-by-split':
      return fill(texts['split-opened'], { by: event.by, number: event.from, reason: event.reason })
    case 'alert-resolved':
      return fill(mark === 'recovered' || mark === 'data-lost' ? texts[mark] : texts['alert-resolved'], {
        alert: after.alerts.find((one) => one.fingerprint === event.fingerprint)?.name ?? event.fingerprint,
        recoveredAt: officeTime(after.recoveredAt ?? event.at),
      })
    case 'hide':
      return fill(texts['alerts-hidden'], { count: String(event.count), first: shortList(event.added.map((one) => `${one.instance} ${one.name}`.trim()), event.count) })
    case 'unhide':
      return fill(texts[`alerts-${event.why}`], { count: String(event.count) })
    case 'absorb':
      return fill(texts['absorbed-others'], { count: String(event.incidents.length), numbers: shortList(event.incidents.map((one) => one.number), event.incidents.length) })
    case 'absorbed':
      return fill(texts.absorbed, { number: event.number })
    case 'merge':
      return fill(texts['merged-other'], { by: event.by, number: event.number, reason: event.reason.trim() })
    case 'merged':
      return fill(texts.merged, { by: event.by, number: event.number, reason: event.reason.trim() })
    case 'split-off':
      return fill(texts['split-off'], { by: event.by, count: String(event.fingerprints.length), number: event.number, reason: event.reason.trim() })
    case 'acknowledge':
      if (event.source.kind === 'phone') {
        const { calledBy, namedBy, at: calledAt } = event.source
        return calledAt === undefined ? fill(texts['acknowledged-phone'], { calledBy, namedBy }) : fill(texts['acknowledged-phone-at'], { calledBy, namedBy, at: officeTime(calledAt) })
      }
      return fill(texts.acknowledged, { by: event.by, source: event.source.kind === 'other' ? event.source.name : (wording.source[event.source.kind] ?? event.source.kind) })
    case 'dispose':
      return fill(texts.disposed, { by: event.by, text: event.text.trim(), condition: wording.condition[after.disposals.at(-1)?.condition ?? 'no-data'] })
    case 'comment':
      return fill(texts.commented, { by: event.by, text: event.text.trim() })
    case 'assign':
      return fill(texts.assigned, { by: event.by, to: event.to })
    case 'unassign':
      return fill(texts.unassigned, { by: event.by })
    case 'attach':
      return fill(texts.attached, { by: event.by, name: event.attachment.name })
    case 'root-cause':
      return fill(texts['root-cause'], { by: event.by, category: wording.causeCategory[event.category], text: event.text.trim() })
    case 'work':
      return fill(texts.worked, { by: event.by, kind: wording.workKind[event.kind], minutes: String(event.minutes), text: event.text.trim() })
    case 'set-severity':
      return fill(texts.severity, { by: event.by, severity: wording.severity[event.severity], reason: event.reason.trim() })
    case 'report-recovery':
      return fill(texts['judged-recovered'], { by: event.by, confirmedBy: event.confirmedBy.trim(), recoveredAt: officeTime(event.at), text: event.text.trim() })
    case 'claim-recovery':
      return fill(texts['recovery-claimed'], { by: event.by, asked: event.confirmedBy.trim(), recoveredAt: officeTime(event.at), text: event.text.trim() })
    case 'confirm-recovery':
      return fill(texts['judged-recovered'], { by: after.judged?.by ?? '', confirmedBy: event.by, recoveredAt: officeTime(after.recoveredAt ?? after.openedAt), text: after.judged?.text ?? '' })
    case 'refuse-recovery':
      return fill(texts['recovery-refused'], { by: event.by, text: event.text.trim() })
    case 'reopen':
      return fill(texts['reopened-by-hand'], { by: event.by, text: event.text.trim() })
    case 'close':
      return fill(texts.closed, { by: event.by, text: event.text.trim() })
    case 'settle':
      return fill(texts.settled, { window })
  }
}

/** The first few, and that there are more. */
function shortList(words: readonly string[], count: number): string {
  const shown = words.slice(0, 5)
  return `${shown.join('、')}${count > shown.length ? ' …' : ''}`
}
