/** Which person of the duty file uses which account. */
import { Hono } from 'hono'
import { z } from 'zod'
import type { WebDependencies } from '../dependencies.ts'
import { type WebEnv, answer, may } from '../guard.ts'
import { jsonBody } from '../input.ts'
import type { Hints } from '../stream.ts'

/** `person` null: the account is nobody's of the duty file. */
const linking = z.strictObject({ person: z.string().trim().min(1, '不能为空').max(128).nullable() })

/** Everything under /accounts. */
export function accountRoutes(deps: Pick<WebDependencies, 'accounts' | 'refused'>, hints: Pick<Hints, 'publish'>): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  app.get('/links', may('accounts.link', deps), async (context) => context.json(await deps.accounts.links()))
  app.put('/:user/person', may('accounts.link', deps), async (context) => {
    const body = await jsonBody(context, linking, deps)
    if (body instanceof Response) return body
    const outcome = await deps.accounts.link(context.req.param('user'), body.person, context.get('caller').user)
    if (outcome.kind === 'done') hints.publish('duty', 'incidents')
    return answer(context, outcome)
  })
  return app
}
