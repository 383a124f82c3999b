/**
 * PromQL's parser: precedence climbing over the lexer's tokens, then the checks of check.ts.
 *
 * `offset`, `@` and `[…]` bind tighter than any operator and than a sign, as in Prometheus's grammar
 * (promql/parser/generated_parser.y): `-x @ 100` is `-(x @ 100)`, `-1 ^ 2` is `-(1 ^ 2)`.
 */
import { check } from './check.ts'
import { ParseError } from './errors.ts'
import { parseArguments, parseGrouping } from './parse-lists.ts'
import { parseModifiers } from './parse-modifiers.ts'
import { Reader } from './reader.ts'
import { parseSelector, selectorStarts } from './parse-selector.ts'
import { aggregators, describe, type Token } from './lex.ts'
import { parseDuration, parseNumber } from './numbers.ts'
import { experimentalAggregators, signatures } from './signatures.ts'
import { unquote } from './strings.ts'
import type { Aggregate, Aggregator, BinaryOperator, Call, Expr, Matching } from './syntax.ts'

export interface ParseOptions {
  /** Also accept what Prometheus keeps behind `--enable-feature=promql-experimental-functions`. Default false. */
  readonly experimental?: boolean
}

/** Left and right binding power of each binary operator; only `^` binds to the right. */
const powers: ReadonlyMap<string, readonly [BinaryOperator, number]> = new Map([
  ['or', ['or', 1]], ['and', ['and', 2]], ['unless', ['unless', 2]],
  ['==', ['==', 3]], ['!=', ['!=', 3]], ['<', ['<', 3]], ['<=', ['<=', 3]], ['>', ['>', 3]], ['>=', ['>=', 3]],
  ['+', ['+', 4]], ['-', ['-', 4]],
  ['*', ['*', 5]], ['/', ['/', 5]], ['%', ['%', 5]], ['atan2', ['atan2', 5]],
  ['^', ['^', 6]],
])

const signPower = 6

/** Deepest nesting of parentheses, signs and operators: far above any real query, far below the stack's end. */
const deepest = 400

/** Most operators in one query: `a + b + …` nests to the left, and every walk over the tree goes that deep. */
const mostOperators = 2_000

/**
 * Parses a query and checks its types. Throws ParseError with Prometheus's text and position.
 * The tree can be evaluated any number of times.
 */
export function parse(text: string, options: ParseOptions = {}): Expr {
  const reader = new Reader(text)
  const parser = new Parser(reader, options.experimental === true)
  if (reader.peek().kind === 'eof') throw new ParseError(text, 0, 0, 'no expression found in input')
  const expr = parser.expression(0)
  if (reader.peek().kind !== 'eof') reader.unexpected('', '')
  check(expr)
  return expr
}

class Parser {
  readonly #reader: Reader
  readonly #experimental: boolean
  #depth = 0
  #operators = 0

  constructor(reader: Reader, experimental: boolean) {
    this.#reader = reader
    this.#experimental = experimental
  }

  /** Parses operands joined by operators that bind at least as tightly as `power`. */
  expression(power: number): Expr {
    const reader = this.#reader
    this.#depth += 1
    if (this.#depth > deepest) reader.fail(reader.peek(), 'expression nested too deeply')
    let left = this.#operand()
    for (;;) {
      const entry = powers.get(reader.peek().kind)
      if (entry === undefined || entry[1] < power) break
      left = this.#binary(left, ...entry)
    }
    this.#depth -= 1
    return left
  }

  #binary(left: Expr, op: BinaryOperator, power: number): Expr {
    const reader = this.#reader
    this.#operators += 1
    if (this.#operators > mostOperators) reader.fail(reader.peek(), `more than ${mostOperators} operators`)
    reader.next()
    const bool = reader.take('bool') !== undefined
    const matching = this.#matching(op)
    const right = this.expression(op === '^' ? power : power + 1)
    return { kind: 'binary', op, left, right, bool, matching, span: reader.span(left.span.start, right.span.end) }
  }

  #matching(op: BinaryOperator): Matching {
    const reader = this.#reader
    const set = op === 'and' || op === 'or' || op === 'unless'
    const plain = set ? 'many-to-many' : 'one-to-one'
    const word = reader.take('on') ?? reader.take('ignoring')
    if (word === undefined) return { card: plain, on: false, labels: [], include: [] }
    const on = word.kind === 'on'
    const labels = parseGrouping(reader)
    const group = reader.take('group_left') ?? reader.take('group_right')
    if (group === undefined) return { card: plain, on, labels, include: [] }
    const include = reader.peek().kind === '(' ? parseGrouping(reader) : []
    return { card: group.kind === 'group_left' ? 'many-to-one' : 'one-to-many', on, labels, include }
  }

  /** An operand with what follows it: ranges, offset, @. A sign takes its operand first. */
  #operand(): Expr {
    const reader = this.#reader
    const token = reader.peek()
    if (token.kind === '+' || token.kind === '-') return this.#signed(reader.next())
    return parseModifiers(reader, this.#primary(token))
  }

  #signed(sign: Token): Expr {
    const expr = this.expression(signPower)
    const op = sign.kind === '-' ? '-' : '+'
    const span = this.#reader.span(sign.start, expr.span.end)
    if (expr.kind === 'number') return { ...expr, value: op === '-' ? -expr.value : expr.value, span }
    return { kind: 'unary', op, expr, span }
  }

  #primary(token: Token): Expr {
    const reader = this.#reader
    switch (token.kind) {
      case '(':
        return this.#paren(reader.next())
      case 'number':
      case 'duration':
        return this.#number(reader.next())
      case 'string':
        reader.next()
        return { kind: 'string', value: unquote(token.text), span: reader.span(token.start, token.end) }
      default:
        break
    }
    const after = reader.peek(1).kind
    if (aggregators.has(token.kind)) {
      if (after === '(' || after === 'by' || after === 'without') return this.#aggregate(reader.next())
      if (!reader.endsOperand(reader.peek(1))) {
        reader.next()
        reader.unexpected('aggregation', '')
      }
    }
    if (after === '(' && (token.kind === 'identifier' || token.kind === 'start' || token.kind === 'end')) return this.#call(reader.next())
    if (selectorStarts(token)) return parseSelector(reader)
    return reader.unexpected('', '')
  }

  #paren(open: Token): Expr {
    const expr = this.expression(0)
    const close = this.#reader.expect(')', '', '')
    return { kind: 'paren', expr, span: this.#reader.span(open.start, close.end) }
  }

  #number(token: Token): Expr {
    const span = this.#reader.span(token.start, token.end)
    if (token.kind === 'duration') {
      const ms = parseDuration(token.text)
      if (typeof ms === 'string') return this.#reader.fail(token, ms)
      return { kind: 'number', value: ms / 1000, duration: true, span }
    }
    const value = parseNumber(token.text)
    if (value !== undefined) return { kind: 'number', value, duration: false, span }
    const reason = Number.isNaN(Number(token.text)) ? 'invalid syntax' : 'value out of range'
    return this.#reader.fail(token, `error parsing number: strconv.ParseFloat: parsing "${token.text}": ${reason}`)
  }

  #arguments(): readonly Expr[] {
    return parseArguments(this.#reader, () => this.expression(0))
  }

  #call(name: Token): Call {
    const reader = this.#reader
    const known = signatures.get(name.text)
    const args = this.#arguments()
    if (known === undefined) reader.fail(name, `unknown function with name "${name.text}"`)
    if (known?.experimental === true && !this.#experimental) reader.fail(name, `function "${name.text}" is not enabled`)
    return { kind: 'call', name: name.text, args, span: reader.span(name.start, reader.lastEnd()) }
  }

  #aggregate(word: Token): Aggregate {
    const reader = this.#reader
    let modifier = this.#modifier()
    const args = this.#arguments()
    if (modifier === undefined) modifier = this.#modifier()
    const op = aggregatorOf(word)
    const span = reader.span(word.start, reader.lastEnd())
    if (args.length === 0) reader.failSpan(span, 'no arguments for aggregate expression provided')
    if (experimentalAggregators.has(op) && !this.#experimental) {
      reader.failSpan(span, `${op}() is experimental and must be enabled with --enable-feature=promql-experimental-functions`)
    }
    const wanted = takesParameter(op) ? 2 : 1
    if (args.length !== wanted) {
      reader.failSpan(span, `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`)
    }
    const [first, second] = args
    const expr = second ?? first
    if (expr === undefined) return reader.unexpected('aggregation', '')
    const { grouping, without } = modifier ?? { grouping: [], without: false }
    return { kind: 'aggregate', op, expr, param: second === undefined ? undefined : first, grouping, without, span }
  }

  #modifier(): { grouping: readonly string[]; without: boolean } | undefined {
    const word = this.#reader.take('by') ?? this.#reader.take('without')
    return word === undefined ? undefined : { grouping: parseGrouping(this.#reader), without: word.kind === 'without' }
  }
}

function takesParameter(op: Aggregator): boolean {
  return op === 'topk' || op === 'bottomk' || op === 'limitk' || op === 'quantile' || op === 'count_values'
}

const aggregatorNames = [
  'sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar', 'topk', 'bottomk', 'limitk', 'quantile', 'count_values',
] as const satisfies readonly Aggregator[]

function aggregatorOf(token: Token): Aggregator {
  const op = aggregatorNames.find((name) => name === token.kind)
  if (op === undefined) throw new Error(`promql: ${describe(token)} is no aggregation`)
  return op
}
