import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { cutToSegments, segmentsOf, signedText } from './segments.ts'

const sms = (brief: string, answer = '', more: readonly string[] = []) => ({ brief, answer, more })

describe('segments', () => {
  it.each([[0, 1], [1, 1], [70, 1], [71, 2], [134, 2], [135, 3], [201, 3], [202, 4]])('%s characters are billed as %s', (length, segments) => {
    expect(segmentsOf('字'.repeat(length))).toBe(segments)
  })

  it('counts the signature, and gives the gateway what it does not add itself', () => {
    expect(signedText(sms('甲'.repeat(64)), '值守', false, 1)).toEqual({ content: `【值守】${'甲'.repeat(64)}`.slice(0, 70), billed: `【值守】${'甲'.repeat(64)}` })
    const cut = signedText(sms('甲'.repeat(200)), '值守', true, 1)
    expect(cut.billed).toHaveLength(70)
    expect(cut.content).toBe(cut.billed.slice(4))
    expect(signedText(sms('故障【假】\n第二行'), '值守', false, 1).content).toBe('【值守】故障[假] 第二行')
  })

  it('cuts to what may be billed, never half a character', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), fc.integer({ min: 1, max: 5 }), (text, most) => {
      const cut = cutToSegments(text, most)
      expect(segmentsOf(cut)).toBeLessThanOrEqual(most)
      expect(cut.isWellFormed()).toBe(true)
      if (segmentsOf(text) <= most) expect(cut).toBe(text)
      else expect(text.startsWith(cut.slice(0, -1))).toBe(true)
    }), { seed })
  })

  it('keeps the answer whole, and what follows as far as there is room', () => {
    const brief = '甲'.repeat(100)
    const one = signedText(sms(brief, '回复4711响应', ['F2回复4712']), '值守', true, 1)
    expect(one.billed).toBe(`【值守】${'甲'.repeat(56)}… 回复4711响应`)
    expect(one.content).toBe(one.billed.slice(4))
    expect(signedText(sms('短', '回复4711响应', ['F2回复4712', 'F3']), undefined, false, 1).billed).toBe('短 回复4711响应 F2回复4712 F3')
    const many = Array.from({ length: 50 }, (_, index) => `F20261122-${String(index).padStart(3, '0')}`)
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.integer({ min: 1, max: 5 }), fc.boolean(), (text, most, codes) => {
      const { billed } = signedText(sms(text, '回复4711响应', codes ? many : []), '政务运维值守', false, most)
      expect(segmentsOf(billed)).toBeLessThanOrEqual(most)
      expect(billed).toContain(' 回复4711响应')
      // Never half a number.
      for (const number of billed.split('回复4711响应').at(-1)!.trim().split(' ')) expect(['', ...many]).toContain(number)
    }), { seed })
  })
})
