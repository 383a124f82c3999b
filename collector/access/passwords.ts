/**
 * Passwords: rules and hashing.
 *
 * The rules meet GB/T 22239 level 2, 身份鉴别 a and b, as the product's own baselines read them: at least 8 characters of
 * 3 of the 4 classes (we ask for 10), changed within 90 days, none of the last 5, and a lock after at most 5 failures
 * for at least 10 minutes (see sign-in limits in accounts.ts).
 *
 * Stored as `scrypt$N$r$p$SALT$HASH` (base64), so that stronger parameters can come without breaking old hashes.
 */
import { randomBytes, randomInt, scrypt, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'

/** Fewest characters (code points). */
export const PASSWORD_LENGTH = 10
/** Most characters: what comes from outside is bounded before it is hashed. */
const PASSWORD_LONGEST = 256
/** Classes of lower case, upper case, digits and others that must occur. */
export const PASSWORD_CLASSES = 3
/** After this a password must be changed at sign-in. */
export const PASSWORD_AGE_MS = 90 * 86_400_000
/** How many of the newest passwords, the present one included, may not come back. */
export const PASSWORD_HISTORY = 5

const costSchema = z.strictObject({ N: z.int().min(2).max(2 ** 20), r: z.int().min(1).max(32), p: z.int().min(1).max(16) })
/** scrypt's parameters, RFC 7914. */
export type PasswordCost = z.infer<typeof costSchema>

/** 32 MiB and three passes: one of the choices of OWASP's cheat sheet, fit for collectors of 4 GB. */
export const PASSWORD_COST: PasswordCost = { N: 2 ** 15, r: 8, p: 3 }
const MOST_MEMORY_BYTES = 256 * 2 ** 20
const KEY_BYTES = 32

/** Why a password cannot be taken, as one Chinese sentence; undefined: it can. */
export function passwordFault(password: string, user: string): string | undefined {
  const characters = Array.from(password)
  if (characters.length < PASSWORD_LENGTH) return `密码至少 ${PASSWORD_LENGTH} 个字符`
  if (characters.length > PASSWORD_LONGEST) return `密码至多 ${PASSWORD_LONGEST} 个字符`
  const classes = [/\p{Ll}/u, /\p{Lu}/u, /\p{Nd}/u, /[^\p{Ll}\p{Lu}\p{Nd}]/u].filter((one) => one.test(password)).length
  if (classes < PASSWORD_CLASSES) return `密码须含小写字母、大写字母、数字、其他字符中的至少 ${PASSWORD_CLASSES} 类`
  if (password.toLowerCase().includes(user.toLowerCase())) return '密码不能包含用户名'
  if (new Set(characters).size < 5) return '密码中不同的字符太少'
  return undefined
}

/** Hashes with these parameters and a fresh salt. */
export async function hashPassword(password: string, cost: PasswordCost): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password, salt, cost, KEY_BYTES)
  return `scrypt$${cost.N}$${cost.r}$${cost.p}$${salt.toString('base64')}$${key.toString('base64')}`
}

/** Whether the password is the one of that hash. Throws on a hash that is none of ours. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [scheme, N, r, p, salt, hash] = stored.split('$')
  if (scheme !== 'scrypt' || salt === undefined || hash === undefined) throw new Error('access: unknown password hash')
  const expected = Buffer.from(hash, 'base64')
  const parameters = costSchema.parse({ N: Number(N), r: Number(r), p: Number(p) })
  if (expected.length < 16) throw new Error('access: unknown password hash')
  return timingSafeEqual(await derive(password.slice(0, PASSWORD_LONGEST * 2), Buffer.from(salt, 'base64'), parameters, expected.length), expected)
}

function derive(password: string, salt: Buffer, cost: PasswordCost, bytes: number): Promise<Buffer> {
  // The same letters typed on two keyboards must be the same password.
  const text = password.normalize('NFKC')
  return new Promise((resolve, reject) => {
    scrypt(text, salt, bytes, { ...cost, maxmem: MOST_MEMORY_BYTES }, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

/** Letters and digits that nobody confuses on paper. */
const oneTimeAlphabets = ['abcdefghjkmnpqrstuvwxyz', 'ABCDEFGHJKMNPQRSTUVWXYZ', '23456789'] as const

/** A random one-time password that meets the rules: 20 characters of three classes, about 115 bits. */
export function oneTimePassword(): string {
  const all = oneTimeAlphabets.join('')
  for (;;) {
    const password = Array.from({ length: 20 }, () => all.charAt(randomInt(all.length))).join('')
    if (passwordFault(password, '\u0000') === undefined) return password
  }
}
