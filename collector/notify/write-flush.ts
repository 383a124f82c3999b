/**
 * What a flush leaves in state.db, all in one transaction: notifications, the notification log, decisions, and which
 * alerts have left. Memory follows only after the commit.
 */
import type { StateTransaction } from '../state/open.ts'
import { decisionSignature, decisionThread } from './decision.ts'
import type { DraftDecision } from './decision.ts'
import { endFlush, leaving } from './dispatch.ts'
import type { AlertGroup, AlertGroups, Place } from './dispatch.ts'
import type { FlushPlan, Notification } from './flush.ts'
import { logKey } from './notification-log.ts'
import type { LogEntry } from './notification-log.ts'
import { insertDecision, repeatDecision, saveLeft, saveLogEntry } from './route-storage.ts'

/** The newest decision of a thread, to recognise its repetition. */
interface Thread {
  readonly id: number
  readonly signature: string
  /** Which flush of its group it was made in. */
  readonly flush: number
}

/** What is known of the tables without asking them. */
export interface FlushMemory {
  /** The notification log. */
  readonly entries: Map<string, LogEntry>
  /** Names of the groups that have told an alert's end since its last report. */
  readonly left: Map<string, readonly string[]>
  readonly threads: WeakMap<AlertGroup, Map<string, Thread>>
  nextDecisionId(): number
}

/** Nothing known but the last number that was given. */
export function emptyMemory(lastDecisionId: number): FlushMemory {
  let id = lastDecisionId
  return { entries: new Map(), left: new Map(), threads: new WeakMap(), nextDecisionId: () => ++id }
}

/** How a group is named in `left`: over restarts, and over other routes files as far as they keep it. */
export function leftName(place: Place): string {
  return `${place.route.receiver} ${place.key}`
}

/** What memory learns of one flush once it is committed. */
export interface Written {
  readonly plan: FlushPlan
  readonly threads: ReadonlyMap<string, Thread>
  readonly entries: readonly LogEntry[]
  readonly left: ReadonlyMap<string, readonly string[]>
  readonly sent: number
}

type Deliver = (notification: Notification) => Promise<readonly string[]>

/** Writes these flushes. Rejects when one notification cannot be queued; then none of them has happened. */
export async function writeFlushes(trx: StateTransaction, plans: readonly FlushPlan[], groups: AlertGroups, memory: FlushMemory, deliver: Deliver): Promise<readonly Written[]> {
  const done: Written[] = []
  // An alert may leave several groups in one transaction.
  const leftNow = new Map<string, readonly string[]>()
  for (const plan of plans) done.push(await writeFlush(trx, plan, groups, memory, leftNow, deliver))
  return done
}

async function writeFlush(trx: StateTransaction, plan: FlushPlan, groups: AlertGroups, memory: FlushMemory, leftNow: Map<string, readonly string[]>, deliver: Deliver): Promise<Written> {
  const threads = new Map<string, Thread>()
  const entries: LogEntry[] = []
  let sent = 0
  for (const draft of plan.muted) await record(trx, plan, draft, [], memory, threads)
  for (const { decision, notification, entry } of plan.steps) {
    const outboxIds = notification === undefined ? [] : await deliver(notification)
    if (notification !== undefined) sent++
    if (entry !== undefined) {
      await saveLogEntry(trx, entry)
      entries.push(entry)
    }
    await record(trx, plan, decision, outboxIds, memory, threads)
  }
  return { plan, threads, entries, left: await writeLeaving(trx, plan, groups, memory, leftNow), sent }
}

async function record(trx: StateTransaction, { flush: { group, at } }: FlushPlan, draft: DraftDecision, outboxIds: readonly string[], memory: FlushMemory, made: Map<string, Thread>): Promise<void> {
  const thread = decisionThread(draft)
  const signature = decisionSignature(draft)
  const before = memory.threads.get(group)?.get(thread)
  // A gap ends the row: it must not claim a flush in which this was not decided.
  const again = draft.outcome !== 'queued' && before?.signature === signature && before.flush === group.flushes - 1
  const id = again ? before.id : memory.nextDecisionId()
  if (again) await repeatDecision(trx, id, at)
  else await insertDecision(trx, id, draft, at, outboxIds)
  made.set(thread, { id, signature, flush: group.flushes })
}

async function writeLeaving(trx: StateTransaction, { flush }: FlushPlan, groups: AlertGroups, memory: FlushMemory, leftNow: Map<string, readonly string[]>): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = new Map<string, readonly string[]>()
  for (const fingerprint of leaving(flush)) {
    const told = [...(leftNow.get(fingerprint) ?? memory.left.get(fingerprint) ?? []), leftName(flush.group)]
    leftNow.set(fingerprint, told)
    names.set(fingerprint, told)
    const stillIn = [...(groups.holding.get(fingerprint) ?? [])].some((id) => {
      const other = groups.byId.get(id)
      return other !== undefined && !told.includes(leftName(other))
    })
    await saveLeft(trx, fingerprint, told, stillIn ? undefined : flush.at)
  }
  return names
}

/** Takes into memory what has been committed; returns how many notifications were queued. */
export function remember(written: readonly Written[], groups: AlertGroups, memory: FlushMemory): number {
  let sent = 0
  for (const one of written) {
    const { group } = one.plan.flush
    const known = memory.threads.get(group) ?? new Map<string, Thread>()
    for (const [name, thread] of one.threads) known.set(name, thread)
    memory.threads.set(group, known)
    for (const entry of one.entries) memory.entries.set(logKey(entry.groupKey, entry.receiver, entry.integration), entry)
    for (const [fingerprint, names] of one.left) memory.left.set(fingerprint, names)
    endFlush(groups, one.plan.flush)
    sent += one.sent
  }
  return sent
}
