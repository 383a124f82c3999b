/**
 * Who may pass. Every route under /api names the permission it needs; a cookie session also needs the CSRF header on
 * anything that changes something. Decisions on roles are in access/matrix.ts; here they are only asked for.
 */
import type { Context, MiddlewareHandler } from 'hono'
import { getCookie } from 'hono/cookie'
import type { ApiError } from '../../protocol/api.ts'
import type { Permission } from '../access/matrix.ts'
import type { Caller } from './../access/sessions.ts'
import type { Outcome, WebDependencies } from './dependencies.ts'

/** Variables that the guard leaves for the routes behind it. */
export interface WebEnv {
  readonly Variables: { caller: Caller; sessionToken: string | undefined }
}

/** Separate names, so that a plain-HTTP session on loopback can never stand in for a TLS one. */
export const cookieName = (secure: boolean): string => (secure ? '__Host-zhishou' : 'zhishou')

/**
 * Whether the request came over TLS. The socket says so, not the request's URL: that one is the sender's word where the
 * request line holds a whole address (`GET http://… HTTP/1.1`). Only in a test without a socket the URL has to do.
 */
export function isSecure(context: Context): boolean {
  const socket = socketOf(context.env)
  return socket === undefined ? new URL(context.req.url).protocol === 'https:' : Reflect.get(socket, 'encrypted') === true
}

/** The socket behind a request, as the Node adapter hands it on (`env.incoming`). */
function socketOf(env: unknown): object | undefined {
  if (typeof env !== 'object' || env === null || !('incoming' in env)) return undefined
  const { incoming } = env
  if (typeof incoming !== 'object' || incoming === null || !('socket' in incoming)) return undefined
  return typeof incoming.socket === 'object' && incoming.socket !== null ? incoming.socket : undefined
}

export function problem(context: Context, status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 429 | 500 | 503, code: string, message: string): Response {
  const body: ApiError = { code, message }
  return context.json(body, status)
}

/** Turns an act's outcome into a reply: 204 or the value of `done`. */
export function answer<T>(context: Context, outcome: Outcome<T>): Response {
  switch (outcome.kind) {
    case 'done':
      return outcome.value === undefined ? context.body(null, 204) : context.json(outcome.value)
    case 'refused':
      return problem(context, outcome.status, outcome.code, outcome.message)
  }
}

/** Finds out who is asking; refuses with 401 when nobody is. */
export function signedIn(deps: Pick<WebDependencies, 'access' | 'refused'>): MiddlewareHandler<WebEnv> {
  return async (context, next) => {
    const bearer = /^Bearer ([\x21-\x7e]{1,400})$/.exec(context.req.header('authorization') ?? '')?.[1]
    const basic = basicPassword(context.req.header('authorization'))
    const cookie = getCookie(context, cookieName(isSecure(context)))
    const token = bearer ?? basic
    const caller = token !== undefined ? await deps.access.byBearer(token) : cookie !== undefined ? await deps.access.bySession(cookie) : undefined
    if (caller === undefined) {
      deps.refused('request', 'unauthenticated')
      return problem(context, 401, 'unauthenticated', '请先登录')
    }
    if (caller.csrf !== undefined && context.req.method !== 'GET' && context.req.method !== 'HEAD' && context.req.header('x-zhishou-csrf') !== caller.csrf) {
      deps.refused('request', 'csrf')
      return problem(context, 403, 'csrf', '请求缺少校验码，请刷新页面后重试')
    }
    context.set('caller', caller)
    context.set('sessionToken', token === undefined ? cookie : undefined)
    return next()
  }
}

/** Basic authentication carries the read token as its password (Grafana's data source can only do that in some setups). */
function basicPassword(header: string | undefined): string | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/=]{1,800})$/.exec(header ?? '')?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon === -1 ? undefined : text.slice(colon + 1)
}

/** Lets through callers with `permission`. A person who still has to change a first password gets nothing but that. */
export function may(permission: Permission, deps: Pick<WebDependencies, 'refused'>): MiddlewareHandler<WebEnv> {
  return async (context, next) => {
    const caller = context.get('caller')
    if (caller.mustChangePassword) return problem(context, 403, 'password-change-due', '请先修改一次性密码')
    if (!caller.permissions.has(permission)) {
      deps.refused('request', 'forbidden')
      return problem(context, 403, 'forbidden', '当前角色无权进行此操作')
    }
    return next()
  }
}
