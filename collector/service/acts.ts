/** What windows, requests and guard periods have in common when somebody acts on one: check, step, append, audit. */
import type { z } from 'zod'
import { appendAudit } from '../state/audit.ts'
import type { Json } from '../state/audit.ts'
import type { State, StateTransaction } from '../state/open.ts'
import { appendEvent, eventsOf, nextId, streamEvents } from './storage.ts'
import type { Reader, Stored, Stream } from './storage.ts'
import { fill } from '../sentence.ts'
import type { RefusalCode, ServiceWording } from './wording.ts'
import { dateAt } from './zone-time.ts'

/** What came of an act; a route turns it into its answer. `message` is for people. */
export type ActOutcome<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'refused'; readonly status: 404 | 409 | 422; readonly code: RefusalCode; readonly message: string }

/** What every act needs. */
export interface ActDependencies {
  readonly state: State
  readonly clock: { now(): number }
  readonly zone: string
  readonly wording: ServiceWording
}

type Step<T> = { readonly kind: 'stepped'; readonly value: T } | { readonly kind: 'refused'; readonly code: RefusalCode }

/** One kind of thing that is folded from its events. */
export interface Folding<E extends Json, T extends { readonly id: string; readonly version: number }> {
  readonly stream: Stream
  readonly schema: z.ZodType<E>
  readonly unknown: RefusalCode
  first(id: string, event: E, now: number): Step<T>
  next(value: T, event: E, now: number): Step<T>
  replay(id: string, events: readonly Stored<E>[]): T
  /** Refused for a reason outside of the thing itself, decided inside the transaction. */
  forbids?(trx: StateTransaction, value: T | undefined, event: E): Promise<RefusalCode | undefined>
  /** Places of the refusal's sentence. */
  fields?(value: T | undefined, event: E, code: RefusalCode): Readonly<Record<string, string>>
  /** Stored with the event. */
  stored?(trx: StateTransaction, value: T): Promise<void>
}

const inputCodes: ReadonlySet<RefusalCode> = new Set(['text-missing', 'times-wrong', 'nothing-covered', 'approver-missing', 'factor-wrong', 'input-wrong', 'in-future', 'approval-in-future', 'unknown-service'])

/** A refusal in words. What is not known is 404, what is filled in wrongly 422, what does not fit the state 409. */
export function refusal(wording: ServiceWording, code: RefusalCode, fields: Readonly<Record<string, string>> = {}): Extract<ActOutcome<never>, { kind: 'refused' }> {
  return { kind: 'refused', status: inputCodes.has(code) ? 422 : code.startsWith('unknown-') ? 404 : 409, code, message: fill(wording.refusal[code], fields) }
}

/** What people call the field that was filled in wrongly: the innermost that the catalogue names. */
function fieldOf({ field }: ServiceWording, path: readonly PropertyKey[]): string {
  const names = path.map(String)
  return field[names.findLast((name) => field[name] !== undefined) ?? ''] ?? names.join('.')
}

/** Acts on one kind of thing. Every act is one transaction with its audit entry: neither exists without the other. */
export interface Acts<E, T> {
  begin(event: E, actor: string, action: string): Promise<ActOutcome<T>>
  act(id: string, event: E, actor: string, action: string): Promise<ActOutcome<T>>
  get(db: Reader, id: string): Promise<T | undefined>
  all(db: Reader): Promise<readonly T[]>
}

export function actsOn<E extends Json, T extends { readonly id: string; readonly version: number }>(deps: ActDependencies, folding: Folding<E, T>): Acts<E, T> {
  const { state, clock, wording } = deps

  async function store(trx: StateTransaction, value: T, event: E, now: number, actor: string, action: string): Promise<void> {
    await appendEvent(trx, folding.stream, value.id, value.version, now, actor, event)
    await folding.stored?.(trx, value)
    await appendAudit(trx, { at: now, actor, action, object: value.id, detail: event })
  }

  async function take(given: E, actor: string, action: string, id: string | undefined): Promise<ActOutcome<T>> {
    const parsed = folding.schema.safeParse(given)
    if (!parsed.success) return refusal(wording, 'input-wrong', { what: [...new Set(parsed.error.issues.map(({ path }) => fieldOf(wording, path)))].join('、') })
    const event = parsed.data
    return state.db.transaction().execute(async (trx) => {
      const now = clock.now()
      const value = id === undefined ? undefined : await get(trx, id)
      if (id !== undefined && value === undefined) return refusal(wording, folding.unknown)
      const forbidden = await folding.forbids?.(trx, value, event)
      if (forbidden !== undefined) return refusal(wording, forbidden, folding.fields?.(value, event, forbidden))
      const step = value === undefined ? folding.first(await nextId(trx, folding.stream, dateAt(now, deps.zone).replaceAll('-', '')), event, now) : folding.next(value, event, now)
      if (step.kind === 'refused') return refusal(wording, step.code, folding.fields?.(value, event, step.code))
      await store(trx, step.value, event, now, actor, action)
      return { kind: 'done', value: step.value }
    })
  }

  async function get(db: Reader, id: string): Promise<T | undefined> {
    const events = await eventsOf(db, folding.stream, id, folding.schema)
    return events.length === 0 ? undefined : folding.replay(id, events)
  }

  return {
    begin: (event, actor, action) => take(event, actor, action, undefined),
    act: (id, event, actor, action) => take(event, actor, action, id),
    get,
    all: async (db) => [...(await streamEvents(db, folding.stream, folding.schema))].map(([id, events]) => folding.replay(id, events)),
  }
}
