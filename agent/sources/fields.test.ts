import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { eachLine, numberOf, numbersIn, wholeNumber } from './fields.ts'

const runs = { seed, numRuns: scaled(200, 20_000) }

test('a whole number is what Number makes of it, at any size', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), (value) => {
      const text = `<${value}>`
      expect(wholeNumber(text, 1, text.length - 1)).toBe(Number(value) === 0 && text.includes('-') ? -0 : Number(value))
    }),
    runs,
  )
})

test('what is not a whole number is none', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!/^-?\d+$/.test(text))
      expect(wholeNumber(text, 0, text.length)).toBeUndefined()
    }),
    runs,
  )
})

test('numbers come back however they are spaced', () => {
  const blank = fc.constantFrom(' ', '\t', '   ', ' \t')
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2 ** 31 - 1), blank)), fc.constantFrom('', ' '), (pairs, lead) => {
      const text = lead + pairs.map(([value, space]) => `${value}${space}`).join('')
      const into = [1, 2, 3]
      numbersIn('file', text, 0, text.length, into)
      expect(into).toEqual(pairs.map(([value]) => value))
    }),
    runs,
  )
})

test('every line is visited once and empty ones are passed over', () => {
  const seen: string[] = []
  const text = 'a b\n\nc\n'
  eachLine('file', text, (start, end) => seen.push(text.slice(start, end)))
  expect(seen).toEqual(['a b', 'c'])
})

test('errors name the file and show the text, but not all of it', () => {
  expect(() => eachLine('/proc/x', 'whole\ncut', () => {})).toThrow('/proc/x: the last line is cut: "cut"')
  expect(() => numbersIn('/proc/x', '1 two', 0, 5, [])).toThrow('/proc/x: not a whole number: "two"')
  expect(() => numberOf('/proc/x', 'y'.repeat(500))).toThrow(/^.{0,130}$/)
})
