import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seriesKey, type Labels } from '../../protocol/series.ts'
import { scaled, seed } from '../../test/scale.ts'
import { candidates } from './candidates.ts'
import { matcher } from './matcher.ts'
import { createSeriesIndex } from './series-index.ts'

const labels = fc.record({ __name__: fc.constantFrom('m', 'n'), a: fc.constantFrom('', '0', '1', '2'), b: fc.nat(12).map(String) })
const step = fc.oneof({ weight: 3, arbitrary: fc.record({ add: labels, group: fc.nat(2) }) }, { weight: 1, arbitrary: fc.record({ remove: fc.nat(), many: fc.nat(6) }) })
const question = fc.record({ name: fc.constantFrom('__name__', 'a', 'b', 'none'), op: fc.constantFrom('=', '!=', '=~', '!~'), value: fc.constantFrom('', 'm', '0', '1|2', '.*', '.+', '1.*') } as const)

test(`the index knows exactly the series that have a home, and finds them as a scan would (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), fc.array(question, { maxLength: 3 }), (steps, questions) => {
      const index = createSeriesIndex()
      const homes: { readonly labels: Labels; readonly group: number; readonly column: number }[] = []
      let column = 0
      for (const each of steps) {
        if ('add' in each) {
          const series = index.intern(index.pairsOf(each.add))
          const known = homes.find((home) => home.group === each.group && seriesKey(home.labels) === seriesKey(each.add))
          expect(index.home(series, each.group)).toBe(known?.column)
          if (known !== undefined) continue
          index.addHome(series, each.group, column)
          homes.push({ labels: each.add, group: each.group, column: column++ })
        } else if (homes.length > 0) {
          const gone = homes.splice(each.remove % homes.length, each.many)
          index.removeHomes(gone.map((home) => ({ series: index.intern(index.pairsOf(home.labels)), group: home.group, column: home.column })))
        }
      }
      const alive = new Map(homes.map((home) => [seriesKey(home.labels), home.labels]))
      expect(index.size()).toBe(alive.size)
      const matchers = questions.map((each) => matcher(each.name, each.op, each.value))
      const found = candidates(index, matchers).map((series) => seriesKey(index.labels(series)))
      const expected = [...alive].filter(([, set]) => matchers.every((each) => each.matches(set[each.name] ?? ''))).map(([key]) => key)
      expect(found.sort()).toEqual(expected.sort())
    }),
    { seed, numRuns: scaled(300, 5_000) },
  )
})
