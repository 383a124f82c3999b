/** What the routes of duty and of message links need. `duty-room.ts` and `ack-links.ts` make them from the rooms. */
import type { DutyEscalation, DutyMonth, DutyNow, DutyOverrideReply, DutyOverrides } from '../../protocol/api-duty.ts'
import type { OverrideBody } from '../duty/override.ts'
import type { Outcome } from './dependencies.ts'

export interface DutyDependencies {
  /** `contacts`: whether phones and mail addresses may be in it. */
  now(contacts: boolean): DutyNow
  /** Days as `2026-10-01`, both counted. */
  month(from: string, to: string): Outcome<DutyMonth>
  overrides(reasons: boolean): Promise<DutyOverrides>
  override(body: OverrideBody, actor: string, reason: string): Promise<Outcome<DutyOverrideReply>>
  preview(body: OverrideBody): Promise<Outcome<DutyOverrideReply>>
  revoke(id: number, actor: string, reason: string): Promise<Outcome<void>>
  escalation(): DutyEscalation
}

/**
 * What a message's link leads to, in words. `ask`: it may be confirmed (`confirm` is the button). `done`: it was, just now.
 * `already`: somebody has taken the incident. `used`, `gone` (expired, closed), `wrong` (not ours), `limited` (too many
 * tries from that address), `elsewhere` (not confirmed on the page itself).
 */
export interface AckAnswer {
  readonly kind: 'ask' | 'done' | 'already' | 'used' | 'gone' | 'wrong' | 'limited' | 'elsewhere'
  readonly heading: string
  readonly lines: readonly string[]
  readonly confirm?: string
  /** What the button says yes to: a page that was opened before somebody claimed a recovery must not confirm that. Left out: `yes`. */
  readonly confirmValue?: AckConfirm
  readonly hint?: string
  readonly retryAfterMs?: number
}

/** What a page asks: to take the incident, or to confirm that it is over. */
export type AckConfirm = 'yes' | 'recovery'

export interface AckLinkDependencies {
  /** Writes nothing but the count of wrong tokens of that address. */
  look(token: string, address: string): Promise<AckAnswer>
  confirm(token: string, address: string, what?: AckConfirm): Promise<AckAnswer>
  /** For a request that did not come from the page's own form. */
  elsewhere(): AckAnswer
}
