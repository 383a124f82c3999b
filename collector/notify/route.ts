/**
 * The route tree: which leaves an alert takes, what they inherit, and into which group it falls.
 * Source: alertmanager 0.25 `dispatch/route.go`, `dispatch/dispatch.go`.
 */
import type { Labels } from '../../protocol/series.ts'
import { labelSetText } from './label-set.ts'
import type { LabelMatcher } from './matcher.ts'
import { compareMatchers, matchersText, matchesAll } from './matcher.ts'

/** A route as the file says it; what is undefined is inherited. Durations in ms. */
export interface RouteNode {
  readonly matchers: readonly LabelMatcher[]
  readonly continue: boolean
  readonly receiver: string | undefined
  readonly groupBy: readonly string[] | 'all' | undefined
  readonly groupWaitMs: number | undefined
  readonly groupIntervalMs: number | undefined
  readonly repeatIntervalMs: number | undefined
  readonly muteTimeIntervals: readonly string[]
  readonly activeTimeIntervals: readonly string[]
  readonly routes: readonly RouteNode[]
}

/** A route with everything it inherits. */
export interface Route {
  /** Its place in the tree, counted from 0 in the order of the file. */
  readonly id: number
  /** Its own and its parents' matchers, `{}/{a="b"}`: the left half of group keys. */
  readonly key: string
  readonly matchers: readonly LabelMatcher[]
  readonly continue: boolean
  readonly receiver: string
  readonly groupBy: ReadonlySet<string> | 'all'
  readonly groupWaitMs: number
  readonly groupIntervalMs: number
  readonly repeatIntervalMs: number
  /** These two are not inherited. */
  readonly muteTimeIntervals: readonly string[]
  readonly activeTimeIntervals: readonly string[]
  readonly routes: readonly Route[]
}

const DEFAULTS = { receiver: '', groupBy: new Set<string>(), groupWaitMs: 30_000, groupIntervalMs: 300_000, repeatIntervalMs: 14_400_000 } as const

/** Lets every route inherit from its parent, and the root from Alertmanager's defaults. */
export function routeTree(root: RouteNode): Route {
  let next = 0
  const build = (node: RouteNode, parent: Pick<Route, 'receiver' | 'groupBy' | 'groupWaitMs' | 'groupIntervalMs' | 'repeatIntervalMs'>, parentKey: string): Route => {
    const matchers = [...node.matchers].sort(compareMatchers)
    const own = {
      id: next++,
      key: `${parentKey}${matchersText(matchers)}`,
      matchers,
      continue: node.continue,
      receiver: node.receiver ?? parent.receiver,
      groupBy: groupByOf(node, parent.groupBy),
      groupWaitMs: node.groupWaitMs ?? parent.groupWaitMs,
      groupIntervalMs: node.groupIntervalMs ?? parent.groupIntervalMs,
      repeatIntervalMs: node.repeatIntervalMs ?? parent.repeatIntervalMs,
      muteTimeIntervals: node.muteTimeIntervals,
      activeTimeIntervals: node.activeTimeIntervals,
    }
    return { ...own, routes: node.routes.map((child) => build(child, own, `${own.key}/`)) }
  }
  return build(root, DEFAULTS, '')
}

function groupByOf(node: RouteNode, inherited: Route['groupBy']): Route['groupBy'] {
  if (node.groupBy === 'all') return 'all'
  // An empty list says nothing, as in Alertmanager.
  return node.groupBy === undefined || node.groupBy.length === 0 ? inherited : new Set(node.groupBy)
}

/** The routes that take an alert with these labels: the deepest that match, the first unless `continue` goes on. */
export function matchRoutes(route: Route, labels: Labels): readonly Route[] {
  if (!matchesAll(route.matchers, labels)) return []
  const taken: Route[] = []
  for (const child of route.routes) {
    const found = matchRoutes(child, labels)
    taken.push(...found)
    if (found.length > 0 && !child.continue) break
  }
  return taken.length > 0 ? taken : [route]
}

/** The labels by which the route groups, as far as the alert has them. */
export function groupLabels(route: Route, labels: Labels): Labels {
  const { groupBy } = route
  if (groupBy === 'all') return labels
  return Object.fromEntries(Object.entries(labels).filter(([name]) => groupBy.has(name)))
}

/** `{}/{a="b"}:{alertname="x"}`, Alertmanager's own text. */
export function groupKey(route: Route, labels: Labels): string {
  return `${route.key}:${labelSetText(labels)}`
}

/** Every route of the tree, parents first. */
export function allRoutes(route: Route): readonly Route[] {
  return [route, ...route.routes.flatMap(allRoutes)]
}
