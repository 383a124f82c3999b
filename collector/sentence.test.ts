import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { SettingsError } from '../protocol/settings.ts'
import { seed } from '../test/scale.ts'
import { durationText, fill, parseCatalogue, sentence, spanText, word } from './sentence.ts'

const schema = z.strictObject({ greeting: sentence('name'), nested: z.strictObject({ label: word, plain: sentence() }) })
const good = "greeting: '你好 {name}'\nnested: { label: 标签, plain: 完 }\n"
const mistakes = (text: string): readonly string[] => {
  try {
    parseCatalogue(schema, text, 'words.yml')
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.mistakes
    throw error
  }
}
const duration = { days: '{days} 天 {hours} 小时', hours: '{hours} 小时 {minutes} 分钟', minutes: '{minutes} 分钟', under: '不足 1 分钟' }
const span = { days: '{count} 天', hours: '{count} 小时', minutes: '{count} 分钟', seconds: '{count} 秒' }

describe('a catalogue', () => {
  it('is taken as it is when every sentence has only its own fields', () => {
    expect(parseCatalogue(schema, good, 'words.yml')).toEqual({ greeting: '你好 {name}', nested: { label: '标签', plain: '完' } })
  })

  it('tells every mistake at once: a field nobody fills, what is missing, and a key too many with the one that was meant', () => {
    expect(mistakes(good.replace('{name}', '{nane}').replace('plain: 完', 'plan: 完'))).toEqual([
      expect.stringMatching(/^words\.yml: greeting: expected only the fields \{name\}, found \{nane\}/),
      expect.stringMatching(/^words\.yml: nested\.plain: expected a text, got nothing/),
      'words.yml: nested.plan: unknown key, did you mean plain?',
    ])
    expect(mistakes(good.replace('完', "'{name}'"))).toEqual([expect.stringContaining('expected only the fields (none), found {name}')])
  })

  it('says what is no YAML, also an alias that leads nowhere', () => {
    expect(mistakes('greeting: [')).toHaveLength(1)
    expect(mistakes('greeting: *nobody')).toEqual([expect.stringContaining('words.yml')])
  })
})

describe('filling', () => {
  it('puts values in once and leaves unknown places, also those that every object has', () => {
    expect(fill('{a}{b}', { a: '{b}' })).toBe('{b}{b}')
    expect(fill('{count} {toString}', { count: 3 })).toBe('3 {toString}')
  })
})

describe('durations', () => {
  it('round what is left down to whole minutes', () => {
    expect([59_999, 60_000, 3_599_999, 4_800_000, 86_400_000 + 3_600_000, -4_800_000].map((ms) => durationText(duration, ms))).toEqual(['不足 1 分钟', '1 分钟', '59 分钟', '1 小时 20 分钟', '1 天 1 小时', '1 小时 20 分钟'])
  })

  it('say what somebody has set in full, without units that are nought', () => {
    expect([0, 30_000, 43_200_000, 90_000, 90_061_000, 1].map((ms) => spanText(span, ms))).toEqual(['0 秒', '30 秒', '12 小时', '1 分钟 30 秒', '1 天 1 小时 1 分钟 1 秒', '1 秒'])
    const units: Readonly<Record<string, number>> = { 天: 86_400, 小时: 3_600, 分钟: 60, 秒: 1 }
    fc.assert(fc.property(fc.integer({ min: 0, max: 10_000_000 }), (seconds) => {
      const words = spanText(span, seconds * 1_000).split(' ')
      let sum = 0
      for (let index = 0; index < words.length; index += 2) sum += Number(words[index]) * (units[words[index + 1] ?? ''] ?? Number.NaN)
      expect(sum).toBe(seconds)
    }), { seed })
  })
})
