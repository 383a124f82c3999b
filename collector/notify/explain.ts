/**
 * "Why did it not ring at 03:12?": from the recorded decisions, the routes and the receipts, what routing saw at that
 * minute, what it decided, what stood in the way, and what became of the message. Pure.
 */
import { officeTime } from '../clock.ts'
import type { Decision } from './decision.ts'
import { placesOf } from './dispatch.ts'
import type { Place } from './dispatch.ts'
import type { RouteFile } from './route-file.ts'
import { allRoutes } from './route.ts'
import type { RoutedAlert } from './routed-alert.ts'
import { isResolved } from './routed-alert.ts'
import type { Silence } from './silence.ts'
import { silenceState } from './silence.ts'

/** What came of one attempt to send. */
export interface ReceiptFact {
  readonly outboxId: string
  readonly at: number
  readonly outcome: string
  readonly detail: string
}

/** The rows an explanation is made from; `decisions` are those that held around the moment (see loadDecisions). */
export interface ExplainFacts {
  readonly at: number
  readonly routes: RouteFile
  readonly decisions: readonly Decision[]
  readonly silences: readonly Silence[]
  readonly receipts: readonly ReceiptFact[]
  /** Names of alerts for people, by fingerprint; one that is missing is shown by its fingerprint. */
  nameOf(fingerprint: string): string
  /** A span of time in words. */
  span(ms: number): string
}

/** One decision in words, with what it rests on. */
export interface ExplainedDecision {
  readonly decision: Decision
  readonly text: string
  readonly receipts: readonly ReceiptFact[]
}

/** One leaf of the route tree that an alert takes. */
export interface ExplainedRoute {
  readonly receiver: string
  readonly groupKey: string
  readonly groupWaitMs: number
  readonly groupIntervalMs: number
  readonly repeatIntervalMs: number
  /** What the newest flush at or before the moment decided about the alert; empty: it had not been flushed yet. */
  readonly decisions: readonly ExplainedDecision[]
  readonly text: string
}

export interface AlertExplanation {
  readonly kind: 'alert'
  readonly at: number
  readonly alert: RoutedAlert
  readonly state: 'not-yet' | 'firing' | 'resolved'
  readonly routes: readonly ExplainedRoute[]
}

/** From when on decisions must be loaded to explain that moment: a group that lives is flushed once an interval. */
export function explainFrom(routes: RouteFile, at: number): number {
  return at - 2 * Math.max(...allRoutes(routes.route).map((route) => Math.max(route.groupIntervalMs, route.groupWaitMs)))
}

/** Why an alert was told, or was not, at that moment. */
export function explainAlert(alert: RoutedAlert, facts: ExplainFacts): AlertExplanation {
  const { at } = facts
  const state = at < alert.startsAt ? 'not-yet' : isResolved(alert, at) ? 'resolved' : 'firing'
  const places = placesOf(facts.routes.route, alert.routing)
  const here = places.map((place) => explainedRoute(place, alert, state, facts))
  // Before it belonged to its incident it fell into other groups: what they decided then is the answer.
  const before = here.some((one) => one.decisions.length > 0) ? [] : formerPlaces(places, alert, facts).map((place) => explainedRoute(place, alert, state, facts)).filter((one) => one.decisions.length > 0)
  const routes = before.length > 0 ? before : here
  return { kind: 'alert', at, alert, state, routes }
}

function explainedRoute({ key, route }: Place, alert: RoutedAlert, state: AlertExplanation['state'], facts: ExplainFacts): ExplainedRoute {
  const { groupWaitMs, groupIntervalMs, repeatIntervalMs, receiver } = route
  const ours = facts.decisions.filter((one) => one.groupKey === key && one.receiver === receiver)
  const mine = newestFlush(ours, facts.at, groupIntervalMs).filter((one) => [...one.firing, ...one.resolved].includes(alert.fingerprint))
  const decisions = mine.map((one) => explained(one, facts, alert.fingerprint))
  const waiting = state === 'not-yet' ? '告警此时尚未发生' : `分组尚未发出过通知（最多等待 ${facts.span(groupWaitMs)}）`
  return { receiver, groupKey: key, groupWaitMs, groupIntervalMs, repeatIntervalMs, decisions, text: decisions.length === 0 ? waiting : decisions.map((one) => one.text).join('；') }
}

/** Groups of the present tree that decided about the alert while it had other labels for routing. */
function formerPlaces(places: readonly Place[], alert: RoutedAlert, facts: ExplainFacts): readonly Place[] {
  const routes = allRoutes(facts.routes.route)
  const found = new Map<string, Place>()
  for (const { groupKey, receiver, firing, resolved } of facts.decisions) {
    if (!firing.includes(alert.fingerprint) && !resolved.includes(alert.fingerprint)) continue
    if (places.some((one) => one.key === groupKey && one.route.receiver === receiver)) continue
    const route = routes.find((one) => one.receiver === receiver && groupKey.startsWith(`${one.key}:`))
    if (route !== undefined) found.set(`${receiver} ${groupKey}`, { key: groupKey, route })
  }
  return [...found.values()]
}

/** How late a flush may be without losing its phase (see dispatch.ts). */
const LATE_MS = 1_000
/** How late a flush may be at all, with the processor busy. */
const GONE_MS = 10_000

/**
 * The decisions of one group's newest flush at or before `at`, for each integration. A row stands for flushes from `at`
 * to `lastAt`; one that spans the moment was made anew within the last interval, but nothing says when. So what lies
 * less than an interval before the newest row is of the same flush, unless a newer row overtakes it.
 */
export function newestFlush(decisions: readonly Decision[], at: number, intervalMs: number): readonly Decision[] {
  const moment = (one: Decision): number => Math.min(one.lastAt, at)
  const past = decisions.filter((one) => one.at <= at)
  const newest = Math.max(...past.map(moment))
  // A group that lives is flushed once an interval: this one was gone by then.
  if (newest < at - intervalMs - GONE_MS) return []
  const near = past.filter((one) => moment(one) > newest - intervalMs - LATE_MS)
  const thread = (one: Decision): string => JSON.stringify([one.integration, one.integration === '' ? one.stage : ''])
  const newestOf = Map.groupBy(near, thread)
  const last = near.filter((one) => (newestOf.get(thread(one)) ?? []).every((other) => moment(other) <= moment(one)))
  return last.filter((one) => !last.some((other) => overtakes(other, one)))
}

/** In one flush an alert is muted by one stage, or handed to each integration: of rows that say both, the newer one holds. */
function overtakes(newer: Decision, older: Decision): boolean {
  if (newer === older || (newer.integration !== '' && older.integration !== '') || newer.lastAt <= older.lastAt) return false
  return newer.firing.some((fingerprint) => older.firing.includes(fingerprint)) || newer.resolved.some((fingerprint) => older.resolved.includes(fingerprint))
}

export interface NotificationExplanation {
  readonly kind: 'notification'
  readonly decision: ExplainedDecision | undefined
}

/** Why a message was sent, and what became of it; `decision` undefined: it did not come from routing, or is forgotten. */
export function explainNotification(outboxId: string, facts: ExplainFacts): NotificationExplanation {
  const decision = facts.decisions.find((one) => one.outboxIds.includes(outboxId))
  return { kind: 'notification', decision: decision === undefined ? undefined : explained(decision, facts, undefined) }
}

export interface SilenceExplanation {
  readonly kind: 'silence'
  readonly silence: Silence
  readonly state: 'pending' | 'active' | 'expired'
  /** What it kept quiet around the moment. */
  readonly muted: readonly { readonly decision: ExplainedDecision; readonly fingerprints: readonly string[] }[]
}

/** What a silence muted around that moment. */
export function explainSilence(silence: Silence, facts: ExplainFacts): SilenceExplanation {
  const muted = facts.decisions.flatMap((decision) => {
    if (decision.why.kind !== 'silences') return []
    const fingerprints = Object.entries(decision.why.by).filter(([, ids]) => ids.includes(silence.id)).map(([fingerprint]) => fingerprint)
    return fingerprints.length === 0 ? [] : [{ decision: explained(decision, facts, undefined), fingerprints }]
  })
  return { kind: 'silence', silence, state: silenceState(silence, facts.at), muted }
}

function explained(decision: Decision, facts: ExplainFacts, fingerprint: string | undefined): ExplainedDecision {
  return { decision, text: sentence(decision, facts, fingerprint), receipts: facts.receipts.filter((one) => decision.outboxIds.includes(one.outboxId)) }
}

const newsText = { first: '首次告知', 'new-firing': '组内有新告警', 'all-resolved': '全部恢复', 'new-resolved': '有告警恢复', repeat: '到达重复提醒间隔' } as const

/** A decision as people read it; about one alert where a fingerprint is given. */
function sentence(decision: Decision, facts: ExplainFacts, fingerprint: string | undefined): string {
  const { why } = decision
  const when = officeTime(decision.at)
  const subjects = (by: Readonly<Record<string, readonly string[]>>): readonly string[] => [...new Set(fingerprint === undefined ? Object.values(by).flat() : (by[fingerprint] ?? []))]
  switch (why.kind) {
    case 'inhibitors':
      return `${when} 起被抑制：${subjects(why.by).map((one) => facts.nameOf(one)).join('、')} 正在告警`
    case 'silences':
      return `${when} 起被静默：${subjects(why.by).map((id) => silenceText(id, facts.silences)).join('、')}`
    case 'outside-active':
      return `${when} 起不在生效时段内：${why.intervals.join('、')}`
    case 'mute-time':
      return `${when} 起处于免打扰时段：${why.intervals.join('、')}`
    case 'nothing-new':
      return why.lastToldAt === null ? `${when} 没有需要告知的内容（从未告知过该组）` : `${when} 没有新内容，上次告知于 ${officeTime(why.lastToldAt)}`
    case 'news':
      return decision.outcome === 'cleared' ? `${when} ${newsText[why.news]}，该渠道不告知恢复，只记录` : `${when} ${newsText[why.news]}，已交付发送（${decision.receiver} ${decision.integration}）`
    case 'error':
      return `${when} 未能排入发送队列，将重试：${why.message}`
  }
}

function silenceText(id: string, silences: readonly Silence[]): string {
  const silence = silences.find((one) => one.id === id)
  return silence === undefined ? id : `${silence.createdBy}「${silence.comment}」至 ${officeTime(silence.endsAt)}`
}
