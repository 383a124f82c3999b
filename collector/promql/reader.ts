import { ParseError } from './errors.ts'
import { describe, lex, type Token } from './lex.ts'
import type { Span } from './syntax.ts'

/** What may follow a finished operand; used to tell a metric named `sum` from a broken aggregation. */
const followers: ReadonlySet<string> = new Set([
  'eof', ')', ',', ']', '{', '[', '@', 'offset', 'and', 'or', 'unless', 'atan2',
  '+', '-', '*', '/', '%', '^', '==', '!=', '<', '<=', '>', '>=', 'error',
])

/** The parser's place in the tokens, and its complaints. */
export class Reader {
  readonly text: string
  readonly #tokens: readonly Token[]
  #at = 0
  #lastEnd = 0

  constructor(text: string) {
    this.text = text
    this.#tokens = lex(text)
  }

  /** The token `ahead` of the next one. Throws the lexer's complaint when the next token is one. */
  peek(ahead = 0): Token {
    const token = this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]
    if (token === undefined) throw new Error('promql: no tokens')
    if (ahead === 0 && token.kind === 'error') throw new ParseError(this.text, token.start, token.end, token.text)
    return token
  }

  next(): Token {
    const token = this.peek()
    if (this.#at < this.#tokens.length - 1) this.#at += 1
    this.#lastEnd = token.end
    return token
  }

  /** The next token if it is of that kind. */
  take(kind: string): Token | undefined {
    return this.peek().kind === kind ? this.next() : undefined
  }

  expect(kind: string, context: string, expected: string): Token {
    return this.take(kind) ?? this.unexpected(context, expected)
  }

  endsOperand(token: Token): boolean {
    return followers.has(token.kind)
  }

  /** End of the last token taken. */
  lastEnd(): number {
    return this.#lastEnd
  }

  span(start: number, end: number): Span {
    return { text: this.text, start, end }
  }

  fail(token: Token, detail: string): never {
    throw new ParseError(this.text, token.start, token.end, detail)
  }

  failSpan(span: Span, detail: string): never {
    throw new ParseError(this.text, span.start, span.end, detail)
  }

  /** Complains about the next token: `unexpected <by> in grouping opts, expected "("`. */
  unexpected(context: string, expected: string): never {
    const token = this.peek()
    const where = context === '' ? '' : ` in ${context}`
    const wish = expected === '' ? '' : `, expected ${expected}`
    return this.fail(token, `unexpected ${describe(token)}${where}${wish}`)
  }
}
