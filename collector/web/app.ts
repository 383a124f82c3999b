/**
 * The Hono app, built from its dependencies; no state of its own. Two listeners serve it (TLS for people and agents,
 * plain HTTP on loopback for programs of this machine); `/enrol` exists on TLS only.
 */
import { serveStatic } from '@hono/node-server/serve-static'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WebDependencies } from './dependencies.ts'
import { type WebEnv, isSecure, problem, signedIn } from './guard.ts'
import { ackPageRoutes } from './routes/ack-page.ts'
import { accountRoutes } from './routes/accounts.ts'
import { agentRoutes, enrolRoute } from './routes/agents.ts'
import { dutyRoutes } from './routes/duty.ts'
import { carriesFile } from './routes/incident-files.ts'
import { alertmanagerProbes, alertmanagerRoutes } from './routes/alertmanager.ts'
import { incidentRoutes } from './routes/incidents.ts'
import { monitoringRoutes } from './routes/monitoring.ts'
import { channelRoutes, explainRoutes, outboxRoutes, routingRoutes } from './routes/notify.ts'
import { reloadRoute } from './routes/reload.ts'
import { prometheusRoutes } from './routes/prometheus.ts'
import { serviceRoutes } from './routes/service.ts'
import { silenceRoutes } from './routes/silences.ts'
import { sessionRoutes } from './routes/session.ts'
import { smsReplyRoutes } from './routes/sms-replies.ts'
import { workLogRoutes } from './routes/work-log.ts'
import type { Hints } from './stream.ts'

/** Largest request body that people and scripts may send here, bytes. */
const maxBodyBytes = 256 * 1024

/** An Alertmanager takes a storm in one call, so do we. */
const maxAlertsBytes = 4 * 1024 * 1024

const carriesAlerts = (method: string, path: string): boolean => method === 'POST' && path === '/api/v2/alerts'

/** The app, and what counts that which is refused before it becomes a request (see serve.ts). */
export interface Web {
  readonly app: Hono
  refused(what: string, code: string): void
}

/** `report` hears of failures nobody foresaw; the caller gets a 500 without their text. */
export function createApp(deps: WebDependencies, hints: Hints, report: (what: string, error: unknown) => void): Web {
  const app = new Hono()
  app.use(async (context, next) => {
    await next()
    securityHeaders(context)
  })
  app.onError((error, context) => {
    report(`${context.req.method} ${context.req.path}`, error)
    return problem(context, 500, 'internal', '采集中心内部错误，已记入日志')
  })
  const limitTo = (maxSize: number): MiddlewareHandler =>
    bodyLimit({
      maxSize,
      onError(context) {
        deps.refused('request', 'oversized')
        return problem(context, 413, 'oversized', `请求内容超过 ${maxSize} 字节`)
      },
    })
  const limit = limitTo(maxBodyBytes)
  const alertsLimit = limitTo(maxAlertsBytes)
  // A route that takes files counts for itself, after it has asked who is sending.
  app.use((context, next) => (carriesFile(context.req.method, context.req.path) ? next() : carriesAlerts(context.req.method, context.req.path) ? alertsLimit(context, next) : limit(context, next)))

  app.get('/healthz', (context) => {
    const problems = deps.healthProblems()
    return context.json({ status: problems.length === 0 ? 'ok' : 'failing', version: deps.version, problems }, problems.length === 0 ? 200 : 503)
  })
  app.get('/metrics', async (context) => {
    // Open to programs of this machine, on loopback; beyond it the same figures are asked for in PromQL, signed in.
    if (isSecure(context)) return problem(context, 404, 'not-found', '没有这个地址')
    return context.text(await deps.metricsText(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
  })

  app.route('/enrol', enrolRoute(deps))
  app.route('/a', ackPageRoutes(deps))
  app.route('/sms-replies', smsReplyRoutes(deps))

  const own = new Hono<WebEnv>()
  own.route('/session', sessionRoutes(deps))
  own.use('*', signedIn(deps))
  own.route('/incidents', incidentRoutes(deps))
  own.route('/work-log', workLogRoutes(deps, hints))
  own.route('/agents', agentRoutes(deps))
  own.route('/accounts', accountRoutes(deps, hints))
  own.route('/duty', dutyRoutes(deps))
  own.route('/service', serviceRoutes(deps, hints))
  own.route('/silences', silenceRoutes(deps, hints))
  own.route('/channels', channelRoutes(deps, hints))
  own.route('/outbox', outboxRoutes(deps))
  own.route('/routing', routingRoutes(deps))
  own.route('/explain', explainRoutes(deps))
  own.route('/', monitoringRoutes(deps, hints))
  own.all('*', (context) => problem(context, 404, 'not-found', '没有这个地址'))
  app.route('/api/zhishou/v1', own)

  app.route('/api/v1', prometheusRoutes(deps))
  app.route('/api/v2', alertmanagerRoutes({ ...deps, startedAt: deps.notify.startedAt, dispatch: deps.notify.dispatch, silenceFault: (request) => deps.notify.silences.apiFault(request) }))
  app.route('/-', alertmanagerProbes())
  app.route('/-', reloadRoute(deps))
  app.all('/api/*', (context) => context.text('404 page not found\n', 404))
  consoleRoutes(app, deps.consoleFolder)
  return { app, refused: (what, code) => deps.refused(what, code) }
}

/** The built console: hashed assets are immutable, every other path is the one page. */
function consoleRoutes(app: Hono, folder: string): void {
  const page = (context: Context): Response => {
    let html: string
    try {
      html = readFileSync(join(folder, 'index.html'), 'utf8')
    } catch {
      return problem(context, 503, 'no-console', '控制台尚未构建：请运行 npm run build:console')
    }
    context.header('cache-control', 'no-cache')
    return context.html(html)
  }
  app.use('/assets/*', async (context, next) => {
    await next()
    if (context.res.ok) context.header('cache-control', 'public, max-age=31536000, immutable')
  })
  app.use('/assets/*', serveStatic({ root: folder }))
  app.use('/icon.svg', serveStatic({ root: folder }))
  app.get('/assets/*', (context) => problem(context, 404, 'not-found', '没有这个文件'))
  app.get('*', page)
}

/** antd writes its styles into the page, so styles may be inline; scripts may not, and nothing comes from elsewhere. */
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

function securityHeaders(context: Context): void {
  // The page behind a message's link has a stricter one of its own.
  if (!context.res.headers.has('content-security-policy')) context.header('content-security-policy', policy)
  context.header('x-content-type-options', 'nosniff')
  context.header('x-frame-options', 'DENY')
  context.header('referrer-policy', 'same-origin')
  if (isSecure(context)) context.header('strict-transport-security', 'max-age=31536000')
  if (context.req.path.startsWith('/api/')) context.header('cache-control', 'no-store')
}
