/**
 * The canonical text of a query: parsing it gives the same tree. The form is that of Prometheus's API
 * (promql/parser/printer.go): `sum by (a) (rate(x{b="c"}[5m]))`, matchers sorted, durations in units.
 */
import type { Matcher } from '../store/store.ts'
import { formatDuration, formatFloat } from './numbers.ts'
import { quote } from './strings.ts'
import type { At, Binary, Expr, VectorSelector } from './syntax.ts'

/** Prints a parsed query. */
export function printExpr(expr: Expr): string {
  switch (expr.kind) {
    case 'number':
      return expr.duration ? signedDuration(Math.round(expr.value * 1000)) : formatFloat(expr.value)
    case 'string':
      return quote(expr.value)
    case 'vector':
      return selector(expr) + atText(expr.at) + offsetText(expr.offsetMs)
    case 'matrix':
      return `${selector(expr.selector)}[${formatDuration(expr.rangeMs)}]${atText(expr.selector.at)}${offsetText(expr.selector.offsetMs)}`
    case 'subquery': {
      const step = expr.stepMs === 0 ? '' : formatDuration(expr.stepMs)
      return `${printExpr(expr.expr)}[${formatDuration(expr.rangeMs)}:${step}]${atText(expr.at)}${offsetText(expr.offsetMs)}`
    }
    case 'unary':
      return expr.op + printExpr(expr.expr)
    case 'paren':
      return `(${printExpr(expr.expr)})`
    case 'binary':
      return `${leftText(expr)} ${expr.op}${expr.bool ? ' bool' : ''}${matchingText(expr)} ${printExpr(expr.right)}`
    case 'call':
      return `${expr.name}(${expr.args.map(printExpr).join(', ')})`
    case 'aggregate': {
      const grouped = expr.without ? ` without (${labelList(expr.grouping)}) ` : expr.grouping.length > 0 ? ` by (${labelList(expr.grouping)}) ` : ''
      const param = expr.param === undefined ? '' : `${printExpr(expr.param)}, `
      return `${expr.op}${grouped}(${param}${printExpr(expr.expr)})`
    }
  }
}

/** `+Inf ^ 2` would read as a signed power: there infinity goes without its sign. */
function leftText({ op, left }: Binary): string {
  return op === '^' && left.kind === 'number' && left.value === Infinity ? 'Inf' : printExpr(left)
}

function signedDuration(ms: number): string {
  return ms < 0 ? `-${formatDuration(-ms)}` : formatDuration(ms)
}

function labelName(name: string): string {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quote(name)
}

function labelList(names: readonly string[]): string {
  return names.map(labelName).join(', ')
}

/** `name="value"` */
export function printMatcher(matcher: Matcher): string {
  return `${labelName(matcher.name)}${matcher.op}${quote(matcher.value)}`
}

function selector(node: VectorSelector): string {
  const outside = node.name === '' ? node.matchers : node.matchers.slice(0, -1)
  const texts = outside.map(printMatcher).sort()
  return texts.length === 0 && node.name !== '' ? node.name : `${node.name}{${texts.join(',')}}`
}

function atText(at: At | undefined): string {
  if (at === undefined) return ''
  return at.kind === 'time' ? ` @ ${(at.ms / 1000).toFixed(3)}` : ` @ ${at.kind}()`
}

function offsetText(ms: number): string {
  return ms === 0 ? '' : ` offset ${signedDuration(ms)}`
}

function matchingText({ matching }: Binary): string {
  const { card, on, labels, include } = matching
  const grouped = card === 'many-to-one' || card === 'one-to-many'
  let text = labels.length > 0 || on || grouped ? ` ${on ? 'on' : 'ignoring'} (${labelList(labels)})` : ''
  if (grouped) text += ` group_${card === 'many-to-one' ? 'left' : 'right'} (${labelList(include)})`
  return text
}
