/** Type checks of a parsed query, with Prometheus's texts (promql/parser/parse.go, checkAST). */
import { ParseError } from './errors.ts'
import { signatures } from './signatures.ts'
import { children, isComparison, isSetOperator, type Aggregate, type Binary, type Call, type Expr, type Span, type ValueType, type VectorSelector } from './syntax.ts'
import { quote } from './strings.ts'

/** The type's name in documentation and messages. */
const typeNames: Readonly<Record<ValueType, string>> = {
  scalar: 'scalar', vector: 'instant vector', matrix: 'range vector', string: 'string',
}

function fail(span: Span, detail: string): never {
  throw new ParseError(span.text, span.start, span.end, detail)
}

/** What kind of value an expression gives. */
export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'number':
      return 'scalar'
    case 'string':
      return 'string'
    case 'vector':
    case 'aggregate':
      return 'vector'
    case 'matrix':
    case 'subquery':
      return 'matrix'
    case 'unary':
    case 'paren':
      return typeOf(expr.expr)
    case 'binary':
      return typeOf(expr.left) === 'scalar' && typeOf(expr.right) === 'scalar' ? 'scalar' : 'vector'
    case 'call':
      return signatures.get(expr.name)?.returns ?? 'vector'
  }
}

/** Throws ParseError for the first thing that cannot mean anything. */
export function check(expr: Expr): void {
  switch (expr.kind) {
    case 'number':
    case 'string':
      return
    case 'vector':
      return checkSelector(expr)
    case 'matrix':
    case 'paren':
      return children(expr).forEach(check)
    case 'subquery': {
      check(expr.expr)
      const type = typeOf(expr.expr)
      if (type !== 'vector') fail(expr.span, `subquery is only allowed on instant vector, got ${type} instead`)
      return
    }
    case 'unary': {
      check(expr.expr)
      const type = typeOf(expr.expr)
      if (type === 'scalar' || type === 'vector') return
      return fail(expr.span, `unary expression only allowed on expressions of type scalar or instant vector, got ${quote(typeNames[type])}`)
    }
    case 'binary':
      return checkBinary(expr)
    case 'aggregate':
      return checkAggregate(expr)
    case 'call':
      return checkCall(expr)
  }
}

function checkSelector(selector: VectorSelector): void {
  const { name, matchers } = selector
  if (name !== '') {
    const twice = matchers.slice(0, -1).find((matcher) => matcher.name === '__name__')
    if (twice !== undefined) fail(selector.span, `metric name must not be set twice: ${quote(name)} or ${quote(twice.value)}`)
    return
  }
  const names = matchers.filter((matcher) => matcher.name === '__name__' && matcher.op === '=')
  const [first, second] = names
  if (first !== undefined && second !== undefined && first.value !== second.value) {
    fail(selector.span, `metric name must not be set twice: ${quote(first.value)} or ${quote(second.value)}`)
  }
  if (matchers.every((matcher) => matcher.matches(''))) fail(selector.span, 'vector selector must contain at least one non-empty matcher')
}

function expectType(expr: Expr, wanted: ValueType, context: string): void {
  check(expr)
  const type = typeOf(expr)
  if (type !== wanted) fail(expr.span, `expected type ${typeNames[wanted]} in ${context}, got ${typeNames[type]}`)
}

function checkAggregate(expr: Aggregate): void {
  expectType(expr.expr, 'vector', 'aggregation expression')
  if (expr.param !== undefined) expectType(expr.param, expr.op === 'count_values' ? 'string' : 'scalar', 'aggregation parameter')
}

/** The operator and its modifiers, blanks left out. */
function operatorSpan(expr: Binary): Span {
  const { text } = expr.span
  let start = expr.left.span.end
  while (/\s/.test(text.charAt(start))) start += 1
  let end = expr.right.span.start
  while (end > start && /\s/.test(text.charAt(end - 1))) end -= 1
  return { text, start, end }
}

function checkBinary(expr: Binary): void {
  check(expr.left)
  check(expr.right)
  const left = typeOf(expr.left)
  const right = typeOf(expr.right)
  const { op, matching } = expr
  if (expr.bool && !isComparison(op)) fail(operatorSpan(expr), 'bool modifier can only be used on comparison operators')
  if (isComparison(op) && !expr.bool && left === 'scalar' && right === 'scalar') {
    fail(operatorSpan(expr), 'comparisons between scalars must use BOOL modifier')
  }
  const both = matching.on ? matching.labels.find((label) => matching.include.includes(label)) : undefined
  if (both !== undefined) fail(operatorSpan(expr), `label ${quote(both)} must not occur in ON and GROUP clause at once`)
  for (const [side, type] of [[expr.left, left], [expr.right, right]] as const) {
    if (type !== 'scalar' && type !== 'vector') fail(side.span, 'binary expression must contain only scalar and instant vector types')
  }
  if (left === 'vector' && right === 'vector') {
    const grouped = matching.card === 'many-to-one' || matching.card === 'one-to-many'
    if (isSetOperator(op) && grouped) fail(expr.span, `no grouping allowed for ${quote(op)} operation`)
    return
  }
  if (matching.labels.length > 0) fail(expr.span, 'vector matching only allowed between instant vectors')
  if (isSetOperator(op)) fail(expr.span, `set operator ${quote(op)} not allowed in binary scalar expression`)
}

function checkCall(call: Call): void {
  const known = signatures.get(call.name)
  if (known === undefined) return fail(call.span, `unknown function with name ${quote(call.name)}`)
  const { args, variadic } = known
  const given = call.args.length
  if (variadic === 0) {
    if (given !== args.length) fail(call.span, `expected ${args.length} argument(s) in call to ${quote(call.name)}, got ${given}`)
  } else {
    const least = args.length - 1
    if (given < least) fail(call.span, `expected at least ${least} argument(s) in call to ${quote(call.name)}, got ${given}`)
    if (variadic > 0 && given > least + variadic) {
      fail(call.span, `expected at most ${least + variadic} argument(s) in call to ${quote(call.name)}, got ${given}`)
    }
  }
  call.args.forEach((arg, index) => {
    const wanted = args[Math.min(index, args.length - 1)]
    check(arg)
    const type = typeOf(arg)
    if (wanted !== undefined && type !== wanted) {
      fail(arg.span, `expected type ${typeNames[wanted]} in call to function ${quote(call.name)}, got ${typeNames[type]}`)
    }
  })
}
