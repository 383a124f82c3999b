/** What was recorded in this room, as lines of the work log (pure). */
import { z } from 'zod'
import { guardEventSchema } from './guard.ts'
import type { GuardEvent } from './guard.ts'
import { requestEventSchema } from './request.ts'
import type { RequestEvent } from './request.ts'
import type { Stream } from './storage.ts'
import { windowEventSchema } from './window.ts'
import type { WindowEvent } from './window.ts'
import { fill } from '../sentence.ts'
import type { ServiceWording } from './wording.ts'

export const workLineSchema = z.strictObject({ at: z.number(), by: z.string(), kind: z.string(), reference: z.string(), text: z.string(), minutes: z.number() }).readonly()
/**
 * One line: who did what to which thing. `kind`: `window`, `request` or `guard` of this room's own, else the kind of work
 * that was entered. `minutes` 0 where no work was booked.
 */
export type WorkLine = z.infer<typeof workLineSchema>

/** A work log in figures: all of it, and by kind. */
export type WorkCount = { readonly count: number; readonly minutes: number; readonly kinds: readonly { readonly kind: string; readonly count: number; readonly minutes: number }[] }

/** Counts lines; kinds by name. */
export function countWork(lines: readonly WorkLine[]): WorkCount {
  const sum = (list: readonly WorkLine[]): number => list.reduce((minutes, line) => minutes + line.minutes, 0)
  const kinds = [...new Set(lines.map((line) => line.kind))].sort()
  return {
    count: lines.length,
    minutes: sum(lines),
    kinds: kinds.map((kind) => {
      const own = lines.filter((line) => line.kind === kind)
      return { kind, count: own.length, minutes: sum(own) }
    }),
  }
}

/** A line from a stored event. `show` prints a moment. */
export function workLine(row: { readonly stream: Stream; readonly id: string; readonly at: number; readonly actor: string; readonly body: unknown }, wording: ServiceWording, show: (at: number) => string): WorkLine {
  const { text, minutes } = row.stream === 'window' ? windowText(windowEventSchema.parse(row.body), wording, show)
    : row.stream === 'request' ? requestText(requestEventSchema.parse(row.body), wording)
    : guardText(guardEventSchema.parse(row.body), wording, show)
  return { at: row.at, by: row.actor, kind: row.stream, reference: row.id, text, minutes }
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
