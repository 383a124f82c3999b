/**
 * Which series there are and where their columns lie, in typed arrays: about 90 bytes a series, so that 300,000 of them
 * cost 27 MB instead of the 200 that label objects in maps take. Label objects are made when somebody asks.
 *
 * A **pair** is one label name with one value; it has a number (also on disk) and a posting: the series that carry it,
 * in no order. A series is its pairs, sorted by label name, in one pool. A hash table finds it again. Its **home** is a
 * column of a group; a series that moved has more than one.
 */
import type { Labels } from '../../protocol/series.ts'

export interface Home {
  readonly group: number
  readonly column: number
}

/** No series: what a column points to after its series left the index. */
export const NO_SERIES = 0xffffffff
const EMPTY = 0
const DELETED = 0xffffffff

/** A larger copy of a typed array, at least `need` long. */
export function grown(array: Uint32Array, need: number): Uint32Array {
  const larger = new Uint32Array(Math.max(need, 4, Math.ceil(array.length * (array.length < 65_536 ? 1.5 : 1.2))))
  larger.set(array)
  return larger
}

export interface SeriesIndex {
  /** Number of live series. */
  size(): number
  pairCount(): number
  pairName(pair: number): string
  pairValue(pair: number): string
  /** The pair's number, made if new. Numbers count up from 0. */
  pair(name: string, value: string): number
  findPair(name: string, value: string): number | undefined
  /** Values of a label name with their pair numbers; undefined: no series ever had it. */
  valuesOf(name: string): ReadonlyMap<string, number> | undefined
  names(): Iterable<string>
  posting(pair: number): Uint32Array
  /** Pairs of these labels sorted by name, empty values left out. */
  pairsOf(labels: Labels): Uint32Array
  /** The series with exactly these pairs (sorted by label name), made if new. */
  intern(pairs: Uint32Array): number
  /** Pairs of a live series; undefined for a number not in use. */
  pairs(series: number): Uint32Array | undefined
  /** Labels of a live series: the kept object where there is one, otherwise a new one. */
  labels(series: number): Labels
  /** As `labels`, and the same object from now on, until the series leaves the index or `forgetLabels` drops it. */
  keptLabels(series: number): Labels
  /** How many series have a kept object. */
  keptCount(): number
  /** Drops the kept objects of all series but these. */
  forgetLabels(but: ReadonlySet<number>): void
  /** Counts how often a series with this pair got or lost a home: as long as it stays, so does what can be found by it. */
  changesOf(pair: number): number
  /** The same over all series. */
  changes(): number
  home(series: number, group: number): number | undefined
  homes(series: number): readonly Home[]
  addHome(series: number, group: number, column: number): void
  /** Takes homes away; series left without one leave the index. */
  removeHomes(list: readonly { readonly series: number; readonly group: number; readonly column: number }[]): void
  /** Every live series. */
  all(): Uint32Array
}

/** An empty index. */
export function createSeriesIndex(): SeriesIndex {
  const names = new Map<string, Map<string, number>>()
  const pairNames: string[] = []
  const pairValues: string[] = []
  const postings: (Uint32Array | undefined)[] = []
  let postingSize = new Uint32Array(64)
  let postingFirst = new Uint32Array(64)
  let pairChanges = new Uint32Array(64)
  let allChanges = 0
  const kept = new Map<number, Labels>()

  let pool = new Uint32Array(256)
  let poolUsed = 1
  let poolDead = 0
  let offset = new Uint32Array(64)
  let hashes = new Uint32Array(64)
  let homeGroup = new Uint32Array(64)
  let homeColumn = new Uint32Array(64)
  const moreHomes = new Map<number, Home[]>()
  const free: number[] = []
  let next = 0
  let live = 0
  let table = new Uint32Array(128)
  let tableUsed = 0

  const pair = (name: string, value: string): number => {
    let values = names.get(name)
    if (values === undefined) names.set(name, (values = new Map<string, number>()))
    const known = values.get(value)
    if (known !== undefined) return known
    const id = pairNames.length
    values.set(value, id)
    pairNames.push(name)
    pairValues.push(value)
    if (id >= postingSize.length) {
      postingSize = grown(postingSize, id + 1) as Uint32Array<ArrayBuffer>
      postingFirst = grown(postingFirst, id + 1) as Uint32Array<ArrayBuffer>
      pairChanges = grown(pairChanges, id + 1) as Uint32Array<ArrayBuffer>
    }
    return id
  }

  const hashOf = (pairs: Uint32Array): number => {
    let hash = 0x811c9dc5
    for (const each of pairs) {
      hash = Math.imul(hash ^ each, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    return hash >>> 0
  }
  const equals = (series: number, pairs: Uint32Array): boolean => {
    const at = offset[series] ?? 0
    if (pool[at] !== pairs.length) return false
    for (let index = 0; index < pairs.length; index++) if (pool[at + 1 + index] !== pairs[index]) return false
    return true
  }
  const insert = (series: number, hash: number): void => {
    const mask = table.length - 1
    let slot = hash & mask
    while (table[slot] !== EMPTY && table[slot] !== DELETED) slot = (slot + 1) & mask
    if (table[slot] === EMPTY) tableUsed++
    table[slot] = series + 1
  }
  const rehash = (): void => {
    let size = 128
    while (size * 0.6 < live + 1) size *= 2
    table = new Uint32Array(size)
    tableUsed = 0
    for (let series = 0; series < next; series++) if (offset[series] !== 0) insert(series, hashes[series] ?? 0)
  }
  const find = (pairs: Uint32Array, hash: number): number => {
    const mask = table.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = table[slot] ?? EMPTY
      if (entry === EMPTY) return NO_SERIES
      if (entry !== DELETED && hashes[entry - 1] === hash && equals(entry - 1, pairs)) return entry - 1
    }
  }
  const post = (id: number, series: number): void => {
    const size = postingSize[id] ?? 0
    if (size === 0) postingFirst[id] = series
    else {
      let list = postings[id]
      if (list === undefined) {
        list = new Uint32Array(4)
        list[0] = postingFirst[id] ?? 0
        postings[id] = list
      } else if (size >= list.length) {
        list = grown(list, size + 1)
        postings[id] = list
      }
      list[size] = series
    }
    postingSize[id] = size + 1
  }
  const posting = (id: number): Uint32Array => {
    const size = postingSize[id] ?? 0
    const list = postings[id]
    return list === undefined ? postingFirst.slice(id, id + size) : list.subarray(0, size)
  }

  const intern = (pairs: Uint32Array): number => {
    const hash = hashOf(pairs)
    const known = find(pairs, hash)
    if (known !== NO_SERIES) return known
    if (tableUsed + 1 > table.length * 0.75) rehash()
    const series = free.pop() ?? next++
    if (series >= offset.length) {
      offset = grown(offset, series + 1) as Uint32Array<ArrayBuffer>
      hashes = grown(hashes, series + 1) as Uint32Array<ArrayBuffer>
      homeGroup = grown(homeGroup, series + 1) as Uint32Array<ArrayBuffer>
      homeColumn = grown(homeColumn, series + 1) as Uint32Array<ArrayBuffer>
    }
    if (poolUsed + pairs.length + 1 > pool.length) pool = grown(pool, poolUsed + pairs.length + 1) as Uint32Array<ArrayBuffer>
    offset[series] = poolUsed
    pool[poolUsed++] = pairs.length
    pool.set(pairs, poolUsed)
    poolUsed += pairs.length
    hashes[series] = hash
    homeGroup[series] = NO_SERIES
    insert(series, hash)
    live++
    for (const id of pairs) post(id, series)
    return series
  }

  const compactPool = (): void => {
    const fresh = new Uint32Array(poolUsed - poolDead + 256)
    let used = 1
    for (let series = 0; series < next; series++) {
      const at = offset[series] ?? 0
      if (at === 0) continue
      const length = (pool[at] ?? 0) + 1
      fresh.set(pool.subarray(at, at + length), used)
      offset[series] = used
      used += length
    }
    pool = fresh
    poolUsed = used
    poolDead = 0
  }
  const remove = (gone: ReadonlySet<number>): void => {
    const touched = new Set<number>()
    const mask = table.length - 1
    for (const series of gone) {
      const at = offset[series] ?? 0
      const length = pool[at] ?? 0
      for (let index = 1; index <= length; index++) touched.add(pool[at + index] ?? 0)
      let slot = (hashes[series] ?? 0) & mask
      while (table[slot] !== series + 1) slot = (slot + 1) & mask
      table[slot] = DELETED
      offset[series] = 0
      kept.delete(series)
      poolDead += length + 1
      free.push(series)
      live--
    }
    for (const id of touched) {
      const kept = posting(id).filter((series) => !gone.has(series))
      postingSize[id] = kept.length
      postingFirst[id] = kept[0] ?? 0
      postings[id] = kept.length > 1 ? kept : undefined
    }
    if (poolDead > 4_096 && poolDead > poolUsed / 2) compactPool()
  }

  const changed = (series: number): void => {
    allChanges++
    const at = offset[series] ?? 0
    for (let index = at + (pool[at] ?? 0); index > at; index--) {
      const id = pool[index] ?? 0
      pairChanges[id] = (pairChanges[id] ?? 0) + 1
    }
  }
  const makeLabels = (series: number): Labels => {
    const at = offset[series] ?? 0
    const found: Record<string, string> = {}
    for (let index = at + 1; index <= at + (pool[at] ?? 0); index++) {
      const id = pool[index] ?? 0
      found[pairNames[id] ?? ''] = pairValues[id] ?? ''
    }
    return found
  }

  const homes = (series: number): readonly Home[] => {
    const group = homeGroup[series] ?? NO_SERIES
    if (group === NO_SERIES) return []
    const first = { group, column: homeColumn[series] ?? 0 }
    const more = moreHomes.get(series)
    return more === undefined ? [first] : [first, ...more]
  }
  const dropHome = (series: number, group: number, column: number): boolean => {
    changed(series)
    const rest = homes(series).filter((home) => home.group !== group || home.column !== column)
    const [first, ...more] = rest
    homeGroup[series] = first?.group ?? NO_SERIES
    homeColumn[series] = first?.column ?? 0
    if (more.length > 0) moreHomes.set(series, more)
    else moreHomes.delete(series)
    return rest.length === 0
  }

  return {
    size: () => live,
    pairCount: () => pairNames.length,
    pairName: (id) => pairNames[id] ?? '',
    pairValue: (id) => pairValues[id] ?? '',
    pair,
    findPair: (name, value) => names.get(name)?.get(value),
    valuesOf: (name) => names.get(name),
    names: () => names.keys(),
    posting,
    pairsOf(labels) {
      const keys = Object.keys(labels).filter((name) => labels[name] !== '').sort()
      return Uint32Array.from(keys, (name) => pair(name, labels[name] ?? ''))
    },
    intern,
    pairs(series) {
      const at = offset[series] ?? 0
      return at === 0 ? undefined : pool.subarray(at + 1, at + 1 + (pool[at] ?? 0))
    },
    labels: (series) => kept.get(series) ?? makeLabels(series),
    keptLabels(series) {
      let labels = kept.get(series)
      if (labels === undefined) kept.set(series, (labels = makeLabels(series)))
      return labels
    },
    keptCount: () => kept.size,
    forgetLabels(but) {
      for (const series of kept.keys()) if (!but.has(series)) kept.delete(series)
    },
    changesOf: (id) => pairChanges[id] ?? 0,
    changes: () => allChanges,
    home(series, group) {
      if (homeGroup[series] === group) return homeColumn[series]
      return moreHomes.get(series)?.find((home) => home.group === group)?.column
    },
    homes,
    addHome(series, group, column) {
      changed(series)
      if (homeGroup[series] === NO_SERIES) {
        homeGroup[series] = group
        homeColumn[series] = column
        return
      }
      const more = moreHomes.get(series)
      if (more === undefined) moreHomes.set(series, [{ group, column }])
      else more.push({ group, column })
    },
    removeHomes(list) {
      const gone = new Set<number>()
      for (const { series, group, column } of list) if (dropHome(series, group, column)) gone.add(series)
      if (gone.size > 0) remove(gone)
    },
    all() {
      const found = new Uint32Array(live)
      let count = 0
      for (let series = 0; series < next; series++) if (offset[series] !== 0) found[count++] = series
      return found
    },
  }
}
