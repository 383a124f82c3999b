/**
 * What the console and scripts read at `/api/zhishou/v1/{silences,channels,outbox,routing,explain}`. Times are epoch
 * milliseconds; `null` is "none" or "not known". What is sent to the acts is in collector/web/routes/.
 */
import type { Severity } from './events.ts'
import type { Labels } from './series.ts'

export interface MatcherView {
  readonly name: string
  readonly op: '=' | '!=' | '=~' | '!~'
  readonly value: string
}

/** An alert that routing knows, in short. */
export interface AlertBrief {
  readonly fingerprint: string
  readonly name: string
  readonly instance: string
  readonly severity: Severity
  readonly summary: string
}

/** `waiting`: for its second person, mutes nothing; `refused`, `lapsed`: that person said no, or nobody came in time. */
export type SilenceStanding = 'waiting' | 'active' | 'pending' | 'expired' | 'refused' | 'lapsed'

export type OverrunView =
  | { readonly kind: 'extended'; readonly byMs: number }
  /** It has ended and these fire as they did before. */
  | { readonly kind: 'still-firing'; readonly alerts: readonly AlertBrief[]; readonly count: number }

/** A silence, or the request for one. */
export interface SilenceView {
  readonly id: string
  readonly state: SilenceStanding
  readonly matchers: readonly MatcherView[]
  readonly startsAt: number
  readonly endsAt: number
  /** The end that was agreed when it was made. */
  readonly firstEndsAt: number
  readonly owner: string
  readonly reason: string
  readonly createdAt: number
  readonly updatedAt: number
  /** Alerts firing now that its matchers cover; it mutes them only while `active`. */
  readonly covers: readonly AlertBrief[]
  readonly coversCount: number
  readonly overruns: readonly OverrunView[]
  /** The silence that this request would change. */
  readonly changes: string | null
  /** The second person, and what they said when they refused. */
  readonly second: { readonly by: string; readonly at: number; readonly refusal: string | null } | null
}

/** GET /silences */
export interface SilenceList {
  readonly now: number
  /** Longest time from start to end. */
  readonly longestMs: number
  readonly silences: readonly SilenceView[]
}

/** What came of one attempt. Addresses are masked for those who may not see how to reach people. */
export interface ReceiptView {
  readonly at: number
  readonly attempt: number
  /** `interrupted`: the program ended while it was on its way, so it was sent again. `superseded`: not sent, as it no longer held. `budget`: not sent, as the yearly SMS budget is used up. */
  readonly outcome: 'delivered' | 'try-again' | 'refused' | 'interrupted' | 'superseded' | 'budget'
  readonly to: readonly string[]
  /** What the other side said, or why it failed. */
  readonly detail: string
  readonly missed: readonly { readonly address: string; readonly why: string; readonly again: boolean }[]
  /** How many messages went as one. */
  readonly together: number
}

export interface BudgetView {
  readonly usedSegments: number
  readonly yearlyBudget: number
  readonly usedRatio: number
  /** How much of the contract year is over. */
  readonly elapsedRatio: number
  readonly kind: 'fine' | 'ahead' | 'used-up'
}

export interface ChannelView {
  readonly name: string
  /** As in collector.yml: email, sms-http, wecom … */
  readonly kind: string
  readonly state: 'up' | 'down' | 'unknown'
  readonly why: string | null
  readonly detail: 'minimal' | 'full'
  readonly perMinute: number
  readonly sentLastHour: number
  readonly waiting: number
  readonly oldestWaitingAt: number | null
  /** Not tried before that time. */
  readonly pausedUntil: number | null
  readonly budget: BudgetView | null
  readonly balance: { readonly left: number; readonly low: boolean } | null
  readonly receipts: readonly (ReceiptView & { readonly message: string; readonly receiver: string })[]
  /** What a test needs to be told. */
  readonly address: 'mailbox' | 'phone' | 'none'
}

/** GET /channels */
export interface ChannelList {
  readonly now: number
  /** Nobody is reached: only the console tells. */
  readonly allDown: boolean
  readonly channels: readonly ChannelView[]
}

/** POST /channels/:name/test {to?} */
export interface ChannelTest {
  readonly id: string
  readonly outcome: 'delivered' | 'try-again' | 'refused'
  readonly detail: string
}

/** A message that is owed, was sent, or failed. `text` only for those who may read alerts. */
export interface OutboxView {
  readonly id: string
  readonly at: number
  readonly updatedAt: number
  readonly dueAt: number
  readonly channel: string
  readonly receiver: string
  readonly to: readonly string[]
  readonly state: 'queued' | 'sending' | 'sent' | 'failed' | 'dead' | 'superseded'
  readonly attempts: number
  readonly kind: 'alerts' | 'incident' | 'plain' | 'test' | 'unknown'
  readonly incident: string | null
  readonly error: string | null
  readonly subject: string | null
  readonly receipts: readonly ReceiptView[]
  /** A limit on messages to one person (or robot) keeps it until then at the earliest. */
  readonly heldUntil: number | null
}

/** GET /outbox?state=owed|sent|failed|all&channel=NAME&before=MS&limit=N, newest first. */
export interface OutboxList {
  readonly now: number
  readonly messages: readonly OutboxView[]
  readonly counts: { readonly owed: number; readonly sent: number; readonly failed: number }
  /** `before` of the next page. */
  readonly older: number | null
}

/** GET /outbox/:id */
export interface OutboxDetail extends OutboxView {
  readonly now: number
  /** As its channel says it. */
  readonly text: string | null
}

export interface IntervalName {
  readonly name: string
  readonly holds: boolean
}

/** A route with what it inherits. */
export interface RouteView {
  readonly id: number
  readonly matchers: readonly string[]
  readonly receiver: string
  /** null: every label makes a group of its own. */
  readonly groupBy: readonly string[] | null
  readonly groupWaitMs: number
  readonly groupIntervalMs: number
  readonly repeatIntervalMs: number
  readonly muteTimes: readonly IntervalName[]
  readonly activeTimes: readonly IntervalName[]
  readonly continue: boolean
  /** Groups that hold alerts now. */
  readonly groups: number
  readonly routes: readonly RouteView[]
}

export interface TargetView {
  readonly name: string
  readonly kind: 'channel' | 'webhook'
  readonly channel: string
  /** Whether the channel works; null: not known. */
  readonly up: boolean | null
  readonly sendResolved: boolean
  readonly roster: string | null
  /** Who is reached now. */
  readonly people: readonly string[]
  readonly addresses: readonly string[]
  /** Why nobody is reached, one sentence. */
  readonly nobody: string | null
}

export interface ReceiverView {
  readonly name: string
  readonly targets: readonly TargetView[]
}

/** GET /routing */
export interface RoutingView {
  readonly now: number
  readonly route: RouteView
  readonly inhibitions: readonly { readonly source: readonly string[]; readonly target: readonly string[]; readonly equal: readonly string[] }[]
  readonly times: readonly { readonly name: string; readonly holds: boolean; readonly text: readonly string[] }[]
  readonly receivers: readonly ReceiverView[]
}

/** One route that an alert of these labels would take now. */
export interface TriedRoute {
  readonly route: number
  readonly receiver: ReceiverView
  readonly groupKey: string
  readonly groupLabels: Labels
  readonly groupWaitMs: number
  readonly groupIntervalMs: number
  readonly repeatIntervalMs: number
  /** The group that is there already, with its next flush. */
  readonly group: { readonly alerts: number; readonly dueAt: number } | null
  readonly told: boolean
  readonly sentences: readonly string[]
}

/** POST /routing/try {labels} */
export interface TriedView {
  readonly now: number
  /** What routing looks at: with the incident it belongs to. */
  readonly labels: Labels
  readonly routes: readonly TriedRoute[]
}

/**
 * Why a message came or did not. `told`: it went out; `waiting`: it will be looked at soon; `spoken-for`: its incident's
 * message stands for it; `superseded`: it no longer held when its turn came; `hidden`: the topology puts it behind a cause; `repeat-not-due`: told before, nothing new.
 */
export type WhyReason =
  | 'told' | 'sending' | 'superseded' | 'channel-failed' | 'queue-failed' | 'silenced' | 'inhibited' | 'hidden' | 'spoken-for' | 'mute-time' | 'outside-active' | 'repeat-not-due' | 'nothing-to-tell'
  | 'not-told-of-ends' | 'waiting' | 'not-yet' | 'over' | 'no-receiver' | 'unknown' | 'not-routed' | 'muted-nothing'

/** One line of an explanation. */
export interface WhyLine {
  readonly at: number | null
  readonly step: 'input' | 'topology' | 'route' | 'decision' | 'suppressor' | 'receipt'
  readonly text: string
}

export interface WhyRoute {
  readonly receiver: string
  readonly reason: WhyReason
  readonly lines: readonly WhyLine[]
}

/** GET /explain?alert=FINGERPRINT&at=MS | ?incident=NUMBER&at=MS | ?silence=ID&at=MS | ?notification=ID */
export interface Explanation {
  readonly now: number
  readonly at: number
  readonly about: { readonly kind: 'alert' | 'incident' | 'notification' | 'silence'; readonly id: string; readonly title: string }
  /** The answer in one sentence. */
  readonly answer: string
  readonly reason: WhyReason
  readonly lines: readonly WhyLine[]
  readonly routes: readonly WhyRoute[]
  /** Of the incident that speaks for the alert. */
  readonly spokesman: { readonly title: string; readonly incident: string | null; readonly answer: string; readonly routes: readonly WhyRoute[] } | null
}
