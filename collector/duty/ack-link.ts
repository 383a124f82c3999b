/**
 * Links that act for one person on one incident without signing in, once. A link's token is
 *
 *   base64url(JSON [1, incident number, person id, purpose, expires at (epoch s), nonce, key id]) "." base64url(HMAC-SHA256)
 *
 * the HMAC over the first part as it is written. Mail gateways and chat previews open links, so opening one shows a page
 * and changes nothing; only the page's confirmed POST counts. That it counts once is storage's part (ack-storage.ts):
 * the nonce is kept there. Signing and reading are pure.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'

/** What a link lets one person do. */
export interface AckClaim {
  /** The incident's number. */
  readonly incident: string
  /** Person id of duty.yml. */
  readonly person: string
  /** What it is for, such as `acknowledge`; a link for one thing is no good for another. */
  readonly purpose: string
  /** Epoch ms; whole seconds. */
  readonly expiresAt: number
  /** 16 random bytes as base64url. */
  readonly nonce: string
}

/** A signing key; `id` is in the token so that the key before this one can still be found. */
export interface AckKey {
  readonly id: string
  /** 32 bytes, base64url. */
  readonly secret: string
}

/** What a token says. `forged` covers everything that was not signed by us, however it is broken. */
export type AckReading =
  | { readonly kind: 'valid'; readonly claim: AckClaim }
  | { readonly kind: 'expired'; readonly claim: AckClaim }
  | { readonly kind: 'other-purpose'; readonly claim: AckClaim }
  | { readonly kind: 'forged' }

const LONGEST_TOKEN = 600

const body = z.tuple([z.literal(1), z.string().min(1).max(40), z.string().min(1).max(32), z.string().regex(/^[a-z-]{1,20}$/), z.int().min(0), z.string().regex(/^[A-Za-z0-9_-]{22}$/), z.string().min(1).max(16)])

/** Signs a claim. Throws for one whose fields are not as described. */
export function signAckToken(claim: AckClaim, key: AckKey): string {
  const content = body.parse([1, claim.incident, claim.person, claim.purpose, Math.floor(claim.expiresAt / 1_000), claim.nonce, key.id])
  const payload = Buffer.from(JSON.stringify(content)).toString('base64url')
  return `${payload}.${mac(payload, key).toString('base64url')}`
}

/** Reads a token against the keys that are still good. Bytes are compared in constant time, before anything is parsed. */
export function readAckToken(token: string, keys: readonly AckKey[], purpose: string, now: number): AckReading {
  const parts = token.length > LONGEST_TOKEN ? [] : token.split('.')
  const [payload, signature] = parts
  if (payload === undefined || signature === undefined || parts.length !== 2 || !/^[A-Za-z0-9_-]{43}$/.test(signature)) return { kind: 'forged' }
  const given = Buffer.from(signature, 'base64url')
  // The last character holds spare bits: only the spelling that we write is taken, so that a token has one text.
  const signer = keys.find((key) => timingSafeEqual(mac(payload, key), given))
  if (signer === undefined || given.toString('base64url') !== signature) return { kind: 'forged' }
  const parsed = body.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')))
  if (!parsed.success || parsed.data[6] !== signer.id) return { kind: 'forged' }
  const [, incident, person, what, seconds, nonce] = parsed.data
  const claim = { incident, person, purpose: what, expiresAt: seconds * 1_000, nonce }
  if (what !== purpose) return { kind: 'other-purpose', claim }
  return { kind: now < claim.expiresAt ? 'valid' : 'expired', claim }
}

function mac(payload: string, key: AckKey): Buffer {
  return createHmac('sha256', Buffer.from(key.secret, 'base64url')).update(payload).digest()
}
