/** One flush from end to end, decided but not yet done: what is muted, who is told what, what the log then says. Pure. */
import type { Labels } from '../../protocol/series.ts'
import type { DecisionWhy, DraftDecision } from './decision.ts'
import type { Flush } from './dispatch.ts'
import { entryAfter, newsFor, sides, toldAlerts } from './notification-log.ts'
import type { LogEntry, News } from './notification-log.ts'
import type { Integration, RouteReceiver } from './receiver.ts'
import { isResolved } from './routed-alert.ts'
import type { RoutedAlert } from './routed-alert.ts'
import { runMuteStages } from './stages.ts'
import type { Muted, MuteWorld } from './stages.ts'

/** A message owed to one integration, with all that a webhook of payload version 4 needs. */
export interface Notification {
  readonly groupKey: string
  readonly receiver: string
  readonly integration: Integration
  readonly at: number
  readonly news: News
  readonly status: 'firing' | 'resolved'
  /** In Alertmanager's order, cut to the integration's max_alerts. */
  readonly alerts: readonly RoutedAlert[]
  /** How many were cut off. */
  readonly truncatedAlerts: number
  readonly groupLabels: Labels
  readonly commonLabels: Labels
  readonly commonAnnotations: Readonly<Record<string, string>>
}

/** What is done for one integration. */
export interface FlushStep {
  readonly integration: Integration
  readonly decision: DraftDecision
  /** undefined: nothing is sent. */
  readonly notification: Notification | undefined
  /** undefined: the log stays as it is. */
  readonly entry: LogEntry | undefined
}

export interface FlushPlan {
  readonly flush: Flush
  readonly muted: readonly DraftDecision[]
  readonly steps: readonly FlushStep[]
}

/** Decides a flush. `logOf` gives what the integration was last told of this group. */
export function planFlush(flush: Flush, receiver: RouteReceiver, world: MuteWorld, logOf: (integration: string) => LogEntry | undefined): FlushPlan {
  const { group, at } = flush
  const place = { groupKey: group.key, receiver: receiver.name }
  const { alerts, muted } = runMuteStages(flush.alerts, group.route, world, at)
  const mutes = muted.map((one): DraftDecision => ({ ...place, integration: '', stage: one.stage, outcome: 'muted', ...sides(one.alerts, at), why: whyMuted(one) }))
  if (alerts.length === 0) return { flush, muted: mutes, steps: [] }
  return { flush, muted: mutes, steps: receiver.integrations.map((integration) => planStep(flush, place, integration, alerts, logOf(integration.name))) }
}

function whyMuted(muted: Muted): DecisionWhy {
  switch (muted.stage) {
    case 'inhibit':
      return { kind: 'inhibitors', by: { ...muted.by } }
    case 'silence':
      return { kind: 'silences', by: { ...muted.by } }
    case 'active-time':
      return { kind: 'outside-active', intervals: muted.intervals }
    case 'mute-time':
      return { kind: 'mute-time', intervals: muted.intervals }
  }
}

function planStep(flush: Flush, place: { readonly groupKey: string; readonly receiver: string }, integration: Integration, alerts: readonly RoutedAlert[], entry: LogEntry | undefined): FlushStep {
  const { at, group } = flush
  const { repeatIntervalMs } = group.route
  const { firing, resolved } = sides(alerts, at)
  const base = { ...place, integration: integration.name, firing, resolved }
  const news = newsFor(entry, firing, resolved, integration.sendResolved, repeatIntervalMs, at)
  if (news === undefined) {
    return { integration, decision: { ...base, stage: 'dedup', outcome: 'nothing-new', why: { kind: 'nothing-new', lastToldAt: entry?.at ?? null } }, notification: undefined, entry: undefined }
  }
  const told = toldAlerts(alerts, integration, at)
  const after = entryAfter({ ...place, integration: integration.name }, firing, resolved, repeatIntervalMs, at)
  return {
    integration,
    decision: { ...base, stage: 'deliver', outcome: told.length === 0 ? 'cleared' : 'queued', why: { kind: 'news', news } },
    notification: told.length === 0 ? undefined : notificationOf(flush, place, integration, told, news),
    entry: after,
  }
}

function notificationOf(flush: Flush, place: { readonly groupKey: string; readonly receiver: string }, integration: Integration, told: readonly RoutedAlert[], news: News): Notification {
  const most = integration.kind === 'webhook' && integration.maxAlerts > 0 ? integration.maxAlerts : told.length
  const alerts = told.slice(0, most)
  return {
    ...place, integration, at: flush.at, news, alerts,
    status: alerts.some((alert) => !isResolved(alert, flush.at)) ? 'firing' : 'resolved',
    truncatedAlerts: told.length - alerts.length,
    groupLabels: flush.group.labels,
    commonLabels: common(alerts.map((alert) => alert.labels)),
    commonAnnotations: common(alerts.map((alert) => alert.annotations)),
  }
}

/** What all of them have with the same value. */
function common(sets: readonly Readonly<Record<string, string>>[]): Readonly<Record<string, string>> {
  const [first = {}, ...rest] = sets
  return Object.fromEntries(Object.entries(first).filter(([name, value]) => rest.every((one) => one[name] === value)))
}
