import { printMatcher } from '../promql/print.ts'
import type { Querier, SeriesSamples } from '../store/store.ts'

/** From how many questions about single instances on the selection is read whole: one by one is cheaper for a few only. */
const singles = 8

/**
 * A querier for asking the same of one instance after the other, as when a thousand alerts end at once: a selection
 * whose last matcher names instances is, after a few times, read for all of them and looked up. For one moment only.
 */
export function byInstance(under: Querier): Querier {
  const asked = new Map<string, { count: number; index: ReadonlyMap<string, readonly SeriesSamples[]> | undefined }>()
  return {
    select(matchers, fromMs, toMs) {
      const last = matchers[matchers.length - 1]
      const instances = last?.name === 'instance' ? last.literals : undefined
      if (instances === undefined || matchers.length < 2) return under.select(matchers, fromMs, toMs)
      const all = matchers.slice(0, -1)
      const key = `${all.map(printMatcher).join()} ${fromMs} ${toMs}`
      let entry = asked.get(key)
      if (entry === undefined) asked.set(key, (entry = { count: 0, index: undefined }))
      if (++entry.count <= singles) return under.select(matchers, fromMs, toMs)
      const index = (entry.index ??= indexByInstance(under.select(all, fromMs, toMs)))
      return instances.flatMap((instance) => index.get(instance) ?? [])
    },
  }
}

/** Series by their `instance`; '' for those without. */
export function indexByInstance(series: readonly SeriesSamples[]): ReadonlyMap<string, readonly SeriesSamples[]> {
  const index = new Map<string, SeriesSamples[]>()
  for (const one of series) {
    const instance = one.labels['instance'] ?? ''
    const list = index.get(instance)
    if (list === undefined) index.set(instance, [one])
    else list.push(one)
  }
  return index
}
