/**
 * How an SMS is billed: 70 characters alone, 67 each where it takes several, the signature 【…】 included. Characters are
 * UTF-16 units, as UCS-2 counts them. Pure.
 */
const ALONE = 70
const EACH = 67

/** Segments that a text is billed as, its signature included; at least one. */
export function segmentsOf(text: string): number {
  return text.length <= ALONE ? 1 : Math.ceil(text.length / EACH)
}

/** The longest beginning that is billed as at most `most` segments, never half a character; cut texts end in …. */
export function cutToSegments(text: string, most: number): string {
  return cutTo(text, roomOf(most))
}

const roomOf = (segments: number): number => (segments <= 1 ? ALONE : segments * EACH)

function cutTo(text: string, room: number): string {
  if (text.length <= room) return text
  let kept = ''
  for (const char of text) {
    if (kept.length + char.length > room - 1) break
    kept += char
  }
  return `${kept}…`
}

/** What an SMS says, in the order of what matters. See `Rendered`. */
export interface SmsWords {
  readonly brief: string
  readonly answer: string
  readonly more: readonly string[]
}

/**
 * A text under a signature: `billed` is what people see, `content` what the gateway is given. Where not all has room, the
 * sentence is cut before the answer is, and what would follow is left out.
 */
export function signedText({ brief, answer, more }: SmsWords, signature: string | undefined, byGateway: boolean, mostSegments: number): { readonly content: string; readonly billed: string } {
  const opening = signature === undefined ? '' : `【${signature}】`
  const ending = answer === '' ? '' : ` ${plain(answer)}`
  let billed = `${cutTo(`${opening}${plain(brief)}`, roomOf(mostSegments) - ending.length)}${ending}`
  for (const piece of more) {
    const longer = `${billed} ${plain(piece)}`
    if (longer.length > roomOf(mostSegments)) break
    billed = longer
  }
  return { content: byGateway ? billed.slice(opening.length) : billed, billed }
}

/** On one line; a bracketed word of our own would be taken for a second signature. */
const plain = (text: string): string => text.replaceAll('【', '[').replaceAll('】', ']').replaceAll(/[\p{Cc}\s]+/gu, ' ').trim()
