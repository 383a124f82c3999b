import { officeTime } from '../clock.ts'
import type { Refusal } from './outcome.ts'
import { fill } from '../sentence.ts'
import type { Wording } from './wording.ts'

/** Answer to a person's act. Shaped so that a route can pass it on. */
export type ActOutcome<T = undefined> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'refused'; readonly status: 404 | 409 | 422; readonly code: string; readonly message: string }
export type ActRefused = Extract<ActOutcome, { kind: 'refused' }>

/** Refusals that the table does not know, because they are about more than one incident, or about a file. */
export type RoomRefusal =
  | { readonly code: 'unknown-incident' }
  | { readonly code: 'exists-already'; readonly number: string }
  /** A name that the site does not know; `near`: what may have been meant. */
  | { readonly code: 'unknown-person'; readonly name: string; readonly near: readonly string[] }
  /** A program's token, or an account that is gone. */
  | { readonly code: 'unknown-actor' }
  | { readonly code: 'caller-is-writer' }
  | { readonly code: 'file-empty' | 'file-too-large' | 'file-name' | 'file-type' | 'file-differs' }

/** Says why an act was not taken. */
export function refusalOf(why: Refusal | RoomRefusal, wording: Wording): ActRefused {
  const texts = wording.refusal
  switch (why.code) {
    case 'unknown-incident':
      return { kind: 'refused', status: 404, code: why.code, message: texts[why.code] }
    case 'acknowledged-already':
      return { kind: 'refused', status: 409, code: why.code, message: fill(texts[why.code], { by: why.by, at: officeTime(why.at) }) }
    case 'merged':
    case 'exists-already':
      return { kind: 'refused', status: 409, code: why.code, message: fill(texts[why.code], { number: why.number }) }
    case 'unknown-person':
      return { kind: 'refused', status: 422, code: why.code, message: why.near.length === 0 ? fill(texts[why.code], { name: why.name }) : fill(texts['unknown-person-near'], { name: why.name, near: why.near.join('、') }) }
    case 'unknown-actor':
    case 'caller-is-writer':
    case 'file-empty':
    case 'file-too-large':
    case 'file-name':
    case 'file-type':
    case 'file-differs':
    case 'text-missing':
    case 'confirmation-missing':
    case 'time-wrong':
    case 'wrong-choice':
      return { kind: 'refused', status: 422, code: why.code, message: texts[why.code] }
    case 'claim-waits':
    case 'claim-missing':
    case 'still-bad':
    case 'pending-again':
    case 'recovery-missing':
    case 'telemetry-rules':
    case 'below-telemetry':
    case 'not-running':
    case 'running':
    case 'closed':
    case 'reopen-window-over':
    case 'too-many':
      return { kind: 'refused', status: 409, code: why.code, message: texts[why.code] }
  }
}
