import { Hono } from 'hono'
import { z } from 'zod'
import { enrolRequest } from '../../../protocol/messages.ts'
import type { WebDependencies } from '../dependencies.ts'
import { type WebEnv, answer, isSecure, may, problem } from '../guard.ts'
import { jsonBody } from '../input.ts'
import { peerAddress } from './session.ts'

/** A host's name as it becomes its `instance` label: letters, digits, dot, dash, underscore; Chinese letters too. */
export const hostName = z.string().regex(/^[\p{L}\p{N}](?:[\p{L}\p{N}._-]{0,126}[\p{L}\p{N}])?$/u, '主机名只能含字母、数字、点、横线和下划线')
const tokenBody = z.strictObject({ host: hostName })
const revokeBody = z.strictObject({ reason: z.string().trim().min(1).max(500) })

/** Enrolled agents: list, one-time tokens, revocation. */
export function agentRoutes(deps: WebDependencies): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  app.get('/', may('agents.manage', deps), async (context) => context.json({ now: deps.now(), agents: await deps.agents.list() }))
  app.post('/tokens', may('agents.manage', deps), async (context) => {
    const body = await jsonBody(context, tokenBody, deps)
    if (body instanceof Response) return body
    return answer(context, await deps.agents.createToken(body.host, context.get('caller').user))
  })
  app.post('/:instance/revoke', may('agents.manage', deps), async (context) => {
    const body = await jsonBody(context, revokeBody, deps)
    if (body instanceof Response) return body
    return answer(context, await deps.agents.revoke(context.req.param('instance'), body.reason, context.get('caller').user))
  })
  return app
}

/** POST /enrol, open to whoever holds a token; only served over TLS. */
export function enrolRoute(deps: WebDependencies): Hono {
  const app = new Hono()
  app.post('/', async (context) => {
    if (!isSecure(context)) return problem(context, 404, 'not-found', '接入只能通过 TLS')
    let input: unknown
    try {
      input = JSON.parse(await context.req.text())
    } catch {
      deps.refused('enrol', 'malformed')
      return problem(context, 400, 'malformed', '请求内容不是有效的 JSON')
    }
    const request = enrolRequest.safeParse(input)
    if (!request.success) {
      deps.refused('enrol', 'malformed')
      return problem(context, 400, 'malformed', request.error.issues.map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`).join('; '))
    }
    const reply = await deps.enrol(request.data, peerAddress(context))
    if (reply.retryAfterMs !== undefined) context.header('retry-after', String(Math.ceil(reply.retryAfterMs / 1000)))
    return context.json(reply.body, reply.status)
  })
  return app
}
