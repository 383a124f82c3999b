/**
 * Pushes our alerts to outside Alertmanagers as Prometheus does: what fires is sent again every minute with an end some
 * intervals ahead (so that it ends there by itself when we are gone), what is over for 15 minutes more. Each endpoint has
 * a queue of its own; when it is full the oldest go, counted.
 *
 * Source: prometheus `rules/alerting.go` (needsSending, ValidUntil, resolvedRetention), `notifier/notifier.go`.
 */
import { Agent, request as httpsRequest } from 'node:https'
import { request as httpRequest } from 'node:http'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { errorText } from '../log.ts'
import type { Log } from '../log.ts'
import { isResolved } from './routed-alert.ts'
import type { RoutedAlert } from './routed-alert.ts'

/** `notify.alertmanagers` of collector.yml: one endpoint each. Secrets are named by file or variable. */
export const externalAlertmanagerSettings = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'expected an address such as http://host:9093' })
      .refine((value) => !/^https?:\/\/[^/?#]*@/.test(value), 'expected no user or password in the address')
      .meta({ description: 'Address of the Alertmanager, with its path prefix if it has one; /api/v2/alerts is added.' }),
    user: z.string().min(1).max(256).optional().meta({ description: 'User for HTTP Basic authentication; needs a password.' }),
    passwordFile: z.string().min(1).optional().meta({ description: 'File that holds the password.', path: true }),
    passwordEnv: z.string().regex(/^[A-Z_][A-Z0-9_]*$/).optional().meta({ description: 'Name of the environment variable that holds the password.' }),
    tokenFile: z.string().min(1).optional().meta({ description: 'File that holds a bearer token.', path: true }),
    tokenEnv: z.string().regex(/^[A-Z_][A-Z0-9_]*$/).optional().meta({ description: 'Name of the environment variable that holds a bearer token.' }),
    caFile: z.string().min(1).optional().meta({ description: "PEM file of the authority that signed the endpoint's certificate, where it is none of the public ones.", path: true }),
  })
  .superRefine((value, context) => {
    const issue = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message })
    const passwords = [value.passwordFile, value.passwordEnv].filter((one) => one !== undefined).length
    const tokens = [value.tokenFile, value.tokenEnv].filter((one) => one !== undefined).length
    if (passwords > 1) issue('passwordEnv', 'expected either passwordFile or passwordEnv, not both')
    if (tokens > 1) issue('tokenEnv', 'expected either tokenFile or tokenEnv, not both')
    if ((value.user === undefined) !== (passwords === 0)) issue('user', 'expected both a user and a password, or neither')
    if (passwords > 0 && tokens > 0) issue('tokenFile', 'expected a password or a token, not both')
  })
export type ExternalAlertmanagerSettings = z.infer<typeof externalAlertmanagerSettings>

/** An endpoint with its secrets read. */
export interface ExternalEndpoint {
  readonly url: string
  /** Value of the Authorization header. */
  readonly authorization: string | undefined
  readonly ca: string | undefined
}

/** Reads an endpoint's secrets. Throws, naming the file or variable, where one is missing. */
export function openEndpoint(settings: ExternalAlertmanagerSettings, world: { readFile(path: string): string; readonly env: Readonly<Record<string, string | undefined>> }): ExternalEndpoint {
  const secret = (file: string | undefined, variable: string | undefined): string | undefined => {
    if (file !== undefined) return world.readFile(file).trim()
    if (variable === undefined) return undefined
    const value = world.env[variable]
    if (value === undefined || value === '') throw new Error(`notify.alertmanagers: the environment variable ${variable} is not set`)
    return value
  }
  const password = secret(settings.passwordFile, settings.passwordEnv)
  const token = secret(settings.tokenFile, settings.tokenEnv)
  const authorization = token !== undefined ? `Bearer ${token}` : password !== undefined ? `Basic ${Buffer.from(`${settings.user ?? ''}:${password}`).toString('base64')}` : undefined
  return { url: `${settings.url.replace(/\/+$/, '')}/api/v2/alerts`, authorization, ca: settings.caFile === undefined ? undefined : world.readFile(settings.caFile) }
}

/** What fires is sent again after this time: Prometheus's --rules.alert.resend-delay. */
export const RESEND_MS = 60_000
/** How long an end is sent on. */
export const RESOLVED_MS = 15 * 60_000
/** Most alerts that wait for one endpoint, Prometheus's --alertmanager.notification-queue-capacity. */
const QUEUE = 10_000
/** Alerts of one request. */
const BATCH = 64
const TIMEOUT_MS = 10_000
/** How often changes are looked for. */
const LOOK_MS = 1_000

/** When an alert was last sent, and in what state. */
export interface SentMark {
  readonly at: number
  readonly resolved: boolean
}

/** Alerts that are to be sent now: never sent, changed since, or due again. */
export function toSend(alerts: readonly RoutedAlert[], sent: ReadonlyMap<string, SentMark>, now: number): readonly RoutedAlert[] {
  return alerts.filter((alert) => {
    const resolved = isResolved(alert, now)
    if (resolved && now - (alert.endsAt ?? now) > RESOLVED_MS) return false
    const mark = sent.get(alert.fingerprint)
    // The end of what nobody there was told of is no news.
    if (mark === undefined) return !resolved
    if (mark.resolved !== resolved || alert.updatedAt > mark.at) return true
    return now - mark.at >= RESEND_MS
  })
}

/** The API's form. `evaluationMs`: the longest time between two looks at a rule; the end is four times that, or of the resend delay, ahead. */
export function postableAlert(alert: RoutedAlert, now: number, evaluationMs: number): object {
  const aheadMs = 4 * Math.max(evaluationMs, RESEND_MS)
  const endsAt = isResolved(alert, now) ? (alert.endsAt ?? now) : now + aheadMs
  return { labels: alert.labels, annotations: alert.annotations, startsAt: new Date(alert.startsAt).toISOString(), endsAt: new Date(endsAt).toISOString(), ...(alert.generatorUrl === '' ? {} : { generatorURL: alert.generatorUrl }) }
}

export interface ExternalDependencies {
  readonly endpoints: readonly ExternalEndpoint[]
  readonly clock: Clock
  readonly log: Pick<Log, 'warn'>
  /** The longest interval of a rule group. */
  readonly evaluationMs: number
  /** Every alert there is, also those that are over. */
  alerts(): readonly RoutedAlert[]
  /** Counts alerts by what became of them. */
  count(endpoint: string, outcome: 'sent' | 'dropped' | 'failed', alerts: number): void
}

/** Starts pushing; returns what stops it, after what is under way. */
export function startExternalAlertmanagers(deps: ExternalDependencies): { readonly stop: () => Promise<void>; readonly look: () => Promise<void> } {
  const senders = deps.endpoints.map((endpoint) => createSender(endpoint, deps))
  const look = async (): Promise<void> => void (await Promise.all(senders.map((sender) => sender())))
  const halt = deps.clock.every(LOOK_MS, 'notify.alertmanagers', look)
  let running: Promise<void> = Promise.resolve()
  return {
    look: () => (running = look()),
    async stop() {
      halt()
      await running
    },
  }
}

/** Sends what is due to one endpoint; a call while one is under way does nothing. */
function createSender(endpoint: ExternalEndpoint, deps: ExternalDependencies): () => Promise<void> {
  const sent = new Map<string, SentMark>()
  let queue: RoutedAlert[] = []
  let busy = false
  let failing = false
  const name = new URL(endpoint.url).host

  function enqueue(now: number): void {
    const fresh = toSend(deps.alerts(), sent, now)
    for (const alert of fresh) sent.set(alert.fingerprint, { at: now, resolved: isResolved(alert, now) })
    const waiting = new Set(fresh.map((alert) => alert.fingerprint))
    // The newest word on an alert is enough.
    queue = [...queue.filter((alert) => !waiting.has(alert.fingerprint)), ...fresh]
    if (queue.length > QUEUE) {
      deps.count(name, 'dropped', queue.length - QUEUE)
      deps.log.warn('alerts for an outside Alertmanager are dropped, its queue is full', { endpoint: name, alerts: queue.length - QUEUE })
      queue = queue.slice(-QUEUE)
    }
    for (const [fingerprint, mark] of sent) if (now - mark.at > RESOLVED_MS + RESEND_MS) sent.delete(fingerprint)
  }

  return async () => {
    enqueue(deps.clock.now())
    if (busy) return
    busy = true
    try {
      while (queue.length > 0) {
        const batch = queue.slice(0, BATCH)
        await post(endpoint, batch.map((alert) => postableAlert(alert, deps.clock.now(), deps.evaluationMs)))
        const done = new Set(batch)
        queue = queue.filter((alert) => !done.has(alert))
        deps.count(name, 'sent', batch.length)
        failing = false
      }
    } catch (error) {
      // What waits stays; the next look tries again.
      deps.count(name, 'failed', Math.min(queue.length, BATCH))
      if (!failing) deps.log.warn('an outside Alertmanager does not take our alerts', { endpoint: name, error: errorText(error) })
      failing = true
      if (error instanceof RefusedAlerts) queue = queue.slice(BATCH)
    } finally {
      busy = false
    }
  }
}

/** The endpoint has read the alerts and will not have them: sending them again changes nothing. */
class RefusedAlerts extends Error {
  override readonly name = 'RefusedAlerts'
}

function post(endpoint: ExternalEndpoint, alerts: readonly object[]): Promise<void> {
  const body = JSON.stringify(alerts)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...(endpoint.authorization === undefined ? {} : { authorization: endpoint.authorization }) }
  const secure = endpoint.url.startsWith('https:')
  const agent = secure && endpoint.ca !== undefined ? new Agent({ ca: endpoint.ca }) : undefined
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', headers, signal: AbortSignal.timeout(TIMEOUT_MS), ...(agent === undefined ? {} : { agent }) }
    const call = (secure ? httpsRequest : httpRequest)(endpoint.url, options, (reply) => {
      const status = reply.statusCode ?? 0
      let text = ''
      reply.setEncoding('utf8').on('data', (part: string) => (text = (text + part).slice(0, 500))).on('error', reject).on('end', () => {
        if (status >= 200 && status < 300) resolve()
        else reject(status === 400 || status === 422 ? new RefusedAlerts(`refused with ${status}: ${text}`) : new Error(`answered ${status}: ${text}`))
      })
    })
    call.on('error', reject)
    call.end(body)
  })
}
