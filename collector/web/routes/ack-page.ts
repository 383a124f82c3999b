import { type Context, Hono } from 'hono'
import { ackPage, ackPagePolicy } from '../ack-page.ts'
import type { WebDependencies } from '../dependencies.ts'
import type { AckAnswer } from '../duty-dependencies.ts'
import { peerAddress } from './session.ts'

const product = '值守'

const statuses = { ask: 200, done: 200, already: 200, wrong: 404, used: 410, gone: 410, limited: 429, elsewhere: 403 } as const satisfies Record<AckAnswer['kind'], number>

/**
 * /a/TOKEN, open to whoever holds a link. Mail gateways and chat previews open links: GET and HEAD only look, and the
 * page's own form, posted, confirms. The token is what a forger would have to know, so there is no other secret in the
 * form; that the post comes from this site's page is checked besides.
 */
export function ackPageRoutes(deps: Pick<WebDependencies, 'ackLinks' | 'refused'>): Hono {
  const app = new Hono()
  app.get('/:token', async (context) => shown(context, await deps.ackLinks.look(context.req.param('token'), peerAddress(context))))
  app.post('/:token', async (context) => {
    const asked = /^application\/x-www-form-urlencoded\s*(;|$)/i.test(context.req.header('content-type') ?? '') ? new URLSearchParams(await context.req.text()).get('confirm') : null
    if ((asked !== 'yes' && asked !== 'recovery') || !fromThisSite(context)) {
      deps.refused('ack-link', 'elsewhere')
      return shown(context, deps.ackLinks.elsewhere())
    }
    return shown(context, await deps.ackLinks.confirm(context.req.param('token'), peerAddress(context), asked))
  })
  return app
}

/** By what the browser says of the request; a client that says nothing has no page of another site to come from. */
function fromThisSite(context: Context): boolean {
  const site = context.req.header('sec-fetch-site')
  if (site !== undefined) return site === 'same-origin'
  const origin = context.req.header('origin')
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === (context.req.header('host') ?? new URL(context.req.url).host)
}

async function shown(context: Context, answer: AckAnswer): Promise<Response> {
  context.header('content-security-policy', ackPagePolicy)
  context.header('cache-control', 'no-store')
  context.header('x-robots-tag', 'noindex, nofollow, noarchive')
  if (answer.retryAfterMs !== undefined) context.header('retry-after', String(Math.ceil(answer.retryAfterMs / 1000)))
  return context.html(await ackPage(answer, product), statuses[answer.kind])
}
