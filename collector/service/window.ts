/** Maintenance windows: what may be planned, approved, shortened and cancelled (pure). SPEC.md numbers the invariants. */
import { z } from 'zod'
import { union } from './intervals.ts'
import type { Interval } from './intervals.ts'
import type { RefusalCode } from './wording.ts'

const text = z.string().trim().min(1).max(2_000)
const person = z.string().trim().min(1).max(128)
const moment = z.int()

/** Who on the client's side agreed, when and how (`letter`, `phone`, …: free words, printed as they are). */
export const approvalSchema = z.strictObject({ name: person, at: moment, how: person }).readonly()
export type Approval = z.infer<typeof approvalSchema>

const plannedSchema = z.strictObject({
  type: z.literal('planned'),
  services: z.array(z.string().min(1).max(64)).max(64).readonly(),
  objects: z.array(z.string().min(1).max(256)).max(1_024).readonly(),
  from: moment,
  to: moment,
  reason: text,
  by: person,
  /** 事后补录: entered when it had begun already. */
  afterTheFact: z.boolean(),
})

/** What can happen to a window, as it is stored. */
export const windowEventSchema = z.discriminatedUnion('type', [
  plannedSchema,
  z.strictObject({ type: z.literal('approved'), by: person, approval: approvalSchema }),
  z.strictObject({ type: z.literal('shortened'), by: person, to: moment, reason: text }),
  /** Nothing after `effectiveAt` is maintenance any more. */
  z.strictObject({ type: z.literal('cancelled'), by: person, effectiveAt: moment, reason: text }),
])
export type WindowEvent = Readonly<z.infer<typeof windowEventSchema>>
type Planned = Extract<WindowEvent, { type: 'planned' }>

export const windowSchema = z
  .strictObject({
    id: z.string(),
    version: z.number(),
    services: z.array(z.string()).readonly(),
    objects: z.array(z.string()).readonly(),
    /** As planned: never changed. */
    from: z.number(),
    to: z.number(),
    /** As it counts: what shortening and cancelling left of it. */
    endsAt: z.number(),
    reason: z.string(),
    by: z.string(),
    plannedAt: z.number(),
    /** 事后补录: planned, or approved, only when it had begun. Printed with it for good. */
    afterTheFact: z.boolean(),
    approval: approvalSchema.optional(),
    cancelled: z.boolean(),
  })
  .readonly()
/** A window after its events. */
export type MaintenanceWindow = z.infer<typeof windowSchema>

export type WindowStep = { readonly kind: 'stepped'; readonly value: MaintenanceWindow } | { readonly kind: 'refused'; readonly code: RefusalCode }

const refused = (code: RefusalCode): WindowStep => ({ kind: 'refused', code })

/** The first event of a window, at `now`. */
export function planWindow(id: string, event: Planned, now: number): WindowStep {
  if (event.to <= event.from) return refused('times-wrong')
  if (event.services.length === 0 && event.objects.length === 0) return refused('nothing-covered')
  if (event.from < now && !event.afterTheFact) return refused('after-the-fact')
  if (event.from >= now && event.afterTheFact) return refused('not-after-the-fact')
  const { services, objects, from, to, reason, by, afterTheFact } = event
  return { kind: 'stepped', value: { id, version: 1, services, objects, from, to, endsAt: to, reason, by, plannedAt: now, afterTheFact, cancelled: false } }
}

/** A later event, at `now`. */
export function stepWindow(window: MaintenanceWindow, event: WindowEvent, now: number): WindowStep {
  const version = window.version + 1
  switch (event.type) {
    case 'planned':
      throw new Error(`maintenance window ${window.id}: planned twice`)
    case 'approved':
      if (window.cancelled) return refused('window-cancelled')
      if (window.approval !== undefined) return refused('approved-already')
      // The client agrees, not whoever wants the window.
      if (event.approval.name === window.by || event.approval.name === event.by) return refused('approver-missing')
      if (event.approval.at > now) return refused('approval-in-future')
      return { kind: 'stepped', value: { ...window, version, approval: event.approval, afterTheFact: window.afterTheFact || event.approval.at > window.from } }
    case 'shortened':
      if (window.cancelled) return refused('window-cancelled')
      if (event.to <= window.from || event.to >= window.endsAt) return refused('not-shorter')
      return { kind: 'stepped', value: { ...window, version, endsAt: event.to } }
    case 'cancelled':
      if (window.cancelled) return refused('window-cancelled')
      if (event.effectiveAt > now) return refused('in-future')
      return { kind: 'stepped', value: { ...window, version, cancelled: true, endsAt: Math.max(window.from, Math.min(window.endsAt, event.effectiveAt)) } }
  }
}

/** A window from its stored events. Throws when they are not a window's: somebody changed the file. */
export function replayWindow(id: string, events: readonly { readonly at: number; readonly event: WindowEvent }[]): MaintenanceWindow {
  const [first, ...later] = events
  if (first?.event.type !== 'planned') throw new Error(`maintenance window ${id}: its first event is not its planning`)
  let window = unwrap(id, planWindow(id, first.event, first.at))
  for (const { at, event } of later) window = unwrap(id, stepWindow(window, event, at))
  return window
}

function unwrap(id: string, step: WindowStep): MaintenanceWindow {
  if (step.kind === 'refused') throw new Error(`maintenance window ${id}: a stored event is refused (${step.code})`)
  return step.value
}

/** The time of a service that approved windows take out. A window that names only objects takes none out of a service. */
export function maintenanceOf(windows: readonly MaintenanceWindow[], service: string): readonly Interval[] {
  return union(windows.filter((one) => one.approval !== undefined && one.services.includes(service)).map((one) => ({ from: one.from, to: one.endsAt })))
}

/** The approved window in which something began on that service or object, if any. */
export function windowAt(windows: readonly MaintenanceWindow[], service: string, object: string, at: number): MaintenanceWindow | undefined {
  return windows.find((one) => one.approval !== undefined && (one.services.includes(service) || (object !== '' && one.objects.includes(object))) && one.from <= at && at < one.endsAt)
}

/**
 * Whether an event would change time that frozen months have already told. What lies before `frozenUntil` is corrected
 * by annotation only. `window` undefined: the event plans a new one.
 */
export function reachesFrozen(window: MaintenanceWindow | undefined, event: WindowEvent, frozenUntil: number): boolean {
  switch (event.type) {
    case 'planned':
      return event.from < frozenUntil
    case 'approved':
      return window !== undefined && window.from < frozenUntil
    case 'shortened':
      return event.to < frozenUntil
    case 'cancelled':
      return window !== undefined && window.from < frozenUntil && event.effectiveAt < frozenUntil
  }
}
