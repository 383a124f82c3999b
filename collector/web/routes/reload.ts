/** `POST /-/reload`, as Prometheus and Alertmanager have it: changed files are taken into use. */
import { Hono } from 'hono'
import type { WebDependencies } from '../dependencies.ts'
import { type WebEnv, answer, may, signedIn } from '../guard.ts'

/** The route below `/-`. 204 taken, 422 with every mistake; the files stay as they were. */
export function reloadRoute(deps: Pick<WebDependencies, 'access' | 'refused' | 'reload'>): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  app.post('/reload', signedIn(deps), may('config.reload', deps), async (context) => answer(context, await deps.reload(context.get('caller').user)))
  return app
}
