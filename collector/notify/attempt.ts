/** One attempt to send what was claimed together: budget, words, the channel's answer, and what it cost. */
import type { Clock } from '../clock.ts'
import type { State } from '../state/open.ts'
import type { Channel, Detail, Rendered, SendOutcome } from './channel.ts'
import { usedSegments } from './outbox-storage.ts'
import type { Claimed, Spent } from './outbox-storage.ts'
import { mayGo } from './sms-budget.ts'

/** Longest time one attempt may take, however slowly the other side talks. */
const ATTEMPT_MS = 60_000

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
  world: { readonly state: State; readonly clock: Pick<Clock, 'now'>; renderDigest(messages: readonly Rendered[], detail: Detail): Rendered },
  channel: Channel,
  messages: readonly Claimed[],
  words: readonly Rendered[],
  cut: AbortSignal,
): Promise<Attempted> {
  const [first] = messages
  const [alone] = words
  if (first === undefined || alone === undefined) return { outcome: { kind: 'refused', why: 'nothing to send' }, spent: nothingGone, asked: false }
  const together = words.length > 1
  const said = together ? world.renderDigest(words, channel.detail ?? 'full') : alone
  const segments = channel.cost?.segments(said) ?? 0
  if (channel.cost?.yearlyBudget !== undefined) {
    const used = await usedSegments(world.state, channel.name, channel.cost.yearFrom, world.clock.now())
    if (!mayGo(used, segments, channel.cost.yearlyBudget, said.severity)) return { outcome: { kind: 'refused', why: 'the yearly SMS budget is used up; only critical messages go' }, spent: nothingGone, asked: false }
  }
  const outcome = await channel.send({ ...said, id: messages.length > 1 ? first.sendId : first.id, to: first.to, at: first.createdAt }, attemptSignal(cut))
  const gone = mayHaveGone(outcome)
  return { outcome, spent: { segments: gone ? segments : 0, forget: !gone && channel.digest?.by === 'person' }, asked: true }
}
