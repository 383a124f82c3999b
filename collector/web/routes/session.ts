import { getConnInfo } from '@hono/node-server/conninfo'
import { type Context, Hono } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import { z } from 'zod'
import type { Session } from '../../../protocol/api.ts'
import type { Caller } from '../../access/sessions.ts'
import type { WebDependencies } from '../dependencies.ts'
import { type WebEnv, answer, cookieName, isSecure, problem, signedIn } from '../guard.ts'
import { jsonBody } from '../input.ts'

const signInBody = z.strictObject({ user: z.string().min(1).max(200), password: z.string().min(1).max(1_000) })
const changeBody = z.strictObject({ old: z.string().min(1).max(1_000), new: z.string().min(1).max(1_000) })

/** Sign in, out, who am I, change my password. */
export function sessionRoutes(deps: WebDependencies): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  app.post('/', async (context) => {
    const body = await jsonBody(context, signInBody, deps)
    if (body instanceof Response) return body
    const outcome = await deps.access.signIn(body.user, body.password, peerAddress(context))
    if (outcome.kind === 'refused') return answer(context, outcome)
    const secure = isSecure(context)
    setCookie(context, cookieName(secure), outcome.value.token, { path: '/', httpOnly: true, sameSite: 'Strict', secure })
    return context.json(sessionView(outcome.value.caller))
  })
  app.get('/', signedIn(deps), (context) => context.json(sessionView(context.get('caller'))))
  app.delete('/', signedIn(deps), async (context) => {
    const token = context.get('sessionToken')
    if (token !== undefined) await deps.access.signOut(token)
    deleteCookie(context, cookieName(isSecure(context)), { path: '/', secure: isSecure(context) })
    return context.body(null, 204)
  })
  app.post('/password', signedIn(deps), async (context) => {
    const token = context.get('sessionToken')
    if (token === undefined) return problem(context, 403, 'forbidden', '令牌没有密码')
    const body = await jsonBody(context, changeBody, deps)
    if (body instanceof Response) return body
    return answer(context, await deps.access.changePassword(token, body.old, body.new, peerAddress(context)))
  })
  return app
}

function sessionView(caller: Caller): Session {
  return { user: caller.user, person: caller.person, role: caller.role, permissions: [...caller.permissions], mustChangePassword: caller.mustChangePassword, csrf: caller.csrf ?? '', expiresAt: caller.expiresAt }
}

/** Address of the peer; `unknown` only in tests that run without a socket. */
export function peerAddress(context: Context): string {
  try {
    return getConnInfo(context).remote.address ?? 'unknown'
  } catch {
    // No socket behind this request (app.request() in a test).
    return 'unknown'
  }
}
