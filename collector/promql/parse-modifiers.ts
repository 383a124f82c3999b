/** What may follow an operand: `[5m]`, `[5m:1m]`, `offset 5m`, `@ 100`, `@ start()`. */
import type { Reader } from './reader.ts'
import type { Token } from './lex.ts'
import { parseDuration, parseNumber } from './numbers.ts'
import type { At, Expr, MatrixSelector, Subquery, VectorSelector } from './syntax.ts'

/** More in a row than can mean anything: a range, an offset and an @, and a few mistakes to complain about. */
const mostModifiers = 20

/** Applies every modifier that follows. */
export function parseModifiers(reader: Reader, operand: Expr): Expr {
  let expr = operand
  for (let count = 0; ; count++) {
    const { kind } = reader.peek()
    if (count > mostModifiers) reader.fail(reader.peek(), 'too many modifiers')
    if (kind === '[') expr = parseRange(reader, expr)
    else if (kind === 'offset') expr = parseOffset(reader, expr)
    else if (kind === '@') expr = parseAt(reader, expr)
    else return expr
  }
}

function parseRange(reader: Reader, expr: Expr): Expr {
  const open = reader.next()
  const rangeMs = positive(reader, 'subquery or range', 'duration')
  const colon = reader.take(':')
  if (colon === undefined) return matrix(reader, expr, open, rangeMs)
  const stepMs = reader.peek().kind === ']' ? 0 : positive(reader, 'subquery selector', 'duration or "]"')
  reader.expect(']', 'subquery selector', '"]"')
  const span = reader.span(expr.span.start, reader.lastEnd())
  return { kind: 'subquery', expr, rangeMs, stepMs, offsetMs: 0, at: undefined, span }
}

function matrix(reader: Reader, expr: Expr, open: Token, rangeMs: number): MatrixSelector {
  const close = reader.expect(']', 'subquery or range', '":" or "]"')
  const brackets = reader.span(open.start, close.end)
  if (expr.kind !== 'vector') return reader.failSpan(brackets, 'ranges only allowed for vector selectors')
  if (expr.offsetMs !== 0) return reader.failSpan(brackets, 'no offset modifiers allowed before range')
  if (expr.at !== undefined) return reader.failSpan(brackets, 'no @ modifiers allowed before range')
  return { kind: 'matrix', selector: expr, rangeMs, span: reader.span(expr.span.start, close.end) }
}

/** A sign (-1, 1) and the number or duration token after it. */
function signed(reader: Reader, context: string, expected: string): [number, Token] {
  const sign = reader.take('-') === undefined ? 1 : -1
  if (sign === 1) reader.take('+')
  const token = reader.peek()
  if (token.kind !== 'number' && token.kind !== 'duration') return reader.unexpected(context, expected)
  return [sign, reader.next()]
}

/** Milliseconds of a duration or of a number of seconds. */
function milliseconds(reader: Reader, token: Token): number {
  if (token.kind === 'duration') {
    const ms = parseDuration(token.text)
    return typeof ms === 'string' ? reader.fail(token, ms) : ms
  }
  const seconds = parseNumber(token.text)
  if (seconds === undefined || Math.abs(seconds) >= 9_223_372_036) return reader.fail(token, 'duration out of range')
  return Math.trunc(seconds * 1000)
}

function positive(reader: Reader, context: string, expected: string): number {
  const [sign, token] = signed(reader, context, expected)
  const ms = sign * milliseconds(reader, token)
  return ms > 0 ? ms : reader.fail(token, 'duration must be greater than 0')
}

function parseOffset(reader: Reader, expr: Expr): Expr {
  reader.next()
  const [sign, token] = signed(reader, 'offset', 'number, duration, step(), or range()')
  const offsetMs = sign * milliseconds(reader, token)
  const set = <T extends VectorSelector | Subquery>(node: T): T => {
    if (node.offsetMs !== 0) reader.failSpan(expr.span, 'offset may not be set multiple times')
    return { ...node, offsetMs, span: reader.span(expr.span.start, reader.lastEnd()) }
  }
  return modify(reader, expr, set, 'offset modifier must be preceded by an instant vector selector or range vector selector or a subquery')
}

function parseAt(reader: Reader, expr: Expr): Expr {
  reader.next()
  const at = atTime(reader, expr)
  const set = <T extends VectorSelector | Subquery>(node: T): T => {
    if (node.at !== undefined) reader.failSpan(expr.span, '@ <timestamp> may not be set multiple times')
    return { ...node, at, span: reader.span(expr.span.start, reader.lastEnd()) }
  }
  return modify(reader, expr, set, '@ modifier must be preceded by an instant vector selector or range vector selector or a subquery')
}

function atTime(reader: Reader, expr: Expr): At {
  const word = reader.take('start') ?? reader.take('end')
  if (word !== undefined) {
    reader.expect('(', '@', '"("')
    reader.expect(')', '@', '")"')
    return word.kind === 'start' ? { kind: 'start' } : { kind: 'end' }
  }
  const [sign, token] = signed(reader, '@', 'timestamp')
  if (token.kind === 'duration') return { kind: 'time', ms: sign * milliseconds(reader, token) }
  const seconds = sign * (parseNumber(token.text) ?? NaN)
  if (!(Math.abs(seconds) < 2 ** 63)) {
    reader.failSpan(expr.span, `timestamp out of bounds for @ modifier: ${Number.isFinite(seconds) ? seconds.toFixed(6) : describeSpecial(seconds)}`)
  }
  return { kind: 'time', ms: Math.round(seconds * 1000) }
}

function describeSpecial(value: number): string {
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

/** Sets a modifier on the selector or subquery that `expr` is; on a matrix, on the selector in it. */
function modify(reader: Reader, expr: Expr, set: <T extends VectorSelector | Subquery>(node: T) => T, complaint: string): Expr {
  if (expr.kind === 'vector' || expr.kind === 'subquery') return set(expr)
  if (expr.kind !== 'matrix') return reader.failSpan(expr.span, complaint)
  const inner = set(expr.selector)
  return { ...expr, selector: { ...inner, span: expr.selector.span }, span: inner.span }
}
