/**
 * The Prometheus HTTP API as far as the console, scripts and Grafana's first steps need it: query, query_range, labels,
 * label values, series, rules, alerts, build information. Format: Prometheus 3 "HTTP API"; both methods, parameters from
 * the URL and the form merged.
 */
import { type Context, Hono } from 'hono'
import { gzipSync } from 'node:zlib'
import { EvaluationError, ParseError } from '../../promql/errors.ts'
import { formatSample } from '../../promql/numbers.ts'
import type { Value } from '../../promql/value.ts'
import type { RuleGroupStatus, RuleStatus } from '../../rules/view.ts'
import type { WebDependencies } from '../dependencies.ts'
import type { AlertView } from '../../../protocol/api.ts'
import { type WebEnv, may, signedIn } from '../guard.ts'
import { ParameterError, durationParameter, timeParameter } from '../parameters.ts'

/** Most points one series of a range query may have, as in Prometheus. */
const maxPoints = 11_000

/** Answers larger than this are compressed when the client takes gzip, bytes. */
const gzipFromBytes = 4_096

export function prometheusRoutes(deps: WebDependencies): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  app.use('*', signedIn(deps), may('query.read', deps))
  app.on(['GET', 'POST'], '/query', (context) => answered(context, (parameters) => queryResult(deps, parameters)))
  app.on(['GET', 'POST'], '/query_range', (context) => answered(context, (parameters) => rangeResult(deps, parameters)))
  app.on(['GET', 'POST'], '/labels', (context) => answered(context, (parameters) => plain(limited(deps.query.labelNames(parameters.getAll('match[]')), parameters))))
  app.get('/label/:name/values', (context) => answered(context, (parameters) => plain(limited(deps.query.labelValues(unescapedLabel(context.req.param('name')), parameters.getAll('match[]')), parameters))))
  app.on(['GET', 'POST'], '/series', (context) =>
    answered(context, (parameters) => {
      const matchers = parameters.getAll('match[]')
      if (matchers.length === 0) throw new ParameterError('no match[] parameter provided')
      return plain(limited(deps.query.series(matchers), parameters))
    }),
  )
  app.get('/rules', (context) => answered(context, () => plain({ groups: deps.rules().map((group) => ruleGroup(group, deps.alerts())) })))
  app.get('/alerts', (context) => answered(context, () => plain({ alerts: deps.alerts().filter((alert) => alert.state !== 'resolved').map(alertJson) })))
  app.get('/metadata', (context) => answered(context, () => plain({})))
  app.on(['GET', 'POST'], '/query_exemplars', (context) => answered(context, () => plain([])))
  app.get('/status/buildinfo', (context) => answered(context, () => plain({ version: '3.0.0', application: 'zhishou', applicationVersion: deps.version })))
  app.all('*', (context) => context.text('404 page not found\n', 404))
  return app
}

interface Answer {
  readonly data: unknown
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}

const plain = (data: unknown): Answer => ({ data, warnings: [], infos: [] })

/** Runs one question and puts its answer or error into the API's envelope with the status Prometheus gives. */
async function answered(context: Context<WebEnv>, ask: (parameters: URLSearchParams) => Answer): Promise<Response> {
  try {
    const { data, warnings, infos } = ask(await mergedParameters(context))
    return sized(context, envelope({ status: 'success', data, ...(warnings.length > 0 ? { warnings } : {}), ...(infos.length > 0 ? { infos } : {}) }))
  } catch (error) {
    if (error instanceof ParseError || error instanceof ParameterError) return context.json({ status: 'error', errorType: 'bad_data', error: error.message }, 400)
    if (error instanceof EvaluationError) return context.json({ status: 'error', errorType: 'execution', error: error.message }, 422)
    throw error
  }
}

/** JSON text of an answer; a string cannot be longer than half a gigabyte. */
function envelope(reply: object): string {
  try {
    return JSON.stringify(reply)
  } catch (cause) {
    if (cause instanceof RangeError) throw new EvaluationError('limit', 'the answer is too large; ask for fewer series or a longer step')
    throw cause
  }
}

/** Parameters of a form body and those of the URL together; the form's come first, as in Go's ParseForm, and so win. */
async function mergedParameters(context: Context): Promise<URLSearchParams> {
  const ofUrl = new URL(context.req.url).searchParams
  if (context.req.method !== 'POST' || !(context.req.header('content-type') ?? '').toLowerCase().startsWith('application/x-www-form-urlencoded')) return ofUrl
  const parameters = new URLSearchParams(await context.req.text())
  for (const [name, value] of ofUrl) parameters.append(name, value)
  return parameters
}

function sized(context: Context, body: string): Response {
  const headers = { 'content-type': 'application/json' }
  if (body.length < gzipFromBytes || !(context.req.header('accept-encoding') ?? '').includes('gzip')) return context.body(body, 200, headers)
  return context.body(new Uint8Array(gzipSync(body, { level: 1 })), 200, { ...headers, 'content-encoding': 'gzip', vary: 'accept-encoding' })
}

function required(parameters: URLSearchParams, name: string): string {
  const value = parameters.get(name)
  if (value === null || value === '') throw new ParameterError(`invalid parameter "${name}": missing`)
  return value
}

function queryResult(deps: WebDependencies, parameters: URLSearchParams): Answer {
  const at = timeParameter(parameters, 'time', deps.now())
  return valueAnswer(deps.query.instant(required(parameters, 'query'), at))
}

function rangeResult(deps: WebDependencies, parameters: URLSearchParams): Answer {
  const start = timeParameter(parameters, 'start')
  const end = timeParameter(parameters, 'end')
  const step = durationParameter(parameters, 'step')
  if (end < start) throw new ParameterError('invalid parameter "end": end timestamp must not be before start time')
  if (step <= 0) throw new ParameterError('invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer')
  if ((end - start) / step > maxPoints) throw new ParameterError(`exceeded maximum resolution of ${maxPoints} points per timeseries. Try decreasing the query resolution (?step=XX)`)
  return valueAnswer(deps.query.range(required(parameters, 'query'), start, end, step))
}

/** `resultType` stands before `result`: Grafana's reader buffers otherwise. */
function valueAnswer(value: Value): Answer {
  const { warnings, infos } = value
  switch (value.kind) {
    case 'scalar':
      return { data: { resultType: 'scalar', result: [value.atMs / 1000, formatSample(value.value)] }, warnings, infos }
    case 'string':
      return { data: { resultType: 'string', result: [value.atMs / 1000, value.value] }, warnings, infos }
    case 'vector':
      return { data: { resultType: 'vector', result: value.samples.map((one) => ({ metric: one.labels, value: [value.atMs / 1000, formatSample(one.value)] })) }, warnings, infos }
    case 'matrix':
      return { data: { resultType: 'matrix', result: value.series.map((one) => ({ metric: one.labels, values: Array.from(one.times, (at, index) => [at / 1000, formatSample(one.values[index] ?? Number.NaN)]) })) }, warnings, infos }
  }
}

/** At most `limit` of the list; 0 or none: all of it. */
function limited<T>(list: readonly T[], parameters: URLSearchParams): readonly T[] {
  const text = parameters.get('limit') || '0'
  if (!/^\d{1,15}$/.test(text)) throw new ParameterError(`invalid parameter "limit": cannot parse ${JSON.stringify(text)} to a whole number that is not negative`)
  return Number(text) > 0 ? list.slice(0, Number(text)) : list
}

/**
 * Grafana escapes label names that are not plain (`U__foo_2e_bar`): "value encoding" of prometheus/common
 * model.UnescapeName, which leaves a name as it is where the escapes are not well formed.
 */
export function unescapedLabel(name: string): string {
  const escaped = /^U__((?:[^_]|__|_[0-9a-fA-F]{1,6}_)*)$/u.exec(name)?.[1]
  if (escaped === undefined) return name
  const codes = [...escaped.matchAll(/__|_([0-9a-fA-F]{1,6})_/g)].flatMap(([, code]) => (code === undefined ? [] : [Number.parseInt(code, 16)]))
  if (codes.some((code) => code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))) return name
  return escaped.replaceAll(/__|_([0-9a-fA-F]{1,6})_/g, (_, code: string | undefined) => (code === undefined ? '_' : String.fromCodePoint(Number.parseInt(code, 16))))
}

function seconds(at: number | undefined): string {
  return at === undefined ? '0001-01-01T00:00:00Z' : new Date(at).toISOString()
}

function ruleGroup(group: RuleGroupStatus, alerts: readonly AlertView[]): object {
  return {
    name: group.name,
    file: group.file,
    interval: group.intervalMs / 1000,
    limit: 0,
    rules: group.rules.map((rule) => ruleJson(rule, alerts)),
    evaluationTime: group.evaluationSeconds,
    lastEvaluation: seconds(group.lastEvaluationAt),
  }
}

function ruleJson(rule: RuleStatus, alerts: readonly AlertView[]): object {
  const common = { name: rule.name, query: rule.query, labels: rule.labels, health: rule.health, ...(rule.lastError === undefined ? {} : { lastError: rule.lastError }), evaluationTime: rule.evaluationSeconds, lastEvaluation: seconds(rule.lastEvaluationAt), type: rule.type }
  if (rule.type === 'recording') return common
  const mine = alerts.filter((alert) => alert.name === rule.name && alert.state !== 'resolved')
  const state = mine.some((alert) => alert.state === 'firing') ? 'firing' : mine.length > 0 ? 'pending' : 'inactive'
  return { state, ...common, duration: rule.durationSeconds, keepFiringFor: rule.keepFiringForSeconds, annotations: rule.annotations, alerts: mine.map(alertJson) }
}

function alertJson(alert: AlertView): object {
  const annotations = { summary: alert.summary, description: alert.description, action: alert.action }
  return { labels: alert.labels, annotations, state: alert.state, activeAt: new Date(alert.activeAt).toISOString(), value: (alert.value ?? Number.NaN).toExponential().replace(/e([+-])(\d)$/, 'e$10$2') }
}
