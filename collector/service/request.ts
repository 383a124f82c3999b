/** Service requests: consulting, training, base data, import and export, rights (pure). SPEC.md has the table. */
import { z } from 'zod'
import type { Interval } from './intervals.ts'
import type { RefusalCode } from './wording.ts'

export const requestKinds = ['consulting', 'training', 'base-data', 'import-export', 'rights'] as const
export type RequestKind = (typeof requestKinds)[number]
export const requestStates = ['received', 'in-work', 'done', 'refused'] as const
export type RequestState = (typeof requestStates)[number]

const text = z.string().trim().min(1).max(4_000)
const person = z.string().trim().min(1).max(128)
/** Minutes of work, at most a day at once. */
const minutes = z.int().min(0).max(1_440)

const receivedSchema = z.strictObject({
  type: z.literal('received'),
  kind: z.enum(requestKinds),
  service: z.string().max(64),
  requester: person,
  /** Hotline, mail, fax, in person: free words. */
  channel: person,
  text,
  receivedAt: z.int(),
  by: person,
})

/** What can happen to a request, as it is stored. */
export const requestEventSchema = z.discriminatedUnion('type', [
  receivedSchema,
  z.strictObject({ type: z.literal('started'), by: person, person }),
  z.strictObject({ type: z.literal('noted'), by: person, text, minutes }),
  z.strictObject({ type: z.literal('finished'), by: person, text, minutes }),
  z.strictObject({ type: z.literal('refused'), by: person, reason: text }),
])
export type RequestEvent = Readonly<z.infer<typeof requestEventSchema>>
export type RequestEventType = RequestEvent['type']
type Received = Extract<RequestEvent, { type: 'received' }>

/** A request after its events. */
export interface ServiceRequest {
  readonly id: string
  readonly version: number
  readonly state: RequestState
  readonly kind: RequestKind
  readonly service: string
  readonly requester: string
  readonly channel: string
  readonly text: string
  readonly receivedAt: number
  /** Who works on it, or did. */
  readonly person: string | undefined
  /** Work booked, with the moment it was booked: a month counts what was booked in it. */
  readonly work: readonly { readonly at: number; readonly minutes: number; readonly person: string }[]
  readonly endedAt: number | undefined
}

export type RequestStep = { readonly kind: 'stepped'; readonly value: ServiceRequest } | { readonly kind: 'refused'; readonly code: RefusalCode }

/** State × event: the state after it, or why it is refused. */
export const requestTable: Readonly<Record<RequestState, Readonly<Record<Exclude<RequestEventType, 'received'>, RequestState | { readonly refused: RefusalCode }>>>> = {
  received: { started: 'in-work', noted: { refused: 'not-started' }, finished: { refused: 'not-started' }, refused: 'refused' },
  'in-work': { started: { refused: 'started-already' }, noted: 'in-work', finished: 'done', refused: 'refused' },
  done: { started: { refused: 'request-over' }, noted: { refused: 'request-over' }, finished: { refused: 'request-over' }, refused: { refused: 'request-over' } },
  refused: { started: { refused: 'request-over' }, noted: { refused: 'request-over' }, finished: { refused: 'request-over' }, refused: { refused: 'request-over' } },
}

/** The first event, at `now`. A request may be entered late, never early. */
export function receiveRequest(id: string, event: Received, now: number): RequestStep {
  if (event.receivedAt > now) return { kind: 'refused', code: 'in-future' }
  const { kind, service, requester, channel, receivedAt } = event
  return { kind: 'stepped', value: { id, version: 1, state: 'received', kind, service, requester, channel, text: event.text, receivedAt, person: undefined, work: [], endedAt: undefined } }
}

/** A later event, at `now`. */
export function stepRequest(request: ServiceRequest, event: RequestEvent, now: number): RequestStep {
  if (event.type === 'received') throw new Error(`service request ${request.id}: received twice`)
  const next = requestTable[request.state][event.type]
  if (typeof next !== 'string') return { kind: 'refused', code: next.refused }
  const common = { ...request, version: request.version + 1, state: next }
  switch (event.type) {
    case 'started':
      return { kind: 'stepped', value: { ...common, person: event.person } }
    case 'noted':
    case 'finished':
      return { kind: 'stepped', value: { ...common, work: [...request.work, { at: now, minutes: event.minutes, person: event.by }], endedAt: event.type === 'finished' ? now : undefined } }
    case 'refused':
      return { kind: 'stepped', value: { ...common, endedAt: now } }
  }
}

/** A request from its stored events. Throws when they are not a request's. */
export function replayRequest(id: string, events: readonly { readonly at: number; readonly event: RequestEvent }[]): ServiceRequest {
  const [first, ...later] = events
  if (first?.event.type !== 'received') throw new Error(`service request ${id}: its first event is not its receipt`)
  let step = receiveRequest(id, first.event, first.at)
  for (const { at, event } of later) if (step.kind === 'stepped') step = stepRequest(step.value, event, at)
  if (step.kind === 'refused') throw new Error(`service request ${id}: a stored event is refused (${step.code})`)
  return step.value
}

export const requestCountSchema = z
  .strictObject({
    kind: z.enum(requestKinds),
    /** Received, finished, refused in the span. */
    received: z.number(),
    done: z.number(),
    refused: z.number(),
    /** Received before its end and not over by then. */
    pending: z.number(),
    /** Work booked in the span. */
    minutes: z.number(),
  })
  .readonly()
/** One kind in one month. */
export type RequestCount = z.infer<typeof requestCountSchema>

/** Every kind's counts in a span, kinds without any included, so that a zero is told and not left out. */
export function countRequests(requests: readonly ServiceRequest[], span: Interval): readonly RequestCount[] {
  const within = (at: number | undefined): boolean => at !== undefined && span.from <= at && at < span.to
  return requestKinds.map((kind) => {
    const own = requests.filter((one) => one.kind === kind)
    const ended = own.filter((one) => within(one.endedAt))
    return {
      kind,
      received: own.filter((one) => within(one.receivedAt)).length,
      done: ended.filter((one) => one.state === 'done').length,
      refused: ended.filter((one) => one.state === 'refused').length,
      pending: own.filter((one) => one.receivedAt < span.to && (one.endedAt === undefined || one.endedAt >= span.to)).length,
      minutes: own.flatMap((one) => one.work).filter((one) => within(one.at)).reduce((sum, one) => sum + one.minutes, 0),
    }
  })
}
