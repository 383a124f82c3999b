import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seed } from '../../test/scale.ts'
import { formatDuration, formatFloat, formatGeneral, formatLabelFloat, formatSample, parseDuration, parseNumber } from './numbers.ts'

test.each([
  ['0', 0], ['1.', 1], ['.5', 0.5], ['1e3', 1000], ['0x1F', 31], ['0755', 493], ['1_000', 1000], ['+1', 1], ['-2.5e-3', -0.0025],
  ['Inf', Infinity], ['-inf', -Infinity], ['nAn', NaN], ['1e400', undefined], ['1__0', undefined], ['x', undefined], ['', undefined], ['1_', undefined],
])('parseNumber(%s)', (text, value) => {
  expect(parseNumber(text)).toEqual(value)
})

test.each([
  ['5m', 300_000], ['1h30m', 5_400_000], ['1d', 86_400_000], ['1w', 604_800_000], ['1y', 31_536_000_000], ['1s500ms', 1500], ['0', 0], ['0s', 0],
  ['', 'empty duration string'], ['5', 'not a valid duration string: "5"'], ['30m1h', 'not a valid duration string: "30m1h"'],
  ['1.5h', 'not a valid duration string: "1.5h"'], ['300y', 'duration out of range'],
])('parseDuration(%s)', (text, value) => {
  expect(parseDuration(text)).toBe(value)
})

test.each([
  [0, '0s'], [300_000, '5m'], [5_400_000, '1h30m'], [1500, '1s500ms'], [86_400_000, '1d'], [90 * 86_400_000, '90d'], [604_800_000, '1w'], [90_061_000, '1d1h1m1s'],
])('formatDuration(%d)', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test('durations print as they are read', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 9_223_372_036_854 }), (ms) => {
    expect(parseDuration(formatDuration(ms))).toBe(ms)
  }), { seed })
})

test('floats print as they are read', () => {
  fc.assert(fc.property(fc.double(), (value) => {
    expect(parseNumber(formatFloat(value))).toEqual(value)
    expect(formatFloat(value)).not.toMatch(/e[+-]?\d/)
    if (Math.abs(value) < Infinity) expect(Number(formatGeneral(value))).toBe(value)
  }), { seed })
})

test('floats in the formats of Go', () => {
  expect([1e21, 1e-7, -0, 0.1, 123456789, 1e20].map(formatFloat)).toEqual(['1000000000000000000000', '0.0000001', '-0', '0.1', '123456789', '100000000000000000000'])
  expect([1e21, 1e-5, 0.0001, 999999, 1e6, 1234567, -1.5e-10].map(formatGeneral)).toEqual(['1e+21', '1e-05', '0.0001', '999999', '1e+06', '1.234567e+06', '-1.5e-10'])
  expect([NaN, Infinity, -Infinity, 1e21, 1e-7, -0].map(formatSample)).toEqual(['NaN', '+Inf', '-Inf', '1e+21', '1e-7', '-0'])
  expect([0, 1, 0.25, Infinity, -0.1].map(formatLabelFloat)).toEqual(['0.0', '1.0', '0.25', '+Inf', '-0.1'])
})
