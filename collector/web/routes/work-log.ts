/** The work log (工作日志): every piece of service work, on an incident or by itself. Entries are added, never changed. */
import { Hono } from 'hono'
import { z } from 'zod'
import type { WorkLog } from '../../../protocol/api-incidents.ts'
import { workKinds } from '../../incidents/event.ts'
import type { WebDependencies } from '../dependencies.ts'
import { type WebEnv, answer, may, problem } from '../guard.ts'
import { jsonBody } from '../input.ts'
import type { Hints } from '../stream.ts'
import { moment } from './incident-acts.ts'

/** Longest span of one question: a contract year and a day. */
const SPAN_MS = 367 * 86_400_000
const DAY_MS = 86_400_000

/** `workedAt` left out: now. `service` null: none in particular. `incident` null: none. */
const entry = z.strictObject({
  kind: z.enum(workKinds),
  text: z.string().trim().min(1, '内容不能为空').max(4_000),
  minutes: z.int().min(0).max(1_440, '一条记录至多一天'),
  workedAt: moment.optional(),
  service: z.string().min(1).max(64).nullable(),
  incident: z.string().min(1).max(32).nullable(),
})

const time = z.coerce.number().pipe(moment)
const asked = z.strictObject({
  from: time.optional(),
  to: time.optional(),
  kind: z.enum(workKinds).optional(),
  by: z.string().max(128).optional(),
  incident: z.string().max(32).optional(),
  limit: z.coerce.number().pipe(z.int().min(1)).optional(),
})

/** Everything under /work-log. `hints` tells consoles that something was written. */
export function workLogRoutes(deps: WebDependencies, hints: Pick<Hints, 'publish'>): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  app.get('/', may('incidents.read', deps), async (context) => {
    const query = asked.safeParse(Object.fromEntries(Object.entries(context.req.query()).filter(([, value]) => value !== '')))
    const now = deps.now()
    const to = query.data?.to ?? now + 1
    const from = query.data?.from ?? to - DAY_MS
    if (!query.success || from >= to || to - from > SPAN_MS) {
      deps.refused('request', 'malformed')
      return problem(context, 400, 'malformed', 'from、to 须为毫秒时间，先后相差不超过一年；kind 须为已有的种类')
    }
    const { kind, by, incident } = query.data
    const limit = Math.min(query.data.limit ?? 500, 2_000)
    const found = await deps.incidents.workLog({ from, to, limit: limit + 1, ...(kind === undefined ? {} : { kind }), ...(by === undefined ? {} : { by }), ...(incident === undefined ? {} : { incident }) })
    const view: WorkLog = { now, entries: found.slice(0, limit), more: found.length > limit }
    return context.json(view)
  })
  app.post('/', may('work.write', deps), async (context) => {
    const body = await jsonBody(context, entry, deps)
    if (body instanceof Response) return body
    const { incident, workedAt = deps.now(), ...work } = body
    const outcome = await deps.incidents.logWork(context.get('caller').user, { ...work, workedAt }, incident ?? undefined)
    if (outcome.kind === 'refused') return answer(context, outcome)
    hints.publish('work-log')
    return context.json({ id: outcome.value })
  })
  return app
}
