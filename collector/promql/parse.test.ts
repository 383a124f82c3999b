import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { vectorQuery } from '../../test/promql-queries.ts'
import { scaled, seed } from '../../test/scale.ts'
import { ParseError } from './errors.ts'
import { parse } from './parse.ts'
import { printExpr, printMatcher } from './print.ts'

/** The tree without what may differ between two texts of one query: places and compiled tests. */
function shape(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, inner: unknown) => {
    if (key === 'span') return undefined
    if (key === 'matchers' && Array.isArray(inner)) return inner.map((matcher) => printMatcher(matcher)).sort()
    return typeof inner === 'number' ? String(inner) : inner
  }))
}

function detailOf(text: string, experimental = true): string {
  try {
    parse(text, { experimental })
  } catch (error) {
    if (error instanceof ParseError) return error.message
    throw error
  }
  return 'no error'
}

describe('canonical text', () => {
  test.each([
    ['1', '1'], ['-1', '-1'], ['+0.5e3', '500'], ['0x10', '16'], ['Inf', '+Inf'], ['nan', 'NaN'], ['1h30m', '1h30m'], ['1_000', '1000'],
    ['"a\\n\\x41"', '"a\\nA"'], ['`raw\\n`', '"raw\\\\n"'], ["'it\\'s'", '"it\'s"'],
    ['foo', 'foo'], ['foo {b="c", a!="d",}', 'foo{a!="d",b="c"}'], ['{"foo.bar", a="1"}', '{__name__="foo.bar",a="1"}'], ['foo{"a b"=~"c"}', 'foo{"a b"=~"c"}'],
    ['job:rate5m:sum', 'job:rate5m:sum'], ['sum', 'sum'], ['offset{by="x"}', 'offset{by="x"}'], ['foo # comment\n + bar', 'foo + bar'],
    ['rate(foo[300])', 'rate(foo[5m])'], ['foo[5m:]', 'foo[5m:]'], ['foo[1h:90s] offset -5m', 'foo[1h:1m30s] offset -5m'],
    ['foo OFFSET 1d', 'foo offset 1d'],
    ['foo @ 1.5 offset 1w', 'foo @ 1.500 offset 1w'], ['foo offset 1w @ start()', 'foo @ start() offset 1w'], ['rate(foo[5m] @ end())', 'rate(foo[5m] @ end())'],
    ['SUM(foo) BY (a,b)', 'sum by (a, b) (foo)'], ['sum without () (foo)', 'sum without () (foo)'], ['topk by (x) (3, foo)', 'topk by (x) (3, foo)'],
    ['count_values("v", foo)', 'count_values("v", foo)'], ['sum by (on, sum, "odd label") (foo)', 'sum by (on, sum, "odd label") (foo)'],
    ['a+b*c', 'a + b * c'], ['a AND b OR c UNLESS d', 'a and b or c unless d'], ['a > bool 1', 'a > bool 1'], ['a atan2 b', 'a atan2 b'],
    ['a / on(x) group_left(y) b', 'a / on (x) group_left (y) b'], ['a * ignoring(x) group_right b', 'a * ignoring (x) group_right () b'], ['a and on() b', 'a and on () b'],
    ['-foo[5m:1m]', 'no error'],
  ])('%s', (text, canonical) => {
    if (canonical === 'no error') return expect(detailOf(text)).toContain('unary expression only allowed')
    expect(printExpr(parse(text))).toBe(canonical)
  })
})

describe('precedence', () => {
  // `offset`, `@`, ranges and signs where the grammar for editors goes wrong.
  test.each([
    ['a + b offset 5m', 'a + (b offset 5m)'], ['a or b offset 1h', 'a or (b offset 1h)'], ['-x @ 100', '-(x @ 100)'], ['-1 ^ 2', '-(1 ^ 2)'],
    ['2 ^ 3 ^ 2', '2 ^ (3 ^ 2)'], ['2 ^ -1 * 3', '(2 ^ (-1)) * 3'], ['a - b - c', '(a - b) - c'], ['a == b + c', 'a == (b + c)'], ['a or b and c', 'a or (b and c)'],
    ['a and b unless c', '(a and b) unless c'], ['-a * b', '(-a) * b'], ['a * b % c', '(a * b) % c'], ['a > b < c', '(a > b) < c'],
    ['sum(a) / sum(b) > 1 and c', '(((sum(a)) / (sum(b))) > 1) and c'],
  ])('%s is %s', (text, grouped) => {
    expect(shape(parse(text))).toEqual(shape(unwrap(parse(grouped))))
  })

  function unwrap(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(unwrap)
    if (typeof value !== 'object' || value === null) return value
    if ('kind' in value && value.kind === 'paren' && 'expr' in value) return unwrap(value.expr)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, key === 'span' ? inner : unwrap(inner)]))
  }
})

describe('errors as Prometheus words them', () => {
  test.each([
    ['', '1:1: parse error: no expression found in input'],
    ['# only\n', '1:1: parse error: no expression found in input'],
    ['sum(foo', '1:8: parse error: unclosed left parenthesis'],
    ['((1)', '1:5: parse error: unclosed left parenthesis'],
    ['(1))', '1:5: parse error: unexpected right parenthesis \')\''],
    ['foo +\n  (bar', '2:7: parse error: unclosed left parenthesis'],
    ['1+', '1:3: parse error: unexpected end of input'],
    ['*1', '1:1: parse error: unexpected <op:*>'],
    ['@@', '1:1: parse error: unexpected <op:@>'],
    ['.', "1:1: parse error: unexpected character: '.'"],
    ['2.5.', '1:1: parse error: bad number or duration syntax: "2.5."'],
    ['0deadbeef', '1:1: parse error: bad number or duration syntax: "0de"'],
    ['1 !~ 1', "1:3: parse error: unexpected character after '!': '~'"],
    ['1 =~ 1', "1:3: parse error: unexpected character after '=': '~'"],
    ['"abc', '1:1: parse error: unterminated quoted string'],
    ['`abc', '1:1: parse error: unterminated raw string'],
    ['"\\q"', "1:1: parse error: unknown escape sequence U+0071 'q'"],
    ['1e400', '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1e400": value out of range'],
    ['1 and 1', '1:1: parse error: set operator "and" not allowed in binary scalar expression'],
    ['1 == 1', '1:3: parse error: comparisons between scalars must use BOOL modifier'],
    ['foo + bool bar', '1:5: parse error: bool modifier can only be used on comparison operators'],
    ['foo and on(a) group_left(b) bar', '1:1: parse error: no grouping allowed for "and" operation'],
    ['foo * on(a) group_left(a) bar', '1:5: parse error: label "a" must not occur in ON and GROUP clause at once'],
    ['foo + on(a) 1', '1:1: parse error: vector matching only allowed between instant vectors'],
    ['foo[5m] + 1', '1:1: parse error: binary expression must contain only scalar and instant vector types'],
    ['-"a"', '1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "string"'],
    ['a - on(b) ignoring(c) d', '1:11: parse error: unexpected <ignoring>'],
    ['a * group_left(b) c', '1:5: parse error: unexpected <group_left>'],
    ['sum(foo) by (a) by (b)', '1:17: parse error: unexpected <by>'],
    ['sum by a (foo)', '1:8: parse error: unexpected identifier "a" in grouping opts, expected "("'],
    ['sum by (a b) (foo)', '1:11: parse error: unexpected identifier "b" in grouping opts, expected "," or ")"'],
    ['sum by (1) (foo)', '1:9: parse error: unexpected number "1" in grouping opts, expected label'],
    ['sum foo', '1:5: parse error: unexpected identifier "foo" in aggregation'],
    ['sum()', '1:1: parse error: no arguments for aggregate expression provided'],
    ['topk(foo)', '1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1'],
    ['topk(foo,)', '1:9: parse error: trailing commas not allowed in function call args'],
    ['topk(foo, bar)', '1:6: parse error: expected type scalar in aggregation parameter, got instant vector'],
    ['sum(1)', '1:5: parse error: expected type instant vector in aggregation expression, got scalar'],
    ['rate(foo)', '1:6: parse error: expected type range vector in call to function "rate", got instant vector'],
    ['floor()', '1:1: parse error: expected 1 argument(s) in call to "floor", got 0'],
    ['hour(foo, bar)', '1:1: parse error: expected at most 1 argument(s) in call to "hour", got 2'],
    ['label_join(foo)', '1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 1'],
    ['bogus(foo)', '1:1: parse error: unknown function with name "bogus"'],
    ['foo{a="b" c="d"}', '1:11: parse error: unexpected identifier "c" in label matching, expected "," or "}"'],
    ['foo{a}', '1:6: parse error: unexpected "}" in label matching, expected label matching operator'],
    ['foo{a=b}', '1:7: parse error: unexpected identifier "b" in label matching, expected string'],
    ['foo{=}', '1:5: parse error: unexpected "=" in label matching, expected identifier or "}"'],
    ['foo{', '1:5: parse error: unexpected end of input inside braces'],
    ['foo{{}}', "1:5: parse error: unexpected left brace '{'"],
    ['foo{__name__="bar"}', '1:1: parse error: metric name must not be set twice: "foo" or "bar"'],
    ['{}', '1:1: parse error: vector selector must contain at least one non-empty matcher'],
    ['{a=~".*"}', '1:1: parse error: vector selector must contain at least one non-empty matcher'],
    ['foo[5m', '1:7: parse error: unclosed left bracket'],
    ['foo[5m 1m]', '1:8: parse error: unexpected duration "1m" in subquery or range, expected ":" or "]"'],
    ['foo[0m]', '1:5: parse error: duration must be greater than 0'],
    ['foo[5m:1m:1m]', "1:10: parse error: unexpected colon ':'"],
    ['(foo + bar)[5m]', '1:12: parse error: ranges only allowed for vector selectors'],
    ['foo offset 5m [5m]', '1:15: parse error: no offset modifiers allowed before range'],
    ['foo @ 5 [5m]', '1:9: parse error: no @ modifiers allowed before range'],
    ['foo offset 1m offset 2m', '1:1: parse error: offset may not be set multiple times'],
    ['foo @ 1 @ 2', '1:1: parse error: @ <timestamp> may not be set multiple times'],
    ['foo @ Inf', '1:1: parse error: timestamp out of bounds for @ modifier: +Inf'],
    ['1 offset 1d', '1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery'],
    ['rate(foo[5m])[5m] ', '1:14: parse error: ranges only allowed for vector selectors'],
    ['foo[5m][5m:1m]', '1:1: parse error: subquery is only allowed on instant vector, got matrix instead'],
    ['foo $ bar', "1:5: parse error: unexpected character: '$'"],
    ['foo bar', '1:5: parse error: unexpected identifier "bar"'],
  ])('%s', (text, message) => {
    expect(detailOf(text)).toBe(message)
  })

  test('a bad regular expression names its place', () => {
    expect(detailOf('foo{a=~"(x"}')).toMatch(/^1:5: parse error: /)
  })

  test('experimental functions need to be asked for', () => {
    expect(detailOf('mad_over_time(foo[5m])', false)).toBe('1:1: parse error: function "mad_over_time" is not enabled')
    expect(detailOf('limitk(1, foo)', false)).toContain('limitk() is experimental')
    expect(detailOf('limitk(1, mad_over_time(foo[5m]))', true)).toBe('no error')
  })

  test('deep nesting is refused, not a crash', () => {
    expect(detailOf(`${'('.repeat(5000)}1${')'.repeat(5000)}`)).toContain('nested too deeply')
    expect(detailOf(`${'-'.repeat(5000)}foo`)).toContain('nested too deeply')
    expect(detailOf(`1${'^1'.repeat(5000)}`)).toContain('nested too deeply')
    expect(detailOf(`foo${'[5m:]'.repeat(50_000)}`)).toContain('too many modifiers')
    expect(detailOf('foo+'.repeat(50_000))).toContain('more than 2000 operators')
    expect(printExpr(parse(Array.from({ length: 2000 }, () => 'a').join(' + ')))).toHaveLength(7997)
  })
})

test('what is printed parses to the same tree', () => {
  fc.assert(fc.property(vectorQuery({ stepwise: false }), (text) => {
    const tree = parse(text)
    const printed = printExpr(tree)
    expect(shape(parse(printed))).toEqual(shape(tree))
    expect(printExpr(parse(printed))).toBe(printed)
  }), { seed, numRuns: scaled(500, 20_000) })
})

test('whatever is written, the parser answers or says where it is wrong', () => {
  const piece = fc.oneof(fc.constantFrom(...'(){}[],:@=!~+-*/%^<>"\'`# .5m\\\n'.split(''), 'sum', 'by', 'on', 'foo', 'offset', '0x', '1e', 'bool', 'rate', '\ud800', '值'), fc.string({ maxLength: 3 }))
  const text = fc.oneof(fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    fc.tuple(vectorQuery({ stepwise: false }), fc.nat(), fc.string({ maxLength: 2 })).map(([query, at, extra]) => {
      const place = at % (query.length + 1)
      return query.slice(0, place) + extra + query.slice(place + 1)
    }))
  fc.assert(fc.property(text, (query) => {
    const detail = detailOf(query)
    expect(detail === 'no error' || /^\d+:\d+: parse error: ./s.test(detail)).toBe(true)
  }), { seed, numRuns: scaled(1000, 50_000) })
})
