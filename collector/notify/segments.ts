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
  const room = most <= 1 ? ALONE : most * EACH
  if (text.length <= room) return text
  let kept = ''
  for (const char of text) {
    if (kept.length + char.length > room - 1) break
    kept += char
  }
  return `${kept}…`
}

/** A text under a signature: `billed` is what people see, `content` what the gateway is given. */
export function signedText(brief: string, signature: string | undefined, byGateway: boolean, mostSegments: number): { readonly content: string; readonly billed: string } {
  const opening = signature === undefined ? '' : `【${signature}】`
  // A bracketed word of our own would be taken for a second signature.
  const plain = brief.replaceAll('【', '[').replaceAll('】', ']').replaceAll(/[\p{Cc}\s]+/gu, ' ').trim()
  const billed = cutToSegments(`${opening}${plain}`, mostSegments)
  return { content: byGateway ? billed.slice(opening.length) : billed, billed }
}
