/** The route tree as people read it, with the groups and people of this moment, and a try-out for any labels. */
import type { IntervalName, ReceiverView, RoutingView, RouteView, TargetView, TriedRoute, TriedView } from '../../protocol/api-notify.ts'
import type { Labels } from '../../protocol/series.ts'
import { officeTime } from '../clock.ts'
import { alertTitle } from './alert-brief.ts'
import { maskedAddress } from './contact-mask.ts'
import { placesOf } from './dispatch.ts'
import type { AlertGroup } from './dispatch.ts'
import { fingerprintOf } from './label-set.ts'
import { matcherText } from './matcher.ts'
import type { Integration, RouteReceiver } from './receiver.ts'
import type { Route } from './route.ts'
import type { RoutedAlert } from './routed-alert.ts'
import type { Dispatch } from './run-dispatch.ts'
import type { Standing } from './second-channel.ts'
import type { TargetPeople } from './target-people.ts'
import { activeIntervals } from './time-interval.ts'
import { timeIntervalText } from './time-interval-text.ts'

export interface RoutingDeskDependencies {
  readonly dispatch: Pick<Dispatch, 'routes' | 'groups' | 'standing' | 'alerts' | 'silences'>
  now(): number
  /** Who would be reached now. */
  peopleOf(target: Extract<Integration, { kind: 'channel' }>): TargetPeople
  works(): Standing
  /** The number of the incident an alert of these labels belongs to, if any. */
  incidentOf(labels: Labels): string | undefined
  /** A span of time in words. */
  span(ms: number): string
}

export interface RoutingDesk {
  view(contacts: boolean): RoutingView
  try(labels: Labels, contacts: boolean): TriedView
}

/** Opens the desk. */
export function createRoutingDesk(deps: RoutingDeskDependencies): RoutingDesk {
  const { dispatch } = deps

  function targetView(target: Integration, contacts: boolean): TargetView {
    const base = { name: target.name, sendResolved: target.sendResolved }
    // A webhook's path is often its secret.
    if (target.kind === 'webhook') return { ...base, kind: 'webhook', channel: new URL(target.url).origin, up: null, roster: null, people: [], addresses: [], nobody: null }
    const found = deps.peopleOf(target)
    return {
      ...base, kind: 'channel', channel: target.channel, up: deps.works()[target.channel] ?? null, roster: target.roster ?? null, people: found.people,
      addresses: contacts ? target.addresses : target.addresses.map(maskedAddress), nobody: found.nobody ?? null,
    }
  }

  const receiverView = (receiver: RouteReceiver | undefined, name: string, contacts: boolean): ReceiverView => ({ name, targets: receiver?.integrations.map((one) => targetView(one, contacts)) ?? [] })

  const intervals = (names: readonly string[], at: number): readonly IntervalName[] => {
    const holding = activeIntervals(names, dispatch.routes().timeIntervals, at)
    return names.map((name) => ({ name, holds: holding.includes(name) }))
  }

  return {
    view(contacts) {
      const now = deps.now()
      const { route, inhibitRules, timeIntervals, receivers } = dispatch.routes()
      const groups = dispatch.groups()
      const view = (one: Route): RouteView => ({
        id: one.id, matchers: one.matchers.map(matcherText), receiver: one.receiver, groupBy: one.groupBy === 'all' ? null : [...one.groupBy],
        groupWaitMs: one.groupWaitMs, groupIntervalMs: one.groupIntervalMs, repeatIntervalMs: one.repeatIntervalMs,
        muteTimes: intervals(one.muteTimeIntervals, now), activeTimes: intervals(one.activeTimeIntervals, now), continue: one.continue,
        groups: groups.filter((group) => group.route.id === one.id && group.alerts.size > 0).length, routes: one.routes.map(view),
      })
      return {
        now, route: view(route),
        inhibitions: inhibitRules.map((rule) => ({ source: rule.source.map(matcherText), target: rule.target.map(matcherText), equal: rule.equal })),
        times: [...timeIntervals].map(([name, list]) => ({ name, holds: intervals([name], now).some((one) => one.holds), text: list.map(timeIntervalText) })),
        receivers: [...receivers.values()].map((one) => receiverView(one, one.name, contacts)),
      }
    },
    try(labels, contacts) {
      const now = deps.now()
      const { route, receivers, timeIntervals } = dispatch.routes()
      const incident = deps.incidentOf(labels)
      const routing = incident === undefined ? labels : { ...labels, incident }
      const alert: RoutedAlert = { fingerprint: fingerprintOf(labels), labels, routing, annotations: {}, startsAt: now, endsAt: undefined, updatedAt: now, timeout: false, generatorUrl: '', origin: 'api' }
      const { inhibitedBy, silencedBy } = dispatch.standing(alert)
      const known = new Map(dispatch.alerts().map((one) => [one.alert.fingerprint, one.alert]))
      const title = (fingerprint: string): string => {
        const one = known.get(fingerprint)
        return one === undefined ? fingerprint : alertTitle(one)
      }
      const silences = silencedBy.flatMap((id) => dispatch.silences.get(id) ?? [])
      const groups = new Map(dispatch.groups().map((group) => [group.id, group]))
      const routes = placesOf(route, routing).map((place): TriedRoute => {
        const held = groups.get(place.id)
        const group = held !== undefined && held.alerts.size > 0 ? held : undefined
        const mutes = activeIntervals(place.route.muteTimeIntervals, timeIntervals, now)
        const outside = place.route.activeTimeIntervals.length > 0 && activeIntervals(place.route.activeTimeIntervals, timeIntervals, now).length === 0
        const receiver = receiverView(receivers.get(place.route.receiver), place.route.receiver, contacts)
        const stops = [
          ...inhibitedBy.map((fingerprint) => `被抑制：${title(fingerprint)} 正在告警`),
          ...(outside ? [`不在生效时段内：${place.route.activeTimeIntervals.join('、')}`] : []),
          ...(mutes.length > 0 ? [`处于免打扰时段：${mutes.join('、')}`] : []),
          ...silences.map((one) => `被静默：${one.createdBy}「${one.comment}」至 ${officeTime(one.endsAt)}`),
        ]
        return {
          route: place.route.id, receiver, groupKey: place.key, groupLabels: place.labels,
          groupWaitMs: place.route.groupWaitMs, groupIntervalMs: place.route.groupIntervalMs, repeatIntervalMs: place.route.repeatIntervalMs,
          group: group === undefined ? null : { alerts: group.alerts.size, dueAt: group.dueAt },
          told: stops.length === 0 && receiver.targets.some((one) => one.nobody === null),
          sentences: [timing(group, place.route, now, (ms) => deps.span(ms)), ...(stops.length > 0 ? stops : reached(receiver))],
        }
      })
      return { now, labels: routing, routes }
    },
  }
}

function timing(group: AlertGroup | undefined, route: Route, now: number, span: (ms: number) => string): string {
  if (group === undefined) return `新的分组，等待 ${span(route.groupWaitMs)}后通知`
  return `加入已有分组（${group.alerts.size} 条告警），下次检查在 ${span(Math.max(0, group.dueAt - now))}后`
}

function reached({ name, targets }: ReceiverView): readonly string[] {
  if (targets.length === 0) return [`接收方 ${name} 没有配置任何去处：不会通知任何人`]
  return targets.map((one) => {
    const whom = [...one.people, ...one.addresses]
    return one.nobody === null ? `经 ${one.channel} 通知${whom.length === 0 ? '' : ` ${whom.join('、')}`}` : `经 ${one.channel}：${one.nobody}`
  })
}
