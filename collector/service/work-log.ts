/** What was recorded in this room, as lines of the work log (pure). */
import { guardEventSchema } from './guard.ts'
import type { GuardEvent } from './guard.ts'
import { requestEventSchema } from './request.ts'
import type { RequestEvent } from './request.ts'
import type { Stream } from './storage.ts'
import { windowEventSchema } from './window.ts'
import type { WindowEvent } from './window.ts'
import { fill } from './wording.ts'
import type { ServiceWording } from './wording.ts'

/** One line: who did what to which thing. `minutes` 0 where no work was booked. */
export interface WorkLine {
  readonly at: number
  readonly by: string
  readonly reference: string
  readonly text: string
  readonly minutes: number
}

/** A line from a stored event. `show` prints a moment. */
export function workLine(row: { readonly stream: Stream; readonly id: string; readonly at: number; readonly actor: string; readonly body: unknown }, wording: ServiceWording, show: (at: number) => string): WorkLine {
  const { text, minutes } = row.stream === 'window' ? windowText(windowEventSchema.parse(row.body), wording, show)
    : row.stream === 'request' ? requestText(requestEventSchema.parse(row.body), wording)
    : guardText(guardEventSchema.parse(row.body), wording, show)
  return { at: row.at, by: row.actor, reference: row.id, text, minutes }
}

function windowText(event: WindowEvent, { workLog, window }: ServiceWording, show: (at: number) => string): { text: string; minutes: number } {
  switch (event.type) {
    case 'planned': {
      const text = fill(workLog['window-planned'], { services: [...event.services, ...event.objects].join('、'), from: show(event.from), to: show(event.to), reason: event.reason })
      return { text: event.afterTheFact ? `【${window.afterTheFact}】${text}` : text, minutes: 0 }
    }
    case 'approved':
      return { text: fill(workLog['window-approved'], { name: event.approval.name, how: event.approval.how }), minutes: 0 }
    case 'shortened':
      return { text: fill(workLog['window-shortened'], { to: show(event.to), reason: event.reason }), minutes: 0 }
    case 'cancelled':
      return { text: fill(workLog['window-cancelled'], { reason: event.reason }), minutes: 0 }
  }
}

function requestText(event: RequestEvent, { workLog, request }: ServiceWording): { text: string; minutes: number } {
  switch (event.type) {
    case 'received':
      return { text: fill(workLog['request-received'], { kind: request.kind[event.kind], requester: event.requester, channel: event.channel, text: event.text }), minutes: 0 }
    case 'started':
      return { text: fill(workLog['request-started'], { person: event.person }), minutes: 0 }
    case 'noted':
      return { text: fill(workLog['request-noted'], { text: event.text, minutes: String(event.minutes) }), minutes: event.minutes }
    case 'finished':
      return { text: fill(workLog['request-finished'], { text: event.text, minutes: String(event.minutes) }), minutes: event.minutes }
    case 'refused':
      return { text: fill(workLog['request-refused'], { reason: event.reason }), minutes: 0 }
  }
}

function guardText(event: GuardEvent, { workLog }: ServiceWording, show: (at: number) => string): { text: string; minutes: number } {
  switch (event.type) {
    case 'declared':
      return { text: fill(workLog['guard-declared'], { title: event.title, from: show(event.from), to: show(event.to) }), minutes: 0 }
    case 'ended':
      return { text: fill(workLog['guard-ended'], { reason: event.reason }), minutes: 0 }
    case 'zero-report':
      return { text: fill(workLog['zero-report'], { dueAt: show(event.dueAt), text: event.text }), minutes: 0 }
  }
}
