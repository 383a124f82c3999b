/**
 * Aggregation groups and when each is due. No clock and no database here: `now` is an argument, and a group changes
 * only by these functions. Source: alertmanager 0.25 `dispatch/dispatch.go` (Dispatcher, aggrGroup).
 */
import type { Labels } from '../../protocol/series.ts'
import { groupKey, groupLabels, matchRoutes } from './route.ts'
import type { Route } from './route.ts'
import { compareAlerts, isResolved } from './routed-alert.ts'
import type { RoutedAlert } from './routed-alert.ts'

/** Alerts of one route that are told together. */
export interface AlertGroup {
  /** Unique over the tree: two routes of equal matchers share their group keys, but not their groups. */
  readonly id: string
  /** Alertmanager's group key, by which the notification log knows the group. */
  readonly key: string
  readonly route: Route
  readonly labels: Labels
  readonly alerts: Map<string, RoutedAlert>
  hasFlushed: boolean
  /** When it is flushed next, epoch ms. */
  dueAt: number
  /** How often it has been flushed. */
  flushes: number
}

/** All groups of a route tree. */
export interface AlertGroups {
  readonly root: Route
  readonly byId: Map<string, AlertGroup>
  /** Which groups hold an alert. */
  readonly holding: Map<string, Set<string>>
}

/** A tree without alerts. */
export function emptyGroups(root: Route): AlertGroups {
  return { root, byId: new Map(), holding: new Map() }
}

/** A group's key and its route. */
export type Place = Pick<AlertGroup, 'key' | 'route'>

/** For groups that outlive a restart. */
export interface InsertOptions {
  /** Whether that group has told the alert's end already. */
  skip?(place: Place): boolean
  /** When that group last told a firing alert; its interval then goes on. */
  resume?(place: Place): number | undefined
}

/** A timer that fires at most this late keeps its phase; after a longer pause it starts anew. */
const LATE_MS = 1_000

/** Where an alert belongs: its routes with the groups' ids and keys. */
export function placesOf(root: Route, labels: Labels): readonly { readonly id: string; readonly key: string; readonly route: Route; readonly labels: Labels }[] {
  return matchRoutes(root, labels).map((route) => {
    const own = groupLabels(route, labels)
    const key = groupKey(route, own)
    return { id: `${route.id} ${key}`, key, route, labels: own }
  })
}

/**
 * Puts an alert into its groups, made where missing, and takes it out of others it was in (its incident has changed).
 * A new group waits group_wait, an alert older than that is told at once.
 */
export function insertAlert(groups: AlertGroups, alert: RoutedAlert, now: number, options: InsertOptions = {}): readonly AlertGroup[] {
  const places = placesOf(groups.root, alert.routing)
  const wanted = new Set(places.map((place) => place.id))
  for (const id of groups.holding.get(alert.fingerprint) ?? []) if (!wanted.has(id)) removeAlert(groups, id, alert.fingerprint)
  return places.filter((place) => options.skip?.(place) !== true).map((place) => {
    const group = groups.byId.get(place.id) ?? createGroup(groups, place, now, options.resume?.(place))
    group.alerts.set(alert.fingerprint, alert)
    const holding = groups.holding.get(alert.fingerprint) ?? new Set<string>()
    holding.add(group.id)
    groups.holding.set(alert.fingerprint, holding)
    if (!group.hasFlushed && alert.startsAt + group.route.groupWaitMs < now) group.dueAt = Math.min(group.dueAt, now)
    return group
  })
}

function createGroup(groups: AlertGroups, place: ReturnType<typeof placesOf>[number], now: number, toldAt: number | undefined): AlertGroup {
  const nextAt = toldAt === undefined ? 0 : toldAt + place.route.groupIntervalMs
  const resumed = nextAt > now
  const group: AlertGroup = { ...place, alerts: new Map(), hasFlushed: resumed, dueAt: resumed ? nextAt : now + place.route.groupWaitMs, flushes: 0 }
  groups.byId.set(group.id, group)
  return group
}

function removeAlert(groups: AlertGroups, id: string, fingerprint: string): void {
  groups.byId.get(id)?.alerts.delete(fingerprint)
  const holding = groups.holding.get(fingerprint)
  holding?.delete(id)
  if (holding?.size === 0) groups.holding.delete(fingerprint)
}

/** The time of the next flush; Infinity where there is no group. */
export function nextDueAt(groups: AlertGroups): number {
  let next = Infinity
  for (const group of groups.byId.values()) next = Math.min(next, group.dueAt)
  return next
}

/** Groups whose time has come, the longest due first. */
export function dueGroups(groups: AlertGroups, now: number): readonly AlertGroup[] {
  return [...groups.byId.values()].filter((group) => group.dueAt <= now).sort((a, b) => a.dueAt - b.dueAt)
}

/** What is told in one flush. */
export interface Flush {
  readonly group: AlertGroup
  readonly at: number
  /** In Alertmanager's order; who still fires has no end, so that it cannot end on the way. */
  readonly alerts: readonly RoutedAlert[]
  /** The same as the group holds them. */
  readonly held: ReadonlyMap<string, RoutedAlert>
}

/** Sets the group's timer anew and takes what is to be told; undefined for an empty group. */
export function beginFlush(group: AlertGroup, now: number): Flush | undefined {
  group.dueAt = (now - group.dueAt <= LATE_MS ? group.dueAt : now) + group.route.groupIntervalMs
  group.hasFlushed = true
  group.flushes++
  if (group.alerts.size === 0) return undefined
  const alerts = [...group.alerts.values()].map((alert) => (alert.endsAt === undefined || isResolved(alert, now) ? alert : { ...alert, endsAt: undefined }))
  return { group, at: now, alerts: alerts.sort(compareAlerts), held: new Map(group.alerts) }
}

/** Alerts that are over and leave with this flush: those nobody has reported anew meanwhile. */
export function leaving(flush: Flush): readonly string[] {
  return [...flush.held].filter(([fingerprint, alert]) => isResolved(alert, flush.at) && flush.group.alerts.get(fingerprint) === alert).map(([fingerprint]) => fingerprint)
}

/** After a successful flush. */
export function endFlush(groups: AlertGroups, flush: Flush): void {
  for (const fingerprint of leaving(flush)) removeAlert(groups, flush.group.id, fingerprint)
}

/** Removes groups that are empty; also mends timers that a clock set back has put out of reach. */
export function tidyGroups(groups: AlertGroups, now: number): void {
  for (const group of groups.byId.values()) {
    if (group.alerts.size === 0) groups.byId.delete(group.id)
    else group.dueAt = Math.min(group.dueAt, now + Math.max(group.route.groupWaitMs, group.route.groupIntervalMs))
  }
}
