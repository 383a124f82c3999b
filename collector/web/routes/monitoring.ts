import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { WebDependencies } from '../dependencies.ts'
import { type WebEnv, may, problem } from '../guard.ts'
import { type HostParts, hostDetail, hostSummaries } from '../host-view.ts'
import { instantOf } from '../instant.ts'
import type { Hints } from '../stream.ts'

/** What people look at: overview, hosts, alerts, the collector itself, and the live stream of hints. */
export function monitoringRoutes(deps: WebDependencies, hints: Hints): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  const instant = () => instantOf(deps.query, deps.now())
  app.get('/overview', may('overview.read', deps), async (context) => context.json(await deps.overview()))
  app.get('/hosts', may('hosts.read', deps), (context) => context.json({ now: deps.now(), hosts: hostSummaries(deps.presence(), deps.alerts(), instant()) }))
  app.get('/hosts/:instance', may('hosts.read', deps), (context) => {
    const instance = context.req.param('instance')
    const parts: HostParts = { facts: deps.facts(instance), events: deps.events(instance, 50), checks: deps.checks(instance) }
    const host = hostDetail(instance, deps.presence(), deps.alerts(), instant(), parts)
    return host === undefined ? problem(context, 404, 'not-found', '没有这台主机') : context.json({ now: deps.now(), ...host })
  })
  app.get('/alerts', may('alerts.read', deps), (context) => context.json({ now: deps.now(), alerts: deps.alerts() }))
  app.get('/self', may('self.read', deps), async (context) => context.json(await deps.self()))
  app.get('/stream', may('overview.read', deps), (context) =>
    streamSSE(context, async (stream) => {
      let awake: (() => void) | undefined
      const stop = hints.subscribe((hint) => void stream.writeSSE({ event: 'hint', data: JSON.stringify(hint) }))
      stream.onAbort(() => {
        stop()
        awake?.()
      })
      // A comment every 20 s keeps proxies from closing the stream and lets a dead one show. A session that has ended ends
      // its stream; the look itself must not keep an idle session alive, so it is one that does not count as use.
      const token = context.get('sessionToken')
      while (!stream.aborted && (token === undefined || (await deps.access.stillSignedIn(token)))) {
        await stream.write(': still here\n\n')
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 20_000)
          timer.unref()
          awake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      stop()
    }),
  )
  return app
}
