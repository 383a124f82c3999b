/**
 * One-time enrolment tokens. The text an operator carries to a server is
 *
 *   zs1.<base64url of JSON {"u": "https://host:port", "f": CA fingerprint, "s": secret, "h": host, "e": expiry ms}>
 *
 * with `f` the sha256 of the CA certificate's DER in hex (what the agent pins before it has anything else) and `s` 32
 * random bytes as base64url. The collector keeps only sha256(s): a secret of 256 random bits needs no slow hash.
 */
import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { NewEnrolToken } from './identities.ts'

const PREFIX = 'zs1.'

const tokenBody = z.strictObject({
  u: z.string().max(200).regex(/^https:\/\/[^/\s]+$/),
  f: z.string().regex(/^[0-9a-f]{64}$/),
  s: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  h: z.string().min(1).max(200),
  e: z.int().min(0),
})

export interface TokenText {
  /** `https://host:port`, no path. */
  readonly url: string
  readonly fingerprint: string
  readonly secret: string
  readonly host: string
  readonly expiresAt: number
}

export interface MadeToken {
  readonly text: string
  /** For `Identities.addToken`. */
  readonly entry: NewEnrolToken
}

/** Makes a token for one host, valid for `lifeMs` from `now`. */
export function makeToken(options: { readonly url: string; readonly fingerprint: string; readonly host: string; readonly lifeMs: number; readonly now: number }): MadeToken {
  const secret = randomBytes(32).toString('base64url')
  const expiresAt = options.now + options.lifeMs
  const body = tokenBody.parse({ u: options.url, f: options.fingerprint, s: secret, h: options.host, e: expiresAt })
  return {
    text: PREFIX + Buffer.from(JSON.stringify(body)).toString('base64url'),
    entry: { id: randomBytes(8).toString('hex'), secretHash: secretHash(secret), host: options.host, createdAt: options.now, expiresAt },
  }
}

/** Reads a token's text. Throws with what is wrong, never with the text itself: it is a secret. */
export function parseToken(text: string): TokenText {
  if (!text.startsWith(PREFIX)) throw new Error('enrolment token: it must begin with zs1.')
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(text.slice(PREFIX.length), 'base64url').toString('utf8'))
  } catch {
    // JSON.parse quotes the text in its message, so the cause is not kept.
    throw new Error('enrolment token: not readable; was it copied whole?')
  }
  const parsed = tokenBody.safeParse(value)
  if (!parsed.success) throw new Error(`enrolment token: ${parsed.error.issues.map((issue) => `field ${issue.path.join('.') || '(all)'} is wrong`).join(', ')}`)
  const { u, f, s, h, e } = parsed.data
  return { url: u, fingerprint: f, secret: s, host: h, expiresAt: e }
}

/** sha256 of a token's secret, lower-case hex. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
