import type { Reader } from './reader.ts'
import { aggregators, type Token } from './lex.ts'
import { unquote } from './strings.ts'
import type { Expr } from './syntax.ts'

const wordsThatMayBeLabels: ReadonlySet<string> = new Set([
  'identifier', 'bool', 'by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'offset', 'start', 'end',
  'and', 'or', 'unless', 'atan2',
])

function isLabelWord(token: Token): boolean {
  return wordsThatMayBeLabels.has(token.kind) || aggregators.has(token.kind)
}

/** `(a, b, "any text")` after by, without, on, ignoring, group_left, group_right. */
export function parseGrouping(reader: Reader): readonly string[] {
  reader.expect('(', 'grouping opts', '"("')
  const labels: string[] = []
  while (reader.take(')') === undefined) {
    const token = reader.peek()
    if (token.kind === 'string') labels.push(unquote(reader.next().text))
    else if (isLabelWord(token)) labels.push(reader.next().text)
    else reader.unexpected('grouping opts', 'label')
    if (reader.peek().kind === ')') continue
    reader.expect(',', 'grouping opts', '"," or ")"')
  }
  return labels
}

/** `(expr, expr)` of a call or an aggregation. */
export function parseArguments(reader: Reader, expression: () => Expr): readonly Expr[] {
  reader.expect('(', 'aggregation', '')
  if (reader.take(')') !== undefined) return []
  const args = [expression()]
  for (;;) {
    const comma = reader.take(',')
    if (comma === undefined) break
    if (reader.peek().kind === ')') reader.fail(comma, 'trailing commas not allowed in function call args')
    args.push(expression())
  }
  reader.expect(')', '', '')
  return args
}
