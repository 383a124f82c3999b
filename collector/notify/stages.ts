/**
 * The stages that mute, in Alertmanager's order: inhibition, active times, mute times, silences. Each takes alerts and
 * leaves fewer, and says whom it muted and why. Source: alertmanager 0.25 `notify/notify.go`.
 */
import type { Labels } from '../../protocol/series.ts'
import type { Route } from './route.ts'
import type { RoutedAlert } from './routed-alert.ts'
import { activeIntervals } from './time-interval.ts'
import type { TimeInterval } from './time-interval.ts'

/** What the stages look at. */
export interface MuteWorld {
  /** Fingerprints of the alerts that mute this one. */
  inhibitedBy(alert: RoutedAlert, now: number): readonly string[]
  silencedBy(labels: Labels, now: number): readonly string[]
  readonly timeIntervals: ReadonlyMap<string, readonly TimeInterval[]>
}

/** What one stage has muted. */
export type Muted =
  | { readonly stage: 'inhibit' | 'silence'; readonly alerts: readonly RoutedAlert[]; /** By alert: fingerprints of inhibitors, or ids of silences. */ readonly by: Readonly<Record<string, readonly string[]>> }
  | { readonly stage: 'active-time' | 'mute-time'; readonly alerts: readonly RoutedAlert[]; readonly intervals: readonly string[] }

export interface Passed {
  readonly alerts: readonly RoutedAlert[]
  readonly muted: Muted | undefined
}

type Stage = (alerts: readonly RoutedAlert[], route: Route, world: MuteWorld, now: number) => Passed

const passed = (alerts: readonly RoutedAlert[]): Passed => ({ alerts, muted: undefined })

function muteEach(stage: 'inhibit' | 'silence', alerts: readonly RoutedAlert[], by: (alert: RoutedAlert) => readonly string[]): Passed {
  const found = new Map<string, readonly string[]>()
  for (const alert of alerts) {
    const muters = by(alert)
    if (muters.length > 0) found.set(alert.fingerprint, muters)
  }
  if (found.size === 0) return passed(alerts)
  return {
    alerts: alerts.filter((alert) => !found.has(alert.fingerprint)),
    muted: { stage, alerts: alerts.filter((alert) => found.has(alert.fingerprint)), by: Object.fromEntries(found) },
  }
}

/** Mutes alerts whose cause fires. */
export const inhibitStage: Stage = (alerts, _, world, now) => muteEach('inhibit', alerts, (alert) => world.inhibitedBy(alert, now))

/** Mutes everything outside the route's active times. */
export const activeTimeStage: Stage = (alerts, route, world, now) => {
  if (route.activeTimeIntervals.length === 0 || activeIntervals(route.activeTimeIntervals, world.timeIntervals, now).length > 0) return passed(alerts)
  return { alerts: [], muted: { stage: 'active-time', alerts, intervals: route.activeTimeIntervals } }
}

/** Mutes everything within the route's mute times. */
export const muteTimeStage: Stage = (alerts, route, world, now) => {
  const intervals = activeIntervals(route.muteTimeIntervals, world.timeIntervals, now)
  return intervals.length === 0 ? passed(alerts) : { alerts: [], muted: { stage: 'mute-time', alerts, intervals } }
}

/** Mutes what a silence covers. */
export const silenceStage: Stage = (alerts, _, world, now) => muteEach('silence', alerts, (alert) => world.silencedBy(alert.routing, now))

/** The row. */
export const muteStages = [inhibitStage, activeTimeStage, muteTimeStage, silenceStage] as const satisfies readonly Stage[]

/** Runs the row; a stage that is handed nothing has nothing to say. */
export function runMuteStages(alerts: readonly RoutedAlert[], route: Route, world: MuteWorld, now: number): { readonly alerts: readonly RoutedAlert[]; readonly muted: readonly Muted[] } {
  const muted: Muted[] = []
  let left = alerts
  for (const stage of muteStages) {
    if (left.length === 0) break
    const outcome = stage(left, route, world, now)
    if (outcome.muted !== undefined) muted.push(outcome.muted)
    left = outcome.alerts
  }
  return { alerts: left, muted }
}
