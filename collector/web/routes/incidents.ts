import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { Outcome, WebDependencies } from '../dependencies.ts'
import { type WebEnv, answer, may, problem } from '../guard.ts'
import { jsonBody, wholeNumber } from '../input.ts'

const emptyBody = z.strictObject({})
const textBody = z.strictObject({ text: z.string().trim().min(1, '内容不能为空').max(4_000) })

/** Incidents and what people do to them. Whether an act is allowed in a state is decided in the incidents room. */
export function incidentRoutes(deps: WebDependencies): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  const shown = async (context: Context<WebEnv>, number: string): Promise<Response> => {
    const incident = await deps.incidents.get(number)
    return incident === undefined ? problem(context, 404, 'not-found', '没有这张故障单') : context.json({ now: deps.now(), ...incident })
  }
  const acted = async (context: Context<WebEnv>, number: string, outcome: Outcome<void>): Promise<Response> => (outcome.kind === 'refused' ? answer(context, outcome) : shown(context, number))
  app.get('/', may('incidents.read', deps), async (context) => {
    const state = context.req.query('state') ?? 'open'
    const limit = wholeNumber(context.req.query('limit'), 200, 1_000)
    if ((state !== 'open' && state !== 'all') || limit === undefined) return problem(context, 400, 'malformed', 'state 只能是 open 或 all，limit 须为正整数')
    return context.json({ now: deps.now(), incidents: await deps.incidents.list(state, limit) })
  })
  app.get('/:number', may('incidents.read', deps), (context) => shown(context, context.req.param('number')))
  app.post('/:number/acknowledge', may('incidents.act', deps), async (context) => {
    const body = await jsonBody(context, emptyBody, deps)
    if (body instanceof Response) return body
    const number = context.req.param('number')
    return acted(context, number, await deps.incidents.acknowledge(number, context.get('caller').user))
  })
  app.post('/:number/dispose', may('incidents.act', deps), async (context) => {
    const body = await jsonBody(context, textBody, deps)
    if (body instanceof Response) return body
    const number = context.req.param('number')
    return acted(context, number, await deps.incidents.dispose(number, context.get('caller').user, body.text))
  })
  app.post('/:number/comment', may('incidents.act', deps), async (context) => {
    const body = await jsonBody(context, textBody, deps)
    if (body instanceof Response) return body
    const number = context.req.param('number')
    return acted(context, number, await deps.incidents.comment(number, context.get('caller').user, body.text))
  })
  return app
}
