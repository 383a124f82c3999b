/** Silences: who muted what, until when, on whose word. Whether one may be made is decided in the notify room. */
import { Hono } from 'hono'
import { z } from 'zod'
import type { SilenceView } from '../../../protocol/api-notify.ts'
import type { Outcome, WebDependencies } from '../dependencies.ts'
import { type WebEnv, answer, may } from '../guard.ts'
import { jsonBody } from '../input.ts'
import type { Hints } from '../stream.ts'

/** Moments that somebody can mean; beyond them calendars are a slip. */
const moment = z.int().min(Date.UTC(2000, 0, 1), '时间过早').max(Date.UTC(2100, 0, 1), '时间过晚')
const reason = z.string().trim().min(1, '请写明原因').max(1_000)
const matchers = z.array(z.strictObject({ name: z.string().trim().min(1, '标签名不能为空').max(200), op: z.enum(['=', '!=', '=~', '!~']), value: z.string().max(4_000) })).min(1, '请至少写一个匹配条件').max(50)
/** `startsAt` left out: now. */
const making = z.strictObject({ matchers, startsAt: moment.optional(), endsAt: moment, reason })
/** What is left out stays. */
const changing = z.strictObject({ matchers: matchers.optional(), endsAt: moment.optional(), reason })
const refusing = z.strictObject({ reason })
const nothing = z.strictObject({})

/** Everything under `/silences`. */
export function silenceRoutes(deps: WebDependencies, hints: Pick<Hints, 'publish'>): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  const desk = deps.notify.silences
  const post = <B>(path: string, schema: z.ZodType<B>, act: (id: string, body: B, actor: string) => Promise<Outcome<SilenceView>>): void => {
    app.post(path, may('silences.write', deps), async (context) => {
      const body = await jsonBody(context, schema, deps)
      if (body instanceof Response) return body
      const outcome = await act(context.req.param('id') ?? '', body, context.get('caller').user)
      if (outcome.kind === 'done') hints.publish('notify', 'alerts')
      return answer(context, outcome)
    })
  }

  app.get('/', may('alerts.read', deps), async (context) => context.json(await desk.list()))
  post('/', making, (_, { startsAt, ...body }, actor) => desk.create({ ...body, startsAt }, actor))
  post('/:id', changing, (id, body, actor) => desk.change(id, { matchers: body.matchers, endsAt: body.endsAt, reason: body.reason }, actor))
  post('/:id/expire', nothing, (id, _, actor) => desk.expire(id, actor))
  post('/:id/confirm', nothing, (id, _, actor) => desk.confirm(id, actor))
  post('/:id/refuse', refusing, (id, body, actor) => desk.refuse(id, body.reason, actor))
  return app
}
