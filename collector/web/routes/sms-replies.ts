import { type Context, Hono } from 'hono'
import type { WebDependencies } from '../dependencies.ts'
import { limitedBody } from '../limited-body.ts'
import { MOST_REPLY_BYTES } from '../sms-replies.ts'
import { peerAddress } from './session.ts'

/** POST /sms-replies/CHANNEL, or /sms-replies/CHANNEL/SECRET: open to whoever knows the channel's secret. */
export function smsReplyRoutes(deps: Pick<WebDependencies, 'smsReplies'>): Hono {
  const app = new Hono()
  const taken = async (context: Context): Promise<Response> => {
    const answer = await deps.smsReplies.take({
      channel: context.req.param('channel') ?? '',
      inPath: context.req.param('secret'),
      address: peerAddress(context),
      header: (name) => context.req.header(name),
      body: () => limitedBody(context.req.raw, MOST_REPLY_BYTES),
    })
    context.header('cache-control', 'no-store')
    if (answer.retryAfterMs !== undefined) context.header('retry-after', String(Math.ceil(answer.retryAfterMs / 1_000)))
    return context.text(answer.text, answer.status)
  }
  app.post('/:channel', taken)
  app.post('/:channel/:secret', taken)
  // The same for every name, so that nothing is learnt of channels.
  const wrongMethod = (context: Context): Response => {
    context.header('allow', 'POST')
    context.header('cache-control', 'no-store')
    return context.text('method-not-allowed\n', 405)
  }
  app.all('/:channel', wrongMethod)
  app.all('/:channel/:secret', wrongMethod)
  return app
}
