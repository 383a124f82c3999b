/** What PromQL's operators do with two floats. */
import type { ArithmeticOperator, ComparisonOperator } from './syntax.ts'

/** Go's math.Pow, which gives 1 where JavaScript's ** gives NaN. */
function power(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Infinity)) return 1
  return base ** exponent
}

/** The function of an arithmetic operator. */
export function arithmetic(op: ArithmeticOperator): (a: number, b: number) => number {
  switch (op) {
    case '+':
      return (a, b) => a + b
    case '-':
      return (a, b) => a - b
    case '*':
      return (a, b) => a * b
    case '/':
      return (a, b) => a / b
    case '%':
      return (a, b) => a % b
    case '^':
      return power
    case 'atan2':
      return Math.atan2
  }
}

/** The function of a comparison operator. */
export function comparison(op: ComparisonOperator): (a: number, b: number) => boolean {
  switch (op) {
    case '==':
      return (a, b) => a === b
    case '!=':
      return (a, b) => a !== b
    case '<':
      return (a, b) => a < b
    case '<=':
      return (a, b) => a <= b
    case '>':
      return (a, b) => a > b
    case '>=':
      return (a, b) => a >= b
  }
}
