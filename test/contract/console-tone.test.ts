/** What the availability table is coloured by. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tone } from '../../console/rooms/service/tone.ts'
import { seed } from '../scale.ts'

const ms = fc.integer({ min: 0, max: 31 * 86_400_000 })
const target = fc.option(fc.double({ min: 0.5, max: 1, noNaN: true }), { nil: null })
const figure = fc.tuple(ms, ms, ms).map(([goodMs, badMs, blindMs]) => ({ badMs, blindMs, ratio: goodMs + badMs === 0 ? null : goodMs / (goodMs + badMs) }))

describe('the colour of a figure', () => {
  it('is never green where anything was blind, nor where nothing was seen', () => {
    fc.assert(
      fc.property(figure, target, (one, wanted) => {
        const shown = tone(one, wanted)
        if (one.blindMs > 0) expect(shown).toMatch(/blind$/)
        if (shown === 'good') expect([one.blindMs, one.ratio !== null && one.ratio >= (wanted ?? 1)]).toEqual([0, true])
        if (one.ratio !== null && wanted !== null && one.ratio < wanted) expect(shown).toMatch(/^bad/)
      }),
      { seed },
    )
  })

  it.each([
    [{ ratio: null, badMs: 0, blindMs: 0 }, 0.999, 'none'],
    [{ ratio: null, badMs: 0, blindMs: 1 }, 0.999, 'blind'],
    [{ ratio: 1, badMs: 0, blindMs: 0 }, null, 'good'],
    [{ ratio: 0.9999, badMs: 1, blindMs: 0 }, null, 'fair'],
    [{ ratio: 0.999, badMs: 1, blindMs: 0 }, 0.999, 'good'],
    [{ ratio: 0.9989, badMs: 1, blindMs: 0 }, 0.999, 'bad'],
    [{ ratio: 0.9989, badMs: 1, blindMs: 1 }, 0.999, 'bad blind'],
    [{ ratio: 1, badMs: 0, blindMs: 1 }, 0.999, 'blind'],
  ] as const)('%j against %j is %s', (one, wanted, shown) => {
    expect(tone(one, wanted)).toBe(shown)
  })
})
