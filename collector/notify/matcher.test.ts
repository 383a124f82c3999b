import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { MatcherError, compareMatchers, labelMatcher, matcherText, matchersText, matchesAll, matchesFilter, parseMatcher, parseMatchers } from './matcher.ts'
import type { MatchOp } from './matcher.ts'

describe('parseMatchers', () => {
  it.each<[string, string]>([
    ['{foo = "bar", dings != "bums", }', '{foo="bar",dings!="bums"}'],
    ['foo=bar,dings!=bums', '{foo="bar",dings!="bums"}'],
    ['{quote="She said: \\"Hi, ladies! That\'s gender-neutral…\\""}', '{quote="She said: \\"Hi, ladies! That\'s gender-neutral…\\""}'],
    ['statuscode=~"5.."', '{statuscode=~"5.."}'],
    ['a=', '{a=""}'],
    ['a="",b!~x|y', '{a="",b!~"x|y"}'],
    ['a=b\\n\\x', '{a="b\\n\\\\x"}'],
    ['a=b\\', '{a="b\\\\"}'],
    ['  a  =~  b  ', '{a=~"b"}'],
    ['', '{}'],
    ['{}', '{}'],
    ['a="b}', 'error'],
    ['a="b', 'error'],
    ['a=b"c', 'error'],
    ['a"=b', 'error'],
    ['a=~"("', 'error'],
    [',a=b', 'error'],
    ['1a=b', 'error'],
    ['a==b', '{a="=b"}'],
  ])('%s', (text, expected) => {
    const read = (): string => {
      try {
        return matchersText(parseMatchers(text))
      } catch (error) {
        if (error instanceof MatcherError) return 'error'
        throw error
      }
    }
    expect(read()).toBe(expected)
  })

  it('reads back what it prints', () => {
    const one = fc.tuple(fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,6}$/), fc.constantFrom<MatchOp>('=', '!='), fc.string({ unit: 'grapheme' }))
    fc.assert(fc.property(fc.array(one, { minLength: 1, maxLength: 4 }), (list) => {
      const matchers = list.map(([name, op, value]) => labelMatcher(name, op, value))
      const again = parseMatchers(matchersText(matchers))
      expect(again.map(({ name, op, value }) => [name, op, value])).toEqual(list)
      expect(matcherText(parseMatcher(matcherText(matchers[0]!)))).toBe(matcherText(matchers[0]!))
    }), { seed, numRuns: 300 })
  })
})

describe('matching', () => {
  it('takes an absent label for an empty one, anchors expressions, and lets "." pass no line feed', () => {
    expect(matchesAll(parseMatchers('a="",b!="x"'), {})).toBe(true)
    expect(matchesAll(parseMatchers('a!=""'), {})).toBe(false)
    expect(matchesAll(parseMatchers('a=~"b"'), { a: 'abc' })).toBe(false)
    expect(matchesAll(parseMatchers('a=~"b.*"'), { a: 'bcd' })).toBe(true)
    expect(matchesAll(parseMatchers('a=~"b.*"'), { a: 'b\nc' })).toBe(false)
    expect(matchesAll(parseMatchers('a!~"b.*"'), { a: 'b\nc' })).toBe(true)
    expect(matchesAll(parseMatchers('a=~"(?s)b.*"'), { a: 'b\nc' })).toBe(true)
    expect(matchesAll([], { a: 'b' })).toBe(true)
  })
  it('filters ask for presence with an empty value', () => {
    expect(matchesFilter(parseMatchers('a=""'), {})).toBe(true)
    expect(matchesFilter(parseMatchers('a!=""'), { a: 'x' })).toBe(true)
    expect(matchesFilter(parseMatchers('a!=""'), {})).toBe(false)
    expect(matchesFilter(parseMatchers('a=~"x|y"'), { a: 'y' })).toBe(true)
  })
  it('orders by name, value, kind', () => {
    const list = parseMatchers('b=1,a=2,a!~1,a=~1,a=1,a!=1')
    expect([...list].sort(compareMatchers).map(matcherText)).toEqual(['a="1"', 'a!="1"', 'a=~"1"', 'a!~"1"', 'a="2"', 'b="1"'])
  })
})
