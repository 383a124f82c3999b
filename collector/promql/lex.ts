/**
 * PromQL's lexer. Punctuation, operators and keywords are their own kind (`(`, `==`, `by`, `sum`); a mistake becomes one
 * last token of kind `error`, which the parser reports when it gets there, as Prometheus does.
 *
 * Source of the grammar and of the texts: prometheus promql/parser/lex.go.
 */
import { quote, quoteRune } from './strings.ts'

export interface Token {
  /** `number`, `duration`, `string`, `identifier`, `metric` (an identifier with a colon), `eof`, `error`, or itself in lower case. */
  readonly kind: string
  /** As written; for `error` what is wrong. */
  readonly text: string
  readonly start: number
  readonly end: number
}

export const aggregators: ReadonlySet<string> = new Set([
  'sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar', 'topk', 'bottomk', 'limitk', 'quantile', 'count_values',
])

const wordOperators: ReadonlySet<string> = new Set(['and', 'or', 'unless', 'atan2'])

const keywords: ReadonlySet<string> = new Set([
  'bool', 'by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'offset', 'start', 'end',
])

const operators: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%', '^', '==', '!=', '<', '<=', '>', '>=', '=~', '!~', '@'])

/** Splits a query into tokens; comments are left out. */
export function lex(text: string): readonly Token[] {
  const tokens: Token[] = []
  const lexer = new Lexer(text, tokens)
  lexer.run()
  return tokens
}

/** How a message names a token: `<op:*>`, `<by>`, `<aggr:sum>`, `identifier "x"`, `end of input`. */
export function describe(token: Token): string {
  const { kind, text } = token
  if (kind === 'eof') return 'end of input'
  if (kind === 'error') return text
  if (kind === 'identifier') return `identifier ${quote(text)}`
  if (kind === 'metric') return `metric identifier ${quote(text)}`
  if (aggregators.has(kind)) return `<aggr:${text}>`
  if (keywords.has(kind)) return `<${text}>`
  if (operators.has(kind) || wordOperators.has(kind)) return `<op:${text}>`
  const shown = text.length > 10 ? `${quote(text.slice(0, 10))}...` : quote(text)
  return kind === 'number' || kind === 'string' || kind === 'duration' ? `${kind} ${shown}` : shown
}

class Stop extends Error {}

class Lexer {
  readonly #text: string
  readonly #tokens: Token[]
  #at = 0
  #parens = 0
  #inBraces = false
  #inBrackets = false
  #colonSeen = false

  constructor(text: string, tokens: Token[]) {
    this.#text = text
    this.#tokens = tokens
  }

  run(): void {
    try {
      while (this.#next()) continue
    } catch (error) {
      if (!(error instanceof Stop)) throw error
    }
  }

  /** Reads one token; false after the last. */
  #next(): boolean {
    this.#skip()
    if (this.#at >= this.#text.length) return this.#finish()
    if (this.#inBraces) this.#insideBraces()
    else this.#outside()
    return true
  }

  #skip(): void {
    const blank = /[ \t\r\n]*(#[^\n\r]*[ \t\r\n]*)*/y
    blank.lastIndex = this.#at
    blank.exec(this.#text)
    this.#at = blank.lastIndex
  }

  #finish(): false {
    if (this.#inBraces) this.#fail('unexpected end of input inside braces')
    if (this.#parens !== 0) this.#fail('unclosed left parenthesis')
    if (this.#inBrackets) this.#fail('unclosed left bracket')
    this.#tokens.push({ kind: 'eof', text: '', start: this.#at, end: this.#at })
    return false
  }

  #emit(kind: string, length: number): void {
    const start = this.#at
    this.#at += length
    this.#tokens.push({ kind, text: this.#text.slice(start, this.#at), start, end: this.#at })
  }

  #fail(detail: string, start = this.#at): never {
    this.#tokens.push({ kind: 'error', text: detail, start, end: this.#text.length })
    throw new Stop()
  }

  /** The character `ahead` of the next one; '' at the end. */
  #peek(ahead = 0): string {
    const code = this.#text.codePointAt(this.#at + ahead)
    return code === undefined ? '' : String.fromCodePoint(code)
  }

  #outside(): void {
    const first = this.#peek()
    if (/\d/.test(first) || (first === '.' && /\d/.test(this.#peek(1)))) return this.#number()
    if (first === '"' || first === "'" || first === '`') return this.#string(first)
    if (/[a-zA-Z_:]/.test(first)) return this.#inBrackets ? this.#inBracket(first) : this.#word()
    switch (first) {
      case '(':
        this.#parens += 1
        return this.#emit('(', 1)
      case ')':
        this.#parens -= 1
        if (this.#parens < 0) this.#fail("unexpected right parenthesis ')'", this.#at + 1)
        return this.#emit(')', 1)
      case '{':
        this.#inBraces = true
        return this.#emit('{', 1)
      case '[':
        if (this.#inBrackets) this.#fail("unexpected left bracket '['")
        this.#inBrackets = true
        this.#colonSeen = false
        return this.#emit('[', 1)
      case ']':
        if (!this.#inBrackets) this.#fail("unexpected right bracket ']'")
        this.#inBrackets = false
        return this.#emit(']', 1)
      default:
        return this.#operator(first)
    }
  }

  #operator(first: string): void {
    const two = first + this.#peek(1)
    if (two === '==' || two === '!=' || two === '<=' || two === '>=') return this.#emit(two, 2)
    if (two === '=~') this.#fail("unexpected character after '=': '~'")
    if (first === '!') this.#fail(`unexpected character after '!': ${runeText(this.#peek(1))}`)
    if (first !== '' && ',+-*/%^=<>@'.includes(first)) return this.#emit(first, 1)
    this.#fail(`unexpected character: ${runeText(first)}`)
  }

  #inBracket(first: string): void {
    if (first !== ':') this.#fail(`unexpected character: ${runeText(first)}, expected ':'`)
    if (this.#colonSeen) this.#fail("unexpected colon ':'")
    this.#colonSeen = true
    this.#emit(':', 1)
  }

  #insideBraces(): void {
    const first = this.#peek()
    const two = first + this.#peek(1)
    if (/[a-zA-Z_]/.test(first)) return this.#emit('identifier', this.#match(/[a-zA-Z0-9_]+/y))
    if (first === '"' || first === "'" || first === '`') return this.#string(first)
    if (two === '=~' || two === '!~' || two === '!=') return this.#emit(two, 2)
    if (first === '=' || first === ',') return this.#emit(first, 1)
    if (first === '!') this.#fail(`unexpected character after '!' inside braces: ${runeText(this.#peek(1))}`)
    if (first === '{') this.#fail("unexpected left brace '{'")
    if (first !== '}') this.#fail(`unexpected character inside braces: ${runeText(first)}`)
    this.#inBraces = false
    this.#emit('}', 1)
  }

  #match(pattern: RegExp): number {
    pattern.lastIndex = this.#at
    return pattern.exec(this.#text)?.[0].length ?? 0
  }

  #word(): void {
    const length = this.#match(/[a-zA-Z0-9_:]+/y)
    const word = this.#text.slice(this.#at, this.#at + length)
    const lower = word.toLowerCase()
    if (lower === 'inf' || lower === 'nan') return this.#emit('number', length)
    if (aggregators.has(lower) || keywords.has(lower) || wordOperators.has(lower)) return this.#emit(lower, length)
    this.#emit(word.includes(':') ? 'metric' : 'identifier', length)
  }

  #number(): void {
    const length = this.#match(/0[xX](_?[0-9a-fA-F])+|(\d(_?\d)*\.?(\d(_?\d)*)?|\.\d(_?\d)*)([eE][+-]?\d(_?\d)*)?/y)
    const after = this.#peek(length)
    if (!/[a-zA-Z0-9_.]/.test(after)) return this.#emit('number', length)
    const digits = this.#match(/[\d.]*[smhdwy]s?(\d+[smhdw]s?)*/y)
    if (digits > 0 && !/[a-zA-Z0-9_]/.test(this.#peek(digits))) return this.#emit('duration', digits)
    const bad = this.#text.slice(this.#at, this.#at + Math.max(length, digits)) + this.#peek(Math.max(length, digits))
    this.#fail(`bad number or duration syntax: ${quote(bad)}`)
  }

  #string(opening: string): void {
    const start = this.#at
    let at = start + 1
    for (;;) {
      const character = this.#text.charAt(at)
      if (character === opening) break
      if (character === '') this.#fail(opening === '`' ? 'unterminated raw string' : 'unterminated quoted string')
      if (character === '\n' && opening !== '`') this.#fail('unterminated quoted string')
      at += character === '\\' && opening !== '`' ? this.#escape(at, opening) : 1
    }
    this.#emit('string', at + 1 - start)
  }

  /** Length of the escape at `at`. */
  #escape(at: number, opening: string): number {
    const kind = this.#text.charAt(at + 1)
    if (kind === '') this.#fail('escape sequence not terminated')
    if ('abfnrtv\\'.includes(kind) || kind === opening) return 2
    const octal = /[0-7]/.test(kind)
    const digits = octal ? 3 : kind === 'x' ? 2 : kind === 'u' ? 4 : kind === 'U' ? 8 : 0
    if (digits === 0) this.#fail(`unknown escape sequence ${codeText(kind)}`)
    const from = at + (octal ? 1 : 2)
    for (let index = from; index < from + digits; index++) {
      const digit = this.#text.charAt(index)
      if (digit === '') this.#fail('escape sequence not terminated')
      if (!(octal ? /[0-7]/ : /[0-9a-fA-F]/).test(digit)) this.#fail(`illegal character ${codeText(digit)} in escape sequence`)
    }
    const value = Number.parseInt(this.#text.slice(from, from + digits), octal ? 8 : 16)
    const highest = octal || kind === 'x' ? 255 : 0x10ffff
    if (value > highest || (value >= 0xd800 && value < 0xe000)) this.#fail('escape sequence is an invalid Unicode code point')
    return from + digits - at
  }
}

/** Go's %q of a rune; the end of input reads as the rune -1, which Go prints as U+FFFD. */
function runeText(character: string): string {
  return character === '' ? "'\ufffd'" : quoteRune(character)
}

/** Go's %#U of a rune: `U+0071 'q'`. */
function codeText(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
  return `U+${code} '${character}'`
}
