import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { encodeGbk } from './gbk.ts'
import { encodeForUrl, fillPlaces } from './sms-template.ts'

describe('encodeGbk', () => {
  it('gives the bytes of the standard', () => {
    expect(encodeGbk('中文A【】…').toString('hex')).toBe('d6d0cec441a1bea1bfa1ad')
    expect(encodeGbk('镕囧').toString('hex')).toBe('e946' + '87e5')
    expect(encodeGbk('a😀b').toString()).toBe('a?b')
  })

  it('is undone by the platform\'s decoder for everything that GBK has', () => {
    const decoder = new TextDecoder('gbk')
    const hanzi = fc.integer({ min: 0x4e00, max: 0x9fa5 }).map((point) => String.fromCodePoint(point))
    const ascii = fc.integer({ min: 0x20, max: 0x7e }).map((point) => String.fromCodePoint(point))
    fc.assert(fc.property(fc.string({ unit: fc.oneof(hanzi, ascii), maxLength: 200 }), (text) => {
      expect(decoder.decode(encodeGbk(text))).toBe(text)
    }), { seed })
    // Every Chinese character of Unicode's first block is in GBK.
    for (let point = 0x4e00; point <= 0x9fa5; point++) if (encodeGbk(String.fromCodePoint(point)).length !== 2) throw new Error(`U+${point.toString(16)} is missing`)
  })
})

describe('templates', () => {
  it('escape for where a value stands, once', () => {
    expect(encodeForUrl('a b&c=中~', 'utf-8')).toBe('a%20b%26c%3D%E4%B8%AD~')
    expect(encodeForUrl('中', 'gbk')).toBe('%D6%D0')
    expect(fillPlaces('{"t":"{content}","n":{phone}}', { content: '{phone}', phone: '1' }, (value) => value)).toBe('{"t":"{phone}","n":1}')
  })
})
