/** Channels, the outbox, the route tree, and why something rang or did not. */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { Explanation } from '../../../protocol/api-notify.ts'
import { fingerprintOf } from '../../notify/label-set.ts'
import type { OutboxFilter, Sight } from '../../notify/outbox-book.ts'
import { isLabelName } from '../../rules/rule.ts'
import type { WebDependencies } from '../dependencies.ts'
import { type WebEnv, answer, may, problem } from '../guard.ts'
import { jsonBody, wholeNumber } from '../input.ts'
import type { Hints } from '../stream.ts'

const testing = z.strictObject({ to: z.array(z.string().trim().min(1).max(320)).max(5).optional() })
const labels = z.strictObject({
  labels: z.record(z.string().max(200), z.string().max(4_000)).refine((value) => Object.keys(value).length <= 100, '标签过多').refine((value) => Object.keys(value).every(isLabelName), '标签名只能由字母、数字、下划线组成，且不以数字开头'),
})
const filters: readonly OutboxFilter[] = ['owed', 'sent', 'failed', 'all']

/** What the caller may see of messages and people. */
function sightOf(context: Context<WebEnv>): Sight {
  const { permissions } = context.get('caller')
  return { text: permissions.has('alerts.read'), contacts: permissions.has('duty.contacts') }
}

/** Everything under `/channels`. */
export function channelRoutes(deps: WebDependencies, hints: Pick<Hints, 'publish'>): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  const desk = deps.notify.channels
  app.get('/', may('overview.read', deps), async (context) => context.json(await desk.list(sightOf(context))))
  app.post('/:name/test', may('channels.test', deps), async (context) => {
    const body = await jsonBody(context, testing, deps)
    if (body instanceof Response) return body
    const outcome = await desk.test(context.req.param('name'), body.to ?? [], context.get('caller').user, sightOf(context))
    if (outcome.kind === 'done') hints.publish('notify', 'overview')
    return answer(context, outcome)
  })
  return app
}

/** Everything under `/outbox`. */
export function outboxRoutes(deps: WebDependencies): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  const book = deps.notify.outbox
  app.get('/', may('overview.read', deps), async (context) => {
    const state = filters.find((one) => one === (context.req.query('state') ?? 'all'))
    const limit = wholeNumber(context.req.query('limit'), 100, 500)
    const before = momentOf(context.req.query('before'))
    if (state === undefined || limit === undefined || before === 'wrong') return malformed(deps, context, 'state 须为 owed、sent、failed 或 all；limit 与 before 须为整数')
    return context.json(await book.list({ state, channel: context.req.query('channel'), before, limit }, sightOf(context)))
  })
  app.get('/:id', may('overview.read', deps), async (context) => {
    const found = await book.get(context.req.param('id'), sightOf(context))
    return found === undefined ? problem(context, 404, 'not-found', '没有这条消息') : context.json(found)
  })
  return app
}

/** Everything under `/routing`. */
export function routingRoutes(deps: WebDependencies): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  const desk = deps.notify.routing
  app.get('/', may('alerts.read', deps), (context) => context.json(desk.view(sightOf(context).contacts)))
  // A reading that takes labels, which are too many for an address.
  app.post('/try', may('alerts.read', deps), async (context) => {
    const body = await jsonBody(context, labels, deps)
    return body instanceof Response ? body : context.json(desk.try(body.labels, sightOf(context).contacts))
  })
  return app
}

/** `/explain`. */
export function explainRoutes(deps: WebDependencies): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  const { explain } = deps.notify
  app.get('/', may('alerts.read', deps), async (context) => {
    const { alert, incident, notification, silence } = context.req.query()
    const at = momentOf(context.req.query('at'))
    if (at === 'wrong' || [alert, incident, notification, silence].filter((one) => one !== undefined).length !== 1) return malformed(deps, context, '须给出 alert、incident、notification、silence 之一；at 为毫秒时间')
    const moment = at ?? deps.now()
    const sight = sightOf(context)
    const found =
      alert !== undefined ? await explainAlert(alert, moment, sight)
      : incident !== undefined ? await explain.incident(incident, moment, sight)
      : notification !== undefined ? await explain.notification(notification, sight)
      : await explain.silence(silence ?? '', moment, sight)
    return found === undefined ? problem(context, 404, 'not-found', '没有这条记录，或已不在保存期内') : context.json(found)
  })

  /** Routing names alerts as Alertmanager does; the list of alerts as the rules do. */
  function explainAlert(fingerprint: string, at: number, sight: Sight): Promise<Explanation | undefined> {
    const known = deps.alerts().find((one) => one.fingerprint === fingerprint)
    if (known === undefined) return explain.alert(fingerprint, at, sight)
    return explain.alert(fingerprintOf(known.labels), at, sight, known.state === 'pending' ? { title: known.summary, since: known.activeAt } : undefined)
  }
  return app
}

function malformed(deps: WebDependencies, context: Context, message: string): Response {
  deps.refused('request', 'malformed')
  return problem(context, 400, 'malformed', message)
}

/** Epoch milliseconds; `wrong` where it is none. */
function momentOf(text: string | undefined): number | undefined | 'wrong' {
  if (text === undefined || text === '') return undefined
  return /^\d{1,15}$/.test(text) ? Number(text) : 'wrong'
}
