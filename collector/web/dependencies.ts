/**
 * What the web room needs from the others, as narrow functions: routes check their input, call one of these and turn
 * the outcome into a status. `main.ts` wires them; tests pass their own.
 */
import type { AgentView, AlertView, NewToken, Overview, SelfView } from '../../protocol/api.ts'
import type { EnrolRequest } from '../../protocol/messages.ts'
import type { Labels } from '../../protocol/series.ts'
import type { CheckResult } from '../../protocol/events.ts'
import type { StoredEvent, StoredFact } from '../store/store.ts'
import type { Caller } from '../access/sessions.ts'
import type { PresenceView } from '../ingest/run-presence.ts'
import type { Value } from '../promql/value.ts'
import type { RuleGroupStatus } from '../rules/view.ts'
import type { AccountsDependencies } from './accounts-dependencies.ts'
import type { AckLinkDependencies, DutyDependencies } from './duty-dependencies.ts'
import type { IncidentWebDependencies } from './incident-dependencies.ts'
import type { NotifyWebDependencies } from './notify-dependencies.ts'
import type { ServiceWebDependencies } from './service-dependencies.ts'
import type { SmsReplyDependencies } from './sms-replies.ts'

/** A refused act: a stable word, a Chinese sentence and the HTTP status it becomes. */
export interface Refused {
  readonly kind: 'refused'
  readonly status: 400 | 401 | 403 | 404 | 409 | 422 | 429 | 503
  readonly code: string
  readonly message: string
}

export type Outcome<T> = { readonly kind: 'done'; readonly value: T } | Refused

export interface AccessDependencies {
  bySession(token: string): Promise<Caller | undefined>
  byBearer(token: string): Promise<Caller | undefined>
  /** Whether a session is still good; asking does not count as using it. */
  stillSignedIn(token: string): Promise<boolean>
  signIn(user: string, password: string, address: string): Promise<Outcome<{ readonly token: string; readonly caller: Caller }>>
  signOut(token: string): Promise<void>
  changePassword(token: string, old: string, fresh: string, address: string): Promise<Outcome<void>>
}

export interface QueryDependencies {
  /** Throws ParseError (bad_data) or EvaluationError (execution). */
  instant(expr: string, atMs: number): Value
  range(expr: string, startMs: number, endMs: number, stepMs: number): Value
  labelNames(matchers: readonly string[]): readonly string[]
  labelValues(name: string, matchers: readonly string[]): readonly string[]
  series(matchers: readonly string[]): readonly Labels[]
}

export interface WebDependencies {
  now(): number
  readonly version: string
  readonly access: AccessDependencies
  readonly query: QueryDependencies
  presence(): readonly PresenceView[]
  alerts(): readonly AlertView[]
  rules(): readonly RuleGroupStatus[]
  facts(instance: string): readonly StoredFact[]
  events(instance: string, limit: number): readonly StoredEvent[]
  checks(instance: string): readonly CheckResult[]
  overview(): Promise<Overview>
  self(): Promise<SelfView>
  readonly incidents: IncidentWebDependencies
  readonly accounts: AccountsDependencies
  agents: {
    list(): Promise<readonly AgentView[]>
    createToken(host: string, actor: string): Promise<Outcome<NewToken>>
    revoke(instance: string, reason: string, actor: string): Promise<Outcome<void>>
  }
  readonly service: ServiceWebDependencies
  readonly notify: NotifyWebDependencies
  readonly duty: DutyDependencies
  /** The page behind a message's link, open to whoever holds one. */
  readonly ackLinks: AckLinkDependencies
  /** What SMS gateways post, open to whoever knows a channel's secret. */
  readonly smsReplies: SmsReplyDependencies
  /** POST /enrol: one-time token against a certificate. */
  enrol(request: EnrolRequest, address: string): Promise<{ readonly status: 200 | 400 | 401 | 403 | 429 | 503; readonly body: object; readonly retryAfterMs?: number }>
  /** Takes the site's changed files into use; all or nothing. */
  reload(actor: string): Promise<Outcome<void>>
  metricsText(): Promise<string>
  /** Problems that make `/healthz` answer 503; empty when the collector does its work. */
  healthProblems(): readonly string[]
  /** Counts what was refused at the door. */
  refused(what: string, code: string): void
  /** Folder of the built console. */
  readonly consoleFolder: string
}
