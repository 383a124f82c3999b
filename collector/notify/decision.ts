/** Why something was told or not: one record for each stage that decided, for each flush and integration. */
import { z } from 'zod'

const bySubject = z.record(z.string(), z.array(z.string()).readonly())

/** The reason, with what it names. */
export const decisionWhy = z.discriminatedUnion('kind', [
  /** By alert: fingerprints of the alerts that inhibit it. */
  z.strictObject({ kind: z.literal('inhibitors'), by: bySubject }),
  /** By alert: ids of the silences that cover it. */
  z.strictObject({ kind: z.literal('silences'), by: bySubject }),
  /** None of these active times holds. */
  z.strictObject({ kind: z.literal('outside-active'), intervals: z.array(z.string()).readonly() }),
  /** These mute times hold. */
  z.strictObject({ kind: z.literal('mute-time'), intervals: z.array(z.string()).readonly() }),
  /** `lastToldAt` null: it was never told. */
  z.strictObject({ kind: z.literal('nothing-new'), lastToldAt: z.number().nullable() }),
  z.strictObject({ kind: z.literal('news'), news: z.enum(['first', 'new-firing', 'all-resolved', 'new-resolved', 'repeat']) }),
  z.strictObject({ kind: z.literal('error'), message: z.string() }),
])
export type DecisionWhy = z.infer<typeof decisionWhy>

export const decisionStages = ['inhibit', 'active-time', 'mute-time', 'silence', 'dedup', 'deliver'] as const
export type DecisionStage = (typeof decisionStages)[number]

/** `cleared`: the end is noted, but this integration is not told of ends. `failed`: it is tried again. */
export const decisionOutcomes = ['muted', 'nothing-new', 'queued', 'cleared', 'failed'] as const
export type DecisionOutcome = (typeof decisionOutcomes)[number]

/** A decision before it has a place in the table. */
export interface DraftDecision {
  readonly groupKey: string
  readonly receiver: string
  /** '' where the whole receiver is meant. */
  readonly integration: string
  readonly stage: DecisionStage
  readonly outcome: DecisionOutcome
  /** Fingerprints it is about. */
  readonly firing: readonly string[]
  readonly resolved: readonly string[]
  readonly why: DecisionWhy
}

/** A decision, or several equal ones of flushes in a row. */
export interface Decision extends DraftDecision {
  readonly id: number
  readonly at: number
  readonly lastAt: number
  readonly times: number
  readonly outboxIds: readonly string[]
}

/** Equal texts: the same decision again. */
export function decisionSignature(decision: DraftDecision): string {
  return JSON.stringify([decision.stage, decision.outcome, decision.firing, decision.resolved, decision.why])
}

/** Whose decisions can follow one another. */
export function decisionThread(decision: Pick<DraftDecision, 'groupKey' | 'receiver' | 'integration' | 'stage'>): string {
  return JSON.stringify([decision.groupKey, decision.receiver, decision.integration, decision.stage])
}
