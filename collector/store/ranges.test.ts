import fc from 'fast-check'
import { expect, test } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { addSeq, hasSeq, toSeqRanges, type Ranges } from './ranges.ts'

test(`ranges hold exactly the numbers added, ascending and not touching (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.array(fc.nat(60)), (numbers) => {
      const ranges: Ranges = []
      const seen = new Set<number>()
      for (const seq of numbers) {
        expect(addSeq(ranges, seq)).toBe(!seen.has(seq))
        seen.add(seq)
      }
      for (let seq = 0; seq <= 62; seq++) expect(hasSeq(ranges, seq)).toBe(seen.has(seq))
      const pairs = toSeqRanges(ranges)
      pairs.forEach(([from, to], index) => {
        expect(from).toBeLessThanOrEqual(to)
        if (index > 0) expect(from).toBeGreaterThan(pairs[index - 1]![1] + 1)
      })
    }),
    { seed, numRuns: scaled(300, 10_000) },
  )
})
