import type { Matcher } from '../store/store.ts'
import { matcher } from '../store/matcher.ts'
import type { Reader } from './reader.ts'
import { aggregators, type Token } from './lex.ts'
import { quote, unquote } from './strings.ts'
import type { VectorSelector } from './syntax.ts'

/** Words that name a metric where an operand is due. */
const metricWords: ReadonlySet<string> = new Set([
  'identifier', 'metric', 'and', 'or', 'unless', 'by', 'without', 'offset', 'start', 'end',
])

export function selectorStarts(token: Token): boolean {
  return token.kind === '{' || metricWords.has(token.kind) || aggregators.has(token.kind)
}

/** `name`, `name{…}`, `{…}`, `{"any name", …}`. */
export function parseSelector(reader: Reader): VectorSelector {
  const first = reader.peek()
  const name = first.kind === '{' ? '' : reader.next().text
  const matchers = reader.peek().kind === '{' ? parseMatchers(reader) : []
  if (name !== '') matchers.push(matcher('__name__', '=', name))
  return { kind: 'vector', name, matchers, offsetMs: 0, at: undefined, span: reader.span(first.start, reader.lastEnd()) }
}

function parseMatchers(reader: Reader): Matcher[] {
  reader.next()
  const matchers: Matcher[] = []
  while (reader.take('}') === undefined) {
    matchers.push(parseMatcher(reader))
    if (reader.peek().kind === '}') continue
    reader.expect(',', 'label matching', '"," or "}"')
  }
  return matchers
}

function parseMatcher(reader: Reader): Matcher {
  const label = reader.peek()
  if (label.kind !== 'identifier' && label.kind !== 'string') reader.unexpected('label matching', 'identifier or "}"')
  reader.next()
  const name = label.kind === 'string' ? unquote(label.text) : label.text
  const after = reader.peek()
  if (label.kind === 'string' && (after.kind === ',' || after.kind === '}')) return build(reader, label, label, '__name__', '=', name)
  const { kind } = after
  if (kind !== '=' && kind !== '!=' && kind !== '=~' && kind !== '!~') return reader.unexpected('label matching', 'label matching operator')
  reader.next()
  const value = reader.expect('string', 'label matching', 'string')
  return build(reader, label, value, name, kind, unquote(value.text))
}

function build(reader: Reader, from: Token, to: Token, name: string, op: Matcher['op'], value: string): Matcher {
  if (name === '' || !name.isWellFormed()) reader.fail(from, `invalid label name ${quote(name)}`)
  try {
    return matcher(name, op, value)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    return reader.failSpan(reader.span(from.start, to.end), reason)
  }
}
