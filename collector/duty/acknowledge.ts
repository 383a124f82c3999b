/**
 * Acknowledging from the message itself: by its link, by an SMS answer, or by a call that somebody else enters. Each
 * gives an `Acknowledgement` whose source and detail go into the incident's `acknowledge` event in the same transaction.
 */
import type { Kysely } from 'kysely'
import type { StateTransaction } from '../state/open.ts'
import type { Schema } from '../state/schema.ts'
import { readAckToken, signAckToken } from './ack-link.ts'
import type { AckClaim } from './ack-link.ts'
import { ackKeys, knownAckKeys, LONGEST_LINK_MS, judgeCode, newNonce, recordReply, redeemCode, usedAt, useLink } from './ack-storage.ts'
import type { ReplyOutcome } from './ack-storage.ts'
import type { Person } from './duty-file.ts'
import { localText } from './local-time.ts'
import type { DutyPlan } from './plan.ts'
import { codeInReply, plainNumber } from './reply-code.ts'
import { fill } from '../sentence.ts'
import type { DutyWording } from './wording.ts'

/** What the link in a message is for. */
export const ACKNOWLEDGE = 'acknowledge'

/** How it came in, as the incident's `acknowledge` event keeps it. By phone: who called, and the account that wrote it down. */
export type AckSource = { readonly kind: 'link' } | { readonly kind: 'sms-reply' } | { readonly kind: 'phone'; readonly calledBy: string; readonly namedBy: string }

/** Somebody has taken an incident. */
export interface Acknowledgement {
  readonly incident: string
  /** Person id of duty.yml; undefined for a caller who is not in it. */
  readonly person: string | undefined
  /** Who has taken it, for people. */
  readonly name: string
  readonly source: AckSource
  /** Chinese sentence for receipts and reports. */
  readonly detail: string
}

/** Why a link or an answer does not count; `text` tells it to people. */
export interface AckRefusal {
  readonly kind: 'refused'
  readonly why: keyof DutyWording['refused']
  readonly text: string
}

/** What came of a confirmed link or an answer. */
export type AckResult = { readonly kind: 'acknowledged'; readonly acknowledgement: Acknowledgement } | AckRefusal

/** What the page behind a link shows before it is confirmed. */
export type AckPage = { readonly kind: 'page'; readonly claim: AckClaim; readonly person: Person } | AckRefusal

/** What these functions need to know; from `Duty` of run.ts. */
export interface AckContext {
  readonly plan: DutyPlan
  readonly wording: DutyWording
}

/** A token for one person and incident, to put into the link of a message; good for `lifeMs`, three days at most. */
export async function issueLink(trx: StateTransaction, incident: string, person: string, lifeMs: number, now: number): Promise<string> {
  const [key] = await ackKeys(trx, now)
  return signAckToken({ incident, person, purpose: ACKNOWLEDGE, expiresAt: now + Math.min(lifeMs, LONGEST_LINK_MS), nonce: newNonce() }, key)
}

/** For the GET: what the page may show. Writes nothing, however often gateways and previews ask. */
export async function lookAtLink(db: Kysely<Schema>, context: AckContext, token: string, now: number): Promise<AckPage> {
  const reading = readAckToken(token, await knownAckKeys(db), ACKNOWLEDGE, now)
  // Whoever opens a used link again is told so, also after it expired.
  const used = reading.kind === 'forged' ? undefined : await usedAt(db, reading.claim.nonce)
  if (used !== undefined) return refusal(context, 'used', used)
  if (reading.kind !== 'valid') return refusal(context, reading.kind)
  const person = context.plan.file.people.get(reading.claim.person)
  return person === undefined ? refusal(context, 'unknown-person') : { kind: 'page', claim: reading.claim, person }
}

/** For the confirmed POST: counts once. Acknowledge the incident in the same transaction. */
export async function confirmLink(trx: StateTransaction, context: AckContext, token: string, now: number): Promise<AckResult> {
  const page = await lookAtLink(trx, context, token, now)
  if (page.kind === 'refused') return page
  await useLink(trx, page.claim, now)
  const detail = fill(context.wording.acknowledged.message, { person: page.person.name })
  return { kind: 'acknowledged', acknowledgement: { incident: page.claim.incident, person: page.person.id, name: page.person.name, source: { kind: 'link' }, detail } }
}

/** An SMS that somebody sent back. `id`: the gateway's; undefined where it gives none. */
export interface SmsAnswer {
  readonly phone: string
  readonly text: string
  readonly id: string | undefined
}

/** What an answer would come to now. Writes nothing. */
export async function lookAtSms(trx: StateTransaction, context: AckContext, answer: SmsAnswer, now: number): Promise<AckResult> {
  const person = senderOf(context, answer.phone)
  return person === undefined ? refusal(context, 'unknown-number') : smsResult(context, person, await judgeCode(trx, person.id, codeInReply(answer.text), now))
}

/** The person whose number it is; undefined: nobody's. */
function senderOf({ plan }: AckContext, phone: string): Person | undefined {
  const number = plainNumber(phone)
  return number === '' ? undefined : [...plan.file.people.values()].find((one) => one.addresses.phone !== undefined && plainNumber(one.addresses.phone) === number)
}

/** An SMS that came back. The sender's number says who it is; the code in the text says which incident. */
export async function answerSms(trx: StateTransaction, context: AckContext, phone: string, text: string, now: number): Promise<AckResult> {
  const person = senderOf(context, phone)
  if (person === undefined) {
    await recordReply(trx, null, 'unknown-number', null, now)
    return refusal(context, 'unknown-number')
  }
  return smsResult(context, person, await redeemCode(trx, person.id, codeInReply(text), now))
}

function smsResult(context: AckContext, person: Person, outcome: ReplyOutcome): AckResult {
  if (outcome.kind === 'used') return refusal(context, 'code-used', outcome.at)
  if (outcome.kind !== 'accepted') return refusal(context, outcome.kind)
  const detail = fill(context.wording.acknowledged.sms, { person: person.name, code: outcome.code })
  return { kind: 'acknowledged', acknowledgement: { incident: outcome.incident, person: person.id, name: person.name, source: { kind: 'sms-reply' }, detail } }
}

function refusal({ wording, plan }: AckContext, why: AckRefusal['why'], at?: number): AckRefusal {
  return { kind: 'refused', why, text: fill(wording.refused[why], at === undefined ? {} : { at: localText(plan.zone, at) }) }
}
