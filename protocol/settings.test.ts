import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { seed } from '../test/scale.ts'
import { nearestWord, parseDurationMs, parseSizeBytes, SettingsError, settingsMistakes } from './settings.ts'

describe('parseDurationMs', () => {
  it.each([
    ['15s', 15_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['400d', 34_560_000_000],
    ['1m1ms', 60_001],
    ['0s', 0],
  ])('%s is %i ms', (text, ms) => expect(parseDurationMs(text)).toBe(ms))

  it.each(['', '15', 's', '1.5s', '-1s', '15 s', ' 15s', '15S', '1y', '15s ', `${'9'.repeat(20)}d`])('%j is none', (text) => expect(parseDurationMs(text)).toBeUndefined())

  it('adds up whatever is written with units', () => {
    const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }
    const part = fc.tuple(fc.integer({ min: 0, max: 10_000 }), fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])))
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        expect(parseDurationMs(parts.map(([amount, unit]) => `${amount}${unit}`).join(''))).toBe(parts.reduce((sum, [amount, unit]) => sum + amount * units[unit], 0))
      }),
      { seed },
    )
  })
})

describe('parseSizeBytes', () => {
  it.each([
    ['64MiB', 64 * 1024 ** 2],
    ['10GiB', 10 * 1024 ** 3],
    ['0B', 0],
    ['1TiB', 1024 ** 4],
    ['3KiB', 3072],
  ])('%s is %i bytes', (text, bytes) => expect(parseSizeBytes(text)).toBe(bytes))

  it.each(['', '64', '64MB', '1.5GiB', '-1MiB', '64 MiB', '64mib', '99999999TiB'])('%j is none', (text) => expect(parseSizeBytes(text)).toBeUndefined())
})

describe('nearestWord', () => {
  it.each([
    ['intervall', 'interval'],
    ['Retention', 'retention'],
    ['tsl', 'tls'],
    ['retnetion', 'retention'],
  ])('%s was meant as %s', (word, meant) => expect(nearestWord(word, ['interval', 'retention', 'tls'])).toBe(meant))

  it('guesses nothing where nothing is near', () => expect(nearestWord('colour', ['interval', 'retention', 'tls'])).toBeUndefined())
})

describe('settingsMistakes', () => {
  const schema = z.strictObject({
    count: z.optional(z.int('expected a whole number').check(z.minimum(1), z.maximum(10))),
    word: z.optional(z.enum(['a', 'b'])),
    on: z.optional(z.boolean()),
    list: z.optional(z.array(z.number()).check(z.minLength(1))),
    apiKey: z.optional(z.number()),
    deep: z.optional(z.strictObject({ password: z.optional(z.number()), name: z.optional(z.string()) })),
    address: z.optional(z.number()),
  })
  const known = (path: readonly PropertyKey[]): readonly string[] => (path.length === 0 ? Object.keys(schema.def.shape) : ['password', 'name'])
  const mistakes = (input: unknown): readonly string[] => {
    const result = schema.safeParse(input)
    return result.success ? [] : settingsMistakes('x.yml', result.error.issues, input, known)
  }

  it.each([
    [{ count: '260k' }, 'x.yml: count: expected a whole number, got "260k"'],
    [{ count: 0 }, 'x.yml: count: expected at least 1, got 0'],
    [{ count: 11 }, 'x.yml: count: expected at most 10, got 11'],
    [{ word: 'c' }, 'x.yml: word: expected one of a, b, got "c"'],
    [{ list: [] }, 'x.yml: list: expected at least 1 entries, got a list'],
    [{ count: 1.5 }, 'x.yml: count: expected a whole number, got 1.5'],
    [{ on: 'yes' }, 'x.yml: on: expected true or false, got "yes"'],
    [{ on: null }, 'x.yml: on: expected true or false, got null'],
    [{ list: 5 }, 'x.yml: list: expected a list, got 5'],
    [{ list: [1, 'a'] }, 'x.yml: list.1: expected a number, got "a"'],
    [{ deep: 'x' }, 'x.yml: deep: expected a map of keys, got "x"'],
    [{ deep: { nmae: 'x' } }, 'x.yml: deep.nmae: unknown key, did you mean name?'],
    [{ colour: 1 }, 'x.yml: colour: unknown key'],
    ['text', 'x.yml: (top): expected a map of keys, got "text"'],
    [[1], 'x.yml: (top): expected a map of keys, got a list'],
    [{ address: 'x'.repeat(500) }, `x.yml: address: expected a number, got "${'x'.repeat(80)}…"`],
  ])('%j: %s', (input, message) => expect(mistakes(input)).toEqual([message]))

  it('prints no secret back, wherever it stands', () => {
    const secret = 'hunter2-hunter2'
    const inputs = [
      { apiKey: secret },
      { deep: { password: secret } },
      { deep: [{ password: secret }] },
      { list: { password: secret } },
      { count: { token: [secret] } },
      { address: `https://admin:${secret}@mail.example.org/` },
      [{ password: secret }],
    ]
    for (const input of inputs) {
      const found = mistakes(input)
      expect(found).toHaveLength(1)
      expect(found[0]).not.toContain(secret)
    }
    expect(mistakes({ apiKey: secret })).toEqual(['x.yml: apiKey: expected a number, got a string'])
  })

  it('a SettingsError has every mistake, one a line', () => {
    const error = new SettingsError(['a', 'b'])
    expect(error.mistakes).toEqual(['a', 'b'])
    expect(error.message).toBe('a\nb')
  })
})
