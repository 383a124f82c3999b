/** One attempt to send what was claimed together: budget, words, the channel's answer, and what it cost. */
import type { Clock } from '../clock.ts'
import type { State } from '../state/open.ts'
import type { Channel, Detail, Rendered, SendOutcome } from './channel.ts'
import { usedSegments } from './outbox-storage.ts'
import type { Claimed, Spent } from './outbox-storage.ts'
import { mayGo } from './sms-budget.ts'

/** Longest time one attempt may take, however slowly the other side talks. */
const ATTEMPT_MS = 60_000

/** What a receipt says of a message that the budget kept back; people read it. */
const BUDGET_USED_UP = '短信年度预算已用完，只发紧急消息，此条没有发出'

const nothingGone: Spent = { segments: 0, forget: true }

/** What came of an attempt. `asked`: the channel was, so the outcome says something about it. */
export interface Attempted {
  readonly outcome: SendOutcome
  readonly spent: Spent
  readonly asked: boolean
}

/** Ends an attempt when `cut` aborts, or when it has taken too long. */
export function attemptSignal(cut: AbortSignal): AbortSignal {
  return AbortSignal.any([cut, AbortSignal.timeout(ATTEMPT_MS)])
}

/** Whether the other side has, or may have, taken it: then it counts in windows and budgets. */
export function mayHaveGone(outcome: SendOutcome): boolean {
  return outcome.kind === 'delivered' || (outcome.kind === 'try-again' && outcome.unsure === true)
}

/** Sends `messages` with their `words` (or the words of those that speak for all of them), several as one digest. Never rejects but for a state file that cannot be read. */
export async function attempt(
  world: { readonly state: State; readonly clock: Pick<Clock, 'now'>; renderDigest(messages: readonly Rendered[], detail: Detail): Rendered; note?(to: readonly string[]): string | undefined },
  channel: Channel,
  messages: readonly Claimed[],
  words: readonly Rendered[],
  cut: AbortSignal,
): Promise<Attempted> {
  const [first] = messages
  const [alone] = words
  if (first === undefined || alone === undefined) return { outcome: { kind: 'refused', why: 'nothing to send' }, spent: nothingGone, asked: false }
  const together = words.length > 1
  const worded = together ? world.renderDigest(words, channel.detail ?? 'full') : alone
  // Only what may be answered by SMS can have been answered wrongly.
  const note = channel.cost === undefined ? undefined : world.note?.(first.to)
  const said = note === undefined ? worded : { ...worded, more: [note, ...worded.more] }
  const segments = channel.cost?.segments(said) ?? 0
  if (channel.cost?.yearlyBudget !== undefined) {
    const used = await usedSegments(world.state, channel.name, channel.cost.yearFrom, world.clock.now())
    if (!mayGo(used, segments, channel.cost.yearlyBudget, said.severity)) return { outcome: { kind: 'refused', why: BUDGET_USED_UP, cause: 'budget' }, spent: nothingGone, asked: false }
  }
  const outcome = await channel.send({ ...said, id: messages.length > 1 ? first.sendId : first.id, to: first.to, at: first.createdAt }, attemptSignal(cut))
  const gone = mayHaveGone(outcome)
  return { outcome, spent: { segments: gone ? segments : 0, forget: !gone && channel.digest?.by === 'person' }, asked: true }
}
