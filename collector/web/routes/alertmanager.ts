/**
 * The Alertmanager v2 API, so that amtool, Prometheus, Grafana and every script that speaks it work on us.
 * Source: alertmanager 0.25 `api/v2/openapi.yaml`, `api/v2/api.go`. A refusal is a JSON text, as there.
 */
import { type Context, Hono } from 'hono'
import { RE2JS } from 're2js'
import { z } from 'zod'
import { alertFault, reportOfPost } from '../../notify/alert-report.ts'
import type { PostedAlert } from '../../notify/alert-report.ts'
import { compareLabelSets } from '../../notify/label-set.ts'
import { MatcherError, matchesFilter, parseMatcher } from '../../notify/matcher.ts'
import type { LabelMatcher, MatchOp } from '../../notify/matcher.ts'
import { alertmanagerText } from '../../notify/route-text.ts'
import { compareAlerts, isResolved } from '../../notify/routed-alert.ts'
import type { AlertStanding, Dispatch } from '../../notify/run-dispatch.ts'
import { auditSilence } from '../../notify/silence-audit.ts'
import { silenceState } from '../../notify/silence.ts'
import type { Silence, SilenceRequest } from '../../notify/silence.ts'
import type { WebDependencies } from '../dependencies.ts'
import { type WebEnv, may, signedIn } from '../guard.ts'

/** What these routes need; `WebDependencies` has the first four. */
export interface AlertmanagerDependencies extends Pick<WebDependencies, 'now' | 'version' | 'access' | 'refused'> {
  readonly startedAt: number
  readonly dispatch: Pick<Dispatch, 'routes' | 'put' | 'alerts' | 'groups' | 'standing' | 'silences'>
  /** Why this house refuses a silence that Alertmanager would take; undefined: it does not. */
  silenceFault?(request: SilenceRequest): string | undefined
}

/** The Alertmanager that we are held against. */
const API_VERSION = '0.25.0'
/** Most alerts in one call. */
const MAX_ALERTS = 10_000

/** Input that is refused; the message is the answer. */
class BadRequest extends Error {
  override readonly name = 'BadRequest'
}

/** 0001-01-01T00:00:00Z, which Go's clients send for "not set". */
const GO_ZERO = -62_135_596_800_000

/** RFC 3339, as Go reads it; the year 1 (Go's zero time) and a missing one are undefined. */
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/
const moment = z
  .string()
  .regex(rfc3339, 'expected a time such as 2026-11-22T08:00:00Z')
  .transform((text) => Date.parse(text))
  .refine((at) => Number.isFinite(at), 'no such time')
  .transform((at) => (at <= GO_ZERO ? undefined : at))
const texts = z.record(z.string().max(1_000), z.string().max(100_000))
const postedAlerts = z.array(z.looseObject({ labels: texts, annotations: texts.nullish(), startsAt: moment.nullish(), endsAt: moment.nullish(), generatorURL: z.string().max(10_000).nullish() })).max(MAX_ALERTS)
const postedSilence = z.looseObject({
  id: z.string().max(100).nullish(),
  matchers: z.array(z.looseObject({ name: z.string().max(1_000), value: z.string().max(20_000), isRegex: z.boolean(), isEqual: z.boolean().nullish() })).max(1_000),
  startsAt: moment,
  endsAt: moment,
  createdBy: z.string().max(1_000),
  comment: z.string().max(10_000),
})

/** Everything under `/api/v2`. */
export function alertmanagerRoutes(deps: AlertmanagerDependencies): Hono<WebEnv> {
  const { dispatch } = deps
  const app = new Hono<WebEnv>()
  const guarded = [signedIn(deps), may('alerts.read', deps)] as const
  const answered = (handler: (context: Context<WebEnv>) => Response | Promise<Response>) => async (context: Context<WebEnv>): Promise<Response> => {
    try {
      return await handler(context)
    } catch (error) {
      if (!(error instanceof BadRequest) && !(error instanceof MatcherError)) throw error
      deps.refused('request', 'malformed')
      return context.json(error.message, 400)
    }
  }

  app.get('/status', ...guarded, (context) => context.json(status(deps)))
  app.get('/receivers', ...guarded, (context) => context.json([...dispatch.routes().receivers.keys()].map((name) => ({ name }))))

  app.get('/alerts', ...guarded, answered((context) => {
    const wanted = alertQuery(context)
    const found = dispatch.alerts().filter((one) => wanted.shows(one) && (wanted.receiver === undefined || one.receivers.some(wanted.receiver)))
    return context.json(found.map((one) => alertView(one, one.receivers, deps)).sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1)))
  }))

  app.post('/alerts', ...guarded, may('alerts.write', deps), answered(async (context) => {
    const posted = await body(context, postedAlerts)
    const now = deps.now()
    const { resolveTimeoutMs } = dispatch.routes()
    const alerts = posted.map((one): PostedAlert => ({ labels: one.labels, annotations: one.annotations ?? {}, startsAt: one.startsAt ?? undefined, endsAt: one.endsAt ?? undefined, generatorUrl: one.generatorURL ?? '' }))
    const faults: string[] = []
    const reports = alerts.map((one) => reportOfPost(one, now, resolveTimeoutMs)).filter((report) => {
      const fault = alertFault(report)
      if (fault !== undefined) faults.push(fault)
      return fault === undefined
    })
    // As there: what is good is taken, and what is not is told.
    await dispatch.put(reports)
    if (faults.length > 0) throw new BadRequest(faults.join('; '))
    return context.body(null, 200)
  }))

  app.get('/alerts/groups', ...guarded, answered((context) => context.json(groupViews(context, deps))))

  app.get('/silences', ...guarded, answered((context) => {
    const filter = filterOf(context)
    const now = deps.now()
    const found = dispatch.silences.list().filter((one) => matchesFilter(filter, Object.fromEntries(one.matchers.map((matcher) => [matcher.name, matcher.value]))))
    return context.json(found.map((one) => silenceView(one, now)))
  }))

  app.post('/silences', ...guarded, may('silences.write', deps), answered(async (context) => {
    const { id, matchers, startsAt, endsAt, createdBy, comment } = await body(context, postedSilence)
    const { user } = context.get('caller')
    const request = {
      id: id === null || id === '' ? undefined : id,
      matchers: matchers.map((one) => ({ name: one.name, op: opOf(one.isRegex, one.isEqual ?? true), value: one.value })),
      startsAt: startsAt ?? deps.now(),
      endsAt: endsAt ?? 0,
      createdBy,
      comment,
    }
    const fault = deps.silenceFault?.(request)
    if (fault !== undefined) throw new BadRequest(fault)
    const outcome = await dispatch.silences.set(request, (trx, change) => auditSilence(trx, change, user, deps.now()))
    switch (outcome.kind) {
      case 'set':
        return context.json({ silenceID: outcome.silence.id })
      case 'not-found':
        return context.json('silence not found', 404)
      case 'refused':
        throw new BadRequest(outcome.why)
    }
  }))

  app.get('/silence/:id', ...guarded, (context) => {
    const silence = dispatch.silences.get(context.req.param('id'))
    return silence === undefined ? context.json('silence not found', 404) : context.json(silenceView(silence, deps.now()))
  })

  app.delete('/silence/:id', ...guarded, may('silences.write', deps), async (context) => {
    const id = context.req.param('id')
    const { user } = context.get('caller')
    switch (await dispatch.silences.expire(id, (trx, change) => auditSilence(trx, change, user, deps.now()))) {
      case 'expired':
        return context.body(null, 200)
      case 'not-found':
        return context.json('silence not found', 404)
      case 'already-expired':
        // The API knows no other status for it, and amtool prints the reason of no other one.
        return context.json(`silence ${id} already expired`, 500)
    }
  })
  return app
}

/** `/-/ready` and `/-/healthy`, open as there: they say nothing but that the program answers. */
export function alertmanagerProbes(): Hono {
  const app = new Hono()
  app.get('/ready', (context) => context.text('OK'))
  app.get('/healthy', (context) => context.text('OK'))
  return app
}

async function body<T>(context: Context, schema: z.ZodType<T>): Promise<T> {
  let input: unknown
  try {
    input = JSON.parse(await context.req.text())
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new BadRequest('the body is no valid JSON')
  }
  const result = schema.safeParse(input)
  if (result.success) return result.data
  throw new BadRequest(result.error.issues.map((issue) => `${issue.path.map(String).join('.') || 'body'}: ${issue.message}`).join('; '))
}

function filterOf(context: Context): readonly LabelMatcher[] {
  return (context.req.queries('filter') ?? []).map(parseMatcher)
}

function flag(context: Context, name: string): boolean {
  const text = context.req.query(name)
  if (text === undefined || text === '') return true
  if (/^(true|1|yes|on|t)$/i.test(text)) return true
  if (/^(false|0|no|off|f)$/i.test(text)) return false
  throw new BadRequest(`${name}: expected true or false, got ${JSON.stringify(text)}`)
}

interface AlertQuery {
  shows(one: AlertStanding): boolean
  readonly receiver: ((name: string) => boolean) | undefined
}

/** The filters of both alert lists. `unprocessed` is read and means nothing: here no alert waits to be looked at. */
function alertQuery(context: Context): AlertQuery {
  const filter = filterOf(context)
  const [active, silenced, inhibited] = [flag(context, 'active'), flag(context, 'silenced'), flag(context, 'inhibited')]
  flag(context, 'unprocessed')
  return {
    shows: ({ alert, silencedBy, inhibitedBy }) =>
      (active || silencedBy.length > 0 || inhibitedBy.length > 0) && (silenced || silencedBy.length === 0) && (inhibited || inhibitedBy.length === 0) && matchesFilter(filter, alert.routing),
    receiver: receiverFilter(context),
  }
}

function receiverFilter(context: Context): ((name: string) => boolean) | undefined {
  const text = context.req.query('receiver')
  if (text === undefined) return undefined
  if (text.length > 1_000) throw new BadRequest('failed to parse receiver param: too long')
  try {
    const pattern = RE2JS.compile(text)
    return (name) => pattern.matches(name)
  } catch (cause) {
    throw new BadRequest(`failed to parse receiver param: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

const time = (at: number): string => new Date(at).toISOString()

function alertView({ alert, silencedBy, inhibitedBy }: AlertStanding, receivers: readonly string[], deps: AlertmanagerDependencies) {
  return {
    annotations: alert.annotations,
    // An alert of the rules has no end; readers of this API expect one.
    endsAt: time(alert.endsAt ?? deps.now() + deps.dispatch.routes().resolveTimeoutMs),
    fingerprint: alert.fingerprint,
    receivers: receivers.map((name) => ({ name })),
    startsAt: time(alert.startsAt),
    status: { inhibitedBy, silencedBy, state: silencedBy.length + inhibitedBy.length > 0 ? 'suppressed' : 'active' },
    updatedAt: time(alert.updatedAt),
    generatorURL: alert.generatorUrl,
    labels: alert.labels,
  }
}

function groupViews(context: Context, deps: AlertmanagerDependencies): readonly object[] {
  const wanted = alertQuery(context)
  const now = deps.now()
  const shown = deps.dispatch
    .groups()
    .filter((group) => wanted.receiver?.(group.route.receiver) !== false)
    .map((group) => ({ group, alerts: [...group.alerts.values()].filter((alert) => !isResolved(alert, now)).sort(compareAlerts).map((alert) => deps.dispatch.standing(alert)).filter((one) => wanted.shows(one)) }))
    .filter(({ alerts }) => alerts.length > 0)
    .sort((a, b) => compareLabelSets(a.group.labels, b.group.labels) || (a.group.route.receiver < b.group.route.receiver ? -1 : 1))
  const receivers = new Map<string, string[]>()
  for (const { group, alerts } of shown) for (const { alert } of alerts) receivers.set(alert.fingerprint, [...(receivers.get(alert.fingerprint) ?? []), group.route.receiver].sort())
  return shown.map(({ group, alerts }) => ({
    labels: group.labels,
    receiver: { name: group.route.receiver },
    alerts: alerts.map((one) => alertView(one, receivers.get(one.alert.fingerprint) ?? [], deps)),
  }))
}

const opOf = (isRegex: boolean, isEqual: boolean): MatchOp => (isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=')

function silenceView(silence: Silence, now: number): object {
  return {
    id: silence.id,
    status: { state: silenceState(silence, now) },
    updatedAt: time(silence.updatedAt),
    comment: silence.comment,
    createdBy: silence.createdBy,
    endsAt: time(silence.endsAt),
    matchers: silence.matchers.map(({ name, op, value }) => ({ name, value, isRegex: op.endsWith('~'), isEqual: op.startsWith('=') })),
    startsAt: time(silence.startsAt),
  }
}

function status(deps: AlertmanagerDependencies): object {
  return {
    cluster: { status: 'disabled', peers: [] },
    config: { original: alertmanagerText(deps.dispatch.routes().text) },
    uptime: time(deps.startedAt),
    // amtool warns on every call where this is not its own version: it is the one whose API and behaviour this is.
    versionInfo: { branch: 'zhishou', buildDate: '', buildUser: '', goVersion: '', revision: deps.version, version: API_VERSION },
  }
}
