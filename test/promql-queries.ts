/** Random well-typed PromQL queries for property tests. */
import fc from 'fast-check'

export interface QueryShape {
  /** Leave out what depends on the whole query or orders ties by chance, so that a range equals its instants. */
  readonly stepwise: boolean
}

const labels = ['a', 'b', 'c'] as const
const label = fc.constantFrom(...labels)
const labelList = fc.uniqueArray(label, { maxLength: 3 }).map((names) => names.join(', '))
const matcher = fc.tuple(label, fc.constantFrom('=', '!=', '=~', '!~'), fc.constantFrom('x', 'y', '', 'x|y', 'x.*')).map(([name, op, value]) => `${name}${op}"${value}"`)
const selector = fc.tuple(fc.constantFrom('m', 'n', 'o_total'), fc.array(matcher, { maxLength: 2 })).map(([name, all]) => (all.length === 0 ? name : `${name}{${all.join(',')}}`))
const duration = fc.constantFrom('1m', '30s', '2m30s', '5m', '1m15s', '90')
const modifier = fc.constantFrom('', '', '', ' offset 1m', ' offset -45s', ' @ 120', ' @ 95.5 offset 30s')
const anchored = fc.constantFrom('', '', ' @ start()', ' @ end()')
const numberText = fc.constantFrom('0', '1', '2.5', '-1', '1e3', '0x10', 'Inf', 'NaN', '5m', '.5')

const vectorFunctions = ['abs', 'ceil', 'floor', 'sqrt', 'ln', 'sgn', 'timestamp', 'absent', 'hour', 'histogram_count']
const rangeFunctions = [
  'rate', 'increase', 'delta', 'irate', 'idelta', 'deriv', 'changes', 'resets', 'avg_over_time', 'sum_over_time', 'min_over_time',
  'max_over_time', 'count_over_time', 'last_over_time', 'stddev_over_time', 'present_over_time', 'absent_over_time',
]
const binaryOperators = ['+', '-', '*', '/', '%', '^', 'atan2', '==', '!=', '<', '<=', '>', '>=', '== bool', '> bool']

interface Texts {
  readonly scalar: string
  readonly vector: string
  readonly matrix: string
}

/** Texts of instant vector queries. */
export function vectorQuery({ stepwise }: QueryShape): fc.Arbitrary<string> {
  const suffix = stepwise ? modifier : fc.tuple(modifier, anchored).map(([plain, at]) => (plain.includes('@') ? plain : plain + at))
  const { vector } = fc.letrec<Texts>((tie) => ({
    scalar: fc.oneof({ depthSize: 'small', withCrossShrink: true },
      numberText,
      fc.constant('time()'),
      tie('vector').map((text) => `scalar(${text})`),
      fc.tuple(tie('scalar'), fc.constantFrom('+', '-', '*', '> bool'), tie('scalar')).map(([left, op, right]) => `(${left} ${op} ${right})`)),
    vector: fc.oneof({ depthSize: 'small', withCrossShrink: true },
      fc.tuple(selector, suffix).map(([text, after]) => text + after),
      fc.tuple(selector, suffix).map(([text, after]) => text + after),
      fc.tuple(fc.constantFrom(...vectorFunctions), tie('vector')).map(([name, text]) => `${name}(${text})`),
      fc.tuple(fc.constantFrom(...rangeFunctions), tie('matrix')).map(([name, text]) => `${name}(${text})`),
      fc.tuple(fc.constantFrom('sum', 'avg', 'min', 'max', 'count', 'group', 'stddev'), fc.constantFrom('by', 'without'), labelList, tie('vector'))
        .map(([op, word, names, text]) => `${op} ${word} (${names}) (${text})`),
      fc.tuple(fc.constantFrom('quantile', ...(stepwise ? [] : ['topk', 'bottomk'])), tie('scalar'), tie('vector')).map(([op, param, text]) => `${op}(${param}, ${text})`),
      fc.tuple(tie('vector'), fc.constantFrom(...binaryOperators), tie('scalar')).map(([left, op, right]) => `(${left} ${op} ${right})`),
      fc.tuple(tie('scalar'), fc.constantFrom(...binaryOperators), tie('vector')).map(([left, op, right]) => `(${left} ${op} ${right})`),
      fc.tuple(tie('vector'), fc.constantFrom('and', 'or', 'unless', '+', '/', '>', '== bool'), fc.constantFrom('', 'on (a) ', 'ignoring (b) ', 'on () '), tie('vector'))
        .map(([left, op, word, right]) => `(${left} ${op} ${word}${right})`),
      fc.tuple(tie('vector'), fc.constantFrom('*', '<'), labelList, fc.constantFrom('group_left', 'group_right'), tie('vector'))
        .map(([left, op, names, group, right]) => `(${left} ${op} on (${names}) ${group} () ${right})`),
      tie('vector').map((text) => `-${text}`),
      tie('scalar').map((text) => `vector(${text})`)),
    matrix: fc.oneof({ depthSize: 'small', withCrossShrink: true },
      fc.tuple(selector, duration, suffix).map(([text, range, after]) => `${text}[${range}]${after}`),
      fc.tuple(tie('vector'), duration, fc.constantFrom('30s', '1m', ''), suffix).map(([text, range, step, after]) => `(${text})[${range}:${step}]${after}`)),
  }))
  return vector
}
