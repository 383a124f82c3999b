/** Tokens of Go's text/template (text/template/parse/lex.go). Offsets are UTF-16 units into the template's text. */
export type TokenKind =
  | 'text' | 'left' | 'right' | 'identifier' | 'keyword' | 'field' | 'variable' | 'dot' | 'number' | 'string' | 'char'
  | 'bool' | 'nil' | 'pipe' | 'open' | 'close' | 'assign' | 'declare' | 'comma' | 'space' | 'end'

export interface Token {
  readonly kind: TokenKind
  readonly text: string
  readonly at: number
}

/** A template that does not lex or parse; `message` is Go's, without its `template: NAME:LINE:` prefix. */
export class TemplateSyntaxError extends Error {
  override readonly name = 'TemplateSyntaxError'
  readonly at: number
  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

const keywords = new Set(['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'range', 'template', 'with'])

/** Splits a template into text and the tokens inside `{{ }}`; `{{-` and `-}}` have already trimmed the text around them. */
export function lex(text: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 0
  let trimNext = false
  for (;;) {
    const open = text.indexOf('{{', at)
    let piece = text.slice(at, open < 0 ? text.length : open)
    let start = at
    if (trimNext) {
      const trimmed = piece.replace(/^[ \t\r\n]+/, '')
      start += piece.length - trimmed.length
      piece = trimmed
    }
    if (open < 0) {
      if (piece !== '') tokens.push({ kind: 'text', text: piece, at: start })
      tokens.push({ kind: 'end', text: '', at: text.length })
      return tokens
    }
    const trimBefore = text.charAt(open + 2) === '-' && isSpace(text.charAt(open + 3))
    if (trimBefore) piece = piece.replace(/[ \t\r\n]+$/, '')
    if (piece !== '') tokens.push({ kind: 'text', text: piece, at: start })
    const inside = open + 2 + (trimBefore ? 2 : 0)
    const after = text.startsWith('/*', inside) ? skipComment(text, inside) : lexAction(text, open, inside, tokens)
    at = after.at
    trimNext = after.trim
  }
}

interface After {
  readonly at: number
  readonly trim: boolean
}

function skipComment(text: string, at: number): After {
  const close = text.indexOf('*/', at)
  if (close < 0) throw new TemplateSyntaxError('unclosed comment', at)
  const end = rightDelimiter(text, close + 2)
  if (end === undefined) throw new TemplateSyntaxError('comment ends before closing delimiter', close)
  return end
}

/** `}}`, or a space (already part of the lexed text), `-}}`: what ends an action here. */
function rightDelimiter(text: string, at: number): After | undefined {
  if (text.startsWith('}}', at)) return { at: at + 2, trim: false }
  if (isSpace(text.charAt(at)) && text.startsWith('-}}', at + 1)) return { at: at + 4, trim: true }
  return undefined
}

const number = /[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*)?\.?\d[\d_]*\.?(?:[eE][+-]?\d+)?)/y
const word = /[\p{L}\p{Nd}_]+/uy

function lexAction(text: string, open: number, from: number, tokens: Token[]): After {
  tokens.push({ kind: 'left', text: '{{', at: open })
  let depth = 0
  let at = from
  const push = (kind: TokenKind, length: number): void => {
    tokens.push({ kind, text: text.slice(at, at + length), at })
    at += length
  }
  for (;;) {
    const end = rightDelimiter(text, at)
    if (end !== undefined) {
      if (depth > 0) throw new TemplateSyntaxError('unclosed left paren', at)
      tokens.push({ kind: 'right', text: '}}', at })
      return end
    }
    const char = text.charAt(at)
    if (char === '') throw new TemplateSyntaxError('unclosed action', at)
    if (isSpace(char)) {
      let length = 1
      while (isSpace(text.charAt(at + length)) && rightDelimiter(text, at + length) === undefined) length++
      push('space', length)
    } else if (char === '"') push('string', quotedLength(text, at, '"', 'unterminated quoted string'))
    else if (char === '`') push('string', rawLength(text, at))
    else if (char === "'") push('char', quotedLength(text, at, "'", 'unterminated character constant'))
    else if (text.startsWith(':=', at)) push('declare', 2)
    else if (char === ':') throw new TemplateSyntaxError('expected :=', at)
    else if (char === '=') push('assign', 1)
    else if (char === '|') push('pipe', 1)
    else if (char === ',') push('comma', 1)
    else if (char === '(') {
      depth++
      push('open', 1)
    } else if (char === ')') {
      depth--
      if (depth < 0) throw new TemplateSyntaxError('unexpected right paren', at)
      push('close', 1)
    } else if (char === '$') push('variable', 1 + wordLength(text, at + 1))
    else if (char === '.' && !/\d/.test(text.charAt(at + 1))) lexField(text, at, push)
    else if (/[\d.+-]/.test(char)) push('number', numberLength(text, at))
    else lexWord(text, at, push)
  }
}

function lexField(text: string, at: number, push: (kind: TokenKind, length: number) => void): void {
  const length = wordLength(text, at + 1)
  if (length === 0) push('dot', 1)
  else push('field', 1 + length)
}

function lexWord(text: string, at: number, push: (kind: TokenKind, length: number) => void): void {
  const length = wordLength(text, at)
  if (length === 0) throw new TemplateSyntaxError(`unexpected ${describeCharacter(text, at)} in command`, at)
  const name = text.slice(at, at + length)
  const next = text.charAt(at + length)
  if (next !== '' && !isSpace(next) && !'.,|:)(}='.includes(next)) {
    throw new TemplateSyntaxError(`bad character ${describeCharacter(text, at + length)}`, at + length)
  }
  if (keywords.has(name)) push('keyword', length)
  else if (name === 'true' || name === 'false') push('bool', length)
  else push(name === 'nil' ? 'nil' : 'identifier', length)
}

function describeCharacter(text: string, at: number): string {
  const code = text.codePointAt(at) ?? 0
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')} '${String.fromCodePoint(code)}'`
}

function wordLength(text: string, at: number): number {
  word.lastIndex = at
  return word.exec(text)?.[0].length ?? 0
}

function numberLength(text: string, at: number): number {
  number.lastIndex = at
  const found = number.exec(text)?.[0] ?? ''
  const rest = wordLength(text, at + found.length)
  if (found === '' || rest > 0) throw new TemplateSyntaxError(`bad number syntax: "${text.slice(at, at + found.length + Math.max(rest, 1))}"`, at)
  return found.length
}

function quotedLength(text: string, at: number, quote: string, complaint: string): number {
  for (let index = at + 1; index < text.length; index++) {
    const char = text.charAt(index)
    if (char === '\\') index++
    else if (char === '\n') break
    else if (char === quote) return index + 1 - at
  }
  throw new TemplateSyntaxError(complaint, at)
}

function rawLength(text: string, at: number): number {
  const close = text.indexOf('`', at + 1)
  if (close < 0) throw new TemplateSyntaxError('unterminated raw quoted string', at)
  return close + 1 - at
}

function isSpace(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\r' || char === '\n'
}
