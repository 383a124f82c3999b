import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seriesKey, type Labels } from '../../protocol/series.ts'
import { scaled, seed } from '../../test/scale.ts'
import { candidates } from './candidates.ts'
import { createGroup } from './group.ts'
import { matcher } from './matcher.ts'
import { selectPlans, type SelectPlan } from './select-plan.ts'
import { createSeriesIndex, type SeriesIndex } from './series-index.ts'

const groups = [0, 1, 2].map((id) => createGroup(id, 's', `g${id}`))
const questions = [
  [matcher('__name__', '=', 'm')],
  [matcher('__name__', '=', 'm'), matcher('a', '=', '1')],
  [matcher('__name__', '=~', 'm|n'), matcher('a', '!=', '1')],
  [matcher('b', '=~', '1.*')],
  [matcher('a', '=', '')],
  [matcher('__name__', '=', 'late')],
  [],
]

/** Every series of the plan with where it lies. */
function placesOf({ labels, groups: found, first, columns, several }: SelectPlan): string[] {
  const texts: string[] = []
  found.forEach((group, at) => {
    for (let index = first[at]!; index < first[at + 1]!; index++) texts.push(`${seriesKey(labels[index]!)} ${group.id}:${columns[index]}`)
  })
  several.forEach((places, index) => texts.push(`${seriesKey(labels[columns.length + index]!)} ${places.map(({ group, column }) => `${group.id}:${column}`).join(' ')}`))
  expect(texts.length).toBe(labels.length)
  return texts.sort()
}

function expectedOf(index: SeriesIndex, question: (typeof questions)[number]): string[] {
  return candidates(index, question).flatMap((series) => {
    const homes = index.homes(series)
    return homes.length === 0 ? [] : [`${seriesKey(index.labels(series))} ${homes.map(({ group, column }) => `${group}:${column}`).join(' ')}`]
  }).sort()
}

const labels = fc.record({ __name__: fc.constantFrom('m', 'n', 'late'), a: fc.constantFrom('', '0', '1'), b: fc.nat(12).map(String) })
const step = fc.oneof({ weight: 3, arbitrary: fc.record({ add: labels, group: fc.nat(2) }) }, { weight: 1, arbitrary: fc.record({ remove: fc.nat(), many: fc.nat(4) }) })

test(`a kept plan answers as a fresh search would, whatever came and went in between (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const index = createSeriesIndex()
      const planOf = selectPlans(index, (id) => groups[id]!)
      const homes: { readonly labels: Labels; readonly group: number; readonly column: number }[] = []
      let column = 0
      for (const each of steps) {
        if ('add' in each) {
          const series = index.intern(index.pairsOf(each.add))
          if (index.home(series, each.group) !== undefined) continue
          index.addHome(series, each.group, column)
          homes.push({ labels: each.add, group: each.group, column: column++ })
        } else if (homes.length > 0) {
          const gone = homes.splice(each.remove % homes.length, each.many)
          index.removeHomes(gone.map((home) => ({ series: index.intern(index.pairsOf(home.labels)), group: home.group, column: home.column })))
        }
        for (const question of questions) expect(placesOf(planOf(question))).toEqual(expectedOf(index, question))
      }
    }),
    { seed, numRuns: scaled(100, 2_000) },
  )
})

test('the same question gives the same plan until one of its own series comes or goes, and labels stay the same objects', () => {
  const index = createSeriesIndex()
  const planOf = selectPlans(index, (id) => groups[id]!)
  const add = (set: Labels, column: number): number => {
    const series = index.intern(index.pairsOf(set))
    index.addHome(series, 0, column)
    return series
  }
  add({ __name__: 'm', instance: 'a' }, 0)
  const first = planOf([matcher('__name__', '=', 'm')])
  add({ __name__: 'n', instance: 'a' }, 1)
  expect(planOf([matcher('__name__', '=', 'm')])).toBe(first)
  const gone = add({ __name__: 'm', instance: 'b' }, 2)
  const second = planOf([matcher('__name__', '=', 'm')])
  expect(second.labels.map((each) => each['instance'])).toEqual(['a', 'b'])
  expect(second.labels[0]).toBe(first.labels[0])
  expect(planOf([matcher('instance', '=', 'a'), matcher('__name__', '=', 'm')]).labels[0]).toBe(first.labels[0])
  expect(index.keptCount()).toBe(2)
  index.removeHomes([{ series: gone, group: 0, column: 2 }])
  expect(index.keptCount()).toBe(1)
  // Its number is used again, its labels are not.
  expect(add({ __name__: 'm', instance: 'c' }, 3)).toBe(gone)
  expect(planOf([matcher('__name__', '=', 'm')]).labels.map((each) => each['instance'])).toEqual(['a', 'c'])
})

test('plans and the labels they keep are bounded', () => {
  const index = createSeriesIndex()
  const planOf = selectPlans(index, (id) => groups[id]!)
  for (let column = 0; column < 120_000; column++) index.addHome(index.intern(index.pairsOf({ __name__: `m${column % 8}`, n: String(column) })), 0, column)
  planOf([])
  expect(index.keptCount()).toBe(0)
  for (let round = 0; round < 16; round++) for (let name = 0; name < 8; name++) planOf([matcher('__name__', '=', `m${name}`), matcher('n', '!=', String(round))])
  expect(index.keptCount()).toBeLessThanOrEqual(200_000)
  for (let column = 0; column < 600; column++) planOf([matcher('n', '=', String(column))])
  expect(index.keptCount()).toBeLessThanOrEqual(10_600)
})
