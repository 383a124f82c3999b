/**
 * What the same matchers found before: which series, in which columns of which groups. Rules ask the same 78 questions
 * every few seconds and series come and go far more seldom, so the answer is kept until a series that one of the
 * matchers' own texts names gets or loses a home.
 */
import type { Labels } from '../../protocol/series.ts'
import { candidates } from './candidates.ts'
import type { Group } from './group.ts'
import type { SeriesIndex } from './series-index.ts'
import type { Matcher } from './store.ts'

/** Where the series that match lie. Those with one home come first, group by group; those with several come last. */
export interface SelectPlan {
  /** Labels of every series, first those of `columns`, then those of `several`. */
  readonly labels: readonly Labels[]
  readonly groups: readonly Group[]
  /** Columns of group `g` are `columns[first[g]]` up to `columns[first[g + 1]]` (excluded). */
  readonly first: Uint32Array
  readonly columns: Uint32Array
  readonly several: readonly (readonly Place[])[]
}

/** A column of a group. */
export interface Place {
  readonly group: Group
  readonly column: number
}

/** Plans kept at most, and series in all of them together: some 30 bytes each and, once, their labels. */
const MOST_PLANS = 512
const MOST_SERIES = 200_000

interface Kept {
  readonly plan: SelectPlan
  readonly series: Uint32Array
  /** What the changes of `demand` were when the plan was made. */
  readonly stamp: number
  readonly demand: Demand | undefined
}

/** A matcher that names the texts it wants: no series can come to or leave the answer without one of these pairs. */
interface Demand {
  readonly name: string
  readonly values: readonly string[]
}

/** Finds plans, from what it keeps or anew. `groupOf` gives the group of a number that is in the index. */
export function selectPlans(index: SeriesIndex, groupOf: (id: number) => Group): (matchers: readonly Matcher[]) => SelectPlan {
  /** The one asked for longest ago first. */
  const known = new Map<string, Kept>()
  let total = 0

  const stampOf = (demand: Demand | undefined): number => {
    if (demand === undefined) return index.changes()
    let sum = 0
    for (const value of demand.values) {
      const pair = index.findPair(demand.name, value)
      if (pair !== undefined) sum += index.changesOf(pair)
    }
    return sum
  }
  const drop = (key: string, kept: Kept): void => {
    known.delete(key)
    total -= kept.series.length
  }
  const forgetLabels = (): void => {
    // Labels that only dropped plans had; looked for so seldom that it costs nothing beside making the plans.
    if (index.keptCount() <= total + 10_000) return
    const used = new Set<number>()
    for (const { series } of known.values()) for (const each of series) used.add(each)
    index.forgetLabels(used)
  }

  return (matchers) => {
    const key = keyOf(matchers)
    const last = known.get(key)
    if (last !== undefined) {
      if (last.stamp === stampOf(last.demand)) {
        known.delete(key)
        known.set(key, last)
        return last.plan
      }
      drop(key, last)
    }
    const found = candidates(index, matchers)
    if (found.length > MOST_SERIES / 2) return planOf(index, found, groupOf, index.labels).plan
    const { plan, series } = planOf(index, found, groupOf, index.keptLabels)
    const demand = demandOf(index, matchers)
    known.set(key, { plan, series, stamp: stampOf(demand), demand })
    total += series.length
    for (const [oldest, kept] of known) {
      if (known.size <= MOST_PLANS && total <= MOST_SERIES) break
      drop(oldest, kept)
    }
    forgetLabels()
    return plan
  }
}

/** The same text for matchers that ask the same, in the same order. */
function keyOf(matchers: readonly Matcher[]): string {
  let key = ''
  for (const { name, op, value } of matchers) key += `${name.length}:${name}${op}${value.length}:${value}`
  return key
}

/** Of the matchers that name their texts the one with the fewest series. */
function demandOf(index: SeriesIndex, matchers: readonly Matcher[]): Demand | undefined {
  let best: Demand | undefined
  let least = Infinity
  for (const each of matchers) {
    const values = each.op === '=' ? [each.value] : each.op === '=~' ? each.literals : undefined
    if (values === undefined || each.matches('')) continue
    let size = 0
    for (const value of values) {
      const pair = index.findPair(each.name, value)
      if (pair !== undefined) size += index.posting(pair).length
    }
    if (size < least) {
      least = size
      best = { name: each.name, values }
    }
  }
  return best
}

function planOf(index: SeriesIndex, found: readonly number[], groupOf: (id: number) => Group, labelsOf: (series: number) => Labels): { readonly plan: SelectPlan; readonly series: Uint32Array } {
  const byGroup = new Map<number, number[]>()
  const moved: number[] = []
  const several: Place[][] = []
  for (const series of found) {
    const homes = index.homes(series)
    const [only] = homes
    if (only === undefined) continue
    if (homes.length > 1) {
      moved.push(series)
      several.push(homes.map(({ group, column }) => ({ group: groupOf(group), column })))
      continue
    }
    const list = byGroup.get(only.group)
    if (list === undefined) byGroup.set(only.group, [series])
    else list.push(series)
  }
  const groups: Group[] = []
  const first = new Uint32Array(byGroup.size + 1)
  const columns = new Uint32Array(found.length)
  const series = new Uint32Array(found.length)
  let count = 0
  for (const [group, list] of byGroup) {
    groups.push(groupOf(group))
    for (const each of list) {
      columns[count] = index.home(each, group) ?? 0
      series[count++] = each
    }
    first[groups.length] = count
  }
  series.set(moved, count)
  const used = series.subarray(0, count + moved.length)
  return { plan: { labels: Array.from(used, labelsOf), groups, first, columns: columns.slice(0, count), several }, series: used }
}
