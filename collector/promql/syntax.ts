/** PromQL's syntax tree. Nodes are immutable; a parsed tree is kept and evaluated many times. */
import type { Matcher } from '../store/store.ts'

/** Where a node stands in its query: UTF-16 offsets, end excluded. */
export interface Span {
  readonly text: string
  readonly start: number
  readonly end: number
}

export type ValueType = 'scalar' | 'vector' | 'matrix' | 'string'

/** `@ 1609746000`, `@ start()`, `@ end()`. */
export type At = { readonly kind: 'time'; readonly ms: number } | { readonly kind: 'start' } | { readonly kind: 'end' }

export type SetOperator = 'and' | 'or' | 'unless'
export type ComparisonOperator = '==' | '!=' | '<' | '<=' | '>' | '>='
export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%' | '^' | 'atan2'
export type BinaryOperator = SetOperator | ComparisonOperator | ArithmeticOperator

export type Aggregator =
  | 'sum' | 'avg' | 'min' | 'max' | 'count' | 'group' | 'stddev' | 'stdvar'
  | 'topk' | 'bottomk' | 'limitk' | 'quantile' | 'count_values'

/** How rows of two vectors find each other. */
export interface Matching {
  readonly card: 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many'
  /** true: match on exactly `labels`; false: on all but them (and the name). */
  readonly on: boolean
  readonly labels: readonly string[]
  /** Labels that group_left / group_right copies from the "one" side. */
  readonly include: readonly string[]
}

export interface NumberLiteral {
  readonly kind: 'number'
  readonly value: number
  /** Written as a duration (`5m`); the value is its seconds. */
  readonly duration: boolean
  readonly span: Span
}

export interface StringLiteral {
  readonly kind: 'string'
  readonly value: string
  readonly span: Span
}

export interface VectorSelector {
  readonly kind: 'vector'
  /** The name before the braces; '' when there is none. */
  readonly name: string
  /** In the order written; for a name before the braces its matcher is the last one. */
  readonly matchers: readonly Matcher[]
  readonly offsetMs: number
  readonly at: At | undefined
  readonly span: Span
}

export interface MatrixSelector {
  readonly kind: 'matrix'
  readonly selector: VectorSelector
  readonly rangeMs: number
  readonly span: Span
}

export interface Subquery {
  readonly kind: 'subquery'
  readonly expr: Expr
  readonly rangeMs: number
  /** 0: the evaluator's default. */
  readonly stepMs: number
  readonly offsetMs: number
  readonly at: At | undefined
  readonly span: Span
}

export interface Unary {
  readonly kind: 'unary'
  readonly op: '+' | '-'
  readonly expr: Expr
  readonly span: Span
}

export interface Binary {
  readonly kind: 'binary'
  readonly op: BinaryOperator
  readonly left: Expr
  readonly right: Expr
  readonly bool: boolean
  readonly matching: Matching
  readonly span: Span
}

export interface Aggregate {
  readonly kind: 'aggregate'
  readonly op: Aggregator
  readonly expr: Expr
  readonly param: Expr | undefined
  readonly grouping: readonly string[]
  readonly without: boolean
  readonly span: Span
}

export interface Call {
  readonly kind: 'call'
  readonly name: string
  readonly args: readonly Expr[]
  readonly span: Span
}

export interface Paren {
  readonly kind: 'paren'
  readonly expr: Expr
  readonly span: Span
}

export type Expr =
  | NumberLiteral | StringLiteral | VectorSelector | MatrixSelector | Subquery
  | Unary | Binary | Aggregate | Call | Paren

/** The expression inside any parentheses. */
export function bare(expr: Expr): Expr {
  let inner = expr
  while (inner.kind === 'paren') inner = inner.expr
  return inner
}

/** The direct children, left to right. */
export function children(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'number':
    case 'string':
    case 'vector':
      return []
    case 'matrix':
      return [expr.selector]
    case 'subquery':
    case 'unary':
    case 'paren':
      return [expr.expr]
    case 'binary':
      return [expr.left, expr.right]
    case 'aggregate':
      return expr.param === undefined ? [expr.expr] : [expr.param, expr.expr]
    case 'call':
      return expr.args
  }
}

/** Whether the operator keeps or drops rows by comparing. */
export function isComparison(op: BinaryOperator): op is ComparisonOperator {
  return op === '==' || op === '!=' || op === '<' || op === '<=' || op === '>' || op === '>='
}

export function isSetOperator(op: BinaryOperator): op is SetOperator {
  return op === 'and' || op === 'or' || op === 'unless'
}
