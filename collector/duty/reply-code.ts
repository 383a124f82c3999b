/** Short codes for answering an SMS. Pure: storage (ack-storage.ts) keeps them and draws the random number. */

/** Digits of a code: few enough to type at night, with tries limited and the sender's number checked. */
export const CODE_DIGITS = 4
const CODES = 10 ** CODE_DIGITS

/**
 * A code that no live one has, from one random number in [0, 1): the place is random, a taken one moves on to the next
 * free. undefined when all are taken.
 */
export function freeCode(taken: ReadonlySet<string>, random: number): string | undefined {
  const start = Math.floor(random * CODES) % CODES
  for (let offset = 0; offset < CODES; offset++) {
    const code = String((start + offset) % CODES).padStart(CODE_DIGITS, '0')
    if (!taken.has(code)) return code
  }
  return undefined
}

/**
 * The code in an answer as people type it: full-width digits, a word before or after it, spaces. Exactly one run of that
 * many digits must be there; anything else is no answer, and says so to the sender rather than guess.
 */
export function codeInReply(text: string): string | undefined {
  const plain = text.slice(0, 500).normalize('NFKC')
  const runs = [...plain.matchAll(/\d+/g)].map(([digits]) => digits).filter((digits) => digits.length === CODE_DIGITS)
  return new Set(runs).size === 1 ? runs[0] : undefined
}

/** A number as gateways deliver it, for comparing: digits only, without +86 or 0086. */
export function plainNumber(phone: string): string {
  return phone.replace(/\D/g, '').replace(/^(?:00)?86(?=1\d{10}$)/, '')
}
