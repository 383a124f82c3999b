import type { Labels } from '../../protocol/series.ts'

/**
 * Label sets as Alertmanager prints, orders and hashes them, so that fingerprints and group keys are the same text on
 * both sides. Sources: prometheus/common `model/labelset.go`, `model/fnv.go`, `model/signature.go`.
 */

const PRIME_LOW = 0x01b3
const OFFSET_HIGH = 0xcbf29ce4
const OFFSET_LOW = 0x84222325
const encoder = new TextEncoder()

/** FNV-1a, 64 bits, over names and values in name order, each ended by a byte 255: 16 hex digits. '' counts as absent. */
export function fingerprintOf(labels: Labels): string {
  let high = OFFSET_HIGH
  let low = OFFSET_LOW
  const add = (byte: number): void => {
    low = (low ^ byte) >>> 0
    // The prime is 2^40 + 0x1b3: a shift of the low half into the high one, and a small product with its carry.
    const product = low * PRIME_LOW
    const carry = Math.floor(product / 0x1_0000_0000)
    high = (Math.imul(high, PRIME_LOW) + carry + (low << 8)) >>> 0
    low = product >>> 0
  }
  for (const name of Object.keys(labels).sort()) {
    const value = labels[name]
    if (value === undefined || value === '') continue
    for (const byte of encoder.encode(name)) add(byte)
    add(255)
    for (const byte of encoder.encode(value)) add(byte)
    add(255)
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
}

/** `{a="b", c="d"}`, the pairs ordered as whole texts and values quoted as Go does. */
export function labelSetText(labels: Labels): string {
  return `{${Object.entries(labels).filter(([, value]) => value !== '').map(([name, value]) => `${name}=${goQuote(value)}`).sort(byCodePoint).join(', ')}}`
}

/** Go's strconv.Quote: printable runes as they are, the rest escaped. */
export function goQuote(text: string): string {
  let quoted = ''
  for (const character of text) quoted += SHORT.get(character) ?? (PRINTABLE.test(character) ? character : escaped(character.codePointAt(0) ?? 0))
  return `"${quoted}"`
}

const SHORT = new Map([['"', '\\"'], ['\\', '\\\\'], ['\u0007', '\\a'], ['\b', '\\b'], ['\f', '\\f'], ['\n', '\\n'], ['\r', '\\r'], ['\t', '\\t'], ['\v', '\\v']])
/** Go's unicode.IsPrint: letters, marks, numbers, punctuation, symbols, and the plain space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u

function escaped(code: number): string {
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
  return code < 0x1_0000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
}

/** Order of code points, which is the order of UTF-8 bytes, as Go compares texts. */
export function byCodePoint(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const one = a.charCodeAt(index)
    const other = b.charCodeAt(index)
    if (one === other) continue
    const surrogates = Number(one >= 0xd800 && one <= 0xdfff) - Number(other >= 0xd800 && other <= 0xdfff)
    // A surrogate pair stands for a code point above every other one.
    return surrogates === 0 ? one - other : surrogates
  }
  return a.length - b.length
}

/** model.LabelSet.Before as an order: fewer labels first, then by the first name (in order) in which they differ. */
export function compareLabelSets(a: Labels, b: Labels): number {
  const ofA = Object.keys(a)
  const ofB = Object.keys(b)
  if (ofA.length !== ofB.length) return ofA.length - ofB.length
  for (const name of [...new Set([...ofA, ...ofB])].sort(byCodePoint)) {
    const one = a[name]
    const other = b[name]
    if (one === undefined) return -1
    if (other === undefined) return 1
    const order = byCodePoint(one, other)
    if (order !== 0) return order
  }
  return 0
}
