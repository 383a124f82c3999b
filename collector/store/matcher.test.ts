import fc from 'fast-check'
import { RE2JS } from 're2js'
import { expect, test } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { BadPattern, matcher } from './matcher.ts'

test('the four operators, a missing label counting as empty', () => {
  expect(matcher('a', '=', 'x').matches('x')).toBe(true)
  expect(matcher('a', '=', '').matches('')).toBe(true)
  expect(matcher('a', '!=', 'x').matches('')).toBe(true)
  expect(matcher('a', '!=', 'x').matches('x')).toBe(false)
  expect(matcher('a', '=~', 'x.*').matches('xyz')).toBe(true)
  expect(matcher('a', '=~', 'x').matches('xx')).toBe(false)
  expect(matcher('a', '!~', 'x.*').matches('xyz')).toBe(false)
  expect(matcher('a', '!~', 'x.+').matches('')).toBe(true)
})

test('regular expressions are anchored as a whole and the dot takes newlines', () => {
  expect(matcher('a', '=~', 'a|b').matches('ab')).toBe(false)
  expect(matcher('a', '=~', '.*').matches('a\nb')).toBe(true)
  expect(matcher('a', '=~', 'a.b').matches('a\nb')).toBe(true)
  expect(matcher('a', '=~', '(?i)ABC').matches('abc')).toBe(true)
  expect(matcher('a', '=~', '[[:digit:]]+').matches('42')).toBe(true)
})

test('alternations of literals are written out', () => {
  expect(matcher('a', '=~', 'x|y\\.z|').literals).toEqual(['x', 'y.z', ''])
  expect(matcher('a', '=~', '(?:eth0|eth1)').literals).toEqual(['eth0', 'eth1'])
  expect(matcher('a', '=~', 'x|y.z').literals).toBeUndefined()
  expect(matcher('a', '=~', '(?i)').literals).toBeUndefined()
  expect(matcher('a', '=~', '(a|b)|(c|d)').matches('d')).toBe(true)
})

test('what RE2 refuses is refused', () => {
  for (const pattern of ['(', 'a**', '(?=a)', '\\1', '[z-a]', 'a{1001}']) expect(() => matcher('a', '=~', pattern), pattern).toThrow(BadPattern)
  expect(() => matcher('a', '!~', '*')).toThrow(BadPattern)
})

test(`every accepted pattern answers as RE2 does (seed ${seed})`, () => {
  const piece = fc.constantFrom('a', 'b', 'ab', '.', '.*', '.+', 'a*', 'b+?', 'a?', '[ab]', '[^a]', '[a-c]+', '\\d', '\\w+', '\\.', '(', ')', '(?:', '|', '^', '$', '-', '[a-]', 'é', '\n', '{2}', '\\s', '\\pL', '(?i)', '*', '/')
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'A', '-', '.', '1', 'é', '\n', '😀', '/', ' '), { maxLength: 6 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }).map((parts) => parts.join('')), fc.array(text, { minLength: 1, maxLength: 6 }), (pattern, texts) => {
      let reference: RE2JS | undefined
      try {
        reference = RE2JS.compile(pattern, RE2JS.DOTALL)
      } catch {
        reference = undefined
      }
      if (reference === undefined) {
        expect(() => matcher('x', '=~', pattern)).toThrow(BadPattern)
        return
      }
      const ours = matcher('x', '=~', pattern)
      for (const each of texts) expect(ours.matches(each), `${JSON.stringify(pattern)} on ${JSON.stringify(each)}`).toBe(reference.matches(each))
    }),
    { seed, numRuns: scaled(1_500, 50_000) },
  )
})

test('a pattern made to run away is answered in linear time', () => {
  const evil = matcher('a', '=~', '(a+)+b')
  const started = performance.now()
  expect(evil.matches('a'.repeat(2_000))).toBe(false)
  expect(performance.now() - started).toBeLessThan(2_000)
})
