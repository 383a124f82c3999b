import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { overrideBodySchema } from '../../duty/override.ts'
import type { WebDependencies } from '../dependencies.ts'
import { type WebEnv, answer, may, problem } from '../guard.ts'
import { jsonBody } from '../input.ts'

const reason = z.string().trim().min(1, '请写明原因').max(500)
const changeBody = z.strictObject({ body: overrideBodySchema, reason, preview: z.literal(false).optional() })
const previewBody = z.strictObject({ body: overrideBodySchema, reason: z.string().max(500).optional(), preview: z.literal(true) })
const newOverride = z.union([previewBody, changeBody])
const revokeBody = z.strictObject({ reason })

/** Who is on duty when, and what people change in it. Phones, mail addresses and reasons only for `duty.contacts`. */
export function dutyRoutes(deps: Pick<WebDependencies, 'duty' | 'refused'>): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  const contacts = (context: Context<WebEnv>): boolean => context.get('caller').permissions.has('duty.contacts')
  app.get('/', may('duty.read', deps), (context) => context.json(deps.duty.now(contacts(context))))
  app.get('/shifts', may('duty.read', deps), (context) => answer(context, deps.duty.month(context.req.query('from') ?? '', context.req.query('to') ?? '')))
  app.get('/escalation', may('duty.read', deps), (context) => context.json(deps.duty.escalation()))
  app.get('/overrides', may('duty.read', deps), async (context) => context.json(await deps.duty.overrides(contacts(context))))
  app.post('/overrides', may('duty.write', deps), async (context) => {
    const asked = await jsonBody(context, newOverride, deps)
    if (asked instanceof Response) return asked
    if (asked.preview === true) return answer(context, await deps.duty.preview(asked.body))
    return answer(context, await deps.duty.override(asked.body, context.get('caller').user, asked.reason))
  })
  app.delete('/overrides/:override', may('duty.write', deps), async (context) => {
    const asked = await jsonBody(context, revokeBody, deps)
    if (asked instanceof Response) return asked
    const id = context.req.param('override')
    if (!/^[1-9]\d{0,8}$/.test(id)) return problem(context, 404, 'not-found', '没有这项调整')
    return answer(context, await deps.duty.revoke(Number(id), context.get('caller').user, asked.reason))
  })
  return app
}
