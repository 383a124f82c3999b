/**
 * PromQL's quoted strings: Go's escapes inside '' and "", raw text inside ``.
 *
 * An escape may name a byte that is not UTF-8 (`"\xff"`). JavaScript strings cannot hold it, so it becomes the lone
 * surrogate U+DC00 + byte, as Python's surrogateescape does: such a string is not well-formed and never equals a real label.
 */

const simple = new Map([['a', 7], ['b', 8], ['f', 12], ['n', 10], ['r', 13], ['t', 9], ['v', 11], ['\\', 92], ["'", 39], ['"', 34]])

/** Decodes the text of a string token, quotes included. The lexer has checked its escapes. */
export function unquote(token: string): string {
  const quote = token.charAt(0)
  const body = token.slice(1, -1)
  if (quote === '`' || !body.includes('\\')) return body
  const bytes: number[] = []
  for (let index = 0; index < body.length; ) {
    const codePoint = body.codePointAt(index) ?? 0
    if (codePoint !== 92) {
      bytes.push(...Buffer.from(String.fromCodePoint(codePoint)))
      index += codePoint > 0xffff ? 2 : 1
      continue
    }
    const kind = body.charAt(index + 1)
    const known = simple.get(kind)
    if (known !== undefined) {
      bytes.push(known)
      index += 2
    } else if (kind === 'x' || kind === 'u' || kind === 'U') {
      const length = kind === 'x' ? 2 : kind === 'u' ? 4 : 8
      const value = Number.parseInt(body.slice(index + 2, index + 2 + length), 16)
      if (kind === 'x') bytes.push(value)
      else bytes.push(...Buffer.from(String.fromCodePoint(value)))
      index += 2 + length
    } else {
      bytes.push(Number.parseInt(body.slice(index + 1, index + 4), 8))
      index += 4
    }
  }
  return decode(Buffer.from(bytes))
}

/** UTF-8 text, with each byte that is none as U+DC00 + byte. */
function decode(bytes: Buffer): string {
  const whole = bytes.toString()
  if (!whole.includes('\ufffd')) return whole
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    let length = 1
    for (; length <= 4; length++) {
      const piece = bytes.subarray(at, at + length).toString()
      if (!piece.includes('\ufffd') && piece.length > 0) break
    }
    if (length > 4) {
      text += String.fromCharCode(0xdc00 + (bytes[at] ?? 0))
      at += 1
    } else {
      text += bytes.subarray(at, at + length).toString()
      at += length
    }
  }
  return text
}

const escapes = new Map([[7, '\\a'], [8, '\\b'], [12, '\\f'], [10, '\\n'], [13, '\\r'], [9, '\\t'], [11, '\\v'], [92, '\\\\'], [34, '\\"']])

/** The text in double quotes as Go's strconv.Quote prints it: printable characters as they are. */
export function quote(text: string): string {
  let out = '"'
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    const escape = escapes.get(code)
    if (escape !== undefined) out += escape
    else if (code >= 0xdc80 && code <= 0xdcff) out += `\\x${(code - 0xdc00).toString(16)}`
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`
    else out += /[\p{C}\p{Zl}\p{Zp}]/u.test(character) || (/\p{Zs}/u.test(character) && character !== ' ') ? unicodeEscape(code) : character
  }
  return `${out}"`
}

function unicodeEscape(code: number): string {
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** One character in single quotes, as Go's %q prints a rune. */
export function quoteRune(character: string): string {
  return character === "'" ? "'\\''" : `'${quote(character).slice(1, -1).replace('\\"', '"')}'`
}
